//! Referrals: customers whom members bring.

use super::book::Cause;
use super::entry::PointSource;
use super::member::LoyaltyMembership;
use super::program::{LoyaltyProgram, ProgramStatus};
use super::redemption;
use super::spending::Ordered;
use super::verbs::grant;
use crate::AREA;
use chrono::{DateTime, Utc};
use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_journal::{purchase, store, verbs};
use kith_kernel::ids::{AccountId, LoyaltyMembershipId, LoyaltyProgramId, OrderId, ReferralId};
use kith_kernel::{
    Action, Bind, Command, Cx, Error, Input, Nothing, Ownership, Resource, Result, Row, Shape, Statement, Verb,
    Violations, text, text_enum,
};
use kith_macros::{input, resource};
use rust_decimal::Decimal;
use uuid::Uuid;

text_enum! {
    /// How far a referral is.
    #[derive(Default)]
    pub enum ReferralStatus {
        /// The customer has not bought yet.
        #[default]
        Pending = "PENDING",
        /// The customer has bought; somebody's points are still to come.
        Qualified = "QUALIFIED",
        /// It does not count.
        Rejected = "REJECTED",
        /// Both have their points.
        Rewarded = "REWARDED",
    }
}

/// A customer whom a member brings. Nobody brings themselves, and each customer is brought by one member.
#[resource(table = referrals, id = ReferralId)]
pub struct Referral {
    /// The programme: that of the member.
    #[field(filter, read_only)]
    pub program_id: LoyaltyProgramId,
    /// The member who brings the customer.
    #[field(filter, create_only)]
    pub referrer_membership_id: LoyaltyMembershipId,
    /// The customer; without one, referredEmail says who it will be.
    #[field(filter, create_only)]
    pub referred_account_id: Option<AccountId>,
    /// The e-mail address of the customer.
    #[field(filter, create_only, max = 254, example = "\"bo@example.com\"")]
    pub referred_email: Option<String>,
    /// What the member passes on; unique, and not to be guessed.
    #[field(filter, read_only, example = "\"9F2C41D07B3A6E58\"")]
    pub code: String,
    /// How far it is; the verbs change it.
    #[field(filter, read_only, default)]
    pub status: ReferralStatus,
    /// The first order of the customer.
    #[field(filter, read_only)]
    pub order_id: Option<OrderId>,
    /// When it qualified.
    #[field(filter, sort, read_only)]
    pub qualified_at: Option<DateTime<Utc>>,
    /// Why it does not count.
    #[field(read_only, max = 2_000)]
    pub reason: Option<String>,
}

/// What a referral qualifies by.
#[input]
pub struct Qualify {
    /// The first order of the customer that is CONFIRMED or FULFILLED, not internal, and not refunded as a whole.
    pub order_id: OrderId,
}

/// Why it does not count.
#[input]
pub struct Reject {
    /// Why.
    #[field(max = 2_000, example = "\"They were a customer before\"")]
    pub reason: String,
}

impl Resource for Referral {
    const AREA: &'static str = AREA;
    const VERBS: &'static [Verb] = &[Verb::Read, Verb::Create, Verb::Archive];
    const OWNERSHIP: Ownership = Ownership { owner: None, team: None, via: &["referrerMembership"] };

    fn commands() -> Vec<Command> {
        fn one<I: Input>(name: &'static str, doc: &'static str, run: kith_kernel::Act<I>) -> Command {
            Command::new(name, doc, |cx| cx.require(cx.entry(Referral::NAME)?, Action::Update).map(drop), run)
        }
        vec![
            one(
                "qualify",
                "Notes the first order of the customer, and gives both the points of the programme. Where the customer is no member yet, `reward` gives theirs later.",
                qualify,
            ),
            one(
                "reward",
                "Gives the points of a QUALIFIED referral that are still to come. Nobody gets them twice.",
                reward,
            ),
            one("reject", "Notes that a PENDING referral does not count.", reject),
        ]
    }

