//! D1 to D4: sources that disagree about a spurious feature.

use burn::nn::Linear;
use burn::tensor::Tensor;
use kiln_adapt::robust::oracle::maximum_entropy_mixture;
use kiln_adapt::robust::{Conditionals, Robust, RobustClassification, SpuriousSources, evaluate};
use kiln_adapt::{Adaptation, FeatureModel, FeatureNetwork, Features, Fit, Unlabelled, glorot_linear};
use serde::{Deserialize, Serialize};

use crate::device::TensorDevice;
use kiln_receipts::{Axis, Context, ExperimentError, Figure, Kind, Recorder, Table, mean_and_deviation};

/// ε₂ of the judged method. A ball of this radius does not bind.
const RADIUS: f64 = 1.5;
const TEST_ROWS: usize = 5000;
const FEW_ROWS: usize = 20;
/// Of the core and of the spurious feature; the claims are about the first.
const STRENGTHS: [(f64, f64); 2] = [(1.5, 1.5), (1.0, 2.0)];
const METHODS: [&str; 7] = [
    "pooled ERM",
    "nominal mixture",
    "DRO",
    "DRO, ε₂ = 0.3",
    "DRO, ε₁ = 0.2",
    "DRO, ε₁ = 0.5",
    "DRO, 20 rows",
];
const NOMINAL: usize = 1;
const DRO: usize = 2;
const DRO_FEW: usize = 6;

/// What finds a mixture: the method with two models, and the maximum of the labels' entropy.
const MIXTURES: [&str; 3] = ["linear", "perceptron", "largest entropy"];

/// How long the model is trained.
#[derive(Clone, Copy)]
struct Length {
    /// What the claims' names end in.
    suffix: &'static str,
    learning_rate: f64,
    rounds: usize,
}

pub(super) fn released(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    experiment(Length { suffix: "", learning_rate: 1e-3, rounds: 150 }, context, recorder)
}

pub(super) fn longer(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    experiment(Length { suffix: "-longer", learning_rate: 1e-2, rounds: 1000 }, context, recorder)
}

/// What one draw gives.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Draw {
    /// On the target, by method.
    accuracies: [f64; 7],
    /// Worst-case losses.
    pooled: f64,
    single: f64,
    nominal: f64,
    dro: f64,
    /// β, by what finds it.
    mixtures: [Vec<f64>; 3],
    /// Of the last one's labels.
    entropy: f64,
}

/// A draw's target and what its sources say about it.
struct Problem<'a> {
    length: Length,
    seed: u64,
    target: &'a Unlabelled<Tensor<2>>,
    conditionals: Conditionals,
}

impl Length {
    fn settings(self, covariate_radius: f64, mixture_radius: f64, seed: u64) -> RobustClassification {
        let (learning_rate, outer_rounds) = (self.learning_rate, self.rounds);
        RobustClassification {
            learning_rate,
            outer_rounds,
            seed,
            ..RobustClassification::new(covariate_radius, mixture_radius)
        }
    }
}

impl<'a> Problem<'a> {
    fn new(length: Length, seed: u64, data: &'a Adaptation<Tensor<2>>) -> Result<Self, ExperimentError> {
        let conditionals = length.settings(0.0, RADIUS, seed).estimate_conditionals(data)?;
        Ok(Self { length, seed, target: data.target(), conditionals })
    }

    fn fit<M: FeatureModel<Tensor<2>>>(
        &self,
        covariate_radius: f64,
        mixture_radius: f64,
        start: &M,
    ) -> Result<Robust<M>, ExperimentError> {
        let settings = self.length.settings(covariate_radius, mixture_radius, self.seed);
        Ok(settings.on(start).fit_given(self.target, &self.conditionals, None)?)
    }

