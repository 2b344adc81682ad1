//! A pipeline at a glance: its board and the data of its funnel. Five statements at most, whatever the number of cards.

use crate::metrics::{AMOUNT, STAGE, WITH_STAGE};
use crate::whose::{Asked, Teams};
use crate::{Opportunity, Pipeline, Stage, StageKind};
use chrono::{DateTime, Days, Utc};
use diesel::PgConnection;
use kith_journal::metric::{self, Group};
use kith_journal::{read, store};
use kith_kernel::ids::PipelineId;
use kith_kernel::{
    Action, Besides, Currency, Cx, Dimension, Error, Item, ListArgs, ListItem, ListSelect, Metric, PageItem, Result,
    Selection, Shape, Unit, Violations,
};
use rust_decimal::{Decimal, prelude::ToPrimitive};
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use uuid::Uuid;

/// Most cards of a column.
pub const MAX_CARDS: usize = 100;
/// Cards of a column unless asked otherwise.
pub const CARDS: usize = 10;
/// Under this key each card brings the time from which it rots; it is not shown.
const SINCE: &str = "\u{0}since";

/// The opportunities of a pipeline as they are.
const NOW: Metric = Metric {
    name: "board",
    definition: "",
    unit: Unit::Money,
    resource: "opportunities",
    whole: &[],
    joins: WITH_STAGE,
    only: "TRUE",
    at: None,
    value: "coalesce(sum(x.amount), 0)",
    count: "count(*)",
    money: Some(AMOUNT),
    kept_rate: None,
    by: &[STAGE],
};
/// Amount, weighted amount, and how many have been in their stage for too long.
const SUMS: [&str; 3] = [
    "coalesce(sum(x.amount), 0)",
    "coalesce(sum(x.amount * CASE t.status WHEN 'OPEN' THEN coalesce(t.probability, s.probability) ELSE s.probability END / 100), 0)",
    "count(*) FILTER (WHERE t.status = 'OPEN' AND t.stage_since < c.now - make_interval(days => s.rotting_days))",
];

/// What is asked. Everything is as it was sent.
#[derive(Clone, Debug, Default)]
pub struct Question {
    /// Whose opportunities.
    pub whose: Asked,
    /// ISO 4217.
    pub currency: Option<String>,
    /// Filter over opportunities.
    pub filter: Option<Map<String, Value>>,
    /// Its values are texts of a query string.
    pub text: bool,
    /// What stands before the names of these members in pointers.
    pub at: &'static str,
}

/// Which cards a board shows.
#[derive(Debug)]
pub struct Cards {
    /// What of them.
    pub select: Selection,
    /// In which order.
    pub sort: Vec<String>,
    /// How many of each column.
    pub limit: usize,
    /// Where the filter stands, for messages.
    pub filter_pointer: &'static str,
}

/// A question about a pipeline that was read.
struct Read {
    pipeline: Pipeline,
    filter: Map<String, Value>,
    currency: Currency,
    by_stage: HashMap<String, Group>,
    total: Group,
}

fn read(conn: &mut PgConnection, cx: &Cx, id: Uuid, question: &Question) -> Result<Read> {
    let row = store::get(conn, cx, cx.entry(Pipeline::NAME)?, id)?;
    let pipeline = row.any().downcast_ref::<Pipeline>().cloned().ok_or_else(|| Error::internal("not a pipeline"))?;
    cx.require(cx.entry(Opportunity::NAME)?, Action::Read)?;
    let mut violations = Violations::default();
    let mut whose = question.whose.read(question.at, &mut violations);
    violations.into_result()?;
    whose.pipeline = Some(id);
    let teams = if whose.team.is_some() { Teams::all(conn, cx)? } else { Teams::default() };
    let filter = whose.filter(&teams, question.filter.as_ref());
    let asked = metric::Question {
        group_by: vec![STAGE.name.to_owned()],
        currency: question.currency.clone(),
        filter: Some(filter.clone()),
        text: question.text,
        at: question.at,
        ..metric::Question::default()
    };
    let figures = metric::figures(conn, cx, &NOW, &asked, &SUMS)?;
    let key = |group: &Group| group.keys.first().cloned().flatten().unwrap_or_default();
    let by_stage = figures.groups.into_iter().map(|group| (key(&group), group)).collect();
    let currency = figures.currency.unwrap_or(cx.currency);
    Ok(Read { pipeline, filter, currency, by_stage, total: figures.total })
}

