//! The pyramid as a picture: a layer a row, narrow at the top, with what it brings and costs beside it.

use super::pyramid::Pyramid;
use super::words::{Language, Words, place};
use super::{Part, Sums};
use kith_kernel::svg;
use rust_decimal::Decimal;
use std::fmt::Write;

const WIDTH: i64 = 1000;
const TOP: i64 = 118;
const ROW: i64 = 58;
const GAP: i64 = 6;
/// Between those who buy and those who do not.
const BREAK: i64 = 14;
const ACTIVE: i64 = 4;
/// The middle of the pyramid, and how wide it is at its top and at its foot.
const MIDDLE: i64 = 184;
const NARROW: i64 = 112;
const WIDE: i64 = 320;
/// Right ends of the columns.
const COLUMNS: [i64; 6] = [440, 562, 684, 806, 920, 984];
const INK: &str = "#1a1a1a";
const PALE: &str = "#595959";
/// Fill and text of the layers.
const COLOURS: [(&str, &str); 7] = [
    ("#12325a", "#ffffff"),
    ("#1d4e89", "#ffffff"),
    ("#2565ae", "#ffffff"),
    ("#2f73bd", "#ffffff"),
    ("#5b6671", "#ffffff"),
    ("#d5dbe1", INK),
    ("#e9edf0", INK),
];
const HEADS: [Words; 6] = [
    ("Customers", "客户数"),
    ("Revenue", "收入"),
    ("Profit", "利润"),
    ("Lifetime value", "终身价值"),
    ("Cost to serve", "服务成本"),
    ("Score", "评分"),
];
/// Longest amount that is written out.
const LONG: usize = 11;

/// Draws it.
pub fn draw(pyramid: &Pyramid, language: Language) -> String {
    let rows = i64::try_from(pyramid.layers.len()).unwrap_or(0);
    let foot = TOP + rows * (ROW + GAP) + BREAK;
    let height = foot + 84;
    let title = format!("{}: {}", language.line(("Customer pyramid", "客户金字塔")), pyramid.model.1);
    let mut out = svg::open((WIDTH, height), &title, &described(pyramid));
    let known = pyramid.basis.as_of.map_or_else(|| "—".to_owned(), |day| day.to_string());
    let note = format!("{} {known} · {}", language.line(("As of", "截至")), pyramid.currency);
    text(&mut out, (24, 58), "start", (13, PALE, false), &note);
    heads(&mut out, language);
    for (at, (name, sums)) in pyramid.layers.iter().enumerate() {
        layer(&mut out, language, at, (name, sums));
    }
    let _ = writeln!(out, "<line x1=\"24\" x2=\"{}\" y1=\"{foot}\" y2=\"{foot}\" stroke=\"#8c8c8c\"/>", COLUMNS[5]);
    text(&mut out, (24, foot + 28), "start", (15, INK, true), &language.line(("All", "合计")));
    columns(&mut out, foot + 28, &pyramid.total);
    let note = language.line(("Shares are of all accounts.", "百分比按全部客户计算。"));
    text(&mut out, (24, height - 14), "start", (12, PALE, false), &note);
    out.push_str("</svg>\n");
    out
}

fn text(out: &mut String, (x, y): (i64, i64), anchor: &str, (size, fill, bold): (i64, &str, bool), words: &str) {
    let weight = if bold { " font-weight=\"600\"" } else { "" };
    let words = kith_kernel::escape_xml(words);
    let _ = writeln!(
        out,
        "<text x=\"{x}\" y=\"{y}\" font-size=\"{size}\" text-anchor=\"{anchor}\" fill=\"{fill}\"{weight}>{words}</text>"
    );
}

fn heads(out: &mut String, language: Language) {
    for (x, words) in COLUMNS.into_iter().zip(HEADS) {
        let (chief, below) = language.pair(words);
        let y = if below.is_some() { 88 } else { 104 };
        text(out, (x, y), "end", (13, PALE, false), chief);
        if let Some(below) = below {
            text(out, (x, y + 17), "end", (12, PALE, false), below);
        }
    }
}

/// Where a row begins.
fn begins(at: i64) -> i64 {
    TOP + at * (ROW + GAP) + if at >= ACTIVE { BREAK } else { 0 }
}

