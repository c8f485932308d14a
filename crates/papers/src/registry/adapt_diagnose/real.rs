//! Real domains, each in turn the target.

use faer::Mat;
use kiln_adapt::diagnosis::LinearCandidate;
use kiln_adapt::{Adaptation, Labelled, Labels, Rows};
use kiln_datasets::ImagePart;
use kiln_receipts::{Arm, Context, ExperimentError, Recorder};

use super::super::real_domains::{digits as pictures, features};
use super::claims::REAL_HARM;
use super::decision::{Decision, decide, table};

type Domain = Labelled<Mat<f64>>;

/// Rows of a domain of the larger sets, drawn by the seed.
const ROWS: usize = 500;
/// Principal components that stand for words and visual words.
const COMPONENTS: usize = 40;

/// A data set: its name, its domains, and the domains as a target's place and the seed make them.
type Set<'a> = (
    &'static str,
    Vec<&'static str>,
    Box<dyn Fn(usize, u64) -> Result<Vec<Domain>, ExperimentError> + Sync + 'a>,
);

pub(super) fn run(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let data = &*context.data;
    let hospitals = kiln_datasets::heart(data)?;
    let products = kiln_datasets::amazon(data)?;
    let office = kiln_datasets::office(data)?;
    let mnist = kiln_datasets::mnist(data, ImagePart::Train)?;
    let usps = kiln_datasets::usps(data, ImagePart::Train)?;
    let optdigits = kiln_datasets::optdigits(data)?;
    for part in &hospitals {
        recorder.used_sources(&part.sources);
    }
    for part in &products {
        recorder.used_sources(&part.train.sources);
    }
    for part in &office {
        recorder.used_sources(&part.sources);
    }
    for part in [&mnist, &usps, &optdigits] {
        recorder.used_sources(&part.sources);
    }
    let reviews = components(&features::amazon(&products)?)?;
    let objects = components(&features::office(&office)?)?;
    let digits = [
        pictures::blocks("mnist", &mnist, 2, 3, 255)?,
        pictures::blocks("usps", &usps, 0, 2, 255)?,
        pictures::blocks("optdigits", &optdigits, 0, 1, 16)?,
    ];
    let sets: [Set<'_>; 4] = [
        (
            "heart disease",
            vec!["cleveland", "hungarian", "switzerland", "va"],
            Box::new(|target, _| features::heart(&hospitals, target)),
        ),
        (
            "Amazon reviews",
            vec!["books", "dvd", "electronics", "kitchen"],
            Box::new(|_, seed| features::drawn(&reviews, ROWS, seed)),
        ),
        (
            "Office-Caltech10",
            vec!["amazon", "caltech10", "dslr", "webcam"],
            Box::new(|_, seed| features::drawn(&objects, ROWS, seed)),
        ),
        (
            "digits",
            vec!["mnist", "usps", "optdigits"],
            Box::new(|_, seed| features::drawn(&digits, ROWS, seed)),
        ),
    ];
    let targets = sets.iter().flat_map(|set| (0..set.1.len()).map(move |place| arm(set, place)));
    // Rows of two sets and the halves of tests depend on the seed, so that a target is more than one draw.
    let seeds = context.seeds(context.pick(1, 10));
    let runs = recorder.sweep_all(&seeds, targets.collect())?;
    let mean = |decisions: &[Decision]| {
        decisions.iter().map(|decision| decision.gain).sum::<f64>() / decisions.len() as f64
    };
    recorder.observe(&REAL_HARM, runs.iter().map(|runs| mean(&runs.values)));
    let methods = LinearCandidate::all(&Labels::classes([], 2));
    let rows = runs.iter().map(|runs| (runs.name.as_str(), runs.values.iter().collect()));
    recorder.table(table("real", "Real tables", methods, rows));
    Ok(())
}

/// The problem in which a domain of a set is the target.
fn arm<'a>(set: &'a Set<'_>, place: usize) -> Arm<'a, Decision> {
    let (title, names, load) = set;
    Arm::new(format!("{title}: {}", names[place]), &(title, place), move |seed| {
        let mut domains = load(place, seed)?;
        let target = domains.remove(place);
        let problem = Adaptation::new(domains, target.without_labels())?;
        decide(&problem, &target, seed)
    })
}

/// The rows of all domains in the directions in which they vary most; labels have no part in it.
fn components(domains: &[Domain]) -> Result<Vec<Domain>, ExperimentError> {
    let all = Rows::concat(domains.iter().map(|domain| domain.x().clone()).collect()).ok_or("no domain")?;
    let (rows, columns) = (all.nrows(), all.ncols());
    let means: Vec<f64> = (0..columns).map(|j| all.col(j).iter().sum::<f64>() / rows as f64).collect();
    let centred = |x: &Mat<f64>| Mat::from_fn(x.nrows(), columns, |i, j| x[(i, j)] - means[j]);
    let centre = centred(&all);
    let covariance = centre.transpose() * &centre;
    let eigen = covariance.self_adjoint_eigen(faer::Side::Lower).map_err(|_| "no components were found")?;
    // In increasing order.
    let count = COMPONENTS.min(columns);
    let directions = eigen.U().subcols(columns - count, count).to_owned();
    Ok(domains.iter().map(|domain| domain.map(|x| centred(x) * &directions)).collect::<Result<_, _>>()?)
}
