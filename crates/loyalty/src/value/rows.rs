//! One customer as it is stored: the facts, what they mean against the borders, and where he stood before.

use super::assess::{Base, Future, Judge, Measures};
use super::borders::Borders;
use super::clv::{ClvMethod, ValueState};
use super::facts::{self, Facts};
use super::indicator::IndicatorSource;
use super::number::{decimal, shown, text};
use super::potential::Potential;
use super::profile::{Layer, RuledImportance, ValueClass};
use super::segment;
use super::{ClvEstimate, ValueProfile, ValueScore};
use kith_journal::derived;
use kith_kernel::ids::{AccountId, PurchaseModelId, ValueModelId};
use kith_kernel::{Custom, Cx, Meta, Money, Shape};
use kith_statistics::{self as statistics, Alive, DAYS_PER_WEEK, Score, SpendBasis};
use rust_decimal::Decimal;
use serde_json::{Value, json};

/// Where a customer stood before.
#[derive(Clone, Copy, Debug, Default)]
pub struct Before {
    /// Its layer, and the one that was proposed.
    pub layer: (Layer, Option<Layer>),
    /// Its class, and the one that was proposed.
    pub class: (ValueClass, Option<ValueClass>),
}

/// What is stored of one customer.
#[derive(Debug)]
pub struct Assessed {
    /// What it is worth.
    pub profile: ValueProfile,
    /// What it will bring.
    pub clv: ClvEstimate,
    /// Its numbers, for whoever goes on from here.
    pub base: Base,
}

