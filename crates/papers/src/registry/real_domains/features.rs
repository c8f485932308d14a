//! Rows of numbers made of tables, counts and texts.

use std::collections::{BTreeMap, BTreeSet};

use faer::Mat;
use kiln_adapt::{Labelled, Labels, Rows};
use kiln_datasets::{HeartSite, LabelledCounts, NamedFeatures, RatedTexts, ReviewDomain};
use kiln_receipts::ExperimentError;
use kiln_receipts::statistics::mean_and_spread;
use kiln_tensor::training::RowOrder;

type Domain = Labelled<Mat<f64>>;
/// By text: words and how often they occur.
type Words = Vec<Vec<(usize, f32)>>;

/// Words that the comparison of methods counts.
const WORDS: usize = 400;

/// age, sex, cp, trestbps, thalach, exang, oldpeak: the covariates that every hospital has.
const COVARIATES: [usize; 7] = [0, 1, 2, 3, 7, 8, 9];

/// The hospitals, ill or not, as the recipe of the reference numbers has them: what is missing becomes the
/// mean of the hospitals other than the target, then each column is shifted and scaled to mean 0 and
/// deviation 1 on those.
pub(in crate::registry) fn heart(sites: &[HeartSite], target: usize) -> Result<Vec<Domain>, ExperimentError> {
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
pub(in crate::registry) fn amazon(products: &[ReviewDomain]) -> Result<Vec<Domain>, ExperimentError> {
    let width = products.first().map_or(0, |product| product.train.counts.width());
    let mut totals: Vec<_> = (0..width).map(|word| (word, 0.0)).collect();
    let rows =
        |train: &LabelledCounts| (0..train.counts.len()).map(|i| train.counts.row(i).collect()).collect();
    let texts: Vec<Words> = products.iter().map(|product| rows(&product.train)).collect();
    texts.iter().flatten().flatten().for_each(|&(word, count)| totals[word].1 += f64::from(count));
    let columns = commonest(totals);
    let domain = |(product, texts): (&ReviewDomain, &Words)| {
        let x = table(texts, &columns, |&(word, count): &(usize, f32)| (word, f64::from(count).ln_1p()));
        two_classes(&product.name, x, product.train.labels.iter().map(|&label| usize::from(label)))
    };
    scaled(&products.iter().zip(&texts).map(domain).collect::<Result<Vec<_>, _>>()?)
}

/// Texts, rated above or below 0, as which of the words are in them that most texts have, scaled. Texts rated
/// 0 are left out. A word is a run of letters, digits and apostrophes, in lower case.
pub(super) fn sentiment(kinds: &[RatedTexts]) -> Result<Vec<Domain>, ExperimentError> {
    let words_of = |text: &str| -> BTreeSet<String> {
        let is_word = |c: char| c.is_alphanumeric() || c == '\'';
        text.split(|c: char| !is_word(c)).filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
    };
    let mut texts_with: BTreeMap<String, f64> = BTreeMap::new();
    for word in kinds.iter().flat_map(|kind| &kind.texts).flat_map(|text| words_of(text)) {
        *texts_with.entry(word).or_default() += 1.0;
    }
    let columns = commonest(texts_with.into_iter().collect());
    let domain = |kind: &RatedTexts| {
        let rated: Vec<usize> = (0..kind.len()).filter(|&i| kind.ratings[i] != 0.0).collect();
        let texts: Vec<_> = rated.iter().map(|&i| words_of(&kind.texts[i])).collect();
        let x = table(&texts, &columns, |word: &String| (word.clone(), 1.0));
        two_classes(&kind.name, x, rated.iter().map(|&i| usize::from(kind.ratings[i] > 0.0)))
    };
    scaled(&kinds.iter().map(domain).collect::<Result<Vec<_>, _>>()?)
}

/// A column for each of the words with the largest totals; of equal ones, the first.
fn commonest<W: Ord>(mut totals: Vec<(W, f64)>) -> BTreeMap<W, usize> {
    totals.sort_by(|a, b| b.1.total_cmp(&a.1));
    totals.into_iter().take(WORDS).enumerate().map(|(column, (word, _))| (word, column)).collect()
}

/// A row for each text: the numbers of its words in their columns, 0 elsewhere.
fn table<'a, T, W: Ord>(
    texts: &'a [T],
    columns: &BTreeMap<W, usize>,
    number: impl Fn(<&'a T as IntoIterator>::Item) -> (W, f64),
) -> Mat<f64>
where
    &'a T: IntoIterator,
{
    let mut x = Mat::zeros(texts.len(), columns.len());
    for (row, text) in texts.iter().enumerate() {
        for (word, number) in text.into_iter().map(&number) {
            if let Some(column) = columns.get(&word) {
                x[(row, *column)] = number;
            }
        }
    }
    x
}

/// The published features.
pub(in crate::registry) fn office(pictures: &[NamedFeatures]) -> Result<Vec<Domain>, ExperimentError> {
    let domain = |domain: &NamedFeatures| {
        let shares = domain.standardized_shares();
        let x = Mat::from_fn(domain.len(), domain.width, |i, j| shares[i * domain.width + j]);
        let classes: Vec<usize> = domain.labels.iter().copied().map(usize::from).collect();
        Ok(Labelled::new(&domain.name, x, Labels::classes(classes, 10))?)
    };
    pictures.iter().map(domain).collect()
}

/// At most `count` rows of each domain, drawn by the seed.
pub(in crate::registry) fn drawn(
    domains: &[Domain],
    count: usize,
    seed: u64,
) -> Result<Vec<Domain>, ExperimentError> {
    let draw = |(stream, domain): (u64, &Domain)| {
        let mut places = RowOrder::ByKeys { seed }.of(domain.rows(), stream);
        places.truncate(count);
        Ok(domain.select(&places)?)
    };
    (0..).zip(domains).map(draw).collect()
}

/// The rows of all domains as one.
pub(super) fn pooled(domains: &[Domain]) -> Result<Domain, ExperimentError> {
    let mut classes = Vec::new();
    let mut count = 0;
    for domain in domains {
        classes.extend_from_slice(domain.classes()?.0);
        count = domain.classes()?.1;
    }
    let x = Rows::concat(domains.iter().map(|domain| domain.x().clone()).collect()).ok_or("no domain")?;
    Ok(Labelled::new("all sources", x, Labels::classes(classes, count))?)
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
