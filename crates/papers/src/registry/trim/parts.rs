//! T2: parts of digits. A network was told to find out whether a part is missing; do explanations of whole
//! digits name it?

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use kiln_interpret::Trim;
use kiln_interpret::attribution::{
    GradientShap, InputXGradient, IntegratedGradients, Question, Saliency, ShapleySampling,
};
use kiln_interpret::contextual_decomposition::{Decompose, Parts};
use kiln_interpret::transform::{NonnegativeFactorization, Transform};

use super::digits::{Digits, SIDE, accuracy, log_odds, normalized, tell_apart};
use super::networks::{Training, best, share, tensor};
use crate::device::TensorDevice;
use kiln_receipts::statistics::{mean, median};
use kiln_receipts::{Axis, Context, ExperimentError, Figure, Kind, Recorder, Table, mean_and_deviation};

const PARTS: usize = 30;
/// Parts that networks are told of, the same at both scales as far as they go.
const TOLD: [usize; 5] = [0, 7, 13, 19, 26];

/// Methods as they stand in the figure, and what helps to understand them.
const ROWS: [(&str, Option<f64>); 9] = [
    ("integrated gradients", Some(0.95)),
    ("gradient SHAP", Some(0.91)),
    ("Shapley sampling", None),
    ("CD", Some(0.82)),
    ("input × gradient", Some(0.80)),
    ("saliency", Some(0.72)),
    ("saliency, by size", None),
    ("saliency, times each part's mean amount", None),
    ("integrated gradients, digits with more of the part than half of them", None),
];
const SHORT: [&str; 6] = ["IG", "gradient SHAP", "Shapley", "CD", "input × grad.", "saliency"];

/// Pictures that contain a part, and the same without it.
fn with_and_without(
    factors: &NonnegativeFactorization,
    pictures: &Tensor<3>,
    part: usize,
    most: usize,
) -> Result<[Tensor<3>; 2], ExperimentError> {
    let amounts = factors.forward(pictures.clone())?;
    let of_part = amounts.narrow(1, part, 1);
    let values = of_part.clone().try_into_vec_as::<f64>()?;
    let present = (0_i32..).zip(&values).filter(|(_, amount)| **amount > 0.0);
    let places: Vec<i32> = present.map(|(i, _)| i).take(most).collect();
    let places = Tensor::from_data(places.as_slice(), &pictures.device());
    let whole = pictures.clone().select(0, places.clone());
    let part = factors.part(part).ok_or("there is no such part")?.iter().map(|value| *value as f32).collect();
    let part: Tensor<2> =
        of_part.select(0, places).matmul(tensor(part, [1, SIDE * SIDE], &pictures.device()));
    let rest = whole.clone() - part.reshape(whole.dims());
    Ok([whole, rest])
}

/// The accuracy of a network, then the share of pictures for which each method names the part.
fn of_part(
    digits: &Digits,
    factors: &NonnegativeFactorization,
    part: usize,
    training: Training,
    explained: usize,
    device: &Device,
) -> Result<Vec<f64>, ExperimentError> {
    let [whole, rest] = with_and_without(factors, &digits.train, part, usize::MAX)?;
    let network = tell_apart(&whole, &rest, training, device)?;
    let [whole, rest] = with_and_without(factors, &digits.test, part, explained)?;
    let mut values = vec![accuracy(&network, &whole, &rest)?];

    let model = |x: Tensor<3>| log_odds(network.outputs(normalized(x)));
    let trim = Trim::new(&model, factors);
    let question = Question::output(0);
    let right = |scores: Tensor<2>| -> Result<f64, ExperimentError> { Ok(share(&best(scores)?, |_| part)) };
    let references = factors.forward(digits.train.clone().narrow(0, 0, 100))?;
    let shap = GradientShap { samples: 50, seed: training.seed, ..GradientShap::default() };
    let path = trim.attribute(&IntegratedGradients::default(), &whole, &question)?.values;
    values.push(right(path.clone())?);
    values.push(right(trim.attribute(&shap, &whole, &question.clone().baseline(references))?.values)?);
    let shapley = ShapleySampling { permutations: 4, seed: training.seed, ..ShapleySampling::default() };
    values.push(right(trim.attribute(&shapley, &whole, &question)?.values)?);
    values.push(right(decompose(&network.valid(), factors, &whole)?)?);
    values.push(right(trim.attribute(&InputXGradient, &whole, &question)?.values)?);
    let slopes = trim.attribute(&Saliency::default(), &whole, &question)?.values;
    values.push(right(slopes.clone())?);
    values.push(right(slopes.clone().abs())?);
    let usual = factors.forward(digits.train.clone())?.mean_dim(0);
    values.push(right(slopes * usual)?);
    let amounts = factors.forward(whole)?.narrow(1, part, 1).try_into_vec_as::<f64>()?;
    let median = median(&amounts);
    let named = best(path)?.into_iter().zip(amounts).filter(|(_, amount)| *amount > median);
    values.push(share(&named.map(|(named, _)| named).collect::<Vec<_>>(), |_| part));
    Ok(values)
}

