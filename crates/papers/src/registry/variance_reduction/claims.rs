//! What the four papers say.

use kiln_receipts::{Check, Claim, Paper};

/// Of `(f − min f)/(f(0) − min f)`: what is below is rounding in f.
const ROUNDING: f64 = 1e-12;

// The theorems are about the expectation.
pub(super) const REACHED: Check = Check::mean("share of the excess left by variance-reduced methods")
    .at_most(1e-10)
    .by_us(
        "the theorems have O(n + κ) component gradients for each factor e, κ = L/λ: with a constant of 1 it takes \
         (1 + 143/569) ln 1e10 = 29 passes, and 60 allow a constant of 2; Nesterov's rate on 60 full gradients, \
         1 − 1/√κ, leaves 7e-3",
    );
pub(super) const LINEAR_RATE: Claim = Claim {
    place: "the rates of all four papers",
    says: "With a constant step, variance-reduced methods converge linearly on strongly convex finite sums.",
    test: "Logistic regression on the Wisconsin breast cancer data (569 × 30, columns standardized, a 1 appended, \
        rows of length 1, λ = 1/n, L/λ = 143): (f − min f)/(f(0) − min f) after 60 n component gradients.",
    checks: &[REACHED],
    ..Claim::reduced("R9a", "one problem of all those that the theorems are about")
};

pub(super) const PLAIN: Check = Check::ratio(
    "excess after 60 passes, plain method / slowest variance-reduced one",
)
.above(1e6)
.floor(ROUNDING)
.by_us(
    "\"far\" is read as: with less than half of the digits; the other has at most the 12 above rounding, \
             and half of 12 digits is a factor of 1e6",
);
pub(super) const PLAIN_IS_SLOW: Claim = Claim {
    place: "the comparison with gradient descent and SGD in all four papers",
    says: "Gradient descent, and SGD with a constant step, are far from the solution after the same work.",
    test: "As R9a, gradient descent with 1/L and SGD with 1/(2L), each against the largest excess of the four \
        variance-reduced methods on the same seed.",
    checks: &[PLAIN],
    ..Claim::reduced("R9b", "one problem")
};

pub(super) const RESHUFFLED: Check =
    Check::ratio("excess after 60 passes, SGD / reshuffled SGD").above(1.0).floor(ROUNDING);
pub(super) const RESHUFFLING: Claim = Claim {
    place: "folklore, and the theory of random reshuffling",
    says: "With a small step, SGD that reshuffles beats SGD that draws with replacement.",
    test: "As R9a with the step 1/(40L), paired by seed.",
    checks: &[RESHUFFLED],
    ..Claim::ours("R9c")
};

pub(super) const PAPER: Paper = Paper {
    id: "variance-reduction",
    title: "Variance-reduced stochastic gradients",
    citation: "Johnson, Zhang, NIPS 2013 (SVRG); Defazio, Bach, Lacoste-Julien, NIPS 2014 (SAGA); Kovalev, Horváth, \
        Richtárik, ALT 2020 (loopless SVRG); Allen-Zhu, STOC 2017 (Katyusha)",
    url: "https://arxiv.org/abs/1407.0202",
    domain: "optim",
    claims: &[LINEAR_RATE, PLAIN_IS_SLOW, RESHUFFLING],
    experiments: &[],
};
