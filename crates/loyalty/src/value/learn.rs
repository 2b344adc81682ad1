//! What is learned from all customers together, in the order in which one thing rests on another: gaps and margins,
//! then what they need and will bring, then the scales of the indicators, then scores and the cuts through them.

use super::affinity::Affinity;
use super::assess::{Base, Future, Judge};
use super::borders::{self, Borders, Scale, UNREACHED, least, real as counted};
use super::contract::Lasting;
use super::families::Family;
use super::fit::Fit;
use super::indicator::IndicatorSource;
use super::model::{PyramidScheme, QuadrantScheme, Terms};
use super::number::{decimal, real};
use super::{Purchases, ValueIndicator, ValueModel};
use chrono::NaiveDate;
use kith_statistics::{self as statistics, Real};
use rust_decimal::Decimal;
use std::collections::{BTreeMap, HashMap};
use uuid::Uuid;

/// Groups of peers smaller than this tell nothing about what one of them needs.
const LEAST_PEERS: usize = 20;
/// Gap between purchases that customers are taken to have where nobody bought twice, in days.
const USUAL_GAP: f64 = 30.0;

/// What there is to learn from.
#[derive(Debug)]
pub struct Lesson<'a> {
    /// The model.
    pub model: &'a ValueModel,
    /// Its indicators.
    pub indicators: &'a [ValueIndicator],
    /// Customers who ever bought.
    pub customers: &'a [Base],
    /// The purchase models.
    pub purchases: Option<&'a Purchases>,
    /// The last day that counts.
    pub as_of: NaiveDate,
    /// The families of products that the customers may own.
    pub families: &'a [Family],
    /// How long subscriptions last.
    pub contracts: &'a Lasting,
    /// Contacts that each of those began who never bought.
    pub contacts: &'a [u32],
}

