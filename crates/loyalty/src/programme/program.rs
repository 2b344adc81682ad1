//! Programmes: the rules by which points are earned, spent and lost.

use super::{schedule, settle};
use crate::AREA;
use diesel::PgConnection;
use kith_journal::{store, verbs};
use kith_kernel::ids::LoyaltyProgramId;
use kith_kernel::{
    Action, Command, Currency, Cx, Error, Nothing, Relation, Resource, Result, Row, Shape, Violations, codes, text_enum,
};
use kith_macros::resource;
use rust_decimal::Decimal;
use uuid::Uuid;

text_enum! {
    /// How far a programme is.
    #[derive(Default)]
    pub enum ProgramStatus {
        /// It is being set up; nobody earns or redeems yet.
        #[default]
        Draft = "DRAFT",
        /// Members earn and redeem.
        Active = "ACTIVE",
        /// Nobody joins or earns any more; what was earned can be redeemed until it expires.
        Closed = "CLOSED",
    }
}

text_enum! {
    /// When points expire.
    #[derive(Default)]
    pub enum PointExpiry {
        /// Never.
        #[default]
        None = "NONE",
        /// expiryMonths after they were earned, at the end of that day.
        AfterMonths = "AFTER_MONTHS",
        /// At the end of the year in which they were earned.
        EndOfYear = "END_OF_YEAR",
    }
}

/// A programme that rewards customers with points. Changed rules hold for what is earned from then on; points that are there
/// keep their dates.
#[resource(table = loyalty_programs, id = LoyaltyProgramId)]
pub struct LoyaltyProgram {
    /// Its name, unique.
    #[field(filter, sort, max = 200, example = "\"Northwind Rewards\"")]
    pub name: String,
    /// How far it is.
    #[field(filter, default)]
    pub status: ProgramStatus,
    /// The time zone, by its IANA name, whose midnights and years count.
    #[field(filter, max = 64, example = "\"Europe/Berlin\"")]
    pub time_zone: String,
    /// The currency in which spending earns points, as in ISO 4217.
    #[field(filter, create_only, example = "\"EUR\"")]
    pub currency: Currency,
    /// Points for one unit of spending. What comes of it is rounded down to pointPlaces.
    #[field(default, example = "\"1.5\"")]
    pub earn_rate: Decimal,
    /// Decimal places of points, 0 to 4.
    #[field(create_only, default, example = "2")]
    pub point_places: i32,
    /// After how many days, at midnight, earned points can be spent; 0: at once.
    #[field(default, example = "14")]
    pub pending_days: i32,
    /// When points expire.
    #[field(filter, default)]
    pub expiry: PointExpiry,
    /// After how many months points expire; with AFTER_MONTHS only.
    #[field(example = "24")]
    pub expiry_months: Option<i32>,
    /// The fewest points that can be redeemed at once.
    #[field(default, example = "\"100\"")]
    pub minimum_redemption: Decimal,
    /// Points for a member whose referral qualifies.
    #[field(default, example = "\"500\"")]
    pub referrer_points: Decimal,
    /// Points for the customer who was referred, once they are a member.
    #[field(default, example = "\"250\"")]
    pub referred_points: Decimal,
}

