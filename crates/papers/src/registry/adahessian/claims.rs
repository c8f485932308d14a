//! What the paper says of the method, and how it is compared with Adam.

use kiln_receipts::{Check, Claim, Paper};

pub(super) const PATH: Check = Check::each("difference of x(100)/x(0) from that of curvature 1")
    .at_most(1e-10)
    .by_us("100 steps round off by some 1e-14");
pub(super) const INVARIANCE: Claim = Claim {
    place: "section 3 (preconditioning by the Hessian's diagonal)",
    says: "On a problem with a diagonal Hessian the path does not depend on the curvatures.",
    test: "Curvatures 1e-3 to 1e3, random starts, η = 0.15, ε = 0, 100 steps, 5 seeds.",
    checks: &[PATH],
    ..Claim::exact("H1")
};

pub(super) const BIAS: Check = Check::each("distance to the diagonal, in standard errors")
    .at_most(4.0)
    .by_us("of 100 normal numbers one exceeds 4 in size with a chance of 0.6 %");
pub(super) const PROBES: Claim = Claim {
    place: "section 3.1 (Hutchinson's method)",
    says: "The diagonal of the Hessian is the mean of z ⊙ Hz over random signs z.",
    test: "1e4 probes of five dense random Hessians in 20 dimensions, every coordinate.",
    checks: &[BIAS],
    ..Claim::exact("H2")
};

pub(super) const STEP_BY_STEP: Check =
    Check::ratio("loss on test digits after as many steps, AdaHessian / Adam").below(1.0).at_full_scale();
pub(super) const EQUAL_STEPS: Claim = Claim {
    place: "ours, after the tables on pictures, which count epochs",
    says: "AdaHessian trains a convolutional network to a lower loss than Adam in as many steps.",
    test: "MNIST digits at 14 × 14 pixels, 10,000 to train on; two convolutions of 8 and 16 channels with tanh and \
        mean pooling and a last layer, 2,698 weights; 1,000 steps of AdaHessian on batches of 64 (quick: 20). \
        Either method has the best of five rates, 1:100 from the smallest to the largest and its default among \
        them, by the loss on 2,000 held-out digits at the moment of the comparison. 5 seeds (quick: 1).",
    checks: &[STEP_BY_STEP],
    ..Claim::ours("H3")
};

pub(super) const WORK: Check =
    Check::ratio("loss on test digits after equal work, AdaHessian / Adam").below(1.0).at_full_scale();
pub(super) const EQUAL_WORK: Claim = Claim {
    place: "ours",
    says: "And after as many gradients, three for each of AdaHessian's steps, and after the same time.",
    test: "The runs of H3, against Adam after 3 times the steps, and after as many as fit in the time of \
        AdaHessian's run (at most 6 times the steps).",
    checks: &[WORK],
    ..Claim::ours("H3-work")
};

pub(super) const NO_HELP: Check =
    Check::ratio("value at the end as a share of that at the start, AdaHessian / Adam")
        .above(1.0)
        .floor(1e-12);
pub(super) const OFF_THE_AXES: Claim = Claim {
    place: "ours",
    says: "Where the bad conditioning is not along the axes a diagonal can't undo it: Adam does better there.",
    test: "1000 steps in Rosenbrock's valley from (−1.2, 1), and on quadratics with curvatures 1e-2 to 1e2 in random \
        directions; the rate of either method is the best of 17 from 1e-3 to 10. 5 seeds: they draw AdaHessian's \
        signs and the directions, and on a quadratic the pair has the same ones.",
    checks: &[NO_HELP],
    ..Claim::ours("H3-valley")
};

const RESNET: Claim = Claim {
    place: "Table on CIFAR-10",
    says: "ResNet-20 on CIFAR-10: AdaHessian is as good as SGD and better than Adam (92.31, 91.38, 90.24 %).",
    ..Claim::not_attempted(
        "H4",
        "it would take CIFAR-10, which is not at hand, and 160 epochs of a ResNet-20 with Hessian-vector products \
         for each seed: hours on a graphics processor",
    )
};

const TRANSLATION: Claim = Claim {
    place: "Table on machine translation",
    says: "IWSLT14 German-English: BLEU 35.90.",
    ..Claim::not_attempted(
        "H5",
        "it would take IWSLT14, which is not at hand, and the training of a translation transformer: days on a \
         graphics processor",
    )
};

pub(super) const PAPER: Paper = Paper {
    id: "adahessian",
    title: "AdaHessian: an adaptive second order optimizer for machine learning",
    citation: "Zhewei Yao, Amir Gholami, Sheng Shen, Mustafa Mustafa, Kurt Keutzer, Michael W. Mahoney. AAAI 2021",
    url: "https://arxiv.org/abs/2006.00719",
    domain: "optim",
    claims: &[INVARIANCE, PROBES, EQUAL_STEPS, EQUAL_WORK, OFF_THE_AXES, RESNET, TRANSLATION],
    experiments: &[],
};
