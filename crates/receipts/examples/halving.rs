//! A paper with one claim, and a program that reproduces it: `cargo run --example halving -- reproduce`.

use std::process::ExitCode;

use kiln_receipts::{Arm, Check, Claim, Context, Experiment, ExperimentError, Paper, Recorder, sweep};

const NEARER: Check = Check::ratio("error, halving / Newton").at_least(1e3).by_paper().floor(1e-15);
const NEWTON: Claim = Claim {
    place: "Section 2",
    says: "After 5 steps Newton's method is a thousand times nearer to a square root than halving an interval.",
    test: "Square roots of random numbers from 1 to 10, each by both methods.",
    checks: &[NEARER],
    ..Claim::exact("N1")
};
const PAPER: Paper = Paper {
    id: "square-roots",
    title: "On square roots",
    citation: "Nobody, 2026",
    url: "https://example.org/square-roots",
    domain: "arithmetic",
    claims: &[NEWTON],
    experiments: &[Experiment { id: "five-steps", claims: &[NEWTON], run: five_steps }],
};

fn main() -> ExitCode {
    kiln_receipts::main(&[PAPER], kiln_receipts::build!())
}

fn five_steps(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let seeds = context.seeds(context.pick(10, 1000));
    let arm = |name, method: fn(f64) -> f64| {
        Arm::new(name, &5, move |seed| Ok((method(number(seed)) - number(seed).sqrt()).abs()))
    };
    let runs = recorder.sweep(&seeds, [arm("halving", halve), arm("Newton", newton)])?;
    recorder.table(sweep::table("errors", "Error after 5 steps", "Over all seeds.", &runs, |error| *error));
    let [halving, newton] = &runs;
    recorder.observe(&NEARER, halving.paired(newton, |error| *error));
    Ok(())
}

/// From 1 to 10.
fn number(seed: u64) -> f64 {
    1.0 + 9.0 * seed as f64 / (1u64 << 53) as f64
}

fn halve(x: f64) -> f64 {
    let halved = (0..5).fold((1.0, x), |(low, high): (f64, f64), _| {
        let middle = f64::midpoint(low, high);
        if middle * middle < x { (middle, high) } else { (low, middle) }
    });
    f64::midpoint(halved.0, halved.1)
}

fn newton(x: f64) -> f64 {
    (0..5).fold(f64::midpoint(1.0, x), |root, _| f64::midpoint(root, x / root))
}
