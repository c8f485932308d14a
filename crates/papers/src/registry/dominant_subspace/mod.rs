//! Song, Ahn, Yun, "Does SGD really happen in tiny subspaces?", ICLR 2025.

mod network;
mod quadratics;

use kiln_optim::curvature::{SubspaceMemory, SubspacePart, SubspaceSgd};
use kiln_optim::{Objective, Operator, Solver, State};

use kiln_receipts::{Check, Claim, Experiment, ExperimentError, Need, Paper, Statistic, Threshold};

pub(super) const PAPER: Paper = Paper {
    id: "dominant-subspace",
    title: "Does SGD really happen in tiny subspaces?",
    citation: "Minhak Song, Kwangjun Ahn, Chulhee Yun. ICLR 2025",
    url: "https://arxiv.org/abs/2405.16002",
    domain: "optim",
    claims: &[
        Claim {
            id: "D1",
            place: "abstract; section on a toy quadratic",
            says: "The alignment of gradients with the dominant subspace comes from noise and is spurious: \
                training along it does not lower the loss, training without it does as well as SGD, and \
                without noise it is gone.",
            test: "Toy ½(1000x² + y²) ± 100xy at η = 1e-4 and 5e-4, 20000 steps, 10 seeds; valley of 5 sharp \
                (60 to 100) and 55 flat curvatures (0.1 to 1) with cross-curvature noise of 1.5, 100 samples \
                in batches of 5, η = 0.005, 3 seeds, losses at 500 and 3000 steps. χ of minibatch gradients \
                is the mean over an SGD run after 100 steps. Gradient descent begins where SGD is after half \
                of its steps.",
            checks: &[
                Check::new("χ of minibatch gradients, SGD", Statistic::Min, Threshold::Above(0.9)),
                Check::new("loss of Dom-SGD / initial loss", Statistic::Min, Threshold::AtLeast(0.95)),
                Check::new("loss of Bulk-SGD / loss of SGD", Statistic::Max, Threshold::AtMost(1.1)),
                Check::new("χ after 500 steps of gradient descent", Statistic::Max, Threshold::Below(1e-3)),
            ],
            needs: &[],
            known_finding: Some(
                "On the toy at η = 5e-4 the loss of SGD after 20000 steps scatters over more than a decade \
                 between seeds (3e-10 to 8e-9), that of Bulk-SGD is 1.03e-9 for every seed, since without \
                 the sharp coordinate the noise is gone. Two of ten SGD runs are lucky and end below it \
                 (ratios 3.1 and 1.3); the mean of SGD is 2.8 times that of Bulk-SGD.",
            ),
        },
        Claim {
            id: "D2",
            place: "main experiments, on a small network",
            says: "On networks too, dominant updates stop lowering the loss and bulk updates do as well as SGD.",
            test: "20-16-16-4 tanh network (676 weights, f64 where the device has it), 300 points in 4 \
                clusters, squared loss summed over classes, batches of 20, η = 0.05, k = 4: 200 steps of \
                SGD, then 200 of each method. The subspace is recomputed every 20 steps at quick scale and \
                every step at full scale.",
            checks: &[
                Check::new("decrease by Dom-SGD / by SGD", Statistic::Max, Threshold::AtMost(0.5)),
                Check::new("decrease by Bulk-SGD / by SGD", Statistic::Min, Threshold::AtLeast(0.8)),
            ],
            needs: &[],
            known_finding: None,
        },
        Claim {
            id: "D3",
            place: "figures on MNIST-5k, CIFAR10-5k, SST2-1k",
            says: "The same for an MLP, a CNN and a transformer on real data.",
            test: "Not yet: one Hessian eigenproblem on the whole training set per step.",
            checks: &[],
            needs: &[Need::Gpu, Need::Data("mnist"), Need::Data("cifar10"), Need::Data("sst2")],
            known_finding: None,
        },
    ],
    experiments: &[
        Experiment { id: "toy", claims: &["D1"], run: quadratics::toy },
        Experiment { id: "valley", claims: &["D1"], run: quadratics::valley },
        Experiment { id: "network", claims: &["D2"], run: network::network },
    ],
};

/// The methods in the order of colours.
const METHODS: [(&str, SubspacePart); 3] =
    [("SGD", SubspacePart::Whole), ("Dom-SGD", SubspacePart::Dominant), ("Bulk-SGD", SubspacePart::Bulk)];

/// A run, step by step.
struct Followed<V> {
    state: State<V, SubspaceMemory<V>>,
    /// `(step, loss)`, every so many steps.
    losses: Vec<(f64, f64)>,
    /// Mean alignment of the gradients after the first `BURN_IN` steps.
    alignment: f64,
}

const BURN_IN: u64 = 100;

fn follow<P>(
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

fn last(losses: &[(f64, f64)]) -> f64 {
    losses.last().map_or(f64::NAN, |point| point.1)
}
