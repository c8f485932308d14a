//! What the paper says. Its text was not at hand: settings and figures are those of the authors' code and notebooks
//! (`csinva/transformation-importance`).

use kiln_receipts::{Check, Claim, Paper};

/// Rows of T1 that are explained: one of them is the smallest error but 0.
pub(super) const EXPLAINED: usize = 500;

pub(super) const NAMED_BY_CD: Check = Check::mean("T1: share named rightly, CD")
    .equal(0.996, 0.01)
    .by_us("the notebook's figure is of 500 rows, with a standard error of 0.003: three of them");
pub(super) const ERRORS: Check =
    Check::ratio("T1: share named wrongly, another method / CD").above(1.0).floor(1.0 / EXPLAINED as f64);
pub(super) const FREQUENCY: Claim = Claim {
    place: "simulation, Fourier domain",
    says: "Explanations of a network that was told of one frequency name it: contextual decomposition (CD) for 99.6 % \
        of the rows, DeepLIFT, SHAP and integrated gradients for about 96 %.",
    test: "50,000 rows of 100 normal numbers (20,000 at quick scale), of class 1 where the amplitude of frequency 12 \
        is above its median; perceptron 100-100-2, SGD at rate 0.1, 12 epochs (30) of batches of 128. 500 test rows, \
        output 1, 51 frequencies by the length of their two scores, for CD by the signed relevance of both together. \
        Integrated gradients and gradient SHAP of the probability from zero, as in the authors' code. 10 networks (5).",
    checks: &[NAMED_BY_CD, ERRORS],
    ..Claim::reduced("T1", "at quick scale 20,000 rows of 50,000, with as many steps")
};

pub(super) const AS_OFTEN: Check = Check::mean("T1b: share named rightly").at_least(0.931).by_us(
    "the notebook's least share for T1, 0.958, less three standard errors: 3 √(0.958 · 0.042/500) = 0.027",
);
pub(super) const COEFFICIENT: Claim = Claim {
    place: "simulation, other transforms",
    says: "The same holds for a wavelet transform and for the features themselves.",
    test: "Rows and network as in T1 (10,000 rows and 15 epochs at quick scale); of class 1 where coefficient 12 is \
        above its median, of a db2 transform of one level (102 coefficients, smooth boundary) or of the row itself. \
        Coefficients by the size of their scores, by saliency and by CD. 10 networks for each transform (5).",
    checks: &[AS_OFTEN],
    ..Claim::reduced("T1b", "at quick scale 10,000 rows of 50,000")
};

pub(super) const PATH_LEADS: Check =
    Check::difference("T2: share named rightly, integrated gradients less another method")
        .above(0.0)
        .by_authors("transformation-importance: ex_simulation/mnist_based/nmf/sim_nmf_analyze.ipynb")
        .at_full_scale();
pub(super) const PART: Claim = Claim {
    place: "MNIST, nonnegative parts",
    says: "Explanations by 30 parts of digits name the one that a network was told of: integrated gradients for 95 %, \
        gradient SHAP 91 %, CD 82 %, input × gradient 80 %, saliency 72 %.",
    test: "As in the authors' code: 60,000 digits factorized from their singular vectors, parts left at the length \
        that they come to; for each part a network with two convolutions tells digits with the part from the same \
        without it (SGD at rate 0.01, momentum 0.5, 50 epochs of batches of 32 pairs); all test digits with the part, \
        as their 30 parts give them, logit of being whole; gradient methods from zero, 5 samples for SHAP. Share for \
        which the part is on top; networks of 6 parts. At quick scale 1,000 digits and 2 networks show that it runs.",
    checks: &[PATH_LEADS],
    ..Claim::reduced("T2", "networks of 6 parts of 30")
};

pub(super) const RING_SHARE: Check = Check::each("T3: share of the planted ring")
    .at_least(0.99)
    .by_us("it is 1, but for single precision and 50 nodes on the way");
