//! From a file to a table, whatever its format.

use std::fs::File;
use std::io::{self, BufRead, Read};
use std::path::Path;

#[cfg(feature = "parquet")]
use crate::TableNote;
use crate::packed::decompressed;
use crate::{DataTable, PackedError, TableError, TableOptions, text};

/// From so many bytes the dialect of a text is found.
const SAMPLE: u64 = 1 << 18;

/// Reads a table from a file; `-` is standard input. The format goes by the content, not by the name: text
/// with commas, tabs, semicolons or bars between cells, and with the feature `parquet` Parquet and Arrow IPC
/// (Feather); each may be compressed by gzip, bzip2 or zstd.
///
/// # Errors
/// [`TableError`], with file, line and column where there are any.
pub fn read_table(path: impl AsRef<Path>, options: &TableOptions) -> Result<DataTable, TableError> {
    read_table_with_progress(path, options, |_| ())
}

/// As [`read_table`]; calls `progress` with the number of bytes read since the last call.
///
/// # Errors
/// As [`read_table`].
pub fn read_table_with_progress(
    path: impl AsRef<Path>,
    options: &TableOptions,
    progress: impl FnMut(u64),
) -> Result<DataTable, TableError> {
    let path = path.as_ref();
    if path == Path::new("-") {
        return read_table_from("standard input", Counted { reader: io::stdin().lock(), progress }, options);
    }
    let name = path.display().to_string();
    let unreadable = |source| TableError::Unreadable { file: name.clone(), source };
    let reader = File::open(path).map_err(unreadable)?;
    if reader.metadata().is_ok_and(|file| file.is_dir()) {
        return Err(TableError::NotRead { file: name, format: "a folder", instead: "name a file in it" });
    }
    read_table_from(&name, Counted { reader, progress }, options)
}

/// Reads a table from any reader; `file` is what errors call it.
///
/// ```
/// let text = "name;height;born\nann;1,70;1990-05-01\nbob;NA;1985-12-24\n";
/// let table = kiln_table::read_table_from("people.csv", text.as_bytes(), &Default::default())?;
/// assert_eq!(table.numbers("height")?[0], 1.7);
/// assert!(table.column("height")?.values.is_missing(1));
/// assert!(table.column("born")?.dates);
/// assert!(table.column("hight").unwrap_err().to_string().ends_with("did you mean \"height\"?"));
/// # Ok::<(), kiln_table::TableError>(())
/// ```
///
/// # Errors
/// As [`read_table`].
pub fn read_table_from(
    file: &str,
    reader: impl Read,
    options: &TableOptions,
) -> Result<DataTable, TableError> {
    let unreadable = |source| TableError::Unreadable { file: file.to_owned(), source };
    let mut reader = decompressed(reader).map_err(|error| match error {
        PackedError::Io(source) => unreadable(source),
        PackedError::By { .. } if is_sheet(file) => TableError::NotRead {
            file: file.to_owned(),
            format: "a workbook",
            instead: "save the sheet as .csv",
        },
        source => TableError::Packed { file: file.to_owned(), source },
    })?;
    let mut sample = Vec::new();
    let taken = reader.by_ref().take(SAMPLE).read_to_end(&mut sample).map_err(unreadable)?;
    let starts = |magic: &[u8]| sample.starts_with(magic);
    if starts(b"PAR1") || starts(b"ARROW1") {
        return binary(file, &sample, reader, options);
    }
    let not_read: [(&[u8], &str, &str); 6] = [
        (b"FEA1", "a Feather file of version 1", "write it again with a present version of its library"),
        (b"\xff\xff\xff\xff", "an Arrow stream", "write it as an Arrow file (.arrow, .feather)"),
        (b"\x89HDF", "an HDF5 file", "save the table as .csv or .parquet"),
        (b"\xd0\xcf\x11\xe0", "a workbook of old", "save the sheet as .csv"),
        (b"SQLite format 3", "a database", "export the table as .csv"),
        (b"\x93NUMPY", "an array of NumPy", "save it as .csv"),
    ];
    if let Some(&(_, format, instead)) = not_read.iter().find(|(magic, ..)| starts(magic)) {
        return Err(TableError::NotRead { file: file.to_owned(), format, instead });
    }
    if sample.iter().take(1000).any(|&byte| byte == 0) {
        let instead = "save the table as .csv or .parquet";
        return Err(TableError::NotRead { file: file.to_owned(), format: "no text", instead });
    }
    let whole = (taken as u64) < SAMPLE;
    text::read(file, (&sample, whole), reader, options)
}

/// A Parquet or Arrow IPC file as comma-separated text whose first line names the columns, for readers of text:
/// every cell to its last digit, moments as ISO 8601 has them, nulls as empty cells. Columns of other types,
/// such as lists, are left out and noted. `None` where the file is of another kind.
///
/// # Errors
/// When the file cannot be read, is damaged, or has no rows or no column of a type that is read.
#[cfg(feature = "parquet")]
pub fn columnar_as_csv(path: impl AsRef<Path>) -> Result<Option<(String, Vec<TableNote>)>, TableError> {
    let path = path.as_ref();
    let name = path.display().to_string();
    let unreadable = |source| TableError::Unreadable { file: name.clone(), source };
    let mut reader = match decompressed(File::open(path).map_err(unreadable)?) {
        Ok(reader) => reader,
        Err(PackedError::Io(source)) => return Err(unreadable(source)),
        // Packed as nothing here is: neither are Parquet and Arrow files.
        Err(_) => return Ok(None),
    };
    let mut bytes = Vec::new();
    reader.by_ref().take(6).read_to_end(&mut bytes).map_err(unreadable)?;
    if !bytes.starts_with(b"PAR1") && bytes != b"ARROW1" {
        return Ok(None);
    }
    reader.read_to_end(&mut bytes).map_err(unreadable)?;
    crate::arrow::csv(&name, bytes).map(Some)
}

fn is_sheet(file: &str) -> bool {
    let lower = file.to_lowercase();
    [".xlsx", ".xlsm", ".ods"].iter().any(|ending| lower.ends_with(ending))
}

#[cfg(feature = "parquet")]
fn binary(
    file: &str,
    sample: &[u8],
    mut rest: impl BufRead,
    options: &TableOptions,
) -> Result<DataTable, TableError> {
    let mut bytes = sample.to_vec();
    rest.read_to_end(&mut bytes)
        .map_err(|source| TableError::Unreadable { file: file.to_owned(), source })?;
    crate::arrow::read(file, bytes, options)
}

#[cfg(not(feature = "parquet"))]
fn binary(file: &str, sample: &[u8], _: impl BufRead, _: &TableOptions) -> Result<DataTable, TableError> {
    let format = if sample.starts_with(b"PAR1") { "a Parquet file" } else { "an Arrow file" };
    let instead = "this program was built without the feature `parquet`: build it with that feature, or save \
     the \
                   table as .csv";
    Err(TableError::NotRead { file: file.to_owned(), format, instead })
}

/// A reader that tells how much was read.
struct Counted<R, F> {
    reader: R,
    progress: F,
}

impl<R: Read, F: FnMut(u64)> Read for Counted<R, F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        (self.progress)(count as u64);
        Ok(count)
    }
}
