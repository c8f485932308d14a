//! What the methods do: every domain in its turn is the target, the others are the sources.
//!
//! All settings were fixed before the first run, the same on all sets; nothing was selected, with target
//! labels or without.

use faer::Mat;
use kiln_adapt::{
    AdaptMethod, Adaptation, Discriminator, Evaluation, FeatureNetwork, Features, Fit as _,
    LabelShiftEstimator, Labelled, Predict, SourceChoice, Training, tensor_of,
};
use kiln_core::data::DataUse;
use kiln_datasets::ImagePart;
use kiln_receipts::statistics::{interval_of_mean, mean};
use kiln_receipts::{
    Arm, Axis, Check, Context, ExperimentError, Figure, Kind, Recorder, Runs, Scale, Table,
    mean_and_deviation,
};
use kiln_tensor::divergence::{CoralForm, Divergence, MmdKernel};
use serde::{Deserialize, Serialize};

use super::claims::{
    AMAZON_MATCHED, AMAZON_WEIGHTED, DIGITS_CIP, DIGITS_MATCHED, DIGITS_WEIGHTED, HEART_ACCURACY,
    HEART_BALANCED, OFFICE_GAIN, OFFICE_ONE, SENTIMENT_GAIN,
};
use super::{digits as pictures, features};
use crate::device::TensorDevice;

type Domain = Labelled<Mat<f64>>;

const HIDDEN: usize = 64;
/// Rows of each domain in a step.
const BATCH: usize = 100;
/// Of each stage of a fit, about: whole epochs.
const STEPS: usize = 300;
const LEARNING_RATE: f64 = 1e-3;
/// Rows of a domain of the larger sets, drawn by the seed.
const ROWS: usize = 2000;
/// λ of every penalty.
const WEIGHT: f64 = 1.0;
/// η of groupDRO, its paper's.
const GROUP_STEP: f64 = 0.01;

const POOL: &str = "Pool";
const ONE: &str = "ERM, one source";
/// One method of each kind: matching, weighting, invariance.
const KINDS: [&str; 3] = ["DIP-MMD", "IW-ERM", "IRM"];
/// Methods that are judged at quick scale.
const QUICK: [&str; 2] = [POOL, "IW-ERM"];

/// The methods; those that need one source take that with the most rows. The first sees all sources as one.
fn methods(largest: usize) -> Vec<(&'static str, AdaptMethod)> {
    let mmd = || Divergence::Mmd(MmdKernel::GaussianSum);
    let coral = Divergence::Coral(CoralForm::MeanAndCovariance);
    let weighted = |method: AdaptMethod| {
        method.reweighted(AdaptMethod::cip(mmd(), WEIGHT), LabelShiftEstimator::Bbse, SourceChoice::All)
    };
    let discriminator = Discriminator { ramp_steps: STEPS / 3, ..Discriminator::default() };
    vec![
        (POOL, AdaptMethod::erm(0)),
        ("Pool, by sources", AdaptMethod::pooled_erm()),
        (ONE, AdaptMethod::erm(largest)),
        ("DIP-mean", AdaptMethod::pooled_dip(Divergence::Mean, WEIGHT)),
        ("DIP-MMD", AdaptMethod::pooled_dip(mmd(), WEIGHT)),
        ("DIP-CORAL", AdaptMethod::pooled_dip(coral, WEIGHT)),
        ("DANN", AdaptMethod::dann(discriminator, WEIGHT)),
        ("CIP-mean", AdaptMethod::cip(Divergence::Mean, WEIGHT)),
        ("CIP-MMD", AdaptMethod::cip(mmd(), WEIGHT)),
        ("JointDIP", AdaptMethod::pooled_joint_dip(mmd(), WEIGHT, WEIGHT)),
        ("IW-ERM", AdaptMethod::iw_erm()),
        ("IW-CIP", AdaptMethod::iw_cip(mmd(), WEIGHT, WEIGHT)),
        ("IW-DIP", weighted(AdaptMethod::pooled_dip(mmd(), WEIGHT))),
        ("IW-JointDIP", weighted(AdaptMethod::pooled_joint_dip(mmd(), WEIGHT, WEIGHT))),
        ("IRM", AdaptMethod::irm(WEIGHT, 0)),
        ("V-REx", AdaptMethod::v_rex(WEIGHT, 0)),
        ("GroupDRO", AdaptMethod::group_dro(GROUP_STEP)),
    ]
}