impl Judge<'_> {
    /// Assesses a customer. `is_run`: as part of a run, in which what the last one proposed comes true.
    pub fn assess(&self, cx: &Cx, facts: &Facts, before: Option<Before>, is_run: bool) -> Assessed {
        let base = Base::of(facts, self.as_of);
        let future = self.future(&base);
        let potential = self.potential(&base, &future);
        let measures = self.measures(&base, &future, potential.value, potential.share);
        let score = self.score(&measures, base.occasions > 0);
        let clv = self.clv(cx, facts, (&base, &future));
        let mut profile = self.profile(cx, facts, &base, &potential, (score.ok(), &measures));
        self.place(&mut profile, &base, before, is_run);
        profile.importance = importance(&profile, &potential);
        Assessed { profile, clv, base }
    }

    fn profile(
        &self,
        cx: &Cx,
        facts: &Facts,
        base: &Base,
        potential: &Potential,
        (score, measures): (Option<Score>, &Measures),
    ) -> ValueProfile {
        let money = |amount: Decimal| Money { amount: amount.round_dp(4), currency: cx.currency };
        let number = |value: Option<f64>| value.and_then(decimal);
        let (state, reasons) = state(facts, score.is_some());
        let ranked = base.is_active().then_some(base);
        let rfm = |axis, value: fn(&Base) -> f64| ranked.map(|base| self.borders.rfm(axis, value(base)));
        let (r, f) = (rfm(0, |base| -f64::from(base.recency)), rfm(1, |base| f64::from(base.window_occasions)));
        let m = rfm(2, |base| base.revenue);
        let need = potential.wallet.map(|_| match &facts.wallet {
            Some((_, source)) if !potential.is_guess => source.clone(),
            _ => "PEERS".to_owned(),
        });
        let day = |occasion: Option<&facts::Occasion>| occasion.map(|occasion| facts::day(occasion.day));
        ValueProfile {
            account_id: AccountId(facts.account),
            model_id: self.model_id(),
            as_of: self.as_of,
            state,
            reasons: Custom(Value::from(reasons)),
            first_on: facts.began().map(facts::day),
            last_on: day(facts.bought().last()),
            occasions: i32::try_from(base.occasions).unwrap_or(i32::MAX),
            window_occasions: facts.window_occasions,
            typical_gap: number((base.occasions > 0 && !base.by_contract).then(|| self.typical_gap(base))),
            regularity: number(base.regularity),
            frequency: number(measures.get(&(IndicatorSource::Frequency, None)).copied()),
            revenue: money(facts.revenue),
            profit: money(facts.margin - facts.cost_to_serve),
            profit_rate: number(measures.get(&(IndicatorSource::ProfitRate, None)).copied()),
            cost_to_serve: money(facts.cost_to_serve),
            lifetime_revenue: money(facts.lifetime_revenue),
            lifetime_profit: money(facts.lifetime_margin),
            acquisition_cost: money(facts.acquisition_cost),
            rfm_recency: r,
            rfm_frequency: f,
            rfm_monetary: m,
            rfm_segment: r.zip(f).zip(m).map(|((r, f), m)| segment::named(&self.segments, r, f + m)),
            abc: ranked.map(|base| abc(self.borders, base).to_owned()),
            wallet: number(potential.wallet).map(money),
            share_of_wallet: number(potential.share),
            potential: number(potential.value),
            potential_parts: Custom(self.explained(potential, base, need.as_deref())),
            wallet_source: need,
            // Where it never bought, until it is placed.
            layer: if facts.is_prospect { Layer::Prospect } else { Layer::Suspect },
            score: score.as_ref().map(|score| score.score),
            score_reference: score.as_ref().map(|score| score.reference),
            score_coverage: score.as_ref().map(|score| score.coverage.round_dp(4)),
            contributions: Custom(self.contributions(score.as_ref(), measures, base.occasions > 0)),
            ..ValueProfile::blank(meta(cx, facts))
        }
    }

    fn model_id(&self) -> Option<ValueModelId> {
        (self.model.number > 0).then_some(ValueModelId(self.model.meta.id))
    }

    /// What each indicator adds to the reference.
    fn contributions(&self, score: Option<&Score>, measures: &Measures, bought: bool) -> Value {
        let Some(score) = score else { return json!([]) };
        let each = self.counting(bought).zip(&score.contributions).map(|(indicator, contribution)| {
            json!({
                "code": indicator.code,
                "source": indicator.source.as_str(),
                "windowDays": indicator.window_days,
                "value": measures.get(&indicator.measure()).copied().and_then(shown),
                "points": self.points(indicator, measures).and_then(shown),
                "reference": text(self.mean(&indicator.code)),
                "weight": text(indicator.weight),
                "contribution": text(*contribution),
            })
        });
        Value::Array(each.collect())
    }

    fn clv(&self, cx: &Cx, facts: &Facts, (base, future): (&Base, &Future)) -> ClvEstimate {
        let number = |value: Option<f64>| value.and_then(decimal);
        let money = |value: f64| decimal(value).map(|amount| Money { amount, currency: cx.currency });
        let (terms, next) = (self.clv_terms(base), self.next_purchase(facts, base));
        let (nothing, why) = state(facts, true);
        let blank = ClvEstimate {
            account_id: AccountId(facts.account),
            as_of: self.as_of,
            horizon_months: self.terms.horizon_months,
            monthly_discount: self.terms.monthly_discount,
            margin: number(Some(100.0 * terms.margin)),
            method: ClvMethod::Historic,
            state: nothing,
            reasons: Custom(Value::from(why)),
            factors: Custom(json!({})),
            next_purchase_on: next.on,
            next_purchase_from: next.from,
            next_purchase_to: next.to,
            next_purchase_rule: next.rule,
            ..ClvEstimate::blank(meta(cx, facts))
        };
        if let Some(agreed) = &future.agreed {
            let reasons = if facts.unconverted > 0 { vec!["UNCONVERTED"] } else { Vec::new() };
            return ClvEstimate {
                state: if reasons.is_empty() { ValueState::Ok } else { ValueState::Partial },
                reasons: Custom(Value::from(reasons)),
                method: ClvMethod::Contract,
                value: money(agreed.value),
                factors: Custom(agreed.factors.clone()),
                ..blank
            };
        }
        if base.occasions == 0 {
            return blank;
        }
        if base.is_over() {
            let (state, reasons) = (ValueState::NotApplicable, Custom(json!(["NO_CONTRACT"])));
            return ClvEstimate { state, reasons, ..blank };
        }
        let Some(((purchase, found), (history, spend))) = self.purchase(base).zip(future.found).zip(base.history())
        else {
            let (value, method) = match self.simple(base) {
                Some(value) => (money(value), ClvMethod::Simple),
                None => (money(super::number::real(facts.lifetime_margin)), ClvMethod::Historic),
            };
            let few = if base.by_contract { "FEW_CONTRACTS" } else { "TOO_FEW_REPEATERS" };
            let unconverted = (facts.unconverted > 0).then_some("UNCONVERTED");
            let reasons = Custom(Value::from(std::iter::once(few).chain(unconverted).collect::<Vec<_>>()));
            return ClvEstimate { state: ValueState::InsufficientData, reasons, method, value, ..blank };
        };
        let week = |days: f64| days / DAYS_PER_WEEK;
        let chance = |days| number(Some(purchase.model.p_buy(&history, week(days))));
        let basis = match found.spend.basis {
            SpendBasis::Model => "MODEL",
            SpendBasis::Population => "POPULATION",
            SpendBasis::Shrunk => "SHRUNK",
            SpendBasis::Group => "GROUP",
        };
        let (state, reasons) = state(facts, true);
        ClvEstimate {
            purchase_model_id: Some(PurchaseModelId(purchase.id)),
            state,
            reasons: Custom(Value::from(reasons)),
            method: ClvMethod::Probabilistic,
            value: money(found.value),
            // Where nobody is seen leaving, being alive says nothing.
            probability_alive: match purchase.model.p_alive(&history) {
                Alive::NotIdentified => None,
                alive => number(Some(alive.value())),
            },
            probability_buy30: chance(30.0),
            probability_buy90: chance(90.0),
            probability_buy365: chance(365.0),
            expected_purchases: number(Some(found.purchases)),
            expected_spend: money(found.spend.amount),
            spend_basis: Some(basis.to_owned()),
            factors: Custom(self.factors(purchase, (history, spend), found.value, &terms)),
            ..blank
        }
    }

    /// What the value is made of, and what one more purchase today would make of it.
    fn factors(
        &self,
        purchase: &super::purchase::Purchase,
        (history, spend): (statistics::History, statistics::Spend),
        value: f64,
        terms: &statistics::Terms,
    ) -> Value {
        let more = statistics::History { repeats: history.repeats.saturating_add(1), last: history.age, ..history };
        let again = statistics::Spend { repeats: more.repeats, mean: purchase.spends.expected(&spend).amount };
        let would = statistics::clv(&purchase.model, &purchase.spends, &more, &again, terms);
        json!({
            "model": purchase.model.name(),
            "alive": match purchase.model.p_alive(&history) {
                Alive::Probability(_) => "ESTIMATED",
                Alive::ByConstruction => "BY_CONSTRUCTION",
                Alive::NotIdentified => "NOT_IDENTIFIED",
            },
            "repeats": history.repeats,
            "lastPurchaseWeeks": shown(history.age - history.last),
            "ageWeeks": shown(history.age),
            "meanRepeatSpend": shown(spend.mean),
            "oneMorePurchaseToday": would.ok().and_then(|clv| shown(clv.value - value)),
        })
    }
}

