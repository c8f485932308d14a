//! T2: parts of digits. A network was told to find out whether a part is missing; do explanations of whole
//! digits name it?

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use kiln_interpret::Trim;
use kiln_interpret::attribution::{
    Attribution, GradientShap, InputXGradient, IntegratedGradients, Question, Saliency, ShapleySampling,
};
use kiln_interpret::transform::{NonnegativeFactorization, Transform};

use super::claims::PATH_LEADS;
use super::digits::{Digits, accuracy, normalized, tell_apart};
use super::networks::{Training, best, outputs, relevant, share, tensor};
use crate::device::TensorDevice;
use crate::pictures::AwdCnn;
use kiln_receipts::statistics::{mean, median};
use kiln_receipts::{
    Arm, Axis, Context, ExperimentError, Figure, Kind, Number, Recorder, Table, mean_and_deviation,
};

const PARTS: usize = 30;
/// The part of network `i` is `7i mod 30`: they lie apart, and 30 networks have one each.
const STRIDE: usize = 7;

/// The paper's methods with its shares, then what helps to understand them.
const METHODS: [(&str, Option<f64>); 8] = [
    ("IG", Some(0.95)),
    ("gradient SHAP", Some(0.91)),
    ("CD", Some(0.82)),
    ("input × gradient", Some(0.80)),
    ("saliency", Some(0.72)),
    ("saliency, parts of length 1", None),
    ("IG, digits with more of the part than half of them", None),
    ("Shapley sampling, 200 digits", None),
];
/// How many of them are the paper's.
const PUBLISHED: usize = 5;

/// Digits and how much of each part they hold.
struct Amounts<'a> {
    pictures: &'a Tensor<3>,
    of_parts: Tensor<2>,
    factors: &'a NonnegativeFactorization,
}

/// Those that contain a part: as they are, the same without it, and what they hold.
struct Pairs {
    whole: Tensor<3>,
    rest: Tensor<3>,
    amounts: Tensor<2>,
}

impl Amounts<'_> {
    fn with(&self, part: usize) -> Result<Pairs, ExperimentError> {
        let values = self.of_parts.clone().narrow(1, part, 1).try_into_vec_as::<f64>()?;
        let present = (0_i32..).zip(&values).filter(|(_, amount)| **amount > 0.0);
        let places: Vec<i32> = present.map(|(i, _)| i).collect();
        let places = Tensor::from_data(places.as_slice(), &self.pictures.device());
        let whole = self.pictures.clone().select(0, places.clone());
        let amounts = self.of_parts.clone().select(0, places);
        let rest = whole.clone() - alone(self.factors, &amounts, part)?;
        Ok(Pairs { whole, rest, amounts })
    }
}

/// What one part puts into pictures.
fn alone(
    factors: &NonnegativeFactorization,
    amounts: &Tensor<2>,
    part: usize,
) -> Result<Tensor<3>, ExperimentError> {
    let only = (0..PARTS).map(|other| f32::from(u8::from(other == part))).collect();
    Ok(factors.inverse(amounts.clone() * tensor::<2>(only, [1, PARTS], &amounts.device()))?)
}

