//! Tables: a line of names, then a record a row. Cells are texts; what they mean follows from the field table.

use crate::cells::restored;
use crate::decode::MAX_LINE;
use crate::part::{Flaw, Part};
use csv_core::{ReadRecordResult, Reader};
use kith_kernel::{Entry, Error, Field, Kind, Result, Violations, codes};
use serde_json::Value;

/// Most columns.
const MAX_COLUMNS: usize = 500;

/// What a column holds.
enum Column {
    /// The key in the other system, its system, or the version that was read.
    Own(&'static str),
    /// A field.
    Field(&'static Field),
    /// A member of a field: of an amount, or of the key that a reference is given by.
    Member(&'static Field, &'static str),
}

/// The columns that say which record a row is, where the resource has no field of that name.
pub const OWN: [&str; 4] = ["externalId", "system", "sourceVersion", "ifVersion"];

/// Reads a table.
pub struct Table {
    entry: &'static Entry,
    columns: Option<Vec<Column>>,
    reader: Reader,
    cells: Vec<u8>,
    written: usize,
    ends: Vec<usize>,
    ended: usize,
    /// Line ends that were read.
    lines: u32,
    /// Where the record began that is being read; none: it has not yet.
    line: Option<u32>,
    too_long: bool,
    text: Vec<u8>,
}

impl Table {
    /// Of records of a resource.
    pub fn new(entry: &'static Entry) -> Self {
        Table {
            entry,
            columns: None,
            reader: Reader::new(),
            cells: vec![0; 4096],
            written: 0,
            ends: vec![0; MAX_COLUMNS + 1],
            ended: 0,
            lines: 0,
            line: None,
            too_long: false,
            text: Vec::new(),
        }
    }

    /// Takes more of it.
    pub fn push(&mut self, bytes: &[u8], part: &mut Part, full: &mut Vec<Part>) -> Result<()> {
        // To the reader, nothing means that the end has come.
        if bytes.is_empty() { Ok(()) } else { self.read(bytes, part, full) }
    }

    /// It has ended.
    pub fn finish(&mut self, part: &mut Part, full: &mut Vec<Part>) -> Result<()> {
        self.read(&[], part, full)?;
        if self.columns.is_none() {
            return Err(Error::invalid("", "REQUIRED", "A table begins with a line of field names."));
        }
        Ok(())
    }

    fn read(&mut self, mut bytes: &[u8], part: &mut Part, full: &mut Vec<Part>) -> Result<()> {
        let end = bytes.is_empty();
        loop {
            if self.line.is_none() {
                // Ends of lines between records mean nothing, but they count.
                let between = bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
                self.count(bytes.get(..between).unwrap_or_default());
                bytes = bytes.get(between..).unwrap_or_default();
                if bytes.is_empty() && !end {
                    return Ok(());
                }
                self.line = Some(self.lines.saturating_add(1));
            }
            let (cells, ends) = (self.cells.get_mut(self.written..), self.ends.get_mut(self.ended..));
            let (result, read, written, ended) =
                self.reader.read_record(bytes, cells.unwrap_or_default(), ends.unwrap_or_default());
            self.count(bytes.get(..read).unwrap_or_default());
            bytes = bytes.get(read..).unwrap_or_default();
            self.written += written;
            self.ended += ended;
            match result {
                ReadRecordResult::InputEmpty if !end => return Ok(()),
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull if self.cells.len() < MAX_LINE => {
                    self.cells.resize((self.cells.len() * 2).min(MAX_LINE), 0);
                }
                // What is too long is read on and thrown away.
                ReadRecordResult::OutputFull => (self.written, self.too_long) = (0, true),
                ReadRecordResult::OutputEndsFull => (self.ended, self.too_long) = (0, true),
                ReadRecordResult::Record => {
                    self.record(part, full)?;
                    (self.written, self.ended, self.too_long, self.line) = (0, 0, false, None);
                }
                ReadRecordResult::End => return Ok(()),
            }
        }
    }

    fn count(&mut self, bytes: &[u8]) {
        let ends = bytes.iter().filter(|byte| **byte == b'\n').count();
        self.lines = self.lines.saturating_add(u32::try_from(ends).unwrap_or(u32::MAX));
    }

    fn record(&mut self, part: &mut Part, full: &mut Vec<Part>) -> Result<()> {
        let cells = self.cells.get(..self.written).unwrap_or_default();
        let ends = self.ends.get(..self.ended).unwrap_or_default();
        let Some(columns) = &self.columns else {
            if self.too_long {
                return Err(Error::invalid("", "TOO_MANY", "The line of field names is too long."));
            }
            let names = std::str::from_utf8(cells)
                .map_err(|_| Error::new(&codes::MALFORMED_REQUEST, "The line of field names is not UTF-8."))?;
            self.columns = Some(columns_of(self.entry, &split(names, ends).map(str::trim).collect::<Vec<_>>())?);
            return Ok(());
        };
        let line = self.line.unwrap_or(1);
        if self.too_long {
            part.add_too_long(line, full);
        } else if ends.len() != columns.len() {
            part.add_flaw(line, Flaw::Ragged, full);
        } else if let Ok(cells) = std::str::from_utf8(cells) {
            self.text.clear();
            object(&mut self.text, columns, &split(cells, ends).collect::<Vec<_>>());
            part.add(line, &self.text, full);
        } else {
            part.add_flaw(line, Flaw::Encoding, full);
        }
        Ok(())
    }
}

/// The cells of a row.
fn split<'a>(cells: &'a str, ends: &'a [usize]) -> impl Iterator<Item = &'a str> {
    let starts = std::iter::once(0).chain(ends.iter().copied());
    // A cell that ends within a character of another cannot be: the whole is UTF-8, and so are its delimiters.
    starts.zip(ends).map(|(start, end)| cells.get(start..*end).unwrap_or("\u{fffd}"))
}

/// What the names of the first line stand for; every unknown one is told.
fn columns_of(entry: &'static Entry, names: &[&str]) -> Result<Vec<Column>> {
    let mut violations = Violations::default();
    let mut columns = Vec::with_capacity(names.len());
    for (at, name) in names.iter().enumerate() {
        let place = format!("/columns/{at}");
        if names.iter().take(at).any(|earlier| earlier == name) {
            violations.add(place, "DUPLICATE", format!("The column {name:?} stands twice."));
            continue;
        }
        match column(entry, name) {
            Some(column) => columns.push(column),
            None => {
                let known = entry.shown.iter().filter_map(|index| entry.fields.get(*index)).map(|field| field.name);
                let known: Vec<_> = OWN.into_iter().chain(known).collect();
                let detail = format!(
                    "There is no column {name:?}. Allowed: {}; of an amount `.amount` and `.currency`, of a reference `.externalId`.",
                    known.join(", ")
                );
                violations.add(place, "UNKNOWN_FIELD", detail);
            }
        }
    }
    violations.into_result()?;
    Ok(columns)
}

fn column(entry: &'static Entry, name: &str) -> Option<Column> {
    if let Some((_, field)) = entry.field(name) {
        return (field.kind != Kind::Money).then_some(Column::Field(field));
    }
    if let Some(own) = OWN.into_iter().find(|own| *own == name) {
        return Some(Column::Own(own));
    }
    let (name, member) = name.split_once('.')?;
    let (_, field) = entry.field(name)?;
    let members: &[&'static str] = match field.kind {
        Kind::Money => &["amount", "currency"],
        Kind::Id(Some(_)) => &["externalId", "system"],
        _ => &[],
    };
    members.iter().find(|known| **known == member).map(|member| Column::Member(field, member))
}

/// Writes a row as a JSON object. An empty cell clears a field that can be null, and says nothing about any other.
fn object(out: &mut Vec<u8>, columns: &[Column], cells: &[&str]) {
    out.push(b'{');
    for (at, (column, cell)) in columns.iter().zip(cells).enumerate() {
        let cell = restored(cell);
        match column {
            Column::Own(_) if cell.is_empty() => {}
            Column::Own(name @ ("sourceVersion" | "ifVersion")) => member(out, name, &typed(Kind::Int, cell)),
            Column::Own(name) => member(out, name, &Value::from(cell)),
            Column::Field(field) if cell.is_empty() => {
                if field.nullable {
                    member(out, field.name, &Value::Null);
                }
            }
            Column::Field(field) => member(out, field.name, &typed(field.kind, cell)),
            // The members of a field stand where its first column does.
            Column::Member(field, _) if !is_first(columns, at, field) => {}
            Column::Member(field, _) => {
                let parts = columns.iter().zip(cells).filter_map(|(column, cell)| match column {
                    Column::Member(other, name) if other.name == field.name && !cell.is_empty() => {
                        Some(((*name).to_owned(), Value::from(restored(cell))))
                    }
                    _ => None,
                });
                let parts: serde_json::Map<_, _> = parts.collect();
                if !parts.is_empty() {
                    member(out, field.name, &Value::Object(parts));
                } else if field.nullable {
                    member(out, field.name, &Value::Null);
                }
            }
        }
    }
    if out.last() == Some(&b',') {
        out.pop();
    }
    out.push(b'}');
}

fn is_first(columns: &[Column], at: usize, field: &Field) -> bool {
    !columns.iter().take(at).any(|column| matches!(column, Column::Member(other, _) if other.name == field.name))
}

fn member(out: &mut Vec<u8>, name: &str, value: &Value) {
    out.extend_from_slice(Value::from(name).to_string().as_bytes());
    out.push(b':');
    out.extend_from_slice(value.to_string().as_bytes());
    out.push(b',');
}

/// What a cell says; a text that cannot be read as what is expected stays one, and is refused as such.
fn typed(kind: Kind, cell: &str) -> Value {
    let read = match kind {
        Kind::Bool => cell.to_ascii_lowercase().parse().ok().map(Value::Bool),
        Kind::Int => cell.parse::<i64>().ok().map(Value::from),
        Kind::Json => kith_kernel::json::parse(cell.as_bytes()).ok(),
        _ => None,
    };
    read.unwrap_or_else(|| Value::from(cell))
}
