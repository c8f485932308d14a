//! What the paper says.

use kiln_receipts::{Check, Claim, Paper};

pub(super) const SAME_UPDATES: Check =
    Check::each("difference of the numbers of updates, γ = 1e8 and batch perceptron").at_most(0.0);
pub(super) const SAME_DIRECTION: Check =
    Check::each("distance of the directions, γ = 1e8 and batch perceptron").at_most(1e-9).by_us(
        "at γ = 1e8 weights are 0 or 1 to rounding; a thousand updates round by 1e-13 of lengths that differ by 1e4",
    );
pub(super) const PERCEPTRON: Claim = Claim {
    place: "Theorem 3.2",
    says: "As the step size grows without bound, gradient descent on the logistic loss becomes the batch perceptron.",
    test: "γ = 1e8 against the batch perceptron that starts from half the mean of the zᵢ, which counts as an \
        update. Ten random data sets (200 points on the unit sphere of 20 dimensions, margin at least 0.02) \
        and the data of Theorem 5.1 (n = 10, 100, 1000): updates until all points are separated, and \
        directions.",
    checks: &[SAME_UPDATES, SAME_DIRECTION],
    ..Claim::exact("L1")
};

pub(super) const SOONER: Check =
    Check::ratio("updates on MNIST, a step size / one ten times as large").above(1.0);
const MNIST: &str = "MNIST of the paper's four data sets, with 1,000 of 5,000 pictures; which two classes it has we do \
    not know, so there are five pairs of digits, drawn at random";
pub(super) const LARGER_IS_SOONER: Claim = Claim {
    place: "experiments (figures 1 to 5)",
    says: "Larger steps separate the data sooner.",
    test: "Two different digits, drawn by the seed, 500 pictures of each, pixels from 0 to 1: updates at γ = \
        1 over those at 10; at full scale also γ = 0.1 over 1.",
    checks: &[SOONER],
    ..Claim::reduced("L2", MNIST)
};

pub(super) const SOONER_AT_RANDOM: Check =
    Check::ordered("log₁₀ updates on random data: γ = 1000, 100, 10, 1");
pub(super) const RANDOM: Claim = Claim {
    place: "experiments",
    says: "The same on random points.",
    test: "Random data of L1, paired by data set.",
    checks: &[SOONER_AT_RANDOM],
    ..Claim::stand_in(
        "L2-random",
        "random points in place of pictures",
        "the paper asks only that they are separable",
    )
};

pub(super) const FIRST_LOSS: Check =
    Check::each("loss after the first update / (γ/8), Theorem 4.1").at_least(1.0 - 1e-12).by_us(
        "the first update gives one of the two points a margin of −γ/4, so a loss of at least γ/4; γ/8 grows without \
         bound, and from γ = 10 on is above log 2, the loss at the start; 1e-12 is for rounding",
    );
pub(super) const TWO_UPDATES: Check = Check::each("updates, Theorem 4.1").equal(2.0, 0.0).by_paper();
pub(super) const LOSS_MISLEADS: Claim = Claim {
    place: "Theorem 4.1",
    says: "There are data on which the loss grows without bound in the first update and the second separates them: the \
        loss is the wrong thing to watch.",
    test: "The data of its proof, (1, −1) of class 1 and (−1, −4) of class −1, γ = 10, 100, 1000.",
    checks: &[FIRST_LOSS, TWO_UPDATES],
    ..Claim::exact("L3")
};

pub(super) const HIGHER_LOSS: Check = Check::ratio("largest loss on MNIST, γ = 10 / γ = 1").above(1.0);
pub(super) const HIGHER: Claim = Claim {
    place: "figures 1, 4 and 5",
    says: "Larger steps that separate sooner have the higher losses before they do.",
    test: "The runs of L2: largest loss after the start and before all are separated.",
    checks: &[HIGHER_LOSS],
    ..Claim::reduced("L3-MNIST", MNIST)
};

pub(super) const NORMALIZED: Check =
    Check::each("normalized perceptron, updates over R²/μ²").at_most(1.0).by_paper();
pub(super) const BATCH: Check = Check::each("batch perceptron, updates over nR²/μ²").at_most(1.0).by_paper();
pub(super) const LOGISTIC: Check =
    Check::each("normalized gradient descent, updates over the bound of Theorem 6.1").at_most(1.0).by_paper();
pub(super) const AT_LEAST: Check =
    Check::each("batch perceptron, updates / n on the data of Theorem 5.1").at_least(0.3).by_paper();
pub(super) const BOUNDS: Claim = Claim {
    place: "Theorems 3.3, 5.1, 5.3 and 6.1",
    says: "The batch perceptron needs up to nR²/μ² updates, the normalized one R²/μ², normalized gradient \
        descent R²/μ² + 2 log(2n − 1)/(γμ²): the n is real, and normalization removes it.",
    test: "Updates over the bound: on the random data with the largest margin known, that of the planted plane or of a \
        plane found; on the data of Theorem 5.1 (one (0.5, −1), n − 1 (0.5, 1); n = 10, 100, 1000, at full scale also \
        10000), where the batch perceptron's k updates obey 0.125 (1 + (2k − 2)/n) > (n − 2k)/(2n), that is k > 0.3 n.",
    checks: &[NORMALIZED, BATCH, LOGISTIC, AT_LEAST],
    ..Claim::exact("L4")
};

pub(super) const PRINTED: Check = Check::each("updates less those of Table 1").equal(0.0, 0.0).by_paper();
pub(super) const TABLE: Claim = Claim {
    place: "Table 1, worst-case data set",
    says: "Normalized gradient descent separates the data of Theorem 5.1 in 2, 2, 16 and 157 updates with γ \
        = 100, 10, 1 and 0.1, where gradient descent with γ = 100 needs 308.",
    test: "The same with n = 1000.",
    checks: &[PRINTED],
    ..Claim::exact("L5")
};

pub(super) const PAPER: Paper = Paper {
    id: "large-step-logistic",
    title: "From logistic regression to the perceptron algorithm: exploring gradient descent with large step sizes",
    citation: "Alexander Tyurin. AAAI 2025",
    url: "https://arxiv.org/abs/2412.08424",
    domain: "optim",
    claims: &[PERCEPTRON, LARGER_IS_SOONER, RANDOM, LOSS_MISLEADS, HIGHER, BOUNDS, TABLE],
    experiments: &[],
};
