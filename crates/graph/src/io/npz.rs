//! The sparse matrices that scipy saves (`scipy.sparse.save_npz`): CSR, CSC and COO.
//!
//! Nodes are numbered from 0. A square matrix must be symmetric unless [`ReadOptions::symmetrize`] says what to
//! do; one that is not square is that of a bipartite graph.

use std::io::{Cursor, Read};

use zip::ZipArchive;

use super::edges::{Built, Edges};
use super::matrix::Matrix;
use super::options::{Format, ReadOptions, WeightColumn};
use super::parse_error;
use super::report::ReadReport;
use crate::error::Result;
use crate::labelled::NodeLabels;

type Archive = ZipArchive<Cursor<Vec<u8>>>;

pub(super) fn read(mut reader: impl Read, options: &ReadOptions) -> Result<(Built, NodeLabels, ReadReport)> {
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes)?;
    let mut archive =
        ZipArchive::new(Cursor::new(bytes)).map_err(|error| fail(format!("no .npz file: {error}")))?;
    let kind = Array::read(&mut archive, "format")?.text();
    let shape = Array::read(&mut archive, "shape")?.whole_numbers("shape")?;
    let [rows, columns] = shape[..] else {
        return Err(fail(format!("a matrix has two sizes, found {}", shape.len())));
    };
    if rows > u64::from(u32::MAX) || columns > u64::from(u32::MAX) {
        return Err(fail(format!("{rows} x {columns}: node numbers do not fit in 32 bits")));
    }
    let data = Array::read(&mut archive, "data")?;
    let mut matrix = Matrix { rows, columns, header: 1, base: 0, entries: Edges::default() };
    let mut report = ReadReport::new(Format::Npz);
    match kind.as_str() {
        "csr" | "csc" => {
            let starts = Array::read(&mut archive, "indptr")?.whole_numbers("indptr")?;
            let indices = Array::read(&mut archive, "indices")?.whole_numbers("indices")?;
            let (outer, inner) = if kind == "csr" { (rows, columns) } else { (columns, rows) };
            let good = starts.len() as u64 == outer + 1
                && starts.first() == Some(&0)
                && starts.is_sorted()
                && starts.last() == Some(&(indices.len() as u64))
                && data.len() == indices.len();
            if !good {
                return Err(fail("`indptr`, `indices` and `data` do not fit together".to_owned()));
            }
            for (row, bounds) in starts.windows(2).enumerate() {
                let row_of = bounds[0] as usize..bounds[1] as usize;
                for (at, &index) in row_of.clone().zip(&indices[row_of]) {
                    let index = in_range(index, inner)?;
                    let ends = if kind == "csr" { (row as u32, index) } else { (index, row as u32) };
                    matrix.entries.push(ends.0, ends.1, data.weight(at, options)?, at as u64 + 1);
                }
            }
        }
        "coo" => {
            let rows_of = Array::read(&mut archive, "row")?.whole_numbers("row")?;
            let columns_of = Array::read(&mut archive, "col")?.whole_numbers("col")?;
            if rows_of.len() != data.len() || columns_of.len() != data.len() {
                return Err(fail("`row`, `col` and `data` have different lengths".to_owned()));
            }
            for (at, (&u, &v)) in rows_of.iter().zip(&columns_of).enumerate() {
                let ends = (in_range(u, rows)?, in_range(v, columns)?);
                matrix.entries.push(ends.0, ends.1, data.weight(at, options)?, at as u64 + 1);
            }
        }
        other => {
            let message =
                format!("the matrix is saved as {other:?}: expected csr, csc or coo (`matrix.tocsr()`)");
            return Err(fail(message));
        }
    }
    let known = ["format.npy", "shape.npy", "data.npy", "indptr.npy", "indices.npy", "row.npy", "col.npy"];
    for name in archive.file_names().filter(|name| !known.contains(name)) {
        report.unused(format!("the array {name:?}"), 0, "");
    }
    matrix.graph(true, options, report)
}

/// An `.npz` file has no lines: errors name entries by their numbers from 1.
fn fail(message: String) -> crate::error::GraphError {
    parse_error(1, message)
}

fn in_range(index: u64, count: u64) -> Result<u32> {
    // A count fits in 32 bits.
    if index < count { Ok(index as u32) } else { Err(fail(format!("index {index} is not below {count}"))) }
}

/// The type of the elements of an array.
#[derive(Clone, Copy, PartialEq)]
enum Element {
    Bool,
    Signed,
    Unsigned,
    Float,
    Bytes,
    Wide,
}

