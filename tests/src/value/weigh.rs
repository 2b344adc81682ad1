//! Weights from comparisons of pairs (AHP, Saaty 1980): the principal eigenvector, by hand for three indicators and by the
//! equation that defines it for four, and the refusal of comparisons that contradict each other.

use super::{Market, number};
use kith_testkit::{Answer, Client};
use serde_json::{Value, json};

/// Mean consistency index of random comparisons of three (Saaty 1980).
const RANDOM_OF_THREE: f64 = 0.58;

/// How many times as much the first matters as the second.
type Pair<'a> = (&'a str, &'a str, &'a str);

/// A draft whose indicators give points as they are: revenue, money an occasion, and days since the last.
async fn draft(market: &Market) -> String {
    let model = json!({"name": "Compared", "defaultMargin": "100"});
    let model = market.admin.post("/v1/value-models", model).await.expect(201).id();
    for (code, source) in [("revenue", "REVENUE"), ("basket", "AVERAGE_OCCASION"), ("silence", "RECENCY")] {
        indicator(market, &model, code, source).await;
    }
    model
}

async fn indicator(market: &Market, model: &str, code: &str, source: &str) {
    let body = json!({"modelId": model, "code": code, "source": source, "weight": "1", "scale": "ANCHORS", "anchors": [[0, 0], [100, 100]]});
    market.admin.post("/v1/value-indicators", body).await.expect(201);
}

fn comparisons(pairs: &[Pair]) -> Value {
    let one = |(left, right, ratio): &Pair| json!({"left": left, "right": right, "ratio": ratio});
    json!({"comparisons": pairs.iter().map(one).collect::<Vec<_>>()})
}

async fn weigh(client: &Client, model: &str, pairs: &[Pair<'_>]) -> Answer {
    client.post(&format!("/v1/value-models/{model}/weigh"), comparisons(pairs)).await
}

/// The weights as they are stored, in the order of the codes.
async fn weights<const N: usize>(market: &Market, model: &str, codes: [&str; N]) -> [f64; N] {
    let found = market.admin.get(&format!("/v1/value-indicators?filter[modelId]={model}&limit=50")).await.expect(200);
    let rows = found.at("/data").as_array().unwrap().clone();
    codes.map(|code| number(&rows.iter().find(|row| row["code"] == code).unwrap()["weight"]))
}

const CODES: [&str; 3] = ["revenue", "basket", "silence"];

/// Revenue over basket, revenue over silence, basket over silence.
fn three<'a>(ratios: [&'a str; 3]) -> [Pair<'a>; 3] {
    [("revenue", "basket", ratios[0]), ("revenue", "silence", ratios[1]), ("basket", "silence", ratios[2])]
}

#[actix_web::test]
async fn three_weigh_as_the_geometric_means_of_their_comparisons_and_count_in_scores() {
    let market = Market::on("2026-11-20");
    market.accounts(&["a".to_owned()]).await;
    let model = draft(&market).await;
    let done = weigh(&market.admin, &model, &three(["3", "5", "3"])).await.expect(200);
    assert_eq!((done.at("/id"), done.at("/status")), (&json!(model), &json!("DRAFT")));
    // The rows are 1, 3, 5 and 1/3, 1, 3 and 1/5, 1/3, 1: of three, the eigenvector is that of the cube roots of their
    // products, which are 15, 1 and 1/15.
    let root = 15.0_f64.cbrt();
    let sum = root + 1.0 + 1.0 / root;
    let expected = [root, 1.0, 1.0 / root].map(|mean| 100.0 * mean / sum);
    let found = weights(&market, &model, CODES).await;
    assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-3), "{found:?} instead of {expected:?}");
    assert!(found.iter().zip([63.699, 25.828, 10.473]).all(|(a, b)| (a - b).abs() < 1e-3), "{found:?}");

    // Two orders of 30, twenty days ago and before: 60, 30 and 20 points, 48.06 together; with equal weights it is 36.7.
    market.admin.post(&format!("/v1/value-models/{model}/publish"), json!({})).await.expect(200);
    market.orders(&[Market::order("a", 1, "2026-10-31", "30"), Market::order("a", 2, "2026-06-01", "30")]).await;
    market.run(None).await;
    let profile = market.account("a", "valueProfile").await["valueProfile"].clone();
    assert_eq!((number(&profile["score"]), &profile["scoreCoverage"]), (48.06, &json!("1.00")), "{profile}");
    let late = weigh(&market.admin, &model, &three(["1", "1", "1"])).await.expect(409);
    assert_eq!((late.code(), late.at("/detail")), ("ILLEGAL_TRANSITION", &json!("The model is PUBLISHED.")));
    assert_eq!(weights(&market, &model, CODES).await, found);
}

