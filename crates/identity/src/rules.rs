//! Rules that several resources share. Pure.

use crate::zones;
use kith_kernel::{Error, Result, Tz, Violations};

/// A time zone by its IANA name.
pub fn time_zone(name: Option<&str>, violations: &mut Violations) {
    let known = name.is_none_or(zones::is_known);
    violations.ensure(known, "/timeZone", "INVALID", "Expected the IANA name of a time zone, such as Asia/Shanghai.");
}

/// A time zone that was checked when it was stored.
pub fn zone(name: &str) -> Result<Tz> {
    name.parse().map_err(|_| Error::internal(format!("no time zone {name}")))
}

/// The short name of a tenant: what people type at login and what may stand in a host name.
pub fn slug(slug: &str, violations: &mut Violations) {
    let good = (2..=63).contains(&slug.len())
        && slug.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !slug.starts_with('-')
        && !slug.ends_with('-');
    let detail = "Expected 2 to 63 lower-case letters, digits and inner dashes.";
    violations.ensure(good, "/slug", "INVALID", detail);
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
    fn zones_and_slugs_are_checked() {
        for good in ["UTC", "Europe/Zurich", "Asia/Shanghai", "America/Argentina/Buenos_Aires"] {
            assert!(ok(|v| time_zone(Some(good), v)), "{good}");
        }
        for bad in ["", "CET+1", "europe/zurich", "Europe/", "Europe/Zurich Asia/Shanghai", "Europe/Nowhere", " "] {
            assert!(!ok(|v| time_zone(Some(bad), v)), "{bad}");
        }
        for good in ["nw", "north-wind", "7-up", &"a".repeat(63)] {
            assert!(ok(|v| slug(good, v)), "{good}");
        }
        for bad in ["", "a", "North", "north_wind", "-a", "a-", "a.b", "ä-b", &"a".repeat(64)] {
            assert!(!ok(|v| slug(bad, v)), "{bad}");
        }
    }
}
