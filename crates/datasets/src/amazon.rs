//! Amazon product reviews of four kinds of products, as counts of the 5,000 commonest words and pairs of
//! words.
//!
//! J. Blitzer, M. Dredze and F. Pereira, "Biographies, Bollywood, boom-boxes and blenders: domain adaptation
//! for sentiment classification", ACL 2007.

use kiln_core::data::{DataUse, FindData};

use super::error::{LoadError, ReadError};
use super::search::reader;
use super::sparse::{SvmlightTable, read_svmlight};

const DOMAINS: [&str; 4] = ["books", "dvd", "electronics", "kitchen"];
const WORDS: u32 = 5_000;

/// Reviews as counts of words, with a class each.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelledCounts {
    /// Counts of words: whole numbers from 1; what is 0 is left out.
    pub counts: SvmlightTable,
    /// Class of each review: 1 positive, 0 negative.
    pub labels: Vec<u8>,
    /// What was read, for the report.
    pub sources: Vec<DataUse>,
}

/// The reviews of one kind of product.
#[derive(Debug, Clone, PartialEq)]
pub struct ReviewDomain {
    /// The kind of product.
    pub name: String,
    /// Reviews to train on.
    pub train: LabelledCounts,
    /// Reviews to test on.
    pub test: LabelledCounts,
}

/// Amazon reviews: `books`, `dvd`, `electronics` and `kitchen`.
///
/// # Errors
/// [`LoadError::Missing`] when they are not found, [`LoadError::Read`] when they cannot be read.
pub fn amazon(data: &impl FindData) -> Result<Vec<ReviewDomain>, LoadError> {
    let reviews = |domain: &str| {
        let train = counts(data, &format!("domains/amazon-{domain}-train.svmlight.gz"))?;
        let test = counts(data, &format!("domains/amazon-{domain}-test.svmlight.gz"))?;
        Ok(ReviewDomain { name: domain.into(), train, test })
    };
    DOMAINS.iter().map(|&domain| reviews(domain)).collect()
}

fn counts(data: &impl FindData, name: &str) -> Result<LabelledCounts, LoadError> {
    let found = data.find_data(name)?;
    let (counts, targets) = read_svmlight(name, reader(&found)?, WORDS)?;
    let labels = targets.iter().zip(1..).map(|(&target, line)| match target {
        1.0 => Ok(1),
        -1.0 => Ok(0),
        _ => Err(ReadError::malformed(name, Some(line), format!("label {target} is neither 1 nor -1"))),
    });
    let labels = labels.collect::<Result<Vec<u8>, _>>()?;
    Ok(LabelledCounts { sources: vec![found.used(labels.len())], counts, labels })
}