/// The accuracy of a network, then the share of pictures for which each method names the part.
fn of_part(
    [train, test]: [&Amounts<'_>; 2],
    part: usize,
    training: Training,
    device: &Device,
) -> Result<Vec<f64>, ExperimentError> {
    let Pairs { whole, rest, .. } = train.with(part)?;
    let network = tell_apart(&whole, &rest, training, device)?;
    let Pairs { whole, rest, amounts } = test.with(part)?;
    let mut values = vec![accuracy(&network, &whole, &rest)?];

    // The network sees what the parts say of a digit, and nothing besides.
    let factors = test.factors;
    let model = |x: Tensor<3>| outputs(&network, normalized(x));
    let at = |amounts: Tensor<2>| Ok::<_, ExperimentError>(factors.inverse(amounts)?);
    let trimmed = Trim::new(&model, factors).at(&at(amounts.clone())?)?;
    let question = Question::output(0);
    let right = |scores: Tensor<2>| -> Result<f64, ExperimentError> { Ok(share(&best(scores)?, |_| part)) };
    let coefficients = trimmed.coefficients();
    let path = IntegratedGradients::default().attribute(&trimmed, coefficients, &question)?.values;
    let shap = GradientShap { samples: 5, seed: training.seed, ..GradientShap::default() };
    let slopes = Saliency::default().attribute(&trimmed, coefficients, &question)?.values;
    let lengths = (0..PARTS).map(|part| {
        let squares = factors.part(part).into_iter().flatten().map(|value| value * value);
        squares.sum::<f64>().sqrt() as f32
    });
    let lengths = tensor::<2>(lengths.collect(), [1, PARTS], device);
    values.push(right(path.clone())?);
    values.push(right(shap.attribute(&trimmed, coefficients, &question)?.values)?);
    values.push(right(decompose(&network.valid(), factors, &whole, &amounts)?)?);
    values.push(right(InputXGradient.attribute(&trimmed, coefficients, &question)?.values)?);
    values.push(right(slopes.clone())?);
    values.push(right(slopes / lengths)?);

    let of_part = amounts.clone().narrow(1, part, 1).try_into_vec_as::<f64>()?;
    let median = median(&of_part);
    let named = best(path)?.into_iter().zip(of_part).filter(|(_, amount)| *amount > median);
    values.push(share(&named.map(|(named, _)| named).collect::<Vec<_>>(), |_| part));
    let few = at(amounts.clone().narrow(0, 0, amounts.dims()[0].min(200)))?;
    let shapley = ShapleySampling { permutations: 4, seed: training.seed, ..ShapleySampling::default() };
    values.push(right(Trim::new(&model, factors).attribute(&shapley, &few, &question)?.values)?);
    Ok(values)
}

/// What each part does to the logit of being whole, with all the rest for irrelevant.
fn decompose(
    network: &AwdCnn,
    factors: &NonnegativeFactorization,
    x: &Tensor<3>,
    amounts: &Tensor<2>,
) -> Result<Tensor<2>, ExperimentError> {
    let all = normalized(x.clone());
    let scores = (0..PARTS)
        .map(|part| Ok(relevant(network, alone(factors, amounts, part)? / 0.3081, &all)?.narrow(1, 0, 1)));
    Ok(Tensor::cat(scores.collect::<Result<_, ExperimentError>>()?, 1))
}

pub(super) fn parts(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let device = &context.tensor_device()?;
    let counts = context.pick([1_000, 300], [60_000, 10_000]);
    let digits = Digits::read(context, recorder, counts, device)?;
    let factors = &NonnegativeFactorization::fit_from_svd(&digits.train, PARTS, context.pick(50, 1_000))?;
    let amounts = |pictures| {
        Ok::<_, ExperimentError>(Amounts { pictures, of_parts: factors.forward(pictures.clone())?, factors })
    };
    let (train, test) = (amounts(&digits.train)?, amounts(&digits.test)?);
    let seeds = context.seeds(context.pick(2, 6));
    let epochs = context.pick(2, 50);
    let arm = Arm::new("networks", &(counts, epochs), |seed| {
        let network = seeds.iter().position(|other| *other == seed).unwrap_or(0);
        let training = Training { epochs, batch: 32, rate: 0.01, seed };
        of_part([&train, &test], STRIDE * network % PARTS, training, device)
    });
    let [runs] = recorder.sweep(&seeds, [arm])?;
    let column = |which: usize| runs.each(|run| run[which]);
    for (method, (name, _)) in METHODS.iter().enumerate().take(PUBLISHED).skip(1) {
        recorder.observe_in(name, &PATH_LEADS, runs.values.iter().map(|run| (run[1], run[method + 1])));
    }
    let caption = format!(
        "Mean and deviation over {} networks, each told of another part; {} digits to train on, all of {} test \
         digits that contain the part.",
        seeds.len(),
        Number(counts[0] as f64),
        Number(counts[1] as f64)
    );
    let title = "Share of digits for which the part that a network was told of is on top";
    let mut table = Table::new("parts", title, &caption, &["", "paper", "here"]);
    table.row(["accuracy of the networks".to_owned(), String::new(), mean_and_deviation(&column(0), 3)]);
    for (method, (name, paper)) in METHODS.iter().enumerate() {
        let paper = paper.map_or_else(String::new, |share| share.to_string());
        table.row([(*name).to_owned(), paper, mean_and_deviation(&column(method + 1), 2)]);
    }
    recorder.table(table);
    let published = &METHODS[..PUBLISHED];
    let bars = |of: &dyn Fn(usize) -> f64| {
        (0..PUBLISHED).map(|method| (method as f64, of(method))).collect::<Vec<_>>()
    };
    recorder.figure(
        Figure::new(
            "parts",
            "Which part of a digit does the network look for?",
            "Share of test digits for which an explanation by 30 parts names the one that the network was trained to \
             miss; mean over networks.",
            Axis::categories("", published.iter().map(|(name, _)| name)),
            Axis::linear("share right"),
        )
        .with(Kind::Bars, "here", 0, bars(&|method| mean(column(method + 1))))
        .with(Kind::Bars, "paper", 1, bars(&|method| published[method].1.unwrap_or(f64::NAN))),
    );
    Ok(())
}
