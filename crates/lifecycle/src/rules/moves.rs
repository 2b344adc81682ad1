//! The stages of a relationship, and which may follow which: the one table of it.

use kith_kernel::text_enum;

text_enum! {
    /// Where the relationship with a customer stands (Dwyer, Schurr & Oh 1987).
    #[derive(Default)]
    pub enum LifecycleStage {
        /// No valid order yet: outside the stages.
        #[default]
        Prospect = "PROSPECT",
        /// Both sides try each other: few orders, or a short time.
        Exploration = "EXPLORATION",
        /// It grows.
        Formation = "FORMATION",
        /// It holds its level.
        Stability = "STABILITY",
        /// It falls apart: too long a silence, a fallen margin, a notice, a severe case.
        Degeneration = "DEGENERATION",
        /// It is over. A new order begins a second lifetime.
        Ended = "ENDED",
    }
}

use LifecycleStage::{Degeneration, Ended, Exploration, Formation, Prospect, Stability};

impl LifecycleStage {
    /// The stages that may follow, by rule and by hand. A prospect's relationship may begin anywhere: its earlier orders may
    /// come in late. Nobody becomes a prospect by hand; the rules make one of who has no valid order any more.
    pub const fn next(self) -> &'static [LifecycleStage] {
        match self {
            Prospect => &[Exploration, Formation, Stability, Degeneration, Ended],
            Exploration => &[Formation, Degeneration],
            Formation => &[Stability, Degeneration],
            Stability => &[Degeneration],
            Degeneration => &[Formation, Stability, Ended],
            Ended => &[Exploration],
        }
    }

    /// Whether `to` may follow.
    pub fn may_become(self, to: Self) -> bool {
        self.next().contains(&to)
    }

    /// The stages on the way to the end, the last one included: it is not reached but through degeneration.
    pub const fn to_the_end(self) -> &'static [LifecycleStage] {
        match self {
            Ended => &[],
            Prospect | Degeneration => &[Ended],
            Exploration | Formation | Stability => &[Degeneration, Ended],
        }
    }

    /// The stage to go to now when the rules point to `target`: itself where that is legal, else the next one on the way, or
    /// the present one where no way leads there.
    pub(super) fn towards(self, target: Self) -> Self {
        match (self, target) {
            _ if self == target || self.may_become(target) => target,
            // Without orders there is no relationship, whatever was before.
            (_, Prospect) => Prospect,
            // Growth comes before its level is held; who comes back grows again.
            (Exploration, Stability) | (Degeneration, Exploration) => Formation,
            (Exploration | Formation | Stability, Ended) => Degeneration,
            (Ended, _) => Ended,
            _ => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [LifecycleStage; 6] = [Prospect, Exploration, Formation, Stability, Degeneration, Ended];

    #[test]
    fn the_table_is_that_of_the_domain() {
        let legal: Vec<(LifecycleStage, LifecycleStage)> = ALL
            .iter()
            .flat_map(|from| from.next().iter().map(|to| (*from, *to)))
            .filter(|(f, _)| *f != Prospect)
            .collect();
        let expected = [
            (Exploration, Formation),
            (Exploration, Degeneration),
            (Formation, Stability),
            (Formation, Degeneration),
            (Stability, Degeneration),
            (Degeneration, Formation),
            (Degeneration, Stability),
            (Degeneration, Ended),
            (Ended, Exploration),
        ];
        assert_eq!(legal, expected);
    }

    #[test]
    fn every_step_is_legal_or_none() {
        for from in ALL {
            for target in ALL {
                let step = from.towards(target);
                assert!(step == from || step == Prospect || from.may_become(step), "{from:?} {target:?} {step:?}");
            }
            let mut at = from;
            for step in from.to_the_end() {
                assert!(at.may_become(*step), "{from:?} {step:?}");
                at = *step;
            }
            assert_eq!(at, Ended);
        }
    }
}
