//! The laws of domain adaptation: every method, exact or trained, unsupervised or with a few labels of the
//! target.

use std::marker::PhantomData;
use std::path::Path;

use burn::optim::SgdConfig;
use burn::tensor::{DType, Device, Tensor, TensorData};
use faer::Mat;
use kiln_adapt::LabelShiftEstimator::Bbse;
use kiln_adapt::calibration::{Calibrate, Calibrated, Calibrator};
use kiln_adapt::importance::{CovariateShift, Kliep, Kmm, NearestNeighbourRatio, Ulsif, Weighed};
use kiln_adapt::linear::classification::{
    CipHard, DipHard, ErmLogistic, IwCipHard, IwDipHard, IwErmLogistic, IwJointDipHard, JointDipHard,
    Logistic, Reweighted,
};
use kiln_adapt::linear::fine_tuning::{
    FtCip, FtDip, FtOlsSource, LinearMasft, LinearMasftFit, StartKind, TargetOnly,
};
use kiln_adapt::linear::regression::{Cip, Cirm, CirmWeigh, Dip, DipWeigh, MaximinAggregate, Mixed, Ols};
use kiln_adapt::linear::{DiscriminatorRatio, GaussianDensityRatio, LinearModel};
use kiln_adapt::robust::{ConditionalSource, Supervised};
use kiln_adapt::{
    AdaptError, AdaptMethod, Adaptation, Adapted, Discriminator, FineTuning, Fit, Labelled, Labels, Masft,
    MasftFit, Pooling, Predict, Robust, RobustClassification, Rows, SemiSupervised, SourceChoice,
    TrainedTargetOnly, Training, Tuned, glorot_linear, tensor_of,
};
use kiln_tensor::{Distribution, Divergence, MmdKernel, Noise, devices};

use super::{Exception, Suite};

const ROWS: &str = "rows permuted: the same answer";
const COLUMNS: &str = "columns rescaled: the same answer";
const NAMES: &str = "domains renamed: the same bits";
const AGAIN: &str = "the same data: the same bits";
const LABELS: &str = "labels of the target that are for evaluation change nothing";
const FIT: &str = "data that do not suit are a typed error";
const PREDICT: &str = "rows that do not suit a fitted model are a typed error";
const PROBABILITIES: &str = "probabilities are at least 0 and sum to 1; values are no classes";
const SAVED: &str = "saved = loaded";

const BY_PLACE: &str = "rows are drawn by their place";
const BY_UNITS: &str = "a step of gradient descent depends on the units of what it moves";

const BY_DIRECTION: &str = "its directions are the longest of some, and lengths depend on units";

const fn exception(method: &'static str, law: &'static str, reason: &'static str) -> Exception {
    // By nature: no issue will remove them.
    Exception { method, law, reason, until: "never: it is the method's definition" }
}

/// The constraints of CIP keep directions whose length is above the mean noise of all columns.
const fn pooled_noise(method: &'static str) -> Exception {
    let reason = "its cutoff pools the variances of columns, and so their units";
    Exception { method, law: COLUMNS, reason, until: "issue 17" }
}

