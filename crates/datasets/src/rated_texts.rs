//! Sentences of four domains with the mean of twenty people's ratings.
//!
//! C. J. Hutto and E. Gilbert, "VADER: a parsimonious rule-based model for sentiment analysis of social media
//! text", ICWSM 2014.

use std::io::Read;

use kiln_core::data::{DataUse, FindData};

use super::delimited::{number, read_text, rows};
use super::error::{LoadError, ReadError};
use super::search::reader;

const DOMAINS: [&str; 4] = ["tweets", "movies", "products", "news"];

/// Rated texts of one domain.
#[derive(Debug, Clone, PartialEq)]
pub struct RatedTexts {
    /// The domain.
    pub name: String,
    /// The texts.
    pub texts: Vec<String>,
    /// Mean rating of each: -4 (most negative) to 4 (most positive).
    pub ratings: Vec<f64>,
    /// The number of each in its domain; `12_3` is sentence 3 of review or article 12, so that a split can
    /// keep the sentences of one review together.
    pub ids: Vec<String>,
    /// What was read, for the report.
    pub sources: Vec<DataUse>,
}

impl RatedTexts {
    /// Number of texts.
    pub fn len(&self) -> usize {
        self.texts.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }
}

/// Reads a tab-separated table with the header `domain`, `id`, `mean_rating`, `text`. Gives the domains in
/// order of first appearance. `name` is for messages.
///
/// ```
/// use kiln_datasets::read_rated_tsv;
/// let table = "domain\tid\tmean_rating\ttext\nnews\t1_1\t-0.5\tIt rained.\n";
/// let read = read_rated_tsv("a.tsv", table.as_bytes()).unwrap();
/// assert_eq!((&read[0].texts[0][..], read[0].ratings[0]), ("It rained.", -0.5));
/// ```
///
/// # Errors
/// [`ReadError`] with the line for another header, a row of another length, a rating that is not -4 to 4, an
/// empty domain or text; also when there are no rows.
pub fn read_rated_tsv(name: &str, reader: impl Read) -> Result<Vec<RatedTexts>, ReadError> {
    let table = read_text(name, reader)?;
    let mut domains: Vec<RatedTexts> = Vec::new();
    for (line, row) in rows(name, &table, '\t', ["domain", "id", "mean_rating", "text"])? {
        let [domain, id, rating, text] = row;
        let fault = |reason: String| ReadError::malformed(name, Some(line), reason);
        if domain.is_empty() || text.trim().is_empty() {
            return Err(fault("the domain or the text is empty".into()));
        }
        let rating = number(name, line, "mean_rating", rating)?;
        if !(-4.0..=4.0).contains(&rating) {
            return Err(fault(format!("mean_rating {rating} is not -4 to 4")));
        }
        let place = domains.iter().position(|known| known.name == domain).unwrap_or_else(|| {
            domains.push(RatedTexts {
                name: domain.into(),
                texts: Vec::new(),
                ratings: Vec::new(),
                ids: Vec::new(),
                sources: Vec::new(),
            });
            domains.len() - 1
        });
        domains[place].texts.push(text.into());
        domains[place].ratings.push(rating);
        domains[place].ids.push(id.into());
    }
    Ok(domains)
}

/// Rated sentences of `tweets`, `movies`, `products` and `news`.
///
/// Never train on `movies` and test on SST-2 or the film-review sentences, or the other way round: they share
/// texts.
///
/// # Errors
/// [`LoadError::Missing`] when they are not found, [`LoadError::Read`] when they cannot be read.
pub fn sentiment_four_domains(data: &impl FindData) -> Result<Vec<RatedTexts>, LoadError> {
    let found = data.find_data("text/sentiment-four-domains.tsv")?;
    let mut domains = read_rated_tsv(&found.name, reader(&found)?)?;
    ReadError::expect_names(&found.name, domains.iter().map(|domain| &domain.name), &DOMAINS)?;
    for domain in &mut domains {
        domain.sources = vec![found.used(domain.len())];
    }
    Ok(domains)
}
