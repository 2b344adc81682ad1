//! The quadrant as a picture: a scatter of customers by present value and potential, cut into the four classes, which stand
//! beside it with what they come to.
//!
//! Values of customers differ by orders of magnitude, and some are losses. So the axis of present value is linear about
//! zero and logarithmic far from it (inverse hyperbolic sine), with the cut in its middle.

use super::pyramid_picture::percent;
use super::quadrant::{Cut, Point, Quadrant};
use super::words::{Language, Words, place};
use crate::value::model::QuadrantScheme;
use crate::value::number::{decimal, real};
use kith_kernel::{escape_xml as xml, svg};
use rust_decimal::Decimal;
use std::fmt::Write;

const WIDTH: i64 = 1000;
const HEIGHT: i64 = 700;
/// The plot: left, top, right, bottom.
const PLOT: [f64; 4] = [76.0, 84.0, 700.0, 584.0];
const PANEL: i64 = 724;
const CARD: i64 = 96;
const INK: &str = "#1a1a1a";
const PALE: &str = "#595959";
/// Customers that are named.
const NAMED: usize = 12;
/// Longest name.
const NAME: usize = 22;
/// Least way between two marks of an axis.
const APART: f64 = 66.0;

/// Colour of a class, and of its field.
fn colours(class: &str) -> (&'static str, &'static str) {
    match class {
        "LEAD" => ("#5c6670", "#f1f3f5"),
        "IRON" => ("#9c4221", "#fbf0ea"),
        "GOLD" => ("#8a6100", "#fdf5dc"),
        "PLATINUM" => ("#1d4e89", "#e8f0f9"),
        _ => ("#8c8c8c", "#ffffff"),
    }
}

/// From values to places along one axis.
#[derive(Clone, Copy, Debug)]
struct Axis {
    /// Where it is linear; none: everywhere.
    unit: Option<f64>,
    least: f64,
    most: f64,
    from: f64,
    to: f64,
}

impl Axis {
    fn bent(unit: Option<f64>, value: f64) -> f64 {
        unit.map_or(value, |unit| (value / unit).asinh())
    }

    fn at(&self, value: f64) -> f64 {
        let part = (Self::bent(self.unit, value) - self.least) / (self.most - self.least);
        self.from + part.clamp(0.0, 1.0) * (self.to - self.from)
    }

    /// With the cut in the middle, as long as the farther side needs.
    fn about(cut: f64, values: &[f64]) -> Self {
        let unit = (cut.abs() / 10.0).max(1.0);
        let middle = Self::bent(Some(unit), cut);
        let far = values.iter().map(|value| (Self::bent(Some(unit), *value) - middle).abs()).fold(0.5, f64::max) * 1.04;
        Axis { unit: Some(unit), least: middle - far, most: middle + far, from: PLOT[0], to: PLOT[2] }
    }
}

fn across(quadrant: &Quadrant, cut: f64) -> Axis {
    match quadrant.scheme {
        QuadrantScheme::Score => Axis { unit: None, least: 0.0, most: 100.0, from: PLOT[0], to: PLOT[2] },
        QuadrantScheme::Profit => {
            Axis::about(cut, &quadrant.points.iter().map(|point| real(point.x)).collect::<Vec<_>>())
        }
    }
}