static SUITE: Suite = Suite {
    domain: "adapt",
    laws: &[ROWS, COLUMNS, NAMES, AGAIN, LABELS, FIT, PREDICT, PROBABILITIES, SAVED],
    exceptions: &[
        exception("linear MASFT", ROWS, BY_PLACE),
        exception("calibrated logistic", ROWS, BY_PLACE),
        exception("calibrated ERM", ROWS, BY_PLACE),
        exception("calibrated ERM", COLUMNS, BY_UNITS),
        exception("MASFT", ROWS, BY_PLACE),
        exception("ERM", COLUMNS, BY_UNITS),
        exception("ERM of values", COLUMNS, BY_UNITS),
        exception("pooled ERM", COLUMNS, BY_UNITS),
        exception("DIP", COLUMNS, BY_UNITS),
        exception("DIP of values", COLUMNS, BY_UNITS),
        exception("pooled DIP", COLUMNS, BY_UNITS),
        exception("CIP", COLUMNS, BY_UNITS),
        exception("CIP of values", COLUMNS, BY_UNITS),
        exception("JointDIP", COLUMNS, BY_UNITS),
        exception("CIRM", COLUMNS, BY_UNITS),
        exception("IW-ERM", COLUMNS, BY_UNITS),
        exception("IW-CIP", COLUMNS, BY_UNITS),
        exception("IW-DIP", COLUMNS, BY_UNITS),
        exception("IW-JointDIP", COLUMNS, BY_UNITS),
        exception("IRM", COLUMNS, BY_UNITS),
        exception("V-REx", COLUMNS, BY_UNITS),
        exception("groupDRO", COLUMNS, BY_UNITS),
        exception("DANN", COLUMNS, BY_UNITS),
        exception("robust", COLUMNS, BY_UNITS),
        exception("robust, resampled", COLUMNS, BY_UNITS),
        exception("target only", COLUMNS, BY_UNITS),
        exception("fine-tuning", COLUMNS, BY_UNITS),
        exception("fine-tuning of values", COLUMNS, BY_UNITS),
        exception("MASFT", COLUMNS, BY_UNITS),
        exception("FT-DIP", COLUMNS, BY_DIRECTION),
        exception("FT-OLS-Src", COLUMNS, BY_DIRECTION),
        exception("FT-CIP", COLUMNS, BY_DIRECTION),
        exception("linear MASFT", COLUMNS, BY_DIRECTION),
        exception("logistic", COLUMNS, "its penalty is on weights, which have the columns' units"),
        pooled_noise("CIP by constraints"),
        pooled_noise("JointDIP by constraints"),
        pooled_noise("IW-CIP by constraints"),
        pooled_noise("IW-DIP by constraints"),
        pooled_noise("IW-JointDIP by constraints"),
    ],
};

/// The labels of a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Task {
    Classes,
    Values,
}

use Task::{Classes, Values};

