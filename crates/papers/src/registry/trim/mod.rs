//! Singh, Ha, Lanusse, Böhm, Liu, Yu, "Transformation importance with applications to cosmology", 2020.

mod bands;
mod digits;
mod frequencies;
mod lensing;
mod networks;
mod parts;

use kiln_receipts::{Check, Claim, Experiment, Need, Paper, Statistic, Threshold};

const SALIENCY: &str = "Integrated gradients are right for 79 % of the digits (66 to 90 % by network), the \
    derivative for 98 %. Each network is told of one direction, and along it the log-odds change most, \
    whatever the digit; integrated gradients multiply by the amount of the part, which is next to nothing in \
    many digits that contain it. Of the digits with more of the part than half of them they are right for \
    more than 99 %. The derivative stays ahead when it is multiplied by each part's mean amount, so the \
    length of the parts, which is 1 here and not known to us for the paper, is not the reason.";

const MNIST: &[Need] = &[Need::Data("digits/mnist-train-labels.idx1-ubyte.gz")];

const CLAIMS: &[Claim] = &[
    Claim {
        id: "T1",
        place: "simulation, Fourier domain",
        says: "Explanations of a network that was told of one frequency name it: CD for 99.6 % of the rows, \
            DeepLIFT, SHAP and integrated gradients for about 96 %.",
        test: "20,000 rows of 100 white numbers (50,000 at full scale), of class 1 where the amplitude of \
            frequency 12 is above its median; perceptron 100-100-2, SGD at rate 0.1, 30 epochs (12) of \
            batches of 128. 500 test rows, output 1, 51 frequencies by the length of their two scores, for \
            CD by the signed relevance of both together. Means over 3 seeds (10). The gap is the largest of \
            any row, integrated gradients of the probability with 300 midpoints.",
        checks: &[
            Check::new("accuracy", Statistic::Mean, Threshold::AtLeast(0.92)),
            Check::new("CD", Statistic::Mean, Threshold::AtLeast(0.98)),
            Check::new("integrated gradients, probability", Statistic::Mean, Threshold::AtLeast(0.90)),
            Check::new("CD less integrated gradients", Statistic::Min, Threshold::AtLeast(0.0)),
            Check::new("gap of completeness", Statistic::Max, Threshold::AtMost(0.05)),
        ],
        ..Claim::EMPTY
    },
    Claim {
        id: "T1b",
        place: "simulation, other transforms",
        says: "The same holds for a wavelet transform and for the features themselves.",
        test: "Rows and network as in T1; of class 1 where coefficient 12 is above its median, of a db2 \
            transform of one level (102 coefficients, smooth boundary) or of the row itself. Coefficients by \
            the size of their scores. Means over 2 seeds (10).",
        checks: &[
            Check::new("saliency, db2", Statistic::Mean, Threshold::AtLeast(0.98)),
            Check::new("saliency, identity", Statistic::Mean, Threshold::AtLeast(0.98)),
            Check::new("size of CD, db2", Statistic::Mean, Threshold::AtLeast(0.92)),
            Check::new("size of CD, identity", Statistic::Mean, Threshold::AtLeast(0.92)),
        ],
        ..Claim::EMPTY
    },
    Claim {
        id: "T2",
        place: "MNIST, nonnegative parts",
        says: "Explanations by 30 parts of digits name the one that a network was told of: integrated \
            gradients for 95 %, gradient SHAP 91 %, CD 82 %, input × gradient 80 %, saliency 72 %.",
        test: "Factorization of the first 2,000 pictures (5,000 at full scale). For each of 2 parts (5) a \
            network with two convolutions tells digits with the part from the same without it: SGD at rate \
            0.01, momentum 0.5, 5 epochs of batches of 32. Up to 200 test digits that contain the part, \
            log-odds of being whole (the specification explains the class that marks the removal): share for \
            which the part is on top of 30. Means over parts and seeds, 1 (3).",
        checks: &[
            Check::new("integrated gradients", Statistic::Mean, Threshold::AtLeast(0.75)),
            Check::new("integrated gradients less saliency", Statistic::Mean, Threshold::AtLeast(0.0)),
        ],
        needs: MNIST,
        known_finding: Some(SALIENCY),
    },
    Claim {
        id: "T3-stand-in",
        place: "cosmology, a stand-in",
        says: "The importance of scales for a network that reads cosmological parameters off maps can be told.",
        test: "Lognormal maps of 32×32 pixels (64×64 at full scale) with two parameters, generated. A \
            teacher that is the logarithm of the power in one of eleven rings, 200 maps: its ring's share of \
            integrated gradients, against the known gradient; 2 seeds (5). A small network trained to read \
            the slope of the spectrum: rank correlation, over rings, of the mean size of integrated \
            gradients and of what the squared error gains when the ring is taken out; smallest of 2 seeds (5).",
        checks: &[
            Check::new("share of the planted ring", Statistic::Min, Threshold::AtLeast(0.99)),
            Check::new("error of the gradient", Statistic::Max, Threshold::AtMost(1e-4)),
            Check::new("rank correlation of scores and losses", Statistic::Min, Threshold::AtLeast(0.7)),
        ],
        ..Claim::EMPTY
    },
    Claim {
        id: "T3",
        place: "cosmology",
        says: "A ResNet-18 reads Ω_m off convergence maps with R² 0.952; CD over 100 bands shows at which scales.",
        test: "Not here: 100,000 simulated maps of 256×256 pixels and a GPU.",
        needs: &[Need::Data("convergence-maps-256"), Need::Gpu],
        ..Claim::EMPTY
    },
    Claim {
        id: "T4",
        place: "MNIST, bands of frequencies",
        says: "A network told to find out whether a band of frequencies is missing is explained by that band.",
        test: "Bands of width 0.2 about four centres from 0.15 to 0.85, Nyquist's frequency being 1, taken \
            out of the first 2,000 pictures (5,000 at full scale); networks as in T2. 200 test digits, \
            log-odds of being whole: share for which the curve over 40 bands of width 0.1 peaks within 0.1 \
            of the true centre; mean over centres and seeds, 1 (3), of CD or of integrated gradients, \
            whichever is better.",
        checks: &[Check::new(
            "peaks that are near, better of CD and integrated gradients",
            Statistic::Mean,
            Threshold::AtLeast(0.8),
        )],
        needs: MNIST,
        known_finding: Some(
            "Reproduced at full scale (0.955 of the curves peak near the band); at quick scale 0.74: with \
             2,000 pictures instead of 5,000 the network told of the band about 0.85 hardly learns to tell \
             the digits apart (73 %, the others 99 to 100 %), and what is explained then is noise.",
        ),
    },
    Claim {
        id: "T5",
        place: "environmental sounds",
        says: "A network with 57.2 % accuracy on UrbanSound8K, explained by frequency for each class.",
        test: "Not here: needs the recordings and a GPU.",
        needs: &[Need::Data("urbansound8k"), Need::Gpu],
        ..Claim::EMPTY
    },
    Claim {
        id: "T6",
        place: "fake news by topics; Fashion-MNIST by frequencies",
        says: "Explanations by topics of a text and by low and high frequencies of clothes.",
        test: "Not here: the texts are missing, and no experiment reads the pictures.",
        needs: &[Need::Data("fake-news"), Need::Data("fashion-mnist")],
        ..Claim::EMPTY
    },
];

pub(super) const PAPER: Paper = Paper {
    id: "trim",
    title: "Transformation importance with applications to cosmology",
    citation: "Chandan Singh, Wooseok Ha, Francois Lanusse, Vanessa Boehm, Jia Liu, Bin Yu. arXiv 2003.01926 (2020)",
    url: "https://arxiv.org/abs/2003.01926",
    domain: "interpret",
    claims: CLAIMS,
    experiments: &[
        Experiment { id: "frequencies", claims: &["T1"], run: frequencies::frequencies },
        Experiment { id: "coefficients", claims: &["T1b"], run: frequencies::coefficients },
        Experiment { id: "parts", claims: &["T2"], run: parts::parts },
        Experiment { id: "planted-ring", claims: &["T3-stand-in"], run: lensing::planted },
        Experiment { id: "trained-network", claims: &["T3-stand-in"], run: lensing::trained },
        Experiment { id: "bands", claims: &["T4"], run: bands::bands },
    ],
};
