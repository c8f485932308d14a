//! What the methods do: every domain in its turn is the target, the others are the sources.
//!
//! All settings were fixed before the first run, the same on all sets; nothing was selected, with target
//! labels or without.

use faer::Mat;
use kiln_adapt::{
    AdaptMethod, Adaptation, Discriminator, Evaluation, FeatureNetwork, Features, Fit as _,
    LabelShiftEstimator, Labelled, Predict, SourceChoice, Training, tensor_of,
};
use kiln_tensor::divergence::{CoralForm, Divergence, MmdKernel};
use serde::{Deserialize, Serialize};

use super::{ABOVE_CHANCE, SMALLEST, digits as pictures, features};
use crate::device::TensorDevice;
use kiln_datasets::{DataUse, ImagePart};
use kiln_receipts::statistics::mean;
use kiln_receipts::{
    Axis, Context, ExperimentError, Figure, Kind, Recorder, Scale, Table, mean_and_deviation,
};

type Domain = Labelled<Mat<f64>>;

const HIDDEN: usize = 64;
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

/// The methods; those that need one source take that with the most rows.
fn methods(largest: usize) -> Vec<(&'static str, AdaptMethod)> {
    let mmd = || Divergence::Mmd(MmdKernel::GaussianSum);
    let coral = Divergence::Coral(CoralForm::MeanAndCovariance);
    let weighted = |method: AdaptMethod| {
        method.reweighted(AdaptMethod::cip(mmd(), WEIGHT), LabelShiftEstimator::Bbse, SourceChoice::All)
    };
    let discriminator = Discriminator { ramp_steps: STEPS / 3, ..Discriminator::default() };
    vec![
        ("ERM", AdaptMethod::erm(largest)),
        (POOL, AdaptMethod::pooled_erm()),
        ("DIP-mean", AdaptMethod::pooled_dip(Divergence::Mean, WEIGHT)),
        ("DIP-MMD", AdaptMethod::pooled_dip(mmd(), WEIGHT)),
        ("DIP-CORAL", AdaptMethod::pooled_dip(coral, WEIGHT)),
        ("DANN", AdaptMethod::dann(discriminator, WEIGHT)),
        ("CIP", AdaptMethod::cip(mmd(), WEIGHT)),
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

/// A data set whose domains take turns.
#[derive(Clone, Copy)]
struct Set<'a> {
    claim: &'a str,
    title: &'a str,
    about: &'a str,
    /// Of the domains that are targets: the first ones, or all.
    names: &'a [&'a str],
    classes: usize,
    /// All domains, in the order of the names, as they are with this target and this seed.
    domains: &'a dyn Fn(usize, u64) -> Result<Vec<Domain>, ExperimentError>,
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

fn fit(
    method: &AdaptMethod,
    sources: &[Domain],
    target: &Domain,
    seed: u64,
    context: &Context,
) -> Result<Fit, ExperimentError> {
    let device = context.tensor_device()?;
    let problem = Adaptation::new(sources.to_vec(), target.without_labels())?;
    let outputs = problem.outputs();
    let longest = sources.iter().chain([target]).map(Labelled::rows).max().unwrap_or(1);
    let problem = problem.map(|x| tensor_of(x, &device))?;
    let widths = [target.x().ncols(), HIDDEN, outputs];
    let model = FeatureNetwork::perceptron(&widths, Features::LastHidden, seed, &device)?;
    let epochs = STEPS.div_ceil(longest.div_ceil(BATCH));
    let training = Training { seed, ..Training::adam(epochs, BATCH, LEARNING_RATE) };
    let fitted = method.on(&model, &training).fit(&problem)?;
    let evaluation = fitted.evaluate(&target.map(|x| tensor_of(x, &device))?)?;
    let Evaluation::Classes { accuracy, balanced_accuracy, .. } = evaluation else {
        return Err("the labels are classes".into());
    };
    let weights = fitted.summary().class_weights.as_ref().map(|found| found.weights.clone());
    Ok(Fit { accuracy, balanced: balanced_accuracy, weights })
}

fn compare(
    context: &Context,
    recorder: &mut Recorder,
    set: &Set<'_>,
    sources: impl IntoIterator<Item = DataUse>,
) -> Result<(), ExperimentError> {
    sources.into_iter().for_each(|source| recorder.used_data(source));
    // Fewer targets at quick scale; their sources are the same.
    let set = &Set { names: &set.names[..context.pick(2, set.names.len())], ..*set };
    let seeds = context.seeds(context.pick(1, 3));
    let names: Vec<_> = methods(0).iter().map(|(name, _)| *name).collect();
    // By method, target and seed.
    let mut fits: Vec<Vec<Vec<Fit>>> =
        names.iter().map(|_| set.names.iter().map(|_| Vec::new()).collect()).collect();
    let mut true_weights: Vec<Vec<f64>> = Vec::new();
    let progress = recorder.progress((names.len() * set.names.len() * seeds.len()) as u64, "fits");
    for (place, &name) in set.names.iter().enumerate() {
        for &seed in &seeds {
            let mut domains = (set.domains)(place, seed)?;
            let target = domains.remove(place);
            let rows = |i: &usize| domains[*i].rows();
            let largest = (0..domains.len()).rev().max_by_key(rows).unwrap_or(0);
            for (fits, (title, method)) in fits.iter_mut().zip(methods(largest)) {
                let key = format!("{name} {title} {seed}");
                fits[place].push(recorder.memo(&key, || fit(&method, &domains, &target, seed, context))?);
                progress.inc(1);
            }
            if seed == seeds[0] {
                true_weights.push(weights_of(&domains, &target)?);
            }
        }
    }
    drop(progress);
    judge(recorder, set, &fits[1], fits.iter().flatten().flatten());
    recorder.table(table(set, &names, &fits));
    recorder.figure(figure(set, &names, &fits));
    if set.classes == 2 {
        recorder.table(weights(set, &names, &fits, &true_weights));
    }
    Ok(())
}

/// Share of each class in the target over its mean share in the sources.
fn weights_of(sources: &[Domain], target: &Domain) -> Result<Vec<f64>, ExperimentError> {
    let mut in_sources = vec![0.0; shares(target)?.len()];
    for source in sources {
        for (sum, share) in in_sources.iter_mut().zip(shares(source)?) {
            *sum += share / sources.len() as f64;
        }
    }
    Ok(shares(target)?.iter().zip(in_sources).map(|(target, sources)| target / sources).collect())
}

fn judge<'a>(
    recorder: &mut Recorder,
    set: &Set<'_>,
    pooled: &[Vec<Fit>],
    all: impl Iterator<Item = &'a Fit>,
) {
    let chance = 1.0 / set.classes as f64;
    recorder.record(set.claim, ABOVE_CHANCE, pooled.iter().flatten().map(|fit| fit.balanced - chance));
    recorder.record(set.claim, SMALLEST, all.map(|fit| fit.accuracy));
}

