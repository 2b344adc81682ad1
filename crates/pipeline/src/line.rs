//! The lines of an opportunity.

use crate::{AREA, Opportunity};
use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_journal::{log, store, verbs};
use kith_kernel::ids::{OpportunityId, OpportunityLineId, ProductId};
use kith_kernel::{
    Bind, Currency, Cx, Error, Money, Ownership, Priced, Resource, Result, Statement, Violations, sum_of_lines,
};
use kith_macros::resource;
use rust_decimal::Decimal;

/// What an opportunity is about, line by line. Where the opportunity says `amountFromLines`, they make its amount.
#[resource(table = opportunity_lines, id = OpportunityLineId)]
pub struct OpportunityLine {
    /// The opportunity.
    #[field(filter, create_only)]
    pub opportunity_id: OpportunityId,
    /// The product; without one, the description says what it is.
    #[field(filter)]
    pub product_id: Option<ProductId>,
    /// What it is, in free text; required without a product.
    #[field(max = 1_000)]
    pub description: Option<String>,
    /// Its place among the lines.
    #[field(sort, default)]
    pub position: i32,
    /// How many units.
    #[field(filter, example = "\"10\"")]
    pub quantity: Decimal,
    /// The price of one unit. All lines of an opportunity are in one currency.
    #[field(money)]
    pub unit_price: Money,
    /// Discount in percent.
    #[field(default, example = "\"5\"")]
    pub discount_percent: Decimal,
    /// quantity × unitPrice × (1 − discountPercent ÷ 100), rounded to four places, halves away from zero.
    #[field(filter, read_only, money)]
    pub total: Money,
}

impl Resource for OpportunityLine {
    const AREA: &'static str = AREA;
    const OWNERSHIP: Ownership = Ownership { owner: None, team: None, via: &["opportunity"] };

    fn check(&self, violations: &mut Violations) {
        let named = self.product_id.is_some() || self.description.is_some();
        violations.ensure(named, "/description", "REQUIRED", "A line has a product or a description.");
        self.priced().check(violations);
    }

    fn prepare(&mut self, conn: &mut PgConnection, cx: &Cx, before: Option<&Self>) -> Result<()> {
        self.total = self.priced().net(4)?;
        store::lock_whole::<Opportunity>(conn, cx, self.opportunity_id.0, before.is_none())?;
        match self.meta.archived_at.map_or_else(|| others(conn, cx, self), |_| Ok(None))? {
            Some(currency) if currency != self.unit_price.currency.code() => {
                let detail = format!("The other lines are in {currency}.");
                Err(Error::invalid("/unitPrice", "MIXED_CURRENCIES", detail))
            }
            _ => Ok(()),
        }
    }

    fn stored(&self, conn: &mut PgConnection, cx: &Cx, _: Option<&Self>) -> Result<()> {
        // Nothing to edit: preparing the opportunity sums its lines.
        verbs::change::<Opportunity>(conn, &cx.as_system(), self.opportunity_id.0, None, log::UPDATED, |_, _| Ok(()))
            .map(drop)
    }
}

impl OpportunityLine {
    fn priced(&self) -> Priced {
        let tax_rate = Decimal::ZERO;
        Priced {
            quantity: self.quantity,
            unit_price: self.unit_price,
            discount_percent: self.discount_percent,
            tax_rate,
        }
    }
}

/// The currency of the other lines.
fn others(conn: &mut PgConnection, cx: &Cx, line: &OpportunityLine) -> Result<Option<String>> {
    let mut out = Statement::new("SELECT unit_price_currency FROM opportunity_lines WHERE tenant_id = ");
    out.bind(Bind::Uuid(Some(cx.tenant))).sql(" AND opportunity_id = ");
    out.bind(Bind::Uuid(Some(line.opportunity_id.0))).sql(" AND id <> ").bind(Bind::Uuid(Some(line.meta.id)));
    out.sql(" AND archived_at IS NULL LIMIT 1");
    let found: Vec<(String,)> = RunQueryDsl::load(out.typed::<(st::Text,)>(), conn)?;
    Ok(found.into_iter().next().map(|(currency,)| currency))
}

/// The sum of the lines of an opportunity; none: it has none.
pub(crate) fn sum(conn: &mut PgConnection, cx: &Cx, opportunity: OpportunityId) -> Result<Option<Money>> {
    let mut out = Statement::new("SELECT sum(total_amount), total_currency FROM opportunity_lines WHERE tenant_id = ");
    out.bind(Bind::Uuid(Some(cx.tenant))).sql(" AND opportunity_id = ").bind(Bind::Uuid(Some(opportunity.0)));
    out.sql(" AND archived_at IS NULL GROUP BY total_currency");
    let sums: Vec<(Decimal, String)> = RunQueryDsl::load(out.typed::<(st::Numeric, st::Text)>(), conn)?;
    let sum = sums.into_iter().next();
    let sum = sum.and_then(|(amount, currency)| Some((amount, Currency::from_code(&currency)?)));
    sum.map(|(amount, currency)| sum_of_lines(amount, currency)).transpose()
}
