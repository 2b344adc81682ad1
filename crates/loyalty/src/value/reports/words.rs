//! What the pictures say, in two languages.

use kith_kernel::{Error, Result};

/// The language of the labels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// English alone.
    English,
    /// Chinese alone.
    Chinese,
    /// English, with Chinese beside it.
    #[default]
    Both,
}

/// A label in English and Chinese.
pub(super) type Words = (&'static str, &'static str);

impl Language {
    /// As it was asked for: `en`, `zh` or `both`.
    pub fn read(asked: Option<&str>, at: &str) -> Result<Self> {
        match asked {
            None | Some("both") => Ok(Self::Both),
            Some("en") => Ok(Self::English),
            Some("zh") => Ok(Self::Chinese),
            Some(_) => Err(Error::invalid(at, "INVALID", "Expected en, zh or both.")),
        }
    }

    /// On one line.
    pub(super) fn line(self, (english, chinese): Words) -> String {
        match self {
            Self::English => english.to_owned(),
            Self::Chinese => chinese.to_owned(),
            Self::Both => format!("{english} {chinese}"),
        }
    }

    /// The chief label, and the one below it.
    pub(super) fn pair(self, (english, chinese): Words) -> (&'static str, Option<&'static str>) {
        match self {
            Self::English => (english, None),
            Self::Chinese => (chinese, None),
            Self::Both => (english, Some(chinese)),
        }
    }
}

/// A layer or class by its name in the API.
pub(super) fn place(name: &str) -> Words {
    match name {
        "TOP" => ("TOP", "顶层"),
        "LARGE" => ("LARGE", "大客户"),
        "MEDIUM" => ("MEDIUM", "中客户"),
        "SMALL" => ("SMALL", "小客户"),
        "INACTIVE" => ("INACTIVE", "沉睡客户"),
        "PROSPECT" => ("PROSPECT", "潜在客户"),
        "SUSPECT" => ("SUSPECT", "可能客户"),
        "LEAD" => ("LEAD", "铅质客户"),
        "IRON" => ("IRON", "铁质客户"),
        "GOLD" => ("GOLD", "黄金客户"),
        "PLATINUM" => ("PLATINUM", "白金客户"),
        _ => ("UNCLASSIFIED", "未分类"),
    }
}