/// An array of numbers as numpy saves it.
struct Array {
    element: Element,
    /// Bytes of an element.
    size: usize,
    big_endian: bool,
    data: Vec<u8>,
}

impl Array {
    fn read(archive: &mut Archive, name: &str) -> Result<Self> {
        let mut bytes = Vec::new();
        let missing = |error: &dyn std::fmt::Display| {
            fail(format!("no sparse matrix of scipy: the array {name:?} is missing or damaged: {error}"))
        };
        let mut file = archive.by_name(&format!("{name}.npy")).map_err(|error| missing(&error))?;
        file.read_to_end(&mut bytes).map_err(|error| missing(&error))?;
        Self::parse(&bytes).ok_or_else(|| missing(&"expected a .npy array of numbers"))
    }

    /// The header is `\x93NUMPY`, a version, the length of a Python dictionary and that dictionary.
    fn parse(bytes: &[u8]) -> Option<Self> {
        let rest = bytes.strip_prefix(b"\x93NUMPY")?;
        let (&[major, _], rest) = rest.split_first_chunk()?;
        let (length, rest) = if major == 1 {
            let (length, rest) = rest.split_first_chunk()?;
            (usize::from(u16::from_le_bytes(*length)), rest)
        } else {
            let (length, rest) = rest.split_first_chunk()?;
            (u32::from_le_bytes(*length) as usize, rest)
        };
        let header = std::str::from_utf8(rest.get(..length)?).ok()?;
        let data = rest.get(length..)?.to_vec();
        let kind = header.split("'descr'").nth(1)?.split('\'').nth(1)?;
        let mut letters = kind.chars();
        let order = letters.next()?;
        let element = match letters.next()? {
            'b' => Element::Bool,
            'i' => Element::Signed,
            'u' => Element::Unsigned,
            'f' => Element::Float,
            'S' => Element::Bytes,
            'U' => Element::Wide,
            _ => return None,
        };
        let size: usize = letters.as_str().parse().ok()?;
        let size = if element == Element::Wide { size.checked_mul(4)? } else { size };
        let known = match element {
            Element::Bool => size == 1,
            Element::Signed | Element::Unsigned => matches!(size, 1 | 2 | 4 | 8),
            Element::Float => matches!(size, 4 | 8),
            Element::Bytes | Element::Wide => size > 0 && size == data.len(),
        };
        let whole = known && data.len() % size == 0;
        whole.then_some(Self { element, size, big_endian: order == '>', data })
    }

    fn len(&self) -> usize {
        self.data.len() / self.size
    }

    /// The bits of an element, with zeros before them.
    fn bits(&self, at: usize) -> u64 {
        let bytes = self.data.get(at * self.size..(at + 1) * self.size).unwrap_or_default();
        let add = |bits: u64, &byte: &u8| bits << 8 | u64::from(byte);
        if self.big_endian { bytes.iter().fold(0, add) } else { bytes.iter().rev().fold(0, add) }
    }

    fn signed(&self, at: usize) -> i64 {
        let unused = 64 - 8 * self.size as u32;
        (self.bits(at) << unused).cast_signed() >> unused
    }

    fn whole_numbers(&self, name: &str) -> Result<Vec<u64>> {
        if !matches!(self.element, Element::Signed | Element::Unsigned) {
            return Err(fail(format!("the array {name:?} holds no whole numbers")));
        }
        let number = |at| match self.element {
            Element::Signed => u64::try_from(self.signed(at))
                .map_err(|_| fail(format!("the array {name:?} holds {}", self.signed(at)))),
            _ => Ok(self.bits(at)),
        };
        (0..self.len()).map(number).collect()
    }

    fn weight(&self, at: usize, options: &ReadOptions) -> Result<f64> {
        let weight = match self.element {
            Element::Float if self.size == 8 => f64::from_bits(self.bits(at)),
            Element::Float => f64::from(f32::from_bits(self.bits(at) as u32)),
            Element::Signed => self.signed(at) as f64,
            Element::Bool | Element::Unsigned => self.bits(at) as f64,
            Element::Bytes | Element::Wide => {
                return Err(fail("the array \"data\" holds no numbers".to_owned()));
            }
        };
        if options.weights == WeightColumn::Ignore {
            return Ok(if weight == 0.0 { 0.0 } else { 1.0 });
        }
        if weight.is_finite() && weight >= 0.0 {
            return Ok(weight);
        }
        Err(fail(format!("entry {} has weight {weight}: weights must be finite and not negative", at + 1)))
    }

    fn text(&self) -> String {
        self.data.iter().filter(|&&byte| byte != 0).map(|&byte| char::from(byte)).collect()
    }
}