    fn check(&self, violations: &mut Violations) {
        let named = self.referred_account_id.is_some() || self.referred_email.is_some();
        violations.ensure(named, "/referredAccountId", "REQUIRED", "Give the customer, or their e-mail address.");
    }

    fn prepare(&mut self, conn: &mut PgConnection, cx: &Cx, before: Option<&Self>) -> Result<()> {
        if before.is_some() {
            return Ok(());
        }
        if let Some(email) = &self.referred_email {
            let clean = text::email(email).map_err(|expected| Error::invalid("/referredEmail", "INVALID", expected))?;
            self.referred_email = Some(clean);
        }
        let Some(referrer) = store::find::<LoyaltyMembership>(conn, cx, self.referrer_membership_id.0)? else {
            let detail = "referrerMembershipId points to nothing that you can see.";
            return Err(Error::invalid("/referrerMembershipId", "UNKNOWN_REFERENCE", detail));
        };
        self.program_id = referrer.program_id;
        self.code = redemption::code(conn)?;
        if LoyaltyProgram::by_id(conn, cx, referrer.program_id)?.status != ProgramStatus::Active {
            return Err(Error::illegal("Members bring customers while the programme is ACTIVE.", &[]));
        }
        let itself = self.referred_account_id == Some(referrer.account_id);
        if itself {
            return Err(Error::invalid("/referredAccountId", "INVALID", "Nobody brings themselves."));
        }
        match &self.referred_email {
            Some(email) if has_email(conn, cx, referrer.account_id, email)? => {
                Err(Error::invalid("/referredEmail", "INVALID", "Nobody brings themselves."))
            }
            _ => Ok(()),
        }
    }
}

/// Whether an e-mail address is one of an account or of its contacts.
fn has_email(conn: &mut PgConnection, cx: &Cx, account: AccountId, email: &str) -> Result<bool> {
    let mut out = Statement::new(
        "SELECT EXISTS (SELECT FROM contact_points p LEFT JOIN contacts c ON c.tenant_id = p.tenant_id AND c.id = p.contact_id \
         WHERE p.archived_at IS NULL AND p.channel = 'EMAIL' AND p.tenant_id = ",
    );
    out.bind(Bind::Uuid(Some(cx.tenant))).sql(" AND p.normalized_value = ").bind(Bind::Text(Some(email.to_owned())));
    out.sql(" AND coalesce(p.account_id, c.account_id) = ").bind(Bind::Uuid(Some(account.0))).sql(")");
    Ok(RunQueryDsl::get_result::<(bool,)>(out.typed::<(st::Bool,)>(), conn)?.0)
}

/// Whether an account has a purchase before this order.
fn bought_before(conn: &mut PgConnection, cx: &Cx, order: &Ordered) -> Result<bool> {
    let mut out = Statement::new("SELECT EXISTS (SELECT FROM orders o WHERE o.tenant_id = ");
    out.bind(Bind::Uuid(Some(cx.tenant))).sql(" AND o.account_id = ").bind(Bind::Uuid(Some(order.account)));
    out.sql(" AND ").sql(purchase::condition()).sql(" AND (o.ordered_at, o.id) < (");
    out.bind(Bind::Time(Some(order.at))).sql(", ").bind(Bind::Uuid(Some(order.id.0))).sql("))");
    Ok(RunQueryDsl::get_result::<(bool,)>(out.typed::<(st::Bool,)>(), conn)?.0)
}

impl Referral {
    fn illegal(&self, verb: &str) -> Error {
        let legal: &[&str] = match self.status {
            ReferralStatus::Pending => &["qualify", "reject"],
            ReferralStatus::Qualified => &["reward"],
            ReferralStatus::Rejected | ReferralStatus::Rewarded => &[],
        };
        Error::illegal(format!("The referral cannot {verb}: it is {}.", self.status.as_str()), legal)
    }