/// The methods: a new one is a line here.
fn methods() -> Vec<Method> {
    let start = |task| linear(task);
    let adapted = |task, method: AdaptMethod| method.on(&start(task), &training());
    // Without a ridge, which would depend on the units of the columns.
    let cip = CipHard { ridge: 0.0, ..CipHard::default() };
    let erm = ErmLogistic { ridge: 0.0, ..ErmLogistic::new(SourceChoice::All) };
    let dip = DipHard { source: 0, ridge: 0.0 };
    let ols = Ols { pooling: Pooling::ByRows, ..Ols::default() };
    // A kernel that tells all rows apart.
    let kmm = Kmm { width: 0.25, ..Kmm::default() };
    let joint_dip = JointDipHard { source: 0, cip };
    let mmd = || Divergence::Mmd(MmdKernel::GaussianSum);
    let discriminator = Discriminator { hidden: vec![4], ..Discriminator::default() };
    let robust = RobustClassification {
        outer_rounds: 3,
        batch_size: 1000,
        heads: Supervised { learning_rate: 0.1, epochs: 5, patience: 5 },
        start: None,
        ..RobustClassification::new(0.1, 0.4)
    };
    let resampled = ConditionalSource::Resampled { count: 2, size: 40 };
    vec![
        method("OLS", Values, Ols::default()),
        method("DIP by moments", Values, Dip::new(0, 2.0)),
        method("DIPweigh", Values, DipWeigh { sharpness: 1.0, ..DipWeigh::new(2.0) }),
        method("CIP by moments", Values, Cip::new(2.0)),
        method("CIRM by moments", Values, Cirm::new(0, 2.0, 2.0)),
        method("CIRMweigh", Values, CirmWeigh { sharpness: 1.0, ..CirmWeigh::new(2.0, 2.0) }),
        method("CIP by rows", Values, Cip { pooling: Pooling::ByRows, ..Cip::new(2.0) }),
        method("mixed DIP", Values, Mixed::new(vec![1], Dip::new(0, 2.0))),
        method("maximin", Values, MaximinAggregate::default()),
        method("OLS after KMM", Values, after(kmm, ols)),
        method(
            "OLS after KLIEP",
            Values,
            after(Kliep { centres: 1000, widths: vec![1.0], ..Kliep::default() }, ols),
        ),
        method(
            "OLS after uLSIF",
            Values,
            after(Ulsif { centres: 1000, widths: vec![1.0], ..Ulsif::default() }, ols),
        ),
        method("OLS after nearest neighbours", Values, after(NearestNeighbourRatio::default(), ols)),
        method("OLS after Gaussians", Values, after(GaussianDensityRatio::default(), ols)),
        method("OLS after a discriminator", Values, after(DiscriminatorRatio::default(), ols)),
        method("logistic", Classes, Logistic::default()),
        method("logistic after KMM", Classes, after(kmm, erm)),
        method("calibrated logistic", Classes, Calibrate::new(erm)),
        method(
            "calibrated ERM",
            Classes,
            Calibrate {
                calibrator: Calibrator::Temperature,
                ..Calibrate::new(adapted(Classes, AdaptMethod::erm(0)))
            },
        ),
        method("ERM by Newton", Classes, erm),
        method("CIP by constraints", Classes, cip),
        method("DIP by constraints", Classes, dip),
        method("JointDIP by constraints", Classes, joint_dip),
        method("IW-ERM by Newton", Classes, IwErmLogistic { erm, estimator: Bbse }),
        method("IW-CIP by constraints", Classes, IwCipHard { cip, estimator: Bbse }),
        method("IW-DIP by constraints", Classes, IwDipHard { dip, cip, estimator: Bbse }),
        method("IW-JointDIP by constraints", Classes, IwJointDipHard { joint_dip, estimator: Bbse }),
        with_labels("FT-DIP", Values, FtDip::new(1)),
        with_labels("FT-OLS-Src", Values, FtOlsSource::new(1)),
        with_labels("FT-CIP", Values, FtCip::new(1)),
        with_labels("OLS-Tar", Values, TargetOnly { intercept: true }),
        with_labels(
            "linear MASFT",
            Values,
            LinearMasft { starts: vec![(StartKind::Dip, 1)], ..LinearMasft::new(WIDTH, 1) },
        ),
        method("ERM", Classes, adapted(Classes, AdaptMethod::erm(0))),
        method("ERM of values", Values, adapted(Values, AdaptMethod::erm(0))),
        method("pooled ERM", Classes, adapted(Classes, AdaptMethod::pooled_erm())),
        method("DIP", Classes, adapted(Classes, AdaptMethod::dip(0, Divergence::Mean, 0.5))),
        method("DIP of values", Values, adapted(Values, AdaptMethod::dip(0, Divergence::Mean, 0.5))),
        method("pooled DIP", Classes, adapted(Classes, AdaptMethod::pooled_dip(mmd(), 0.5))),
        method("CIP", Classes, adapted(Classes, AdaptMethod::cip(mmd(), 0.5))),
        method("CIP of values", Values, adapted(Values, AdaptMethod::cip(Divergence::Mean, 0.5))),
        method("JointDIP", Classes, adapted(Classes, AdaptMethod::joint_dip(0, mmd(), 0.5, 0.5))),
        method("CIRM", Classes, adapted(Classes, AdaptMethod::cirm(0, Divergence::Mean, 0.5, 0.1))),
        method("IW-ERM", Classes, adapted(Classes, AdaptMethod::iw_erm())),
        method("IW-CIP", Classes, adapted(Classes, AdaptMethod::iw_cip(Divergence::Mean, 0.5, 0.5))),
        method("IW-DIP", Classes, adapted(Classes, AdaptMethod::iw_dip(0, Divergence::Mean, 0.5, 0.5))),
        method("IW-JointDIP", Classes, adapted(Classes, AdaptMethod::iw_joint_dip(0, mmd(), 0.5, 0.5))),
        method("IRM", Classes, adapted(Classes, AdaptMethod::irm(1.0, 0))),
        method("V-REx", Classes, adapted(Classes, AdaptMethod::v_rex(1.0, 0))),
        method("groupDRO", Classes, adapted(Classes, AdaptMethod::group_dro(0.1))),
        method("DANN", Classes, adapted(Classes, AdaptMethod::dann(discriminator, 0.5))),
        method("robust", Classes, robust.on(&start(Classes))),
        method(
            "robust, resampled",
            Classes,
            RobustClassification { conditionals: resampled, ..robust }.on(&start(Classes)),
        ),
        with_labels("target only", Classes, TrainedTargetOnly::new(&start(Classes), &training())),
        with_labels("fine-tuning", Classes, tuned().on(&fitted(Classes), &training())),
        with_labels("fine-tuning of values", Values, tuned().on(&fitted(Values), &training())),
        with_labels(
            "MASFT",
            Classes,
            Masft { tuned: Tuned::All, weights: vec![0.1], ..Masft::default() }.on(
                &[fitted(Classes)],
                None,
                &training(),
            ),
        ),
    ]
}

