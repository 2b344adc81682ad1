//! The CDNOW sample after the calibration: forecasts against what came, ranks, concentration.

use crate::common::{Customer, cdnow, end, near, within};
use kith_statistics::{
    Class, FitOptions, Histories, Kind, Logistic, Model, Spend, Terms, auc, brier, clv_interval, concentration, errors,
    expected_so_far, fit, fit_spend, ntile_scores, quantile, rank_scores, rfm,
};
use rust_decimal::Decimal;
use std::collections::BTreeMap;

fn model(customers: &[Customer], kind: Kind) -> Model {
    let histories = Histories::of(&customers.iter().map(|customer| customer.history).collect::<Vec<_>>()).unwrap();
    fit(&histories, &FitOptions { kind, ..FitOptions::default() }).unwrap().model
}

fn held_out(customer: &Customer) -> f64 {
    customer.days.iter().filter(|(day, _)| *day > end()).map(|_| 1.0).sum()
}

#[test]
fn forecasts_miss_by_what_they_are_known_to_miss_by() {
    let customers = cdnow();
    let actual: Vec<f64> = customers.iter().map(held_out).collect();
    for (kind, total, absolute, square, correlation) in
        [(Kind::BgNbd, 1653.41, 0.7855, Some(1.608), 0.6256), (Kind::ParetoNbd, 1665.51, 0.7545, None, 0.6302)]
    {
        let model = model(&customers, kind);
        let expected: Vec<f64> = customers.iter().map(|c| model.expected(&c.history, 39.0)).collect();
        let found = errors(&expected, &actual).unwrap();
        println!("{}: {found:?}", model.name());
        near(found.total.unwrap() + 1.0, total / 1882.0, 0.001);
        within(found.mean_absolute, absolute, 5e-4);
        within(found.correlation.unwrap(), correlation, 5e-4);
        square.into_iter().for_each(|square| within(found.root_mean_square, square, 1e-3));
    }
}

#[test]
fn the_cohort_is_tracked_to_week_78() {
    let customers = cdnow();
    let start = crate::common::day("1997-01-01");
    let mut entries: BTreeMap<i32, u64> = BTreeMap::new();
    let mut weekly = [0.0; 78];
    for customer in &customers {
        *entries.entry(customer.days[0].0).or_default() += 1;
        for (day, _) in customer.days.iter().skip(1) {
            weekly[usize::try_from(day - start).unwrap() / 7] += 1.0;
        }
    }
    // Purchases are at the end of their day, as the age of a customer counts whole days after the first.
    let entries: Vec<(f64, u64)> = entries.iter().map(|(day, n)| (f64::from(day - start + 1) / 7.0, *n)).collect();
    let weeks: Vec<f64> = (0..=78).map(f64::from).collect();
    assert_eq!(weekly.iter().sum::<f64>(), 4339.0);
    for (kind, total) in [(Kind::BgNbd, 4160.6), (Kind::ParetoNbd, 4270.0)] {
        let so_far = expected_so_far(&model(&customers, kind), &entries, &weeks);
        near(so_far[78], total, 0.001);
        if kind == Kind::BgNbd {
            within(so_far[78] - so_far[39], 1666.7, 2.0);
            let each: Vec<f64> = so_far.windows(2).skip(39).map(|pair| pair[1] - pair[0]).collect();
            let found = errors(&each, &weekly[39..]).unwrap();
            println!("weekly MAPE {:?}, total {:?}", found.mean_relative, found.total);
            within(found.mean_relative.unwrap(), 0.1943, 0.01);
        }
    }
}

#[test]
fn who_buys_again_is_ranked_as_known() {
    let customers = cdnow();
    let model = model(&customers, Kind::BgNbd);
    let outcomes: Vec<bool> = customers.iter().map(|customer| held_out(customer) > 0.0).collect();
    let buys: Vec<f64> = customers.iter().map(|customer| model.p_buy(&customer.history, 39.0)).collect();
    within(auc(&buys, &outcomes).unwrap(), 0.7569, 1e-3);
    within(brier(&buys, &outcomes).unwrap(), 0.1612, 1e-3);
    within(buys.iter().sum::<f64>() / 2357.0, 0.2618, 1e-3);
    let recency: Vec<f64> = customers.iter().map(|c| c.history.last - c.history.age).collect();
    within(auc(&recency, &outcomes).unwrap(), 0.7714, 1e-3);
    let frequency: Vec<f64> = customers.iter().map(|c| f64::from(c.history.repeats)).collect();
    within(auc(&frequency, &outcomes).unwrap(), 0.7576, 1e-3);
    // Five folds by number, as a check that a small regression ranks a little better than both.
    let features = |c: &Customer| {
        let spend: f64 = c.days.iter().filter(|(day, _)| *day <= end()).map(|(_, amount)| amount).sum();
        let silence = c.history.age - c.history.last;
        vec![f64::from(c.history.repeats).ln_1p(), silence.ln_1p(), c.history.age.ln_1p(), spend.ln_1p()]
    };
    let rows: Vec<Vec<f64>> = customers.iter().map(features).collect();
    let mut predicted = vec![0.0; rows.len()];
    for fold in 0..5 {
        let train: Vec<usize> = (0..rows.len()).filter(|i| i % 5 != fold).collect();
        let (x, y): (Vec<Vec<f64>>, Vec<bool>) = train.iter().map(|i| (rows[*i].clone(), outcomes[*i])).unzip();
        let fitted = Logistic::fit(&x, &y, 1.0).unwrap();
        (0..rows.len()).filter(|i| i % 5 == fold).for_each(|i| predicted[i] = fitted.predict(&rows[i]));
    }
    println!(
        "logistic AUC {:.4} Brier {:.4}",
        auc(&predicted, &outcomes).unwrap(),
        brier(&predicted, &outcomes).unwrap()
    );
    within(auc(&predicted, &outcomes).unwrap(), 0.7792, 0.005);
    within(brier(&predicted, &outcomes).unwrap(), 0.1562, 0.003);
}

