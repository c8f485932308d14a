//! What the paper says.

use kiln_receipts::{Check, Claim, Paper};

/// Of `f − min f`, which is of the order of 100 at the start: what is below is rounding.
const ROUNDING: f64 = 1e-14;
const FAR: &str = "where MeZO stops is in proportion to its rate, and its rates span a factor of 100: more than that \
    no choice of a rate explains";

pub(super) const BEST_MEZO: Check =
    Check::ratio("f − min f, MeZO at its best rate / MeZO-SVRG").above(100.0).floor(ROUNDING).by_us(FAR);
pub(super) const AGAINST_MEZO: Claim = Claim {
    place: "experiment on least squares",
    says: "At equal cost MeZO-SVRG gets far closer to the minimum than MeZO.",
    test: "Least squares, X ∈ R^{1000×100} and the coefficients standard normal, noise σ = 1, batches of 32, 1.6e7 \
        queries (forward passes of one example): f − min f of MeZO at the best rate for each seed, of 1e-5, 1e-4, 1e-3 \
        (at full scale also 3e-5, 3e-4), over that of MeZO-SVRG (q = 2, both rates 1e-3).",
    checks: &[BEST_MEZO],
    ..Claim::stand_in(
        "R1",
        "the authors' problem with noise of 1 in place of 1e-3",
        "the more noise, the more batches disagree at the minimum, which is what the correction removes",
    )
};

pub(super) const VARIANT: Check = Check::ratio("f − min f, variant / MeZO-SVRG")
    .above(100.0)
    .floor(ROUNDING)
    .by_us("R1 reads \"works\" as a factor of 100; what lacks that which makes it work has to lose as much");
pub(super) const VARIANTS: Claim = Claim {
    place: "the authors' code against the rule of the paper",
    says: "What makes it work is one direction for both terms of the correction, and an anchor that stays behind.",
    test: "As R1, 15,000 steps at the same rates, over the paper's rule: with a direction for each term, and with what \
        the authors' code does, whose anchor is the live parameters.",
    checks: &[VARIANT],
    ..Claim::ours("R2")
};

const LEAST_SQUARES: &str = "least squares in place of language models";
const NOISE: &str = "the noise of a batch falls with its size whatever the loss";

pub(super) const SMALL_BATCHES: Check =
    Check::share("problems on which batches of 1 and of 4 both end above their start")
        .at_least(0.5)
        .by_us("\"diverges\" is read as: more often than not");
pub(super) const DOUBLED: Check =
    Check::ratio("f − min f, a batch / a batch twice as large").above(1.0).floor(ROUNDING);
pub(super) const BATCH_SIZES: Claim = Claim {
    place: "motivation: MeZO and the batch size",
    says: "MeZO suffers from small batches.",
    test: "Least squares with σ = 1e-3, MeZO at rate 1e-3, 15,000 steps: whether it diverges on batches of 1 and of 4, \
        and f − min f on batches of 16, 32 and 64.",
    checks: &[SMALL_BATCHES, DOUBLED],
    ..Claim::stand_in("R3", LEAST_SQUARES, NOISE)
};

pub(super) const BATCHES_DIVERGE: Check =
    Check::share("runs that end above their start, 4e-3, batches of 32").at_least(0.5).by_us("as R3");
pub(super) const ALL_CONVERGE: Check =
    Check::share("runs that end below their start, 4e-3, all examples").at_least(0.5).by_us("as R3");
pub(super) const LARGE_RATE: Claim = Claim {
    place: "motivation: full-batch steps",
    says: "Estimates on all examples tolerate larger rates than estimates on batches.",
    test: "Least squares with σ = 1e-3 at rate 4e-3, 4,000 steps of MeZO on batches of 32 and on all 1000.",
    checks: &[BATCHES_DIVERGE, ALL_CONVERGE],
    ..Claim::stand_in("R4", LEAST_SQUARES, NOISE)
};

pub(super) const IN_ORDER: Check =
    Check::ordered("log₁₀(f − min f): MeZO-SVRG, SGD with gradients, MeZO").by_paper();
pub(super) const AGAINST_GRADIENTS: Claim = Claim {
    place: "figure on least squares",
    says: "MeZO-SVRG converges faster than MeZO, and here than SGD with gradients.",
    test: "The authors' problem (1000 × 100, σ = 1e-3): f − min f of MeZO-SVRG (q = 1, rate 1e-3), SGD with gradients \
        (batches of 32, 1e-2), MeZO (32, 1e-3). Equal in steps, as in the paper; a step of MeZO-SVRG costs 31 times \
        as many queries here.",
    checks: &[IN_ORDER],
    ..Claim::reduced("R5", "15,000 of the authors' 32,000 steps, from zero, in f64")
};

