//! The text of a file that may be compressed.

use std::io::{BufRead, Read};

use kiln_table::PackedError;

use super::parse_error;
use crate::error::Result;

/// The text of `reader`, decompressed if its first bytes are those of a compressed file.
pub(super) fn decompressed<'a>(reader: impl Read + 'a) -> Result<Box<dyn BufRead + 'a>> {
    kiln_table::decompressed(reader).map_err(|error| match error {
        PackedError::Io(error) => error.into(),
        error => parse_error(1, error.to_string()),
    })
}
