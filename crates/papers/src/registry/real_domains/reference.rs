//! The numbers of the specification: plain classifiers, exact.

use faer::Mat;
use kiln_adapt::linear::classification::Logistic;
use kiln_adapt::{Labelled, Labels, Predict, Rows};

use super::{AMAZON, DIGITS, HEART, OFFICE, Reference, digits as pictures, features};
use kiln_datasets::{ImagePart, LabelledCounts};
use kiln_receipts::{Context, ExperimentError, Recorder, Table};

/// Records what was found and shows it beside the reference.
fn compare(recorder: &mut Recorder, claim: &str, title: &str, reference: &[Reference], found: &[f64]) {
    let columns = ["case", "reference, %", "found, %"];
    let mut table = Table::new("reference", title, "Accuracy.", &columns);
    for (&(case, expected), &found) in reference.iter().zip(found) {
        recorder.record(claim, case, [found]);
        table.row([case.to_owned(), percent(expected), percent(found)]);
    }
    recorder.table(table);
}

fn percent(share: f64) -> String {
    format!("{:.2}", 100.0 * share)
}

/// The places of the two names in "SOURCE to TARGET".
fn pair(case: &str, names: &[&str]) -> Result<(usize, usize), ExperimentError> {
    let place = |name: &str| names.iter().position(|known| *known == name);
    case.split_once(" to ")
        .and_then(|(source, target)| Some((place(source)?, place(target)?)))
        .ok_or_else(|| format!("no domains for {case:?} in {names:?}").into())
}

pub(super) fn amazon(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let products = kiln_datasets::amazon(&*context.data)?;
    let files = products.iter().flat_map(|product| [&product.train, &product.test]);
    files.flat_map(|file| file.sources.clone()).for_each(|source| recorder.used_data(source));
    let progress = recorder.progress(products.len() as u64, "products");
    let mut accuracies: Vec<Vec<f64>> = Vec::new();
    for source in &products {
        accuracies.push(recorder.memo(&source.name, || {
            let domain = features::counts(&source.name, &source.train)?;
            let (weights, intercept) = Logistic { c: 0.01 }.fit_domain(&domain)?.direction()?;
            let accuracy = |test: &LabelledCounts| {
                let is_right = |i: &usize| {
                    let score: f64 =
                        test.counts.row(*i).map(|(j, count)| f64::from(count) * weights[j]).sum();
                    (score + intercept > 0.0) == (test.labels[*i] == 1)
                };
                (0..test.labels.len()).filter(is_right).count() as f64 / test.labels.len() as f64
            };
            Ok(products.iter().map(|target| accuracy(&target.test)).collect())
        })?);
        progress.inc(1);
    }
    drop(progress);
    let names: Vec<&str> = products.iter().map(|product| &product.name[..]).collect();
    let mut found = Vec::new();
    for (case, _) in AMAZON {
        let (source, target) = pair(case, &names)?;
        found.push(accuracies[source][target]);
    }
    compare(recorder, "R1", "Amazon reviews, logistic regression on counts", &AMAZON, &found);
    Ok(())
}

pub(super) fn heart(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let sites = kiln_datasets::heart(&*context.data)?;
    sites.iter().flat_map(|site| site.sources.clone()).for_each(|source| recorder.used_data(source));
    let mut found = Vec::new();
    for target in 0..sites.len() {
        let mut domains = features::heart(&sites, target)?;
        let target = domains.remove(target);
        // As one domain: every patient counts the same, not every hospital.
        let mut classes = Vec::new();
        for source in &domains {
            classes.extend_from_slice(source.classes()?.0);
        }
        let x = Rows::concat(domains.iter().map(|source| source.x().clone()).collect())
            .ok_or("no hospital but the target")?;
        let sources: Labelled<Mat<f64>> = Labelled::new("sources", x, Labels::classes(classes, 2))?;
        found.push(Logistic { c: 1.0 }.fit_domain(&sources)?.evaluate(&target)?.score());
    }
    compare(recorder, "R2", "Heart disease, one hospital left out", &HEART, &found);
    Ok(())
}

pub(super) fn digits(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    const PICTURES: usize = 3000;
    let mut domains = Vec::new();
    for (name, read) in [("MNIST", mnist as fn(&_, ImagePart) -> _), ("USPS", usps)] {
        let [train, test] = [read(context, ImagePart::Train)?, read(context, ImagePart::Test)?];
        let sources = [&train, &test].into_iter().flat_map(|part| part.sources.clone());
        sources.for_each(|source| recorder.used_data(source));
        domains.push([
            pictures::first_resized(name, &train, PICTURES)?,
            pictures::first_resized(name, &test, PICTURES)?,
        ]);
    }
    let progress = recorder.progress(domains.len() as u64, "sources");
    let mut accuracies: Vec<Vec<f64>> = Vec::new();
    for [train, _] in &domains {
        accuracies.push(recorder.memo(train.name(), || {
            let model = Logistic { c: 0.1 }.fit_domain(train)?;
            let score = |[_, test]: &[Labelled<_>; 2]| Ok(model.evaluate(test)?.score());
            domains.iter().map(score).collect::<Result<_, ExperimentError>>()
        })?);
        progress.inc(1);
    }
    drop(progress);
    let mut found = Vec::new();
    for (case, _) in DIGITS {
        let (source, target) = pair(case, &["MNIST", "USPS"])?;
        found.push(accuracies[source][target]);
    }
    compare(recorder, "R3", "Digits of 16×16 pixels, logistic regression", &DIGITS, &found);
    Ok(())
}

fn mnist(context: &Context, part: ImagePart) -> Result<kiln_datasets::LabelledImages, ExperimentError> {
    Ok(kiln_datasets::mnist(&*context.data, part)?)
}

fn usps(context: &Context, part: ImagePart) -> Result<kiln_datasets::LabelledImages, ExperimentError> {
    Ok(kiln_datasets::usps(&*context.data, part)?)
}

pub(super) fn office(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let pictures = kiln_datasets::office(&*context.data)?;
    pictures.iter().flat_map(|domain| domain.sources.clone()).for_each(|source| recorder.used_data(source));
    let domains = features::office(&pictures)?;
    let names: Vec<&str> = domains.iter().map(Labelled::name).collect();
    let progress = recorder.progress(OFFICE.len() as u64, "pairs");
    let mut found = Vec::new();
    for (case, _) in OFFICE {
        let (source, target) = pair(case, &names)?;
        found.push(recorder.memo(case, || nearest_neighbour(&domains[source], &domains[target]))?);
        progress.inc(1);
    }
    drop(progress);
    compare(recorder, "R4", "Office-Caltech10, nearest neighbour", &OFFICE, &found);
    Ok(())
}

/// Accuracy on the target of the class of the nearest row of the source.
fn nearest_neighbour(
    source: &Labelled<Mat<f64>>,
    target: &Labelled<Mat<f64>>,
) -> Result<f64, ExperimentError> {
    let products = source.x() * target.x().transpose();
    let squares: Vec<f64> = source.x().row_iter().map(|row| row.squared_norm_l2()).collect();
    let (known, truth) = (source.classes()?.0, target.classes()?.0);
    let is_right = |j: &usize| {
        // ‖a − b‖² less ‖b‖².
        let distance = |i: &usize| squares[*i] - 2.0 * products[(*i, *j)];
        let nearest = (0..squares.len()).min_by(|a, b| distance(a).total_cmp(&distance(b)));
        nearest.is_some_and(|i| known[i] == truth[*j])
    };
    Ok((0..truth.len()).filter(is_right).count() as f64 / truth.len() as f64)
}
