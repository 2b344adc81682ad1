//! Runs a metric: one statement, with the tenant, the rights and the filter of the resource it is about. Amounts of
//! several currencies are added up at dated rates, or not at all.

use chrono::{Days, NaiveDate};
use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_kernel::{
    Action, Besides, Bind, Condition, Currency, Cx, Error, FieldType, MONTH, Metric, Result, RowScope, Statement,
    Violations, codes,
};
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

/// Most groups of an answer.
const MAX_GROUPS: usize = 500;
/// Most dimensions of a question.
const MAX_DIMENSIONS: usize = 3;

/// What is asked of a metric.
#[derive(Clone, Debug, Default)]
pub struct Question {
    /// First day, in the tenant's time zone.
    pub from: Option<String>,
    /// Last day, in the tenant's time zone.
    pub to: Option<String>,
    /// Dimensions.
    pub group_by: Vec<String>,
    /// ISO 4217.
    pub currency: Option<String>,
    /// Filter over the resource.
    pub filter: Option<Map<String, Value>>,
    /// Its values are texts of a query string.
    pub text: bool,
    /// What stands before the names of these members in pointers.
    pub at: &'static str,
}

/// A question whose parts were read.
struct Asked<'a> {
    from: Option<NaiveDate>,
    to: Option<NaiveDate>,
    /// Name, key and label of each dimension.
    dimensions: Vec<(&'a str, &'static str, &'static str)>,
    currency: Option<Currency>,
}

type Row = (Option<Vec<Option<String>>>, Option<Vec<Option<String>>>, i32, Vec<Option<Decimal>>, i64, Vec<String>);
type RowSql = (
    st::Nullable<st::Array<st::Nullable<st::Text>>>,
    st::Nullable<st::Array<st::Nullable<st::Text>>>,
    st::Integer,
    st::Array<st::Nullable<st::Numeric>>,
    st::BigInt,
    st::Array<st::Text>,
);

/// What a statement answers: a value for each aggregate asked for.
#[derive(Clone, Debug, Default)]
pub struct Group {
    /// A key for each dimension.
    pub keys: Vec<Option<String>>,
    /// What to show for each.
    pub labels: Vec<Option<String>>,
    /// A value for each aggregate.
    pub values: Vec<Option<Decimal>>,
    /// How many rows they rest on.
    pub count: i64,
}

/// The groups, largest first value first, and all together.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// The currency of amounts.
    pub currency: Option<Currency>,
    /// None where nothing was grouped.
    pub groups: Vec<Group>,
    /// Of all rows.
    pub total: Group,
}

/// Answers: the value of each group, largest first, and of all together.
pub fn run(conn: &mut PgConnection, cx: &Cx, metric: &Metric, question: &Question) -> Result<Value> {
    let figures = figures(conn, cx, metric, question, &[metric.value])?;
    let value = |group: &Group| group.values.first().copied().flatten().map(|value| value.normalize().to_string());
    let row = |group: &Group| {
        let members = question.group_by.iter().zip(group.keys.iter().zip(&group.labels));
        let named: Map<_, _> =
            members.map(|(name, (key, label))| (name.clone(), json!({"key": key, "label": label}))).collect();
        json!({"group": named, "value": value(group), "count": group.count})
    };
    Ok(json!({
        "metric": metric.name,
        "definition": metric.definition,
        "unit": metric.unit.as_str(),
        "currency": figures.currency.map(|currency| currency.code().to_owned()),
        "from": question.from,
        "to": question.to,
        "groupBy": question.group_by,
        "rows": figures.groups.iter().map(row).collect::<Vec<_>>(),
        "total": {"value": value(&figures.total), "count": figures.total.count},
    }))
}

