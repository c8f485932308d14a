//! D1 to D4: sources that disagree about a spurious feature.

use burn::nn::Linear;
use burn::tensor::{Device, Tensor};
use kiln_adapt::robust::oracle::maximum_entropy_mixture;
use kiln_adapt::robust::{Conditionals, Robust, RobustClassification, SpuriousSources, evaluate};
use kiln_adapt::{Adaptation, FeatureModel, FeatureNetwork, Features, Fit, Unlabelled, glorot_linear};
use kiln_receipts::statistics::mean;
use kiln_receipts::{
    Arm, Axis, Context, ExperimentError, Figure, Kind, Recorder, Runs, Table, mean_and_deviation,
};
use serde::{Deserialize, Serialize};

use super::claims::{DRO_GAIN, ENTROPY, FEW_ROWS_GAIN, NOMINAL, POOLED, SINGLE, WEIGHT};
use crate::device::TensorDevice;

/// ε₂ of the judged method. A ball of this radius does not bind.
const RADIUS: f64 = 1.5;
const TEST_ROWS: usize = 5000;
const FEW_ROWS: usize = 20;
/// Steps of the method in an epoch, as in the notebook.
const STEPS: usize = 10;
/// Of the core and of the spurious feature; the claims are about the first.
const STRENGTHS: [(f64, f64); 2] = [(1.5, 1.5), (1.0, 2.0)];

/// A name, ε₁, ε₂, and whether the target has few rows.
type Method = (&'static str, f64, f64, bool);
/// The first four are judged.
const METHODS: [Method; 7] = [
    ("nominal mixture", 0.0, 0.0, false),
    ("DRO", 0.0, RADIUS, false),
    ("nominal mixture, 20 rows", 0.0, 0.0, true),
    ("DRO, 20 rows", 0.0, RADIUS, true),
    ("DRO, ε₂ = 0.3", 0.0, 0.3, false),
    ("DRO, ε₁ = 0.2", 0.2, RADIUS, false),
    ("DRO, ε₁ = 0.5", 0.5, RADIUS, false),
];
const JUDGED: usize = 4;
/// Places among the accuracies, after pooled ERM.
const MEAN: usize = 1;
const DRO: usize = 2;
const FEW_MEAN: usize = 3;
const FEW_DRO: usize = 4;

/// Models whose worst-case losses are compared.
const LOSSES: [&str; 4] = ["pooled ERM", "best ERM on one source", "nominal mixture", "DRO"];
/// What finds a mixture.
const MIXTURES: [&str; 4] =
    ["equal weights", "linear, averaged β", "perceptron, averaged β", "largest entropy"];

/// What one draw gives.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Draw {
    /// On the target: of pooled ERM, then by method.
    accuracies: Vec<f64>,
    losses: [f64; LOSSES.len()],
    mixtures: [Mixture; MIXTURES.len()],
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Mixture {
    /// Weight of the source that agrees with the target.
    minority: f64,
    /// Of the labels, in nats.
    entropy: f64,
}

impl Mixture {
    fn new(weights: &[f64], conditionals: &Conditionals) -> Result<Self, ExperimentError> {
        let shares = conditionals.mixture(weights)?;
        let sum: f64 = shares.iter().filter(|q| **q > 0.0).map(|q| -q * q.ln()).sum();
        let minority = weights.last().copied().ok_or("no source")?;
        Ok(Self { minority, entropy: sum / conditionals.rows() as f64 })
    }
}

/// A draw's target and what its sources say about it.
struct Problem<'a> {
    target: &'a Unlabelled<Tensor<2>>,
    conditionals: Conditionals,
    seed: u64,
}

impl<'a> Problem<'a> {
    fn new(data: &'a Adaptation<Tensor<2>>, seed: u64) -> Result<Self, ExperimentError> {
        let settings = RobustClassification { seed, ..RobustClassification::new(0.0, RADIUS) };
        Ok(Self { target: data.target(), conditionals: settings.estimate_conditionals(data)?, seed })
    }

    fn fit<M: FeatureModel<Tensor<2>>>(
        &self,
        covariate_radius: f64,
        mixture_radius: f64,
        start: &M,
    ) -> Result<Robust<M>, ExperimentError> {
        let settings = RobustClassification {
            batch_size: self.target.x().dims()[0].div_ceil(STEPS),
            seed: self.seed,
            ..RobustClassification::new(covariate_radius, mixture_radius)
        };
        Ok(settings.on(start).fit_given(self.target, &self.conditionals, None)?)
    }