/// The id is the account's.
fn meta(cx: &Cx, facts: &Facts) -> Meta {
    Meta { id: facts.account, ..Meta::new(cx) }
}

fn state(facts: &Facts, scored: bool) -> (ValueState, Vec<&'static str>) {
    // What was bought at rates that nobody knows is not nothing.
    if facts.bought().is_empty() && facts.bought_unknown() {
        return (ValueState::InsufficientData, vec!["UNCONVERTED"]);
    }
    let doubts = [
        ("COST_ESTIMATED", facts.uncosted > Decimal::ZERO),
        ("UNCONVERTED", facts.unconverted > 0),
        ("COVERAGE", !scored && !facts.bought().is_empty()),
    ];
    let reasons: Vec<_> = doubts.iter().filter(|(_, holds)| *holds).map(|(code, _)| *code).collect();
    match reasons.as_slice() {
        _ if facts.bought().is_empty() => (ValueState::NotApplicable, vec!["NO_ORDERS"]),
        [] => (ValueState::Ok, reasons),
        _ if !scored => (ValueState::InsufficientData, reasons),
        _ => (ValueState::Partial, reasons),
    }
}

fn abc(borders: &Borders, base: &Base) -> &'static str {
    // Equals are told apart by their ids, so that the classes hold exactly what they are defined to.
    let reaches =
        |(least, last): (f64, uuid::Uuid)| base.revenue > least || (base.revenue == least && base.account <= last);
    let [a, b] = borders.abc;
    match base.revenue {
        revenue if revenue <= 0.0 => "N",
        _ if reaches(a) => "A",
        _ if reaches(b) => "B",
        _ => "C",
    }
}

fn importance(profile: &ValueProfile, potential: &Potential) -> RuledImportance {
    let rising = potential.parts.iter().any(|(name, value, ..)| *name == "trend" && *value > 1.0);
    match (profile.value_class, profile.layer) {
        (ValueClass::Platinum, _) | (_, Layer::Top) => RuledImportance::Vip,
        (ValueClass::Gold, _) | (_, Layer::Large) => RuledImportance::Key,
        (ValueClass::Iron, _) if rising => RuledImportance::Key,
        _ => RuledImportance::Ordinary,
    }
}

impl Assessed {
    /// What is kept of the day.
    pub fn score(&self, cx: &Cx) -> ValueScore {
        let profile = &self.profile;
        ValueScore {
            account_id: profile.account_id,
            model_id: profile.model_id,
            as_of: profile.as_of,
            score: profile.score,
            layer: profile.layer,
            value_class: profile.value_class,
            potential: profile.potential,
            revenue: profile.revenue,
            profit: profile.profit,
            clv: self.clv.value,
            ..ValueScore::blank(Meta { id: derived::of_day(profile.account_id.0, profile.as_of), ..Meta::new(cx) })
        }
    }
}
