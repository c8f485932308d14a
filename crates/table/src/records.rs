//! The records of a text, one a row, and a record as text.

use std::io::{self, BufRead};

use csv_core::{ReadRecordResult, Reader};

/// The cells of a row.
#[derive(Debug, Clone, Default)]
pub(crate) struct Record {
    /// The line that it begins on, counted from 1.
    pub(crate) line: u64,
    bytes: Vec<u8>,
    /// Where each cell ends in `bytes`; what comes after the first `cells` means nothing.
    ends: Vec<usize>,
    cells: usize,
}

impl Record {
    /// How many cells there are.
    pub(crate) fn len(&self) -> usize {
        self.cells
    }

    pub(crate) fn get(&self, at: usize) -> Option<&[u8]> {
        let ends = self.ends.get(..self.cells)?;
        let start = if at == 0 { 0 } else { *ends.get(at - 1)? };
        self.bytes.get(start..*ends.get(at)?)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.cells).filter_map(|at| self.get(at))
    }
}

/// A text that is read record by record.
pub(crate) struct Records<R> {
    text: R,
    parser: Reader,
}

impl<R: BufRead> Records<R> {
    pub(crate) fn new(text: R, parser: Reader) -> Self {
        Self { text, parser }
    }

    /// The next record; false at the end of the text.
    pub(crate) fn read(&mut self, record: &mut Record) -> io::Result<bool> {
        record.line = self.parser.line();
        record.cells = 0;
        let (mut bytes, mut cells) = (0, 0);
        loop {
            let input = match self.text.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                input => input?,
            };
            let (bytes_left, ends_left) = (record.bytes.get_mut(bytes..), record.ends.get_mut(cells..));
            let (result, read, written, ended) =
                self.parser.read_record(input, bytes_left.unwrap_or_default(), ends_left.unwrap_or_default());
            self.text.consume(read);
            bytes += written;
            cells += ended;
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull => record.bytes.resize((2 * bytes).max(64), 0),
                ReadRecordResult::OutputEndsFull => record.ends.resize((2 * cells).max(16), 0),
                ReadRecordResult::Record => {
                    record.cells = cells;
                    return Ok(true);
                }
                ReadRecordResult::End => return Ok(false),
            }
        }
    }
}

/// A line of a CSV file, with quotes around the cells that need them.
///
/// ```
/// assert_eq!(kiln_table::csv_line(["ann", "1,5", "a \"b\""]), "ann,\"1,5\",\"a \"\"b\"\"\"\n");
/// assert_eq!(kiln_table::csv_line([""]), "\"\"\n", "or else the line would be blank");
/// ```
pub fn csv_line(cells: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let quoted = |cell: &str| {
        if cell.contains(['"', ',', '\n', '\r']) {
            format!("\"{}\"", cell.replace('"', "\"\""))
        } else {
            cell.to_owned()
        }
    };
    let cells: Vec<String> = cells.into_iter().map(|cell| quoted(cell.as_ref())).collect();
    let line = cells.join(",");
    if line.is_empty() { "\"\"\n".to_owned() } else { line + "\n" }
}
