//! The forecast of a period: what is won, what is expected by category, and what was to be reached; by owner, by team with
//! the teams below it, or by month. One statement for the amounts, one for the targets.

use crate::metrics::{AMOUNT, CATEGORY_NOW, OWNER, TEAM, WITH_STAGE};
use crate::period::{self, Period};
use crate::whose::{self, Team, Teams, Whose};
use crate::{Target, stage::ForecastCategory, target};
use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_journal::metric::{self, Figures, Group};
use kith_kernel::{Action, Bind, Currency, Cx, Metric, Result, Shape, Statement, Unit, Violations};
use rust_decimal::{Decimal, prelude::ToPrimitive};
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// What is asked of a forecast. Everything is as it was sent.
#[derive(Clone, Debug, Default)]
pub struct Question {
    /// Which period.
    pub period: period::Asked,
    /// `owner`, `team` or `month`.
    pub by: Option<String>,
    /// Whose opportunities.
    pub whose: whose::Asked,
    /// ISO 4217.
    pub currency: Option<String>,
    /// Filter over opportunities.
    pub filter: Option<Map<String, Value>>,
    /// Its values are texts of a query string.
    pub text: bool,
    /// What stands before the names of these members in pointers.
    pub at: &'static str,
}

/// What is won in the period, and what is open and expected to be decided in it.
const EXPECTED: Metric = Metric {
    name: "forecast",
    definition: "",
    unit: Unit::Money,
    resource: "opportunities",
    whole: &[],
    joins: WITH_STAGE,
    only: "t.status <> 'LOST'",
    at: Some("coalesce(t.closed_at, t.close_date::timestamp AT TIME ZONE c.zone)"),
    value: "coalesce(sum(x.amount), 0)",
    count: "count(*)",
    money: Some(AMOUNT),
    kept_rate: None,
    by: &[OWNER, TEAM],
};
const BY: [&str; 3] = ["owner", "team", "month"];
const MAX_MONTHS: usize = 24;

/// Amount, weighted amount and count of each category, then amount and count of what is won.
fn aggregates() -> Vec<String> {
    let each = ForecastCategory::ALL.iter().flat_map(|(category, _)| {
        let of = format!("FILTER (WHERE {CATEGORY_NOW} = '{category}')");
        let chance = "CASE t.status WHEN 'WON' THEN 100 ELSE coalesce(t.probability, s.probability) END";
        [
            format!("coalesce(sum(x.amount) {of}, 0)"),
            format!("coalesce(sum(x.amount * {chance} / 100) {of}, 0)"),
            format!("count(*) {of}"),
        ]
    });
    let won = "FILTER (WHERE t.status = 'WON')";
    each.chain([format!("coalesce(sum(x.amount) {won}, 0)"), format!("count(*) {won}")]).collect()
}

/// A question that was read.
struct Asked {
    period: Period,
    whose: Whose,
    teams: Teams,
}

/// Answers.
pub fn run(conn: &mut PgConnection, cx: &Cx, question: &Question) -> Result<Value> {
    cx.require(cx.entry("opportunities")?, Action::Read)?;
    let asked = read(conn, cx, question)?;
    let dimension = question.by.clone().filter(|by| by != "month");
    let figures = figures(conn, cx, question, &asked, asked.period, dimension)?;
    let currency = figures.currency.unwrap_or(cx.currency);
    let targets = Targets::of(conn, cx, question, &asked, asked.period, currency)?;
    let rows = match question.by.as_deref() {
        Some("owner") => owners(conn, cx, &asked, &figures, &targets)?,
        Some("team") => teams(&asked, &figures, &targets),
        Some("month") => months(conn, cx, question, &asked, currency)?,
        _ => Vec::new(),
    };
    Ok(json!({
        "from": asked.period.first, "to": asked.period.last, "currency": currency.code(), "by": question.by,
        "total": shown(&figures.total.values, targets.total(&asked)), "rows": rows,
    }))
}

fn read(conn: &mut PgConnection, cx: &Cx, question: &Question) -> Result<Asked> {
    let mut violations = Violations::default();
    let period = question.period.read(cx, question.at, &mut violations);
    let by = question.by.as_deref();
    let at = |name: &str| format!("{}/{name}", question.at);
    violations.ensure(by.is_none_or(|by| BY.contains(&by)), &at("by"), "UNKNOWN_FIELD", "Allowed: owner, team, month.");
    if by == Some("month") {
        let few = period.months().len() <= MAX_MONTHS;
        violations.ensure(few, &at("by"), "TOO_MANY", &format!("At most {MAX_MONTHS} months."));
    }
    let whose = question.whose.read(question.at, &mut violations);
    violations.into_result()?;
    let wanted = by == Some("team") || whose.team.is_some();
    let teams = if wanted { Teams::all(conn, cx)? } else { Teams::default() };
    Ok(Asked { period, whose, teams })
}

