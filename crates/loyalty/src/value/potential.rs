//! What more there is to gain from a customer: the gap to what he needs, what others like him buy and he does not, where he is
//! heading, and what is being offered. Of somebody who never bought, how well he fits.

use super::affinity::Opening;
use super::assess::{Base, Future, Judge};
use super::number::shown;
use serde_json::{Value, json};

/// The least that has to be known.
const LEAST: usize = 2;

/// Families that are named.
const NAMED: usize = 3;

/// What more there is to gain.
#[derive(Clone, Debug, Default)]
pub struct Potential {
    /// 0 to 100; none where fewer than two parts are known.
    pub value: Option<f64>,
    /// What he needs a year.
    pub wallet: Option<f64>,
    /// Whether that is a guess by his peers.
    pub is_guess: bool,
    /// Per cent of it that we cover.
    pub share: Option<f64>,
    /// Each part with its value, points and weight.
    pub parts: Vec<(&'static str, f64, f64, f64)>,
}

impl Judge<'_> {
    /// What a customer needs a year: what somebody said, or what the best of his peers spend, but never less than he
    /// spends with us. Nothing is learned of the peers of those who have none.
    pub fn wallet(&self, base: &Base) -> Option<(f64, bool)> {
        let own = self.yearly(base);
        let stated = base.wallet.map(|wallet| (wallet.max(own), false));
        let peers = || self.borders.wallets.get(&base.peers.to_string()).map(|wallet| (wallet.max(own), true));
        stated.or_else(peers).filter(|(wallet, _)| *wallet > 0.0)
    }

    /// Revenue of a year.
    pub fn yearly(&self, base: &Base) -> f64 {
        base.revenue.max(0.0) * 365.0 / f64::from(self.terms.window_days)
    }

    /// Margin expected next year over that of the last.
    pub fn trend(&self, base: &Base, future: &Future) -> Option<f64> {
        let last = base.margin * 365.0 / f64::from(self.terms.window_days);
        future.next_year.filter(|_| last > 0.0).map(|next| next / last)
    }

    /// The parts that are known, weighted.
    pub fn potential(&self, base: &Base, future: &Future) -> Potential {
        let wallet = self.wallet(base);
        let own = self.yearly(base);
        let parts = if base.occasions > 0 { self.parts(base, future, wallet) } else { self.borders.fit.parts(base) };
        let weights: f64 = parts.iter().map(|(.., weight)| weight).sum();
        let mean = || parts.iter().map(|(.., points, weight)| points * weight).sum::<f64>() / weights;
        Potential {
            value: (parts.len() >= LEAST).then(mean),
            wallet: wallet.map(|(wallet, _)| wallet),
            is_guess: wallet.is_some_and(|(_, guess)| guess),
            share: wallet.map(|(wallet, _)| 100.0 * own / wallet),
            parts,
        }
    }

    /// Those of a customer: gap 40, white space 30, trend 15, pipeline 15.
    fn parts(&self, base: &Base, future: &Future, wallet: Option<(f64, bool)>) -> Vec<(&'static str, f64, f64, f64)> {
        let known = [
            ("walletGap", wallet.map(|(wallet, _)| wallet - self.yearly(base)), &self.borders.wallet_gap, 40.0),
            ("whiteSpace", self.borders.affinity.white_space(base.owned), &self.borders.white_space, 30.0),
            ("trend", self.trend(base, future), &self.borders.trend, 15.0),
            ("pipeline", Some(base.pipeline), &self.borders.pipeline, 15.0),
        ];
        known
            .into_iter()
            .filter_map(|(name, value, scale, weight)| Some((name, value?, scale.percentile(value?)?, weight)))
            .collect()
    }
}

impl Judge<'_> {
    /// The parts of a potential as they stand in answers, each with what it rests on. `need`: where the wallet comes from.
    pub fn explained(&self, potential: &Potential, base: &Base, need: Option<&str>) -> Value {
        let part = |(name, value, points, weight): &(&str, f64, f64, f64)| {
            let source = match *name {
                "walletGap" => need,
                "whiteSpace" => Some("FAMILIES_OWNED_TOGETHER"),
                "trend" => Some("PURCHASE_MODEL"),
                "industry" => Some("CUSTOMERS_OF_INDUSTRY"),
                "size" => Some("CUSTOMERS_OF_SIZE"),
                "engagement" => Some("INBOUND_INTERACTIONS"),
                _ => Some("OPPORTUNITIES"),
            };
            let mut part = json!({"part": name, "value": shown(*value), "points": shown(*points), "weight": shown(*weight), "source": source});
            if let (&"whiteSpace", Some(part)) = (name, part.as_object_mut()) {
                part.insert("families".to_owned(), self.families(base));
            }
            part
        };
        Value::Array(potential.parts.iter().map(part).collect())
    }

    /// The families that add most to the white space.
    fn families(&self, base: &Base) -> Value {
        let family = |one: Opening| json!({"familyId": one.family, "chance": shown(one.chance), "margin": shown(one.margin), "value": shown(one.value())});
        Value::Array(self.borders.affinity.largest(base.owned, NAMED).into_iter().map(family).collect())
    }
}
