//! Metrics as data: what is counted or added up over the rows of one resource, over which time, and by what it can be
//! grouped. One runner makes the statement; both APIs and the documentation follow from the same table.

/// What a metric is measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// An amount in the currency of the answer.
    Money,
    /// A number of things.
    Count,
    /// 0 to 100.
    Percent,
    /// Days of 24 hours.
    Days,
    /// Minutes.
    Minutes,
    /// An amount a day, in the currency of the answer.
    MoneyPerDay,
}

impl Unit {
    /// As it stands in answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Unit::Money => "MONEY",
            Unit::Count => "COUNT",
            Unit::Percent => "PERCENT",
            Unit::Days => "DAYS",
            Unit::Minutes => "MINUTES",
            Unit::MoneyPerDay => "MONEY_PER_DAY",
        }
    }

    /// Whether amounts of several currencies come together in it.
    pub const fn is_money(self) -> bool {
        matches!(self, Unit::Money | Unit::MoneyPerDay)
    }
}

/// Something to group by.
#[derive(Debug)]
pub struct Dimension {
    /// As it is asked for.
    pub name: &'static str,
    /// SQL of the key over `t` and the joins.
    pub key: &'static str,
    /// SQL of what to show for it.
    pub label: &'static str,
    /// The resource it names; who may not read that may not group by it.
    pub resource: Option<&'static str>,
}

/// What a metric reads besides its own rows.
#[derive(Clone, Copy, Debug)]
pub enum Besides {
    /// All rows of a resource.
    All(&'static str),
    /// Rows of a resource that belong to its own rows, or the other way round, so that whoever may read it as widely as
    /// those may read them.
    Same(&'static str),
}

/// One metric.
#[derive(Debug)]
pub struct Metric {
    /// `win-rate`.
    pub name: &'static str,
    /// Its definition, for API readers.
    pub definition: &'static str,
    /// What it is measured in.
    pub unit: Unit,
    /// The resource whose rows, `t`, it is about: its rights, row scopes and filters hold.
    pub resource: &'static str,
    /// What else the joins read: who may not read that may not ask.
    pub whole: &'static [Besides],
    /// SQL joins.
    pub joins: &'static str,
    /// SQL condition on the rows; `c.now` is the time of the request, `c.zone` the tenant's time zone.
    pub only: &'static str,
    /// SQL of the time by which `from` and `to` choose; none: it is about now.
    pub at: Option<&'static str>,
    /// SQL aggregate. `x.amount` is the amount of a row in the currency of the answer.
    pub value: &'static str,
    /// SQL aggregate: how many rows the value rests on.
    pub count: &'static str,
    /// SQL of amount, currency and day of the exchange rate, for metrics of money.
    pub money: Option<[&'static str; 3]>,
    /// SQL of the rate to the currency of the answer, `p.code`, that a row keeps; null where it keeps another or none.
    pub kept_rate: Option<&'static str>,
    /// What it can be grouped by, beside the month of [`Metric::at`].
    pub by: &'static [Dimension],
}

/// The month of [`Metric::at`], in the tenant's time zone.
pub const MONTH: &str = "month";

impl Metric {
    /// Every name that `groupBy` takes.
    pub fn dimensions(&self) -> Vec<&'static str> {
        self.by.iter().map(|dimension| dimension.name).chain(self.at.map(|_| MONTH)).collect()
    }
}
