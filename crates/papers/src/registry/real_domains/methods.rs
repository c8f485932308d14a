//! What the methods do: every domain in its turn is the target, the others are the sources.
//!
//! All settings were fixed before the first run, the same on all sets; nothing was selected, with target
//! labels or without.

use faer::Mat;
use kiln_adapt::{
    AdaptMethod, Adaptation, Discriminator, Evaluation, FeatureNetwork, Features, Fit as _,
    LabelShiftEstimator, Labelled, OverClasses, Predict, SourceChoice, Training, tensor_of,
};
use kiln_core::data::DataUse;
use kiln_datasets::ImagePart;
use kiln_receipts::context::DataSource;
use kiln_receipts::{
    Arm, Axis, Check, Context, ExperimentError, Figure, Kind, Recorder, Runs, Scale, Table,
    interval::interval_of_mean, mean_and_deviation, statistics::mean,
};
use kiln_tensor::divergence::{CoralForm, Divergence, MmdKernel};
use serde::{Deserialize, Serialize};

use super::{claims, digits as pictures, features};
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

/// All sources as one, every row once.
const POOL: &str = "Pool";

/// The methods; those that need one source take that with the most rows. The first sees all sources as one.
fn methods(largest: usize) -> Vec<(&'static str, AdaptMethod)> {
    let mmd = || Divergence::Mmd(MmdKernel::GaussianSum);
    let coral = Divergence::Coral(CoralForm::MeanAndCovariance);
    let weighted = |method: AdaptMethod| {
        method.reweighted(AdaptMethod::cip(mmd(), WEIGHT), LabelShiftEstimator::Bbse, SourceChoice::All)
    };
    let discriminator = Discriminator { ramp_steps: STEPS / 3, ..Discriminator::default() };
    let methods = vec![
        (POOL, AdaptMethod::erm(0)),
        ("Pool, by sources", AdaptMethod::pooled_erm()),
        ("ERM, one source", AdaptMethod::erm(largest)),
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
    ];
    // λ was fixed when the divergences of classes were summed, and so was the claim that this costs.
    methods.into_iter().map(|(name, method)| (name, method.over_classes(OverClasses::Sum))).collect()
}

/// A fit on its target.
#[derive(Debug, Serialize, Deserialize)]
struct Fit {
    accuracy: f64,
    balanced: f64,
    /// What the first stage found, class by class.
    weights: Option<Vec<f64>>,
}