/// Draws it.
pub fn draw(quadrant: &Quadrant, language: Language) -> String {
    let title = format!("{}: {}", language.line(("Value and potential", "价值与潜力")), quadrant.model.1);
    let mut out = svg::open((WIDTH, HEIGHT), &title, &described(quadrant));
    let known = quadrant.basis.as_of.map_or_else(|| "—".to_owned(), |day| day.to_string());
    let note = format!("{} {known} · {}", language.line(("As of", "截至")), quadrant.currency);
    text(&mut out, (24.0, 58.0), "start", (13, PALE, false), &note);
    match (quadrant.value_cut.value, quadrant.potential_cut.value) {
        (Some(x_cut), Some(y_cut)) => {
            let x = across(quadrant, x_cut);
            let y = Axis { unit: None, least: 0.0, most: 100.0, from: PLOT[3], to: PLOT[1] };
            plot(&mut out, quadrant, language, (x, y), (x.at(x_cut), y.at(y_cut)));
            marks(&mut out, (x, y), x_cut);
        }
        _ => {
            let words = match quadrant.basis.as_of {
                None => ("Nothing to show before the first run.", "首次计算前没有数据。"),
                Some(_) => ("Nobody has a potential that is known.", "没有已知潜力的客户。"),
            };
            let words = language.line(words);
            text(&mut out, (middle(0), middle(1)), "middle", (15, PALE, false), &words);
        }
    }
    frame(&mut out, quadrant, language);
    panel(&mut out, quadrant, language);
    out.push_str("</svg>\n");
    out
}

/// The middle of the plot, across or down.
fn middle(way: usize) -> f64 {
    let [left, top, right, bottom] = PLOT;
    if way == 0 { f64::midpoint(left, right) } else { f64::midpoint(top, bottom) }
}

fn text(out: &mut String, (x, y): (f64, f64), anchor: &str, (size, fill, bold): (i64, &str, bool), words: &str) {
    let weight = if bold { " font-weight=\"600\"" } else { "" };
    let _ = writeln!(
        out,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" font-size=\"{size}\" text-anchor=\"{anchor}\" fill=\"{fill}\"{weight}>{}</text>",
        xml(words)
    );
}

/// The fields with their names, the customers, and the names of the largest.
fn plot(out: &mut String, quadrant: &Quadrant, language: Language, (x, y): (Axis, Axis), (cut_x, cut_y): (f64, f64)) {
    let [left, top, right, bottom] = PLOT;
    let fields = [
        ("LEAD", [left, cut_y, cut_x, bottom]),
        ("IRON", [left, top, cut_x, cut_y]),
        ("GOLD", [cut_x, cut_y, right, bottom]),
        ("PLATINUM", [cut_x, top, right, cut_y]),
    ];
    let (mut taken, mut labels) = (Vec::new(), Vec::new());
    for (class, [from, above, to, below]) in fields {
        let (ink, fill) = colours(class);
        let (width, height) = (to - from, below - above);
        let _ = writeln!(
            out,
            "<rect x=\"{from:.1}\" y=\"{above:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" fill=\"{fill}\"/>"
        );
        let words = language.line(place(class));
        // The outer corner, where the field is large enough for its name.
        if height >= 30.0 && width >= wide(&words, 14.0) + 16.0 {
            let (x, anchor) = if to < right { (from + 8.0, "start") } else { (to - 8.0, "end") };
            let line = if above > top { below - 9.0 } else { above + 20.0 };
            let begin = if anchor == "start" { x } else { x - wide(&words, 14.0) };
            labels.push(((x, line), anchor, ink, words.clone()));
            taken.push([begin, line - 14.0, begin + wide(&words, 14.0), line + 4.0]);
        }
    }
    for (x1, y1, x2, y2) in [(cut_x, top, cut_x, bottom), (left, cut_y, right, cut_y)] {
        let _ = writeln!(
            out,
            "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" stroke=\"{INK}\" stroke-dasharray=\"5 4\"/>"
        );
    }
    // The largest come last, so that they lie on top.
    for point in quadrant.points.iter().rev() {
        let (at_x, at_y) = (x.at(real(point.x)), y.at(real(point.y)));
        let _ = writeln!(
            out,
            "<circle cx=\"{at_x:.1}\" cy=\"{at_y:.1}\" r=\"4.5\" fill=\"{}\" fill-opacity=\"0.8\" stroke=\"#ffffff\" stroke-width=\"0.8\"><title>{}</title></circle>",
            colours(&point.class).0,
            xml(&told(point)),
        );
    }
    for ((x, line), anchor, ink, words) in labels {
        let style = format!("font-size=\"14\" font-weight=\"600\" text-anchor=\"{anchor}\" fill=\"{ink}\"");
        over(out, (x, line), &style, &words);
    }
    names(out, quadrant, (x, y), taken);
}