fn sums(group: Option<&Group>) -> Map<String, Value> {
    let value = |at: usize| group.and_then(|group| group.values.get(at).copied().flatten()).unwrap_or_default();
    let text = |amount: Decimal| json!(amount.normalize().to_string());
    Map::from_iter([
        ("count".to_owned(), json!(group.map_or(0, |group| group.count))),
        ("amount".to_owned(), text(value(0))),
        ("weighted".to_owned(), text(value(1))),
        ("rotting".to_owned(), json!(value(2).to_i64())),
    ])
}

/// The board of a pipeline: a column a stage, with its sums and its first cards.
pub fn board(conn: &mut PgConnection, cx: &Cx, id: Uuid, question: &Question, cards: Cards) -> Result<Value> {
    let found = read(conn, cx, id, question)?;
    let mut args = ListArgs {
        filter: Some(Map::from_iter([("pipelineId".to_owned(), json!(id))])),
        sort: vec!["position".to_owned()],
        limit: 500,
        ..ListArgs::default()
    };
    let stages = cx.entry(Stage::NAME)?;
    let columns = ListSelect {
        entry: stages,
        items: vec![ListItem::Nodes(Item::key("data"), column(cx, &found, question, cards)?)],
    };
    args.text = false;
    let text = read::list(conn, cx, &args, &columns)?;
    let mut columns: Value = serde_json::from_slice(&text).map_err(Error::internal)?;
    let columns: Vec<Value> = match columns.pointer_mut("/data").map(Value::take) {
        Some(Value::Array(columns)) => columns.into_iter().map(|column| shown(cx, &found, column)).collect(),
        _ => Vec::new(),
    };
    Ok(json!({
        "pipeline": {"id": id, "name": found.pipeline.name}, "currency": found.currency.code(),
        "total": sums(Some(&found.total)), "columns": columns,
    }))
}

/// What is asked of a stage: all of its fields, and its first cards.
fn column(cx: &Cx, found: &Read, question: &Question, cards: Cards) -> Result<Selection> {
    let opportunities = cx.entry(Opportunity::NAME)?;
    let stages = cx.entry(Stage::NAME)?;
    let relation = stages.relation("opportunities").ok_or_else(|| Error::internal("stages have no opportunities"))?;
    let mut select = cards.select;
    let since = opportunities.field("stageSince").map(|(index, _)| index).unwrap_or_default();
    select.items.push(Item::Field { key: Item::key(SINCE), index: since });
    let args = ListArgs {
        filter: Some(found.filter.clone()),
        text: question.text,
        sort: cards.sort,
        limit: cards.limit,
        filter_pointer: cards.filter_pointer,
        ..ListArgs::default()
    };
    let list = ListSelect {
        entry: opportunities,
        items: vec![
            ListItem::Nodes(Item::key("data"), select),
            ListItem::Page(Item::key("page"), vec![(Item::key("hasMore"), PageItem::HasMore)]),
        ],
    };
    let mut column = Selection::all(stages);
    column.items.push(Item::Many { key: Item::key("cards"), relation, args: Box::new(args), list });
    Ok(column)
}

/// A stage with its cards as a column of the board.
fn shown(cx: &Cx, found: &Read, mut stage: Value) -> Value {
    let mut cards = stage.as_object_mut().and_then(|stage| stage.shift_remove("cards")).unwrap_or_default();
    let days = stage.get("rottingDays").and_then(Value::as_u64).filter(|_| stage.get("kind") == Some(&json!("OPEN")));
    let limit = days.and_then(|days| cx.now.checked_sub_days(Days::new(days)));
    for card in cards.pointer_mut("/data").and_then(Value::as_array_mut).into_iter().flatten() {
        let Some(card) = card.as_object_mut() else { continue };
        let since = card.shift_remove(SINCE);
        let since = since.as_ref().and_then(Value::as_str).and_then(|text| text.parse::<DateTime<Utc>>().ok());
        let rotting = since.zip(limit).is_some_and(|(since, limit)| since < limit);
        card.insert("isRotting".into(), json!(rotting));
    }
    let id = stage.get("id").and_then(Value::as_str).unwrap_or_default();
    let mut column = sums(found.by_stage.get(id));
    column.insert("cards".into(), cards.get("data").cloned().unwrap_or_default());
    column.insert("hasMore".into(), cards.pointer("/page/hasMore").cloned().unwrap_or_default());
    column.shift_insert(0, "stage".into(), stage);
    Value::Object(column)
}

