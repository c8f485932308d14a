//! What the paper says of the part of gradients in the top eigenspace of the Hessian.

use kiln_receipts::{Check, Claim, Paper};

pub(super) const ALIGNED: Check = Check::mean("χ of minibatch gradients, SGD").above(0.95).by_paper();
pub(super) const DOMINANT_LOSS: Check = Check::ratio("loss of Dom-SGD / loss at the start").at_least(0.95).by_us(
    "gradient descent divides the loss by 1000 over the same steps; 5 % is less than 1 % of that, in logarithms",
);
pub(super) const BULK_LOSS: Check = Check::ratio("loss of Bulk-SGD / loss of SGD")
    .at_most(1.1)
    .by_us("10 % is less than 2 % of the fall by 1000, in logarithms");
pub(super) const WITHOUT_NOISE: Check =
    Check::each("χ after 500 steps of gradient descent").below(1e-3).by_us(
        "gradient descent is not random; a random direction has √(k/d), .71 in the toy and .29 in the valley",
    );
pub(super) const SPURIOUS: Claim = Claim {
    place: "abstract; section on a toy quadratic",
    says: "The alignment of gradients with the dominant subspace comes from noise and is spurious: training along \
        it does not lower the loss, training without it does as well as SGD, and without noise it is gone.",
    test: "Toy ½(1000x² + y²) ± 100xy at η = 1e-4 and 5e-4, 20 seeds; valley of 5 sharp (60 to 100) and 55 flat \
        curvatures (0.1 to 1) with cross-curvature noise of 1.5, 100 samples in batches of 5, η = 0.005, 10 seeds. \
        Losses at the step where that of gradient descent passes 1e-3 of its start; χ is the mean over an SGD run \
        after 100 steps; the 500 steps of gradient descent begin where SGD is after half of its steps.",
    checks: &[ALIGNED, DOMINANT_LOSS, BULK_LOSS, WITHOUT_NOISE],
    ..Claim::stand_in(
        "D1",
        "the paper's toy with step sizes and a start of ours, and a valley of ours",
        "the noise, the dominant directions and the losses without noise are known exactly there",
    )
};

const TENTH: &str =
    "dominant and bulk part add up to SGD's step: one does nothing and the other all, up to a tenth";
pub(super) const DOMINANT_SHARE: Check =
    Check::mean("decrease by Dom-SGD, as a share of SGD's").at_most(0.1).by_us(TENTH);
pub(super) const BULK_SHARE: Check =
    Check::mean("decrease by Bulk-SGD, as a share of SGD's").at_least(0.9).by_us(TENTH);
pub(super) const SMALL_NETWORK: Claim = Claim {
    place: "main experiments",
    says: "On networks too, dominant updates stop lowering the loss and bulk updates do as well as SGD.",
    test: "20-16-16-4 tanh network (676 weights, f64 where the device has it), 300 points in 4 clusters, squared loss \
        summed over classes, batches of 20, η = 0.05, k = 4, 5 seeds: 200 steps of SGD, then 200 of each method. The \
        subspace is recomputed every 25 steps at quick scale and every step at full scale, as in the paper.",
    checks: &[DOMINANT_SHARE, BULK_SHARE],
    ..Claim::stand_in(
        "D2",
        "a network of 676 weights on generated clusters stands for the paper's on pictures and sentences",
        "the paper says it of networks in general, and k is the number of classes here too",
    )
};

const REAL_DATA: Claim = Claim {
    place: "figures on MNIST-5k, CIFAR10-5k, SST2-1k",
    says: "The same for an MLP, a CNN and a transformer on real data.",
    ..Claim::not_attempted(
        "D3",
        "every one of 20,000 steps needs the top 10 eigenvectors of the Hessian over 5,000 pictures, some 50 \
         products: on MNIST-5k about 1e10 gradients of a picture for each of three methods, days on two cores; \
         CIFAR-10 is not at hand",
    )
};

pub(super) const PAPER: Paper = Paper {
    id: "dominant-subspace",
    title: "Does SGD really happen in tiny subspaces?",
    citation: "Minhak Song, Kwangjun Ahn, Chulhee Yun. ICLR 2025",
    url: "https://arxiv.org/abs/2405.16002",
    domain: "optim",
    claims: &[SPURIOUS, SMALL_NETWORK, REAL_DATA],
    experiments: &[],
};
