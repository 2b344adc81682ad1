//! Records as lines: JSON, or rows of a table that spreadsheets can open without harm.

use crate::LoadFormat;
use crate::cells::Protected;
use kith_journal::log;
use kith_kernel::{Entry, Field, Kind, Row};
use serde_json::Value;

/// What is told of each record.
#[derive(Clone, Debug)]
pub struct Lines {
    /// Of which resource.
    pub entry: &'static Entry,
    /// Which fields.
    pub indices: Vec<usize>,
    /// With its key in another system, under the name `externalId`.
    pub keyed: bool,
    /// How.
    pub format: LoadFormat,
}

impl Lines {
    fn fields(&self) -> impl Iterator<Item = (usize, &'static Field)> {
        self.indices.iter().filter_map(|index| Some((*index, self.entry.fields.get(*index)?)))
    }

    /// The line of names, for a table.
    pub fn head(&self, out: &mut Vec<u8>) {
        if self.format == LoadFormat::Ndjson {
            return;
        }
        let mut names: Vec<String> = if self.keyed { vec!["externalId".to_owned()] } else { Vec::new() };
        for (_, field) in self.fields() {
            match field.kind {
                Kind::Money => names.extend(["amount", "currency"].map(|part| format!("{}.{part}", field.name))),
                _ => names.push(field.name.to_owned()),
            }
        }
        out.extend_from_slice(names.join(",").as_bytes());
        out.extend_from_slice(b"\r\n");
    }

    /// The line of a record.
    pub fn line(&self, out: &mut Vec<u8>, row: &dyn Row, key: Option<&str>) {
        match self.format {
            LoadFormat::Ndjson => self.json(out, row, key),
            LoadFormat::Csv => self.cells(out, row, key),
        }
    }

    fn json(&self, out: &mut Vec<u8>, row: &dyn Row, key: Option<&str>) {
        out.push(b'{');
        if self.keyed {
            out.extend_from_slice(format!("\"externalId\":{}", Value::from(key)).as_bytes());
        }
        for (at, (index, field)) in self.fields().enumerate() {
            if at > 0 || self.keyed {
                out.push(b',');
            }
            out.extend_from_slice(format!("\"{}\":", field.name).as_bytes());
            row.write_field(index, out);
        }
        out.extend_from_slice(b"}\n");
    }

    fn cells(&self, out: &mut Vec<u8>, row: &dyn Row, key: Option<&str>) {
        let start = out.len();
        if self.keyed {
            cell(out, key.unwrap_or_default(), true);
        }
        for (index, field) in self.fields() {
            // Numbers are written by Kith and can be nothing else.
            let risky = !matches!(field.kind, Kind::Int | Kind::Decimal | Kind::Rate | Kind::Money);
            match log::field_value(row, index) {
                Value::Null if field.kind == Kind::Money => out.extend_from_slice(b",,"),
                Value::Null => out.push(b','),
                Value::String(text) => cell(out, &text, risky),
                Value::Object(money) if field.kind == Kind::Money => {
                    for part in ["amount", "currency"] {
                        cell(out, money.get(part).and_then(Value::as_str).unwrap_or_default(), risky);
                    }
                }
                other => cell(out, &other.to_string(), risky),
            }
        }
        // The comma after the last one.
        if out.len() > start {
            out.pop();
        }
        out.extend_from_slice(b"\r\n");
    }
}

/// Writes a cell and a comma.
fn cell(out: &mut Vec<u8>, text: &str, risky: bool) {
    let safe = if risky { Protected(text).to_string() } else { text.to_owned() };
    let quoted = safe.len() != text.len() || safe.contains([',', '"', '\r', '\n']) || safe.trim() != safe;
    if quoted {
        out.push(b'"');
        out.extend_from_slice(safe.replace('"', "\"\"").as_bytes());
        out.push(b'"');
    } else {
        out.extend_from_slice(safe.as_bytes());
    }
    out.push(b',');
}