pub(super) const RING_GRADIENT: Check = Check::each("T3: error of the planted teacher's gradient")
    .at_most(1e-4)
    .by_us("a thousand roundings in single precision, of the largest entry");
pub(super) const SCORES_TELL: Check = Check::difference(
    "T3: rank correlation with the loss when a ring is taken out, scores less power of the maps",
)
.above(0.0)
.at_full_scale();
pub(super) const SCALES: Claim = Claim {
    place: "cosmology",
    says: "The importance of scales for a network that reads cosmological parameters off maps can be told.",
    test: "Lognormal maps of 64×64 pixels (32×32 at quick scale). A teacher that is the logarithm of the power in one \
        of eleven rings, 200 maps: its ring's share of integrated gradients, and the known gradient; 5 seeds (2). A \
        small network trained to read the slope of the spectrum: the rank correlation, over rings, of the mean size \
        of integrated gradients and of what the squared error gains when the ring is taken out, against that of the \
        maps' power, which tells nothing of the network; 5 networks (2).",
    checks: &[RING_SHARE, RING_GRADIENT, SCORES_TELL],
    ..Claim::stand_in(
        "T3-stand-in",
        "generated maps with two parameters and a small network in place of 100,000 simulated maps and a ResNet-18",
        "a planted teacher's scales are known, and what a trained network uses can be measured by taking it out",
    )
};

const RESNET: Claim = Claim {
    place: "cosmology",
    says: "A ResNet-18 reads Ω_m off convergence maps with R² 0.952; CD over 100 bands shows at which scales.",
    ..Claim::not_attempted(
        "T3",
        "100,000 simulated maps of 256×256 pixels, which are not at hand, and days on a GPU",
    )
};

pub(super) const NEAR_THE_BAND: Check = Check::mean("T4: share of curves by CD that peak near the band")
    .above(0.5)
    .by_us("more often than not; a peak at random would be near for a quarter of the curves")
    .at_full_scale();
pub(super) const BAND: Claim = Claim {
    place: "MNIST, bands of frequencies",
    says: "A network told to find out whether a band of frequencies is missing is explained by that band.",
    test: "Bands of width 0.2 about four centres from 0.15 to 0.85, Nyquist's frequency being 1, taken out of 5,000 \
        pictures; networks as in T2, 5 epochs. 200 test digits, log-odds of being whole: share for which the curve by \
        CD over 40 bands of width 0.1 peaks within 0.1 of the true centre, for each centre; 5 networks each. At quick \
        scale 500 pictures and one network each show that it runs.",
    checks: &[NEAR_THE_BAND],
    ..Claim::reduced(
        "T4",
        "4 centres of 20, 5,000 pictures of 60,000, 5 epochs of 10, 200 test digits of 10,000",
    )
};

const SOUNDS: Claim = Claim {
    place: "environmental sounds",
    says: "A network with 57.2 % accuracy on UrbanSound8K, explained by frequency for each class.",
    ..Claim::not_attempted(
        "T5",
        "needs the recordings (6 GB, to be asked for) and a network on spectrograms of them",
    )
};

const TOPICS: Claim = Claim {
    place: "fake news by topics; Fashion-MNIST by frequencies",
    says: "Explanations by topics of a text and by low and high frequencies of clothes.",
    ..Claim::not_attempted(
        "T6",
        "the collection of texts is not at hand; the clothes could be read as MNIST is, but no figure is stated to \
         compare with",
    )
};

pub(super) const PAPER: Paper = Paper {
    id: "trim",
    title: "Transformation importance with applications to cosmology",
    citation: "Chandan Singh, Wooseok Ha, Francois Lanusse, Vanessa Boehm, Jia Liu, Bin Yu. arXiv 2003.01926 (2020)",
    url: "https://arxiv.org/abs/2003.01926",
    domain: "interpret",
    claims: &[FREQUENCY, COEFFICIENT, PART, SCALES, RESNET, BAND, SOUNDS, TOPICS],
    experiments: &[],
};