/// A fit on its target.
#[derive(Debug, Serialize, Deserialize)]
struct Fit {
    accuracy: f64,
    balanced: f64,
    /// What the first stage found, class by class.
    weights: Option<Vec<f64>>,
}

/// All domains, in the order of their names, as they are with this target and this seed.
type Domains<'a> = dyn Fn(usize, u64) -> Result<Vec<Domain>, ExperimentError> + Sync + 'a;

/// A data set whose domains take turns.
#[derive(Clone, Copy)]
struct Set<'a> {
    title: &'a str,
    about: &'a str,
    names: &'a [&'a str],
    classes: usize,
    domains: &'a Domains<'a>,
}

impl Set<'_> {
    /// The sources and the target.
    fn split(&self, target: usize, seed: u64) -> Result<(Vec<Domain>, Domain), ExperimentError> {
        let mut domains = (self.domains)(target, seed)?;
        let target = domains.remove(target);
        Ok((domains, target))
    }
}

/// Share of each class.
fn shares(domain: &Domain) -> Result<Vec<f64>, ExperimentError> {
    let (classes, count) = domain.classes()?;
    let mut shares = vec![0.0; count];
    for &class in classes {
        shares[class] += 1.0 / classes.len() as f64;
    }
    Ok(shares)
}

/// Share of each class in the target over its mean share in the sources.
fn weights_of(sources: &[Domain], target: &Domain) -> Result<Vec<f64>, ExperimentError> {
    let of_sources = sources.iter().map(shares).collect::<Result<Vec<_>, _>>()?;
    let mean = |class: usize| mean(of_sources.iter().map(|shares| shares[class]));
    Ok(shares(target)?.iter().enumerate().map(|(class, share)| share / mean(class)).collect())
}

fn fit(
    method: &AdaptMethod,
    sources: Vec<Domain>,
    target: &Domain,
    batch: usize,
    seed: u64,
    context: &Context,
) -> Result<Fit, ExperimentError> {
    let device = context.tensor_device()?;
    let longest = sources.iter().chain([target]).map(Labelled::rows).max().unwrap_or(1);
    let problem = Adaptation::new(sources, target.without_labels())?;
    let widths = [target.x().ncols(), HIDDEN, problem.outputs()];
    let problem = problem.map(|x| tensor_of(x, &device))?;
    let model = FeatureNetwork::perceptron(&widths, Features::LastHidden, seed, &device)?;
    let epochs = STEPS.div_ceil(longest.div_ceil(batch));
    let training = Training { seed, ..Training::adam(epochs, batch, LEARNING_RATE) };
    let fitted = method.on(&model, &training).fit(&problem)?;
    let evaluation = fitted.evaluate(&target.map(|x| tensor_of(x, &device))?)?;
    let Evaluation::Classes { accuracy, balanced_accuracy, .. } = evaluation else {
        return Err("the labels are classes".into());
    };
    let weights = fitted.summary().class_weights.as_ref().map(|found| found.weights.clone());
    Ok(Fit { accuracy, balanced: balanced_accuracy, weights })
}

/// A method with its fits, target by target.
struct Row {
    name: &'static str,
    fits: Vec<Runs<Fit>>,
}

impl Row {
    /// Means over the targets, one for each seed.
    fn over_targets(&self, value: fn(&Fit) -> f64) -> Vec<f64> {
        let seeds = self.fits.first().map_or(0, |runs| runs.values.len());
        (0..seeds).map(|seed| mean(self.fits.iter().map(|runs| value(&runs.values[seed])))).collect()
    }
}

