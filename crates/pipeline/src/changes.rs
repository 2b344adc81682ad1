//! What became of a forecast: its snapshot against the opportunities now, or against a later snapshot of the same period.

use crate::period::Period;
use crate::snapshot::{ForecastSnapshot, ForecastSnapshotLine, in_period};
use crate::{Opportunity, OpportunityStatus, Stage};
use chrono::{DateTime, NaiveDate, Utc};
use diesel::PgConnection;
use kith_journal::{metric, store};
use kith_kernel::ids::{ForecastSnapshotId, OpportunityId};
use kith_kernel::{Action, Bind, Condition, Currency, Cx, Error, FieldType, Money, Result, Shape, text_enum};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use uuid::Uuid;

/// Most opportunities of an answer; the sums are of all.
const MAX_ROWS: usize = 500;

text_enum! {
    /// What became of an opportunity of a forecast.
    pub enum Change {
        /// It was won in the period.
        Won = "WON",
        /// It was lost.
        Lost = "LOST",
        /// Its close date moved behind the period or is gone, or it was won later.
        Slipped = "SLIPPED",
        /// Its close date moved before the period, or it was won before.
        PulledIn = "PULLED_IN",
        /// It is worth more.
        Increased = "INCREASED",
        /// It is worth less.
        Decreased = "DECREASED",
        /// It came into the period since.
        Added = "ADDED",
        /// It was taken up again.
        Reopened = "REOPENED",
        /// It was archived, or moved to another pipeline than the snapshot's.
        Removed = "REMOVED",
        /// It is as it was.
        Unchanged = "UNCHANGED",
    }
}

/// An opportunity at one of the two moments.
#[derive(Clone, Debug)]
struct State {
    status: OpportunityStatus,
    amount: Option<Money>,
    close_date: Option<NaiveDate>,
    category: &'static str,
    stage: Uuid,
    owner: Option<Uuid>,
    gone: bool,
}

impl State {
    fn of_line(line: &ForecastSnapshotLine) -> Self {
        State {
            status: line.status,
            amount: line.amount,
            close_date: line.close_date,
            category: line.forecast_category.as_str(),
            stage: line.stage_id.0,
            owner: line.owner_id.map(|id| id.0),
            gone: false,
        }
    }

    fn of_opportunity(cx: &Cx, row: &Opportunity, snapshot: &ForecastSnapshot, stages: &HashMap<Uuid, Stage>) -> Self {
        let decided = row.closed_at.map(|at| cx.day_of(at));
        let stage = stages.get(&row.stage_id.0).map(|stage| stage.forecast_category);
        let category = row.forecast_category.or(stage).unwrap_or_default();
        let elsewhere = snapshot.pipeline_id.is_some_and(|pipeline| pipeline != row.pipeline_id);
        State {
            status: row.status,
            amount: row.amount,
            close_date: decided.or(row.close_date),
            category: if row.status == OpportunityStatus::Won { "CLOSED" } else { category.as_str() },
            stage: row.stage_id.0,
            owner: row.owner_id.map(|id| id.0),
            gone: row.meta.archived_at.is_some() || elsewhere,
        }
    }

    fn json(&self) -> Value {
        let amount = self.amount.map(|money| money.amount.normalize().to_string());
        json!({
            "status": self.status.as_str(), "amount": amount, "currency": self.amount.map(|money| money.currency.to_string()), "closeDate": self.close_date,
            "forecastCategory": self.category, "stageId": self.stage, "ownerId": self.owner,
        })
    }
}

/// What became of one, in a period.
fn change(before: Option<&State>, after: Option<&State>, period: Period) -> Change {
    use OpportunityStatus::{Lost, Open, Won};
    let Some(after) = after.filter(|after| !after.gone) else { return Change::Removed };
    let Some(before) = before else { return Change::Added };
    let late = after.close_date.is_none_or(|day| day > period.last);
    let early = after.close_date.is_some_and(|day| day < period.first);
    let amounts = (before.amount.map(|money| money.amount), after.amount.map(|money| money.amount));
    match (before.status, after.status) {
        (_, Lost) => Change::Lost,
        (Won, Open) => Change::Reopened,
        (_, Open | Won) if late => Change::Slipped,
        (_, Open | Won) if early => Change::PulledIn,
        (Open, Won) => Change::Won,
        _ if amounts.1 > amounts.0 => Change::Increased,
        _ if amounts.1 < amounts.0 => Change::Decreased,
        _ => Change::Unchanged,
    }
}

/// What is asked. Everything is as it was sent.
#[derive(Clone, Debug, Default)]
pub struct Question {
    /// A later snapshot of the same period; none: now.
    pub to: Option<String>,
    /// ISO 4217.
    pub currency: Option<String>,
    /// What stands before the names of these members in pointers.
    pub at: &'static str,
}