/// Several aggregates over the rows of a metric, in one statement.
pub fn figures(
    conn: &mut PgConnection,
    cx: &Cx,
    metric: &Metric,
    question: &Question,
    values: &[&str],
) -> Result<Figures> {
    let entry = cx.entry(metric.resource)?;
    let scope = cx.require(entry, Action::Read)?;
    for other in metric.whole {
        match other {
            Besides::All(resource) => whole(cx, resource)?,
            Besides::Same(resource) => as_widely(cx, resource, scope)?,
        }
    }
    let asked = read(cx, metric, question)?;
    let currency = match metric.money {
        None => None,
        Some(money) => Some(match asked.currency {
            Some(currency) => currency,
            None => only_currency(conn, cx, metric, money, question, &asked)?.unwrap_or(cx.currency),
        }),
    };
    let keys: Vec<_> = asked.dimensions.iter().map(|(_, key, _)| format!("({key})::text")).collect();
    let labels: Vec<_> = asked.dimensions.iter().map(|(.., label)| format!("({label})::text")).collect();
    let unknown = metric.money.map_or("'{}'::text[]".to_owned(), |[_, code, _]| {
        format!("coalesce(array_agg(DISTINCT {code}) FILTER (WHERE x.rate IS NULL AND {code} IS NOT NULL), '{{}}')")
    });
    let all: Vec<_> = values.iter().map(|value| format!("round(({value})::numeric, 4)")).collect();
    let mut out = Statement::new(format!(
        "SELECT g.keys, g.labels, grouping(g.keys)::integer, ARRAY[{}]::numeric[], ({})::bigint, {unknown} FROM ",
        all.join(", "),
        metric.count
    ));
    rows_of(cx, metric, entry.table, &mut out);
    if let (Some(money), Some(currency)) = (metric.money, currency) {
        converted(&mut out, money, metric.kept_rate, currency);
    }
    out.sql(format!(
        " CROSS JOIN LATERAL (SELECT ARRAY[{}]::text[] AS keys, ARRAY[{}]::text[] AS labels) g",
        keys.join(", "),
        labels.join(", ")
    ));
    conditions(cx, metric, question, &asked, &mut out)?;
    out.sql(format!(
        " GROUP BY GROUPING SETS ((g.keys, g.labels), ()) ORDER BY 3 DESC, {} DESC NULLS LAST, 1 LIMIT {}",
        all.first().map_or("1", String::as_str),
        MAX_GROUPS + 2
    ));
    out.once();
    let rows: Vec<Row> = RunQueryDsl::load(out.typed::<RowSql>(), conn)?;
    gathered(question, &asked, currency, rows)
}

/// Refuses an actor who may read some rows of a resource only, where a number rests on all of them.
pub fn whole(cx: &Cx, resource: &str) -> Result<()> {
    if cx.require(cx.entry(resource)?, Action::Read)? == RowScope::All {
        return Ok(());
    }
    Err(Error::new(&codes::FORBIDDEN, format!("This needs the right {resource}:READ for all records.")))
}

/// Refuses an actor who may read a resource less widely than the rows that its rows belong to.
fn as_widely(cx: &Cx, resource: &str, scope: RowScope) -> Result<()> {
    let entry = cx.entry(resource)?;
    let theirs = cx.require(entry, Action::Read)?;
    // What has no owner is covered by every scope.
    if theirs >= scope || entry.ownership.is_none() {
        return Ok(());
    }
    let detail = format!("This needs the right {resource}:READ for {} records.", scope.as_str());
    Err(Error::new(&codes::FORBIDDEN, detail))
}

