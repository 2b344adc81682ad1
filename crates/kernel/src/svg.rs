//! What pictures have in common: SVG that stands by itself, readable in a browser, in print and to a screen reader.

use crate::escape_xml as xml;
use rust_decimal::Decimal;

/// Fonts that most readers have, with one for Chinese.
const FONTS: &str = "system-ui, -apple-system, 'Segoe UI', 'Noto Sans', 'Noto Sans CJK SC', 'Noto Sans SC', 'PingFang SC', 'Microsoft YaHei', Arial, sans-serif";
/// Longest title that fits.
const TITLE: usize = 70;

/// The beginning of a picture: its size, what it shows, the same for those who cannot see it, and a white ground.
/// `</svg>` ends it.
pub fn open((width, height): (i64, i64), title: &str, description: &str) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         role=\"img\" aria-labelledby=\"title desc\" font-family=\"{FONTS}\">\n\
         <title id=\"title\">{}</title>\n<desc id=\"desc\">{}</desc>\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n\
         <text x=\"24\" y=\"34\" font-size=\"20\" font-weight=\"600\" fill=\"#1a1a1a\">{}</text>\n",
        xml(title),
        xml(description),
        xml(&cut(title, TITLE)),
    )
}

/// A text that takes no more than so many letters.
pub fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

/// Whole units with separators, as on a chart.
pub fn whole(amount: Decimal) -> String {
    let rounded = amount.round().normalize();
    let digits = rounded.abs().to_string();
    let mut text = String::from(if rounded.is_sign_negative() && !rounded.is_zero() { "−" } else { "" });
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// At most seven characters: thousands, millions and billions by their letters.
pub fn short(amount: Decimal) -> String {
    let size = amount.abs();
    for (unit, letter) in [(1_000_000_000_000_i64, "T"), (1_000_000_000, "B"), (1_000_000, "M"), (10_000, "K")] {
        if size >= Decimal::from(unit) {
            let one = if letter == "K" { Decimal::ONE_THOUSAND } else { Decimal::from(unit) };
            let scaled = amount / one;
            let places = if scaled.abs() >= Decimal::ONE_HUNDRED { 0 } else { 1 };
            return format!("{}{letter}", scaled.round_dp(places).normalize()).replace('-', "−");
        }
    }
    whole(amount)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_written_as_people_read_them() {
        let of = |text: &str| text.parse::<Decimal>().unwrap();
        assert_eq!(whole(of("12345678.5")), "12,345,678");
        assert_eq!(
            (whole(of("-1234.6")), whole(of("-0.2")), whole(of("0"))),
            ("−1,235".into(), "0".into(), "0".into())
        );
        assert_eq!((short(of("9999")), short(of("12345"))), ("9,999".into(), "12.3K".into()));
        assert_eq!((short(of("-1250000")), short(of("999500000000"))), ("−1.2M".into(), "1000B".into()));
    }

    #[test]
    fn what_users_write_cannot_leave_its_place() {
        let drawn = open((10, 10), "</text><script>'\"&", &"漢".repeat(80));
        assert!(!drawn.contains("<script") && drawn.contains("&lt;script&gt;"), "{drawn}");
        assert_eq!(cut(&"漢".repeat(80), 3), "漢漢…");
    }
}
