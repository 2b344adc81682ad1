//! Properties of the models over wide grids of parameters and histories, extreme ones among them.

use kith_statistics::{
    FitOptions, GammaGamma, Histories, History, Kind, Leaving, LeavingModel, Model, Nbd, ParetoNbd, Random, Spend, fit,
    fit_spend,
};

const SMALL: &[f64] = &[1e-6, 1e-2, 0.25, 1.0, 7.0, 1e3, 1e6];

fn models() -> Vec<Model> {
    let mut models = Vec::new();
    for r in SMALL {
        for alpha in [1e-4, 0.5, 10.0, 1e5] {
            models.push(Model::Nbd(Nbd { r: *r, alpha }));
            for first in SMALL {
                for second in [1e-6, 0.3, 1.0, 40.0, 1e6] {
                    for leaving in [Leaving::AfterRepeats, Leaving::AfterAny] {
                        models.push(Model::Leaving(LeavingModel { leaving, r: *r, alpha, a: *first, b: second }));
                    }
                    models.push(Model::ParetoNbd(ParetoNbd { r: *r, alpha, s: *first, beta: second }));
                }
            }
        }
    }
    models
}

fn histories() -> Vec<History> {
    [
        (0, 0.0, 0.0),
        (0, 0.0, 40.0),
        (1, 1e-3, 1e-3),
        (1, 0.1, 500.0),
        (3, 20.0, 40.0),
        (60, 39.9, 40.0),
        (5_000, 2.0, 3_000.0),
    ]
    .map(|(repeats, last, age)| History { repeats, last, age })
    .to_vec()
}

#[test]
fn every_answer_is_finite_and_every_chance_a_chance() {
    let histories = histories();
    let all = Histories::of(&histories).unwrap();
    let mut checked = 0_u32;
    for model in models() {
        assert!(model.log_likelihood(&all).is_finite(), "{model:?}");
        assert!(model.gradient(&all).iter().all(|slope| slope.is_finite()), "{model:?} {:?}", model.gradient(&all));
        for history in &histories {
            let alive = model.p_alive(history).value();
            assert!((0.0..=1.0).contains(&alive), "{model:?} {history:?}: {alive}");
            let (mut buys_before, mut expected_before, mut new_before) = (0.0, 0.0, 0.0);
            for t in [0.0, 1e-6, 4.0, 52.0, 1e4] {
                let (buys, expected) = (model.p_buy(history, t), model.expected(history, t));
                assert!((0.0..=1.0).contains(&buys), "{model:?} {history:?} {t}: {buys}");
                assert!(expected.is_finite() && expected >= 0.0, "{model:?} {history:?} {t}: {expected}");
                assert!(
                    buys >= buys_before - 1e-9 && expected >= expected_before * (1.0 - 1e-7),
                    "{model:?} {history:?} {t}"
                );
                // Who buys, buys at least once.
                assert!(buys <= expected * (1.0 + 1e-7) + 1e-9, "{model:?} {history:?} {t}: {buys} {expected}");
                let new = model.expected_new(t);
                assert!(new.is_finite() && new >= new_before * (1.0 - 1e-7), "{model:?} {t}: {new}");
                (buys_before, expected_before, new_before) = (buys, expected, new);
                checked += 1;
            }
            let next = model.next_purchase(history, 104.0);
            for wait in [next.median, next.mean].into_iter().flatten() {
                assert!((0.0..104.0).contains(&wait), "{model:?} {history:?}: {wait}");
            }
        }
    }
    assert!(checked > 50_000, "{checked}");
}

#[test]
fn a_later_last_purchase_makes_life_likelier() {
    for model in models() {
        for repeats in [1_u32, 4, 30] {
            let mut before = 0.0;
            for last in [0.5, 5.0, 15.0, 30.0, 39.0, 40.0] {
                let alive = model.p_alive(&History { repeats, last, age: 40.0 }).value();
                assert!(alive >= before - 1e-12, "{model:?} {repeats} {last}: {alive} after {before}");
                before = alive;
            }
        }
    }
}

/// A cohort drawn from BG/NBD itself, observed for a year.
fn simulated(customers: u32, (r, alpha, a, b): (f64, f64, f64, f64), seed: u64) -> Vec<History> {
    let mut random = Random::new(seed);
    let mut one = || {
        let (rate, chance) = (random.gamma(r, alpha), random.beta(a, b));
        let (age, mut now, mut last, mut repeats) = (20.0 + 32.0 * random.uniform(), 0.0, 0.0, 0);
        loop {
            now -= random.uniform().ln() / rate;
            if now > age || repeats > 10_000 {
                return History { repeats, last, age };
            }
            (last, repeats) = (now, repeats + 1);
            if random.uniform() < chance {
                return History { repeats, last, age };
            }
        }
    };
    (0..customers).map(|_| one()).collect()
}

