//! A reader of `NumPy` files: format 1.0, C order, unsigned bytes (`|u1`) or numbers of eight bytes (`<f8`,
//! `<i8`).
//!
//! Magic `\x93NUMPY`, version 1.0, length of the header (16 bits, little-endian), the header as a Python
//! dictionary `{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3), }`, and the values, the last index
//! running fastest.

use std::io::Read;

use super::error::ReadError;

const MAGIC: &[u8] = b"\x93NUMPY\x01\x00";

/// Reads a `.npy` file of unsigned bytes in `D` dimensions: its shape and its values. `name` is for messages.
///
/// ```
/// use kiln_datasets::read_npy_bytes;
/// let header = "{'descr': '|u1', 'fortran_order': False, 'shape': (1, 2), }\n";
/// let file = [b"\x93NUMPY\x01\x00", &[header.len() as u8, 0][..], header.as_bytes(), &[7, 9]].concat();
/// assert_eq!(read_npy_bytes("a.npy", file.as_slice()).unwrap(), ([1, 2], vec![7, 9]));
/// ```
///
/// # Errors
/// [`ReadError`] when it cannot be read, is of another version, type, order or number of dimensions, or is
/// shorter or longer than its header says.
pub fn read_npy_bytes<const D: usize>(
    name: &str,
    mut reader: impl Read,
) -> Result<([usize; D], Vec<u8>), ReadError> {
    let (shape, contents) = read(name, &mut reader, &["|u1"], |_, contents| contents.to_vec())?;
    let shape = <[usize; D]>::try_from(shape).map_err(|shape| {
        ReadError::malformed(name, None, format!("of shape {shape:?}, {D} dimensions expected"))
    })?;
    Ok((shape, contents))
}

/// Reads a `.npy` file of floating-point or whole numbers of eight bytes: its shape and its values.
///
/// # Errors
/// As [`read_npy_bytes`].
pub(super) fn read_npy_numbers(
    name: &str,
    mut reader: impl Read,
) -> Result<(Vec<usize>, Vec<f64>), ReadError> {
    read(name, &mut reader, &["<f8", "<i8"], |descr, contents| {
        let numbers = contents.as_chunks().0.iter();
        if descr == "<f8" {
            numbers.map(|bytes| f64::from_le_bytes(*bytes)).collect()
        } else {
            numbers.map(|bytes| i64::from_le_bytes(*bytes) as f64).collect()
        }
    })
}

/// Shape and values of a file of one of these types; the last digit of a type is its size.
fn read<T>(
    name: &str,
    reader: &mut impl Read,
    types: &[&str],
    values: impl Fn(&str, &[u8]) -> Vec<T>,
) -> Result<(Vec<usize>, Vec<T>), ReadError> {
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).map_err(ReadError::io(name))?;
    let fault = |reason: String| ReadError::malformed(name, None, reason);
    let rest = bytes
        .strip_prefix(MAGIC)
        .ok_or_else(|| fault("not a NumPy file of format 1.0: it starts otherwise".into()))?;
    let (header, contents) = rest
        .split_first_chunk()
        .and_then(|(length, rest)| rest.split_at_checked(usize::from(u16::from_le_bytes(*length))))
        .ok_or_else(|| fault(format!("{} bytes, too few for the header of a NumPy file", bytes.len())))?;
    let header = String::from_utf8_lossy(header);
    let Header { descr, fortran_order, shape } = Header::parse(&header)
        .ok_or_else(|| fault(format!("the header cannot be read: {}", header.trim())))?;
    let size = descr.chars().last().and_then(|last| last.to_digit(10));
    let (true, false, Some(size)) = (types.contains(&descr), fortran_order, size) else {
        let (order, types) = (if fortran_order { "Fortran" } else { "C" }, types.join(" or "));
        return Err(fault(format!("values of type {descr} in {order} order, {types} in C order expected")));
    };
    let expected = shape.iter().try_fold(size as usize, |product, &size| product.checked_mul(size));
    if expected != Some(contents.len()) {
        let found = contents.len();
        return Err(fault(format!("{found} bytes after the header, which says {shape:?}")));
    }
    Ok((shape, values(descr, contents)))
}

struct Header<'a> {
    descr: &'a str,
    fortran_order: bool,
    shape: Vec<usize>,
}

impl<'a> Header<'a> {
    /// The three entries, in any order; `None` for anything else.
    fn parse(text: &'a str) -> Option<Self> {
        let (mut descr, mut fortran_order, mut shape) = (None, None, None);
        let mut rest = text.trim().strip_prefix('{')?.strip_suffix('}')?.trim();
        while !rest.is_empty() {
            let (key, value) = rest.strip_prefix('\'')?.split_once('\'')?;
            let value = value.trim_start().strip_prefix(':')?.trim_start();
            rest = match key {
                "descr" => {
                    let (kind, rest) = value.strip_prefix('\'')?.split_once('\'')?;
                    descr = Some(kind);
                    rest
                }
                "fortran_order" => {
                    fortran_order = Some(value.starts_with("True"));
                    value.strip_prefix("True").or_else(|| value.strip_prefix("False"))?
                }
                "shape" => {
                    let (sizes, rest) = value.strip_prefix('(')?.split_once(')')?;
                    let sizes = sizes.strip_suffix(',').unwrap_or(sizes);
                    let sizes = sizes.split(',').map(|size| size.trim().parse::<usize>().ok());
                    shape = Some(sizes.collect::<Option<Vec<_>>>()?);
                    rest
                }
                _ => return None,
            };
            rest = rest.trim_start();
            rest = match rest.strip_prefix(',') {
                Some(rest) => rest.trim_start(),
                None if rest.is_empty() => rest,
                None => return None,
            };
        }
        Some(Self { descr: descr?, fortran_order: fortran_order?, shape: shape? })
    }
}
