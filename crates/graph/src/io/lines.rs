//! Lines of a text file, numbered, and bounded in length.

use std::io::{BufRead, Read};

use super::{MAX_LINE, parse_error};
use crate::error::Result;

/// Hands out one line at a time, without its line end, in a buffer that is used again.
pub(super) struct Lines<R> {
    reader: R,
    buffer: Vec<u8>,
    number: u64,
    longest: usize,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader, buffer: Vec::new(), number: 0, longest: MAX_LINE }
    }

    /// For formats with all neighbours of a node in one line: up to 1 GiB.
    pub(super) fn long(reader: R) -> Self {
        Self { longest: 1 << 30, ..Self::new(reader) }
    }

    /// Number of the last line handed out, from 1.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// The next line, trimmed, or `None` at the end of the file.
    pub(super) fn next_line(&mut self) -> Result<Option<&str>> {
        self.buffer.clear();
        self.number += 1;
        let read = self.reader.by_ref().take(self.longest as u64).read_until(b'\n', &mut self.buffer)?;
        if read == 0 {
            self.number -= 1;
            return Ok(None);
        }
        if read == self.longest && self.buffer.last() != Some(&b'\n') {
            return Err(parse_error(self.number, "a line longer than 1 MiB: is this a text file?"));
        }
        let text = std::str::from_utf8(&self.buffer)
            .map_err(|_| parse_error(self.number, "not UTF-8 text: expected lines of numbers"))?;
        let text = if self.number == 1 { text.trim_start_matches('\u{feff}') } else { text };
        Ok(Some(text.trim()))
    }
}
