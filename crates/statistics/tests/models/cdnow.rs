//! The published values of the purchase and spend models on the CDNOW sample, and what was computed besides.

use crate::common::{Customer, cdnow, near, within};
use kith_statistics::{
    Alive, Finding, Fit, FitOptions, Histories, History, Kind, LeavingModel, Model, ParetoNbd, Spend, Terms, clv, fit,
    fit_spend,
};

fn histories(customers: &[Customer]) -> Histories {
    Histories::of(&customers.iter().map(|customer| customer.history).collect::<Vec<_>>()).unwrap()
}

fn fitted(kind: Kind) -> Fit {
    let histories = histories(&cdnow());
    let started = std::time::Instant::now();
    let fit = fit(&histories, &FitOptions { kind, ..FitOptions::default() }).unwrap();
    println!(
        "{} {:?} LL {:.4}, {} evaluations",
        fit.model.name(),
        fit.model.parameters(),
        fit.log_likelihood,
        fit.evaluations
    );
    println!("{:.1} ms, standard errors {:?}", started.elapsed().as_secs_f64() * 1e3, fit.standard_errors());
    assert_eq!(fit.findings, []);
    fit
}

/// id, E\[spend\], CLV, then BG/NBD P(alive), E\[39 weeks\], P(buy in 30 days), then Pareto/NBD P(alive), E\[39 weeks\].
const EXPECTED: &[(&str, [f64; 7])] = &[
    ("0001", [24.6539, 36.2740, 0.7266, 1.2260, 0.1387, 0.8691, 1.4552]),
    ("0002", [18.9100, 4.6409, 0.2124, 0.2034, 0.0235, 0.1680, 0.1711]),
    ("0003", [35.1704, 8.3445, 1.0000, 0.1948, 0.0226, 0.2951, 0.1071]),
    ("0006", [71.4647, 283.5581, 0.6418, 3.3376, 0.31796, 0.7495, 3.7121]),
    ("0007", [18.9100, 6.8817, 0.3149, 0.3016, 0.0349, 0.2552, 0.2599]),
    ("0009", [27.2819, 43.3587, 0.7849, 1.3243, 0.1498, 0.9585, 1.6049]),
    ("1516", [39.8903, 972.0453, 0.9689, 20.7489, 0.9205, 0.9979, 20.1148]),
    ("0157", [26.3943, 625.4292, 0.9692, 20.0552, 0.9112, 0.9962, 19.5958]),
    ("1981", [47.9017, 793.5165, 0.9489, 14.1190, 0.8315, 0.9929, 13.8291]),
    ("2357", [35.1704, 11.0170, 1.0000, 0.2590, 0.0305, 0.3837, 0.1753]),
];

fn customer<'a>(customers: &'a [Customer], id: &str) -> &'a Customer {
    customers.iter().find(|customer| customer.id == id).unwrap()
}

#[test]
fn the_sample_is_the_published_one() {
    let customers = cdnow();
    let histories = histories(&customers);
    assert_eq!(
        (histories.customers(), histories.repeaters(), histories.repeats(), histories.distinct()),
        (2357, 946, 2457, 1016)
    );
    let held_out: usize = customers
        .iter()
        .map(|customer| customer.days.iter().filter(|(day, _)| *day > crate::common::end()).count())
        .sum();
    assert_eq!(held_out, 1882);
    let first = customer(&customers, "0001");
    within(first.history.last, 30.4286, 1e-4);
    within(first.history.age, 38.8571, 1e-4);
    within(first.spend.mean, 22.345, 1e-9);
}