/// Every mistake of a question at once.
fn read<'a>(cx: &Cx, metric: &Metric, question: &'a Question) -> Result<Asked<'a>> {
    let mut violations = Violations::default();
    let mut asked = Asked { from: None, to: None, dimensions: Vec::new(), currency: None };
    for (name, text, day) in [("from", &question.from, &mut asked.from), ("to", &question.to, &mut asked.to)] {
        let Some(text) = text else { continue };
        let at = format!("{}/{name}", question.at);
        match NaiveDate::parse(&json!(text)) {
            Ok(date) => *day = Some(date),
            Err(expected) => violations.add(&at, "WRONG_TYPE", format!("Expected {expected}.")),
        }
        violations.ensure(metric.at.is_some(), &at, "INVALID", "This metric is about now; it has no period.");
    }
    let order = asked.from.zip(asked.to).is_none_or(|(from, to)| from <= to);
    violations.ensure(order, &format!("{}/to", question.at), "OUT_OF_RANGE", "The last day is before the first.");
    let at = format!("{}/groupBy", question.at);
    for name in &question.group_by {
        let dimension = metric.by.iter().find(|dimension| dimension.name == name);
        match (dimension, metric.at) {
            (Some(dimension), _) => {
                if let Some(resource) = dimension.resource {
                    cx.require(cx.entry(resource)?, Action::Read)?;
                }
                asked.dimensions.push((name, dimension.key, dimension.label));
            }
            (None, Some(_)) if name == MONTH => asked.dimensions.push((name, "m.month", "m.month")),
            _ => {
                let detail = format!("Allowed: {}.", metric.dimensions().join(", "));
                violations.add(&at, "UNKNOWN_FIELD", detail);
            }
        }
    }
    let few = question.group_by.len() <= MAX_DIMENSIONS;
    violations.ensure(few, &at, "TOO_MANY", &format!("At most {MAX_DIMENSIONS} dimensions."));
    if let Some(code) = &question.currency {
        asked.currency = Currency::from_code(code);
        let at = format!("{}/currency", question.at);
        violations.ensure(asked.currency.is_some(), &at, "WRONG_TYPE", "Expected an ISO 4217 code such as EUR.");
        violations.ensure(metric.money.is_some(), &at, "INVALID", "This metric is not about money.");
    }
    violations.into_result()?;
    Ok(asked)
}

/// The rows, the time of the request as `c.now` and the tenant's time zone as `c.zone`, what is joined, and the time by which a row counts with its month.
fn rows_of(cx: &Cx, metric: &Metric, table: &str, out: &mut Statement) {
    out.sql(format!("{table} t CROSS JOIN (SELECT ")).bind(Bind::Time(Some(cx.now)));
    out.sql("::timestamptz AS now, ").bind(Bind::Text(Some(cx.zone.name().to_owned())));
    out.sql(format!("::text AS zone) c {}{}", metric.joins, time(metric)));
}

fn time(metric: &Metric) -> String {
    let join = |at| {
        format!(" CROSS JOIN LATERAL (SELECT {at} AS at, to_char({at} AT TIME ZONE c.zone, 'YYYY-MM') AS month) m")
    };
    metric.at.map(join).unwrap_or_default()
}

/// After the joins: the tenant, the rights, the filter, the period.
fn conditions(cx: &Cx, metric: &Metric, question: &Question, asked: &Asked<'_>, out: &mut Statement) -> Result<()> {
    let entry = cx.entry(metric.resource)?;
    let scope = cx.require(entry, Action::Read)?;
    out.sql(" WHERE t.tenant_id = ").bind(Bind::Uuid(Some(cx.tenant)));
    out.sql(format!(" AND t.archived_at IS NULL AND ({})", metric.only));
    let mut condition = Condition::new(cx, question.text);
    condition.scope(entry, "t", scope, out);
    if let Some(filter) = &question.filter {
        out.sql(" AND ");
        condition.filter(entry, "t", filter, &format!("{}/filter", question.at), out);
    }
    condition.violations.into_result()?;
    if let Some(from) = asked.from {
        out.sql(" AND m.at >= ").bind(Bind::Time(Some(cx.start_of(from))));
    }
    if let Some(after) = asked.to.and_then(|to| to.checked_add_days(Days::new(1))) {
        out.sql(" AND m.at < ").bind(Bind::Time(Some(cx.start_of(after))));
    }
    Ok(())
}

