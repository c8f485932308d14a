//! What Ha and Barber say. Their full text could not be read: sizes are ours.

use kiln_receipts::{Check, Claim, Paper};

/// Of a squared error over its value at the start: what is below is rounding of the entries.
pub(super) const ROUNDING: f64 = 1e-24;

pub(super) const REACHED: Check =
    Check::ratio("squared error of alternating minimization, after 30 sweeps / before")
        .at_most(1e-16)
        .floor(ROUNDING)
        .by_us("half of all digits of the squares; a rate of 1/k² would leave 1e-3");
pub(super) const EXACT: Claim = Claim {
    place: "convergence theorem, low rank + sparse",
    says: "Exact alternating minimization converges linearly to the truth over nonconvex sets.",
    test: "60 × 60, rank 3, 5 % entries of ±5, true rank and true number of entries, no noise, from zero.",
    checks: &[REACHED],
    ..Claim::reduced("A1", "one size and one kind of set")
};

pub(super) const BEATS_JOINT: Check =
    Check::ratio("squared error, joint descent after 60 steps / alternating after 30 sweeps")
        .above(1.0)
        .floor(ROUNDING);
pub(super) const JOINT: Claim = Claim {
    place: "comparison with joint gradient descent",
    says: "Alternating minimization needs strong convexity block by block only, and beats gradient descent in both \
        blocks together.",
    test: "The problems of A1, paired: 60 block minimizations against 60 steps of projected gradient with ½ = 1/L.",
    checks: &[BEATS_JOINT],
    ..Claim::stand_in(
        "A2",
        "own sizes",
        "the theorems compare the two methods on any problem whose blocks are better conditioned than both together",
    )
};

pub(super) const CONTRACTION: Check = Check::each("factor of L − min L in a sweep of alternating descent / bound")
    .at_most(1.001)
    .by_us(
        "the bound is of the step on the sets' tangent spaces: where the squared error is below 1e-8 of the first, \
         their curvature changes a step by 1e-4 of itself",
    );
pub(super) const INEXACT: Claim = Claim {
    place: "inexact alternating minimization",
    says: "Alternating descent converges linearly too, at a rate that the conditioning of the blocks sets.",
    test: "Every sweep against a bound for quadratics (derived on the page) from the blocks' condition numbers and the \
        cosine between the blocks: coupled quadratics of 30 + 30 variables with steps 1/L, and the problems of A1 \
        near the truth, where the gradient vanishes and with it what local concavity costs, with steps 1/(2L), as \
        1/L is the exact minimization there.",
    checks: &[CONTRACTION],
    ..Claim::reduced(
        "A3",
        "two families of problems; the bound is our derivation, for the paper's could not be read",
    )
};

pub(super) const NO_INCREASE: Check = Check::each("largest increase of the objective in a sweep")
    .at_most(1e-12)
    .by_us("the objective is of order 10, so that rounding is of order 1e-14");
pub(super) const ERROR: Check =
    Check::ratio("error of B, alternating minimization / another estimate").below(1.0);
pub(super) const MULTITASK: Claim = Claim {
    place: "multitask regression",
    says: "Alternating over low-rank coefficients and the inverse covariance of correlated noise estimates both.",
    test: "n = 200, p = 30, q = 20, rank 3, noise an autoregression over the tasks with correlation 0.7 and deviation \
        1, 50 sweeps: Frobenius error of B against least squares and against the low-rank block alone, paired.",
    checks: &[NO_INCREASE, ERROR],
    ..Claim::stand_in(
        "A4",
        "own sizes and noise",
        "noise that is correlated over the tasks is all that the second block is for",
    )
};

pub(super) const CLOSED_FORM: Check =
    Check::each("error of y after a sweep, relative difference from C⁻¹BᵀA⁻¹B times it")
        .at_most(1e-12)
        .by_us("rounding: 1e-16 times condition numbers below 100");
pub(super) const QUADRATIC: Claim = Claim {
    place: "quadratic case",
    says: "On L = ½xᵀAx + xᵀBy + ½yᵀCy the rate of alternating minimization is ‖A^{-1/2}BC^{-1/2}‖².",
    test: "Random positive definite 30 × 30: the largest difference over 100 sweeps.",
    checks: &[CLOSED_FORM],
    ..Claim::ours("A5")
};

pub(super) const PAPER: Paper = Paper {
    id: "alternating-minimization",
    title: "Alternating minimization and alternating descent over nonconvex sets",
    citation: "Wooseok Ha, Rina Foygel Barber. arXiv:1709.04451, 2017",
    url: "https://arxiv.org/abs/1709.04451",
    domain: "optim",
    claims: &[EXACT, JOINT, INEXACT, MULTITASK, QUADRATIC],
    experiments: &[],
};
