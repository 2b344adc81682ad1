//! Cells that a spreadsheet would run as a formula: written with a leading apostrophe, read without it (promise 47).

use std::fmt;

/// Characters with which a formula, a command or a delimiter of some import begins, and their full-width forms.
const DANGEROUS: &str = "=+-@|%\t\r＝＋－＠｜％";

/// A text that is safe in a cell.
#[derive(Clone, Copy, Debug)]
pub struct Protected<'a>(pub &'a str);

impl fmt::Display for Protected<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if is_dangerous(self.0) {
            f.write_str("'")?;
        }
        f.write_str(self.0)
    }
}

/// Whether the first visible character is a dangerous one. Apostrophes before it count as not there, so that a text that
/// begins with one is told from one that was given one.
fn is_dangerous(text: &str) -> bool {
    let rest = text.trim_start_matches('\'');
    let unseen = |c: char| {
        (c.is_whitespace() && !"\t\r".contains(c))
            || c.is_control() && !"\t\r".contains(c)
            || "\u{200b}\u{200c}\u{200d}\u{2060}\u{feff}\u{ad}\u{200e}\u{200f}".contains(c)
    };
    rest.trim_start_matches(unseen).starts_with(|c| DANGEROUS.contains(c))
}

/// The text that a cell was made from.
pub fn restored(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(rest) if is_dangerous(rest) => rest,
        _ => cell,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_run_is_disarmed_and_comes_back_as_it_was() {
        for text in [
            "=1+1",
            "+1",
            "-1",
            "@SUM(A1)",
            "\t=1",
            "\r=1",
            "|cmd",
            "%0",
            "＝1",
            " =1",
            "\u{200b}=1",
            "'=1",
            "''=1",
            "\n-1",
        ] {
            let cell = Protected(text).to_string();
            assert!(cell.starts_with('\'') && cell.len() == text.len() + 1, "{text:?}: {cell:?}");
            assert_eq!(restored(&cell), text);
        }
        for text in ["", "a=1", "O'Hara", "'quoted'", "1-1", "王", "a@example.com", "'", "  x"] {
            assert_eq!((Protected(text).to_string().as_str(), restored(text)), (text, text));
        }
    }
}