#[test]
fn parameters_of_simulated_customers_are_found_again() {
    let truth = (0.6, 5.0, 0.9, 2.5);
    let cohort = Histories::of(&simulated(8_000, truth, 5)).unwrap();
    let found = fit(&cohort, &FitOptions::default()).unwrap();
    let errors = found.standard_errors().unwrap();
    let expected = [truth.0, truth.1, truth.2, truth.3];
    for (((name, value), error), expected) in found.model.parameters().into_iter().zip(errors).zip(expected) {
        assert!((value / expected).ln().abs() < 4.0 * error, "{name}: {value} against {expected}, error {error}");
    }
}

#[test]
fn odd_cohorts_are_fitted_or_refused_with_a_reason() {
    let many = |history: History, count: u64| (history, count);
    let h = |repeats, last, age| History { repeats, last, age };
    let cohorts: Vec<Vec<(History, u64)>> = vec![
        // Everybody alike.
        vec![many(h(3, 30.0, 40.0), 500)],
        // Bought once more at once, then never again.
        vec![many(h(1, 0.1, 50.0), 500)],
        // Like clockwork, to the last day.
        vec![many(h(50, 50.0, 50.0), 300), many(h(49, 50.0, 51.0), 300)],
        // One giant among customers who never came back.
        vec![many(h(0, 0.0, 50.0), 5_000), many(h(3_000, 49.0, 50.0), 1), many(h(1, 20.0, 50.0), 120)],
        // Seconds, and thousands of years.
        vec![many(h(2, 1e-6, 2e-6), 200), many(h(0, 0.0, 3e-6), 300)],
        vec![many(h(2, 1e5, 2e5), 200), many(h(0, 0.0, 3e5), 300)],
        // No time at all has passed.
        vec![many(h(1, 0.0, 0.0), 200)],
    ];
    for cohort in cohorts {
        let histories = Histories::counted(cohort.clone()).unwrap();
        for kind in [Kind::BgNbd, Kind::MbgNbd, Kind::ParetoNbd] {
            match fit(&histories, &FitOptions { kind, ..FitOptions::default() }) {
                Ok(found) => {
                    println!("{kind:?} {:?} {:.3} {:?}", found.model, found.log_likelihood, found.findings);
                    assert!(found.log_likelihood.is_finite());
                    for (history, _) in &cohort {
                        assert!(found.model.expected(history, 52.0).is_finite(), "{found:?}");
                        assert!((0.0..=1.0).contains(&found.model.p_buy(history, 52.0)), "{found:?}");
                    }
                }
                Err(error) => println!("{kind:?}: {error}"),
            }
        }
    }
}

#[test]
fn expected_spend_is_finite_and_between_own_and_group() {
    let mut random = Random::new(9);
    let truth = GammaGamma { p: 5.0, q: 4.0, gamma: 20.0 };
    let mut spends: Vec<Spend> = (0..3_000_u32)
        .map(|i| {
            let repeats = 1 + i % 6;
            let rate = random.gamma(truth.q, truth.gamma);
            Spend { repeats, mean: random.gamma(truth.p * f64::from(repeats), rate * f64::from(repeats)) }
        })
        .collect();
    // Two who got everything back, and one who never came back.
    spends.extend([(2, 0.0), (3, -4.0), (0, 0.0)].map(|(repeats, mean)| Spend { repeats, mean }));
    let found = fit_spend(&spends, 100).unwrap();
    println!("{:?} {:?}", found.model, found.findings);
    assert!((found.model.p / truth.p).ln().abs() < 0.2 && (found.model.q / truth.q).ln().abs() < 0.2, "{found:?}");
    assert_eq!(found.findings, [kith_statistics::SpendFinding::LeftOut { customers: 2 }]);
    for spend in &spends {
        let expected = found.expected(spend).amount;
        let (low, high) =
            (spend.mean.min(found.model.population_mean().unwrap()), spend.mean.max(found.group_mean * 1.2));
        assert!(
            expected.is_finite() && (spend.mean <= 0.0 || (low..=high).contains(&expected)),
            "{spend:?} {expected}"
        );
    }
    // A tail so heavy that the population has no mean.
    let heavy: Vec<Spend> = (1..400).map(|i| Spend { repeats: 2, mean: f64::from(i).powi(6).recip() * 1e15 }).collect();
    let found = fit_spend(&heavy, 100).unwrap();
    println!("{:?} {:?}", found.model, found.findings);
    for spend in &heavy {
        assert!(found.expected(spend).amount.is_finite());
    }
}
