//! Wavelet transforms of slices against PyWavelets; those of tensors are in `interpret_tensors.rs`.

use std::hint::black_box;
use std::path::PathBuf;
use std::time::Instant;

use clap::Parser;
use kiln_interpret::wavelet::{Boundary, Dwt, DwtWorkspace, Wavelet, WaveletError};
use serde_json::json;

use super::interpret_tensors;
use super::peers::Peers;
use super::report::{Goal, Report};
use kiln_receipts::statistics::median;
use kiln_receipts::{ExperimentError, Number, Table};

/// Discrete wavelet transforms and their inverses in f64, one thread: rows of 2^10, 2^14 and 2^20 samples to
/// all useful levels, and 16 pictures of 512×512 to three, against PyWavelets (`pip install PyWavelets`).
/// Then transforms of tensors with their gradients, f32, all cores, against ptwt (`pip install ptwt`, and
/// PyTorch).
///
/// Times are medians of wall time over repeats in which both take turns; PyWavelets' are of calls from
/// Python.
#[derive(Debug, Parser)]
#[command(name = "interpret", no_binary_name = true)]
struct Options {
    /// Python interpreter that has PyWavelets [default: `$KILN_PYTHON`, else python3].
    #[arg(long)]
    python: Option<String>,
    /// Repeats of each timing.
    #[arg(long, default_value_t = 9)]
    repeats: usize,
    /// Where interpret.json and interpret.md are written.
    #[arg(long, default_value = "target/bench")]
    out: PathBuf,
}

const WAVELETS: [&str; 4] = ["db1", "db2", "db4", "db10"];
const MODES: [Boundary; 2] = [Boundary::Symmetric, Boundary::Periodization];
const SIDE: usize = 512;
const PICTURES: usize = 16;

/// What is transformed.
#[derive(Clone, Copy)]
enum Shape {
    Row(usize),
    Pictures,
}

/// Seconds of a transform and its inverse.
type Times = [f64; 2];

pub(super) fn run(args: &[String]) -> Result<(), ExperimentError> {
    let options = match Options::try_parse_from(args) {
        Ok(options) => options,
        Err(help) => help.exit(),
    };
    if options.repeats == 0 {
        return Err("--repeats must be at least 1".into());
    }
    let python = options.python.clone().or_else(|| std::env::var("KILN_PYTHON").ok());
    let mut report = Report::default();
    let python = python.unwrap_or_else(|| "python3".to_owned());
    let mut peers = match Peers::start(&python, include_str!("interpret_peers.py")) {
        Ok(peers) => Some(peers),
        Err(error) => {
            report.notes.push(format!("no peers: {error}"));
            None
        }
    };
    let mut table = Table::new(
        "wavelets",
        &format!("Milliseconds, median of {}", options.repeats),
        "f64, one thread. Kiln writes to memory that is there already; PyWavelets allocates its results.",
        &["what", "wavelet", "mode", "forward", "PyWavelets", "ratio", "inverse", "PyWavelets", "ratio"],
    );
    let mut worst: f64 = 0.0;
    for shape in [Shape::Row(1 << 10), Shape::Row(1 << 14), Shape::Row(1 << 20), Shape::Pictures] {
        eprintln!("bench: {}", shape.title());
        for name in WAVELETS {
            for mode in MODES {
                let (ours, theirs) = measure(shape, name, mode, &options, &mut peers, &mut report)?;
                let mut row = vec![shape.title(), name.to_owned(), mode.to_string()];
                for direction in 0..2 {
                    let of =
                        |times: &[Times]| times.iter().map(|pair| 1e3 * pair[direction]).collect::<Vec<_>>();
                    let ours = median(of(&ours));
                    row.push(Number(ours).to_string());
                    if theirs.is_empty() {
                        row.extend(["not installed".to_owned(), String::new()]);
                        continue;
                    }
                    let theirs = median(of(&theirs));
                    worst = worst.max(ours / theirs);
                    row.extend([theirs, ours / theirs].map(|x| Number(x).to_string()));
                }
                table.row(row);
            }
        }
    }
    report.tables.push(table);
    if worst > 0.0 {
        report.goals.push(Goal {
            what: "time over PyWavelets', the largest ratio".to_owned(),
            wanted: "at most 0.5".to_owned(),
            measured: worst,
            met: worst <= 0.5,
        });
    }
    drop(peers);
    interpret_tensors::run(&python, options.repeats, &mut report)?;
    report.publish("wavelet transforms", "interpret", &options.out)
}

