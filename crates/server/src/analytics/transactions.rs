//! Reads transactions from a CSV file: one row a purchase, with customer, date and, if there is one, amount.

use anyhow::{Context, Result, bail, ensure};
use chrono::{Datelike, NaiveDate};
use kith_statistics::{History, Spend};
use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

/// Names of columns and the format of dates; what is not given is looked for.
#[derive(Debug, Default, clap::Args)]
pub struct Columns {
    /// Column with the customer; else one with a usual name, such as customer_id.
    #[arg(long)]
    pub customer: Option<String>,
    /// Column with the date; else one with a usual name, such as order_date.
    #[arg(long)]
    pub date: Option<String>,
    /// Column with the amount; else one with a usual name, such as amount or total. Without any, purchases alone are fitted.
    #[arg(long)]
    pub amount: Option<String>,
    /// Format of the dates; what follows in the field is not looked at.
    #[arg(long, default_value = "%Y-%m-%d")]
    pub date_format: String,
    /// What separates the fields: one character, or `tab`.
    #[arg(long, default_value = ",")]
    pub separator: String,
}

const CUSTOMER: &[&str] =
    &["customerid", "customer", "accountid", "account", "clientid", "client", "userid", "user", "customernumber"];
const DATE: &[&str] =
    &["date", "orderdate", "invoicedate", "transactiondate", "purchasedate", "orderedat", "createdat", "day"];
const AMOUNT: &[&str] =
    &["amount", "netamount", "total", "revenue", "sales", "value", "spend", "monetary", "ordervalue", "totalamount"];

/// The transactions of a file, by customer and day.
#[derive(Debug)]
pub struct Transactions {
    customers: BTreeMap<String, BTreeMap<NaiveDate, f64>>,
    /// Rows read.
    pub rows: u64,
    /// Rows with a negative amount: refunds, which are no purchases.
    pub refunds: u64,
    /// Whether there are amounts.
    pub amounts: bool,
    /// The first day.
    pub first: NaiveDate,
    /// The last day.
    pub last: NaiveDate,
}

/// A customer as the models see him.
#[derive(Debug)]
pub struct Customer {
    /// Name or number.
    pub id: String,
    /// First and last day of a purchase within the calibration.
    pub days: (NaiveDate, NaiveDate),
    /// History, in weeks.
    pub history: History,
    /// Repeats and their mean amount.
    pub spend: Spend,
    /// Amount of all purchases within the calibration.
    pub total: f64,
    /// Purchases after the calibration.
    pub held_out: u32,
}

/// Reads a file; `progress` hears the place in bytes now and then.
pub fn read(path: &Path, columns: &Columns, progress: impl Fn(u64)) -> Result<Transactions> {
    let file = File::open(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let separator = match columns.separator.as_bytes() {
        b"tab" => b'\t',
        [one] => *one,
        _ => bail!("the separator must be one character, or `tab`"),
    };
    let mut reader = csv::ReaderBuilder::new().delimiter(separator).flexible(true).from_reader(file);
    let header = reader.headers().with_context(|| format!("{} has no header", path.display()))?.clone();
    let customer_at = place(&header, columns.customer.as_deref(), CUSTOMER)?.context(missing(&header, "customer"))?;
    let date_at = place(&header, columns.date.as_deref(), DATE)?.context(missing(&header, "date"))?;
    let amount_at = place(&header, columns.amount.as_deref(), AMOUNT)?;
    let mut into: BTreeMap<String, BTreeMap<NaiveDate, f64>> = BTreeMap::new();
    let (mut rows, mut refunds, mut span) = (0_u64, 0_u64, None);
    let mut record = csv::StringRecord::new();
    loop {
        let more = reader.read_record(&mut record).with_context(|| format!("{} is not valid", path.display()))?;
        if !more {
            break;
        }
        let position = record.position().map(|position| (position.line(), position.byte()));
        let (line, byte) = position.unwrap_or_default();
        let row = Row { path, line, record: &record };
        rows = rows.saturating_add(1);
        if rows.is_multiple_of(4096) {
            progress(byte);
        }
        let id = row.field(customer_at, "customer")?;
        let date = row.field(date_at, "date")?;
        let (day, _) = NaiveDate::parse_and_remainder(date, &columns.date_format)
            .map_err(|_| row.wrong(&format!("{date:?} is not a date like {}", columns.date_format)))?;
        let amount = match amount_at {
            Some(at) => {
                let text = row.field(at, "amount")?;
                let amount = text.parse::<f64>().ok().filter(|amount| amount.is_finite());
                amount.ok_or_else(|| row.wrong(&format!("{text:?} is not an amount")))?
            }
            None => 0.0,
        };
        if amount < 0.0 {
            refunds = refunds.saturating_add(1);
            continue;
        }
        let (first, last) = span.unwrap_or((day, day));
        span = Some((day.min(first), day.max(last)));
        *into.entry(id.to_owned()).or_default().entry(day).or_default() += amount;
    }
    let (first, last) = span.with_context(|| format!("{} has no purchases", path.display()))?;
    Ok(Transactions { customers: into, rows, refunds, amounts: amount_at.is_some(), first, last })
}

struct Row<'a> {
    path: &'a Path,
    line: u64,
    record: &'a csv::StringRecord,
}