/// Sums of each customer to the end of the data: last day, purchase days, money.
fn totals(customers: &[Customer]) -> Vec<(i32, u32, Decimal)> {
    let total = |customer: &Customer| {
        let sum: f64 = customer.days.iter().map(|(_, amount)| amount).sum();
        let money = Decimal::try_from(sum).unwrap().round_dp(2);
        (customer.days.last().unwrap().0, u32::try_from(customer.days.len()).unwrap(), money)
    };
    customers.iter().map(total).collect()
}

#[test]
fn rfm_has_its_reference_counts() {
    let customers = cdnow();
    let totals = totals(&customers);
    let scores = rfm(&totals);
    let counts = |level: fn(&kith_statistics::Rfm) -> u8| {
        let count = |wanted: u8| scores.iter().filter(|score| level(score) == wanted).count();
        [1, 2, 3, 4, 5].map(count)
    };
    assert_eq!(counts(|score| score.recency), [482, 471, 463, 470, 471]);
    assert_eq!(counts(|score| score.frequency), [1218, 0, 403, 358, 378]);
    assert_eq!(counts(|score| score.monetary), [481, 462, 472, 471, 471]);
    let cell = |level: u8| scores.iter().filter(|s| [s.recency, s.frequency, s.monetary] == [level; 3]).count();
    assert_eq!((cell(5), cell(1)), (233, 177));
    for (id, expected) in
        [("0001", [4, 4, 4]), ("0002", [1, 3, 4]), ("0003", [1, 1, 1]), ("0006", [5, 5, 5]), ("0009", [5, 5, 4])]
    {
        let place = customers.iter().position(|customer| customer.id == id).unwrap();
        let found = scores[place];
        assert_eq!([found.recency, found.frequency, found.monetary], expected, "{id}");
    }
    // By buckets of equal size, which tear equal customers apart.
    let (days, counts): (Vec<i32>, Vec<u32>) = totals.iter().map(|total| (total.0, total.1)).unzip();
    let money: Vec<Decimal> = totals.iter().map(|total| total.2).collect();
    let (r, f, m) = (ntile_scores(&days, 5), ntile_scores(&counts, 5), ntile_scores(&money, 5));
    let cell = |level: u8| (0..r.len()).filter(|i| r[*i] == level && f[*i] == level && m[*i] == level).count();
    assert_eq!((cell(5), cell(1)), (247, 171));
    assert_eq!(rank_scores(&counts, 5).iter().filter(|score| **score == 2).count(), 0);
    let spend: Vec<f64> = money.iter().map(|m| m.to_string().parse().unwrap()).collect();
    for (q, expected) in [(0.2, 15.36), (0.4, 31.96), (0.6, 59.25), (0.8, 130.44)] {
        within(quantile(&spend, q).unwrap(), expected, 0.01);
    }
}

#[test]
fn concentration_has_its_reference_values() {
    let money: Vec<Decimal> = totals(&cdnow()).into_iter().map(|total| total.2).collect();
    let found = concentration(&money).unwrap();
    println!("top 20 % {:.5}, Gini {:.5}, total {}", found.top(0.2), found.gini, found.total);
    assert_eq!([Class::A, Class::B, Class::C, Class::N].map(|class| found.count(class)), [777, 801, 771, 8]);
    assert_eq!(found.total, Decimal::new(24_409_194, 2));
    within(found.top(0.2), 0.6745, 1e-4);
    within(found.gini, 0.63092, 1e-5);
}

#[test]
fn intervals_hold_the_value_and_are_the_same_every_time() {
    let customers = cdnow();
    let histories = Histories::of(&customers.iter().map(|customer| customer.history).collect::<Vec<_>>()).unwrap();
    let purchases = fit(&histories, &FitOptions::default()).unwrap();
    let spends: Vec<Spend> = customers.iter().map(|customer| customer.spend).collect();
    let money = fit_spend(&spends, 100).unwrap();
    let members: Vec<_> = customers.iter().map(|customer| (customer.history, customer.spend)).collect();
    let started = std::time::Instant::now();
    let all = clv_interval(&purchases, &money, &members, &Terms::default(), 200, 42).unwrap();
    println!("all: {all:?} in {:.0} ms", started.elapsed().as_secs_f64() * 1e3);
    assert!(all.low < 71_507.95 && 71_507.95 < all.high && all.high < 1.3 * all.low, "{all:?}");
    let best = customers.iter().position(|customer| customer.id == "1516").unwrap();
    let one = clv_interval(&purchases, &money, &members[best..=best], &Terms::default(), 200, 42).unwrap();
    println!("1516: {one:?}");
    assert!(one.low < 972.0 && 972.0 < one.high, "{one:?}");
    assert_eq!(one, clv_interval(&purchases, &money, &members[best..=best], &Terms::default(), 200, 42).unwrap());
    assert!(clv_interval(&purchases, &money, &[], &Terms::default(), 200, 42).is_err());
}
