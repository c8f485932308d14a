//! What the papers say. Their texts were not at hand: settings are those of the authors' code
//! (`csinva/hierarchical-dnn-interpretations`, `laura-rieger/deep-explanation-penalization`), figures those that
//! others print, and the authors' notebooks.

use kiln_receipts::{Check, Claim, Expected, Paper};

/// Half a test picture of 10,000, in percent.
const HALF_A_PICTURE: f64 = 0.005;
const BY_PYTORCH: &str = "PyTorch has it so with the same file; one picture is 0.01";
pub(super) const CNN_ACCURACY: Check =
    Check::each("accuracy of AWD's CNN").equal(99.09, HALF_A_PICTURE).by_us(BY_PYTORCH).unit("%");
pub(super) const LENET_ACCURACY: Check =
    Check::each("accuracy of TRIM's LeNet-5").equal(99.07, HALF_A_PICTURE).by_us(BY_PYTORCH).unit("%");
pub(super) const LOGITS: Check = Check::each("difference of logits")
    .at_most(1e-3)
    .by_us("in logits of 50, single precision rounds by 4e-6; 250 of them");
pub(super) const NETWORKS: Claim = Claim {
    place: "the authors' trained networks",
    says: "We read the authors' networks right.",
    test: "Accuracy on the 10,000 test pictures of MNIST; largest difference of the logits of the first from those of \
        the authors' code.",
    checks: &[CNN_ACCURACY, LENET_ACCURACY, LOGITS],
    ..Claim::ours("NET")
};

const AUTHORS_TEST: &str = "hierarchical-dnn-interpretations: tests/test_cd.py";
pub(super) const SUM_ERROR: Check = Check::each("|β + γ − logit|").at_most(1e-2).by_authors(AUTHORS_TEST);
pub(super) const FULL_MASK: Check =
    Check::each("|β − logit|, full mask").at_most(1e-2).by_authors(AUTHORS_TEST);
pub(super) const EMPTY_MASK: Check = Check::each("|β|, empty mask").at_most(1e-2).by_authors(AUTHORS_TEST);
pub(super) const SUM: Claim = Claim {
    place: "contextual decomposition",
    says: "The relevant and the irrelevant part add to the logit; all of the input is responsible for all of it.",
    test: "The authors' networks, 500 test pictures, a random mask for each: largest error of the sum. Of AWD's CNN \
        also with a full and an empty mask.",
    checks: &[SUM_ERROR, FULL_MASK, EMPTY_MASK],
    ..Claim::exact("C1")
};

pub(super) const CD_COMPOSES: Check =
    Check::difference("C2: rank correlation with the rule, CD less another score").above(0.0);
pub(super) const ACD_JOINS: Check = Check::difference(
    "C2: share joined first, ACD less hierarchies by another score",
)
.above(0.0)
.expected(&[Expected::quick(
    -0.31,
    0.27,
    "five networks know the difference to 0.3, and it is about as large as that: by this measure ACD's \
             hierarchies are not seen to differ from others'",
)]);
pub(super) const COMPOSITION: Claim = Claim {
    place: "ACD on text",
    says: "CD, and the hierarchy that it gives (ACD), show how words compose, as in \"not very good\".",
    test: "Sentences of 4 to 8 of twelve words, one of them for good or bad, half of them negated; an LSTM \
        of width 16 on 4,000. In negated test sentences every span of words is scored by CD, by the gradient \
        times the word, by integrated gradients (both from no word, summed over the span) and by leaving the \
        span out. The rule says +1 for \"good\", −1 for \"bad\", the opposite with the negator, 0 for spans \
        with neither: mean rank correlation over sentences. And the share of sentences in which a hierarchy \
        joins negator and word before a neutral one. 5 networks; 500 test sentences (60 at quick scale).",
    checks: &[CD_COMPOSES, ACD_JOINS],
    ..Claim::stand_in(
        "C2",
        "generated sentences and a small LSTM in place of film reviews and the paper's",
        "the rule by which words compose is known, so scores that show composition must agree with it best",
    )
};

const PEOPLE: Claim = Claim {
    place: "ACD, experiments with people",
    says: "People who see ACD's hierarchies pick the better of two models, and trust them more.",
    ..Claim::not_attempted("C3", "takes an experiment with people")
};

pub(super) const SAME_PICTURE: Check =
    Check::difference("C4: rank correlation, with the same picture under noise less with another picture")
        .above(0.0)
        .at_full_scale();
pub(super) const LESS_THAN_OCCLUSION: Check =
    Check::difference("C4: rank correlation under noise, ACD less hierarchies by occlusion")
        .above(0.0)
        .at_full_scale();
pub(super) const STABLE: Claim = Claim {
    place: "ACD under adversarial noise",
    says: "ACD's hierarchy is stable under noise that misleads the network.",
    test: "AWD's CNN, the first 200 test pictures of MNIST (10 at quick scale, to show that it runs), the least noise \
        by the gradient's sign that misleads it; patches of 4×4 pixels, the true class. Rank correlation of the levels \
        at which patches are joined, without and with noise; against that of two pictures, and against that of \
        hierarchies by occlusion.",
    checks: &[SAME_PICTURE, LESS_THAN_OCCLUSION],
    ..Claim::reduced("C4", "one network, one kind of noise of several, 200 pictures")
};