/// Answers.
pub fn run(conn: &mut PgConnection, cx: &Cx, id: Uuid, question: &Question) -> Result<Value> {
    cx.require(cx.entry(Opportunity::NAME)?, Action::Read)?;
    let entry = cx.entry(ForecastSnapshot::NAME)?;
    let row = store::get(conn, cx, entry, id)?;
    let Some(snapshot) = row.any().downcast_ref::<ForecastSnapshot>() else {
        return Err(Error::internal("not a snapshot"));
    };
    let to = later(conn, cx, snapshot, question)?;
    let before: HashMap<OpportunityId, State> = states(conn, cx, snapshot.id())?;
    let kept = to.as_ref().map(|to| states(conn, cx, to.id())).transpose()?;
    let now = opportunities(conn, cx, snapshot, &before, kept.as_ref())?;
    let stages: HashMap<Uuid, Stage> =
        store::rows::<Stage>(conn, cx, |_| {})?.into_iter().map(|stage| (stage.meta.id, stage)).collect();
    let mut rows = Vec::new();
    for opportunity in &now {
        let known = before.get(&opportunity.id());
        let current = State::of_opportunity(cx, opportunity, snapshot, &stages);
        let after = match (&kept, &to) {
            (Some(kept), Some(to)) => {
                let kept = kept.get(&opportunity.id()).cloned();
                kept.or_else(|| left(known?, &current, opportunity, to))
            }
            _ => Some(current),
        };
        let what = change(known, after.as_ref(), snapshot.period());
        rows.push(Row { opportunity, what, before: known.cloned(), after: after.filter(|after| !after.gone) });
    }
    let currency = currency(cx, question, &rows)?;
    let mut rates = Rates { day: cx.day_of(snapshot.taken_at), currency, known: HashMap::new() };
    answer(conn, cx, (snapshot, to.as_ref()), rows, &mut rates)
}

struct Row<'a> {
    opportunity: &'a Opportunity,
    what: Change,
    before: Option<State>,
    after: Option<State>,
}

fn states(conn: &mut PgConnection, cx: &Cx, snapshot: ForecastSnapshotId) -> Result<HashMap<OpportunityId, State>> {
    let lines = ForecastSnapshotLine::of_snapshot(conn, cx, snapshot)?;
    Ok(lines.iter().map(|line| (line.opportunity_id, State::of_line(line))).collect())
}

/// The snapshot to compare with.
fn later(
    conn: &mut PgConnection,
    cx: &Cx,
    snapshot: &ForecastSnapshot,
    question: &Question,
) -> Result<Option<ForecastSnapshot>> {
    let Some(text) = &question.to else { return Ok(None) };
    let at = format!("{}/to", question.at);
    let id = Uuid::parse(&json!(text))
        .map_err(|expected| Error::invalid(&at, "WRONG_TYPE", format!("Expected {expected}.")))?;
    let found = store::find::<ForecastSnapshot>(conn, cx, id)?;
    let detail = "to points to nothing that you can see.";
    let found = found.ok_or_else(|| Error::invalid(&at, "UNKNOWN_REFERENCE", detail))?;
    let same = found.period() == snapshot.period() && found.pipeline_id == snapshot.pipeline_id;
    let detail = "Expected a later snapshot of the same period and pipeline.";
    if same && found.taken_at >= snapshot.taken_at {
        Ok(Some(found))
    } else {
        Err(Error::invalid(&at, "INVALID", detail))
    }
}

/// What the later snapshot no longer had: lost or put away by then, or else moved out of the period. Nobody noted what
/// else was changed by then, so the rest is as it was.
fn left(before: &State, current: &State, row: &Opportunity, to: &ForecastSnapshot) -> Option<State> {
    let by_then = |at: Option<DateTime<Utc>>| at.is_some_and(|at| at <= to.taken_at);
    if by_then(row.meta.archived_at) {
        return None;
    }
    let lost = row.status == OpportunityStatus::Lost && by_then(row.closed_at);
    let status = if lost { OpportunityStatus::Lost } else { OpportunityStatus::Open };
    let moved = current.close_date.filter(|day| *day < to.starts_on || *day > to.ends_on);
    Some(State { status, close_date: if lost { current.close_date } else { moved }, ..before.clone() })
}

