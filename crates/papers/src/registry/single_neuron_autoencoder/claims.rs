//! What the paper says.

use kiln_receipts::{Check, Claim, Paper};

pub(super) const GAP: Check = Check::each("loss above the minimum").below(1e-6).by_us(
    "runs on batches end when all but 1e-8 of the squared norm is in one entry; the loss is flat to first order \
     there, and its curvature is below 8",
);
pub(super) const MINIMUM: Claim = Claim {
    place: "main theorems",
    says: "With a constant step size SGD of every batch size, full batches included, reaches a global minimum.",
    test: "n orthonormal points in n dimensions, start N(0, I/n), step size 0.1, batches drawn afresh \
        without replacement, linear and ReLU neuron, n = 20 with b = 1, 5, 10, 20 (at full scale also 19) \
        and n = 10 with b = 9 (linear): the loss above its minimum 1 − 1/n at the end, which is when one \
        entry holds all but 1e-8 of the squared norm, after 5,000 steps for b = n, or after 4e5 steps (4e6 \
        for b = 19).",
    checks: &[GAP],
    ..Claim::exact("A1")
};

pub(super) const COSINE: Check = Check::each("cosine of end and start, b = n")
    .above(1.0 - 1e-9)
    .by_us("the gradient is radial, so only rounding turns the weights: 5,000 steps of 1e-16");
pub(super) const SPARSE: Check = Check::each("share of the largest entry, b < n")
    .above(0.999)
    .by_us("\"a single entry\" is read as all but a thousandth of the squared norm");
pub(super) const SPARSITY: Claim = Claim {
    place: "main theorems",
    says: "Full batches find a dense minimum aligned with the start; any smaller batch finds a sparse one that is \
        nearly orthogonal to it.",
    test: "Runs of A1. b = n, linear neuron: cosine of the end and the start. b < n: the share of the largest entry in \
        the squared norm. That a single entry is nearly orthogonal to a random start (|cosine| up to about \
        √(2 ln n/n)) is arithmetic, and shown, not judged.",
    checks: &[COSINE, SPARSE],
    ..Claim::exact("A2")
};

pub(super) const FLATTER: Check =
    Check::difference("trace of the Hessian, ReLU, b < n less b = n").above(0.0);
pub(super) const ONE_TRACE: Check = Check::each("|difference of traces|, linear")
    .below(1e-6)
    .by_us("all minima have one trace; the ends are within 1e-8 of them");
pub(super) const SHARPNESS: Claim = Claim {
    place: "section on sharpness",
    says: "With a ReLU the full-batch minimum is flatter, by the trace of the Hessian, than those of smaller batches.",
    test: "n = 20: trace at the end of b = 1, 5, 10 (at full scale also 19) less that of b = n from the same start, \
        entries below 1e-3 set to 0. For a linear neuron all minima have one trace.",
    checks: &[FLATTER, ONE_TRACE],
    ..Claim::exact("A3")
};

pub(super) const SOONER: Check =
    Check::ratio("steps until one entry holds 0.999, larger batch / smaller").above(1.0);
pub(super) const SPEED: Claim = Claim {
    place: "experiments",
    says: "A constant step size suffices, and smaller batches become sparse sooner.",
    test: "Steps until one entry holds 0.999 of the squared norm, n = 20, from the same start: b = 5 over b \
        = 1, b = 10 over b = 5, at full scale also b = 19 over b = 10, for either neuron.",
    checks: &[SOONER],
    ..Claim::reduced("A4", "n = 20 and three to four batch sizes")
};

pub(super) const PAPER: Paper = Paper {
    id: "single-neuron-autoencoder",
    title: "The effect of SGD batch size on autoencoder learning: sparsity, sharpness, and feature learning",
    citation: "Nikhil Ghosh, Spencer Frei, Wooseok Ha, Bin Yu. Journal of Machine Learning Research 26, 2025",
    url: "https://arxiv.org/abs/2308.03215",
    domain: "optim",
    claims: &[MINIMUM, SPARSITY, SHARPNESS, SPEED],
    experiments: &[],
};