/// A check, the two methods that it compares, and what of them.
type Judged = (Check, [&'static str; 2], fn(&Fit) -> f64);

/// A data set whose domains take turns.
struct Set {
    title: &'static str,
    about: &'static str,
    names: &'static [&'static str],
    judged: &'static [Judged],
}

impl Set {
    /// All methods, at quick scale those that are judged at it, in their order.
    fn methods(&self, scale: Scale, largest: usize) -> Vec<(&'static str, AdaptMethod)> {
        let mut all = methods(largest);
        if scale == Scale::Quick {
            let judged = self.judged.iter().filter(|(check, ..)| !check.full_only);
            all.retain(|(name, _)| judged.clone().any(|(_, methods, _)| methods.contains(name)));
        }
        all
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

fn accuracy(fit: &Fit) -> f64 {
    fit.accuracy
}

fn balanced(fit: &Fit) -> f64 {
    fit.balanced
}

/// A method with its fits, target by target.
struct Row<'a> {
    name: &'static str,
    fits: &'a [Runs<Fit>],
}

impl Row<'_> {
    /// Means over the targets, one for each seed.
    fn over_targets(&self, value: fn(&Fit) -> f64) -> Vec<f64> {
        let of_seed = |seed: usize| mean(self.fits.iter().map(|runs| value(&runs.values[seed])));
        (0..self.fits[0].values.len()).map(of_seed).collect()
    }
}

/// `load` says what was read, and gives the domains, in the order of their names, as they are with a target and
/// a seed.
fn compare<D: Fn(usize, u64) -> Result<Vec<Domain>, ExperimentError> + Sync>(
    context: &Context,
    recorder: &mut Recorder,
    set: &Set,
    load: impl FnOnce(&DataSource) -> Result<(Vec<DataUse>, D), ExperimentError>,
) -> Result<(), ExperimentError> {
    let names: Vec<_> = set.methods(context.scale, 0).iter().map(|(name, _)| *name).collect();
    if names.is_empty() {
        return Ok(());
    }
    let (sources, domains) = load(&context.data)?;
    recorder.used_sources(&sources);
    let split = &|place: usize, seed| {
        let mut domains = domains(place, seed)?;
        let target = domains.remove(place);
        Ok::<_, ExperimentError>((domains, target))
    };
    let seeds = context.seeds(context.pick(5, 10));
    let (mut largest, mut true_weights) = (Vec::new(), Vec::new());
    for place in 0..set.names.len() {
        let (sources, target) = split(place, seeds[0])?;
        true_weights.push(weights_of(&sources, &target)?);
        let rows = |i: &usize| sources[*i].rows();
        largest.push((0..sources.len()).rev().max_by_key(rows).unwrap_or(0));
    }
    let arm = |(i, place): (usize, usize)| {
        let (title, method) = set.methods(context.scale, largest[place]).swap_remove(i);
        Arm::new(format!("{title}, {}", set.names[place]), &method.clone(), move |seed| {
            let (sources, target) = split(place, seed)?;
            if title == POOL {
                // As many rows in a step as all other methods see.
                let batch = BATCH * sources.len();
                return fit(&method, vec![features::pooled(&sources)?], &target, batch, seed, context);
            }
            fit(&method, sources, &target, BATCH, seed, context)
        })
    };
    let places = (0..names.len()).flat_map(|i| (0..set.names.len()).map(move |place| (i, place)));
    let runs = recorder.sweep_all(&seeds, places.map(arm).collect())?;
    let rows: Vec<Row<'_>> =
        names.iter().zip(runs.chunks(set.names.len())).map(|(name, fits)| Row { name, fits }).collect();
    recorder.table(table(set, &rows));
    recorder.figure(figure(set, &rows));
    if true_weights[0].len() == 2 {
        recorder.table(weights(set, &rows, &true_weights));
    }
    for (check, methods, value) in set.judged {
        // At quick scale not all methods are there.
        let of =
            |name| rows.iter().filter(move |row| row.name == name).flat_map(|row| row.over_targets(*value));
        recorder.observe_in(methods[0], check, of(methods[0]).zip(of(methods[1])));
    }
    Ok(())
}

fn percent(values: &[f64]) -> String {
    mean_and_deviation(&values.iter().map(|value| 100.0 * value).collect::<Vec<_>>(), 1)
}

fn table(set: &Set, rows: &[Row<'_>]) -> Table {
    let ends = ["mean", "gain", "balanced", "balanced gain"];
    let columns: Vec<_> = ["method"].iter().chain(set.names).chain(&ends).copied().collect();
    let caption = format!(
        "{} Accuracy on the target in %, mean over the seeds, standard deviation in brackets. Balanced: mean \
            of the classes' recalls. Gain: less Pool on the same seed, with its 95 % interval.",
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

fn figure(set: &Set, rows: &[Row<'_>]) -> Figure {
    let mut figure = Figure::new(
        "methods",
        &format!("{}: what the methods gain over pooled ERM", set.title),
        "Accuracy on the target less that of pooled ERM, percentage points, mean over the seeds.",
        Axis::categories("method", rows.iter().map(|row| row.name)),
        Axis::linear("gain, percentage points"),
    );
    for (place, name) in set.names.iter().enumerate() {
        let of = |row: &Row<'_>| 100.0 * mean(row.fits[place].each(accuracy));
        let gains = rows.iter().enumerate().map(|(x, row)| (x as f64, of(row) - of(&rows[0])));
        figure = figure.with(Kind::Points, name, place, gains);
    }
    let ends = [(0.0, 0.0), ((rows.len() - 1) as f64, 0.0)];
    figure.with(Kind::Dashed, "pooled ERM", set.names.len(), ends)
}

/// The weights of the classes 0 and 1: true ones, and those found.
fn weights(set: &Set, rows: &[Row<'_>], true_weights: &[Vec<f64>]) -> Table {
    let has_weights = |row: &&Row<'_>| row.fits[0].values.iter().any(|fit| fit.weights.is_some());
    let found: Vec<_> = rows.iter().filter(has_weights).collect();
    let columns: Vec<_> =
        ["target", "class", "true weight"].into_iter().chain(found.iter().map(|row| row.name)).collect();
    let mut table = Table::new(
        "weights",
        "Weights of the classes",
        "Share of the class in the target over its mean share in the sources, and what BBSE found from the \
            first stage's predictions. Mean over the seeds, standard deviation in brackets.",
        &columns,
    );
    for (place, name) in set.names.iter().enumerate() {
        for (class, true_weight) in true_weights[place].iter().enumerate() {
            let of = |row: &&Row<'_>| {
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
    let set = Set {
        title: "Heart disease",
        about: "Four hospitals, 7 covariates, ill or not.",
        names: &["cleveland", "hungarian", "switzerland", "va"],
        judged: &[
            (claims::HEART_ACCURACY, ["IW-ERM", POOL], accuracy),
            (claims::HEART_BALANCED, ["IW-ERM", POOL], balanced),
        ],
    };
    compare(context, recorder, &set, |data| {
        let sites = kiln_datasets::heart(data)?;
        let sources = sites.iter().flat_map(|site| site.sources.clone()).collect();
        Ok((sources, move |target, _| features::heart(&sites, target)))
    })
}

pub(super) fn amazon(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let set = Set {
        title: "Amazon reviews",
        about: "2,000 reviews of each kind of products, the 400 commonest words.",
        names: &["books", "dvd", "electronics", "kitchen"],
        judged: &[
            (claims::AMAZON_MATCHED, ["DIP-MMD", POOL], accuracy),
            (claims::AMAZON_WEIGHTED, ["IW-ERM", POOL], accuracy),
        ],
    };
    compare(context, recorder, &set, |data| {
        let products = kiln_datasets::amazon(data)?;
        let domains = features::amazon(&products)?;
        let sources = products.into_iter().flat_map(|product| product.train.sources).collect();
        Ok((sources, move |_, seed| features::drawn(&domains, ROWS, seed)))
    })
}

pub(super) fn sentiment(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let set = Set {
        title: "Sentences of four kinds of texts",
        about: "2,000 sentences of each kind, the 400 commonest words, mean rating above or below 0.",
        names: &["tweets", "movies", "products", "news"],
        judged: &[
            (claims::SENTIMENT_GAIN, ["DIP-MMD", POOL], accuracy),
            (claims::SENTIMENT_GAIN, ["IW-ERM", POOL], accuracy),
            (claims::SENTIMENT_GAIN, ["IRM", POOL], accuracy),
        ],
    };
    compare(context, recorder, &set, |data| {
        let kinds = kiln_datasets::sentiment_four_domains(data)?;
        let domains = features::sentiment(&kinds)?;
        let sources = kinds.into_iter().flat_map(|kind| kind.sources).collect();
        Ok((sources, move |_, seed| features::drawn(&domains, ROWS, seed)))
    })
}

pub(super) fn office(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let set = Set {
        title: "Office-Caltech10",
        about: "Pictures of ten kinds of objects from four sources, 800 visual words.",
        names: &["amazon", "caltech10", "dslr", "webcam"],
        judged: &[
            (claims::OFFICE_ONE, ["ERM, one source", POOL], accuracy),
            (claims::OFFICE_GAIN, ["DIP-MMD", POOL], accuracy),
            (claims::OFFICE_GAIN, ["IW-ERM", POOL], accuracy),
            (claims::OFFICE_GAIN, ["IRM", POOL], accuracy),
        ],
    };
    compare(context, recorder, &set, |data| {
        let pictures = kiln_datasets::office(data)?;
        let domains = features::office(&pictures)?;
        let sources = pictures.into_iter().flat_map(|domain| domain.sources).collect();
        Ok((sources, move |_, _| Ok(domains.clone())))
    })
}

pub(super) fn digits(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let set = Set {
        title: "Digits of 8×8 pixels",
        about: "2,000 digits of MNIST (its middle 24×24, means of 3×3), 2,000 of USPS (means of 2×2), all \
            1,797 of optdigits.",
        names: &["mnist", "usps", "optdigits"],
        judged: &[
            (claims::DIGITS_MATCHED, ["DIP-MMD", POOL], accuracy),
            (claims::DIGITS_WEIGHTED, ["IW-ERM", POOL], accuracy),
            (claims::DIGITS_CIP, ["CIP-mean", "CIP-MMD"], accuracy),
        ],
    };
    compare(context, recorder, &set, |data| {
        let mnist = kiln_datasets::mnist(data, ImagePart::Train)?;
        let usps = kiln_datasets::usps(data, ImagePart::Train)?;
        let optdigits = kiln_datasets::optdigits(data)?;
        let domains = [
            // Its digits lie in the middle 20×20 of 28×28.
            pictures::blocks("mnist", &mnist, 2, 3, 255)?,
            pictures::blocks("usps", &usps, 0, 2, 255)?,
            pictures::blocks("optdigits", &optdigits, 0, 1, 16)?,
        ];
        let sources = [mnist, usps, optdigits].into_iter().flat_map(|set| set.sources).collect();
        Ok((sources, move |_, seed| features::drawn(&domains, ROWS, seed)))
    })
}
