//! Where a customer stands: the layer of the pyramid and the class of the quadrant, without flicker.

use super::ValueProfile;
use super::assess::{Base, Judge};
use super::indicator::IndicatorSource;
use super::model::{PyramidScheme, QuadrantScheme};
use super::number::real;
use super::profile::{Layer, ValueClass};
use super::rows::Before;

/// Points past a border at which a customer moves at once.
const MARGIN: f64 = kith_statistics::MARGIN;

impl Judge<'_> {
    /// Puts the customer into a layer and a class, without flicker: a move needs three points past the border, or two
    /// runs in a row.
    pub(super) fn place(&self, profile: &mut ValueProfile, base: &Base, before: Option<Before>, is_run: bool) {
        let (layer, score) = self.layer(profile, base);
        let old = before.map(|before| before.layer).filter(|(old, _)| is_active(*old) && is_active(layer));
        let past = |old| score.map_or(f64::MAX, |score| past_borders(self.borders.layers, score, (old, layer)));
        (profile.layer, profile.layer_proposed) = settle(old, layer, past, is_run);
        let (class, distances) = self.class(profile, base);
        let unclassified = ValueClass::Unclassified;
        let old = before.map(|before| before.class).filter(|(old, _)| *old != unclassified && class != unclassified);
        let past = |old| past_cuts(distances, (old, class));
        (profile.value_class, profile.class_proposed) = settle(old, class, past, is_run);
    }

    /// The layer, and the score that tells it; none where no score does, so that it moves at once.
    fn layer(&self, profile: &ValueProfile, base: &Base) -> (Layer, Option<f64>) {
        if !base.is_active() {
            let never =
                if base.pipeline > 0.0 || profile.layer == Layer::Prospect { Layer::Prospect } else { Layer::Suspect };
            return (if base.occasions > 0 { Layer::Inactive } else { never }, None);
        }
        let by_revenue = self.model.pyramid == PyramidScheme::Contribution;
        let value = if by_revenue { Some(base.revenue) } else { profile.score.map(real) };
        let Some(value) = value else { return (Layer::Small, None) };
        let reached = self.borders.layers.iter().position(|border| value >= *border);
        let layer = match reached {
            Some(0) => Layer::Top,
            Some(1) => Layer::Large,
            Some(_) => Layer::Medium,
            None => Layer::Small,
        };
        // Amounts have no points: a customer moves when the border does.
        (layer, (!by_revenue).then_some(value))
    }

    /// The class, and how far value and potential are from their cuts.
    fn class(&self, profile: &ValueProfile, base: &Base) -> (ValueClass, [f64; 2]) {
        let (cut, potential_cut) = (self.borders.value_cut, self.borders.potential_cut);
        let by_score = self.model.quadrant == QuadrantScheme::Score;
        let value = if by_score { profile.score.map(real) } else { Some(base.profit) };
        let (Some(x), Some(y), true) = (value, profile.potential.map(real), base.is_active()) else {
            return (ValueClass::Unclassified, [f64::MAX; 2]);
        };
        let class = match (x >= cut, y >= potential_cut) {
            (false, false) => ValueClass::Lead,
            (false, true) => ValueClass::Iron,
            (true, false) => ValueClass::Gold,
            (true, true) => ValueClass::Platinum,
        };
        let scale = self.borders.scale(IndicatorSource::Profit);
        let points = |profit: f64| scale.and_then(|scale| scale.percentile(profit));
        let across =
            if by_score { Some((x - cut).abs()) } else { points(x).zip(points(cut)).map(|(a, b)| (a - b).abs()) };
        (class, [across.unwrap_or(f64::MAX), (y - potential_cut).abs()])
    }
}

fn is_active(layer: Layer) -> bool {
    matches!(layer, Layer::Top | Layer::Large | Layer::Medium | Layer::Small)
}

