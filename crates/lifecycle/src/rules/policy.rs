//! The numbers of the rules.

/// Every number that the stages and the loyalty ladder depend on. The defaults are those of the definition.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Policy {
    /// Silence, in typical gaps, beyond which a relationship falls apart, where the peers do not tell.
    pub silence_limit: f64,
    /// The share of its earlier best that a margin must not fall to.
    pub fall_to: f64,
    /// Occasions from which a fall counts.
    pub fall_occasions: u32,
    /// Days after which an open severe case counts.
    pub case_days: u32,
    /// Growth a period above which a relationship grows.
    pub growth: f64,
    /// Periods, of the last ones, in which the level must have risen for it to grow.
    pub rises: u32,
    /// How many last periods growth is read from.
    pub growth_periods: u32,
    /// Periods that make a level.
    pub level_periods: u32,
    /// Occasions below which both sides still try each other.
    pub exploration_occasions: u32,
    /// Periods before which they do.
    pub exploration_periods: f64,
    /// Periods for which a stage is kept at least, unless the relationship falls apart.
    pub keep_periods: u32,
    /// The shortest period, in months.
    pub least_period_months: u32,
    /// The point of a customer's own periods that a single large one counts as, for growth only.
    pub winsor: f64,
    /// Whether periods are compared with those of a year before, once there are 24 months.
    pub is_seasonal: bool,
    /// Days after the end of a contract within which it can be renewed.
    pub grace_days: u32,
    /// Occasions of a regular customer.
    pub regular_occasions: u32,
    /// Occasions of a long-standing one.
    pub long_standing_occasions: u32,
    /// Age of a long-standing one, in gaps of the peers.
    pub long_standing_gaps: f64,
    /// Loyalty index, of 100, of a loyal one.
    pub loyal_index: f64,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            silence_limit: 3.0,
            fall_to: 0.6,
            fall_occasions: 4,
            case_days: 30,
            growth: 0.05,
            rises: 4,
            growth_periods: 6,
            level_periods: 3,
            exploration_occasions: 3,
            exploration_periods: 2.0,
            keep_periods: 1,
            least_period_months: 1,
            winsor: 0.95,
            is_seasonal: false,
            grace_days: 30,
            regular_occasions: 2,
            long_standing_occasions: 4,
            long_standing_gaps: 4.0,
            loyal_index: 70.0,
        }
    }
}
