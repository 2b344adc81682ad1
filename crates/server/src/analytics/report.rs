//! What `kith analytics fit` prints and writes.

use super::transactions::Customer;
use super::{Findings, Outlook};
use anyhow::Result;
use kith_statistics::{
    Alive, Bin, ClvInterval, Error, Finding, SpendBasis, SpendFinding, auc, brier, calibration, calibration_error,
    clv_interval, errors,
};
use std::fmt::Write;
use std::path::Path;

/// Draws behind an interval.
const DRAWS: usize = 200;

/// The printed report.
pub fn text(found: &Findings<'_>) -> Result<String> {
    let mut out = String::new();
    data(&mut out, found)?;
    models(&mut out, found)?;
    guards(&mut out, found)?;
    held_out(&mut out, found)?;
    totals(&mut out, found)?;
    top(&mut out, found)?;
    out.truncate(out.trim_end().len());
    Ok(out)
}

fn data(out: &mut String, found: &Findings<'_>) -> Result<()> {
    let transactions = found.transactions;
    writeln!(out, "Data         {} rows, {} to {}", transactions.rows, transactions.first, transactions.last)?;
    let fit = &found.fit;
    writeln!(
        out,
        "Calibration  to {}: {} customers, {} bought again, {} distinct histories",
        found.end, fit.customers, fit.repeaters, fit.distinct
    )?;
    if transactions.refunds > 0 {
        writeln!(out, "Left out     {} rows with a negative amount: refunds are no purchases", transactions.refunds)?;
    }
    Ok(())
}

fn models(out: &mut String, found: &Findings<'_>) -> Result<()> {
    let fit = &found.fit;
    let errors = fit.standard_errors();
    let mut line = String::new();
    for (i, (name, value)) in fit.model.parameters().into_iter().enumerate() {
        write!(line, "  {name} {}", significant(value))?;
        if let Some(error) = errors.as_ref().and_then(|errors| errors.get(i)) {
            write!(line, " (±{:.0} %)", 100.0 * error)?;
        }
    }
    writeln!(out, "{:<12}{line}", fit.model.name())?;
    writeln!(out, "{:12}  log-likelihood {:.3}, {} evaluations", "", fit.log_likelihood, fit.evaluations)?;
    match &found.spend {
        Ok(spend) => {
            let model = spend.model;
            let [p, q, gamma] = [model.p, model.q, model.gamma].map(significant);
            writeln!(out, "Gamma-Gamma   p {p}  q {q}  gamma {gamma}")?;
            writeln!(out, "{:12}  log-likelihood {:.3}, {} customers", "", spend.log_likelihood, spend.customers)?;
        }
        Err(reason) => writeln!(out, "Gamma-Gamma   not fitted: {reason}")?,
    }
    Ok(())
}

/// Six digits, whatever the size.
fn significant(value: f64) -> String {
    if (1e-3..1e6).contains(&value) {
        let places = [10.0, 100.0, 1e3, 1e4, 1e5].iter().take_while(|limit| value >= **limit).count();
        format!("{value:.*}", 5_usize.saturating_sub(places))
    } else {
        format!("{value:.4e}")
    }
}

fn guards(out: &mut String, found: &Findings<'_>) -> Result<()> {
    let mut said: Vec<String> = found.fit.findings.iter().map(finding).collect();
    if let Ok(spend) = &found.spend {
        said.extend(spend.findings.iter().map(spend_finding));
    }
    let by_construction = found.outlooks.iter().filter(|outlook| outlook.alive == Alive::ByConstruction).count();
    if by_construction > 0 {
        said.push(format!(
            "{by_construction} customers without a repeat are alive by construction; rank them by the chance to buy, \
             or take another model"
        ));
    }
    if said.is_empty() {
        said.push("nothing to report".to_owned());
    }
    for (i, line) in said.iter().enumerate() {
        writeln!(out, "{:<12} {line}", if i == 0 { "Guards" } else { "" })?;
    }
    Ok(())
}

