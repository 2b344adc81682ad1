//! The lines of a quote.

use crate::{AREA, Quote, offers, quote::QuoteStatus};
use diesel::PgConnection;
use kith_journal::{log, store, verbs};
use kith_kernel::ids::{ProductId, QuoteId, QuoteLineId};
use kith_kernel::{Bind, Cx, Error, Money, Ownership, Priced, Resource, Result, Shape, Violations};
use kith_macros::resource;
use rust_decimal::Decimal;

/// What a quote offers. Lines change while their quote is a DRAFT. Each step of the sum is rounded to the decimal places of
/// the currency, halves away from zero.
#[resource(table = quote_lines, id = QuoteLineId)]
pub struct QuoteLine {
    /// The quote.
    #[field(filter, create_only)]
    pub quote_id: QuoteId,
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
    /// The price of one unit, without tax, in the currency of the quote.
    #[field(money)]
    pub unit_price: Money,
    /// Discount in percent.
    #[field(default, example = "\"5\"")]
    pub discount_percent: Decimal,
    /// Tax in percent.
    #[field(default, example = "\"19\"")]
    pub tax_rate: Decimal,
    /// quantity × unitPrice.
    #[field(read_only, money)]
    pub subtotal: Money,
    /// discountPercent per cent of subtotal.
    #[field(read_only, money)]
    pub discount: Money,
    /// taxRate per cent of subtotal − discount.
    #[field(read_only, money)]
    pub tax: Money,
    /// subtotal − discount + tax.
    #[field(filter, read_only, money)]
    pub total: Money,
}

impl Resource for QuoteLine {
    const AREA: &'static str = AREA;
    const OWNERSHIP: Ownership = Ownership { owner: None, team: None, via: &["quote"] };

    fn check(&self, violations: &mut Violations) {
        let named = self.product_id.is_some() || self.description.is_some();
        violations.ensure(named, "/description", "REQUIRED", "A line has a product or a description.");
        self.priced().check(violations);
    }

    fn prepare(&mut self, conn: &mut PgConnection, cx: &Cx, before: Option<&Self>) -> Result<()> {
        let amounts = self.priced().amounts()?;
        (self.subtotal, self.discount) = (amounts.subtotal, amounts.discount);
        (self.tax, self.total) = (amounts.tax, amounts.total);
        // The same again, as other systems send it, is fine whatever has become of the quote.
        let entry = cx.entry(Self::NAME)?;
        if before.is_some_and(|before| log::changed(entry, before, self).is_empty()) {
            return Ok(());
        }
        let quote = store::lock_whole::<Quote>(conn, cx, self.quote_id.0, before.is_none())?;
        // One that is not there is refused by the foreign key.
        let Some(quote) = quote else { return Ok(()) };
        if quote.status != QuoteStatus::Draft || quote.meta.archived_at.is_some() {
            return Err(offers::illegal(&quote, "Lines change while their quote is a DRAFT"));
        }
        if quote.currency != self.unit_price.currency {
            let detail = format!("The quote is in {}.", quote.currency);
            return Err(Error::invalid("/unitPrice", "MIXED_CURRENCIES", detail));
        }
        Ok(())
    }

    fn stored(&self, conn: &mut PgConnection, cx: &Cx, _: Option<&Self>) -> Result<()> {
        // Nothing to edit: preparing the quote sums its lines.
        verbs::change::<Quote>(conn, &cx.as_system(), self.quote_id.0, None, log::UPDATED, |_, _| Ok(())).map(drop)
    }
}

impl QuoteLine {
    fn priced(&self) -> Priced {
        let (quantity, unit_price) = (self.quantity, self.unit_price);
        Priced { quantity, unit_price, discount_percent: self.discount_percent, tax_rate: self.tax_rate }
    }

    /// The lines of a quote, in order.
    pub(crate) fn of_quote(conn: &mut PgConnection, cx: &Cx, quote: QuoteId) -> Result<Vec<QuoteLine>> {
        store::rows(conn, cx, |out| {
            out.sql(" AND t.archived_at IS NULL AND t.quote_id = ").bind(Bind::Uuid(Some(quote.0)));
            out.sql(" ORDER BY t.position, t.id");
        })
    }
}