fn accuracy(fit: &Fit) -> f64 {
    fit.accuracy
}

fn balanced(fit: &Fit) -> f64 {
    fit.balanced
}

/// The fits of a set, shown, by method.
struct Comparison(Vec<Row>);

impl Comparison {
    fn new(
        context: &Context,
        recorder: &mut Recorder,
        set: &Set<'_>,
        sources: impl IntoIterator<Item = DataUse>,
    ) -> Result<Self, ExperimentError> {
        sources.into_iter().for_each(|source| recorder.used_data(source));
        let seeds = context.seeds(context.pick(5, 6));
        let (mut arms, mut true_weights) = (Vec::new(), Vec::new());
        for (place, name) in set.names.iter().enumerate() {
            let (sources, target) = set.split(place, seeds[0])?;
            true_weights.push(weights_of(&sources, &target)?);
            let rows = |i: &usize| sources[*i].rows();
            let largest = (0..sources.len()).rev().max_by_key(rows).unwrap_or(0);
            for (title, method) in chosen(context, largest) {
                let settings = method.clone();
                arms.push(Arm::new(format!("{title}, {name}"), &settings, move |seed| {
                    let (sources, target) = set.split(place, seed)?;
                    // As many rows in a step as all other methods see.
                    if title == POOL {
                        let batch = BATCH * sources.len();
                        return fit(
                            &method,
                            vec![features::pooled(&sources)?],
                            &target,
                            batch,
                            seed,
                            context,
                        );
                    }
                    fit(&method, sources, &target, BATCH, seed, context)
                }));
            }
        }
        let mut runs = recorder.sweep_all(&seeds, arms)?.into_iter();
        let mut rows: Vec<Row> =
            chosen(context, 0).into_iter().map(|(name, _)| Row { name, fits: Vec::new() }).collect();
        for _ in set.names {
            rows.iter_mut().zip(runs.by_ref()).for_each(|(row, runs)| row.fits.push(runs));
        }
        recorder.table(table(set, &rows));
        recorder.figure(figure(set, &rows));
        if set.classes == 2 {
            recorder.table(weights(set, &rows, &true_weights));
        }
        Ok(Self(rows))
    }

    /// Observes a method against another; the name of the group is the method's if it is one of several.
    fn observe(
        &self,
        recorder: &mut Recorder,
        check: &Check,
        group: &str,
        [method, other]: [&str; 2],
        value: fn(&Fit) -> f64,
    ) {
        // At quick scale not all of them are there.
        let of = |name| self.0.iter().filter(move |row| row.name == name);
        let [method, other] = [method, other].map(|name| of(name).flat_map(|row| row.over_targets(value)));
        recorder.observe_in(group, check, method.zip(other));
    }

    /// The same for one of each kind against pooled ERM.
    fn observe_kinds(&self, recorder: &mut Recorder, check: &Check) {
        for kind in KINDS {
            self.observe(recorder, check, kind, [kind, POOL], accuracy);
        }
    }
}

fn chosen(context: &Context, largest: usize) -> Vec<(&'static str, AdaptMethod)> {
    let mut all = methods(largest);
    all.retain(|(name, _)| context.scale == Scale::Full || QUICK.contains(name));
    all
}

fn percent(values: &[f64]) -> String {
    mean_and_deviation(&values.iter().map(|value| 100.0 * value).collect::<Vec<_>>(), 1)
}