fn finding(finding: &Finding) -> String {
    match finding {
        Finding::NobodyLeaves => "nobody is seen leaving: fell back to NBD, P(alive) = 1 says nothing".to_owned(),
        Finding::EqualRates => "all buy at about the same rate: r and alpha are known only as their ratio".to_owned(),
        Finding::EqualLeaving => {
            "all leave in about the same way: only the ratio of those parameters is known".to_owned()
        }
        Finding::EverybodyLeaves => "everybody leaves at the first chance".to_owned(),
        Finding::AllOrNothing => "customers leave at once or never".to_owned(),
        Finding::LeansOnPrior { repeaters } => format!("only {repeaters} bought again: the fit leans on its prior"),
        Finding::NoInterval => "the likelihood is flat in some direction: no intervals".to_owned(),
    }
}

fn spend_finding(finding: &SpendFinding) -> String {
    match finding {
        SpendFinding::Dependent { correlation } => {
            format!("spend goes with frequency (correlation {correlation:.2}): expected spend is off")
        }
        SpendFinding::NoMean => "q ≤ 1: spend has no mean, shrunk means are used".to_owned(),
        SpendFinding::LeftOut { customers } => {
            format!("{customers} customers whose repeats are worth nothing were left out")
        }
        SpendFinding::NoInterval => "the likelihood of spend is flat in some direction: no intervals".to_owned(),
    }
}

/// The forecast against what came after the calibration.
fn held_out(out: &mut String, found: &Findings<'_>) -> Result<()> {
    let days = found.transactions.last.signed_duration_since(found.end).num_days();
    let Some(days) = u32::try_from(days).ok().filter(|days| *days > 0) else { return Ok(()) };
    let weeks = f64::from(days) / kith_statistics::DAYS_PER_WEEK;
    let of = |f: &dyn Fn(&Customer) -> f64| found.customers.iter().map(f).collect::<Vec<f64>>();
    let expected = of(&|customer| found.fit.model.expected(&customer.history, weeks));
    let actual = of(&|customer| f64::from(customer.held_out));
    let chances = of(&|customer| found.fit.model.p_buy(&customer.history, weeks));
    let recency = of(&|customer| customer.history.last - customer.history.age);
    let bought: Vec<bool> = found.customers.iter().map(|customer| customer.held_out > 0).collect();
    let miss = errors(&expected, &actual)?;
    let total = miss.total.map_or(String::new(), |total| format!(" ({:+.1} %)", 100.0 * total));
    writeln!(
        out,
        "Holdout      {days} days: {:.0} purchases expected, {:.0} came{total}, mean error {:.3} a customer",
        expected.iter().sum::<f64>(),
        actual.iter().sum::<f64>(),
        miss.mean_absolute
    )?;
    if let (Ok(ours), Ok(naive)) = (auc(&chances, &bought), auc(&recency, &bought)) {
        let outcomes: Vec<f64> = bought.iter().map(|bought| f64::from(u8::from(*bought))).collect();
        let bins: Vec<Bin> = calibration(&chances, &outcomes, 10)?;
        writeln!(
            out,
            "{:12} who buys: AUC {ours:.4} (recency alone {naive:.4}), Brier {:.4}, calibration error {:.3}",
            "",
            brier(&chances, &bought)?,
            calibration_error(&bins)
        )?;
    }
    Ok(())
}

fn totals(out: &mut String, found: &Findings<'_>) -> Result<()> {
    let purchases: f64 = found.outlooks.iter().map(|outlook| outlook.purchases).sum();
    write!(out, "Next {:<7} {purchases:.1} purchases expected", format!("{} d", found.args.horizon_days))?;
    let values: Option<Vec<f64>> = found.outlooks.iter().map(|o| o.value.map(|value| value.value)).collect();
    if let Some(values) = values {
        let sum: f64 = values.iter().sum();
        write!(
            out,
            ", value {sum:.2} ({:.2} % a month off, margin {:.0} %)",
            100.0 * found.terms.monthly_discount,
            100.0 * found.terms.margin
        )?;
    }
    writeln!(out, "\n")?;
    Ok(())
}