#[actix_web::test]
async fn four_weigh_as_their_comparisons_multiply_them() {
    let market = Market::on("2026-11-20");
    let model = draft(&market).await;
    indicator(&market, &model, "tenure", "TENURE").await;
    let codes = ["revenue", "basket", "silence", "tenure"];
    let table = [[1.0, 2.0, 4.0, 7.0], [0.5, 1.0, 3.0, 5.0], [0.25, 1.0 / 3.0, 1.0, 2.0], [1.0 / 7.0, 0.2, 0.5, 1.0]];
    // One is said the other way round, which is the same.
    let pairs = [
        ("revenue", "basket", "2"),
        ("silence", "revenue", "0.25"),
        ("revenue", "tenure", "7"),
        ("basket", "silence", "3"),
        ("basket", "tenure", "5"),
        ("silence", "tenure", "2"),
    ];
    let mutation = "mutation($id: UUID!, $input: ValueModelWeighInput!) { it: valueModelWeigh(id: $id, input: $input) { status } }";
    let done = market.admin.graphql(mutation, json!({"id": model, "input": comparisons(&pairs)})).await.expect(200);
    assert_eq!(done.at("/data/it/status"), "DRAFT", "{}", done.body);
    let found = weights(&market, &model, codes).await;
    assert!((found.iter().sum::<f64>() - 100.0).abs() < 1e-3, "{found:?}");
    assert!(found.is_sorted_by(|a, b| a > b), "{found:?}");
    // The table makes of the weights the same weights, each as many times as large.
    let times = table.map(|row| row.iter().zip(found).map(|(ratio, weight)| ratio * weight).sum::<f64>());
    let larger: Vec<f64> = times.iter().zip(found).map(|(product, weight)| product / weight).collect();
    assert!(larger.iter().all(|one| (one - larger[0]).abs() < 1e-3), "{larger:?} for {found:?}");
    assert!(larger[0] > 4.0 && larger[0] < 4.05, "nearly consistent: {larger:?}");
}

#[actix_web::test]
async fn comparisons_that_contradict_each_other_are_refused_beyond_a_tenth() {
    let market = Market::on("2026-11-20");
    let model = draft(&market).await;
    // Three times three is nine; the third pair says less. Of three the eigenvalue is 1 + t + 1/t, t³ being how much less.
    let ratio = |closing: f64| {
        let t = (9.0 / closing).cbrt();
        (1.0 + t + 1.0 / t - 3.0) / 2.0 / RANDOM_OF_THREE
    };
    assert!(ratio(3.2) > 0.10 && ratio(3.3) < 0.10, "{} {}", ratio(3.2), ratio(3.3));
    let refused = weigh(&market.admin, &model, &three(["3", "3.2", "3"])).await.expect(422);
    assert_eq!((refused.code(), refused.pointers()), ("VALIDATION_FAILED", vec!["/comparisons"]));
    assert_eq!(refused.at("/errors/0/code"), "INVALID");
    let told = format!("consistency ratio {:.3}, at most 0.10", ratio(3.2));
    assert!(refused.text.contains(&told), "{told}: {}", refused.text);
    // A over B, B over C, and C over A.
    weigh(&market.admin, &model, &three(["5", "0.2", "5"])).await.expect(422);
    assert_eq!(weights(&market, &model, CODES).await, [1.0; 3], "nothing was changed");
    assert_eq!(market.admin.get(&format!("/v1/value-models/{model}")).await.expect(200).at("/version"), 1);
    weigh(&market.admin, &model, &three(["3", "3.3", "3"])).await.expect(200);
    let found = weights(&market, &model, CODES).await;
    assert!(found[0] > found[1] && found[1] > found[2] && found[0] < 60.0, "{found:?}");
}

#[actix_web::test]
async fn every_pair_is_compared_once_by_who_may() {
    let market = Market::on("2026-11-20");
    let model = draft(&market).await;
    let [one, two, _] = three(["3", "5", "3"]);
    let few = weigh(&market.admin, &model, &[one, two]).await.expect(422);
    assert_eq!((few.pointers(), few.at("/errors/0/code")), (vec!["/comparisons"], &json!("REQUIRED")));
    assert!(few.text.contains("1 pairs were not compared"), "{}", few.text);
    // Every mistake at once: a code that nobody knows, ratios out of reach, and one that is no number.
    let wrong = [("revenue", "colour", "3"), one, ("revenue", "silence", "9.5"), ("basket", "silence", "0.1"), two];
    let wrong =
        weigh(&market.admin, &model, &[&wrong[..], &[("basket", "silence", "much")]].concat()).await.expect(422);
    let places = ["/comparisons/0", "/comparisons/2", "/comparisons/3", "/comparisons/5", "/comparisons"];
    assert_eq!(wrong.pointers(), places, "{}", wrong.text);
    // Said twice, the second must not silently count for more; nor is anything compared with itself.
    let twice = [one, two, ("basket", "silence", "3"), ("basket", "revenue", "2"), ("silence", "silence", "2")];
    let twice = weigh(&market.admin, &model, &twice).await.expect(422);
    assert_eq!(twice.pointers(), ["/comparisons/3", "/comparisons/4"], "{}", twice.text);
    let member = market.stage.as_role(&market.tenant, "MEMBER");
    assert_eq!(weigh(&member, &model, &three(["3", "5", "3"])).await.expect(403).code(), "FORBIDDEN");
    assert_eq!(weights(&market, &model, CODES).await, [1.0; 3]);
    let bare = market.admin.post("/v1/value-models", json!({"name": "Bare"})).await.expect(201).id();
    let usual = [("profit", "frequency", "2"), ("profit", "recency", "2"), ("frequency", "recency", "1")];
    let none = weigh(&market.admin, &bare, &usual).await.expect(422);
    assert!(none.text.contains("The model has no indicators yet"), "{}", none.text);
}