/// All that stand in a snapshot or, where the other moment is now, have come since; as far as the actor may see them.
fn opportunities(
    conn: &mut PgConnection,
    cx: &Cx,
    snapshot: &ForecastSnapshot,
    before: &HashMap<OpportunityId, State>,
    kept: Option<&HashMap<OpportunityId, State>>,
) -> Result<Vec<Opportunity>> {
    let entry = cx.entry(Opportunity::NAME)?;
    let scope = cx.require(entry, Action::Read)?;
    let mut ids: Vec<Uuid> = before.keys().chain(kept.into_iter().flat_map(HashMap::keys)).map(|id| id.0).collect();
    ids.sort_unstable();
    ids.dedup();
    store::rows(conn, cx, |out| {
        out.sql(" AND (t.id = ANY(").bind(Bind::Uuids(ids)).sql(")");
        if kept.is_none() {
            out.sql(" OR (t.archived_at IS NULL AND ");
            in_period(cx, out, snapshot.period(), snapshot.pipeline_id);
            out.sql(")");
        }
        out.sql(")");
        Condition::new(cx, false).scope(entry, "t", scope, out);
        out.sql(" ORDER BY t.name, t.id");
    })
}

/// The currency asked for; else that of all amounts, if they share one; else the tenant's.
fn currency(cx: &Cx, question: &Question, rows: &[Row<'_>]) -> Result<Currency> {
    if let Some(code) = &question.currency {
        let at = format!("{}/currency", question.at);
        let detail = "Expected an ISO 4217 code such as EUR.";
        return Currency::from_code(code).ok_or_else(|| Error::invalid(at, "WRONG_TYPE", detail));
    }
    let mut all = rows.iter().flat_map(|row| [&row.before, &row.after]).flatten().filter_map(|state| state.amount);
    let first = all.next().map(|money| money.currency);
    Ok(first.filter(|first| all.all(|money| money.currency == *first)).unwrap_or(cx.currency))
}

/// Rates of the day of the snapshot, so that a rate that changed does not look like an amount that did.
struct Rates {
    day: NaiveDate,
    currency: Currency,
    known: HashMap<String, Decimal>,
}

impl Rates {
    fn convert(&mut self, conn: &mut PgConnection, cx: &Cx, state: Option<&State>) -> Result<Decimal> {
        let Some(money) = state.and_then(|state| state.amount) else { return Ok(Decimal::ZERO) };
        let code = money.currency.code().to_owned();
        let rate = match self.known.get(&code) {
            Some(rate) => *rate,
            None => {
                let found = metric::rate(conn, cx, money.currency, self.currency, self.day)?;
                let Some(rate) = found else {
                    return metric::known(&[code], Some(self.currency)).map(|()| Decimal::ZERO);
                };
                self.known.insert(code, rate);
                rate
            }
        };
        money.amount.checked_mul(rate).ok_or_else(|| Error::internal("an amount that is too large"))
    }
}

fn answer(
    conn: &mut PgConnection,
    cx: &Cx,
    (snapshot, to): (&ForecastSnapshot, Option<&ForecastSnapshot>),
    rows: Vec<Row<'_>>,
    rates: &mut Rates,
) -> Result<Value> {
    let mut sums: BTreeMap<&str, (i64, Decimal, Decimal)> = BTreeMap::new();
    let mut shown = Vec::new();
    for row in rows {
        // It came after the earlier moment and has gone before the later one.
        if row.before.is_none() && row.after.is_none() {
            continue;
        }
        let before = rates.convert(conn, cx, row.before.as_ref())?;
        let after = rates.convert(conn, cx, row.after.as_ref())?;
        let sum = sums.entry(row.what.as_str()).or_default();
        *sum = (sum.0 + 1, sum.1 + before, sum.2 + after);
        shown.push((row, before, after));
    }
    // What changed most stands first.
    shown.sort_by_key(|(row, before, after)| {
        (row.what == Change::Unchanged, -(after - before).abs(), row.opportunity.meta.id)
    });
    let text = |amount: Decimal| amount.round_dp(4).normalize().to_string();
    let kinds: Vec<Value> = Change::ALL
        .iter()
        .map(|(name, _)| {
            let (count, before, after) = sums.get(name).copied().unwrap_or_default();
            json!({"change": name, "count": count, "before": text(before), "after": text(after)})
        })
        .collect();
    let has_more = shown.len() > MAX_ROWS;
    let rows: Vec<Value> = shown
        .iter()
        .take(MAX_ROWS)
        .map(|(row, before, after)| {
            json!({
                "opportunityId": row.opportunity.meta.id, "name": row.opportunity.name, "change": row.what.as_str(),
                "difference": text(after - before),
                "before": row.before.as_ref().map(State::json), "after": row.after.as_ref().map(State::json),
            })
        })
        .collect();
    let named = |one: &ForecastSnapshot| json!({"id": one.meta.id, "name": one.name, "takenAt": one.taken_at, "startsOn": one.starts_on, "endsOn": one.ends_on});
    Ok(json!({
        "snapshot": named(snapshot), "to": to.map(named), "currency": rates.currency.code(),
        "changes": kinds, "rows": rows, "hasMore": has_more,
    }))
}
