//! Tables of text with a known header: one row a line, one character between fields, no quoting.

use std::io::Read;

use super::error::ReadError;

/// The contents of a text file.
pub(super) fn read_text(name: &str, mut reader: impl Read) -> Result<String, ReadError> {
    let mut text = String::new();
    reader.read_to_string(&mut text).map_err(ReadError::io(name))?;
    Ok(text)
}

/// The rows below the header, each with the number of its line. No row is an error.
pub(super) fn rows<'a, const N: usize>(
    name: &str,
    text: &'a str,
    separator: char,
    header: [&str; N],
) -> Result<Vec<(usize, [&'a str; N])>, ReadError> {
    let mut lines = text.lines();
    let first: Vec<&str> = lines.next().unwrap_or_default().split(separator).collect();
    if first != header {
        let expected = header.join(", ");
        let reason = format!("the header is \"{}\", it should name: {expected}", first.join(", "));
        return Err(ReadError::malformed(name, Some(1), reason));
    }
    let rows: Vec<_> = lines
        .zip(2..)
        .map(|(line, number)| {
            let fields: Vec<&str> = line.split(separator).collect();
            let row = <[&str; N]>::try_from(fields).map_err(|fields| {
                let reason = format!("{} fields, the header has {N}", fields.len());
                ReadError::malformed(name, Some(number), reason)
            })?;
            Ok((number, row))
        })
        .collect::<Result<_, ReadError>>()?;
    if rows.is_empty() {
        return Err(ReadError::malformed(name, None, "the table has a header and no rows"));
    }
    Ok(rows)
}

/// A field that holds a finite number.
pub(super) fn number(name: &str, line: usize, column: &str, field: &str) -> Result<f64, ReadError> {
    field.parse().ok().filter(|value: &f64| value.is_finite()).ok_or_else(|| {
        ReadError::malformed(name, Some(line), format!("{column} \"{field}\" is not a finite number"))
    })
}
