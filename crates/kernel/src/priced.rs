//! What a line with a price comes to: the one rule for the lines of opportunities, quotes and orders.

use crate::{Currency, Error, Money, Result, Violations};
use rust_decimal::{Decimal, RoundingStrategy};

/// A quantity of something at a price.
#[derive(Clone, Copy, Debug)]
pub struct Priced {
    /// How many units.
    pub quantity: Decimal,
    /// The price of one.
    pub unit_price: Money,
    /// 0 to 100.
    pub discount_percent: Decimal,
    /// 0 to 100.
    pub tax_rate: Decimal,
}

/// What it comes to. `total` is `subtotal` − `discount` + `tax`, exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Amounts {
    /// Before discount and tax.
    pub subtotal: Money,
    /// What is taken off.
    pub discount: Money,
    /// On what is left.
    pub tax: Money,
    /// What is to be paid.
    pub total: Money,
}

/// An amount that the lines of something add up to, or `OUT_OF_RANGE`.
pub fn sum_of_lines(amount: Decimal, currency: Currency) -> Result<Money> {
    let detail = "The sum of the lines is too large.";
    Some(amount)
        .filter(holds)
        .map(|amount| Money { amount, currency })
        .ok_or_else(|| Error::invalid("/quantity", "OUT_OF_RANGE", detail))
}

/// numeric(19,4) holds no more.
fn holds(amount: &Decimal) -> bool {
    *amount < Decimal::from(1_000_000_000_000_000_u64)
}

/// Halves are rounded away from zero, as people do.
fn round(amount: Decimal, places: u32) -> Decimal {
    let mut rounded = amount.round_dp_with_strategy(places, RoundingStrategy::MidpointAwayFromZero);
    // Four places, as the database answers.
    rounded.rescale(4);
    rounded
}

fn too_large() -> Error {
    Error::invalid("/quantity", "OUT_OF_RANGE", "The total of the line is too large.")
}

impl Priced {
    /// The rules of every such line.
    pub fn check(&self, violations: &mut Violations) {
        let positive = self.quantity.is_sign_positive() && !self.quantity.is_zero();
        violations.ensure(positive, "/quantity", "OUT_OF_RANGE", "A quantity is more than 0.");
        let price = !self.unit_price.amount.is_sign_negative();
        violations.ensure(price, "/unitPrice", "OUT_OF_RANGE", "A price is not negative.");
        for (pointer, percent) in [("/discountPercent", self.discount_percent), ("/taxRate", self.tax_rate)] {
            let fits = (Decimal::ZERO..=Decimal::ONE_HUNDRED).contains(&percent);
            violations.ensure(fits, pointer, "OUT_OF_RANGE", "Expected 0 to 100.");
        }
    }

    /// quantity × unitPrice × (1 − discountPercent ÷ 100), rounded to so many places.
    pub fn net(&self, places: u32) -> Result<Money> {
        let factor = (Decimal::ONE_HUNDRED - self.discount_percent) / Decimal::ONE_HUNDRED;
        let exact = self.unit_price.amount.checked_mul(self.quantity).and_then(|exact| exact.checked_mul(factor));
        let amount = exact.map(|exact| round(exact, places)).filter(holds).ok_or_else(too_large)?;
        Ok(Money { amount, ..self.unit_price })
    }

    /// Each step rounded to the places of the currency, so that lines add up on paper too: quantity × unitPrice, the
    /// discount on that, the tax on what is left.
    pub fn amounts(&self) -> Result<Amounts> {
        let places = self.unit_price.currency.places();
        let money = |amount| Money { amount, ..self.unit_price };
        let share = |of: Decimal, percent: Decimal| {
            let part = of.checked_mul(percent).map(|part| part / Decimal::ONE_HUNDRED);
            part.map(|part| round(part, places)).ok_or_else(too_large)
        };
        let exact = self.unit_price.amount.checked_mul(self.quantity);
        let subtotal = exact.map(|exact| round(exact, places)).filter(holds).ok_or_else(too_large)?;
        let discount = share(subtotal, self.discount_percent)?;
        let tax = share(subtotal - discount, self.tax_rate)?;
        let total = Some(subtotal - discount + tax).filter(holds).ok_or_else(too_large)?;
        Ok(Amounts { subtotal: money(subtotal), discount: money(discount), tax: money(tax), total: money(total) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decimal_from_text;

    fn priced(quantity: &str, price: &str, code: &str, discount: &str, tax: &str) -> Priced {
        let decimal = |text| decimal_from_text(text).unwrap();
        let unit_price = Money { amount: decimal(price), currency: Currency::from_code(code).unwrap() };
        Priced { quantity: decimal(quantity), unit_price, discount_percent: decimal(discount), tax_rate: decimal(tax) }
    }

    #[test]
    fn each_step_is_rounded_to_what_can_be_paid() {
        for (line, expected) in [
            (priced("3", "9.99", "EUR", "10", "19"), ["29.97", "3.00", "5.12", "32.09"]),
            (priced("1", "0.125", "EUR", "0", "0"), ["0.13", "0", "0", "0.13"]),
            (priced("7", "99.5", "JPY", "5", "10"), ["697", "35", "66", "728"]),
            (priced("0.333", "1.111", "KWD", "0", "50"), ["0.370", "0", "0.185", "0.555"]),
            (priced("1", "100", "EUR", "100", "19"), ["100", "100", "0", "0"]),
        ] {
            let found = line.amounts().unwrap();
            let found = [found.subtotal, found.discount, found.tax, found.total].map(|money| money.amount);
            assert_eq!(found, expected.map(|text| decimal_from_text(text).unwrap()), "{line:?}");
        }
        assert!(priced("999999999999999", "10", "EUR", "0", "0").amounts().is_err());
        assert!(priced("999999999999999.9999", "999999999999999.9999", "EUR", "0", "0").net(4).is_err());
        assert!(priced("1", "999999999999999", "EUR", "0", "100").amounts().is_err());
        // Too large only once it is rounded.
        assert!(priced("1", "999999999999999.9999", "EUR", "0", "0").amounts().is_err());
    }
}