fn figures(
    conn: &mut PgConnection,
    cx: &Cx,
    question: &Question,
    asked: &Asked,
    period: Period,
    dimension: Option<String>,
) -> Result<Figures> {
    let inner = metric::Question {
        from: Some(period.first.to_string()),
        to: Some(period.last.to_string()),
        group_by: dimension.into_iter().collect(),
        currency: question.currency.clone(),
        filter: Some(asked.whose.filter(&asked.teams, question.filter.as_ref())),
        text: question.text,
        at: question.at,
    };
    let aggregates = aggregates();
    let aggregates: Vec<&str> = aggregates.iter().map(String::as_str).collect();
    metric::figures(conn, cx, &EXPECTED, &inner, &aggregates)
}

/// What was to be reached, by user and team.
struct Targets {
    /// Whether there is anything to compare with: part of the opportunities is not what a target is about.
    there: bool,
    by: target::Sums,
}

impl Targets {
    fn of(
        conn: &mut PgConnection,
        cx: &Cx,
        question: &Question,
        asked: &Asked,
        period: Period,
        currency: Currency,
    ) -> Result<Self> {
        // Whoever sees part of the opportunities is not shown the targets of more.
        let seen = cx.require(cx.entry("opportunities")?, Action::Read)?;
        let may = cx.require(cx.entry(Target::NAME)?, Action::Read).is_ok_and(|scope| scope <= seen);
        let there = may && question.filter.as_ref().is_none_or(Map::is_empty);
        let by =
            if there { target::sums(conn, cx, period, asked.whose.pipeline, currency)? } else { target::Sums::new() };
        Ok(Targets { there, by })
    }

    fn user(&self, user: Uuid) -> Option<Decimal> {
        self.by.get(&(Some(user), None)).copied()
    }

    /// A team's own target, or else those of the teams directly below it.
    fn team(&self, asked: &Asked, team: Uuid) -> Option<Decimal> {
        let own = self.by.get(&(None, Some(team))).copied();
        own.or_else(|| added(asked.teams.children(team).map(|child| self.team(asked, child))))
    }

    /// That of what was asked for. Of all: the tenant's own target, or else those of all users.
    fn total(&self, asked: &Asked) -> Option<Decimal> {
        match (asked.whose.owner, asked.whose.team) {
            _ if !self.there => None,
            (Some(user), _) => self.user(user),
            (None, Some(team)) => self.team(asked, team),
            (None, None) => self.by.get(&(None, None)).copied().or_else(|| {
                added(self.by.iter().filter(|((user, _), _)| user.is_some()).map(|(_, amount)| Some(*amount)))
            }),
        }
    }
}

/// The sum of what is there; nothing: none.
fn added(amounts: impl Iterator<Item = Option<Decimal>>) -> Option<Decimal> {
    amounts.flatten().reduce(|sum, amount| sum + amount)
}

fn id_of(group: &Group) -> Option<Uuid> {
    group.keys.first()?.as_deref().and_then(|key| Uuid::try_parse(key).ok())
}

/// One row a user who has opportunities or, where everybody is asked for, a target.
fn owners(conn: &mut PgConnection, cx: &Cx, asked: &Asked, figures: &Figures, targets: &Targets) -> Result<Vec<Value>> {
    let mut rows: Vec<Value> = figures
        .groups
        .iter()
        .map(|group| {
            let owner = id_of(group);
            let named = owner.map(|id| json!({"id": id, "name": group.labels.first()}));
            // A part of what is theirs is not what their target is about.
            let target = owner.filter(|_| asked.whose.team.is_none()).and_then(|id| targets.user(id));
            row("owner", json!(named), shown(&group.values, target))
        })
        .collect();
    // A team's rows are of who has something in it: who belongs to a team is not what an opportunity goes by.
    let wanted = |user: &Uuid| asked.whose.team.is_none() && asked.whose.owner.is_none_or(|owner| owner == *user);
    let idle = targets.by.keys().filter_map(|(user, _)| *user).filter(wanted);
    let mut idle: Vec<Uuid> =
        idle.filter(|user| !figures.groups.iter().any(|group| id_of(group) == Some(*user))).collect();
    idle.sort_unstable();
    let mut out = Statement::new("SELECT id, name FROM users WHERE tenant_id = ");
    out.bind(Bind::Uuid(Some(cx.tenant))).sql(" AND id = ANY(").bind(Bind::Uuids(idle)).sql(") ORDER BY name, id");
    let names: Vec<(Uuid, String)> = RunQueryDsl::load(out.typed::<(st::Uuid, st::Text)>(), conn)?;
    rows.extend(
        names
            .into_iter()
            .map(|(id, name)| row("owner", json!({"id": id, "name": name}), shown(&none(), targets.user(id)))),
    );
    Ok(rows)
}

