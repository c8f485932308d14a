//! The authors' digit network: attributions of a distilled wavelet's coefficients are smaller.

use burn::tensor::{Tensor, TensorData};
use kiln_interpret::awd::{Awd, AwdTerms, Teacher, awd_terms};
use kiln_interpret::wavelet::{Boundary, TensorDwt, Wavelet};
use serde::{Deserialize, Serialize};

use crate::device::TensorDevice;
use crate::pictures::{AwdCnn, Pictures};
use kiln_datasets::{ImagePart, mnist};
use kiln_receipts::{Axis, Context, ExperimentError, Figure, Kind, Number, Recorder, Table};

const PICTURES: usize = 2_000;
const OUTPUTS: usize = 10;
const SIDE: usize = 28;
const LEVELS: usize = 3;

#[derive(Serialize, Deserialize)]
struct Point {
    interpretation: f64,
    rec_lo: Vec<f64>,
    terms: AwdTerms,
}

/// `γ`: 0, and from 0.01 to 5 (quick: 0, 0.1, 1).
fn weights(context: &Context) -> Vec<f64> {
    context.pick(vec![0.0, 0.1, 1.0], vec![0.0, 0.01, 0.1, 0.3, 1.0, 5.0])
}

pub(super) fn digits(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let device = context.tensor_device()?;
    let train = mnist(&*context.data, ImagePart::Train)?;
    let (network, used) = AwdCnn::load(&*context.data, &device.clone().autodiff())?;
    recorder.used_data(used);
    for data in &train.sources {
        recorder.used_data(data.clone());
    }
    let x = AwdCnn::input(&Pictures::from(&train).part(0..PICTURES), &device);
    let energy = x.clone().square().sum().into_scalar::<f64>() / x.dims()[0] as f64;
    let seeds = context.seeds(context.pick(1, 3));
    let weights = weights(context);
    let progress = recorder.progress(seeds.len() as u64, "paths");
    let db3 = Wavelet::named("db3")?;
    let mut paths = Vec::new();
    for seed in seeds {
        let path: Vec<Point> = recorder.memo(&format!("{seed}"), || {
            let model = |x: Tensor<4>| network.forward(x);
            let teacher = Teacher::new(&model, &(0..OUTPUTS).collect::<Vec<_>>(), x.clone())?;
            let dwt = TensorDwt::new(db3.filter_len(), Boundary::Periodization, [SIDE, SIDE], LEVELS)?;
            let awd = Awd { epochs: 5, seed, ..Awd::new(0.05, 0.0) };
            let path = awd.path(&dwt, &teacher, db3.rec_lo(), &weights)?.into_iter().zip(&weights);
            path.map(|(distilled, weight)| {
                let taps = TensorData::new(distilled.rec_lo.clone(), [db3.filter_len()]);
                let filter = Tensor::from_data(taps, (&device, x.dtype()));
                let terms = awd_terms(&dwt, &filter, teacher.signals(), teacher.gradients())?.values();
                Ok(Point { interpretation: *weight, rec_lo: distilled.rec_lo, terms })
            })
            .collect()
        })?;
        let at = |weight: f64| path.iter().find(|point| point.interpretation == weight);
        if let (Some(without), Some(with)) = (at(0.0), at(1.0)) {
            let ratio = with.terms.interpretation / without.terms.interpretation;
            recorder.record("A7", "attributions, γ = 1 over γ = 0", [ratio]);
            recorder.record("A7", "filter conditions, γ = 1", [with.terms.filter()]);
            recorder.record(
                "A7",
                "reconstruction error over energy, γ = 1",
                [with.terms.reconstruction / energy],
            );
        }
        paths.push(path);
        progress.inc(1);
    }
    show(recorder, &paths, energy)
}

fn show(recorder: &mut Recorder, paths: &[Vec<Point>], energy: f64) -> Result<(), ExperimentError> {
    let mut table = Table::new(
        "terms",
        "Terms of the objective, without their weights",
        "2,000 pictures after training, first seed.",
        &["γ", "attributions", "coefficients", "filter conditions", "reconstruction error / energy"],
    );
    for point in &paths[0] {
        let AwdTerms { interpretation, sparsity, reconstruction, .. } = point.terms;
        let numbers =
            [point.interpretation, interpretation, sparsity, point.terms.filter(), reconstruction / energy];
        table.row(numbers.map(|x| Number(x).to_string()));
    }
    recorder.table(table);
    let mut figure = Figure::new(
        "scaling-and-wavelet",
        "Scaling function and wavelet distilled from the digit network",
        "φ and ψ at cascade level 5 of db3 and of the filter at the largest γ, first seed.",
        Axis::linear("t"),
        Axis::linear("φ(t), ψ(t)"),
    );
    let last = paths[0].last().ok_or("the path is empty")?;
    let reversed: Vec<f64> = last.rec_lo.iter().rev().copied().collect();
    let learned = Wavelet::orthogonal("distilled", &reversed, f64::INFINITY)?;
    for (name, wavelet, kind) in
        [("db3", Wavelet::named("db3")?, Kind::Dashed), ("distilled", learned, Kind::Line)]
    {
        let functions = wavelet.functions(5)?;
        let along = |values: &[f64]| {
            values
                .iter()
                .enumerate()
                .map(|(i, value)| (i as f64 * functions.step, *value))
                .collect::<Vec<_>>()
        };
        figure = figure.with(kind, &format!("φ, {name}"), 0, along(&functions.scaling)).with(
            kind,
            &format!("ψ, {name}"),
            1,
            along(&functions.wavelet),
        );
    }
    recorder.figure(figure);
    Ok(())
}
