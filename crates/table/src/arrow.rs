//! Tables in Parquet and Arrow IPC (Feather) files, with the feature `parquet`.
//!
//! The crates that read them panic on some damaged files. The border catches that, so that damage is an error
//! here as everywhere; the process's panic hook, which may print a line, is left alone.

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use arrow_array::cast::AsArray as _;
use arrow_array::types::DecimalType;
use arrow_array::{Array, ArrowPrimitiveType, PrimitiveArray, RecordBatch, types};
use arrow_schema::{ArrowError, DataType, Schema, TimeUnit};
use bytes::Bytes;

use crate::arrow_lengths::check_lengths;
use crate::cells::{Cells, Look};
use crate::dates::iso;
use crate::names::unique;
use crate::{ColumnValues, DataTable, Place, TableColumn, TableError, TableNote, TableOptions, csv_line};

/// Rows that are decoded at once.
const BATCH: usize = 1 << 13;

const DAY: f64 = 86_400.0;

/// Reads a whole file, which begins as Parquet or Arrow files do.
pub(crate) fn read(file: &str, bytes: Vec<u8>, options: &TableOptions) -> Result<DataTable, TableError> {
    columns(file, bytes, &|name| options.words.iter().any(|word| word == name))?.finish(file, options)
}

/// The same as comma-separated text, every cell to the last digit.
pub(crate) fn csv(file: &str, bytes: Vec<u8>) -> Result<(String, Vec<TableNote>), TableError> {
    columns(file, bytes, &|_| true)?.csv(file)
}

fn columns(file: &str, bytes: Vec<u8>, words: &dyn Fn(&str) -> bool) -> Result<Columns, TableError> {
    let is_parquet = bytes.starts_with(b"PAR1");
    let format = if is_parquet { "Parquet" } else { "Arrow" };
    let damaged = |message: String| TableError::Damaged { file: file.to_owned(), format, message };
    let work = || if is_parquet { parquet(bytes, words) } else { ipc(bytes, words) };
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(read) => read.map_err(|error| damaged(error.to_string())),
        Err(_) => Err(damaged("its reader gave up".to_owned())),
    }
}

fn parquet(bytes: Vec<u8>, words: &dyn Fn(&str) -> bool) -> Result<Columns, ArrowError> {
    use ::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
    let builder = ParquetRecordBatchReaderBuilder::try_new(Bytes::from(bytes))?;
    let mut columns = Columns::new(builder.schema(), words);
    for batch in builder.with_batch_size(BATCH).build()? {
        columns.push(&batch?)?;
    }
    Ok(columns)
}

fn ipc(bytes: Vec<u8>, words: &dyn Fn(&str) -> bool) -> Result<Columns, ArrowError> {
    check_lengths(&bytes)?;
    let reader = arrow_ipc::reader::FileReader::try_new(Cursor::new(bytes), None)?;
    let mut columns = Columns::new(&reader.schema(), words);
    for batch in reader {
        columns.push(&batch?)?;
    }
    Ok(columns)
}

/// Columns that grow batch by batch.
struct Columns {
    names: Vec<String>,
    kinds: Vec<DataType>,
    grown: Vec<Growing>,
    rows: usize,
}

enum Growing {
    Numbers {
        values: Vec<f64>,
        dates: bool,
    },
    Words {
        cells: Cells,
    },
    /// Nulls and nothing else.
    Empty,
    NotRead,
}

impl Columns {
    fn new(schema: &Schema, words: &dyn Fn(&str) -> bool) -> Self {
        let kinds: Vec<DataType> = schema.fields().iter().map(|field| field.data_type().clone()).collect();
        let names: Vec<String> = schema.fields().iter().map(|field| field.name().clone()).collect();
        let grown = names.iter().zip(&kinds).map(|(name, kind)| match Growing::of(kind) {
            // Whole numbers may have more digits than an f64 keeps, and moments more than days tell.
            Growing::Numbers { .. } if words(name) => Growing::Words { cells: Cells::default() },
            growing => growing,
        });
        Self { grown: grown.collect(), names, kinds, rows: 0 }
    }

    fn push(&mut self, batch: &RecordBatch) -> Result<(), ArrowError> {
        self.rows += batch.num_rows();
        for (growing, array) in self.grown.iter_mut().zip(batch.columns()) {
            growing.push(array.as_ref())?;
        }
        Ok(())
    }

