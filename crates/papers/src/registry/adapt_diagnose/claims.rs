//! What a recommendation must keep to, fixed before the first run.

use kiln_receipts::{Check, Claim, Expected, Paper};

/// Of accuracy, or of the mean squared error of pooled ERM.
const POINT: f64 = 0.01;
/// What the first run showed; no rule was changed after it.
const NO_SOURCE_SHOWS: &str = "in the simulators of values that the label shifts in, it shifts in the target \
    alone: methods that match means gain on all sources, are recommended, and take the label out of the target";
const HEAVY: &str = "the errors of CORAL on values, where it does harm, are thousands of times those of pooling, \
    so that a mean of them says little";
const ONE: &str = "one recommendation in fifteen, and it harms: there were two sources, and gains on two that happen \
    to be nearly equal are taken for certainty by Student's law";
const A_POINT: &str = "a point is what users of a table would call the same";

pub(super) const HARM: Check =
    Check::share("problems on which the recommendation is more than a point behind pooled ERM")
        .at_most(0.1)
        .by_us("who follows the advice ten times is harmed once")
        .expected(&[Expected::quick(0.05, 0.2, NO_SOURCE_SHOWS)]);
pub(super) const HARMS: Claim = Claim {
    place: "simulated problems",
    says: "Who follows the recommendation is seldom worse off than who pools the sources.",
    test: "Fresh draws of every family of simulators: for classes those of the CIC paper (nothing, features, \
        shares of classes, reversed features, all of these; 2 or more sources), for values those of Chen and \
        Bühlmann (causal, anticausal, mixed; 1 to 19 sources; means and variances). `Diagnosis` sees sources \
        and target rows without labels. Harm: a point of accuracy less than pooled ERM by rows, or a hundredth \
        of its mean squared error more. Judged for classes and for values.",
    checks: &[HARM],
    ..Claim::ours("D1")
};

pub(super) const GAIN: Check = Check::mean("gain of the recommendation over pooled ERM")
    .above(0.0)
    .expected(&[Expected::quick(-2.0, 0.05, NO_SOURCE_SHOWS)]);
pub(super) const GAINS: Claim = Claim {
    place: "simulated problems",
    says: "It gains where adapting helps.",
    test: "The same problems: accuracy less that of pooled ERM, or the share of its mean squared error that is \
        gone; the mean over all draws of all families, for classes and for values.",
    checks: &[GAIN],
    ..Claim::ours("D2")
};

pub(super) const CORAL: Check = Check::difference("gain over pooled ERM, recommendation less always CORAL")
    .above(0.0)
    .expected(&[Expected::quick(0.05, 1500.0, HEAVY)]);
pub(super) const ALWAYS: Claim = Claim {
    place: "simulated problems",
    says: "It is better than adapting always.",
    test: "The same problems; CORAL, which moves each source to the target's mean and covariance, and pooled \
        ERM after it.",
    checks: &[CORAL],
    ..Claim::ours("D3")
};

pub(super) const REAL_HARM: Check = Check::mean("gain of the recommendation over pooled ERM, real tables")
    .above(-POINT)
    .by_us(A_POINT)
    .expected(&[Expected::quick(-0.02, 0.0, ONE)]);
pub(super) const REAL: Claim = Claim {
    place: "real tables",
    says: "On real tables it does no harm.",
    test: "Every domain in turn is the target: four hospitals (7 columns), four kinds of Amazon reviews and four \
        kinds of pictures (Office-Caltech10; both as 40 principal components, at most 500 rows a domain), three \
        kinds of handwritten digits (64 pixels, 500 rows a domain): accuracy less that of pooled ERM by rows. An \
        observation is a target, the mean over draws of rows.",
    checks: &[REAL_HARM],
    ..Claim::ours("D4")
};

pub(super) const PAPER: Paper = Paper {
    id: "adapt-diagnose",
    title: "To adapt or not: what a recommendation is worth",
    citation: "Ours, on the simulators of Chen, Bühlmann (JMLR 2021) and Wu, Chen, Bühlmann, Yu (2023)",
    url: "https://arxiv.org/abs/2010.15764",
    domain: "adapt",
    claims: &[HARMS, GAINS, ALWAYS, REAL],
    experiments: &[],
};
