//! Labelled time series of the UCR archive.
//!
//! H. A. Dau et al., "The UCR time series archive", IEEE/CAA J. Automatica Sinica 6 (2019),
//! <https://timeseriesclassification.com>.

use std::collections::BTreeSet;
use std::io::Read;

use kiln_core::data::{DataUse, FindData};

use super::delimited::{number, read_text};
use super::error::{LoadError, ReadError};
use super::search::reader;

/// Series of one length, with a class each.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelledSeries {
    /// The series.
    pub values: Vec<Vec<f64>>,
    /// Class of each, as the archive writes it.
    pub classes: Vec<i64>,
    /// What was read, for the report.
    pub sources: Vec<DataUse>,
}

impl LabelledSeries {
    /// Number of series.
    pub fn len(&self) -> usize {
        self.classes.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.classes.is_empty()
    }

    /// Points of each series.
    pub fn points(&self) -> usize {
        self.values.first().map_or(0, Vec::len)
    }

    /// The classes as numbers from 0, in their order.
    pub fn labels(&self) -> Vec<usize> {
        let known: BTreeSet<i64> = self.classes.iter().copied().collect();
        self.classes.iter().map(|class| known.range(..class).count()).collect()
    }
}

/// Reads a table without a header: in each row the class, a whole number, and the points. `name` is for
/// messages.
///
/// ```
/// use kiln_datasets::read_series_csv;
/// let series = read_series_csv("a.csv", "2,0.5,1\n-1,0,3\n".as_bytes()).unwrap();
/// assert_eq!((series.points(), series.labels()), (2, vec![1, 0]));
/// ```
///
/// # Errors
/// [`ReadError`] with the line for a class that is no whole number, a point that is no finite number, a row
/// of another length; also when there are no rows.
pub fn read_series_csv(name: &str, reader: impl Read) -> Result<LabelledSeries, ReadError> {
    let text = read_text(name, reader)?;
    let mut series = LabelledSeries { values: Vec::new(), classes: Vec::new(), sources: Vec::new() };
    for (line, row) in (1..).zip(text.lines()) {
        let fault = |reason: String| ReadError::malformed(name, Some(line), reason);
        let mut fields = row.split(',');
        let class = fields.next().unwrap_or_default();
        series
            .classes
            .push(class.parse().map_err(|_| fault(format!("the class \"{class}\" is no whole number")))?);
        let values = fields.map(|field| number(name, line, "point", field)).collect::<Result<Vec<_>, _>>()?;
        let expected = series.values.first().map_or(values.len(), Vec::len);
        if values.is_empty() || values.len() != expected {
            return Err(fault(format!("{} points, {} expected", values.len(), expected.max(1))));
        }
        series.values.push(values);
    }
    if series.is_empty() {
        return Err(ReadError::malformed(name, None, "there are no series"));
    }
    Ok(series)
}

/// The training and the test series of a set: `gunpoint`, `italypowerdemand`, `arrowhead` or `trace`.
///
/// # Errors
/// [`LoadError::Missing`] when they are not found, [`LoadError::Read`] when they cannot be read.
pub fn ucr(data: &impl FindData, set: &str) -> Result<[LabelledSeries; 2], LoadError> {
    let read = |part: &str| {
        let found = data.find_data(&format!("signals/{set}-{part}.csv"))?;
        let mut series = read_series_csv(&found.name, reader(&found)?)?;
        series.sources.push(found.used(series.len()));
        Ok::<_, LoadError>(series)
    };
    Ok([read("train")?, read("test")?])
}