/// One step of a funnel.
#[derive(Clone, Debug)]
pub struct Step {
    /// Name of the stage.
    pub name: String,
    /// How many came here or further, whatever became of them.
    pub reached: i64,
    /// How many are here now.
    pub count: i64,
    /// What they are worth.
    pub amount: Decimal,
    /// Of those, how many per cent came to the next step; none: nobody came, or there is none.
    pub onward: Option<Decimal>,
}

/// A funnel: the open stages in order, then what is won.
#[derive(Clone, Debug)]
pub struct Funnel {
    /// Name of the pipeline.
    pub pipeline: String,
    /// Of the amounts.
    pub currency: Currency,
    /// From top to bottom.
    pub steps: Vec<Step>,
}

/// How far each opportunity came: the position of the last open stage that it ever was in; what is won came beyond all.
const FURTHEST: Metric = Metric {
    joins: "CROSS JOIN LATERAL (SELECT CASE t.status WHEN 'WON' THEN 2147483647 ELSE coalesce(max(z.position), 0) END AS position \
            FROM stage_changes n JOIN stages z ON z.tenant_id = n.tenant_id AND z.id = n.to_stage_id AND z.kind = 'OPEN' \
            WHERE n.tenant_id = t.tenant_id AND n.opportunity_id = t.id AND n.pipeline_id = t.pipeline_id) f",
    whole: &[Besides::Same("stage-changes")],
    unit: Unit::Count,
    value: "count(*)",
    money: None,
    by: &[Dimension { name: "furthest", key: "f.position", label: "f.position", resource: None }],
    ..NOW
};

/// The funnel of a pipeline.
pub fn funnel(conn: &mut PgConnection, cx: &Cx, id: Uuid, question: &Question) -> Result<Funnel> {
    let found = read(conn, cx, id, question)?;
    let asked = metric::Question {
        group_by: vec!["furthest".to_owned()],
        filter: Some(found.filter.clone()),
        text: question.text,
        at: question.at,
        ..metric::Question::default()
    };
    let furthest = metric::figures(conn, cx, &FURTHEST, &asked, &[FURTHEST.value])?;
    let stages = Stage::of_pipeline(conn, cx, PipelineId(id))?;
    let (open, rest): (Vec<Stage>, Vec<Stage>) = stages.into_iter().partition(|stage| stage.kind == StageKind::Open);
    let first = open.first().map(|stage| stage.position);
    // Name, the position from which on it is reached, and its stages. Whatever came into the pipeline came to its first
    // stage; what was loaded as lost has no history.
    let reached_from = |stage: &Stage| if Some(stage.position) == first { i32::MIN } else { stage.position };
    let mut shown: Vec<(String, i32, Vec<Uuid>)> =
        open.into_iter().map(|stage| (stage.name.clone(), reached_from(&stage), vec![stage.meta.id])).collect();
    // What is won is one step, in however many stages it ends: none of them comes after another.
    let won: Vec<Stage> = rest.into_iter().filter(|stage| stage.kind == StageKind::Won).collect();
    let name = match won.as_slice() {
        [] => None,
        [only] => Some(only.name.clone()),
        _ => Some("Won".to_owned()),
    };
    shown.extend(name.map(|name| (name, i32::MAX, won.iter().map(|stage| stage.meta.id).collect())));
    let came = |group: &Group| group.keys.first().and_then(|key| key.as_deref()?.parse::<i32>().ok()).unwrap_or(0);
    let reached = |from: i32| -> i64 {
        furthest.groups.iter().filter(|group| came(group) >= from).map(|group| group.count).sum()
    };
    let counts: Vec<i64> = shown.iter().map(|(_, from, _)| reached(*from)).collect();
    let steps = shown.into_iter().zip(&counts).enumerate().map(|(at, ((name, _, stages), reached))| {
        let now: Vec<&Group> = stages.iter().filter_map(|id| found.by_stage.get(&id.to_string())).collect();
        let amount = now.iter().filter_map(|group| group.values.first().copied().flatten()).sum();
        let next = counts.get(at + 1).map(|next| Decimal::from(*next) * Decimal::ONE_HUNDRED);
        let onward = next.and_then(|next| next.checked_div(Decimal::from(*reached)));
        Step { name, reached: *reached, count: now.iter().map(|group| group.count).sum(), amount, onward }
    });
    Ok(Funnel { pipeline: found.pipeline.name, currency: found.currency, steps: steps.collect() })
}