fn after<R, T>(ratio: R, method: T) -> CovariateShift<R, T> {
    CovariateShift { ratio, method }
}

fn tuned() -> FineTuning {
    FineTuning { tuned: Tuned::All, weight: 0.1 }
}

/// Columns of every table.
const WIDTH: usize = 3;

fn device() -> Device {
    Device::flex()
}

fn outputs(task: Task) -> usize {
    if task == Classes { 2 } else { 1 }
}

fn linear(task: Task) -> burn::nn::Linear {
    glorot_linear(WIDTH, outputs(task), 0.5, 1, &device()).unwrap()
}

/// Few whole-batch steps of gradient descent, in which rounding does not grow.
fn training() -> Training {
    Training { shuffle: false, optimizer: SgdConfig::new().init(), ..Training::adam(6, 1000, 0.1) }
}

/// A start for what is fine-tuned.
fn fitted(task: Task) -> Adapted<burn::nn::Linear> {
    let data: Adaptation<Tensor<2>> = Data::of(&Domains::new(task)).unwrap();
    AdaptMethod::erm(0).on(&linear(task), &training()).fit(&data).unwrap()
}

/// Tables of all domains, whatever holds their rows.
#[derive(Debug, Clone)]
struct Domains {
    task: Task,
    sources: Vec<Table>,
    /// Its labels are for evaluation.
    target: Table,
    /// The few rows of the target whose labels are known.
    few: Table,
}

/// Rows and labels of a domain.
#[derive(Debug, Clone)]
struct Table {
    name: String,
    x: Mat<f64>,
    y: Vec<f64>,
}

impl Table {
    fn labels(&self, task: Task) -> Labels {
        match task {
            Values => Labels::values(self.y.clone()),
            Classes => Labels::classes(self.classes(), 2),
        }
    }

    fn classes(&self) -> Vec<usize> {
        self.y.iter().map(|y| usize::from(*y > 0.0)).collect()
    }

    fn labelled<X: Kind>(&self, task: Task) -> Result<Labelled<X>, AdaptError> {
        Labelled::new(self.name.clone(), X::of(&self.x), self.labels(task))
    }

    fn map(&self, x: impl Fn(usize, usize) -> f64) -> Self {
        Self { x: Mat::from_fn(self.x.nrows(), self.x.ncols(), x), ..self.clone() }
    }

    /// The rows with these indices.
    fn select(&self, rows: &[usize]) -> Self {
        Self {
            name: self.name.clone(),
            x: Rows::select(&self.x, rows),
            y: rows.iter().map(|row| self.y[*row]).collect(),
        }
    }
}

/// Independent standard normal numbers.
fn gaussian(stream: u64, rows: usize, columns: usize) -> Mat<f64> {
    let mut values = vec![0.0; rows * columns];
    Noise { seed: 3, distribution: Distribution::Gaussian }.fill(stream, 0, &mut values);
    Mat::from_fn(rows, columns, |i, j| values[i * columns + j])
}