/// Means over the targets, one for each seed.
fn over_targets(fits: &[Vec<Fit>], value: impl Fn(&Fit) -> f64) -> Vec<f64> {
    let seeds = fits.first().map_or(0, Vec::len);
    (0..seeds).map(|seed| mean(fits.iter().map(|fits| value(&fits[seed])))).collect()
}

fn percent(values: &[f64]) -> String {
    mean_and_deviation(&values.iter().map(|value| 100.0 * value).collect::<Vec<_>>(), 1)
}

fn table(set: &Set<'_>, names: &[&str], fits: &[Vec<Vec<Fit>>]) -> Table {
    let ends = ["mean", "minus Pool", "balanced"];
    let columns: Vec<_> = ["method"].iter().chain(set.names).chain(&ends).copied().collect();
    let caption = format!(
        "{} Accuracy on the target in %; the last column is the mean of the balanced accuracies. Mean over the seeds, \
         standard deviation in brackets.",
        set.about
    );
    let mut table = Table::new("methods", set.title, &caption, &columns);
    let pool = over_targets(&fits[1], |fit| fit.accuracy);
    for (name, fits) in names.iter().zip(fits) {
        let mut row = vec![(*name).to_owned()];
        for of_target in fits {
            row.push(percent(&of_target.iter().map(|fit| fit.accuracy).collect::<Vec<_>>()));
        }
        let mean = over_targets(fits, |fit| fit.accuracy);
        let gain: Vec<f64> = mean.iter().zip(&pool).map(|(mean, pool)| mean - pool).collect();
        row.push(percent(&mean));
        row.push(percent(&gain));
        row.push(percent(&over_targets(fits, |fit| fit.balanced)));
        table.row(row);
    }
    table
}

fn figure(set: &Set<'_>, names: &[&str], fits: &[Vec<Vec<Fit>>]) -> Figure {
    let mut figure = Figure::new(
        "methods",
        &format!("{}: what the methods gain over pooled ERM", set.title),
        "Accuracy on the target less that of pooled ERM, percentage points, mean over the seeds.",
        Axis::categories("method", names),
        Axis::linear("gain, percentage points"),
    );
    for (place, name) in set.names.iter().enumerate() {
        let mean = |fits: &Vec<Vec<Fit>>| mean(fits[place].iter().map(|fit| fit.accuracy));
        let gains = fits
            .iter()
            .zip(0_u32..)
            .map(|(of_method, i)| (f64::from(i), 100.0 * (mean(of_method) - mean(&fits[1]))));
        figure = figure.with(Kind::Points, name, place, gains);
    }
    let ends = [(0.0, 0.0), ((names.len() - 1) as f64, 0.0)];
    figure.with(Kind::Dashed, "pooled ERM", set.names.len(), ends)
}