fn table(set: &Set<'_>, rows: &[Row]) -> Table {
    let ends = ["mean", "gain", "balanced", "balanced gain"];
    let columns: Vec<_> = ["method"].iter().chain(set.names).chain(&ends).copied().collect();
    let caption = format!(
        "{} Accuracy on the target in %, mean over the seeds, standard deviation in brackets. Balanced: mean of the          classes' recalls. Gain: less Pool on the same seed, with its 95 % interval.",
        set.about
    );
    let mut table = Table::new("methods", set.title, &caption, &columns);
    for row in rows {
        let gain = |value: fn(&Fit) -> f64| {
            let pool = rows[0].over_targets(value);
            let gains: Vec<f64> =
                row.over_targets(value).iter().zip(pool).map(|(a, b)| 100.0 * (a - b)).collect();
            let [low, high] = interval_of_mean(&gains);
            format!("{:+.1} [{low:+.1}, {high:+.1}]", mean(&gains))
        };
        let targets = row.fits.iter().map(|runs| percent(&runs.each(accuracy)));
        let ends = [
            percent(&row.over_targets(accuracy)),
            gain(accuracy),
            percent(&row.over_targets(balanced)),
            gain(balanced),
        ];
        table.row(std::iter::once(row.name.to_owned()).chain(targets).chain(ends));
    }
    table
}

fn figure(set: &Set<'_>, rows: &[Row]) -> Figure {
    let mut figure = Figure::new(
        "methods",
        &format!("{}: what the methods gain over pooled ERM", set.title),
        "Accuracy on the target less that of pooled ERM, percentage points, mean over the seeds.",
        Axis::categories("method", rows.iter().map(|row| row.name)),
        Axis::linear("gain, percentage points"),
    );
    for (place, name) in set.names.iter().enumerate() {
        let of = |row: &Row| 100.0 * mean(row.fits[place].each(accuracy));
        let gains = rows.iter().enumerate().map(|(x, row)| (x as f64, of(row) - of(&rows[0])));
        figure = figure.with(Kind::Points, name, place, gains);
    }
    let ends = [(0.0, 0.0), ((rows.len() - 1) as f64, 0.0)];
    figure.with(Kind::Dashed, "pooled ERM", set.names.len(), ends)
}

/// The weights of the classes 0 and 1: true ones, and those found.
fn weights(set: &Set<'_>, rows: &[Row], true_weights: &[Vec<f64>]) -> Table {
    let has_weights = |row: &&Row| row.fits[0].values.iter().any(|fit| fit.weights.is_some());
    let found: Vec<_> = rows.iter().filter(has_weights).collect();
    let columns: Vec<_> =
        ["target", "class", "true weight"].into_iter().chain(found.iter().map(|row| row.name)).collect();
    let mut table = Table::new(
        "weights",
        "Weights of the classes",
        "Share of the class in the target over its mean share in the sources, and what BBSE found from the first \
         stage's predictions. Mean over the seeds, standard deviation in brackets.",
        &columns,
    );
    for (place, name) in set.names.iter().enumerate() {
        for (class, true_weight) in true_weights[place].iter().enumerate() {
            let of = |row: &&Row| {
                let weights =
                    row.fits[place].values.iter().filter_map(|fit| Some(fit.weights.as_ref()?[class]));
                mean_and_deviation(&weights.collect::<Vec<_>>(), 2)
            };
            let head = [(*name).to_owned(), class.to_string(), format!("{true_weight:.2}")];
            table.row(head.into_iter().chain(found.iter().map(of)));
        }
    }
    table
}

pub(super) fn heart(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let sites = kiln_datasets::heart(&*context.data)?;
    let set = Set {
        title: "Heart disease",
        about: "Four hospitals, 7 covariates, ill or not.",
        names: &["cleveland", "hungarian", "switzerland", "va"],
        classes: 2,
        domains: &|target, _| features::heart(&sites, target),
    };
    let found = Comparison::new(context, recorder, &set, sites.iter().flat_map(|site| site.sources.clone()))?;
    found.observe(recorder, &HEART_ACCURACY, "", ["IW-ERM", POOL], accuracy);
    found.observe(recorder, &HEART_BALANCED, "", ["IW-ERM", POOL], balanced);
    Ok(())
}

