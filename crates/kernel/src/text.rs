//! Text as it comes from outside, and enumerations that travel as text.

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