/// A domain whose mean and whose first column's scale are its own.
fn table(name: &str, stream: u64, rows: usize) -> Table {
    let (noise, shift) = (gaussian(stream, rows, WIDTH + 1), gaussian(100 + stream, 1, WIDTH));
    let scale = 1.0 + 0.2 * stream as f64;
    let x = Mat::from_fn(rows, WIDTH, |i, j| {
        noise[(i, j)] * if j == 0 { scale } else { 1.0 } + 0.3 * shift[(0, j)]
    });
    let y = (0..rows).map(|i| x[(i, 0)] - 0.5 * x[(i, 1)] + 0.4 * noise[(i, WIDTH)]).collect();
    Table { name: name.to_owned(), x, y }
}

impl Domains {
    fn new(task: Task) -> Self {
        Self {
            task,
            sources: vec![table("a", 1, 40), table("b", 2, 50), table("c", 3, 36)],
            target: table("target", 4, 30),
            few: table("few", 5, 16),
        }
    }

    /// The same change in all domains.
    fn map(&self, change: impl Fn(&Table) -> Table) -> Self {
        Self {
            task: self.task,
            sources: self.sources.iter().map(&change).collect(),
            target: change(&self.target),
            few: change(&self.few),
        }
    }
}

/// Rows that a table can be made into.
trait Kind: Rows + 'static {
    fn of(x: &Mat<f64>) -> Self;

    /// The same rows in another element type.
    fn of_another_type(_x: &Mat<f64>) -> Option<Self> {
        None
    }

    /// The same rows on another device, where there is one.
    fn elsewhere(_x: &Mat<f64>) -> Option<Self> {
        None
    }
}

impl Kind for Mat<f64> {
    fn of(x: &Mat<f64>) -> Self {
        x.clone()
    }
}

impl Kind for Tensor<2> {
    fn of(x: &Mat<f64>) -> Self {
        tensor_of(x, &device())
    }

    fn of_another_type(x: &Mat<f64>) -> Option<Self> {
        let values: Vec<f64> = x.row_iter().flat_map(|row| row.iter().copied().collect::<Vec<_>>()).collect();
        let data = TensorData::new(values, [x.nrows(), x.ncols()]);
        Some(Tensor::from_data(data, (&device(), DType::F64)))
    }

    fn elsewhere(x: &Mat<f64>) -> Option<Self> {
        Some(tensor_of(x, &devices::named("ndarray").ok()?))
    }
}

/// What methods learn from.
trait Data<X>: Sized {
    fn of(domains: &Domains) -> Result<Self, AdaptError>;
}

impl<X: Kind> Data<X> for Adaptation<X> {
    fn of(domains: &Domains) -> Result<Self, AdaptError> {
        let sources = domains.sources.iter().map(|source| source.labelled(domains.task));
        let target: Labelled<X> = domains.target.labelled(domains.task)?;
        Adaptation::new(sources.collect::<Result<_, _>>()?, target.without_labels())
    }
}

impl<X: Kind> Data<X> for SemiSupervised<X> {
    fn of(domains: &Domains) -> Result<Self, AdaptError> {
        let data: Adaptation<X> = Data::of(domains)?;
        data.with_target_labels(domains.few.labelled(domains.task)?)
    }
}

/// What was fitted, through a file.
trait Saved: Sized {
    fn saved(&self, folder: &Path, task: Task) -> Self;
}

fn through_json<T: serde::Serialize + serde::de::DeserializeOwned>(fitted: &T) -> T {
    serde_json::from_str(&serde_json::to_string(fitted).unwrap()).unwrap()
}

macro_rules! saved_as_json {
    ($($fitted:ty),*) => {
        $(
            impl Saved for $fitted {
                fn saved(&self, _folder: &Path, _task: Task) -> Self {
                    through_json(self)
                }
            }
        )*
    };
}

saved_as_json!(LinearModel, Reweighted, LinearMasftFit, Weighed<LinearModel>);

impl<F: Saved> Saved for Calibrated<F> {
    fn saved(&self, folder: &Path, task: Task) -> Self {
        let calibration = through_json(&self.calibration);
        Self { model: self.model.saved(folder, task), calibration }
    }
}

