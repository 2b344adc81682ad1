//! From the bytes of a file, as they come, to parts of it. What is held is one part and one line, whatever the file.

use crate::csv::Table;
use crate::part::Part;
use flate2::write::MultiGzDecoder;
use kith_kernel::{Entry, Error, Result, codes};
use std::io::Write;

/// Longest line.
pub const MAX_LINE: usize = 1024 * 1024;
/// How much is unpacked at once: a kilobyte of gzip is at most some megabyte of text.
const BITE: usize = 1024;
/// A file that unpacks to more than so many times its length over this much text is no file of records.
const WINDOW: u64 = 64 * 1024 * 1024;
const RATIO: u64 = 100;

/// Reads one file.
pub struct Decoder {
    gzip: Option<Gzip>,
    lines: Lines,
    part: Part,
    full: Vec<Part>,
}

struct Gzip {
    decoder: MultiGzDecoder<Vec<u8>>,
    packed: u64,
    unpacked: u64,
}

enum Lines {
    Json { line: u32, held: Vec<u8>, too_long: bool },
    Csv(Box<Table>),
}

impl Decoder {
    /// For a file of JSON lines.
    pub fn ndjson(gzip: bool) -> Self {
        Decoder::new(gzip, Lines::Json { line: 1, held: Vec::new(), too_long: false })
    }

    /// For a table of records of a resource.
    pub fn csv(gzip: bool, entry: &'static Entry) -> Self {
        Decoder::new(gzip, Lines::Csv(Box::new(Table::new(entry))))
    }

    fn new(gzip: bool, lines: Lines) -> Self {
        let gzip = gzip.then(|| Gzip { decoder: MultiGzDecoder::new(Vec::new()), packed: 0, unpacked: 0 });
        Decoder { gzip, lines, part: Part::first(), full: Vec::new() }
    }

    /// Takes more of the file; the parts that are complete by it.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<Part>> {
        match &mut self.gzip {
            None => self.lines.push(bytes, &mut self.part, &mut self.full)?,
            Some(gzip) => {
                for bite in bytes.chunks(BITE) {
                    let text = gzip.push(bite)?;
                    self.lines.push(&text, &mut self.part, &mut self.full)?;
                }
            }
        }
        Ok(std::mem::take(&mut self.full))
    }

    /// The file has ended; the last parts.
    pub fn finish(mut self) -> Result<Vec<Part>> {
        if let Some(gzip) = self.gzip.take() {
            let text = gzip.decoder.finish().map_err(|_| broken())?;
            self.lines.push(&text, &mut self.part, &mut self.full)?;
        }
        self.lines.finish(&mut self.part, &mut self.full)?;
        if self.part.lines > 0 {
            self.full.push(self.part);
        }
        Ok(self.full)
    }
}

impl Gzip {
    fn push(&mut self, bite: &[u8]) -> Result<Vec<u8>> {
        self.decoder.write_all(bite).and_then(|()| self.decoder.flush()).map_err(|_| broken())?;
        let text = std::mem::take(self.decoder.get_mut());
        let length = |bytes: &[u8]| u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.packed = self.packed.saturating_add(length(bite));
        self.unpacked = self.unpacked.saturating_add(length(&text));
        if self.unpacked >= WINDOW {
            if self.packed.saturating_mul(RATIO) < self.unpacked {
                let detail = "The body unpacks to more than a hundred times its length; nothing real does.";
                return Err(Error::new(&codes::PAYLOAD_TOO_LARGE, detail));
            }
            (self.packed, self.unpacked) = (0, 0);
        }
        Ok(text)
    }
}

fn broken() -> Error {
    Error::new(&codes::MALFORMED_REQUEST, "The body is not gzip, or not all of it.")
}

impl Lines {
    fn push(&mut self, bytes: &[u8], part: &mut Part, full: &mut Vec<Part>) -> Result<()> {
        match self {
            Lines::Csv(table) => table.push(bytes, part, full),
            Lines::Json { line, held, too_long } => {
                let mut rest = bytes;
                while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
                    let (text, after) = rest.split_at(end);
                    rest = after.get(1..).unwrap_or_default();
                    hold(held, too_long, text);
                    json(part, full, *line, held, too_long);
                    *line = line.saturating_add(1);
                }
                hold(held, too_long, rest);
                Ok(())
            }
        }
    }

    fn finish(&mut self, part: &mut Part, full: &mut Vec<Part>) -> Result<()> {
        match self {
            Lines::Csv(table) => table.finish(part, full),
            Lines::Json { line, held, too_long } => {
                json(part, full, *line, held, too_long);
                Ok(())
            }
        }
    }
}

/// Holds more of a line, but no more than a line may have.
fn hold(held: &mut Vec<u8>, too_long: &mut bool, text: &[u8]) {
    if *too_long || held.len() + text.len() > MAX_LINE {
        *too_long = true;
        held.clear();
    } else {
        held.extend_from_slice(text);
    }
}

/// Adds the line that is held; an empty one is none.
fn json(part: &mut Part, full: &mut Vec<Part>, line: u32, held: &mut Vec<u8>, too_long: &mut bool) {
    let text = held.trim_ascii();
    if *too_long {
        part.add_too_long(line, full);
    } else if !text.is_empty() {
        part.add(line, text, full);
    }
    held.clear();
    *too_long = false;
}