    fn finish(self, file: &str, options: &TableOptions) -> Result<DataTable, TableError> {
        // Without a value anywhere, the number of rows may be anything.
        if !self.grown.iter().any(|one| matches!(one, Growing::Numbers { .. } | Growing::Words { .. })) {
            return Err(TableError::NothingLeft { file: file.to_owned(), because: Vec::new() });
        }
        if self.rows == 0 {
            return Err(TableError::NoRows { file: file.to_owned(), names: false });
        }
        let mut notes = Vec::new();
        let names = unique(self.names, &mut notes);
        let mut columns = Vec::with_capacity(names.len());
        for ((name, growing), kind) in names.into_iter().zip(self.grown).zip(self.kinds) {
            match growing {
                Growing::NotRead => {
                    notes.push(TableNote::NotRead { column: name, kind: kind.to_string() });
                }
                Growing::Empty => columns.push(TableColumn::numbers(name, vec![f64::NAN; self.rows])),
                Growing::Numbers { values, dates } => {
                    columns.push(TableColumn { dates, ..TableColumn::numbers(name, values) });
                }
                Growing::Words { cells } => columns.push(words(cells, &name, options)),
            }
        }
        Ok(DataTable { file: file.to_owned(), columns, rows: self.rows, lines: None, notes })
    }
}

impl Columns {
    fn csv(self, file: &str) -> Result<(String, Vec<TableNote>), TableError> {
        let mut notes = Vec::new();
        let names = unique(self.names, &mut notes);
        let mut read = Vec::new();
        for ((name, growing), kind) in names.into_iter().zip(self.grown).zip(self.kinds) {
            match growing {
                Growing::Words { cells } => read.push((name, cells)),
                Growing::Empty | Growing::Numbers { .. } | Growing::NotRead => {
                    notes.push(TableNote::NotRead { column: name, kind: kind.to_string() });
                }
            }
        }
        if read.is_empty() {
            return Err(TableError::NothingLeft { file: file.to_owned(), because: Vec::new() });
        }
        if self.rows == 0 {
            return Err(TableError::NoRows { file: file.to_owned(), names: false });
        }
        let mut text = csv_line(read.iter().map(|(name, _)| name));
        let mut rows: Vec<_> = read.iter().map(|(_, cells)| cells.iter()).collect();
        for _ in 0..self.rows {
            text += &csv_line(rows.iter_mut().map(|cells| cells.next().unwrap_or_default()));
        }
        Ok((text, notes))
    }
}

fn words(cells: Cells, name: &str, options: &TableOptions) -> TableColumn {
    let look = Look { missing: &options.missing, words: true, commas: false };
    cells.typed(name, look, |row| Place::Row(row + 1), &mut Vec::new())
}

impl Growing {
    /// What a column of a type becomes.
    fn of(kind: &DataType) -> Self {
        match kind {
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Boolean => {
                Self::Words { cells: Cells::default() }
            }
            DataType::Dictionary(_, values) => Self::of(values),
            DataType::Date32 | DataType::Date64 | DataType::Timestamp(..) => {
                Self::Numbers { values: Vec::new(), dates: true }
            }
            kind if kind.is_integer() || kind.is_floating() => {
                Self::Numbers { values: Vec::new(), dates: false }
            }
            DataType::Null => Self::Empty,
            DataType::Decimal32(..) | DataType::Decimal64(..) | DataType::Decimal128(..) => {
                Self::Numbers { values: Vec::new(), dates: false }
            }
            _ => Self::NotRead,
        }
    }

    fn push(&mut self, array: &dyn Array) -> Result<(), ArrowError> {
        if let (DataType::Dictionary(..), false) = (array.data_type(), matches!(self, Self::NotRead)) {
            let dictionary = array.as_any_dictionary();
            let plain = arrow_select::take::take(dictionary.values(), dictionary.keys(), None)?;
            return self.push(plain.as_ref());
        }
        match self {
            Self::NotRead | Self::Empty => {}
            Self::Words { cells } => push_words(cells, array),
            Self::Numbers { values, .. } => push_numbers(values, array),
        }
        Ok(())
    }
}