/// How far a score is past the last of the borders that lie between two layers. Borders: of TOP, LARGE and MEDIUM.
fn past_borders(borders: [f64; 3], score: f64, (old, new): (Layer, Layer)) -> f64 {
    let place = |layer: Layer| match layer {
        Layer::Top => 0_usize,
        Layer::Large => 1,
        Layer::Medium => 2,
        _ => 3,
    };
    let (old, new) = (place(old), place(new));
    let crossed = borders.iter().skip(old.min(new)).take(old.abs_diff(new));
    crossed.map(|border| (score - border).abs()).fold(f64::MAX, f64::min)
}

/// The lesser distance from the cuts of value and potential, of those that lie between two classes.
fn past_cuts(distances: [f64; 2], (old, new): (ValueClass, ValueClass)) -> f64 {
    let axes = highs(old).into_iter().zip(highs(new)).zip(distances);
    let crossed = axes.filter(|((old, new), _)| old != new).map(|(_, distance)| distance);
    crossed.fold(f64::MAX, f64::min)
}

/// Whether value and potential are high.
fn highs(class: ValueClass) -> [bool; 2] {
    match class {
        ValueClass::Lead | ValueClass::Unclassified => [false, false],
        ValueClass::Iron => [false, true],
        ValueClass::Gold => [true, false],
        ValueClass::Platinum => [true, true],
    }
}

/// Where he stands from now on, and what is proposed. `past`: how far he is past what divides the old place from this.
fn settle<T: Copy + PartialEq>(
    before: Option<(T, Option<T>)>,
    now: T,
    past: impl Fn(T) -> f64,
    is_run: bool,
) -> (T, Option<T>) {
    match before {
        Some((old, proposed)) if old != now && past(old) < MARGIN => match is_run {
            true if proposed == Some(now) => (now, None),
            true => (old, Some(now)),
            false => (old, proposed),
        },
        _ => (now, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From a layer by a score, where the borders are 80, 60 and 40.
    fn run(before: (Layer, Option<Layer>), score: f64, now: Layer) -> (Layer, Option<Layer>) {
        settle(Some(before), now, |old| past_borders([80.0, 60.0, 40.0], score, (old, now)), true)
    }

    #[test]
    fn the_last_border_that_was_crossed_counts() {
        use Layer::{Large, Medium, Small, Top};
        // 19 past the border of MEDIUM, and one short of that of LARGE.
        assert_eq!(run((Small, None), 59.0, Medium), (Medium, None));
        assert_eq!(run((Small, None), 41.0, Medium), (Small, Some(Medium)));
        assert_eq!(run((Small, Some(Medium)), 41.0, Medium), (Medium, None));
        // 19 below the border of TOP, and one above that of LARGE.
        assert_eq!(run((Top, None), 61.0, Large), (Large, None));
        assert_eq!(run((Top, None), 79.0, Large), (Top, Some(Large)));
        // Two at once: the second counts.
        assert_eq!(run((Small, None), 61.0, Large), (Small, Some(Large)));
        assert_eq!(run((Top, None), 41.0, Medium), (Medium, None));
        assert_eq!(run((Top, None), 58.0, Medium), (Top, Some(Medium)));
        assert_eq!(run((Medium, Some(Small)), 59.0, Medium), (Medium, None), "where he was he stays");
    }

    #[test]
    fn only_the_cuts_that_were_crossed_count() {
        use ValueClass::{Gold, Iron, Lead, Platinum};
        // Far from the cut of value, and near to that of potential.
        let run = |old, now| settle(Some((old, None)), now, |old| past_cuts([20.0, 1.0], (old, now)), true);
        for (old, now) in [(Lead, Gold), (Gold, Lead), (Iron, Platinum), (Platinum, Iron)] {
            assert_eq!(run(old, now), (now, None), "{old:?} to {now:?}");
        }
        for (old, now) in [(Lead, Iron), (Platinum, Gold), (Lead, Platinum), (Gold, Iron)] {
            assert_eq!(run(old, now), (old, Some(now)), "{old:?} to {now:?}");
        }
    }
}