pub(super) const PERIODS: Check = Check::ordered("log₁₀(f − min f): q = 2, 5, 10");
pub(super) const ABLATION: Claim = Claim {
    place: "ablation over q",
    says: "Small q is best; a direction kept for many steps does harm.",
    test: "As R1, 15,000 steps, with an anchor every q = 2, 5, 10 steps; q = 1, which pays for all examples in each \
        step, is shown.",
    checks: &[PERIODS],
    ..Claim::stand_in("R6", LEAST_SQUARES, "what is kept between anchors is one direction, whatever the loss")
};

pub(super) const BEST_BATCH: Check =
    Check::ratio("training loss, best batch size / all examples").above(1.0).at_full_scale();
pub(super) const MORE_THAN_SIZE: Check =
    Check::difference("gain of all examples over the best batch size, less what the batch size makes out")
        .above(0.0)
        .by_us("\"far more\" is read as: by more than from the best batch size to the worst")
        .at_full_scale();
pub(super) const FROM_SCRATCH: Claim = Claim {
    place: "experiment on MNIST",
    says: "Trained from scratch, a network gains far more from MeZO on all examples than from MeZO on batches.",
    test: "The authors' network (784-32-16-10, drawn as PyTorch does) and their rates on 4,000 digits, 8,000 steps: \
        training loss of MeZO at 1e-3 on batches of 16 to 1024, and of MeZO on all examples at 2e-3. Networks drawn by \
        He et al. and either rate for the other are shown as controls.",
    checks: &[BEST_BATCH, MORE_THAN_SIZE],
    ..Claim::reduced("R7", "4,000 of the 55,000 pictures, 8,000 of some 43,000 steps")
};

const SMALL_NETWORK: &str =
    "a network of 25,818 weights and shifted digits in place of language models and GLUE";

pub(super) const CONFIGURED_GAP: Check =
    Check::difference("accuracy as configured, MeZO-SVRG less MeZO").above(0.0).at_full_scale();
pub(super) const CONFIGURED: Claim = Claim {
    place: "main tables (claim C1), on a small network",
    says: "Fine-tuned at the rates of the authors' experiments, MeZO-SVRG is more accurate than MeZO.",
    test: "A 784-32-16-10 network, drawn as PyTorch does and trained on 3,000 digits, is fine-tuned on 512 digits that \
        are shifted by (2, 3) pixels and judged on 1,000 others; batches of 64, q = 2. MeZO-SVRG with rates 3e-3 and \
        1e-4 against MeZO with a rate 300 times lower, 1e-5 (the authors': 50 to 1000 times), after 6.4e5 queries \
        each. Networks drawn by He et al. are shown as control.",
    checks: &[CONFIGURED_GAP],
    ..Claim::stand_in(
        "R8-as-configured",
        SMALL_NETWORK,
        "both methods and the ratio of their rates are the authors'",
    )
};

pub(super) const LIKE_FOR_LIKE: Check =
    Check::difference("accuracy like for like, MeZO less MeZO-SVRG").above(0.0).at_full_scale();
pub(super) const ALIKE: Claim = Claim {
    place: "not in the paper: R8-as-configured with rates from one grid",
    says: "With the best rates of either, MeZO is ahead on this small network: the lead as configured is one of rates.",
    test: "As R8-as-configured, the rates of both from 1e-4, 3e-4, 1e-3, 3e-3 (for MeZO-SVRG all 16 pairs), those with \
        the best median accuracy on the 1,000 digits, which favours MeZO-SVRG and its larger grid.",
    checks: &[LIKE_FOR_LIKE],
    ..Claim::ours("R8-like-for-like")
};

pub(super) const LARGER_RATE: Check = Check::ratio("MeZO, loss at 2e-3 / at 1e-3").above(1.0).at_full_scale();
pub(super) const GOES_ON: Check =
    Check::ratio("loss at the end / at a quarter of the queries").below(1.0).at_full_scale();
pub(super) const STABLE_GAP: Check =
    Check::difference("accuracy, all examples at 3e-3 less MeZO at 2e-3").above(0.0).at_full_scale();