#[test]
fn bg_nbd_has_its_published_parameters() {
    let fit = fitted(Kind::BgNbd);
    for ((_, value), expected) in fit.model.parameters().into_iter().zip([0.24259, 4.4136, 0.79292, 2.42591]) {
        near(value, expected, 0.005);
    }
    assert!(fit.log_likelihood > -9582.429 - 0.01, "{}", fit.log_likelihood);
    within(fit.log_likelihood, -9582.4292, 1e-3);
    let customers = cdnow();
    let mean_alive = customers.iter().map(|c| fit.model.p_alive(&c.history).value()).sum::<f64>() / f64::from(2357_u16);
    within(mean_alive, 0.81344, 0.002);
    near(customers.iter().map(|c| fit.model.expected(&c.history, 39.0)).sum(), 1653.41, 0.005);
    for (id, [_, _, alive, purchases, buys, ..]) in EXPECTED {
        let history = customer(&customers, id).history;
        within(fit.model.p_alive(&history).value(), *alive, 0.002);
        near(fit.model.expected(&history, 39.0), *purchases, 0.005);
        within(fit.model.p_buy(&history, 30.0 / 7.0), *buys, 0.002);
        assert_eq!(fit.model.p_alive(&history) == Alive::ByConstruction, history.repeats == 0, "{id}");
    }
}

#[test]
fn pareto_nbd_has_its_published_parameters() {
    let fit = fitted(Kind::ParetoNbd);
    for ((_, value), expected) in fit.model.parameters().into_iter().zip([0.55328, 10.57768, 0.60624, 11.66874]) {
        near(value, expected, 0.01);
    }
    within(fit.log_likelihood, -9594.976, 1e-3);
    let customers = cdnow();
    let mean_alive = customers.iter().map(|c| fit.model.p_alive(&c.history).value()).sum::<f64>() / f64::from(2357_u16);
    within(mean_alive, 0.44628, 0.002);
    near(customers.iter().map(|c| fit.model.expected(&c.history, 39.0)).sum(), 1665.51, 0.005);
    for (id, [.., alive, purchases]) in EXPECTED {
        let history = customer(&customers, id).history;
        within(fit.model.p_alive(&history).value(), *alive, 0.002);
        near(fit.model.expected(&history, 39.0), *purchases, 0.005);
    }
    // As the vignette of the R package BTYD prints them, which rounds the times.
    within(fit.model.expected_new(52.0), 1.47344, 2e-3);
    let regular = History { repeats: 26, last: 30.86, age: 31.0 };
    within(fit.model.p_alive(&regular).value(), 0.9979, 2e-4);
    near(fit.model.expected(&regular, 52.0), 25.456, 0.002);
}

#[test]
fn mbg_nbd_agrees_with_lifetimes() {
    let fit = fitted(Kind::MbgNbd);
    for ((_, value), expected) in fit.model.parameters().into_iter().zip([0.5248, 6.1830, 0.8914, 1.6140]) {
        near(value, expected, 0.01);
    }
    // Nobody is alive by construction here.
    assert!(matches!(fit.model.p_alive(&customer(&cdnow(), "0003").history), Alive::Probability(p) if p < 0.9));
}

#[test]
fn gamma_gamma_has_its_published_parameters() {
    let customers = cdnow();
    let spends: Vec<Spend> = customers.iter().map(|customer| customer.spend).collect();
    let started = std::time::Instant::now();
    let fit = fit_spend(&spends, 100).unwrap();
    println!("{:?} LL {:.4} {:.1} ms", fit.model, fit.log_likelihood, started.elapsed().as_secs_f64() * 1e3);
    near(fit.model.p, 6.2496, 0.005);
    near(fit.model.q, 3.7442, 0.005);
    near(fit.model.gamma, 15.4435, 0.005);
    within(fit.log_likelihood, -4055.918, 1e-3);
    assert_eq!((fit.customers, fit.findings.clone()), (946, vec![]));
    near(fit.model.population_mean().unwrap(), 35.1704, 1e-3);
    within(fit.correlation.unwrap(), 0.1139, 1e-4);
    for (id, [amount, ..]) in EXPECTED {
        near(fit.expected(&customer(&customers, id).spend).amount, *amount, 0.005);
    }
}

#[test]
fn lifetime_values_agree_with_lifetimes() {
    let customers = cdnow();
    let purchases = fitted(Kind::BgNbd);
    let spends: Vec<Spend> = customers.iter().map(|customer| customer.spend).collect();
    let money = fit_spend(&spends, 100).unwrap();
    let value = |c: &Customer| clv(&purchases.model, &money, &c.history, &c.spend, &Terms::default()).unwrap().value;
    let total: f64 = customers.iter().map(value).sum();
    println!("sum of CLV {total:.2}");
    near(total, 71507.95, 0.001);
    for (id, [_, expected, ..]) in EXPECTED {
        near(value(customer(&customers, id)), *expected, 0.005);
    }
}