/// One row a team, each with the teams below it, in the order of names; then what has no team.
fn teams(asked: &Asked, figures: &Figures, targets: &Targets) -> Vec<Value> {
    let scope = asked.whose.team.map(|team| asked.teams.tree(team));
    let within = |team: &&Team| scope.as_ref().is_none_or(|scope| scope.contains(&team.id));
    let mut rows: Vec<Value> = asked
        .teams
        .0
        .iter()
        .filter(within)
        .map(|team| {
            let tree = asked.teams.tree(team.id);
            let inside = |group: &&Group| id_of(group).is_some_and(|id| tree.contains(&id));
            let sum = figures.groups.iter().filter(inside).fold(none(), |sum, group| plus(&sum, &group.values));
            let named = json!({"id": team.id, "name": team.name, "parentId": team.parent});
            row("team", named, shown(&sum, targets.team(asked, team.id)))
        })
        .collect();
    let known = |id| asked.teams.0.iter().any(|team| Some(team.id) == id);
    let rest: Vec<&Group> = figures.groups.iter().filter(|group| !known(id_of(group))).collect();
    if !rest.is_empty() {
        let sum = rest.iter().fold(none(), |sum, group| plus(&sum, &group.values));
        rows.push(row("team", Value::Null, shown(&sum, None)));
    }
    rows
}

/// One row a month; the first and the last may be parts of one.
fn months(
    conn: &mut PgConnection,
    cx: &Cx,
    question: &Question,
    asked: &Asked,
    currency: Currency,
) -> Result<Vec<Value>> {
    let question = Question { currency: Some(currency.code().to_owned()), ..question.clone() };
    let mut rows = Vec::new();
    for month in asked.period.months() {
        let found = figures(conn, cx, &question, asked, month, None)?;
        let targets = Targets::of(conn, cx, &question, asked, month, currency)?;
        let name = month.first.format("%Y-%m").to_string();
        rows.push(row("month", json!(name), shown(&found.total.values, targets.total(asked))));
    }
    Ok(rows)
}

fn none() -> Vec<Option<Decimal>> {
    vec![Some(Decimal::ZERO); 3 * ForecastCategory::ALL.len() + 2]
}

fn plus(one: &[Option<Decimal>], other: &[Option<Decimal>]) -> Vec<Option<Decimal>> {
    one.iter().zip(other).map(|(one, other)| Some(one.unwrap_or_default() + other.unwrap_or_default())).collect()
}

fn row(name: &str, key: Value, figures: Value) -> Value {
    let key = |wanted: &str| if wanted == name { key.clone() } else { Value::Null };
    json!({"owner": key("owner"), "team": key("team"), "month": key("month"), "figures": figures})
}

fn text(amount: Decimal) -> String {
    amount.normalize().to_string()
}

/// The figures of one row. What is said of each stands in the documentation of the operation.
fn shown(values: &[Option<Decimal>], target: Option<Decimal>) -> Value {
    let value = |at: usize| values.get(at).copied().flatten().unwrap_or_default();
    let mut categories = Vec::new();
    let mut weighted = Decimal::ZERO;
    for (at, (category, _)) in ForecastCategory::ALL.iter().enumerate() {
        let one = json!({
            "category": category, "amount": text(value(3 * at)), "weighted": text(value(3 * at + 1)), "count": value(3 * at + 2).to_i64(),
        });
        weighted += if *category == ForecastCategory::Omitted.as_str() { Decimal::ZERO } else { value(3 * at + 1) };
        categories.push(one);
    }
    let amount = |wanted: ForecastCategory| {
        let at = ForecastCategory::ALL.iter().position(|(category, _)| *category == wanted.as_str());
        at.map_or(Decimal::ZERO, |at| value(3 * at))
    };
    let end = 3 * ForecastCategory::ALL.len();
    let won = value(end);
    let commit = amount(ForecastCategory::Closed) + amount(ForecastCategory::Commit);
    let best = commit + amount(ForecastCategory::BestCase);
    let all = best + amount(ForecastCategory::Pipeline);
    let percent = |part: Decimal| {
        let whole = target.filter(|target| !target.is_zero());
        whole
            .and_then(|whole| part.checked_mul(Decimal::ONE_HUNDRED)?.checked_div(whole))
            .map(|share| text(share.round_dp(4)))
    };
    json!({
        "won": text(won), "wonCount": value(end + 1).to_i64(), "commit": text(commit), "bestCase": text(best), "pipeline": text(all), "weighted": text(weighted),
        "target": target.map(text), "gap": target.map(|target| text(target - won)),
        "attainment": percent(won), "weightedAttainment": percent(weighted),
        "categories": categories,
    })
}