    /// The model's largest loss over the set of mixtures.
    fn worst_case(&self, model: &Linear) -> Result<f64, ExperimentError> {
        let settings = RobustClassification::new(0.0, RADIUS);
        Ok(settings.surrogate(model, self.target, &self.conditionals)?.value)
    }

    /// β, averaged over the last half of the rounds.
    fn averaged<M>(&self, fit: &Robust<M>) -> Result<Mixture, ExperimentError> {
        let last = &fit.trace()[fit.trace().len() / 2..];
        let weight = |k: usize| mean(last.iter().map(|round| round.mixture[k]));
        Mixture::new(&(0..self.conditionals.count()).map(weight).collect::<Vec<_>>(), &self.conditionals)
    }
}

/// The model trained on all sources' rows: the method without rounds.
fn trained<M: FeatureModel<Tensor<2>>>(
    data: &Adaptation<Tensor<2>>,
    model: &M,
    seed: u64,
) -> Result<M, ExperimentError> {
    let settings = RobustClassification { outer_rounds: 0, seed, ..RobustClassification::new(0.0, 0.0) };
    Ok(settings.on(model).fit(data)?.into_model())
}

fn draw(
    generator: &SpuriousSources,
    methods: &[Method],
    device: &Device,
    seed: u64,
) -> Result<Draw, ExperimentError> {
    let generator = SpuriousSources { seed, ..generator.clone() };
    let data = generator.adaptation(device)?;
    let few = SpuriousSources { target_rows: FEW_ROWS, ..generator.clone() }.adaptation(device)?;
    let test = generator.target(TEST_ROWS, device)?;
    let untrained = glorot_linear(generator.features(), 2, 0.01, seed, device)?;

    let pooled = trained(&data, &untrained, seed)?;
    let (problem, with_few) = (Problem::new(&data, seed)?, Problem::new(&few, seed)?);
    let fit = |&(_, covariate, mixture, is_few): &Method| {
        (if is_few { &with_few } else { &problem }).fit(covariate, mixture, &pooled)
    };
    let fits: Vec<_> = methods.iter().map(fit).collect::<Result<_, _>>()?;
    let models = || std::iter::once(&pooled).chain(fits.iter().map(Robust::model));
    let accuracies = models().map(|model| Ok(evaluate(model, &test)?.score()));

    let mut single = f64::INFINITY;
    for source in data.sources() {
        let alone = Adaptation::new(vec![source.clone()], data.target().clone())?;
        single = single.min(problem.worst_case(&trained(&alone, &untrained, seed)?)?);
    }
    let perceptron =
        FeatureNetwork::perceptron(&[generator.features(), 32, 2], Features::Outputs, seed, device)?;
    let perceptron = problem.fit(0.0, RADIUS, &trained(&data, &perceptron, seed)?)?;
    let count = problem.conditionals.count();
    let equal = vec![1.0 / count as f64; count];
    let oracle = maximum_entropy_mixture(&problem.conditionals, &equal, RADIUS)?;
    let (mean, dro) = (&fits[MEAN - 1], &fits[DRO - 1]);
    Ok(Draw {
        accuracies: accuracies.collect::<Result<_, ExperimentError>>()?,
        losses: [
            problem.worst_case(&pooled)?,
            single,
            problem.worst_case(mean.model())?,
            problem.worst_case(dro.model())?,
        ],
        mixtures: [
            Mixture::new(&equal, &problem.conditionals)?,
            problem.averaged(dro)?,
            problem.averaged(&perceptron)?,
            Mixture::new(&oracle.mixture, &problem.conditionals)?,
        ],
    })
}