impl Resource for LoyaltyProgram {
    const AREA: &'static str = AREA;
    const ADMINISTRATIVE: bool = true;
    const RELATIONS: &'static [Relation] = &[
        Relation::many("memberships", "loyalty-memberships", "program_id", "Its members."),
        Relation::many("tiers", "loyalty-tiers", "program_id", "Its tiers."),
        Relation::many("rewards", "loyalty-rewards", "program_id", "What members can have for their points."),
        Relation::many("referrals", "referrals", "program_id", "Whom its members brought."),
    ];

    fn commands() -> Vec<Command> {
        vec![Command::new(
            "settle",
            "Releases pending points and expires old ones that are due, and reviews the tiers whose hold is over. It can be sent at any time and as often as one likes.",
            |cx| cx.require(cx.entry(Self::NAME)?, Action::Update).map(drop),
            settle_now,
        )]
    }

    fn check(&self, violations: &mut Violations) {
        let zone = schedule::is_zone(&self.time_zone);
        violations.ensure(zone, "/timeZone", "INVALID", "Expected an IANA time zone such as Europe/Berlin.");
        let places = (0..=4).contains(&self.point_places);
        violations.ensure(places, "/pointPlaces", "OUT_OF_RANGE", "Expected 0 to 4.");
        let days = (0..=3_650).contains(&self.pending_days);
        violations.ensure(days, "/pendingDays", "OUT_OF_RANGE", "Expected 0 to 3650.");
        let months = self.expiry_months.is_none_or(|months| (1..=1_200).contains(&months));
        violations.ensure(months, "/expiryMonths", "OUT_OF_RANGE", "Expected 1 to 1200.");
        let dated = (self.expiry == PointExpiry::AfterMonths) == self.expiry_months.is_some();
        violations.ensure(dated, "/expiryMonths", "INVALID", "It stands with expiry AFTER_MONTHS, and only there.");
        for (pointer, points, whole) in [
            ("/earnRate", self.earn_rate, false),
            ("/minimumRedemption", self.minimum_redemption, true),
            ("/referrerPoints", self.referrer_points, true),
            ("/referredPoints", self.referred_points, true),
        ] {
            let good = !points.is_sign_negative() || points.is_zero();
            violations.ensure(good, pointer, "OUT_OF_RANGE", "This is not negative.");
            let fits = !whole || !places || self.fits(points);
            violations.ensure(fits, pointer, "INVALID", "Points have at most pointPlaces decimal places.");
        }
    }

    fn prepare(&mut self, _: &mut PgConnection, _: &Cx, before: Option<&Self>) -> Result<()> {
        let archived = self.meta.archived_at.is_some();
        if archived
            && before.is_some_and(|before| before.meta.archived_at.is_none())
            && self.status != ProgramStatus::Draft
        {
            let detail = "A programme that has begun stays for its ledger. Change its status to CLOSED instead.";
            return Err(Error::new(&codes::CONFLICT, detail));
        }
        let begun = before.is_some_and(|before| before.status != ProgramStatus::Draft);
        if begun && self.status == ProgramStatus::Draft {
            return Err(Error::illegal("A programme that has begun is no DRAFT again.", &["ACTIVE", "CLOSED"]));
        }
        Ok(())
    }
}

impl LoyaltyProgram {
    /// Whether an amount of points has no more decimal places than points have here.
    pub(crate) fn fits(&self, points: Decimal) -> bool {
        points.normalize().scale() <= u32::try_from(self.point_places).unwrap_or(0)
    }

    /// Refuses an amount of points with more decimal places.
    pub(crate) fn require_fit(&self, points: Decimal) -> Result<()> {
        let detail = format!("Points have at most {} decimal places here.", self.point_places);
        if self.fits(points) { Ok(()) } else { Err(Error::invalid("/points", "INVALID", detail)) }
    }

    /// A programme by its id, whatever the actor may see.
    pub(crate) fn by_id(conn: &mut PgConnection, cx: &Cx, id: LoyaltyProgramId) -> Result<Self> {
        let found = store::find::<Self>(conn, cx, id.0)?;
        found.ok_or_else(|| Error::internal("a membership without a programme"))
    }
}

fn settle_now(conn: &mut PgConnection, cx: &Cx, id: Uuid, seen: Option<i32>, _: Nothing) -> Result<Box<dyn Row>> {
    // It changes nothing of the programme itself, so nobody needs to have read its version.
    let relaxed = Cx { requires_version: false, ..cx.clone() };
    let row = verbs::change(conn, &relaxed, id, seen, "settled", |_, _: &mut LoyaltyProgram| Ok(()))?;
    settle::program(conn, &cx.as_system(), LoyaltyProgramId(id))?;
    Ok(row)
}