impl Shape {
    fn title(self) -> String {
        match self {
            Self::Row(len) => format!("2^{}", len.ilog2()),
            Self::Pictures => format!("{PICTURES} × {SIDE}²"),
        }
    }

    fn numbers(self) -> usize {
        match self {
            Self::Row(len) => len,
            Self::Pictures => PICTURES * SIDE * SIDE,
        }
    }
}

/// Times of Kiln and of the peer, in turns.
fn measure(
    shape: Shape,
    name: &str,
    mode: Boundary,
    options: &Options,
    peers: &mut Option<Peers>,
    report: &mut Report,
) -> Result<(Vec<Times>, Vec<Times>), ExperimentError> {
    let wavelet = Wavelet::named(name)?;
    let x: Vec<f64> = (0..shape.numbers()).map(|i| (i as f64 * 0.37).sin() + (i % 17) as f64 * 0.1).collect();
    let (mut back, mut workspace) = (vec![0.0; x.len()], DwtWorkspace::default());
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    // Small transforms many times, so that the clock's steps do not count.
    let rounds = (1_usize << 20).div_ceil(x.len()).min(200);
    let (levels, side) = match shape {
        Shape::Row(len) => (wavelet.max_level(len), len),
        Shape::Pictures => (3, SIDE),
    };
    for repeat in 0..=options.repeats {
        let times = match shape {
            Shape::Row(len) => {
                let dwt = Dwt::new(&wavelet, mode, [len], levels)?;
                let mut c = vec![0.0; dwt.coefficient_len()];
                let forward = timed(rounds, || dwt.forward_into(black_box(&x), &mut c, &mut workspace))?;
                [forward, timed(rounds, || dwt.inverse_into(black_box(&c), &mut back, &mut workspace))?]
            }
            Shape::Pictures => {
                let dwt = Dwt::new(&wavelet, mode, [SIDE, SIDE], levels)?;
                let mut c = vec![0.0; PICTURES * dwt.coefficient_len()];
                let forward = timed(rounds, || dwt.forward_into(black_box(&x), &mut c, &mut workspace))?;
                [forward, timed(rounds, || dwt.inverse_into(black_box(&c), &mut back, &mut workspace))?]
            }
        };
        let question = json!({
            "wavelet": name, "mode": mode.to_string(), "levels": levels, "side": side, "rounds": rounds,
            "pictures": if matches!(shape, Shape::Pictures) { PICTURES } else { 0 },
        });
        let answer = peers.as_mut().map(|peers| peers.ask(&question)).transpose()?;
        // The first turn only warms up.
        if repeat == 0 {
            continue;
        }
        ours.push(times);
        let Some(answer) = answer else { continue };
        if let Some(why) = answer["skip"].as_str() {
            report.notes.push(format!("left out: {why}"));
            *peers = None;
        } else if let (Some(forward), Some(inverse)) =
            (answer["forward"].as_f64(), answer["inverse"].as_f64())
        {
            theirs.push([forward, inverse]);
        }
    }
    Ok((ours, theirs))
}

/// Seconds of one call.
fn timed(rounds: usize, mut work: impl FnMut() -> Result<(), WaveletError>) -> Result<f64, WaveletError> {
    let start = Instant::now();
    for _ in 0..rounds {
        work()?;
    }
    Ok(start.elapsed().as_secs_f64() / rounds as f64)
}