pub(super) fn experiment(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let device = context.tensor_device()?;
    let methods = context.pick(&METHODS[..JUDGED], &METHODS[..]);
    let strengths = context.pick(&STRENGTHS[..1], &STRENGTHS[..]);
    let arms = strengths.iter().map(|&(core, spurious)| {
        let generator = SpuriousSources { core, spurious, ..SpuriousSources::new(0) };
        let (settings, device) = ((generator.clone(), methods), device.clone());
        let title = format!("core {core}, spurious {spurious}");
        Arm::new(title, &settings, move |seed| draw(&generator, methods, &device, seed))
    });
    let runs = recorder.sweep_all(&context.seeds(context.pick(5, 10)), arms.collect())?;

    let names: Vec<_> = ["pooled ERM"].into_iter().chain(methods.iter().map(|method| method.0)).collect();
    let mut table = Table::new(
        "accuracy",
        "Accuracy on the target",
        "Mean over the draws, standard deviation in brackets. DRO has ε₁ = 0, ε₂ = 1.5 and 100 target rows \
            where nothing else is said; the nominal mixture ε₁ = ε₂ = 0.",
        &["strengths"].into_iter().chain(names.iter().copied()).collect::<Vec<_>>(),
    );
    let mut figure = Figure::new(
        "accuracy",
        "Accuracy on a target whose spurious feature is reversed",
        "Every draw, by method.",
        Axis::categories("method", &names),
        Axis::linear("accuracy on the target"),
    );
    for (colour, arm) in runs.iter().enumerate() {
        let by_method: Vec<_> =
            (0..names.len()).map(|method| arm.each(|draw| draw.accuracies[method])).collect();
        table.row(
            std::iter::once(arm.name.clone())
                .chain(by_method.iter().map(|values| mean_and_deviation(values, 3))),
        );
        let points =
            by_method.iter().enumerate().flat_map(|(x, values)| values.iter().map(move |y| (x as f64, *y)));
        figure = figure.with(Kind::Points, &arm.name, colour, points);
    }
    recorder.table(table);
    recorder.figure(figure);
    judge(&runs[0], recorder);
    Ok(())
}

/// Observes what the claims are about, and shows it.
fn judge(draws: &Runs<Draw>, recorder: &mut Recorder) {
    let pairs = |a: &dyn Fn(&Draw) -> f64, b: &dyn Fn(&Draw) -> f64| {
        draws.each(a).into_iter().zip(draws.each(b)).collect::<Vec<_>>()
    };
    for (other, check) in [POOLED, SINGLE, NOMINAL].into_iter().enumerate() {
        recorder.observe(&check, pairs(&|draw| draw.losses[3], &|draw| draw.losses[other]));
    }
    recorder.observe(&DRO_GAIN, pairs(&|draw| draw.accuracies[DRO], &|draw| draw.accuracies[MEAN]));
    let few = pairs(&|draw| draw.accuracies[FEW_DRO], &|draw| draw.accuracies[FEW_MEAN]);
    recorder.observe(&FEW_ROWS_GAIN, few);
    recorder.observe(&WEIGHT, pairs(&|draw| draw.mixtures[2].minority, &|draw| draw.mixtures[3].minority));
    let rise = |draw: &Draw, mixture: usize| draw.mixtures[mixture].entropy - draw.mixtures[0].entropy;
    recorder.observe(&ENTROPY, draws.each(|draw| rise(draw, 2) / rise(draw, 3)));

    let shown = |of: &dyn Fn(&Draw) -> f64| mean_and_deviation(&draws.each(of), 3);
    let mut losses = Table::new(
        "worst-case",
        "Worst-case losses",
        "Largest cross-entropy over the set of mixtures, in nats: mean over the draws, standard deviation in \
            brackets. No model of any kind is below the largest entropy.",
        &[LOSSES[0], LOSSES[1], LOSSES[2], LOSSES[3], "largest entropy"],
    );
    let of_models = (0..LOSSES.len()).map(|i| shown(&|draw| draw.losses[i]));
    losses.row(of_models.chain([shown(&|draw| draw.mixtures[3].entropy)]));
    recorder.table(losses);

    let mut mixtures = Table::new(
        "mixtures",
        "The worst mixture of the sources",
        "Weight of the source that agrees with the target, and entropy of the mixture's labels in nats: mean \
            over the draws, standard deviation in brackets. β is averaged over the last half of the rounds.",
        &["", "weight of the minority", "entropy"],
    );
    for (i, name) in MIXTURES.into_iter().enumerate() {
        let numbers = [shown(&|draw| draw.mixtures[i].minority), shown(&|draw| draw.mixtures[i].entropy)];
        mixtures.row(std::iter::once(name.to_owned()).chain(numbers));
    }
    recorder.table(mixtures);
}