/// Joins the rate of each row, and its amount at that rate, as `x`. Of amount, currency and day; `t` tells the tenant.
pub fn convert(out: &mut Statement, money: [&'static str; 3], currency: Currency) {
    converted(out, money, None, currency);
}

/// The same, where a row keeps a rate of its own: that counts, whatever rates were stored later.
fn converted(
    out: &mut Statement,
    [amount, code, day]: [&'static str; 3],
    kept: Option<&'static str>,
    currency: Currency,
) {
    let kept = kept.map(|rate| format!("WHEN {rate} IS NOT NULL THEN {rate} ")).unwrap_or_default();
    out.sql(" CROSS JOIN (SELECT ").bind(Bind::Text(Some(currency.code().to_owned()))).sql("::text AS code) p");
    out.sql(format!(
        " CROSS JOIN LATERAL (SELECT CASE WHEN {code} = p.code THEN 1::numeric {kept}ELSE (SELECT CASE WHEN r.base_currency = {code} \
         THEN r.rate ELSE 1 / r.rate END FROM exchange_rates r WHERE r.tenant_id = t.tenant_id AND r.archived_at IS NULL \
         AND ((r.base_currency = {code} AND r.quote_currency = p.code) OR (r.base_currency = p.code AND r.quote_currency = {code})) \
         AND r.valid_on <= {day} ORDER BY r.valid_on DESC, r.base_currency = {code} DESC LIMIT 1) END AS rate) rate \
         CROSS JOIN LATERAL (SELECT rate.rate, {amount} * rate.rate AS amount) x"
    ));
}

/// What one unit of a currency was worth in another on a day; none: nobody has said.
pub fn rate(conn: &mut PgConnection, cx: &Cx, from: Currency, to: Currency, day: NaiveDate) -> Result<Option<Decimal>> {
    let mut out = Statement::new("SELECT x.rate FROM (SELECT ");
    out.bind(Bind::Uuid(Some(cx.tenant))).sql("::uuid AS tenant_id, ");
    out.bind(Bind::Text(Some(from.code().to_owned()))).sql("::text AS code, ").bind(Bind::Date(Some(day)));
    out.sql("::date AS day) t");
    convert(&mut out, ["1", "t.code", "t.day"], to);
    Ok(RunQueryDsl::get_result::<(Option<Decimal>,)>(out.typed::<(st::Nullable<st::Numeric>,)>(), conn)?.0)
}

/// The currency of all rows, if they are in one.
fn only_currency(
    conn: &mut PgConnection,
    cx: &Cx,
    metric: &Metric,
    [_, code, _]: [&'static str; 3],
    question: &Question,
    asked: &Asked<'_>,
) -> Result<Option<Currency>> {
    let entry = cx.entry(metric.resource)?;
    let mut out = Statement::new(format!("SELECT min({code}), max({code}) FROM "));
    rows_of(cx, metric, entry.table, &mut out);
    conditions(cx, metric, question, asked, &mut out)?;
    out.once();
    type Sql = (st::Nullable<st::Text>, st::Nullable<st::Text>);
    let (least, most): (Option<String>, Option<String>) = RunQueryDsl::get_result(out.typed::<Sql>(), conn)?;
    Ok(least.filter(|least| most.as_ref() == Some(least)).and_then(|code| Currency::from_code(&code)))
}

fn gathered(question: &Question, asked: &Asked<'_>, currency: Option<Currency>, rows: Vec<Row>) -> Result<Figures> {
    let mut figures = Figures { currency, ..Figures::default() };
    for (keys, labels, all, values, count, unknown) in rows {
        known(&unknown, currency)?;
        let (keys, labels) = (keys.unwrap_or_default(), labels.unwrap_or_default());
        let group = Group { keys, labels, values, count };
        if all != 0 {
            figures.total = group;
        } else if !asked.dimensions.is_empty() {
            figures.groups.push(group);
        }
    }
    if figures.groups.len() > MAX_GROUPS {
        let detail = format!("There are more than {MAX_GROUPS} groups. Filter, or group by less.");
        return Err(Error::invalid(format!("{}/groupBy", question.at), "TOO_MANY", detail));
    }
    Ok(figures)
}

/// Refuses what could not be converted.
pub fn known(unknown: &[String], currency: Option<Currency>) -> Result<()> {
    if unknown.is_empty() {
        return Ok(());
    }
    let wanted = currency.map(|currency| currency.code().to_owned()).unwrap_or_default();
    let detail = format!(
        "There are amounts in {} without a rate to {wanted} on or before their day. Ask for another currency, filter, or store exchange-rates.",
        unknown.join(", ")
    );
    Err(Error::new(&codes::MIXED_CURRENCIES, detail))
}