impl Saved for Adapted<burn::nn::Linear> {
    fn saved(&self, folder: &Path, task: Task) -> Self {
        self.save(folder).unwrap();
        Self::load(folder, &linear(task)).unwrap()
    }
}

impl Saved for Robust<burn::nn::Linear> {
    fn saved(&self, folder: &Path, task: Task) -> Self {
        self.save(folder).unwrap();
        Self::load(folder, &linear(task)).unwrap()
    }
}

impl Saved for MasftFit<burn::nn::Linear> {
    fn saved(&self, folder: &Path, task: Task) -> Self {
        Self { model: self.model.saved(folder, task), ..self.clone() }
    }
}

/// A fitted model, whatever its type and that of its rows.
trait Model {
    fn scores(&self, x: &Mat<f64>) -> Result<Mat<f64>, AdaptError>;
    fn probabilities(&self, x: &Mat<f64>) -> Result<Mat<f64>, AdaptError>;
    fn values(&self, x: &Mat<f64>) -> Result<Vec<f64>, AdaptError>;
    fn classes(&self, x: &Mat<f64>) -> Result<Vec<usize>, AdaptError>;
    fn of_another_type(&self, x: &Mat<f64>) -> Option<Result<Mat<f64>, AdaptError>>;
    fn elsewhere(&self, x: &Mat<f64>) -> Option<Result<Mat<f64>, AdaptError>>;
    fn saved(&self, folder: &Path, task: Task) -> Box<dyn Model>;
}

struct Erased<X, F>(F, PhantomData<X>);

impl<X: Kind, F: Predict<X> + Saved + 'static> Model for Erased<X, F> {
    fn scores(&self, x: &Mat<f64>) -> Result<Mat<f64>, AdaptError> {
        self.0.scores(&X::of(x))
    }

    fn probabilities(&self, x: &Mat<f64>) -> Result<Mat<f64>, AdaptError> {
        self.0.predict_probabilities(&X::of(x))
    }

    fn values(&self, x: &Mat<f64>) -> Result<Vec<f64>, AdaptError> {
        self.0.predict_values(&X::of(x))
    }

    fn classes(&self, x: &Mat<f64>) -> Result<Vec<usize>, AdaptError> {
        self.0.predict_classes(&X::of(x))
    }

    fn of_another_type(&self, x: &Mat<f64>) -> Option<Result<Mat<f64>, AdaptError>> {
        Some(self.0.scores(&X::of_another_type(x)?))
    }

    fn elsewhere(&self, x: &Mat<f64>) -> Option<Result<Mat<f64>, AdaptError>> {
        Some(self.0.scores(&X::elsewhere(x)?))
    }

    fn saved(&self, folder: &Path, task: Task) -> Box<dyn Model> {
        Box::new(Self(self.0.saved(folder, task), PhantomData))
    }
}

type FitDomains = Box<dyn Fn(&Domains) -> Result<Box<dyn Model>, AdaptError>>;

/// A method, whatever its type.
struct Method {
    name: &'static str,
    task: Task,
    fit: FitDomains,
}

impl Method {
    fn name(&self) -> String {
        self.name.to_owned()
    }

    fn fitted(&self, domains: &Domains) -> Box<dyn Model> {
        (self.fit)(domains).unwrap_or_else(|error| panic!("it is not fitted: {error}"))
    }

    fn scores(&self, domains: &Domains, x: &Mat<f64>) -> Mat<f64> {
        self.fitted(domains).scores(x).unwrap()
    }
}

