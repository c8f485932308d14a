//! What separates the cells of a text, found from its first lines.

use csv::{ByteRecord, Reader, ReaderBuilder};

/// The separators that are tried, in this order.
const SEPARATORS: [u8; 4] = [b',', b'\t', b';', b'|'];

/// How cells are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Dialect {
    pub(crate) separator: u8,
    /// Whether quotes hold a cell together.
    pub(crate) quotes: bool,
}

impl Dialect {
    pub(crate) fn reader<R: std::io::Read>(self, text: R) -> Reader<R> {
        ReaderBuilder::new()
            .delimiter(self.separator)
            .quoting(self.quotes)
            .has_headers(false)
            .flexible(true)
            .from_reader(text)
    }

    /// The dialect in which the rows of a sample are equally long, and longest. Quotes count as such, but for a
    /// dialect in which rows are equally long only if they do not.
    pub(crate) fn of(sample: &[u8], whole: bool, separator: Option<u8>) -> Self {
        let separators = separator.as_ref().map_or(&SEPARATORS[..], std::slice::from_ref);
        let mut best = (0.0, Self { separator: separator.unwrap_or(b','), quotes: true });
        for quotes in [true, false] {
            for &separator in separators {
                let dialect = Self { separator, quotes };
                let worth = dialect.worth(sample, whole);
                if worth > best.0 {
                    best = (worth, dialect);
                }
            }
            // Rows of one length are all that can be wished for.
            if best.0 >= 2.0 {
                break;
            }
        }
        best.1
    }

    /// Above 2 where all rows are equally long, else the share of those that are as long as the most.
    fn worth(self, sample: &[u8], whole: bool) -> f64 {
        let mut reader = self.reader(sample);
        let mut record = ByteRecord::new();
        let mut widths = Vec::new();
        while reader.read_byte_record(&mut record).unwrap_or(false) {
            widths.push(record.len());
        }
        // The last row of a part of a file is cut somewhere.
        if !whole && widths.len() > 1 {
            widths.pop();
        }
        // The names of R's tables lack one.
        let first = widths.first().copied().unwrap_or(0);
        let rest = widths.get(1..).unwrap_or_default();
        let width = rest.first().copied().unwrap_or(first);
        if width < 2 {
            return 0.0;
        }
        let fitting = rest.iter().filter(|&&other| other == width).count();
        if fitting == rest.len() && (first == width || first + 1 == width) {
            return 2.0 + width as f64;
        }
        fitting as f64 / widths.len() as f64
    }
}