    /// The model's largest loss over the set of mixtures.
    fn worst_case(&self, model: &Linear) -> Result<f64, ExperimentError> {
        let settings = self.length.settings(0.0, RADIUS, self.seed);
        Ok(settings.surrogate(model, self.target, &self.conditionals)?.value)
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
    length: Length,
    strengths: (f64, f64),
    context: &Context,
    seed: u64,
) -> Result<Draw, ExperimentError> {
    let device = context.tensor_device()?;
    let (core, spurious) = strengths;
    let generator = SpuriousSources { core, spurious, ..SpuriousSources::new(seed) };
    let data = generator.adaptation(&device)?;
    let few = SpuriousSources { target_rows: FEW_ROWS, ..generator.clone() }.adaptation(&device)?;
    let test = generator.target(TEST_ROWS, &device)?;
    let untrained = glorot_linear(generator.features(), 2, 0.01, seed, &device)?;

    let pooled = trained(&data, &untrained, seed)?;
    let (problem, with_few) = (Problem::new(length, seed, &data)?, Problem::new(length, seed, &few)?);
    let dro = problem.fit(0.0, RADIUS, &pooled)?;
    let models = [
        pooled.clone(),
        problem.fit(0.0, 0.0, &pooled)?.into_model(),
        dro.model().clone(),
        problem.fit(0.0, 0.3, &pooled)?.into_model(),
        problem.fit(0.2, RADIUS, &pooled)?.into_model(),
        problem.fit(0.5, RADIUS, &pooled)?.into_model(),
        with_few.fit(0.0, RADIUS, &pooled)?.into_model(),
    ];
    let mut accuracies = [0.0; METHODS.len()];
    for (accuracy, model) in accuracies.iter_mut().zip(&models) {
        *accuracy = evaluate(model, &test)?.score();
    }

    let mut single = f64::INFINITY;
    for source in data.sources() {
        let alone = Adaptation::new(vec![source.clone()], data.target().clone())?;
        single = single.min(problem.worst_case(&trained(&alone, &untrained, seed)?)?);
    }

    let perceptron =
        FeatureNetwork::perceptron(&[generator.features(), 32, 2], Features::Outputs, seed, &device)?;
    let perceptron = problem.fit(0.0, RADIUS, &trained(&data, &perceptron, seed)?)?;
    let count = problem.conditionals.count();
    let oracle = maximum_entropy_mixture(&problem.conditionals, &vec![1.0 / count as f64; count], RADIUS)?;
    Ok(Draw {
        accuracies,
        pooled: problem.worst_case(&pooled)?,
        single,
        nominal: problem.worst_case(&models[NOMINAL])?,
        dro: problem.worst_case(dro.model())?,
        mixtures: [dro.mixture().to_vec(), perceptron.mixture().to_vec(), oracle.mixture],
        entropy: oracle.entropy,
    })
}

fn experiment(length: Length, context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let seeds = context.seeds(context.pick(3, 10));
    let strengths = context.pick(&STRENGTHS[..1], &STRENGTHS[..]);
    let columns: Vec<_> = ["strengths"].into_iter().chain(METHODS).collect();
    let mut table = Table::new(
        "accuracy",
        "Accuracy on the target",
        "Mean over the draws, standard deviation in brackets. DRO has ε₁ = 0, ε₂ = 1.5 and 100 target rows \
         where nothing else is said; the nominal mixture ε₁ = ε₂ = 0.",
        &columns,
    );
    let mut figure = Figure::new(
        "accuracy",
        "Accuracy on a target whose spurious feature is reversed",
        "Every draw, by method.",
        Axis::categories("method", METHODS),
        Axis::linear("accuracy on the target"),
    );
    let progress = recorder.progress((strengths.len() * seeds.len()) as u64, "draws");
    for (colour, &(core, spurious)) in strengths.iter().enumerate() {
        let mut draws = Vec::new();
        for &seed in &seeds {
            let key = format!("{core} {spurious} {seed}");
            draws.push(recorder.memo(&key, || draw(length, (core, spurious), context, seed))?);
            progress.inc(1);
        }
        let accuracies = |method: usize| draws.iter().map(|draw| draw.accuracies[method]).collect::<Vec<_>>();
        let title = format!("core {core}, spurious {spurious}");
        let means = (0..METHODS.len()).map(|method| mean_and_deviation(&accuracies(method), 3));
        table.row(std::iter::once(title.clone()).chain(means));
        let points = (0..METHODS.len())
            .flat_map(|i| accuracies(i).into_iter().map(move |accuracy| (i as f64, accuracy)));
        figure = figure.with(Kind::Points, &title, colour, points.collect::<Vec<_>>());
        if (core, spurious) == STRENGTHS[0] {
            judge(length, &draws, recorder);
        }
    }
    recorder.table(table);
    recorder.figure(figure);
    Ok(())
}

/// Records what the claims are about, and shows it.
fn judge(length: Length, draws: &[Draw], recorder: &mut Recorder) {
    let claim = |id: &str| format!("{id}{}", length.suffix);
    let ratio = |other: fn(&Draw) -> f64| draws.iter().map(move |draw| draw.dro / other(draw));
    recorder.record(&claim("D1"), "DRO / pooled ERM", ratio(|draw| draw.pooled));
    recorder.record(&claim("D1"), "DRO / ERM on one source, the least", ratio(|draw| draw.single));
    recorder.record(&claim("D1"), "DRO / nominal mixture", ratio(|draw| draw.nominal));
    let minus = |a: usize, b: usize| draws.iter().map(move |draw| draw.accuracies[a] - draw.accuracies[b]);
    recorder.record(&claim("D2"), "accuracy, DRO minus nominal mixture", minus(DRO, NOMINAL));
    recorder.record(&claim("D3"), "accuracy, 100 rows minus 20 rows", minus(DRO, DRO_FEW));
    for (i, name) in MIXTURES.iter().enumerate().take(2) {
        let deviations = draws.iter().map(|draw| draw.deviation(i));
        recorder.record(&claim("D4"), &format!("largest deviation, {name}"), deviations);
    }

    let mean = |of: &dyn Fn(&Draw) -> f64| mean_and_deviation(&draws.iter().map(of).collect::<Vec<_>>(), 3);
    let mut values = Table::new(
        "worst-case",
        "Worst-case losses",
        "Largest cross-entropy over the set of mixtures, in nats: mean over the draws, standard deviation in \
         brackets. No model of any kind is below the entropy.",
        &["pooled ERM", "ERM on one source, the least", "nominal mixture", "DRO", "largest entropy"],
    );
    values.row([
        mean(&|draw| draw.pooled),
        mean(&|draw| draw.single),
        mean(&|draw| draw.nominal),
        mean(&|draw| draw.dro),
        mean(&|draw| draw.entropy),
    ]);
    recorder.table(values);

    let mut mixtures = Table::new(
        "mixtures",
        "The worst mixture of the sources",
        "Weight of the source that agrees with the target, and the largest difference of any weight from the \
         mixture of largest entropy: mean over the draws, standard deviation in brackets.",
        &["", "weight of the minority", "largest deviation"],
    );
    for (i, name) in MIXTURES.into_iter().enumerate() {
        let minority = |draw: &Draw| draw.mixtures[i].last().copied().unwrap_or(f64::NAN);
        mixtures.row([name.to_owned(), mean(&minority), mean(&|draw| draw.deviation(i))]);
    }
    recorder.table(mixtures);
}

impl Draw {
    /// Largest difference of a mixture's weights from those of largest entropy.
    fn deviation(&self, mixture: usize) -> f64 {
        let [.., oracle] = &self.mixtures;
        self.mixtures[mixture].iter().zip(oracle).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
    }
}
