//! A part of a file: so many lines as are written in one transaction, as JSON whatever the file was.

use sha2::{Digest, Sha256};

/// Most lines of a part.
const MAX_LINES: usize = 1_000;
/// A part is full when it has so many bytes.
const MAX_BYTES: usize = 1024 * 1024;

/// Why a line is no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// It is longer than a line may be.
    TooLong,
    /// A row of a table with more or fewer cells than there are columns.
    Ragged,
    /// It is not UTF-8.
    Encoding,
}

/// One line.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    /// Where it stands in the file, from 1.
    pub number: u32,
    /// JSON, or what is wrong with it.
    pub text: Result<&'a [u8], Flaw>,
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Part {
    /// Counts from 1.
    pub number: i32,
    /// How many lines there are in it.
    pub lines: usize,
    /// Of each line its number, its kind, its length and its text.
    bytes: Vec<u8>,
}

impl Part {
    /// The first part of a file.
    pub fn first() -> Self {
        Part { number: 1, lines: 0, bytes: Vec::new() }
    }

    /// One that was stored.
    pub fn stored(number: i32, bytes: Vec<u8>) -> Self {
        let mut part = Part { number, lines: 0, bytes };
        part.lines = part.read().count();
        part
    }

    /// As it is stored.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Adds a line. One that fills the part moves it to `full`.
    pub fn add(&mut self, number: u32, text: &[u8], full: &mut Vec<Part>) {
        self.frame(number, 0, text, full);
    }

    /// Adds a line that is no record.
    pub fn add_flaw(&mut self, number: u32, flaw: Flaw, full: &mut Vec<Part>) {
        let kind = match flaw {
            Flaw::TooLong => 1,
            Flaw::Ragged => 2,
            Flaw::Encoding => 3,
        };
        self.frame(number, kind, &[], full);
    }

    /// Adds one that is longer than lines may be.
    pub fn add_too_long(&mut self, number: u32, full: &mut Vec<Part>) {
        self.add_flaw(number, Flaw::TooLong, full);
    }

    fn frame(&mut self, number: u32, kind: u8, text: &[u8], full: &mut Vec<Part>) {
        self.bytes.extend_from_slice(&number.to_le_bytes());
        self.bytes.push(kind);
        self.bytes.extend_from_slice(&u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes());
        self.bytes.extend_from_slice(text);
        self.lines += 1;
        if self.lines >= MAX_LINES || self.bytes.len() >= MAX_BYTES {
            let next = Part { number: self.number.saturating_add(1), lines: 0, bytes: Vec::new() };
            full.push(std::mem::replace(self, next));
        }
    }

    /// Its lines.
    pub fn read(&self) -> impl Iterator<Item = Line<'_>> {
        let mut rest = self.bytes.as_slice();
        std::iter::from_fn(move || {
            let (number, after) = rest.split_first_chunk::<4>()?;
            let (kind, after) = after.split_first()?;
            let (length, after) = after.split_first_chunk::<4>()?;
            let (text, after) = after.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
            rest = after;
            let text = match kind {
                0 => Ok(text),
                1 => Err(Flaw::TooLong),
                2 => Err(Flaw::Ragged),
                _ => Err(Flaw::Encoding),
            };
            Some(Line { number: u32::from_le_bytes(*number), text })
        })
    }

    /// The digest of a file up to and with this part, from that of what comes before.
    pub fn digest(&self, before: &str) -> String {
        let mut digest = Sha256::new();
        digest.update(before);
        digest.update(&self.bytes);
        digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