/// The best customers, with the interval of their value.
fn top(out: &mut String, found: &Findings<'_>) -> Result<()> {
    let best: Vec<(&Customer, &Outlook)> = found
        .order
        .iter()
        .take(found.args.top)
        .filter_map(|place| Some((found.customers.get(*place)?, found.outlooks.get(*place)?)))
        .collect();
    let width = best.iter().map(|(customer, _)| customer.id.chars().count()).max().unwrap_or(0).max(8);
    writeln!(
        out,
        "{:<width$}  repeats  last        P(alive)  P(buy)  purchases  next        spend       value  10 % … 90 %",
        "customer"
    )?;
    for (customer, outlook) in best {
        let interval = interval(found, customer)?;
        writeln!(
            out,
            "{:<width$}  {:>7}  {}  {:>8}  {:>6.3}  {:>9.2}  {:<10}  {:>8}  {:>8}  {}",
            customer.id,
            customer.history.repeats,
            customer.days.1,
            alive(outlook.alive),
            outlook.p_buy,
            outlook.purchases,
            next_day(found, outlook).unwrap_or_else(|| "-".to_owned()),
            outlook.spend.map_or_else(|| "-".to_owned(), |spend| format!("{:.2}", spend.amount)),
            outlook.value.map_or_else(|| "-".to_owned(), |value| format!("{:.2}", value.value)),
            interval.map_or_else(|| "-".to_owned(), |i| format!("{:.2} … {:.2}", i.low, i.high)),
        )?;
    }
    Ok(())
}

fn interval(found: &Findings<'_>, customer: &Customer) -> Result<Option<ClvInterval>> {
    let Ok(spend) = &found.spend else { return Ok(None) };
    let members = [(customer.history, customer.spend)];
    match clv_interval(&found.fit, spend, &members, &found.terms, DRAWS, found.args.seed) {
        Ok(interval) => Ok(Some(interval)),
        // Said among the guards.
        Err(Error::NotIdentified) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn alive(alive: Alive) -> String {
    match alive {
        Alive::Probability(p) => format!("{p:.3}"),
        Alive::ByConstruction => "(1)".to_owned(),
        Alive::NotIdentified => "-".to_owned(),
    }
}

/// The day by which half of such customers, if alive, have bought again.
fn next_day(found: &Findings<'_>, outlook: &Outlook) -> Option<String> {
    let days = (outlook.next.median? * kith_statistics::DAYS_PER_WEEK).ceil();
    let days = (0..=730_u16).find(|day| f64::from(*day) >= days)?;
    Some(found.end.checked_add_days(chrono::Days::new(u64::from(days)))?.to_string())
}

/// Writes a row for each customer.
pub fn write(found: &Findings<'_>, path: &Path) -> Result<()> {
    let mut writer = csv::Writer::from_path(path)?;
    writer.write_record([
        "customer",
        "repeats",
        "first",
        "last",
        "total",
        "p_alive",
        "p_alive_basis",
        "p_buy",
        "expected_purchases",
        "next_purchase",
        "expected_spend",
        "spend_basis",
        "value",
    ])?;
    for (customer, outlook) in found.customers.iter().zip(&found.outlooks) {
        let (p_alive, basis) = match outlook.alive {
            Alive::Probability(p) => (format!("{p:.6}"), "MODEL"),
            Alive::ByConstruction => ("1".to_owned(), "BY_CONSTRUCTION"),
            Alive::NotIdentified => (String::new(), "NOT_IDENTIFIED"),
        };
        let spend = outlook.spend;
        writer.write_record([
            customer.id.as_str(),
            &customer.history.repeats.to_string(),
            &customer.days.0.to_string(),
            &customer.days.1.to_string(),
            &if found.transactions.amounts { format!("{:.2}", customer.total) } else { String::new() },
            &p_alive,
            basis,
            &format!("{:.6}", outlook.p_buy),
            &format!("{:.6}", outlook.purchases),
            &next_day(found, outlook).unwrap_or_default(),
            &spend.map_or_else(String::new, |spend| format!("{:.2}", spend.amount)),
            spend.map_or("", |spend| match spend.basis {
                SpendBasis::Model => "MODEL",
                SpendBasis::Population => "POPULATION",
                SpendBasis::Shrunk => "SHRUNK",
                SpendBasis::Group => "GROUP",
            }),
            &outlook.value.map_or_else(String::new, |value| format!("{:.2}", value.value)),
        ])?;
    }
    writer.flush()?;
    Ok(())
}