fn push_words(cells: &mut Cells, array: &dyn Array) {
    let mut push = |word: Option<&str>| cells.push(word.unwrap_or_default().trim());
    match array.data_type() {
        DataType::Utf8 => array.as_string::<i32>().iter().for_each(&mut push),
        DataType::LargeUtf8 => array.as_string::<i64>().iter().for_each(&mut push),
        DataType::Utf8View => array.as_string_view().iter().for_each(&mut push),
        DataType::Boolean => array.as_boolean().iter().for_each(|is| {
            push(is.map(|is| if is { "true" } else { "false" }));
        }),
        DataType::Int64 => whole(array.as_primitive::<types::Int64Type>(), push),
        DataType::UInt64 => whole(array.as_primitive::<types::UInt64Type>(), push),
        DataType::Float32 => whole(array.as_primitive::<types::Float32Type>(), push),
        DataType::Decimal32(..) => decimals(array.as_primitive::<types::Decimal32Type>(), push),
        DataType::Decimal64(..) => decimals(array.as_primitive::<types::Decimal64Type>(), push),
        DataType::Decimal128(..) => decimals(array.as_primitive::<types::Decimal128Type>(), push),
        DataType::Date32 => {
            let days = array.as_primitive::<types::Date32Type>();
            days.iter().for_each(|day| push(day.map(|day| iso(i64::from(day) * 86_400, 1)).as_deref()));
        }
        DataType::Date64 => moments(array.as_primitive::<types::Date64Type>(), 1000, push),
        DataType::Timestamp(TimeUnit::Second, _) => {
            moments(array.as_primitive::<types::TimestampSecondType>(), 1, push);
        }
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            moments(array.as_primitive::<types::TimestampMillisecondType>(), 1000, push);
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            moments(array.as_primitive::<types::TimestampMicrosecondType>(), 1_000_000, push);
        }
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            moments(array.as_primitive::<types::TimestampNanosecondType>(), 1_000_000_000, push);
        }
        _ => {
            let mut values = Vec::new();
            push_numbers(&mut values, array);
            let numbers = ColumnValues::Numbers(values);
            (0..numbers.len()).for_each(|row| push(numbers.text(row).as_deref()));
        }
    }
}

/// Numbers as words, to the last digit.
fn whole<T: ArrowPrimitiveType<Native: ToString>>(
    array: &PrimitiveArray<T>,
    mut push: impl FnMut(Option<&str>),
) {
    array.iter().for_each(|value| push(value.map(|value| value.to_string()).as_deref()));
}

/// Decimal numbers as words, with all their decimals.
fn decimals<T: DecimalType>(array: &PrimitiveArray<T>, mut push: impl FnMut(Option<&str>)) {
    for row in 0..array.len() {
        let value = array.is_valid(row).then(|| array.value_as_string(row));
        push(value.as_deref());
    }
}

/// Moments as words.
fn moments<T: ArrowPrimitiveType<Native = i64>>(
    array: &PrimitiveArray<T>,
    per_second: i64,
    mut push: impl FnMut(Option<&str>),
) {
    array.iter().for_each(|moment| push(moment.map(|moment| iso(moment, per_second)).as_deref()));
}

fn push_numbers(values: &mut Vec<f64>, array: &dyn Array) {
    let nan = f64::NAN;
    let scaled = |scale: i8| 10_f64.powi(i32::from(scale));
    macro_rules! numbers {
        ($kind:ty, $of:expr) => {
            values.extend(array.as_primitive::<$kind>().iter().map(|value| value.map_or(nan, $of)))
        };
    }
    match array.data_type() {
        DataType::Int8 => numbers!(types::Int8Type, f64::from),
        DataType::Int16 => numbers!(types::Int16Type, f64::from),
        DataType::Int32 => numbers!(types::Int32Type, f64::from),
        DataType::Int64 => numbers!(types::Int64Type, |value| value as f64),
        DataType::UInt8 => numbers!(types::UInt8Type, f64::from),
        DataType::UInt16 => numbers!(types::UInt16Type, f64::from),
        DataType::UInt32 => numbers!(types::UInt32Type, f64::from),
        DataType::UInt64 => numbers!(types::UInt64Type, |value| value as f64),
        DataType::Float16 => numbers!(types::Float16Type, f64::from),
        DataType::Float32 => numbers!(types::Float32Type, f64::from),
        DataType::Float64 => numbers!(types::Float64Type, |value| value),
        DataType::Date32 => numbers!(types::Date32Type, f64::from),
        DataType::Date64 => numbers!(types::Date64Type, |value| value as f64 / (1e3 * DAY)),
        DataType::Timestamp(TimeUnit::Second, _) => {
            numbers!(types::TimestampSecondType, |value| value as f64 / DAY);
        }
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            numbers!(types::TimestampMillisecondType, |value| value as f64 / (1e3 * DAY));
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            numbers!(types::TimestampMicrosecondType, |value| value as f64 / (1e6 * DAY));
        }
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            numbers!(types::TimestampNanosecondType, |value| value as f64 / (1e9 * DAY));
        }
        DataType::Decimal32(_, scale) => {
            numbers!(types::Decimal32Type, |value| f64::from(value) / scaled(*scale));
        }
        DataType::Decimal64(_, scale) => {
            numbers!(types::Decimal64Type, |value| value as f64 / scaled(*scale));
        }
        DataType::Decimal128(_, scale) => {
            numbers!(types::Decimal128Type, |value| value as f64 / scaled(*scale));
        }
        _ => values.extend(std::iter::repeat_n(nan, array.len())),
    }
}
