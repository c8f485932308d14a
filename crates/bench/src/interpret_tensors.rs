//! Differentiable wavelet transforms against ptwt.

use std::hint::black_box;
use std::time::Instant;

use burn::tensor::{Device, Tensor, TensorData};
use kiln_interpret::InterpretError;
use kiln_interpret::wavelet::{Boundary, FilterBank, LearnableDwt, TensorDwt, Wavelet};
use serde_json::json;

use super::peers::Peers;
use super::report::{Goal, Report};
use kiln_receipts::statistics::median;
use kiln_receipts::{ExperimentError, Number, Table};

/// Rows of samples (one side) or pictures: batch, sides, levels.
const SHAPES: [(usize, &[usize], usize); 4] =
    [(100, &[64], 4), (16, &[1 << 14], 6), (1, &[1 << 20], 8), (16, &[512, 512], 3)];
const WAVELETS: [&str; 2] = ["db2", "db5"];

/// Adds the table and the goal to the report.
pub(super) fn run(python: &str, repeats: usize, report: &mut Report) -> Result<(), ExperimentError> {
    let threads = std::thread::available_parallelism()?.get();
    let mut peers = match Peers::with_threads(python, include_str!("interpret_peers.py"), threads) {
        Ok(peers) => Some(peers),
        Err(error) => {
            report.notes.push(format!("no ptwt: {error}"));
            None
        }
    };
    let mut table = Table::new(
        "tensors",
        &format!("Milliseconds with gradients, median of {repeats}"),
        &format!(
            "f32, zero mode, {threads} threads: transform, sum of absolute coefficients, gradient with \
             respect to the signal, and to signal and filter. Burn's flex backend against ptwt on PyTorch \
             (which has no gradient to filters of 2-D)."
        ),
        &["what", "wavelet", "signal", "ptwt", "ratio", "signal and filter", "ptwt", "ratio"],
    );
    let mut ratios = Vec::new();
    for (batch, sides, levels) in SHAPES {
        for name in WAVELETS {
            let shape = sides.iter().map(ToString::to_string).collect::<Vec<_>>().join("×");
            let title = format!("{batch} × {shape}, {levels} levels");
            eprintln!("bench: gradients, {title}, {name}");
            let wavelet = Wavelet::named(name)?;
            let mut row = vec![title, name.to_owned()];
            for filters in [false, true] {
                let (mut ours, mut theirs) = (Vec::new(), Vec::new());
                for repeat in 0..=repeats {
                    let own = match *sides {
                        [len] => {
                            let dwt = TensorDwt::new(wavelet.filter_len(), Boundary::Zero, [len], levels)?;
                            seconds(&dwt, &wavelet, [batch, 1, len], filters)?
                        }
                        [height, width] => {
                            let dwt = TensorDwt::new(
                                wavelet.filter_len(),
                                Boundary::Zero,
                                [height, width],
                                levels,
                            )?;
                            seconds(&dwt, &wavelet, [batch, 1, height, width], filters)?
                        }
                        _ => return Err("one side or two".into()),
                    };
                    let question = json!({
                        "gradient": true, "wavelet": name, "levels": levels, "batch": batch, "sides": sides,
                        "filters": filters,
                    });
                    let answer = peers.as_mut().map(|peers| peers.ask(&question)).transpose()?;
                    // The first turn only warms up.
                    if repeat == 0 {
                        continue;
                    }
                    ours.push(1e3 * own);
                    if let Some(seconds) = answer.as_ref().and_then(|answer| answer["seconds"].as_f64()) {
                        theirs.push(1e3 * seconds);
                    } else if let Some(why) = answer.as_ref().and_then(|answer| answer["skip"].as_str()) {
                        report.notes.push(format!("left out: {why}"));
                        peers = None;
                    }
                }
                let ours = median(&ours);
                row.push(Number(ours).to_string());
                if theirs.is_empty() {
                    row.extend(["not measured".to_owned(), String::new()]);
                    continue;
                }
                let theirs = median(&theirs);
                ratios.push(ours / theirs);
                row.extend([theirs, ours / theirs].map(|x| Number(x).to_string()));
            }
            table.row(row);
        }
    }
    report.tables.push(table);
    if !ratios.is_empty() {
        let worst = ratios.iter().copied().fold(0.0, f64::max);
        report.goals.push(Goal {
            what: "time with gradients over ptwt's, the largest ratio".to_owned(),
            wanted: "at most 1".to_owned(),
            measured: worst,
            met: worst <= 1.0,
        });
    }
    Ok(())
}

/// Of one transform with its gradients, mean of as many as take about 50 ms.
fn seconds<const D: usize>(
    dwt: &impl LearnableDwt<D>,
    wavelet: &Wavelet,
    shape: [usize; D],
    filters: bool,
) -> Result<f64, InterpretError> {
    let device = Device::flex().autodiff();
    let x: Vec<f32> = (0..shape.iter().product()).map(|i: usize| (i as f32 * 0.37).sin()).collect();
    let x = Tensor::<D>::from_data(TensorData::new(x, shape), &device);
    let fixed = FilterBank::new(wavelet, &x);
    let start = Instant::now();
    let mut rounds = 0;
    while rounds == 0 || start.elapsed().as_secs_f64() < 0.05 {
        let x = x.clone().detach().require_grad();
        let low = fixed.dec_lo.clone().detach().require_grad();
        let bank = if filters { FilterBank::orthogonal(low.clone())? } else { fixed.clone() };
        let gradients = dwt.forward(&bank, x.clone())?.abs().sum().backward();
        black_box((x.grad(&gradients), low.grad(&gradients)));
        rounds += 1;
    }
    Ok(start.elapsed().as_secs_f64() / f64::from(rounds))
}