pub(super) fn amazon(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    if context.scale == Scale::Quick {
        return Ok(());
    }
    let products = kiln_datasets::amazon(&*context.data)?;
    let domains = features::amazon(&products)?;
    let set = Set {
        title: "Amazon reviews",
        about: "2,000 reviews of each kind of products, the 400 commonest words.",
        names: &["books", "dvd", "electronics", "kitchen"],
        classes: 2,
        domains: &|_, seed| features::drawn(&domains, ROWS, seed),
    };
    let found = Comparison::new(
        context,
        recorder,
        &set,
        products.iter().flat_map(|product| product.train.sources.clone()),
    )?;
    found.observe(recorder, &AMAZON_MATCHED, "", ["DIP-MMD", POOL], accuracy);
    found.observe(recorder, &AMAZON_WEIGHTED, "", ["IW-ERM", POOL], accuracy);
    Ok(())
}

pub(super) fn sentiment(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    if context.scale == Scale::Quick {
        return Ok(());
    }
    let kinds = kiln_datasets::sentiment_four_domains(&*context.data)?;
    let domains = features::sentiment(&kinds)?;
    let set = Set {
        title: "Sentences of four kinds of texts",
        about: "2,000 sentences of each kind, the 400 commonest words, mean rating above or below 0.",
        names: &["tweets", "movies", "products", "news"],
        classes: 2,
        domains: &|_, seed| features::drawn(&domains, ROWS, seed),
    };
    let found = Comparison::new(context, recorder, &set, kinds.iter().flat_map(|kind| kind.sources.clone()))?;
    found.observe_kinds(recorder, &SENTIMENT_GAIN);
    Ok(())
}

pub(super) fn office(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    if context.scale == Scale::Quick {
        return Ok(());
    }
    let pictures = kiln_datasets::office(&*context.data)?;
    let domains = features::office(&pictures)?;
    let set = Set {
        title: "Office-Caltech10",
        about: "Pictures of ten kinds of objects from four sources, 800 visual words.",
        names: &["amazon", "caltech10", "dslr", "webcam"],
        classes: 10,
        domains: &|_, _| Ok(domains.clone()),
    };
    let found =
        Comparison::new(context, recorder, &set, pictures.iter().flat_map(|domain| domain.sources.clone()))?;
    found.observe(recorder, &OFFICE_ONE, "", [ONE, POOL], accuracy);
    found.observe_kinds(recorder, &OFFICE_GAIN);
    Ok(())
}

pub(super) fn digits(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    if context.scale == Scale::Quick {
        return Ok(());
    }
    let mnist = kiln_datasets::mnist(&*context.data, ImagePart::Train)?;
    let usps = kiln_datasets::usps(&*context.data, ImagePart::Train)?;
    let optdigits = kiln_datasets::optdigits(&*context.data)?;
    let domains = [
        // Its digits lie in the middle 20×20 of 28×28.
        pictures::blocks("mnist", &mnist, 2, 3, 255)?,
        pictures::blocks("usps", &usps, 0, 2, 255)?,
        pictures::blocks("optdigits", &optdigits, 0, 1, 16)?,
    ];
    let set = Set {
        title: "Digits of 8×8 pixels",
        about: "2,000 digits of MNIST (its middle 24×24, means of 3×3), 2,000 of USPS (means of 2×2), all \
            1,797 of optdigits.",
        names: &["mnist", "usps", "optdigits"],
        classes: 10,
        domains: &|_, seed| features::drawn(&domains, ROWS, seed),
    };
    let found = Comparison::new(
        context,
        recorder,
        &set,
        [mnist, usps, optdigits].into_iter().flat_map(|set| set.sources),
    )?;
    found.observe(recorder, &DIGITS_MATCHED, "", ["DIP-MMD", POOL], accuracy);
    found.observe(recorder, &DIGITS_WEIGHTED, "", ["IW-ERM", POOL], accuracy);
    found.observe(recorder, &DIGITS_CIP, "", ["CIP-mean", "CIP-MMD"], accuracy);
    Ok(())
}
