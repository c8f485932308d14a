//! Rows of numbers made of tables, counts and texts.

use std::collections::BTreeMap;

use faer::Mat;
use kiln_adapt::{Labelled, Labels};
use kiln_tensor::{Distribution, Noise};

use kiln_datasets::{HeartSite, LabelledCounts, NamedFeatures, RatedTexts, ReviewDomain};
use kiln_receipts::ExperimentError;
use kiln_receipts::statistics::mean_and_spread;

type Domain = Labelled<Mat<f64>>;

/// Words that the comparison of methods counts.
const WORDS: usize = 400;

/// age, sex, cp, trestbps, thalach, exang, oldpeak: the covariates that every hospital has.
const COVARIATES: [usize; 7] = [0, 1, 2, 3, 7, 8, 9];

/// The hospitals, ill or not, as the recipe of the reference numbers has them: what is missing becomes the
/// mean of the hospitals other than the target, then each column is shifted and scaled to mean 0 and
/// deviation 1 on those.
pub(super) fn heart(sites: &[HeartSite], target: usize) -> Result<Vec<Domain>, ExperimentError> {
    let mut columns = Vec::new();
    for covariate in COVARIATES {
        let of_sources = || {
            let sources = sites.iter().enumerate().filter(|(site, _)| *site != target);
            sources.flat_map(|(_, site)| site.covariates.iter().map(move |patient| patient[covariate]))
        };
        let known = of_sources().flatten().count() as f64;
        let mean = of_sources().flatten().sum::<f64>() / known;
        let squares: f64 = of_sources().map(|value| (value.unwrap_or(mean) - mean).powi(2)).sum();
        columns.push((covariate, mean, (squares / of_sources().count() as f64).sqrt()));
    }
    let domain = |site: &HeartSite| {
        let x = Mat::from_fn(site.len(), columns.len(), |i, j| {
            let (covariate, mean, deviation) = columns[j];
            (site.covariates[i][covariate].unwrap_or(mean) - mean) / deviation
        });
        let ill: Vec<usize> = site.ill().into_iter().map(usize::from).collect();
        Ok(Labelled::new(&site.name, x, Labels::classes(ill, 2))?)
    };
    sites.iter().map(domain).collect()
}

/// Reviews as counts of all words.
pub(super) fn counts(name: &str, reviews: &LabelledCounts) -> Result<Domain, ExperimentError> {
    let all: Vec<usize> = (0..reviews.counts.len()).collect();
    let width = reviews.counts.width();
    let dense = reviews.counts.dense_rows(&all);
    let x = Mat::from_fn(all.len(), width, |i, j| f64::from(dense[i * width + j]));
    two_classes(name, x, reviews.labels.iter().map(|&label| usize::from(label)))
}

/// The training reviews as `ln(1 + count)` of the words that occur most in them, scaled.
pub(super) fn amazon(products: &[ReviewDomain]) -> Result<Vec<Domain>, ExperimentError> {
    let width = products.first().map_or(0, |product| product.train.counts.width());
    let mut totals = vec![0.0; width];
    for product in products {
        let counts = &product.train.counts;
        for (word, count) in (0..counts.len()).flat_map(|i| counts.row(i)) {
            totals[word] += count;
        }
    }
    let mut words: Vec<usize> = (0..width).collect();
    words.sort_by(|&a, &b| totals[b].total_cmp(&totals[a]));
    let mut place = vec![None; width];
    words.iter().take(WORDS).enumerate().for_each(|(i, &word)| place[word] = Some(i));
    let mut domains = Vec::new();
    for product in products {
        let counts = &product.train.counts;
        let mut x = Mat::zeros(counts.len(), WORDS);
        for i in 0..counts.len() {
            for (word, count) in counts.row(i) {
                if let Some(column) = place[word] {
                    x[(i, column)] = f64::from(count).ln_1p();
                }
            }
        }
        let labels = product.train.labels.iter().map(|&label| usize::from(label));
        domains.push(two_classes(&product.name, x, labels)?);
    }
    scaled(&domains)
}