/// A text on whatever lies below it.
fn over(out: &mut String, (x, y): (f64, f64), style: &str, words: &str) {
    let _ = writeln!(
        out,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" {style} stroke=\"#ffffff\" stroke-width=\"3\" stroke-linejoin=\"round\" paint-order=\"stroke\">{}</text>",
        xml(words)
    );
}

/// The largest customers by name, where no other text and no other customer is.
fn names(out: &mut String, quadrant: &Quadrant, (x, y): (Axis, Axis), mut taken: Vec<[f64; 4]>) {
    let places = quadrant.points.iter().map(|point| (x.at(real(point.x)), y.at(real(point.y))));
    taken.extend(places.map(|(at_x, at_y)| [at_x - 4.0, at_y - 4.0, at_x + 4.0, at_y + 4.0]));
    for point in quadrant.points.iter().take(NAMED) {
        let Some(name) = &point.name else { continue };
        let name = svg::cut(name, NAME);
        let (at_x, at_y) = (x.at(real(point.x)), y.at(real(point.y)));
        let long = wide(&name, 12.0);
        let fits =
            |[a, b, c, d]: &[f64; 4]| *a >= PLOT[0] + 2.0 && *b >= PLOT[1] && *c <= PLOT[2] - 2.0 && *d <= PLOT[3];
        let free = |box_: &[f64; 4]| {
            fits(box_) && !taken.iter().any(|[a, b, c, d]| box_[0] < *c && *a < box_[2] && box_[1] < *d && *b < box_[3])
        };
        // Right of the point, left of it, above or below.
        let places = [
            (at_x + 8.0, at_y + 4.0),
            (at_x - 8.0 - long, at_y + 4.0),
            (at_x - long / 2.0, at_y - 9.0),
            (at_x - long / 2.0, at_y + 17.0),
        ];
        let boxes = places.map(|(from, line)| (from, line, [from - 2.0, line - 11.0, from + long + 2.0, line + 3.0]));
        let Some((from, line, box_)) = boxes.into_iter().find(|(.., box_)| free(box_)) else { continue };
        taken.push(box_);
        over(out, (from, line), &format!("font-size=\"12\" fill=\"{INK}\""), &name);
    }
}

/// About how long a text is: letters of Chinese, Japanese and Korean are as wide as they are high.
fn wide(text: &str, size: f64) -> f64 {
    text.chars().map(|letter| if letter >= '\u{2e80}' { size } else { 0.62 * size }).sum()
}

/// Marks along both axes, the cuts among them.
fn marks(out: &mut String, (x, y): (Axis, Axis), cut: f64) {
    let [left, _, _, bottom] = PLOT;
    let mut wanted = vec![cut, 0.0];
    let powers = (0..13).flat_map(|power| [1.0, 3.0].map(|first| first * 10_f64.powi(power)));
    let all: Vec<f64> = if x.unit.is_none() {
        [20.0, 40.0, 60.0, 80.0, 100.0].to_vec()
    } else {
        powers.flat_map(|value| [value, -value]).collect()
    };
    wanted.extend(all);
    let mut taken: Vec<f64> = Vec::new();
    for value in wanted {
        let bent = Axis::bent(x.unit, value);
        let place = x.at(value);
        if bent < x.least || bent > x.most || taken.iter().any(|other| (other - place).abs() < APART) {
            continue;
        }
        taken.push(place);
        let _ = writeln!(
            out,
            "<line x1=\"{place:.1}\" x2=\"{place:.1}\" y1=\"{bottom}\" y2=\"{:.1}\" stroke=\"{PALE}\"/>",
            bottom + 5.0
        );
        let label = decimal(value).map(svg::short).unwrap_or_default();
        text(out, (place, bottom + 20.0), "middle", (12, PALE, false), &label);
    }
    for value in [0.0, 25.0, 50.0, 75.0, 100.0] {
        let place = y.at(value);
        let _ = writeln!(
            out,
            "<line x1=\"{:.1}\" x2=\"{left}\" y1=\"{place:.1}\" y2=\"{place:.1}\" stroke=\"{PALE}\"/>",
            left - 5.0
        );
        text(out, (left - 9.0, place + 4.0), "end", (12, PALE, false), &format!("{value:.0}"));
    }
}