/// The weights of the classes 0 and 1: true ones, and those found.
fn weights(set: &Set<'_>, names: &[&str], fits: &[Vec<Vec<Fit>>], true_weights: &[Vec<f64>]) -> Table {
    let found: Vec<_> =
        names.iter().zip(fits).filter(|(_, fits)| fits[0].iter().any(|fit| fit.weights.is_some())).collect();
    let columns: Vec<_> =
        ["target", "class", "true weight"].into_iter().chain(found.iter().map(|(name, _)| **name)).collect();
    let mut table = Table::new(
        "weights",
        "Weights of the classes",
        "Share of the class in the target over its mean share in the sources, and what BBSE found from the first \
         stage's predictions. Mean over the seeds, standard deviation in brackets.",
        &columns,
    );
    for (place, name) in set.names.iter().enumerate() {
        for (class, true_weight) in true_weights[place].iter().enumerate() {
            let mut row = vec![(*name).to_owned(), class.to_string()];
            row.push(format!("{true_weight:.2}"));
            for (_, fits) in &found {
                let weights = fits[place].iter().filter_map(|fit| Some(fit.weights.as_ref()?[class]));
                row.push(mean_and_deviation(&weights.collect::<Vec<_>>(), 2));
            }
            table.row(row);
        }
    }
    table
}

pub(super) fn heart(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let sites = kiln_datasets::heart(&*context.data)?;
    let set = Set {
        claim: "T1",
        title: "Heart disease",
        about: "Four hospitals, 7 covariates, ill or not.",
        names: &["cleveland", "hungarian", "switzerland", "va"],
        classes: 2,
        domains: &|target, _| features::heart(&sites, target),
    };
    compare(context, recorder, &set, sites.iter().flat_map(|site| site.sources.clone()))
}

pub(super) fn amazon(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    if context.scale == Scale::Quick {
        return Ok(());
    }
    let products = kiln_datasets::amazon(&*context.data)?;
    let domains = features::amazon(&products)?;
    let set = Set {
        claim: "T2",
        title: "Amazon reviews",
        about: "2,000 reviews of each kind of products, the 400 commonest words.",
        names: &["books", "dvd", "electronics", "kitchen"],
        classes: 2,
        domains: &|_, seed| features::drawn(&domains, ROWS, seed),
    };
    compare(context, recorder, &set, products.iter().flat_map(|product| product.train.sources.clone()))
}

pub(super) fn sentiment(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    if context.scale == Scale::Quick {
        return Ok(());
    }
    let kinds = kiln_datasets::sentiment_four_domains(&*context.data)?;
    let domains = features::sentiment(&kinds)?;
    let set = Set {
        claim: "T3",
        title: "Sentences of four kinds of texts",
        about: "2,000 sentences of each kind, the 400 commonest words, mean rating above or below 0.",
        names: &["tweets", "movies", "products", "news"],
        classes: 2,
        domains: &|_, seed| features::drawn(&domains, ROWS, seed),
    };
    compare(context, recorder, &set, kinds.iter().flat_map(|kind| kind.sources.clone()))
}

pub(super) fn office(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    if context.scale == Scale::Quick {
        return Ok(());
    }
    let pictures = kiln_datasets::office(&*context.data)?;
    let domains = features::office(&pictures)?;
    let set = Set {
        claim: "T4",
        title: "Office-Caltech10",
        about: "Pictures of ten kinds of objects from four sources, 800 visual words.",
        names: &["amazon", "caltech10", "dslr", "webcam"],
        classes: 10,
        domains: &|_, _| Ok(domains.clone()),
    };
    compare(context, recorder, &set, pictures.iter().flat_map(|domain| domain.sources.clone()))
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
        claim: "T5",
        title: "Digits of 8×8 pixels",
        about: "2,000 digits of MNIST (its middle 24×24, means of 3×3), 2,000 of USPS (means of 2×2), all \
            1,797 of optdigits.",
        names: &["mnist", "usps", "optdigits"],
        classes: 10,
        domains: &|_, seed| features::drawn(&domains, ROWS, seed),
    };
    compare(context, recorder, &set, [mnist, usps, optdigits].into_iter().flat_map(|set| set.sources))
}