/// What each part does to the log-odds, with all the rest for irrelevant.
fn decompose(
    network: &impl Decompose<3, 2>,
    factors: &NonnegativeFactorization,
    x: &Tensor<3>,
) -> Result<Tensor<2>, ExperimentError> {
    let amounts = factors.forward(x.clone())?;
    let all = normalized(x.clone());
    let scores = (0..PARTS).map(|part| {
        let mask = (0..PARTS).map(|other| if other == part { 1.0 / 0.3081 } else { 0.0 }).collect();
        let relevant: Tensor<3> = factors.inverse(amounts.clone() * tensor(mask, [1, PARTS], &x.device()))?;
        let parts = Parts::new(relevant.clone(), all.clone() - relevant)?;
        Ok(log_odds(network.decompose(parts)?.relevant))
    });
    Ok(Tensor::cat(scores.collect::<Result<_, ExperimentError>>()?, 1))
}

pub(super) fn parts(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let device = context.tensor_device()?;
    let digits = Digits::read(context, recorder, context.pick([2_000, 1_000], [5_000, 1_000]), &device)?;
    let factors = NonnegativeFactorization::fit(&digits.train, PARTS, 100, 1)?;
    let explained = 200;
    let told = &TOLD[..context.pick(2, 5)];
    let seeds = context.seeds(context.pick(1, 3));
    let progress = recorder.progress((told.len() * seeds.len()) as u64, "networks");
    let mut runs = Vec::new();
    for &part in told {
        for &seed in &seeds {
            let training = Training { epochs: 5, batch: 32, rate: 0.01, seed };
            let run = recorder.memo(&format!("part {part}, seed {seed}"), || {
                of_part(&digits, &factors, part, training, explained, &device)
            })?;
            recorder.record("T2", "integrated gradients", [run[1]]);
            recorder.record("T2", "integrated gradients less saliency", [run[1] - run[6]]);
            runs.push(run);
            progress.inc(1);
        }
    }
    let column = |i: usize| runs.iter().map(|run| run[i]).collect::<Vec<_>>();
    let mut table = Table::new(
        "parts",
        "Share of digits for which the part that a network was told of is on top",
        &format!("Mean and deviation over networks; up to {explained} test digits that contain the part."),
        &["", "paper", "here"],
    );
    table.row(["accuracy of the networks".to_owned(), String::new(), mean_and_deviation(&column(0), 3)]);
    for (row, (name, paper)) in ROWS.iter().enumerate() {
        let paper = paper.map_or_else(String::new, |share| share.to_string());
        table.row([(*name).to_owned(), paper, mean_and_deviation(&column(row + 1), 2)]);
    }
    recorder.table(table);
    let mean = |i: usize| mean(column(i));
    let published = ROWS.iter().enumerate().filter_map(|(i, (_, share))| Some((i as f64, (*share)?)));
    recorder.figure(
        Figure::new(
            "parts",
            "Which part of a digit does the network look for?",
            "Share of test digits for which an explanation by 30 parts names the one that the network was \
             trained to miss; mean over networks.",
            Axis::categories("", SHORT),
            Axis::linear("share right"),
        )
        .with(Kind::Bars, "here", 0, (0..SHORT.len()).map(|method| (method as f64, mean(method + 1))))
        .with(Kind::Bars, "paper", 1, published),
    );
    Ok(())
}
