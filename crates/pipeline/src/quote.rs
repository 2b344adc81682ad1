//! Quotes: what they hold. What happens to them is in [`crate::offers`].

use crate::{AREA, Opportunity, offers};
use chrono::{DateTime, NaiveDate, Utc};
use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_journal::{number, store};
use kith_kernel::ids::{AccountId, ContactId, OpportunityId, QuoteId};
use kith_kernel::{
    Bind, Command, Currency, Cx, Money, Ownership, Relation, Resource, Result, Shape, Statement, sum_of_lines,
    text_enum,
};
use kith_macros::resource;
use rust_decimal::Decimal;

text_enum! {
    /// How far a quote is.
    #[derive(Default)]
    pub enum QuoteStatus {
        /// It is being written; its lines can change.
        #[default]
        Draft = "DRAFT",
        /// The customer has it.
        Sent = "SENT",
        /// The customer took it; there is an order.
        Accepted = "ACCEPTED",
        /// The customer did not want it.
        Rejected = "REJECTED",
        /// Nobody took it in time.
        Expired = "EXPIRED",
        /// A later revision has taken its place.
        Superseded = "SUPERSEDED",
    }
}

/// An offer to sell at a price. It goes from DRAFT to SENT by `send`, and ends by `accept`, `reject` or `expire`; `revise`
/// puts a new revision in its place. Its sums are those of its lines, always.
#[resource(table = quotes, id = QuoteId)]
pub struct Quote {
    /// Its number; the next free one (`Q-00000001`) unless given. All revisions of a quote share it.
    #[field(filter, sort, create_only, default, max = 64, example = "\"Q-00000001\"")]
    pub number: String,
    /// Which revision of that number it is, from 1.
    #[field(filter, read_only)]
    pub revision: i32,
    /// The revision whose place it took.
    #[field(filter, read_only)]
    pub replaces_id: Option<QuoteId>,
    /// The opportunity it is for.
    #[field(filter, create_only)]
    pub opportunity_id: OpportunityId,
    /// Who would buy; the opportunity's account unless given.
    #[field(filter)]
    pub account_id: Option<AccountId>,
    /// The person it goes to; the opportunity's contact unless given.
    #[field(filter)]
    pub contact_id: Option<ContactId>,
    /// The currency of the quote and of all its lines, as in ISO 4217.
    #[field(filter, create_only, example = "\"EUR\"")]
    pub currency: Currency,
    /// How far it is; the verbs change it.
    #[field(filter, read_only, default)]
    pub status: QuoteStatus,
    /// The last day, in the tenant's time zone, on which it can be accepted; null: any day.
    #[field(filter, sort, example = "\"2027-01-31\"")]
    pub valid_until: Option<NaiveDate>,
    /// When it was sent.
    #[field(filter, read_only)]
    pub sent_at: Option<DateTime<Utc>>,
    /// When it was accepted, rejected, superseded or declared expired.
    #[field(filter, read_only)]
    pub decided_at: Option<DateTime<Utc>>,
    /// The sum of quantity × unitPrice of its lines.
    #[field(filter, read_only, money)]
    pub subtotal: Money,
    /// The sum of the discounts of its lines.
    #[field(filter, read_only, money)]
    pub discount: Money,
    /// The sum of the taxes of its lines.
    #[field(filter, read_only, money)]
    pub tax: Money,
    /// subtotal − discount + tax: what is to be paid.
    #[field(filter, sort, read_only, money)]
    pub total: Money,
    /// The terms that the customer reads.
    #[field(max = 10_000, example = "\"30 days net.\"")]
    pub terms: Option<String>,
    /// Notes that the customer does not read. They can change at any time.
    #[field(max = 5_000)]
    pub notes: Option<String>,
}

impl Resource for Quote {
    const AREA: &'static str = AREA;
    const OWNERSHIP: Ownership = Ownership { owner: None, team: None, via: &["opportunity"] };
    const RELATIONS: &'static [Relation] = &[
        Relation::many("lines", "quote-lines", "quote_id", "What it offers, line by line."),
        Relation::many("orders", "orders", "quote_id", "The order it became; at most one."),
        Relation::many("replacedBy", "quotes", "replaces_id", "The revision that took its place; at most one."),
        Relation::about("externalIds", "external-ids", "QUOTE", "Its keys in other systems."),
    ];

    fn commands() -> Vec<Command> {
        offers::commands()
    }

    fn prepare(&mut self, conn: &mut PgConnection, cx: &Cx, before: Option<&Self>) -> Result<()> {
        match before {
            None => self.begin(conn, cx)?,
            // What the customer has stays as it was sent.
            Some(before) if before.status != QuoteStatus::Draft && before.offered() != self.offered() => {
                return Err(offers::illegal(before, "It can be changed while it is a DRAFT"));
            }
            Some(_) => {}
        }
        self.add_up(conn, cx)
    }
}

impl Quote {
    /// What the customer reads of it beside its lines.
    fn offered(&self) -> (Option<AccountId>, Option<ContactId>, Option<NaiveDate>, Option<&String>) {
        (self.account_id, self.contact_id, self.valid_until, self.terms.as_ref())
    }

    fn begin(&mut self, conn: &mut PgConnection, cx: &Cx) -> Result<()> {
        if self.number.is_empty() {
            self.number = number::next(conn, cx, Self::TABLE, "Q")?;
        }
        self.revision = self.revision.max(1);
        // One that is not there is refused by the foreign key.
        if let Some(opportunity) = store::find::<Opportunity>(conn, cx, self.opportunity_id.0)? {
            self.account_id = self.account_id.or(opportunity.account_id);
            self.contact_id = self.contact_id.or(opportunity.contact_id);
        }
        Ok(())
    }

    /// Sums its lines.
    fn add_up(&mut self, conn: &mut PgConnection, cx: &Cx) -> Result<()> {
        let mut out = Statement::new(
            "SELECT coalesce(sum(subtotal_amount), 0), coalesce(sum(discount_amount), 0), coalesce(sum(tax_amount), 0) \
             FROM quote_lines WHERE tenant_id = ",
        );
        out.bind(Bind::Uuid(Some(cx.tenant))).sql(" AND quote_id = ").bind(Bind::Uuid(Some(self.meta.id)));
        out.sql(" AND archived_at IS NULL");
        type Sql = (st::Numeric, st::Numeric, st::Numeric);
        let (subtotal, discount, tax): (Decimal, Decimal, Decimal) = RunQueryDsl::get_result(out.typed::<Sql>(), conn)?;
        let money = |amount| sum_of_lines(amount, self.currency);
        (self.subtotal, self.discount, self.tax) = (money(subtotal)?, money(discount)?, money(tax)?);
        self.total = money(subtotal - discount + tax)?;
        Ok(())
    }
}