/// Gradients against central differences, away from the optimum.
#[test]
fn gradients_are_those_of_the_likelihood() {
    let histories = histories(&cdnow());
    let check = |make: &dyn Fn(&[f64]) -> Model, point: &[f64]| {
        let gradient = make(point).gradient(&histories);
        for (i, slope) in gradient.iter().enumerate() {
            let moved = |by: f64| {
                let mut point = point.to_vec();
                point[i] *= 1.0 + by;
                make(&point).log_likelihood(&histories)
            };
            let expected = (moved(1e-6) - moved(-1e-6)) / (2e-6 * point[i]);
            let size = slope.abs().max(expected.abs()).max(1.0);
            assert!((slope - expected).abs() < 2e-4 * size, "{point:?}, {i}: {slope} against {expected}");
        }
    };
    for leaving in [kith_statistics::Leaving::AfterRepeats, kith_statistics::Leaving::AfterAny] {
        let make = |p: &[f64]| Model::Leaving(LeavingModel { leaving, r: p[0], alpha: p[1], a: p[2], b: p[3] });
        for point in [[0.25, 4.5, 0.8, 2.5], [1.0, 20.0, 1.0, 1.0], [0.05, 0.3, 10.0, 0.2], [40.0, 300.0, 0.01, 30.0]] {
            check(&make, &point);
        }
    }
    let make = |p: &[f64]| Model::ParetoNbd(ParetoNbd { r: p[0], alpha: p[1], s: p[2], beta: p[3] });
    for point in [[0.55, 10.6, 0.6, 11.7], [1.0, 20.0, 1.0, 3.0], [0.05, 0.3, 5.0, 80.0], [3.0, 90.0, 0.01, 0.05]] {
        check(&make, &point);
    }
    let make = |p: &[f64]| Model::Nbd(kith_statistics::Nbd { r: p[0], alpha: p[1] });
    for point in [[0.25, 4.5], [30.0, 1.0]] {
        check(&make, &point);
    }
}

#[test]
fn the_gradient_of_the_spend_model_is_that_of_its_likelihood() {
    let spends: Vec<Spend> = cdnow().iter().map(|customer| customer.spend).collect();
    for point in [[6.25, 3.74, 15.4], [1.0, 1.0, 1.0], [0.2, 30.0, 400.0]] {
        let make = |p: [f64; 3]| kith_statistics::GammaGamma { p: p[0], q: p[1], gamma: p[2] };
        for (i, slope) in make(point).gradient(&spends).into_iter().enumerate() {
            let moved = |by: f64| {
                let mut point = point;
                point[i] *= 1.0 + by;
                make(point).log_likelihood(&spends)
            };
            let expected = (moved(1e-6) - moved(-1e-6)) / (2e-6 * point[i]);
            assert!((slope - expected).abs() < 1e-4 * slope.abs().max(1.0), "{point:?} {i}: {slope} {expected}");
        }
    }
}

#[test]
fn a_small_group_needs_a_prior_and_leans_on_it() {
    let customers = cdnow();
    let few: Vec<History> = customers.iter().take(60).map(|customer| customer.history).collect();
    let few = Histories::of(&few).unwrap();
    let refused = fit(&few, &FitOptions::default());
    assert!(matches!(refused, Err(kith_statistics::Error::TooFewRepeaters { needed: 100, .. })), "{refused:?}");
    let all = fitted(Kind::BgNbd);
    let prior = Some(kith_statistics::Prior { centre: all.model, spread: 0.3 });
    let held = fit(&few, &FitOptions { prior, ..FitOptions::default() }).unwrap();
    assert!(held.findings.iter().any(|finding| matches!(finding, Finding::LeansOnPrior { .. })), "{held:?}");
    for ((name, ours), (_, pooled)) in held.model.parameters().into_iter().zip(all.model.parameters()) {
        assert!((ours / pooled).ln().abs() < 0.6, "{name}: {ours} against {pooled}");
    }
}