/// The border of the plot, what its axes are, and from where values are high.
fn frame(out: &mut String, quadrant: &Quadrant, language: Language) {
    let [left, top, right, bottom] = PLOT;
    let _ = writeln!(
        out,
        "<rect x=\"{left}\" y=\"{top}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"none\" stroke=\"#8c8c8c\"/>",
        right - left,
        bottom - top
    );
    let (words, unit): (Words, String) = match quadrant.scheme {
        QuadrantScheme::Profit => (("Present value: profit", "当前价值：利润"), format!(" ({})", quadrant.currency)),
        QuadrantScheme::Score => (("Present value: score", "当前价值：评分"), String::new()),
    };
    let words = format!("{}{unit}", language.line(words));
    text(out, (middle(0), bottom + 42.0), "middle", (13, INK, false), &words);
    let words = language.line(("Potential", "潜力"));
    let _ = writeln!(
        out,
        "<text transform=\"translate(30 {:.1}) rotate(-90)\" font-size=\"13\" text-anchor=\"middle\" fill=\"{INK}\">{}</text>",
        middle(1),
        xml(&words)
    );
    let notes = [
        (("High value from", "高价值起点"), &quadrant.value_cut),
        (("High potential from", "高潜力起点"), &quadrant.potential_cut),
    ];
    for (line, (words, cut)) in (0_i32..).zip(notes) {
        let Some(value) = cut.value.and_then(decimal) else { continue };
        let note = format!("{} {} · {}", language.line(words), svg::whole(value), language.line(source(cut)));
        text(out, (left, bottom + 68.0 + 19.0 * f64::from(line)), "start", (12, PALE, false), &note);
    }
}

fn source(cut: &Cut) -> Words {
    match cut.source {
        "PROFIT_80_PERCENT" => ("the fewest who make 80 % of the profit", "贡献 80 % 利润的最少客户"),
        "MEDIAN" => ("the median", "中位数"),
        _ => ("as configured", "自定义"),
    }
}

/// The classes with what they come to.
fn panel(out: &mut String, quadrant: &Quadrant, language: Language) {
    let order = ["PLATINUM", "GOLD", "IRON", "LEAD", "UNCLASSIFIED"];
    let mut y = 84;
    for name in order {
        let Some((_, sums)) = quadrant.classes.iter().find(|(class, _)| *class == name) else { continue };
        let (ink, fill) = colours(name);
        let _ = writeln!(
            out,
            "<rect x=\"{PANEL}\" y=\"{y}\" width=\"252\" height=\"{}\" rx=\"4\" fill=\"{fill}\" stroke=\"{ink}\"/>",
            CARD - 8
        );
        let left = f64::from(i32::try_from(PANEL).unwrap_or(0)) + 12.0;
        let line = |at: i32| f64::from(i32::try_from(y).unwrap_or(0)) + f64::from(at);
        let ink = if name == "UNCLASSIFIED" { PALE } else { ink };
        text(out, (left, line(22)), "start", (15, ink, true), &language.line(place(name)));
        let share = sums.share.map_or_else(String::new, |share| format!(" · {}", percent(share)));
        let customers = format!("{}{share}", svg::whole(Decimal::from(sums.count)));
        for (at, label, value) in [
            (42, ("Customers", "客户数"), customers),
            (60, ("Profit", "利润"), svg::short(sums.profit.amount)),
            (78, ("Lifetime value", "终身价值"), svg::short(sums.clv.amount)),
        ] {
            text(out, (left, line(at)), "start", (12, PALE, false), &language.line(label));
            text(out, (left + 228.0, line(at)), "end", (13, INK, false), &value);
        }
        y += CARD;
    }
}

