//! Price books and the prices in them, from one day to another.

use crate::AREA;
use chrono::NaiveDate;
use diesel::PgConnection;
use kith_journal::store;
use kith_kernel::ids::{PriceBookId, PriceId, ProductId};
use kith_kernel::{Bind, Cx, Error, Money, Relation, Resource, Result, Violations};
use kith_macros::resource;

/// A list of prices: of a country, of a kind of customer.
#[resource(table = price_books, id = PriceBookId)]
pub struct PriceBook {
    /// Its name, unique without regard to case.
    #[field(filter, sort, max = 100, example = "\"Retail, Germany\"")]
    pub name: String,
    /// Whom it is for.
    #[field(max = 2_000)]
    pub description: Option<String>,
}

impl Resource for PriceBook {
    const AREA: &'static str = AREA;
    const ADMINISTRATIVE: bool = true;
    const RELATIONS: &'static [Relation] = &[
        Relation::many("prices", "prices", "price_book_id", "The prices in it."),
        Relation::about("externalIds", "external-ids", "PRICE_BOOK", "Its keys in other systems."),
    ];
}

/// What a product costs in a price book, from one day to another. The prices of a product in one book and currency do not
/// overlap, so there is at most one in force on a day: filter by validFrom up to that day, and by validTo null or from that
/// day on.
#[resource(table = prices, id = PriceId)]
pub struct Price {
    /// The price book.
    #[field(filter, create_only)]
    pub price_book_id: PriceBookId,
    /// The product.
    #[field(filter, create_only)]
    pub product_id: ProductId,
    /// What one unit costs, without tax.
    #[field(filter, money)]
    pub amount: Money,
    /// The first day on which it is in force.
    #[field(filter, sort, example = "\"2026-01-01\"")]
    pub valid_from: NaiveDate,
    /// The last day on which it is in force; null: until further notice.
    #[field(filter, sort, example = "\"2026-12-31\"")]
    pub valid_to: Option<NaiveDate>,
}

impl Resource for Price {
    const AREA: &'static str = AREA;
    const ADMINISTRATIVE: bool = true;
    const RELATIONS: &'static [Relation] =
        &[Relation::about("externalIds", "external-ids", "PRICE", "Its keys in other systems.")];

    fn check(&self, violations: &mut Violations) {
        let good = !self.amount.amount.is_sign_negative();
        violations.ensure(good, "/amount", "OUT_OF_RANGE", "A price is not negative.");
        let order = self.valid_to.is_none_or(|to| self.valid_from <= to);
        violations.ensure(order, "/validTo", "OUT_OF_RANGE", "The last day is before the first.");
    }

    fn prepare(&mut self, conn: &mut PgConnection, cx: &Cx, _: Option<&Self>) -> Result<()> {
        if self.meta.archived_at.is_some() {
            return Ok(());
        }
        store::one_at_a_time(conn, cx, &format!("price|{}|{}", self.price_book_id.0, self.product_id.0))?;
        let others = store::rows::<Price>(conn, cx, |out| {
            out.sql(" AND t.price_book_id = ").bind(Bind::Uuid(Some(self.price_book_id.0)));
            out.sql(" AND t.product_id = ").bind(Bind::Uuid(Some(self.product_id.0)));
            out.sql(" AND t.amount_currency = ").bind(Bind::Text(Some(self.amount.currency.code().to_owned())));
            out.sql(" AND t.archived_at IS NULL AND t.id <> ").bind(Bind::Uuid(Some(self.meta.id)));
            out.sql(" AND daterange(t.valid_from, t.valid_to, '[]') && daterange(");
            out.bind(Bind::Date(Some(self.valid_from))).sql(", greatest(").bind(Bind::Date(self.valid_to));
            // A last day before the first is refused by the rules.
            out.sql(", CASE WHEN ").bind(Bind::Date(self.valid_to)).sql("::date IS NULL THEN NULL ELSE ");
            out.bind(Bind::Date(Some(self.valid_from))).sql("::date END), '[]') LIMIT 1");
        })?;
        match others.first() {
            None => Ok(()),
            Some(other) => {
                let until = other.valid_to.map_or_else(|| "further notice".to_owned(), |day| day.to_string());
                let detail = format!("Another price is in force from {} until {until}.", other.valid_from);
                Err(Error::invalid("/validFrom", "DUPLICATE", detail))
            }
        }
    }
}
