//! SGD, Dom-SGD, Bulk-SGD and gradient descent, followed step by step.

use kiln_optim::curvature::{SubspaceMemory, SubspacePart, SubspaceSgd};
use kiln_optim::{Objective, Operator, Order, Solver, State};
use kiln_receipts::ExperimentError;

/// `(step, loss)`.
pub(super) type Curve = Vec<(f64, f64)>;

/// The methods in the order of colours.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Method {
    Part(SubspacePart),
    /// On all components.
    GradientDescent,
}

pub(super) const SGD: Method = Method::Part(SubspacePart::Whole);
pub(super) const METHODS: [(&str, Method); 4] = [
    ("SGD", SGD),
    ("Dom-SGD", Method::Part(SubspacePart::Dominant)),
    ("Bulk-SGD", Method::Part(SubspacePart::Bulk)),
    ("GD", Method::GradientDescent),
];

impl Method {
    /// This method with the settings of `sgd`, on so many components.
    pub(super) fn of(self, sgd: SubspaceSgd, components: usize) -> SubspaceSgd {
        match self {
            Self::Part(part) => SubspaceSgd { part, ..sgd },
            Self::GradientDescent => SubspaceSgd { batch_size: components, order: Order::Cyclic, ..sgd },
        }
    }
}

/// A run, step by step.
pub(super) struct Followed<V> {
    pub(super) state: State<V, SubspaceMemory<V>>,
    /// Every so many steps.
    pub(super) losses: Curve,
    /// Mean alignment of the gradients after the first `BURN_IN` steps.
    pub(super) alignment: f64,
}

const BURN_IN: u64 = 100;

pub(super) fn follow<P>(
    solver: &SubspaceSgd,
    problem: &P,
    start: P::Point,
    steps: u64,
    every: u64,
) -> Result<Followed<P::Point>, ExperimentError>
where
    P: Objective,
    SubspaceSgd: Solver<P, Memory = SubspaceMemory<<P as Operator>::Point>>,
{
    let mut state = solver.start(problem, start)?;
    let (mut losses, mut sum) = (Vec::new(), 0.0);
    for step in 0..=steps {
        if step.is_multiple_of(every) || step == steps {
            losses.push((step as f64, problem.value(&state.iterate)?));
        }
        if step < steps {
            solver.advance(problem, &mut state)?;
            if step >= BURN_IN {
                sum += state.memory.alignment().unwrap_or(f64::NAN);
            }
        }
    }
    let alignment = sum / steps.saturating_sub(BURN_IN) as f64;
    Ok(Followed { state, losses, alignment })
}

pub(super) fn last(losses: &Curve) -> f64 {
    losses.last().map_or(f64::NAN, |point| point.1)
}
