//! Rules that several resources share. Pure.

use crate::zones;
use kith_kernel::Violations;

/// An e-mail address as a login name: in lower case, of the part of RFC 5321 that mail really uses.
pub fn email(value: &str) -> Result<String, &'static str> {
    const EXPECTED: &str = "Expected an e-mail address such as nancy@example.com.";
    let value = value.trim().to_lowercase();
    let (local, domain) = value.rsplit_once('@').ok_or(EXPECTED)?;
    let local_char = |c: char| match c {
        '.' | '!' | '#'..='\'' | '*' | '+' | '-' | '/' | '=' | '?' | '^'..='`' | '{'..='~' => true,
        c if c.is_ascii() => c.is_ascii_alphanumeric(),
        c => !c.is_whitespace() && !c.is_control(),
    };
    let local_good = (1..=64).contains(&local.len())
        && local.chars().all(local_char)
        && local.split('.').all(|part| !part.is_empty());
    let label_good = |label: &str| {
        (1..=63).contains(&label.len())
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let domain_good = domain.contains('.') && domain.split('.').all(label_good);
    if local_good && domain_good && value.len() <= 254 { Ok(value) } else { Err(EXPECTED) }
}

/// The form of a BCP 47 language tag.
pub fn locale(tag: Option<&str>, violations: &mut Violations) {
    let good = |tag: &str| {
        tag.split('-').enumerate().all(|(at, part)| match at {
            0 => (2..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphabetic()),
            _ => (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric()),
        })
    };
    violations.ensure(tag.is_none_or(good), "/locale", "INVALID", "Expected a language tag such as zh-CN.");
}

/// A time zone by its IANA name.
pub fn time_zone(name: Option<&str>, violations: &mut Violations) {
    let known = name.is_none_or(zones::is_known);
    violations.ensure(known, "/timeZone", "INVALID", "Expected the IANA name of a time zone, such as Asia/Shanghai.");
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
    fn login_names_are_lower_case_addresses() {
        assert_eq!(email(" Nancy.Davolio@Example.COM ").as_deref(), Ok("nancy.davolio@example.com"));
        assert_eq!(email("o'neil+kith@a-b.example").as_deref(), Ok("o'neil+kith@a-b.example"));
        assert_eq!(email("用户@例子.公司").as_deref(), Ok("用户@例子.公司"));
        let long = format!("{}@example.com", "a".repeat(65));
        for bad in [
            "",
            "a",
            "@",
            "a@b",
            "@b.c",
            "a@",
            "a@@b.c",
            "a@b..c",
            "a@.b.c",
            "a b@c.d",
            "a@b.c\r\nBcc: x@y.z",
            ".a@b.c",
            "a.@b.c",
            "a..b@c.d",
            "a@-b.c",
            "a@b-.c",
            "a\"@b.c",
            "a,b@c.d",
            "a(b)@c.d",
            "a<b>@c.d",
            "a@b c.d",
            long.as_str(),
        ] {
            assert!(email(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn locales_zones_and_slugs_are_checked() {
        for good in ["de", "zh-CN", "sr-Latn-RS", "de-CH-1996"] {
            assert!(ok(|v| locale(Some(good), v)), "{good}");
        }
        for bad in ["", "d", "german", "de_DE", "de-", "zh-verylongpart"] {
            assert!(!ok(|v| locale(Some(bad), v)), "{bad}");
        }
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