fn told(point: &Point) -> String {
    let name = point.name.as_deref().unwrap_or("—");
    format!("{name}: {}, potential {}, {}", svg::whole(point.x), point.y.round_dp(1).normalize(), point.class)
}

fn described(quadrant: &Quadrant) -> String {
    let each = quadrant.classes.iter().map(|(name, sums)| {
        format!(
            "{name}: {} customers, profit {}, lifetime value {}.",
            sums.count,
            svg::whole(sums.profit.amount),
            svg::whole(sums.clv.amount)
        )
    });
    format!(
        "Customers by present value and potential. Amounts in {}. {}",
        quadrant.currency,
        each.collect::<Vec<_>>().join(" ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::reports::{Basis, Part, Sums};
    use kith_kernel::Currency;
    use uuid::Uuid;

    fn quadrant(many: i32) -> Quadrant {
        let part = Part { amount: Decimal::from(123_456_789_012_i64), share: Some(0.5) };
        let sums = Sums { count: 123_456, share: Some(0.123_45), profit: part, clv: part, ..Sums::default() };
        let point = |at: i32| Point {
            account: Uuid::from_u128(7),
            name: Some(format!(
                "{} & <Sons> {at}",
                ["Save-a-lot Markets", "漢字商店有限公司", "Ernst Handel"][usize::try_from(at % 3).unwrap()]
            )),
            x: Decimal::from(120_000 / (at + 1) - 900),
            y: Decimal::from((at * 37) % 101),
            class: match (at < 20, (at * 37) % 101 >= 50) {
                (true, true) => "PLATINUM",
                (true, false) => "GOLD",
                (false, true) => "IRON",
                (false, false) => "LEAD",
            }
            .into(),
        };
        Quadrant {
            model: (Uuid::nil(), "Value <2027>".into()),
            basis: Basis { as_of: chrono::NaiveDate::from_ymd_opt(2026, 11, 22), state: "OK" },
            currency: Currency::EUR,
            scheme: QuadrantScheme::Profit,
            value_cut: Cut { value: Some(5_000.0), source: "PROFIT_80_PERCENT" },
            potential_cut: Cut { value: Some(50.0), source: "MEDIAN" },
            classes: ["LEAD", "IRON", "GOLD", "PLATINUM", "UNCLASSIFIED"].map(|name| (name, sums.clone())).to_vec(),
            total: sums,
            points: (0..many).map(point).collect(),
        }
    }

    #[test]
    fn every_customer_is_a_point_within_the_plot() {
        let drawn = draw(&quadrant(200), Language::Both);
        assert_eq!(drawn.matches("<circle ").count(), 200);
        assert!(drawn.contains("PLATINUM 白金客户") && !drawn.contains("<Sons>") && !drawn.contains("NaN"), "{drawn}");
        for part in drawn.split("<circle cx=\"").skip(1) {
            let x: f64 = part.split('"').next().unwrap().parse().unwrap();
            assert!((PLOT[0]..=PLOT[2]).contains(&x), "{x}");
        }
        // The cut is in the middle of the plot.
        let axis = across(&quadrant(200), 5_000.0);
        assert!((axis.at(5_000.0) - middle(0)).abs() < 1e-9);
    }

    #[test]
    fn without_a_run_it_says_so() {
        let mut none = quadrant(0);
        none.value_cut.value = None;
        assert!(draw(&none, Language::English).contains("Nobody has a potential that is known."));
        none.basis.as_of = None;
        assert!(draw(&none, Language::English).contains("Nothing to show before the first run."));
        let one = draw(&quadrant(1), Language::Chinese);
        assert!(one.contains(">白金客户</text>") && !one.contains(">PLATINUM"), "{one}");
    }
}
