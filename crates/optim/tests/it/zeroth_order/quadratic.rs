//! The problem that most tests run on, and how they run it.

use std::cell::Cell;

use kiln_optim::OptimError;
use kiln_optim::zeroth_order::{
    Alone, AnchorStorage, BatchObjective, DirectionLaw, Entry, Fidelity, Mezo, MezoSvrg, Restore, StepReport,
    Tuner, TunerState, ZerothOrder,
};
use proptest::prelude::*;

use super::gaussian;

/// `fᵢ(x) = ½ Σⱼ hⱼ(xⱼ − cᵢⱼ)²`: quadratic, with data noise in the centres.
#[derive(Clone)]
pub(super) struct Problem {
    pub(super) rows: usize,
    pub(super) dimension: usize,
    pub(super) centres: Vec<f64>,
    pub(super) curvature: Vec<f64>,
    pub(super) asked: std::rc::Rc<Cell<u64>>,
}

impl Problem {
    pub(super) fn new(rows: usize, dimension: usize, seed: u64) -> Self {
        let curvature = gaussian(dimension, seed + 1).iter().map(|h| 0.5 + h.abs()).collect();
        let centres = gaussian(rows * dimension, seed);
        Self { rows, dimension, centres, curvature, asked: std::rc::Rc::default() }
    }

    pub(super) fn gradient(&self, batch: &[usize], x: &[f64]) -> Vec<f64> {
        (0..self.dimension)
            .map(|j| {
                let mean: f64 = batch.iter().map(|i| self.centres[i * self.dimension + j]).sum::<f64>()
                    / batch.len() as f64;
                self.curvature[j] * (x[j] - mean)
            })
            .collect()
    }

    pub(super) fn all(&self) -> Vec<usize> {
        (0..self.rows).collect()
    }
}

impl BatchObjective for Problem {
    type Point = Vec<f64>;
    fn components(&self) -> usize {
        self.rows
    }
    fn batch_sum(&self, batch: &[usize], x: &Vec<f64>) -> Result<f64, OptimError> {
        self.asked.set(self.asked.get() + batch.len() as u64);
        let of_row = |i: &usize| -> f64 {
            let centre = &self.centres[i * self.dimension..][..self.dimension];
            x.iter().zip(centre).zip(&self.curvature).map(|((x, c), h)| 0.5 * h * (x - c).powi(2)).sum()
        };
        Ok(batch.iter().map(of_row).sum())
    }
}

pub(super) fn take_steps<M: ZerothOrder, P: BatchObjective>(
    tuner: &Tuner<M>,
    problem: &P,
    state: &mut TunerState<P::Point>,
    steps: u64,
) -> Vec<StepReport> {
    (0..steps).map(|_| tuner.step(problem, state, &Alone).unwrap()).collect()
}

pub(super) fn run<M: ZerothOrder>(
    tuner: &Tuner<M>,
    problem: &Problem,
    steps: u64,
) -> (TunerState<Vec<f64>>, Vec<Entry>) {
    let start = gaussian(problem.dimension, 99);
    let mut state = tuner.start(problem.components(), start).unwrap();
    let reports = take_steps(tuner, problem, &mut state, steps);
    (state, reports.iter().map(StepReport::entry).collect())
}

pub(super) const RESTORES: [Restore; 4] = [Restore::InPlace, Restore::Fused, Restore::Copy, Restore::Grid];
pub(super) const DISTRIBUTIONS: [DirectionLaw; 3] =
    [DirectionLaw::Gaussian, DirectionLaw::Rademacher, DirectionLaw::Sphere];
pub(super) const FIDELITIES: [Fidelity; 4] =
    [Fidelity::Corrected, Fidelity::SharedCycle, Fidelity::Independent, Fidelity::Official];

pub(super) fn restore() -> impl Strategy<Value = Restore> {
    proptest::sample::select(RESTORES.to_vec())
}

pub(super) fn distribution() -> impl Strategy<Value = DirectionLaw> {
    proptest::sample::select(DISTRIBUTIONS.to_vec())
}

pub(super) fn svrg(fidelity: Fidelity, storage: AnchorStorage, period: u64) -> MezoSvrg {
    MezoSvrg { fidelity, storage, anchor_period: period, ..MezoSvrg::new(0.01, 0.005) }
}

/// A method that measures and never moves, to see the scalars.
pub(super) fn still(directions: usize, eps: f32) -> Mezo {
    Mezo { eps, directions, ..Mezo::new(1e-30) }
}
