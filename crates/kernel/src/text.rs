//! Text as it comes from outside, values that have one normal form, and enumerations that travel as text.

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

/// Checks and normalises a text: no U+0000, no C0 controls but tab and line ends; NFC. All else stays as sent.
pub fn clean(text: &str) -> Result<String, String> {
    if let Some(bad) = text.chars().find(|c| c.is_ascii_control() && !matches!(c, '\t' | '\n' | '\r')) {
        return Err(format!("a text without control characters (found U+{:04X})", u32::from(bad)));
    }
    Ok(match is_nfc_quick(text.chars()) {
        IsNormalized::Yes => text.to_owned(),
        _ => text.nfc().collect(),
    })
}

/// An e-mail address in its normal form: lower case, of the part of RFC 5321 that mail really uses.
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

/// E.164 where the number says its country; else its digits, as it cannot be dialled from everywhere.
pub fn phone(value: &str) -> Result<String, &'static str> {
    const EXPECTED: &str = "Expected a phone number, best with its country code, such as +49 30 0074321.";
    let allowed = |c: char| c.is_ascii_digit() || " +-./()#x\u{a0}".contains(c);
    let digits = value.chars().filter(char::is_ascii_digit).count();
    if !value.chars().all(allowed) || !(3..=20).contains(&digits) {
        return Err(EXPECTED);
    }
    if !value.trim_start().starts_with('+') {
        return Ok(value.chars().filter(char::is_ascii_digit).collect());
    }
    let number = phonenumber::parse(None, value).map_err(|_| EXPECTED)?;
    Ok(number.format().mode(phonenumber::Mode::E164).to_string())
}

/// The whole name in the order of the locale: 王小明 without a space, Nagy Anna with one, Maria Anders elsewhere.
pub fn full_name(given: Option<&str>, family: Option<&str>, locale: Option<&str>) -> String {
    let (given, family) = (given.unwrap_or_default().trim(), family.unwrap_or_default().trim());
    let language = locale.and_then(|locale| locale.split('-').next()).unwrap_or_default().to_ascii_lowercase();
    let family_first = matches!(language.as_str(), "zh" | "ja" | "ko" | "vi" | "hu");
    let (first, second) = if family_first { (family, given) } else { (given, family) };
    let ideographic = |name: &str| name.chars().all(|c| !c.is_ascii());
    let space = if family_first && language != "vi" && language != "hu" && ideographic(first) && ideographic(second) {
        ""
    } else {
        " "
    };
    format!("{first}{space}{second}").trim().to_owned()
}

/// Whether a text has the form of a BCP 47 language tag: `zh-CN`, `sr-Latn-RS`.
pub fn is_language(tag: &str) -> bool {
    tag.split('-').enumerate().all(|(at, part)| match at {
        0 => (2..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphabetic()),
        _ => (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric()),
    })
}

/// Refuses what has not the form of a language tag; none is fine.
pub fn language(pointer: &str, tag: Option<&str>, violations: &mut crate::Violations) {
    violations.ensure(tag.is_none_or(is_language), pointer, "INVALID", "Expected a language tag such as zh-CN.");
}

/// An enumeration whose values are upper-snake-case texts in both APIs and in the database.
#[macro_export]
macro_rules! text_enum {
    ($(#[$meta:meta])* pub enum $name:ident { $( $(#[doc = $doc:literal])+ $(#[$default:ident])? $variant:ident = $text:literal, )+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name { $( $(#[doc = $doc])+ $(#[$default])? $variant, )+ }
        impl $name {
            /// Every value with what it means.
            pub const ALL: &'static [(&'static str, &'static str)] = &[$( ($text, concat!($($doc),+)) ),+];
            /// As it stands in JSON and in the database.
            pub const fn as_str(self) -> &'static str { match self { $( $name::$variant => $text, )+ } }
            /// The value for a text, if there is one.
            pub fn from_text(text: &str) -> Option<Self> { match text { $( $text => Some($name::$variant), )+ _ => None } }
        }
        impl $crate::FieldType for $name {
            const KIND: $crate::Kind = $crate::Kind::Enum(stringify!($name), $name::ALL);
            type Sql = $crate::export::diesel::sql_types::Text;
            type Row = String;
            fn empty() -> Self { $crate::text_enum!(@first $name $($variant)+) }
            fn from_row(row: String) -> $crate::export::diesel::deserialize::Result<Self> {
                $name::from_text(&row).ok_or_else(|| format!("unknown {} {row}", stringify!($name)).into())
            }
            fn parse(value: &$crate::export::serde_json::Value) -> Result<Self, String> {
                value.as_str().and_then($name::from_text).ok_or_else(|| $crate::Kind::expects(&Self::KIND))
            }
            fn write(&self, out: &mut Vec<u8>) {
                out.push(b'"'); out.extend_from_slice(self.as_str().as_bytes()); out.push(b'"');
            }
            fn binds(&self, out: &mut Vec<$crate::Bind>) { out.push($crate::Bind::Text(Some(self.as_str().to_owned()))) }
            fn nulls(out: &mut Vec<$crate::Bind>) { out.push($crate::Bind::Text(None)) }
        }
    };
    (@first $name:ident $first:ident $($rest:ident)*) => { $name::$first };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e_mail_addresses_have_one_normal_form() {
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
    fn language_tags_have_the_form_of_bcp_47() {
        for good in ["de", "zh-CN", "sr-Latn-RS", "de-CH-1996"] {
            assert!(is_language(good), "{good}");
        }
        for bad in ["", "d", "german", "de_DE", "de-", "zh-verylongpart"] {
            assert!(!is_language(bad), "{bad}");
        }
    }

    #[test]
    fn phone_numbers_with_a_country_become_e_164() {
        assert_eq!(phone("+49 (0)30 0074321").as_deref(), Ok("+49300074321"));
        assert_eq!(phone("+1 206-555-9857").as_deref(), Ok("+12065559857"));
        assert_eq!(phone("(5) 555-4729").as_deref(), Ok("55554729"));
        for bad in ["", "12", "phone", "+", "+999999999999999999999999", "030-0074321\n"] {
            assert!(phone(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn names_stand_in_the_order_of_the_locale() {
        for (given, family, locale, expected) in [
            (Some("Maria"), Some("Anders"), Some("de-DE"), "Maria Anders"),
            (Some("Maria"), Some("Anders"), None, "Maria Anders"),
            (Some("小明"), Some("王"), Some("zh-CN"), "王小明"),
            (Some("Xiaoming"), Some("Wang"), Some("zh-CN"), "Wang Xiaoming"),
            (Some("Anna"), Some("Nagy"), Some("hu"), "Nagy Anna"),
            (Some("Cher"), None, Some("en-US"), "Cher"),
            (None, Some("王"), Some("zh-CN"), "王"),
        ] {
            assert_eq!(full_name(given, family, locale), expected);
        }
    }
}
