//! Exact money: a decimal with at most four places, and an ISO 4217 currency.

use rust_decimal::Decimal;
use std::fmt;

/// An ISO 4217 currency code. Only codes in use can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Currency([u8; 3]);

/// ISO 4217, active codes (list one, without metals, funds and test codes).
const CODES: &str = "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD \
CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL \
HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA \
MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB \
RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU \
UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG";

impl Currency {
    /// The euro, for places that need some currency before a tenant is known.
    pub const EUR: Currency = Currency(*b"EUR");

    /// The currency for a code in capitals.
    pub fn from_code(code: &str) -> Option<Self> {
        let known = code.len() == 3 && CODES.split(' ').any(|known| known == code);
        code.as_bytes().try_into().ok().filter(|_| known).map(Currency)
    }

    /// How many decimal places an amount that can be paid has (ISO 4217).
    pub fn places(&self) -> u32 {
        const NONE: &str = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF";
        const THREE: &str = "BHD IQD JOD KWD LYD OMR TND";
        let among = |codes: &str| codes.split(' ').any(|code| code == self.code());
        if among(NONE) {
            0
        } else if among(THREE) {
            3
        } else {
            2
        }
    }

    /// The code.
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("XXX")
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// An amount in a currency: `{"amount": "1234.50", "currency": "CNY"}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Money {
    /// At most 15 digits before the point and 4 after it.
    pub amount: Decimal,
    /// ISO 4217.
    pub currency: Currency,
}

/// Reads a plain decimal (`-12.3400`): no exponent, at most 15 digits before the point and 4 after it, never rounded.
pub fn decimal_from_text(text: &str) -> Option<Decimal> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let plain =
        |part: &str, most: usize| !part.is_empty() && part.len() <= most && part.bytes().all(|b| b.is_ascii_digit());
    if !plain(whole, 15) || !plain(fraction, 4) {
        return None;
    }
    let mut decimal: Decimal = text.parse().ok()?;
    // numeric(19,4) answers with four places; so does a value that has not been there yet.
    decimal.rescale(4);
    Some(if decimal.is_zero() { Decimal::new(0, 4) } else { decimal })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_exact_or_refused() {
        for (text, expected) in [
            ("0", Some("0.0000")),
            ("-0", Some("0.0000")),
            ("1234.5", Some("1234.5000")),
            ("-999999999999999.9999", Some("-999999999999999.9999")),
            ("1000000000000000", None),
            ("1.00001", None),
            ("1e3", None),
            (".5", None),
            ("5.", None),
            ("+1", None),
            (" 1", None),
            ("NaN", None),
            ("", None),
        ] {
            assert_eq!(decimal_from_text(text).map(|d| d.to_string()).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn only_currencies_in_use_are_known() {
        assert_eq!(Currency::from_code("CNY").map(|c| c.to_string()).as_deref(), Some("CNY"));
        for bad in ["cny", "XXX", "US", "USD ", "D C", ""] {
            assert!(Currency::from_code(bad).is_none(), "{bad}");
        }
    }
}