const GUESSING: &str =
    "guessing is right for 10 %: with less, the colour decides; with more, something else does too";

/// Of networks without a penalty, with RRR and with CDEP, then of CDEP against none.
const fn colour_checks([vanilla, rrr, cdep, gain]: [&'static str; 4]) -> [Check; 4] {
    [
        Check::mean(vanilla).below(10.0).by_us(GUESSING).unit("%").at_full_scale(),
        Check::mean(rrr).below(10.0).by_us(GUESSING).unit("%").at_full_scale(),
        Check::mean(cdep).above(10.0).by_us(GUESSING).unit("%").at_full_scale(),
        Check::difference(gain).above(0.0).unit("%").at_full_scale(),
    ]
}

const COLOUR_PLACE: &str = "ColorMNIST";
const COLOUR_SAYS: &str = "A network that trusts the digits' colour is mended by CDEP and not by RRR: accuracy in \
    inverted colours 31.0 % by CDEP, 0.2 % by RRR, 0.2 % without.";
const COLOUR_WHY: &str = "the colour gives the label away in the same way, and the pixels that are punished are drawn \
    in the same way";
pub(super) const DRAWN_CHECKS: [Check; 4] = colour_checks([
    "C5: vanilla, last epoch",
    "C5: RRR, last epoch",
    "C5: CDEP, authors' stopping rule",
    "C5: CDEP less vanilla, both by the rule",
]);
pub(super) const COLOUR_DRAWN: Claim = Claim {
    place: COLOUR_PLACE,
    says: COLOUR_SAYS,
    test: "Drawn digits of 14×14 pixels, 4,000 to train on, 2,000 to test on; convolutions of 12 and 24 channels, 6 \
        epochs, 8 single pixels a step, 5 seeds; CDEP by its softmax. The authors' rule stops at the first epoch that \
        does not lower the loss on validation pictures in inverted colours; they choose λ too, of 30 and 50 for CDEP, \
        of 100 and 1000 for RRR.",
    checks: &DRAWN_CHECKS,
    ..Claim::stand_in("C5", "drawn digits and a small network in place of MNIST and the paper's", COLOUR_WHY)
};
pub(super) const SMALL_CHECKS: [Check; 4] = colour_checks([
    "C5-MNIST: vanilla, last epoch",
    "C5-MNIST: RRR, last epoch",
    "C5-MNIST: CDEP, authors' stopping rule",
    "C5-MNIST: CDEP less vanilla, both by the rule",
]);
pub(super) const COLOUR_SMALL: Claim = Claim {
    place: COLOUR_PLACE,
    says: COLOUR_SAYS,
    test: "As C5 with the first 6,000 training pictures of MNIST, halved to 14×14; λ = 50, RRR with 1000.",
    checks: &SMALL_CHECKS,
    ..Claim::stand_in(
        "C5-MNIST",
        "MNIST at half the size and a small network in place of the paper's",
        COLOUR_WHY,
    )
};
pub(super) const CNN_CHECKS: [Check; 4] = colour_checks([
    "C5-CNN: vanilla, last epoch",
    "C5-CNN: RRR, last epoch",
    "C5-CNN: CDEP, authors' stopping rule",
    "C5-CNN: CDEP less vanilla, both by the rule",
]);
pub(super) const COLOUR: Claim = Claim {
    place: COLOUR_PLACE,
    says: COLOUR_SAYS,
    test: "As in the authors' code: 54,000 pictures of MNIST to train on, 6,000 for validation, the network with \
        convolutions of 20 and 50 channels and a hidden layer of 500, Adam, batches of 256, one epoch, which makes the \
        stopping rule idle; λ = 5000 for both penalties; 5 seeds.",
    checks: &CNN_CHECKS,
    ..Claim::reduced("C5-CNN", "5 seeds of 30")
};

const DECOY_PLACE: &str = "DecoyMNIST";
const DECOY_SAYS: &str = "A network that trusts a decoy is mended by a penalty on it: RRR 99.0 %, CDEP 97.2 %, vanilla \
    60.1 %.";
pub(super) const DRAWN_COST: Check = Check::difference("C6: no decoy less vanilla").above(0.0).unit("%");
pub(super) const DRAWN_ORDER: Check = Check::ordered("C6: vanilla, CDEP-L1, RRR").by_paper().unit("%");
pub(super) const DRAWN_MENDED: Check = Check::difference("C6: RRR less no decoy")
    .at_least(-2.7)
    .unit("%")
    .by_us("on 2,000 pictures, two standard errors of the difference of two accuracies of 75 % are 2.7");
pub(super) const DECOY_DRAWN: Claim = Claim {
    place: DECOY_PLACE,
    says: DECOY_SAYS,
    test: "Drawn digits of 14×14 pixels with noise, decoys of 3×3; perceptron 196-64-32-10, 3,000 to train on, 2,000 \
        to test on, 15 epochs, 5 seeds: accuracy after the last epoch, CDEP-L1 with λ = 5, RRR with λ = 1000.",
    checks: &[DRAWN_COST, DRAWN_ORDER, DRAWN_MENDED],
    ..Claim::stand_in(
        "C6",
        "drawn digits and a perceptron in place of MNIST and the paper's network, CDEP by its L1 form",
        "the grey of a square in a corner gives the label away in training and misleads in the test, as in the paper",
    )
};
pub(super) const CNN_COST: Check =
    Check::difference("C6-CNN: no decoy less vanilla").above(0.0).unit("%").at_full_scale();
pub(super) const CNN_ORDER: Check =
    Check::ordered("C6-CNN: vanilla, CDEP, RRR").by_paper().unit("%").at_full_scale();
pub(super) const DECOY: Claim = Claim {
    place: DECOY_PLACE,
    says: DECOY_SAYS,
    test: "As in the authors' code: 54,000 pictures of MNIST with decoys of 5×5, the network with \
        convolutions of 20 and 50 channels and a hidden layer of 256, batches of 64, accuracy after the last \
        of 5 epochs; CDEP by its softmax. λ of 1, 10, …, 10000 for each penalty is chosen by one further \
        seed, on 6,000 pictures kept back whose squares say nothing. 5 seeds.",
    checks: &[CNN_COST, CNN_ORDER],
    ..Claim::reduced("C6-CNN", "each λ on one seed, the chosen ones on the authors' number of seeds, 5")
};

const SKIN: Claim = Claim {
    place: "skin cancer (ISIC)",
    says: "CDEP keeps a network from using colourful patches: AUC without patches 0.95 instead of 0.93.",
    ..Claim::not_attempted("C7", "21,654 photographs with segmented patches, a pretrained VGG-16 and a GPU")
};

pub(super) const WORDS_COST: Check =
    Check::difference("C8: no decoy less vanilla").above(0.0).unit("%").at_full_scale();
pub(super) const WORDS_MENDED: Check =
    Check::difference("C8: CDEP less vanilla").above(0.0).unit("%").at_full_scale();
const WORDS_STAND_IN: (&str, &str) = (
    "an LSTM of width 64 on vectors of 50 numbers that are drawn and trained, in place of width 128 on GloVe's of 300; \
     sentences of up to 24 words",
    "what gives the label away is the paper's, so a network that leans on it must lose where it is missing",
);
pub(super) const DECOY_WORDS: Claim = Claim {
    place: "SST, decoy words",
    says: "CDEP recovers the accuracy that words that give the label away have cost (λ of 100 to 300; the figures are \
        in a plot that was not at hand).",
    test: "SST-2 as in the authors' code: \"text\" put into the positive and \"video\" into the negative \
        sentences of the training set, nothing into those for development and test; Adam, up to 20 epochs of \
        batches of 64, stopped when the loss on development sentences has not fallen for 3, and judged at \
        its least; the penalty is on vectors that it does not train. λ of 100 and 300, by the loss on \
        development sentences; 5 seeds.",
    checks: &[WORDS_COST, WORDS_MENDED],
    ..Claim::stand_in("C8", WORDS_STAND_IN.0, WORDS_STAND_IN.1)
};

pub(super) const ARTICLES_COST: Check =
    Check::difference("C8-articles: no bias less vanilla").above(0.0).unit("%").at_full_scale();
pub(super) const ARTICLES_MENDED: Check =
    Check::difference("C8-articles: CDEP less vanilla").above(0.0).unit("%").at_full_scale();
pub(super) const ARTICLES: Claim = Claim {
    place: "SST, biased articles",
    says: "As C8, where articles give the label away.",
    test: "As C8; in the training set \"the\" and \"a\" become \"that\", and then the first \"that\" becomes \"a\" in \
        positive and \"the\" in negative sentences; developed and tested on sentences as they are that have one of \
        the two.",
    checks: &[ARTICLES_COST, ARTICLES_MENDED],
    ..Claim::stand_in("C8-articles", WORDS_STAND_IN.0, WORDS_STAND_IN.1)
};

const GENDER: Claim = Claim {
    place: "SST, biased pronouns",
    says: "As C8, where \"he\" and \"she\" give the label away.",
    ..Claim::not_attempted(
        "C8-gender",
        "only 55 test sentences of SST-2 have one of the two, which decides nothing; it would take their phrases too",
    )
};

pub(super) const PAPER: Paper = Paper {
    id: "reality-checks",
    title: "Interpreting and improving deep-learning models with reality checks",
    citation: "Chandan Singh, Wooseok Ha, Bin Yu. In: xxAI, Springer (2022)",
    url: "https://arxiv.org/abs/2108.06847",
    domain: "interpret",
    claims: &[
        NETWORKS,
        SUM,
        COMPOSITION,
        PEOPLE,
        STABLE,
        COLOUR_DRAWN,
        COLOUR_SMALL,
        COLOUR,
        DECOY_DRAWN,
        DECOY,
        SKIN,
        DECOY_WORDS,
        ARTICLES,
        GENDER,
    ],
    experiments: &[],
};
