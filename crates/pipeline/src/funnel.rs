//! A funnel as a picture: SVG that stands by itself, readable in a browser, in print and to a screen reader.

use crate::board::{Funnel, Step};
use kith_kernel::escape_xml as xml;
use kith_kernel::svg::{self, cut};
use rust_decimal::Decimal;
use std::fmt::Write;

const WIDTH: i64 = 880;
const TOP: i64 = 76;
const ROW: i64 = 62;
const BAR: i64 = 44;
/// The middle and the greatest width of the bars.
const MIDDLE: i64 = 420;
const WIDEST: i64 = 360;
const NARROWEST: i64 = 6;
/// Longest name that fits beside the bars.
const NAME: usize = 24;
const BLUES: [&str; 5] = ["#1d4e89", "#215a9c", "#2565ae", "#2a6fbd", "#2f7ac9"];
const GREEN: &str = "#2e7d4f";

/// Draws it.
pub fn draw(funnel: &Funnel) -> String {
    let rows = i64::try_from(funnel.steps.len()).unwrap_or(0);
    let height = TOP + rows * ROW + 40;
    let title = format!("Funnel of {}", funnel.pipeline);
    let mut out = svg::open((WIDTH, height), &title, &described(funnel));
    let heads = [(24, "start", "Stage"), (MIDDLE, "middle", "Reached"), (WIDTH - 24, "end", "Here now")];
    for (x, anchor, text) in heads {
        let _ = writeln!(
            out,
            "<text x=\"{x}\" y=\"62\" font-size=\"13\" text-anchor=\"{anchor}\" fill=\"#595959\">{text}</text>"
        );
    }
    let most = funnel.steps.iter().map(|step| step.reached).max().unwrap_or(0).max(1);
    for (at, step) in funnel.steps.iter().enumerate() {
        let below = funnel.steps.get(at + 1);
        row(&mut out, funnel, (at, step, below), most);
    }
    let end = height - 14;
    let note = "Reached: opportunities that came to the stage or beyond it, whatever became of them.";
    let _ = write!(out, "<text x=\"24\" y=\"{end}\" font-size=\"12\" fill=\"#595959\">{note}</text>\n</svg>\n");
    out
}

fn row(out: &mut String, funnel: &Funnel, (at, step, below): (usize, &Step, Option<&Step>), most: i64) {
    let y = TOP + i64::try_from(at).unwrap_or(0) * ROW;
    let (width, next) = (width(step.reached, most), width(below.unwrap_or(step).reached, most));
    let last = below.is_none();
    let colour = if last { GREEN } else { BLUES.get(at).or(BLUES.last()).copied().unwrap_or(GREEN) };
    // Narrows towards the next step, so that it looks like what it is.
    let slope = width - (width - next.min(width)) / 3;
    let (middle, foot, text) = (MIDDLE, y + BAR, y + 28);
    let _ = writeln!(
        out,
        "<g><title>{}</title>\n<polygon points=\"{},{y} {},{y} {},{foot} {},{foot}\" fill=\"{colour}\"/>",
        xml(&sentence(funnel, step)),
        middle - width / 2,
        middle + width / 2,
        middle + slope / 2,
        middle - slope / 2,
    );
    let _ = writeln!(
        out,
        "<text x=\"24\" y=\"{text}\" font-size=\"16\" fill=\"#1a1a1a\">{}</text>",
        xml(&cut(&step.name, NAME))
    );
    // On a bar that is too narrow the number stands beside it.
    let (x, anchor, fill) =
        if slope >= 64 { (middle, "middle", "#ffffff") } else { (middle + width / 2 + 8, "start", "#1a1a1a") };
    let _ = writeln!(
        out,
        "<text x=\"{x}\" y=\"{text}\" font-size=\"17\" font-weight=\"600\" text-anchor=\"{anchor}\" fill=\"{fill}\">{}</text>",
        step.reached
    );
    let right = WIDTH - 24;
    let _ = writeln!(
        out,
        "<text x=\"{right}\" y=\"{}\" font-size=\"15\" text-anchor=\"end\" fill=\"#1a1a1a\">{} · {}</text>",
        y + 20,
        step.count,
        xml(&amount(funnel, step)),
    );
    if let Some(onward) = step.onward {
        let percent = onward.round_dp(1).normalize();
        let _ = writeln!(
            out,
            "<text x=\"{right}\" y=\"{}\" font-size=\"13\" text-anchor=\"end\" fill=\"#595959\">{percent} % went on</text>",
            y + 38
        );
    }
    out.push_str("</g>\n");
}

fn width(reached: i64, most: i64) -> i64 {
    (WIDEST * reached / most).max(NARROWEST)
}

/// Whole units with separators, as on a chart.
fn amount(funnel: &Funnel, step: &Step) -> String {
    format!("{} {}", svg::whole(step.amount), funnel.currency)
}

fn sentence(funnel: &Funnel, step: &Step) -> String {
    let onward = step.onward.map(|onward: Decimal| format!(", {} % went on", onward.round_dp(1).normalize()));
    let Step { name, reached, count, .. } = step;
    format!(
        "{name}: {reached} reached it{}; {count} are here now, worth {}.",
        onward.unwrap_or_default(),
        amount(funnel, step)
    )
}

fn described(funnel: &Funnel) -> String {
    funnel.steps.iter().map(|step| sentence(funnel, step)).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use kith_kernel::Currency;

    #[test]
    fn what_users_write_cannot_leave_its_place() {
        let step = |name: &str, reached| Step {
            name: name.into(),
            reached,
            count: 1,
            amount: Decimal::new(12_345_678, 1),
            onward: Some(Decimal::new(333_333, 4)),
        };
        let steps = vec![step("</text><script>alert('1')</script>\"&", 9), step(&"漢".repeat(80), 0)];
        let drawn = draw(&Funnel { pipeline: "A & <B>".into(), currency: Currency::EUR, steps });
        assert!(!drawn.contains("<script") && !drawn.contains("& "), "{drawn}");
        assert!(drawn.contains("Funnel of A &amp; &lt;B&gt;") && drawn.contains("1,234,568 EUR"), "{drawn}");
        assert!(drawn.contains("33.3 % went on") && drawn.contains(&format!("{}…", "漢".repeat(NAME - 1))));
    }
}