    /// Whose order it is: the customer, who is so found out if only the e-mail address was known.
    fn customer(&mut self, conn: &mut PgConnection, cx: &Cx, order: &Ordered) -> Result<()> {
        let account = AccountId(order.account);
        let theirs = match (self.referred_account_id, &self.referred_email) {
            (Some(referred), _) => referred == account,
            (None, Some(email)) => has_email(conn, cx, account, email)?,
            (None, None) => false,
        };
        if !theirs {
            return Err(Error::invalid("/orderId", "INVALID", "The order is of another customer."));
        }
        let referrer = store::find::<LoyaltyMembership>(conn, cx, self.referrer_membership_id.0)?;
        if referrer.is_some_and(|referrer| referrer.account_id == account) {
            return Err(Error::invalid("/orderId", "INVALID", "Nobody brings themselves."));
        }
        if bought_before(conn, cx, order)? {
            return Err(Error::invalid("/orderId", "INVALID", "The customer had ordered before this."));
        }
        self.referred_account_id = Some(account);
        Ok(())
    }

    /// Gives both what is still to come. Members are locked in the order of their ids, so that two referrals that name the
    /// same two never wait for each other.
    fn pay(&mut self, conn: &mut PgConnection, cx: &Cx) -> Result<()> {
        let program = LoyaltyProgram::by_id(conn, cx, self.program_id)?;
        let referred: Vec<LoyaltyMembership> = store::rows(conn, cx, |out| {
            out.sql(" AND t.program_id = ").bind(Bind::Uuid(Some(self.program_id.0)));
            out.sql(" AND t.account_id = ").bind(Bind::Uuid(self.referred_account_id.map(|id| id.0)));
        })?;
        let referred = referred.first().map(LoyaltyMembership::id);
        let mut due = vec![(self.referrer_membership_id, program.referrer_points)];
        due.extend(referred.map(|id| (id, program.referred_points)));
        due.retain(|(_, points)| *points > Decimal::ZERO);
        due.sort_unstable();
        let cause = Cause {
            occurred_at: cx.now,
            source: Some(PointSource::Referral),
            source_key: Some(self.meta.id.to_string()),
            order_id: self.order_id,
            ..Cause::default()
        };
        for (member, points) in due {
            grant(conn, cx, member, points, &cause)?;
        }
        let all = referred.is_some() || program.referred_points.is_zero();
        self.status = if all { ReferralStatus::Rewarded } else { ReferralStatus::Qualified };
        Ok(())
    }
}

fn qualify(conn: &mut PgConnection, cx: &Cx, id: Uuid, seen: Option<i32>, input: Qualify) -> Result<Box<dyn Row>> {
    verbs::change(conn, cx, id, seen, "qualified", |conn, referral: &mut Referral| {
        if referral.status != ReferralStatus::Pending {
            return Err(referral.illegal("qualify"));
        }
        let order = Ordered::valid(conn, cx, input.order_id)?;
        referral.customer(conn, cx, &order)?;
        (referral.order_id, referral.qualified_at) = (Some(order.id), Some(cx.now));
        referral.pay(conn, cx)
    })
}

fn reward(conn: &mut PgConnection, cx: &Cx, id: Uuid, seen: Option<i32>, _: Nothing) -> Result<Box<dyn Row>> {
    verbs::change(conn, cx, id, seen, "rewarded", |conn, referral: &mut Referral| match referral.status {
        ReferralStatus::Qualified => referral.pay(conn, cx),
        _ => Err(referral.illegal("reward")),
    })
}

fn reject(conn: &mut PgConnection, cx: &Cx, id: Uuid, seen: Option<i32>, input: Reject) -> Result<Box<dyn Row>> {
    verbs::change(conn, cx, id, seen, "rejected", |_, referral: &mut Referral| match referral.status {
        ReferralStatus::Pending => {
            (referral.status, referral.reason) = (ReferralStatus::Rejected, Some(input.reason));
            Ok(())
        }
        _ => Err(referral.illegal("reject")),
    })
}