impl Row<'_> {
    fn wrong(&self, what: &str) -> anyhow::Error {
        anyhow::anyhow!("{}, line {}: {what}", self.path.display(), self.line)
    }

    fn field(&self, at: usize, what: &str) -> Result<&str> {
        self.record
            .get(at)
            .map(str::trim)
            .filter(|text| !text.is_empty())
            .ok_or_else(|| self.wrong(&format!("no {what}")))
    }
}

/// The column that was named, or the first of the usual names; case, spaces and underscores make no difference.
fn place(header: &csv::StringRecord, named: Option<&str>, usual: &[&str]) -> Result<Option<usize>> {
    let plain =
        |name: &str| name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect::<String>();
    let find = |name: &str| header.iter().position(|other| plain(other) == plain(name));
    match named {
        None => Ok(usual.iter().find_map(|name| find(name))),
        Some(name) => {
            let at = header.iter().position(|other| other == name).or_else(|| find(name));
            ensure!(at.is_some(), "there is no column {name:?}; there are {}", list(header));
            Ok(at)
        }
    }
}

fn missing(header: &csv::StringRecord, what: &str) -> String {
    format!("no column looks like the {what}; name it with --{what}. There are {}", list(header))
}

fn list(header: &csv::StringRecord) -> String {
    header.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ")
}

impl Transactions {
    /// The customers who bought by the end of the calibration, in the order of their names.
    pub fn customers(&self, end: NaiveDate) -> Vec<Customer> {
        let of = |(id, days): (&String, &BTreeMap<NaiveDate, f64>)| {
            let seen: Vec<(NaiveDate, f64)> = days.range(..=end).map(|(day, amount)| (*day, *amount)).collect();
            let (first, last) = (seen.first()?.0, seen.last()?.0);
            let numbers: Vec<i32> = seen.iter().map(|(day, _)| day.num_days_from_ce()).collect();
            let history = History::from_days(&numbers, end.num_days_from_ce())?;
            let repeats: f64 = seen.iter().skip(1).map(|(_, amount)| amount).sum();
            let mean = if history.repeats > 0 { repeats / f64::from(history.repeats) } else { 0.0 };
            Some(Customer {
                id: id.clone(),
                days: (first, last),
                history,
                spend: Spend { repeats: history.repeats, mean },
                total: seen.iter().map(|(_, amount)| amount).sum(),
                held_out: u32::try_from(days.len().saturating_sub(seen.len())).unwrap_or(u32::MAX),
            })
        };
        self.customers.iter().filter_map(of).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, columns: &Columns) -> Result<Transactions> {
        let name = format!("kith-transactions-{}-{}.csv", std::process::id(), text.len());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, text).unwrap();
        let found = read(&path, columns, |_| {});
        std::fs::remove_file(&path).unwrap();
        found
    }

    fn columns() -> Columns {
        Columns { date_format: "%Y-%m-%d".into(), separator: ",".into(), ..Columns::default() }
    }

    #[test]
    fn columns_are_found_by_usual_names() {
        let text = "No,Order Date,Customer_ID,Total\n1,2024-01-01T10:00:00Z,a,10\n2,2024-01-01,a,5\n3,2024-01-15,a,7\n4,2024-02-01,b,-3\n";
        let found = of(text, &columns()).unwrap();
        assert_eq!((found.rows, found.refunds, found.amounts), (4, 1, true));
        let customers = found.customers("2024-01-29".parse().unwrap());
        let [one] = customers.as_slice() else { panic!("{customers:?}") };
        assert_eq!(one.history, History { repeats: 1, last: 2.0, age: 4.0 });
        assert_eq!((one.spend.mean, one.total), (7.0, 22.0));
    }

    #[test]
    fn bad_files_are_refused_with_their_line() {
        let text = |text: &str, columns: &Columns| format!("{:#}", of(text, columns).unwrap_err());
        assert!(text("a,b\n1,2\n", &columns()).contains("no column looks like the customer; name it with --customer"));
        assert!(text("customer,date\nx,2024-13-01\n", &columns()).contains("line 2: \"2024-13-01\" is not a date"));
        let bad = "customer,date,amount\nx,2024-12-01,1\ny,2024-12-01,1.5 EUR\n";
        assert!(text(bad, &columns()).contains("line 3: \"1.5 EUR\" is not an amount"));
        assert!(text("customer,date\nx\n\n", &columns()).contains("line 2: no date"));
        assert!(text("customer,date\n", &columns()).contains("no purchases"));
        let named = Columns { amount: Some("euro".into()), ..columns() };
        assert!(text("customer,date\nx,2024-01-01\n", &named).contains("there is no column \"euro\""));
    }
}