fn any<X: Kind, T>(name: &'static str, task: Task, method: T) -> Method
where
    T: Fit<X> + 'static,
    T::Data: Data<X>,
    T::Fitted: Saved + 'static,
{
    let fit = move |domains: &Domains| {
        let fitted = method.fit(&T::Data::of(domains)?)?;
        Ok(Box::new(Erased(fitted, PhantomData::<X>)) as Box<dyn Model>)
    };
    Method { name, task, fit: Box::new(fit) }
}

/// An unsupervised method.
fn method<X: Kind, T>(name: &'static str, task: Task, method: T) -> Method
where
    T: Fit<X, Data = Adaptation<X>> + 'static,
    T::Fitted: Saved + 'static,
{
    any(name, task, method)
}

/// A semi-supervised method.
fn with_labels<X: Kind, T>(name: &'static str, task: Task, method: T) -> Method
where
    T: Fit<X, Data = SemiSupervised<X>> + 'static,
    T::Fitted: Saved + 'static,
{
    any(name, task, method)
}

/// Rows to predict that nothing was fitted to.
fn test_rows() -> Mat<f64> {
    gaussian(50, 25, WIDTH)
}

/// Equal up to rounding: exact methods in `f64`, trained ones in `f32`.
#[track_caller]
fn same(found: &Mat<f64>, expected: &Mat<f64>) {
    let scale = expected.norm_max().max(1e-3);
    let away = (found - expected).norm_max() / scale;
    assert!(away < 2e-4, "the scores differ by {away:.1e} of their size");
}

fn law(law: &str, holds: impl Fn(&Method)) {
    SUITE.law(law, &methods(), Method::name, holds);
}

#[test]
fn rows_permuted() {
    let turned = |table: &Table| {
        let rows = table.x.nrows();
        table.select(&(0..rows).map(|i| (7 * i + 5) % rows).collect::<Vec<_>>())
    };
    // 7 has no factor in common with the numbers of rows, so that each row comes once.
    law(ROWS, |method| {
        let domains = Domains::new(method.task);
        let all = [&domains.target, &domains.few].into_iter().chain(&domains.sources);
        assert!(all.map(|table| table.x.nrows()).all(|rows| rows % 7 != 0));
        let x = test_rows();
        same(&method.scores(&domains.map(turned), &x), &method.scores(&domains, &x));
    });
}

#[test]
fn columns_rescaled() {
    let factors = [10.0, 0.5, 2.0];
    let scaled = |table: &Table| table.map(|i, j| factors[j] * table.x[(i, j)]);
    law(COLUMNS, |method| {
        let domains = Domains::new(method.task);
        let x = test_rows();
        let scaled_x = Mat::from_fn(x.nrows(), x.ncols(), |i, j| factors[j] * x[(i, j)]);
        same(&method.scores(&domains.map(scaled), &scaled_x), &method.scores(&domains, &x));
    });
}

#[test]
fn domains_renamed() {
    law(NAMES, |method| {
        let domains = Domains::new(method.task);
        let renamed = domains.map(|table| Table { name: format!("not {}", table.name), ..table.clone() });
        assert_eq!(method.scores(&renamed, &test_rows()), method.scores(&domains, &test_rows()));
    });
}

#[test]
fn fitted_again() {
    law(AGAIN, |method| {
        let domains = Domains::new(method.task);
        assert_eq!(method.scores(&domains, &test_rows()), method.scores(&domains, &test_rows()));
    });
}

#[test]
fn target_labels_shuffled() {
    law(LABELS, |method| {
        let domains = Domains::new(method.task);
        let mut shuffled = domains.clone();
        shuffled.target.y.rotate_left(11);
        assert_ne!(shuffled.target.classes(), domains.target.classes());
        assert_eq!(method.scores(&shuffled, &test_rows()), method.scores(&domains, &test_rows()));
    });
}

/// An error of the method's, or a model that answers: what it must not do is panic.
fn answers(method: &Method, domains: &Domains) {
    if let Ok(fitted) = (method.fit)(domains) {
        let width = domains.target.x.ncols();
        assert!(fitted.scores(&gaussian(51, 4, width)).is_ok_and(|scores| scores.is_all_finite()));
    }
}

#[test]
fn data_that_do_not_suit() {
    law(FIT, |method| {
        let domains = Domains::new(method.task);
        let refused = |what: &str, domains: &Domains| {
            assert!((method.fit)(domains).is_err(), "it is fitted to {what}");
        };
        if method.task == Classes {
            let same = |table: &Table| Table { y: vec![1.0; table.y.len()], ..table.clone() };
            refused("one class", &domains.map(same));
        }
        for bad in [f64::NAN, f64::INFINITY] {
            let mut broken = domains.clone();
            broken.sources[1].x[(3, 1)] = bad;
            refused("a source that is not finite", &broken);
            let mut broken = domains.clone();
            broken.target.x[(3, 1)] = bad;
            refused("a target that is not finite", &broken);
        }
        let mut broken = domains.clone();
        broken.target.x = gaussian(9, broken.target.x.nrows(), WIDTH + 1);
        refused("a target of another width", &broken);
        refused("no rows", &domains.map(|table| table.select(&[])));
        let mut broken = domains.clone();
        broken.sources.clear();
        refused("no sources", &broken);

        // No columns, one source, one row, equal rows, huge numbers: an answer or an error.
        let empty = |table: &Table| Table { x: Mat::zeros(table.x.nrows(), 0), ..table.clone() };
        answers(method, &domains.map(empty));
        let mut alone = domains.clone();
        alone.sources.truncate(1);
        answers(method, &alone);
        answers(method, &domains.map(|table| table.select(&[0])));
        answers(method, &domains.map(|table| table.map(|_, j| j as f64)));
        answers(method, &domains.map(|table| table.map(|i, j| 1e200 * table.x[(i, j)])));
        answers(method, &domains.map(|table| table.map(|i, j| 1e-200 * table.x[(i, j)])));
        let wide = |table: &Table| Table {
            x: gaussian(60 + table.x.nrows() as u64, table.x.nrows(), 60),
            ..table.clone()
        };
        answers(method, &domains.map(wide));
    });
}

#[test]
fn rows_that_do_not_suit() {
    law(PREDICT, |method| {
        let fitted = method.fitted(&Domains::new(method.task));
        for x in [
            gaussian(52, 4, WIDTH + 2),
            gaussian(52, 4, WIDTH - 1),
            Mat::zeros(4, 0),
            Mat::zeros(0, WIDTH),
            Mat::from_fn(4, WIDTH, |i, _| if i == 2 { f64::NAN } else { 0.0 }),
        ] {
            let shape = x.shape();
            assert!(fitted.scores(&x).is_err(), "{shape:?} rows have scores");
            assert!(
                fitted.classes(&x).is_err()
                    && fitted.values(&x).is_err()
                    && fitted.probabilities(&x).is_err()
            );
        }
        let x = test_rows();
        if let Some(scores) = fitted.of_another_type(&x) {
            assert!(scores.is_err(), "rows of another element type have scores");
        }
        if let Some(scores) = fitted.elsewhere(&x) {
            assert!(scores.is_err(), "rows on another device have scores");
        }
        assert_eq!(fitted.scores(&Rows::select(&x, &[3])).unwrap().nrows(), 1);
    });
}

#[test]
fn probabilities_sum_to_one() {
    law(PROBABILITIES, |method| {
        let fitted = method.fitted(&Domains::new(method.task));
        let x = test_rows();
        if method.task == Values {
            assert_eq!(fitted.values(&x).unwrap().len(), x.nrows());
            assert!(fitted.classes(&x).is_err() && fitted.probabilities(&x).is_err());
            return;
        }
        assert!(fitted.values(&x).is_err());
        let (classes, probabilities) = (fitted.classes(&x).unwrap(), fitted.probabilities(&x).unwrap());
        assert_eq!(probabilities.shape(), (x.nrows(), 2));
        for (row, class) in probabilities.row_iter().zip(classes) {
            assert!((row.iter().sum::<f64>() - 1.0).abs() < 1e-12);
            assert!(row.iter().all(|p| (0.0..=1.0).contains(p) && *p <= row[class]));
        }
    });
}

#[test]
fn saved_is_loaded() {
    law(SAVED, |method| {
        let fitted = method.fitted(&Domains::new(method.task));
        let folder = tempfile::tempdir().unwrap();
        let loaded = fitted.saved(folder.path(), method.task);
        assert_eq!(loaded.scores(&test_rows()).unwrap(), fitted.scores(&test_rows()).unwrap());
        // And it knows what it was fitted to.
        assert!(loaded.scores(&gaussian(52, 4, WIDTH + 1)).is_err());
    });
}
