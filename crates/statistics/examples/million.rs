//! How long fits take: a cohort of BG/NBD customers is drawn, and each model fitted to it.
//!
//! `cargo run --release -p kith-statistics --example million -- 1000000`

use kith_statistics::{FitOptions, Histories, History, Kind, Random, fit};
use std::io::Write;
use std::time::Instant;

fn customer(random: &mut Random) -> History {
    let (rate, leaving) = (random.gamma(0.25, 4.5), random.beta(0.8, 2.4));
    // Whole days: customers of a shop share their days, and so their histories.
    let day = |weeks: f64| (weeks * 7.0).ceil() / 7.0;
    let age = day(27.0 + 12.0 * random.uniform());
    let (mut now, mut last, mut repeats) = (0.0, 0.0, 0_u32);
    loop {
        now = day(now - random.uniform().ln() / rate);
        if now > age {
            return History { repeats, last, age };
        }
        (last, repeats) = (now, repeats.saturating_add(1));
        if random.uniform() < leaving {
            return History { repeats, last, age };
        }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let customers: u32 = std::env::args().nth(1).map_or(Ok(100_000), |text| text.parse())?;
    let mut random = Random::new(1);
    let all: Vec<History> = (0..customers).map(|_| customer(&mut random)).collect();
    let mut out = std::io::stdout();
    let started = Instant::now();
    let histories = Histories::of(&all)?;
    let grouped = started.elapsed();
    writeln!(out, "{customers} customers, {} distinct histories, grouped in {grouped:.2?}", histories.distinct())?;
    for kind in [Kind::BgNbd, Kind::MbgNbd, Kind::ParetoNbd] {
        let started = Instant::now();
        let found = fit(&histories, &FitOptions { kind, ..FitOptions::default() })?;
        let fitted = started.elapsed();
        let started = Instant::now();
        let expected: f64 = all.iter().map(|history| found.model.expected(history, 39.0)).sum();
        writeln!(out, "{}: {fitted:.2?}, {} evaluations, {:?}", found.model.name(), found.evaluations, found.findings)?;
        writeln!(out, "  expects {expected:.0} purchases of all in 39 weeks, computed in {:.2?}", started.elapsed())?;
    }
    Ok(())
}
