//! What the paper says of heavy ball with warmup, and what is asked of diagonal networks.

use kiln_receipts::{Check, Claim, Expected, Paper};

const STAND_IN: &str = "linear diagonal networks of our sizes (20 samples, 40 dimensions, 3 nonzeros), since \
    those of the paper's are not known to us";
const WHY: &str =
    "the stability threshold, and that momentum throws the iterate further, do not depend on the size";

const BY_PAIRS: &str = "In pairs: heavy ball (β = .9) and gradient descent on the same random problem, from u = v \
    = .3, with the step size that puts the threshold 2(1+β)/η at .95, .85 and .7 of the sharpness of the minimum that \
    small steps find there. Warmup from 1e-4 over 1e4 of 2e4 steps; at the first step with sharpness above the \
    threshold Gaussian noise of 1e-8 is added, without which a run whose loss is 0 in floating point could not leave. \
    Pairs of which both crossed the threshold and ended with a loss below 1e-8.";

// Of the sample, not of a law: it says how far the other checks can be trusted.
pub(super) const SETTLED: Check =
    Check::each("share of the pairs of which both cross the threshold and settle")
        .at_least(0.8)
        .by_us("were more than a fifth left out, those that are left would be chosen by how the run ends");
const FEW_PROBLEMS: &str = "five problems know the mean to 0.04, which is more than the effect where the threshold is \
    at 0.7 of the first minimum's sharpness; with eight the interval excludes 0, and twenty are judged at full scale";
pub(super) const PAIR: Check =
    Check::difference("final sharpness / threshold, heavy ball less gradient descent")
        .below(0.0)
        .expected(&[Expected::quick(-0.07, 0.02, FEW_PROBLEMS)]);
pub(super) const BELOW: Check = Check::mean("final sharpness / threshold, heavy ball")
    .below(1.0)
    .by_paper()
    .expected(&[Expected::quick(0.92, 1.01, FEW_PROBLEMS)]);
pub(super) const FLATTER: Claim = Claim {
    place: "abstract; linear diagonal networks",
    says: "With a large step size and warmup, momentum ends in a minimum flatter than its stability threshold \
        demands, and relatively flatter than gradient descent does.",
    test: BY_PAIRS,
    checks: &[PAIR, BELOW, SETTLED],
    ..Claim::stand_in("C1", STAND_IN, WHY)
};

pub(super) const SPIKE: Check =
    Check::ratio("highest loss after the crossing, heavy ball / gradient descent")
        .above(1.0)
        .expected(&[Expected::quick(0.07, 1.06, LOWER)]);
const LOWER: &str = "on these networks the spikes of momentum are lower than those of gradient descent: the first \
    two thresholds show it, the third does not decide";
pub(super) const CATAPULT: Claim = Claim {
    place: "abstract; linear diagonal networks",
    says: "It gets there by large catapults: its loss spikes higher than that of gradient descent.",
    test: "The pairs of C1. That there is a spike says nothing, since any run that crosses its threshold has one.",
    checks: &[SPIKE],
    ..Claim::stand_in("C1-spike", STAND_IN, WHY)
};

pub(super) const AT_THRESHOLD: Check = Check::mean("final sharpness / threshold, gradient descent")
    .equal(1.0, 0.05)
    .by_us("the threshold falls by 5 % during the last 500 of 10,000 steps of warmup, which is as long as a spike \
        lasts");
pub(super) const DESCENT: Claim = Claim {
    place: "abstract; linear diagonal networks",
    says: "Gradient descent ends at its threshold.",
    test: "Gradient descent's runs of C1; its threshold is 2/η.",
    checks: &[AT_THRESHOLD],
    ..Claim::stand_in("C1-descent", STAND_IN, WHY)
};

const NETWORKS: Claim = Claim {
    place: "figures on fully connected networks and ResNet",
    says: "The same for nonlinear networks.",
    ..Claim::not_attempted(
        "C2",
        "sizes, schedules and data of the figures are not known to us; it would take CIFAR-10, a graphics processor, \
         and the sharpness of a ResNet along some ten thousand steps",
    )
};

pub(super) const PAPER: Paper = Paper {
    id: "large-catapults",
    title: "Gradient descent with Polyak's momentum finds flatter minima via large catapults",
    citation: "Prin Phunyaphibarn, Junghyun Lee, Bohan Wang, Huishuai Zhang, Chulhee Yun. arXiv, 2023",
    url: "https://arxiv.org/abs/2311.15051",
    domain: "optim",
    claims: &[FLATTER, CATAPULT, DESCENT, NETWORKS],
    experiments: &[],
};