fn layer(out: &mut String, language: Language, at: usize, (name, sums): (&str, &Sums)) {
    let (fill, ink) = COLOURS.get(at).copied().unwrap_or(("#e9edf0", INK));
    let row = i64::try_from(at).unwrap_or(0);
    let y = begins(row);
    let wide = |step: i64| NARROW + (WIDE - NARROW) * step.min(ACTIVE) / ACTIVE;
    let (above, below) = (wide(row), wide(row + 1));
    let _ = writeln!(out, "<g><title>{}</title>", kith_kernel::escape_xml(&sentence(name, sums)));
    let _ = writeln!(
        out,
        "<polygon points=\"{},{y} {},{y} {},{} {},{}\" fill=\"{fill}\"/>",
        MIDDLE - above / 2,
        MIDDLE + above / 2,
        MIDDLE + below / 2,
        y + ROW,
        MIDDLE - below / 2,
        y + ROW,
    );
    let (chief, under) = language.pair(place(name));
    let line = y + if under.is_some() { 26 } else { 35 };
    text(out, (MIDDLE, line), "middle", (15, ink, true), chief);
    if let Some(under) = under {
        text(out, (MIDDLE, line + 19), "middle", (14, ink, false), under);
    }
    columns(out, y + 26, sums);
    out.push_str("</g>\n");
}

fn columns(out: &mut String, y: i64, sums: &Sums) {
    let amounts = [sums.revenue, sums.profit, sums.clv, sums.cost_to_serve];
    let first = (svg::whole(Decimal::from(sums.count)), sums.share);
    let rest = amounts.map(|part: Part| (amount(part.amount), part.share));
    for (x, (chief, share)) in COLUMNS.into_iter().zip([first].into_iter().chain(rest)) {
        text(out, (x, y), "end", (15, INK, false), &chief);
        if let Some(share) = share {
            text(out, (x, y + 19), "end", (12, PALE, false), &percent(share));
        }
    }
    let score = sums.mean_score.map_or_else(|| "—".to_owned(), |score| score.round_dp(1).to_string());
    text(out, (COLUMNS[5], y), "end", (15, INK, false), &score);
}

/// Written out where it fits.
fn amount(amount: Decimal) -> String {
    let whole = svg::whole(amount);
    if whole.chars().count() <= LONG { whole } else { svg::short(amount) }
}

pub(super) fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share).replace('-', "−")
}

fn sentence(name: &str, sums: &Sums) -> String {
    let share = |share: Option<f64>| share.map_or_else(String::new, |share| format!(" ({})", percent(share)));
    format!(
        "{name}: {} customers{}, revenue {}{}, profit {}{}, lifetime value {}{}.",
        sums.count,
        share(sums.share),
        svg::whole(sums.revenue.amount),
        share(sums.revenue.share),
        svg::whole(sums.profit.amount),
        share(sums.profit.share),
        svg::whole(sums.clv.amount),
        share(sums.clv.share),
    )
}

fn described(pyramid: &Pyramid) -> String {
    let each = pyramid.layers.iter().map(|(name, sums)| sentence(name, sums));
    format!("Amounts in {}. {}", pyramid.currency, each.collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::reports::Basis;
    use kith_kernel::Currency;
    use uuid::Uuid;

    #[test]
    fn long_amounts_are_shortened_and_losses_have_their_sign() {
        let part = |amount: i64, share| Part { amount: Decimal::from(amount), share };
        let sums = Sums {
            count: 1_234_567,
            share: Some(0.1234),
            revenue: part(123_456_789_012, Some(0.5)),
            profit: part(-98_765_432, Some(-0.25)),
            clv: part(987_654_321, None),
            cost_to_serve: part(12_345_678, Some(0.01)),
            mean_score: Some(Decimal::new(1_000, 1)),
        };
        let names = ["TOP", "LARGE", "MEDIUM", "SMALL", "INACTIVE", "PROSPECT", "SUSPECT"];
        let pyramid = Pyramid {
            model: (Uuid::nil(), "Value <2027>".into()),
            basis: Basis { as_of: chrono::NaiveDate::from_ymd_opt(2026, 11, 22), state: "OK" },
            currency: Currency::EUR,
            layers: names.map(|name| (name, sums.clone())).to_vec(),
            total: sums,
        };
        let drawn = draw(&pyramid, Language::Both);
        assert!(drawn.contains(">123B</text>") && drawn.contains(">−98,765,432</text>"), "{drawn}");
        assert!(drawn.contains(">−25.0 %</text>") && drawn.contains(">沉睡客户</text>") && !drawn.contains("<2027>"));
        let chinese = draw(&pyramid, Language::Chinese);
        assert!(chinese.contains(">顶层</text>") && !chinese.contains(">TOP</text>"), "{chinese}");
    }
}