impl Lesson<'_> {
    /// Learns it.
    pub fn learn(&self) -> Borders {
        let mut borders = self.basics();
        (borders.rfm, borders.abc) = self.ranks();
        let futures = self.outlook(&mut borders);
        let scored = self.scales(&mut borders, &futures);
        self.cuts(&mut borders, &scored);
        let profits = borders.scale(IndicatorSource::Profit).cloned().unwrap_or_default();
        borders.fit = Fit::learn(self.active(), &profits, self.contacts);
        borders
    }

    fn terms(&self) -> Terms {
        self.model.terms()
    }

    fn active(&self) -> impl Iterator<Item = &Base> {
        self.customers.iter().filter(|base| base.is_active())
    }

    fn judge<'b>(&'b self, borders: &'b Borders) -> Judge<'b> {
        let Lesson { model, indicators, purchases, as_of, .. } = *self;
        Judge { model, terms: self.terms(), segments: model.segments(), indicators, borders, purchases, as_of }
    }

    /// Gaps, silence, margins, who stayed, and what is owned together.
    fn basics(&self) -> Borders {
        let gaps = Scale::of(self.customers.iter().filter_map(|base| base.gap).collect());
        let gap = gaps.median().unwrap_or(USUAL_GAP).max(1.0);
        // Of contracts no cost is known, and who goes on by agreement tells nothing of who comes back by himself.
        let by_orders = || self.customers.iter().filter(|base| !base.by_contract);
        let active = by_orders().filter(|base| base.is_active());
        let (revenue, margin) = active.fold((0.0, 0.0), |(r, m), base| (r + base.revenue, m + base.margin));
        let before = by_orders().filter(|base| base.yearly[1] > 0).count();
        let stayed = by_orders().filter(|base| base.yearly.iter().all(|count| *count > 0)).count();
        Borders {
            active: u64::try_from(self.active().count()).unwrap_or(0),
            gap,
            margin: if revenue > 0.0 { margin / revenue } else { real(self.terms().default_margin) / 100.0 },
            // With everybody staying there is no end, and no value without one.
            retention: (before >= LEAST_PEERS).then(|| (counted(stayed) / counted(before)).min(0.99)),
            contracts: self.contracts.clone(),
            affinity: Affinity::learn(self.families, self.customers.iter().map(|base| base.owned)),
            ..Borders::default()
        }
    }

    /// RFM and ABC of the active.
    fn ranks(&self) -> ([Vec<f64>; 3], [(f64, Uuid); 2]) {
        let axis = |value: fn(&Base) -> f64| {
            let values: Vec<f64> = self.active().map(value).collect();
            let ranked: Vec<Real> = values.iter().filter_map(|value| Real::of(*value)).collect();
            least(&values, &statistics::rank_scores(&ranked, 5))
        };
        let rfm = [
            axis(|base| -f64::from(base.recency)),
            axis(|base| f64::from(base.window_occasions)),
            axis(|base| base.revenue),
        ];
        let mut ordered: Vec<&Base> = self.active().collect();
        ordered.sort_by_key(|base| base.account);
        let revenues: Vec<Decimal> = ordered.iter().map(|base| decimal(base.revenue).unwrap_or_default()).collect();
        let abc = statistics::concentration(&revenues).ok().map(|found| {
            let of = |class| {
                let those = found.classes.iter().zip(&ordered).filter(move |(other, _)| **other <= class);
                let last = those.map(|(_, base)| (base.revenue, base.account));
                let least = last.min_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)));
                least.unwrap_or((UNREACHED, Uuid::nil()))
            };
            [of(statistics::Class::A), of(statistics::Class::B)]
        });
        (rfm, abc.unwrap_or([(UNREACHED, Uuid::nil()); 2]))
    }

    /// What they need, will bring, and are being offered; with what is expected of each of the active.
    fn outlook(&self, borders: &mut Borders) -> Vec<Future> {
        let (judge, mut groups) = (self.judge(borders), HashMap::<u64, Vec<f64>>::new());
        for base in self.active().filter(|base| base.peers != 0) {
            groups.entry(base.peers).or_default().push(judge.yearly(base));
        }
        let large = groups.into_iter().filter(|(_, spends)| spends.len() >= LEAST_PEERS);
        let wallets: BTreeMap<String, f64> = large
            .filter_map(|(peers, spends)| Some((peers.to_string(), statistics::quantile(&spends, 0.8)?)))
            .collect();
        borders.wallets = wallets;
        let judge = self.judge(borders);
        let gap = |base: &Base| judge.wallet(base).map(|(wallet, _)| wallet - judge.yearly(base));
        let wallet_gap = Scale::of(self.active().filter_map(gap).collect());
        let white_space =
            Scale::of(self.active().filter_map(|base| borders.affinity.white_space(base.owned)).collect());
        let futures: Vec<Future> = self.active().map(|base| judge.future(base)).collect();
        let each = self.active().zip(&futures);
        let trend = Scale::of(each.filter_map(|(base, future)| judge.trend(base, future)).collect());
        let pipeline = Scale::of(self.active().map(|base| base.pipeline).collect());
        (borders.wallet_gap, borders.white_space) = (wallet_gap, white_space);
        (borders.trend, borders.pipeline) = (trend, pipeline);
        futures
    }

    /// The scales of the indicators and their mean points; then the score, profit, potential and revenue of each.
    fn scales(&self, borders: &mut Borders, futures: &[Future]) -> Vec<[Option<f64>; 4]> {
        let judge = self.judge(borders);
        let all: Vec<_> = self
            .active()
            .zip(futures)
            .map(|(base, future)| {
                let potential = judge.potential(base, future);
                (base, potential.value, judge.measures(base, future, potential.value, potential.share))
            })
            .collect();
        let usual = IndicatorSource::ALL.iter().filter_map(|(name, _)| Some((IndicatorSource::from_text(name)?, None)));
        let wanted = usual.chain(self.indicators.iter().map(ValueIndicator::measure));
        let sources: BTreeMap<String, Scale> = wanted
            .map(|measure| {
                let values = match measure.0 {
                    // Nobody who bought has it.
                    IndicatorSource::Engagement => self.contacts.iter().map(|contacts| f64::from(*contacts)).collect(),
                    _ => all.iter().filter_map(|(.., measures)| measures.get(&measure).copied()).collect(),
                };
                (borders::key(measure), Scale::of(values))
            })
            .collect();
        borders.sources = sources;
        let judge = self.judge(borders);
        let mean = |indicator: &ValueIndicator| {
            let points: Vec<f64> = all.iter().filter_map(|(.., measures)| judge.points(indicator, measures)).collect();
            (!points.is_empty()).then(|| points.iter().sum::<f64>() / counted(points.len()))
        };
        let means: BTreeMap<String, f64> =
            self.indicators.iter().filter_map(|one| Some((one.code.clone(), mean(one)?))).collect();
        borders.means = means;
        let judge = self.judge(borders);
        all.iter()
            .map(|(base, potential, measures)| {
                let score = judge.score(measures, true).ok().map(|score| real(score.score));
                [score, Some(base.profit), *potential, Some(base.revenue)]
            })
            .collect()
    }

    /// Where the layers and the classes begin.
    fn cuts(&self, borders: &mut Borders, scored: &[[Option<f64>; 4]]) {
        let column = |at: usize| scored.iter().filter_map(|row| row.get(at).copied().flatten()).collect::<Vec<f64>>();
        let [scores, profits, potentials, revenues] = [column(0), column(1), column(2), column(3)];
        let percents = self.terms().borders.map(real);
        borders.layers = match self.model.pyramid {
            PyramidScheme::Thresholds => percents,
            PyramidScheme::Quota => quotas(&scores, percents),
            PyramidScheme::Contribution => percents.map(|percent| contribution(&revenues, percent / 100.0)),
        };
        borders.value_cut = match (self.model.value_cut, self.model.quadrant) {
            (Some(cut), _) => real(cut),
            (None, QuadrantScheme::Profit) => contribution(&profits, 0.8),
            (None, QuadrantScheme::Score) => statistics::median(&scores).unwrap_or(UNREACHED),
        };
        let median = || statistics::median(&potentials).unwrap_or(UNREACHED);
        borders.potential_cut = self.model.potential_cut.map_or_else(median, real);
    }
}

/// The least score of the layers that hold these shares of the customers.
fn quotas(scores: &[f64], percents: [f64; 3]) -> [f64; 3] {
    let [top, large, medium] = percents.map(|percent| percent / 100.0);
    let shares = [top, large, medium, (1.0 - top - large - medium).max(0.0)];
    let ranked: Vec<Real> = scores.iter().filter_map(|score| Real::of(*score)).collect();
    let Ok(layers) = statistics::by_quota(&ranked, &shares) else { return [UNREACHED; 3] };
    let begins = |layer: usize| {
        let inside = scores.iter().zip(&layers).filter(|(_, other)| **other <= layer).map(|(score, _)| *score);
        inside.min_by(f64::total_cmp).unwrap_or(UNREACHED)
    };
    [begins(0), begins(1), begins(2)]
}

/// The least value among the fewest that together make a share of the positive total.
fn contribution(values: &[f64], share: f64) -> f64 {
    let mut falling: Vec<f64> = values.iter().copied().filter(|value| *value > 0.0).collect();
    falling.sort_by(|a, b| b.total_cmp(a));
    let total: f64 = falling.iter().sum();
    let mut before = 0.0;
    let inside = falling.into_iter().take_while(|value| {
        let counts = before < share * total;
        before += value;
        counts
    });
    inside.last().unwrap_or(UNREACHED)
}