/// Texts, rated above or below 0, as which of the words are in them that most texts have, scaled. Texts rated
/// 0 are left out. A word is a run of letters, digits and apostrophes, in lower case.
pub(super) fn sentiment(kinds: &[RatedTexts]) -> Result<Vec<Domain>, ExperimentError> {
    let words_of = |text: &str| -> Vec<String> {
        let is_word = |c: char| c.is_alphanumeric() || c == '\'';
        let mut words: Vec<_> = text
            .split(|c: char| !is_word(c))
            .filter(|word| !word.is_empty())
            .map(str::to_lowercase)
            .collect();
        words.sort();
        words.dedup();
        words
    };
    let mut texts_with: BTreeMap<String, usize> = BTreeMap::new();
    for text in kinds.iter().flat_map(|kind| &kind.texts) {
        for word in words_of(text) {
            *texts_with.entry(word).or_default() += 1;
        }
    }
    let mut common: Vec<_> = texts_with.into_iter().collect();
    common.sort_by_key(|(_, texts)| std::cmp::Reverse(*texts));
    let columns: BTreeMap<String, usize> =
        common.into_iter().take(WORDS).enumerate().map(|(column, (word, _))| (word, column)).collect();
    let mut domains = Vec::new();
    for kind in kinds {
        let rated: Vec<usize> = (0..kind.len()).filter(|&i| kind.ratings[i] != 0.0).collect();
        let mut x = Mat::zeros(rated.len(), columns.len());
        for (row, &i) in rated.iter().enumerate() {
            for column in words_of(&kind.texts[i]).iter().filter_map(|word| columns.get(word)) {
                x[(row, *column)] = 1.0;
            }
        }
        let labels = rated.iter().map(|&i| usize::from(kind.ratings[i] > 0.0));
        domains.push(two_classes(&kind.name, x, labels)?);
    }
    scaled(&domains)
}

/// The published features.
pub(super) fn office(pictures: &[NamedFeatures]) -> Result<Vec<Domain>, ExperimentError> {
    let domain = |domain: &NamedFeatures| {
        let shares = domain.standardized_shares();
        let x = Mat::from_fn(domain.len(), domain.width, |i, j| shares[i * domain.width + j]);
        let classes: Vec<usize> = domain.labels.iter().copied().map(usize::from).collect();
        Ok(Labelled::new(&domain.name, x, Labels::classes(classes, 10))?)
    };
    pictures.iter().map(domain).collect()
}

/// At most `count` rows of each domain, drawn by the seed.
pub(super) fn drawn(domains: &[Domain], count: usize, seed: u64) -> Result<Vec<Domain>, ExperimentError> {
    let noise = Noise { seed, distribution: Distribution::Uniform };
    let mut all = Vec::new();
    for (stream, domain) in (0..).zip(domains) {
        let mut keys = vec![0.0_f64; domain.rows()];
        noise.fill(stream, 0, &mut keys);
        let mut places: Vec<usize> = (0..domain.rows()).collect();
        places.sort_by(|&a, &b| keys[a].total_cmp(&keys[b]));
        places.truncate(count);
        all.push(domain.select(&places)?);
    }
    Ok(all)
}

fn two_classes(
    name: &str,
    x: Mat<f64>,
    classes: impl Iterator<Item = usize>,
) -> Result<Domain, ExperimentError> {
    Ok(Labelled::new(name, x, Labels::classes(classes.collect::<Vec<_>>(), 2))?)
}

/// Each column shifted and scaled to mean 0 and deviation 1 on the rows of all domains.
fn scaled(domains: &[Domain]) -> Result<Vec<Domain>, ExperimentError> {
    let columns = domains.first().map_or(0, |domain| domain.x().ncols());
    let mut scales = Vec::new();
    for j in 0..columns {
        let column = domains.iter().flat_map(|domain| domain.x().col(j).iter().copied());
        let (mean, deviation) = mean_and_spread(&column.collect::<Vec<_>>());
        scales.push((mean, if deviation > 0.0 { deviation } else { 1.0 }));
    }
    let scale =
        |x: &Mat<f64>| Mat::from_fn(x.nrows(), columns, |i, j| (x[(i, j)] - scales[j].0) / scales[j].1);
    Ok(domains.iter().map(|domain| domain.map(scale)).collect::<Result<_, _>>()?)
}
