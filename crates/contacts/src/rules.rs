//! Rules that several resources share. Pure.

use kith_kernel::{Error, Meta, Result, Violations};
use uuid::Uuid;

/// What was merged into another record cannot come back: nothing hangs on it any more.
pub fn stays_merged(meta: &Meta, into: Option<Uuid>) -> Result<()> {
    match into {
        Some(into) if meta.archived_at.is_none() => {
            Err(Error::illegal(format!("This record became part of {into}, and cannot be restored."), &[]))
        }
        _ => Ok(()),
    }
}

/// A web address: http or https with a host, nothing that could hide a script or credentials.
pub fn website(url: Option<&str>, violations: &mut Violations) {
    let good = |url: &str| {
        let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"))?;
        let host = rest.split(['/', '?', '#']).next()?;
        (host.contains('.') && !host.contains('@') && !url.contains(char::is_whitespace)).then_some(())
    };
    violations.ensure(
        url.is_none_or(|url| good(url).is_some()),
        "/website",
        "INVALID",
        "Expected an address such as https://example.com.",
    );
}

/// A span of dates that ends no earlier than it starts.
pub fn span(from: Option<chrono::NaiveDate>, to: Option<chrono::NaiveDate>, violations: &mut Violations) {
    let good = from.zip(to).is_none_or(|(from, to)| from <= to);
    violations.ensure(good, "/validTo", "OUT_OF_RANGE", "validTo is not before validFrom.");
}

/// Exactly one of several references.
pub fn exactly_one(given: &[bool], pointer: &str, detail: &str, violations: &mut Violations) {
    violations.ensure(given.iter().filter(|given| **given).count() == 1, pointer, "REQUIRED", detail);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ok(check: impl FnOnce(&mut Violations)) -> bool {
        let mut violations = Violations::default();
        check(&mut violations);
        violations.0.is_empty()
    }

    #[test]
    fn websites_have_a_scheme_and_a_host() {
        for good in ["https://example.com", "http://a.b/c?d=e#f", "https://müller.example"] {
            assert!(ok(|v| website(Some(good), v)), "{good}");
        }
        for bad in [
            "javascript:alert(1)",
            "https://",
            "https://localhost",
            "https://u:p@example.com",
            "example.com",
            "https://a b.c",
        ] {
            assert!(!ok(|v| website(Some(bad), v)), "{bad}");
        }
    }
}
