//! What separates the cells of a text, found from its first lines.

use std::io::BufRead;

use csv_core::ReaderBuilder;

use crate::records::{Record, Records};

/// The separators that are tried, in this order.
const SEPARATORS: [u8; 4] = [b',', b'\t', b';', b'|'];

/// Above this, rows are equally long.
const LOOSE: f64 = 1.0;

/// How cells are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Dialect {
    pub(crate) separator: u8,
    /// Whether quotes hold a cell together.
    pub(crate) quotes: bool,
}

impl Dialect {
    pub(crate) fn records<R: BufRead>(self, text: R) -> Records<R> {
        let parser = ReaderBuilder::new().delimiter(self.separator).quoting(self.quotes).build();
        Records::new(text, parser)
    }

    /// The dialect in which the rows of a sample are equally long, and longest. Quotes hold cells together,
    /// unless some are not where they should be, and the rows are equally long without them.
    pub(crate) fn of(sample: &[u8], whole: bool, separator: Option<u8>) -> Self {
        let separators = separator.as_ref().map_or(&SEPARATORS[..], std::slice::from_ref);
        let mut best = (0.0, Self { separator: separator.unwrap_or(b','), quotes: true });
        for quotes in [true, false] {
            for &separator in separators {
                let dialect = Self { separator, quotes };
                let mut worth = dialect.worth(sample, whole);
                if quotes && !dialect.is_well_quoted(sample, whole) {
                    worth = worth.min(LOOSE);
                }
                if worth > best.0 {
                    best = (worth, dialect);
                }
            }
            // Rows of one length are all that can be wished for.
            if best.0 > LOOSE {
                break;
            }
        }
        best.1
    }

    /// Whether every quote that opens a cell is closed at its end.
    fn is_well_quoted(self, sample: &[u8], whole: bool) -> bool {
        let ends = |byte: &u8| *byte == self.separator || *byte == b'\n' || *byte == b'\r';
        let (mut at, mut begins) = (0, true);
        while let Some(byte) = sample.get(at) {
            if !(begins && *byte == b'"') {
                begins = ends(byte);
                at += 1;
                continue;
            }
            at += 1;
            // A doubled quote is a letter of the cell.
            loop {
                match (sample.get(at), sample.get(at + 1)) {
                    (None, _) => return !whole,
                    (Some(b'"'), Some(b'"')) => at += 2,
                    (Some(b'"'), _) => break,
                    _ => at += 1,
                }
            }
            at += 1;
            while sample.get(at) == Some(&b' ') {
                at += 1;
            }
            if !sample.get(at).is_none_or(ends) {
                return false;
            }
            begins = false;
        }
        true
    }

    /// Above 2 where all rows are equally long, else the share of those that are as long as the most.
    fn worth(self, sample: &[u8], whole: bool) -> f64 {
        let mut records = self.records(sample);
        let mut record = Record::default();
        let mut widths = Vec::new();
        while records.read(&mut record).unwrap_or(false) {
            widths.push(record.len());
        }
        // The last row of a part of a file is cut somewhere.
        if !whole && widths.len() > 1 {
            widths.pop();
        }
        let first = widths.first().copied().unwrap_or(0);
        let rest = widths.get(1..).unwrap_or_default();
        let width = rest.first().copied().unwrap_or(first);
        if width < 2 {
            return 0.0;
        }
        let fitting = rest.iter().filter(|&&other| other == width).count();
        // The names of R's tables lack one.
        if fitting == rest.len() && (first == width || first + 1 == width) {
            return LOOSE + first as f64;
        }
        fitting as f64 / widths.len() as f64
    }
}
