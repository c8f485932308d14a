//! Reference numbers: plain classifiers, exact.

use faer::Mat;
use kiln_adapt::linear::classification::Logistic;
use kiln_adapt::{Labelled, Predict};
use kiln_datasets::{ImagePart, LabelledCounts};
use kiln_receipts::{Check, Context, ExperimentError, Recorder, Table};

use super::claims::{AMAZON_NEAR, DIGITS_NEAR, HEART_NEAR, OFFICE_NEAR};
use super::digits::first_resized;
use super::features;

/// In %: a row for each source, a column for each target, both in the order of their names. NaN where the
/// reference has none.
const AMAZON: [[f64; 4]; 4] =
    [[81.5, 79.1, 72.5, 75.8], [73.8, 80.8, 73.8, 78.1], [71.4, 72.7, 84.0, 83.9], [69.5, 72.4, 81.8, 85.8]];
const HEART: [[f64; 4]; 1] = [[78.6, 79.3, 71.5, 77.5]];
const DIGITS: [[f64; 2]; 2] = [[85.7, 43.4], [24.8, 90.2]];
const OFFICE: [[f64; 4]; 4] = [
    [f64::NAN, 26.00, 25.48, 29.83],
    [23.70, f64::NAN, 25.48, 25.76],
    [28.50, 26.27, f64::NAN, 63.39],
    [22.96, 19.86, 59.24, f64::NAN],
];

/// Observes and shows accuracies beside the reference. `found` gives a source's accuracy on each target.
fn compare<const N: usize>(
    recorder: &mut Recorder,
    check: &Check,
    title: &str,
    (sources, targets): (&[&str], &[&str]),
    reference: &[[f64; N]],
    found: impl Fn(usize) -> Result<Vec<f64>, ExperimentError>,
) -> Result<(), ExperimentError> {
    let mut table = Table::new("reference", title, "Accuracy.", &["case", "reference, %", "found, %"]);
    let progress = recorder.progress(sources.len() as u64, "sources");
    for (place, (source, expected)) in sources.iter().zip(reference).enumerate() {
        let found = recorder.memo(source, || found(place))?;
        progress.inc(1);
        for ((target, expected), found) in targets.iter().zip(expected).zip(found) {
            if !expected.is_nan() {
                let case = format!("{source} to {target}");
                recorder.observe_in(&case, check, [found - expected / 100.0]);
                table.row([case, format!("{expected:.2}"), format!("{:.2}", 100.0 * found)]);
            }
        }
    }
    recorder.table(table);
    Ok(())
}

pub(super) fn amazon(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let products = kiln_datasets::amazon(&*context.data)?;
    recorder.used_sources(products.iter().flat_map(|one| one.train.sources.iter().chain(&one.test.sources)));
    let names: Vec<_> = products.iter().map(|product| &product.name[..]).collect();
    let title = "Amazon reviews, logistic regression on counts";
    compare(recorder, &AMAZON_NEAR, title, (&names, &names), &AMAZON, |source| {
        let domain = features::counts(names[source], &products[source].train)?;
        let (weights, intercept) = Logistic::new(0.01).fit_domain(&domain)?.direction()?;
        let accuracy = |test: &LabelledCounts| {
            let is_right = |i: &usize| {
                let score: f64 = test.counts.row(*i).map(|(j, count)| f64::from(count) * weights[j]).sum();
                (score + intercept > 0.0) == (test.labels[*i] == 1)
            };
            (0..test.labels.len()).filter(is_right).count() as f64 / test.labels.len() as f64
        };
        Ok(products.iter().map(|target| accuracy(&target.test)).collect())
    })
}

pub(super) fn heart(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let sites = kiln_datasets::heart(&*context.data)?;
    recorder.used_sources(sites.iter().flat_map(|site| &site.sources));
    let names: Vec<_> = sites.iter().map(|site| &site.name[..]).collect();
    let title = "Heart disease, one hospital left out";
    compare(recorder, &HEART_NEAR, title, (&["the others"], &names), &HEART, |_| {
        let left_out = |target| {
            let mut domains = features::heart(&sites, target)?;
            let target = domains.remove(target);
            let sources = features::pooled(&domains)?;
            Ok(Logistic::new(1.0).fit_domain(&sources)?.evaluate(&target)?.score())
        };
        (0..sites.len()).map(left_out).collect()
    })
}

pub(super) fn digits(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    const PICTURES: usize = 3000;
    let data = &*context.data;
    let mut domains = Vec::new();
    for part in [ImagePart::Train, ImagePart::Test] {
        let [mnist, usps] = [kiln_datasets::mnist(data, part)?, kiln_datasets::usps(data, part)?];
        recorder.used_sources(mnist.sources.iter().chain(&usps.sources));
        domains.push([first_resized("MNIST", &mnist, PICTURES)?, first_resized("USPS", &usps, PICTURES)?]);
    }
    let [train, test] = &domains[..] else { return Err("two parts".into()) };
    let names = train.each_ref().map(Labelled::name);
    let title = "Digits of 16×16 pixels, logistic regression";
    compare(recorder, &DIGITS_NEAR, title, (&names, &names), &DIGITS, |source| {
        let model = Logistic::new(0.1).fit_domain(&train[source])?;
        test.iter().map(|target| Ok(model.evaluate(target)?.score())).collect()
    })
}

pub(super) fn office(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let pictures = kiln_datasets::office(&*context.data)?;
    recorder.used_sources(pictures.iter().flat_map(|domain| &domain.sources));
    let domains = features::office(&pictures)?;
    let names: Vec<_> = domains.iter().map(Labelled::name).collect();
    let title = "Office-Caltech10, nearest neighbour";
    compare(recorder, &OFFICE_NEAR, title, (&names, &names), &OFFICE, |source| {
        domains.iter().map(|target| nearest_neighbour(&domains[source], target)).collect()
    })
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