pub(super) const STABILITY: Claim = Claim {
    place: "motivation (claim C6), on a small network",
    says: "At large rates MeZO gets worse while methods with estimates on all examples go on improving.",
    test: "As R8-as-configured, 2.56e6 queries. MeZO at 2e-3: its loss over that of MeZO at 1e-3. MeZO-SVRG \
        (3e-3, 1e-4) and MeZO on all examples (3e-3): the loss at the end over that at a quarter. Accuracy \
        of MeZO on all examples less that of MeZO at 2e-3.",
    checks: &[LARGER_RATE, GOES_ON, STABLE_GAP],
    ..Claim::stand_in("R8-stability", SMALL_NETWORK, NOISE)
};

pub(super) const GRADIENTS_AHEAD: Check =
    Check::difference("MiniLM, accuracy, SGD with gradients less MeZO").above(0.0).at_full_scale();
pub(super) const LM_GRADIENTS: Claim = Claim {
    place: "not in the paper: gradients against values at a small budget",
    says: "At equal cost and at the authors' default rates, tuning all weights with gradients is ahead of MeZO.",
    test: "MiniLM (22.7 M weights, 6 layers) with a linear head that begins at zero, 512 sentences of SST-2, \
        batches of 32, 12,800 queries (a gradient counts as three): SGD at 2e-3, the default of the authors' \
        program, and MeZO at 1e-6, their rate for DistilBERT. Accuracy on the 872 sentences of the \
        development set.",
    checks: &[GRADIENTS_AHEAD],
    ..Claim::ours("LM-gradients")
};
const LM_CONFIGURED: Claim = Claim {
    place: "main tables (claim C1), DistilBERT on SST-2",
    says: "At the authors' rates for DistilBERT, MeZO-SVRG is more accurate than MeZO.",
    ..Claim::not_attempted(
        "LM-as-configured",
        "The authors spend 23 million queries. It takes their partial tuning (head and last layer) with the \
         frozen layers computed once, which Kiln has not yet, then 2e5 and 2e6 queries of MeZO, MeZO-SVRG \
         and gradients on five seeds, with rates from held-out sentences and a probe of the frozen model \
         beside them. At 12,800 queries, which the experiment shows, neither method has moved.",
    )
};
const ACCURACY: Claim = Claim {
    place: "main tables",
    says: "Up to 20 points more test accuracy than MeZO, on MNLI, QNLI, SST-2, CoLA and BoolQ with DistilBERT, \
        RoBERTa-large, GPT-2 and OPT, all weights or a part of them.",
    ..Claim::not_attempted(
        "C1",
        "It takes these models and texts and up to 256,000 steps each: weeks on a GPU. Its small version is \
         LM-as-configured.",
    )
};
const HOURS: Claim = Claim {
    place: "abstract",
    says: "Often passes MeZO's best accuracy in half the GPU hours.",
    ..Claim::not_attempted("C2", "It takes the runs of C1 and a GPU to time them on.")
};
const MEMORY: Claim = Claim {
    place: "table of memory",
    says: "At least half the memory of SGD with gradients is saved on autoregressive models.",
    ..Claim::not_attempted(
        "C3",
        "It takes GPT2-XL and OPT from 2.7B to 6.7B on a GPU. On a small transformer activations are all that counts: \
         there the saving is whatever batch and context make it (R10-saving of the paper mezo).",
    )
};
const NO_PROMPTS: Claim = Claim {
    place: "experiments without prompts",
    says: "It works without task prompts, where MeZO does not.",
    ..Claim::not_attempted(
        "C5",
        "In the paper's size as C1. A small version takes a masked-word head with prompts for MiniLM or BERT, which \
         Kiln has not yet: both methods with and without the prompt at 2e5 queries.",
    )
};

pub(super) const PAPER: Paper = Paper {
    id: "mezo-svrg",
    title: "Variance-reduced zeroth-order methods for fine-tuning language models",
    citation: "Tanmay Gautam, Youngsuk Park, Hao Zhou, Parameswaran Raman, Wooseok Ha. ICML 2024",
    url: "https://arxiv.org/abs/2404.08080",
    domain: "models",
    claims: &[
        AGAINST_MEZO,
        VARIANTS,
        BATCH_SIZES,
        LARGE_RATE,
        AGAINST_GRADIENTS,
        ABLATION,
        FROM_SCRATCH,
        CONFIGURED,
        ALIKE,
        STABILITY,
        LM_GRADIENTS,
        LM_CONFIGURED,
        ACCURACY,
        HOURS,
        MEMORY,
        NO_PROMPTS,
    ],
    experiments: &[],
};
