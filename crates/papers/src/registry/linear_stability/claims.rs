//! What the paper says of the minima at which SGD is stable.

use kiln_receipts::{Check, Claim, Paper};

pub(super) const TRACE_OF_STABLE: Check =
    Check::each("η tr H of a stable design").at_most(2.0 + 1e-6).by_paper();
pub(super) const STABLE: Check = Check::each("stable designs among the 2000")
    .at_least(100.0)
    .by_us("with none the bound would hold of nothing");
pub(super) const BOUNDED_TRACE: Claim = Claim {
    place: "abstract: stable minima have a bounded Hessian trace",
    says: "A minimum at which SGD with batches of one is linearly stable in mean square has tr H ≤ 2/η.",
    test: "2000 random designs of d = 2 to 6 dimensions and d to 2d samples of unequal norms, η tr H uniform in \
        [0.4, 4]; stable are those whose second-moment operator has ρ(T) ≤ 1 + 1e-9 by Lanczos.",
    checks: &[TRACE_OF_STABLE, STABLE],
    ..Claim::exact("L1")
};

pub(super) const DESCENT_ONLY: Check =
    Check::each("designs with λ_max < 2/η < tr H and ρ(T) > 1").at_least(1.0);
pub(super) const SELECTIVE: Claim = Claim {
    place: "abstract: SGD is more selective than gradient descent",
    says: "Minima exist where gradient descent is stable and SGD is not.",
    test: "The designs of L1.",
    checks: &[DESCENT_ONLY],
    ..Claim::exact("L2")
};

// Of the sample, not of a law: it says how far the other checks can be trusted.
pub(super) const FOUND: Check =
    Check::each("share of a step size's runs with a loss of at most 1e-8 at the end")
        .at_least(0.8)
        .by_us("were more than a fifth left out, those that are left would be chosen by where they end");
pub(super) const TRACE_OF_FOUND: Check =
    Check::each("η tr H / 2 of a minimum that SGD found, largest step").at_most(1.0).by_paper();
pub(super) const FLATTER: Check = Check::ratio("tr H of the minimum at η / at 2η").above(1.0);
pub(super) const FOUND_MINIMA: Claim = Claim {
    place: "abstract: diagonal linear networks, larger learning rates",
    says: "The minima that SGD finds obey the bound, and a larger learning rate finds flatter ones.",
    test: "Ten random diagonal networks (20 samples, 40 dimensions, 3 nonzeros) from u = v = 0.3, batches of one, \
        2e5 steps at η = c · 2/tr H(first minimum), the one that small steps of gradient descent find; c = .15, .3, \
        .6, 1.2. At 1.2 the bound is judged: there the first minimum breaks it by a fifth, so that a method to which \
        the trace is nothing fails. Traces of runs that end with a loss of at most 1e-8, in pairs on one problem.",
    checks: &[FLATTER, TRACE_OF_FOUND, FOUND],
    ..Claim::stand_in(
        "L3",
        "networks of our sizes, since those of the paper's are not known to us",
        "stability at a minimum does not depend on the size of the network",
    )
};

pub(super) const PAPER: Paper = Paper {
    id: "linear-stability",
    title: "The implicit regularization of dynamical stability in stochastic gradient descent",
    citation: "Lei Wu, Weijie J. Su. ICML 2023",
    url: "https://arxiv.org/abs/2305.17490",
    domain: "optim",
    claims: &[BOUNDED_TRACE, SELECTIVE, FOUND_MINIMA],
    experiments: &[],
};
