//! What the paper says of warm starts, and what is asked of its model and of small networks.

use kiln_receipts::{Check, Claim, Paper};

pub(super) const ABOVE_WARM: Check =
    Check::difference("accuracy at the last stage, ideal less warm").above(0.0).by_paper();
pub(super) const LIKE_RANDOM: Check = Check::difference("accuracy at the last stage, ideal less random")
    .within(-0.01, 0.01)
    .by_us("2 standard errors of an accuracy on 10,000 points, which are at most 0.005");
pub(super) const ACTIVE: Check = Check::ratio("active points at the last stage, ideal / random").below(0.5).by_us(
    "far fewer is fewer than half: above an accuracy of 0.75 more than half of the points hold enough features",
);
pub(super) const STALLED: Check =
    Check::difference("features learned from stage 10 to the last, warm less random").below(0.0).by_paper();
pub(super) const MODEL: Claim = Claim {
    place: "section 3 (feature-learning model)",
    says: "A network that goes on from the last stage stops improving; one that forgets the noise it memorized but \
        keeps its features is as good as one trained from scratch, with far fewer active points.",
    test: "The authors' model: 2 classes, 50 features each, 1000 points a stage, 50 stages, γ = 50, τ = 3, 10000 test \
        points, 10 seeds.",
    checks: &[ABOVE_WARM, LIKE_RANDOM, ACTIVE, STALLED],
    ..Claim::exact("D1")
};

const PICTURES: Claim = Claim {
    place: "experiments",
    says: "DASH trains to a higher test accuracy than warm starts and shrink and perturb on CIFAR-10, CIFAR-100, \
        SVHN and Tiny ImageNet, in fewer steps than cold starts.",
    ..Claim::not_attempted(
        "D2",
        "it would take the four sets of pictures, which are not at hand, and 50 chunks of training of a ResNet-18 \
         for each of four methods: days on a graphics processor",
    )
};

const IMAGES: &str = "Generated images (4 classes of 8 patterns each, of which an image shows some, and noise), 10 \
    chunks of 80 (quick: 3), a perceptron with two hidden layers of 64 units and batch normalization, SGD with the \
    authors' rate of 1e-3 and momentum of 0.9, batches of 32, each chunk trained until an epoch's training accuracy \
    is 99.9 %; 10 seeds (quick: 5).";

pub(super) const BETTER: Check =
    Check::difference("test accuracy after the last chunk, DASH less warm start")
        .above(0.0)
        .by_paper()
        .at_full_scale();
pub(super) const CHEAPER: Check =
    Check::ratio("steps after the first chunk, DASH / cold start").at_most(1.0).by_paper();
pub(super) const SMALL_NETWORK: Claim = Claim {
    place: "experiments, direction only",
    says: "DASH generalizes better than a warm start, in no more steps than a cold start.",
    test: IMAGES,
    checks: &[BETTER, CHEAPER],
    ..Claim::stand_in(
        "D3",
        "generated images and a small perceptron stand for CIFAR-10 and the authors' networks",
        "by the paper's own model it takes features to learn and noise to memorize, which the images have, and the \
         perceptron has batch normalization like the authors' `mlp_bn`",
    )
};

pub(super) const NORMALIZED: Check =
    Check::ratio("steps of DASH / cold start, without normalization / with it").above(1.0);
pub(super) const NORMALIZATION: Claim = Claim {
    place: "ours",
    says: "It is normalization that makes a shrunk network quick to train again: without it DASH takes more steps, \
        by the measure of a cold start.",
    test: "D3 with and without batch normalization, paired by seed.",
    checks: &[NORMALIZED],
    ..Claim::ours("D3-plain")
};

pub(super) const PAPER: Paper = Paper {
    id: "dash",
    title: "DASH: warm-starting neural network training in stationary settings without loss of plasticity",
    citation: "Baekrok Shin, Junsoo Oh, Hanseul Cho, Chulhee Yun. NeurIPS 2024",
    url: "https://arxiv.org/abs/2410.23495",
    domain: "optim",
    claims: &[MODEL, PICTURES, SMALL_NETWORK, NORMALIZATION],
    experiments: &[],
};
