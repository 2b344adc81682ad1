//! `kith analytics`: the models of customer value on a file of transactions, without a server or a database.

mod report;
mod transactions;

use anyhow::{Context, Result, ensure};
use chrono::NaiveDate;
use clap::{Args, Subcommand, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use kith_statistics::{
    Clv, ExpectedSpend, Fit, FitOptions, Histories, Kind, NextPurchase, Spend, SpendFit, Terms, clv, fit, fit_spend,
};
use std::path::PathBuf;
use std::time::Duration;
use transactions::{Columns, Customer, Transactions};

/// What can be done with transactions.
#[derive(Debug, Subcommand)]
pub enum AnalyticsCommand {
    /// Fits a purchase and a spend model to a CSV file, and says what each customer will buy and is worth.
    Fit(FitArgs),
}

/// The arguments of `kith analytics fit`.
#[derive(Debug, Args)]
pub struct FitArgs {
    /// The file: a header, then one row a purchase.
    #[arg(long)]
    csv: PathBuf,
    #[command(flatten)]
    columns: Columns,
    /// The purchase model.
    #[arg(long, value_enum, default_value_t)]
    model: ModelName,
    /// Last day of the calibration (YYYY-MM-DD); later purchases test the forecast. Without it, the last day of the file.
    #[arg(long)]
    calibration_end: Option<NaiveDate>,
    /// Days looked ahead.
    #[arg(long, default_value_t = 365, value_parser = clap::value_parser!(u32).range(1..=36_500))]
    horizon_days: u32,
    /// Discount a month, as a share.
    #[arg(long, default_value_t = 0.01)]
    monthly_discount: f64,
    /// Margin, as a share of the amounts.
    #[arg(long, default_value_t = 1.0)]
    margin: f64,
    /// With fewer customers who bought again there is no fit.
    #[arg(long, default_value_t = 100)]
    least_repeaters: u64,
    /// Customers in the printed table.
    #[arg(long, default_value_t = 10)]
    top: usize,
    /// Seed of the draws behind intervals.
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// Writes a row for each customer into this CSV file.
    #[arg(long)]
    output: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum ModelName {
    /// The usual choice.
    #[default]
    #[value(name = "bg-nbd")]
    Bg,
    /// Tells customers without a repeat apart as well.
    #[value(name = "mbg-nbd")]
    Mbg,
    /// The same, with a lifetime in place of a last purchase.
    #[value(name = "pareto-nbd")]
    Pareto,
}

impl From<ModelName> for Kind {
    fn from(name: ModelName) -> Self {
        match name {
            ModelName::Bg => Self::BgNbd,
            ModelName::Mbg => Self::MbgNbd,
            ModelName::Pareto => Self::ParetoNbd,
        }
    }
}

/// All that was found out, for the report and the output file.
struct Findings<'a> {
    args: &'a FitArgs,
    transactions: &'a Transactions,
    customers: &'a [Customer],
    end: NaiveDate,
    fit: Fit,
    spend: std::result::Result<SpendFit, String>,
    terms: Terms,
    /// One for each customer.
    outlooks: Vec<Outlook>,
    /// Places of the customers, most valuable first.
    order: Vec<usize>,
}

/// What is expected of a customer.
struct Outlook {
    alive: kith_statistics::Alive,
    purchases: f64,
    p_buy: f64,
    next: NextPurchase,
    spend: Option<ExpectedSpend>,
    value: Option<Clv>,
}

/// Two years: a later next purchase is not worth a date.
const LATEST_WEEKS: f64 = 104.0;

/// Runs the command and gives its report.
pub fn run(command: &AnalyticsCommand) -> Result<String> {
    let AnalyticsCommand::Fit(args) = command;
    let terms = terms(args);
    terms.check()?;
    let transactions = read(args)?;
    let end = args.calibration_end.unwrap_or(transactions.last);
    let customers = transactions.customers(end);
    ensure!(
        !customers.is_empty(),
        "nobody bought before the end of the calibration ({end}); the first purchase is of {}",
        transactions.first
    );
    let bar = spinner("Fitting");
    let histories = Histories::of(&customers.iter().map(|customer| customer.history).collect::<Vec<_>>())?;
    let options = FitOptions { kind: args.model.into(), least_repeaters: args.least_repeaters, prior: None };
    let fit = fit(&histories, &options).context("the purchase model was not fitted")?;
    let spend = if transactions.amounts {
        let spends: Vec<Spend> = customers.iter().map(|customer| customer.spend).collect();
        fit_spend(&spends, args.least_repeaters).map_err(|error| error.to_string())
    } else {
        Err("the file has no amounts".to_owned())
    };
    bar.finish_and_clear();
    let weeks = f64::from(args.horizon_days) / kith_statistics::DAYS_PER_WEEK;
    let bar = bar_of(u64::try_from(customers.len())?, "Customers", "{pos}/{len}");
    let mut outlooks = Vec::with_capacity(customers.len());
    for Customer { history, spend: own, .. } in &customers {
        let money = spend.as_ref().ok();
        outlooks.push(Outlook {
            alive: fit.model.p_alive(history),
            purchases: fit.model.expected(history, weeks),
            p_buy: fit.model.p_buy(history, weeks),
            next: fit.model.next_purchase(history, LATEST_WEEKS),
            spend: money.map(|money| money.expected(own)),
            value: money.map(|money| clv(&fit.model, money, history, own, &terms)).transpose()?,
        });
        bar.inc(1);
    }
    bar.finish_and_clear();
    let order = by_value(&outlooks);
    let findings =
        Findings { args, transactions: &transactions, customers: &customers, end, fit, spend, terms, outlooks, order };
    let mut text = report::text(&findings)?;
    if let Some(path) = &args.output {
        report::write(&findings, path).with_context(|| format!("{} was not written", path.display()))?;
        text.push_str(&format!("\n\nWrote {} customers to {}.", customers.len(), path.display()));
    }
    Ok(text)
}

/// The horizon in months of nearly the usual length, so that they fill it.
fn terms(args: &FitArgs) -> Terms {
    let days = f64::from(args.horizon_days);
    // At least half a month more or less: 365 days are 12 months, 90 are 3.
    let months = (1..=args.horizon_days.div_ceil(30)).find(|n| (f64::from(*n) + 0.5) * 30.4375 > days).unwrap_or(1);
    let month = days / kith_statistics::DAYS_PER_WEEK / f64::from(months);
    Terms { months, month, monthly_discount: args.monthly_discount, margin: args.margin, monthly_cost: 0.0 }
}

fn read(args: &FitArgs) -> Result<Transactions> {
    let size = std::fs::metadata(&args.csv).map_or(0, |file| file.len());
    let bar = bar_of(size, "Reading", "{bytes}/{total_bytes}");
    let found = transactions::read(&args.csv, &args.columns, |byte| bar.set_position(byte));
    bar.finish_and_clear();
    found
}

/// Places by falling value, or by expected purchases where there are no amounts; ties in the order of the names.
fn by_value(outlooks: &[Outlook]) -> Vec<usize> {
    let key = |place: &usize| outlooks.get(*place).map_or(0.0, |o| o.value.map_or(o.purchases, |value| value.value));
    let mut order: Vec<usize> = (0..outlooks.len()).collect();
    order.sort_by(|a, b| key(b).total_cmp(&key(a)));
    order
}

/// A bar on the terminal; where standard error is none, nothing is drawn.
fn bar_of(length: u64, what: &'static str, numbers: &str) -> ProgressBar {
    let bar = ProgressBar::new(length).with_message(what);
    match ProgressStyle::with_template(&format!("{{msg:10}} {{bar:40}} {numbers}")) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

fn spinner(what: &'static str) -> ProgressBar {
    let bar = ProgressBar::new_spinner().with_message(what);
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(subcommand)]
        command: AnalyticsCommand,
    }

    const CDNOW: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/cdnow/transactions.csv");

    fn of(more: &[&str]) -> Result<String> {
        let line = ["analytics", "fit", "--csv", CDNOW].iter().chain(more);
        run(&Line::try_parse_from(line).unwrap().command)
    }

    #[test]
    fn the_report_has_the_published_values() {
        let output = std::env::temp_dir().join(format!("kith-analytics-{}.csv", std::process::id()));
        let text = of(&["--calibration-end", "1997-09-30", "--output", &output.display().to_string()]).unwrap();
        for part in ["r 0.24259", "alpha 4.41360", "log-likelihood -9582.429", "q 3.74422", "(-12.1 %)", "AUC 0.7569"] {
            assert!(text.contains(part), "{part} in\n{text}");
        }
        let rows = std::fs::read_to_string(&output).unwrap();
        std::fs::remove_file(&output).unwrap();
        assert_eq!(rows.lines().count(), 2358);
        assert!(rows.contains("\n0003,0,1997-01-01,1997-01-01,6.79,1,BY_CONSTRUCTION,"), "{rows}");
        // The same again, to the last draw.
        assert!(text.starts_with(&of(&["--calibration-end", "1997-09-30"]).unwrap()));
    }

    #[test]
    fn what_cannot_be_done_is_one_line() {
        for (more, expected) in [
            (["--calibration-end", "1990-01-01"], "nobody bought before"),
            (["--least-repeaters", "9999"], "only 1139 customers bought again; at least 9999 are needed"),
            (["--monthly-discount", "NaN"], "the discount must be zero or more"),
            (["--output", "/nowhere/at/all.csv"], "/nowhere/at/all.csv was not written"),
            (["--separator", "semicolon"], "the separator must be one character"),
        ] {
            let error = format!("{:#}", of(&more).unwrap_err());
            assert!(error.contains(expected) && !error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn months_fill_the_horizon() {
        for (days, months) in [(365, 12), (90, 3), (30, 1), (1, 1), (730, 24), (36_500, 1199)] {
            let line = ["x", "fit", "--csv", "x", "--horizon-days", &format!("{days}")].map(str::to_owned);
            let AnalyticsCommand::Fit(args) = Line::try_parse_from(line).unwrap().command;
            let terms = terms(&args);
            assert_eq!(terms.months, months);
            assert!((terms.month * f64::from(months) * 7.0 - f64::from(days)).abs() < 1e-9);
            terms.check().unwrap();
        }
    }
}
