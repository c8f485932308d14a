//! What the paper says.

use kiln_receipts::{Check, Claim, Paper};

const fn copies(name: &'static str, count: f64) -> Check {
    Check::each(name)
        .equal(count, 0.013)
        .unit("times the weights")
        .by_us("half of the 2.6 % of the weights that the smallest matrix, kept once more, would add")
}

pub(super) const MEZO: Check = copies("MeZO", 1.0);
pub(super) const TEXTBOOK: Check = copies("MeZO-SVRG, textbook", 3.0);
pub(super) const RANK_ONE: Check = copies("MeZO-SVRG, rank one", 2.0);
pub(super) const REPLAY: Check = copies("MeZO-SVRG, replay", 1.0);
pub(super) const SGD: Check = copies("SGD", 2.0);
pub(super) const ADAM: Check = copies("Adam", 4.0);
pub(super) const BEYOND: Check =
    Check::each("MeZO's peak beyond a forward pass").at_most(1.0).unit("times the largest tensor");

const TRANSFORMER: &str = "a random transformer of 0.36 million weights in place of language models";

pub(super) const BUFFERS: Claim = Claim {
    place: "section 2.1 (memory-efficient ZO-SGD)",
    says: "MeZO needs the memory of inference. MeZO-SVRG as published needs two copies of the weights more, as its \
        code one; Kiln's replay none. SGD with gradients needs one, Adam three.",
    test: "Transformers of 2 layers with a vocabulary of 512, 128 and 256 wide, each in a process of its own: most \
        bytes allocated between steps (SGD and Adam: between gradient and step). Their difference over that of the \
        weights is the number of copies: what tensors cost besides, which depends on the build, cancels. And the \
        peak of a step of MeZO beyond that of a forward pass, against the largest tensor, for batches of 1, 8 and \
        32 with 64 and 256 tokens.",
    checks: &[MEZO, TEXTBOOK, RANK_ONE, REPLAY, SGD, ADAM, BEYOND],
    ..Claim::stand_in(
        "R10-buffers",
        TRANSFORMER,
        "how often a method keeps the weights does not depend on the model",
    )
};

pub(super) const GROWTH: Check = Check::each("SGD / MeZO, growth to the next batch or context").above(1.0);
pub(super) const SAVING: Claim = Claim {
    place: "section on memory; MeZO-SVRG, table of memory (claim C4)",
    says: "The saving over gradients grows with the batch and with the context.",
    test: "128 wide, batches of 1, 8, 32 with 64 and 256 tokens: the peak of a step of SGD over that of MeZO, and its \
        growth from each size to the next larger batch or context.",
    checks: &[GROWTH],
    ..Claim::stand_in(
        "R10-saving",
        TRANSFORMER,
        "the activations that gradients keep grow with batch and context in every transformer",
    )
};

pub(super) const DIMENSION: Check = Check::ratio(
    "steps at an effective rank of 11, in more dimensions / in 100",
)
.within(1.0 / 1.5, 1.5)
.by_us("steps in proportion to the dimension would give 10 and 100, and a tenth power of it 1.26 and 1.58");
pub(super) const RANK: Check = Check::ratio("steps at an effective rank of d, d = 1,000 / d = 100")
    .above(1.5)
    .by_us("what counts as equal above; steps in proportion to the effective rank give 10");
pub(super) const EFFECTIVE_RANK: Claim = Claim {
    place: "section 4 (theory)",
    says: "Not the number of parameters but the effective rank of the Hessian limits the speed.",
    test: "½ Σ hⱼθⱼ² in d = 100, 1,000, 10,000 dimensions with Σ hⱼ = 11, rate 0.05: steps until a tenth of \
        the value is left, against those in 100 dimensions. Effective rank Σ hⱼ/max hⱼ of 11: hⱼ = 1 and θⱼ \
        = 1 in ten coordinates, hⱼ = 1/(d − 10) and θⱼ = 0 in the others. Effective rank of d (to 1,000): hⱼ \
        = 11/d and θⱼ = 1 in all.",
    checks: &[DIMENSION, RANK],
    ..Claim::stand_in(
        "R11",
        "quadratics in place of a language model's loss",
        "the theorem asks of the loss only that the effective rank of its Hessian is small",
    )
};

pub(super) const OTHER_BITS: Check = Check::each("replay ends in other bits (1: yes)").at_most(0.0);
pub(super) const LOG_BYTES: Check =
    Check::each("log of 20,000 steps").below(100_000.0).unit("bytes").by_paper();
pub(super) const STORAGE: Claim = Claim {
    place: "section on storage",
    says: "A run is stored as a seed and a number for each step: less than 0.1 MB for 20,000 steps.",
    test: "Runs on least squares (f64, 20,000 steps of MeZO, 2,000 of MeZO-SVRG) and on a network of 25,818 parameters \
        (f32, 2,000 steps) written as a log, read and replayed.",
    checks: &[OTHER_BITS, LOG_BYTES],
    ..Claim::stand_in(
        "R12",
        "100 and 25,818 parameters in place of 66 billion",
        "a log has a number a step, whatever the model",
    )
};

pub(super) const APART: Check = Check::each("one rank and four, relative difference of scalars")
    .at_most(2.4e-7)
    .by_us("scalars are kept in f32: two roundings of 2⁻²³ each");
pub(super) const DIFFERENT: Check = Check::each("steps with different ranks").at_most(0.0);
pub(super) const RANKS: Claim = Claim {
    place: "not in the paper: data-parallel MeZO that exchanges numbers only",
    says: "Ranks that share the examples of each batch take the steps of one rank.",
    test: "Least squares (1000 × 100), batches of 64, 200 steps of MeZO and MeZO-SVRG on four ranks, and on \
        one rank at the same parameters: largest difference of a step's scalar, over the largest scalar; \
        steps after which the ranks' parameters differ in a bit.",
    checks: &[APART, DIFFERENT],
    ..Claim::ours("R13")
};

pub(super) const GAIN: Check =
    Check::difference("accuracy on others, after less before").above(0.0).at_full_scale();
pub(super) const ACCURACY: Claim = Claim {
    place: "section 3.3 (non-differentiable objectives)",
    says: "MeZO trains on the accuracy itself.",
    test: "A 784-32-16-10 network, drawn as PyTorch does and trained on digits, is tuned on 512 shifted digits (R8 of \
        the paper mezo-svrg) with the share of errors as loss: 5,000 steps, batches of 64, rate 1e-3, ε = 1e-2. \
        Accuracy on 1,000 other shifted digits.",
    checks: &[GAIN],
    ..Claim::stand_in(
        "N1",
        "a small network and shifted digits in place of language models",
        "the share of errors has no gradient there either",
    )
};

pub(super) const MOVED: Check = Check::each("SmolLM2, |change of the loss|")
    .above(1e-6)
    .by_us("a step that does nothing changes nothing; the mean of 16 losses in f32 rounds by 1e-7")
    .at_full_scale();
pub(super) const SMOLLM2_BITS: Check =
    Check::each("SmolLM2, replay ends in other bits (1: yes)").at_most(0.0).at_full_scale();
pub(super) const SMOKE: Claim = Claim {
    place: "not in the paper: a smoke test",
    says: "A language model of 134.5 million weights can be tuned and its run replayed on a CPU.",
    test: "SmolLM2-135M, 16 sentences of SST-2, five steps of MeZO at 1e-6: change of their mean loss; runs whose \
        replay ends in other bits.",
    checks: &[MOVED, SMOLLM2_BITS],
    ..Claim::ours("S1")
};

const PROMPTED: Claim = Claim {
    place: "section on prompts, on a small model",
    says: "With a prompt a language model ranks sentences before any tuning; calibration mends its bias, and MeZO \
        starts from there.",
    ..Claim::not_attempted(
        "S2",
        "It takes prompts with contextual calibration, which Kiln has not yet, and SmolLM2-135M with SST-2: the area \
         under the curve and the accuracy before and after calibration, then 2e5 queries of MeZO with the prompt. \
         Accuracy at the threshold 0 says nothing: as it is, the model calls nearly all sentences positive.",
    )
};
const ADAMS_MEMORY: Claim = Claim {
    place: "abstract",
    says: "Up to 12 times less memory than fine-tuning with Adam: OPT-30B on one GPU of 80 GB, where Adam trains 2.7B.",
    ..Claim::not_attempted(
        "M1",
        "It takes OPT from 2.7B to 30B and a GPU of 80 GB. R10-buffers and R10-saving count the bytes of the methods.",
    )
};
const OPT: Claim = Claim {
    place: "table for OPT-13B",
    says: "Within one point of fine-tuning on 7 of 11 tasks.",
    ..Claim::not_attempted(
        "M2",
        "It takes OPT-13B, its reader, the 11 tasks with their prompts, and 20,000 steps each on a GPU of 80 GB.",
    )
};
const ROBERTA: Claim = Claim {
    place: "tables for RoBERTa-large",
    says: "16 or 512 examples of each class: close to fine-tuning with gradients.",
    ..Claim::not_attempted(
        "M3",
        "It takes RoBERTa-large with a masked-word head and prompts, six tasks, and 100,000 steps on five seeds: days \
         on a GPU.",
    )
};
const PROMPTS: Claim = Claim {
    place: "section on prompts",
    says: "It needs prompts: without one it stays near chance.",
    ..Claim::not_attempted(
        "M4",
        "In the paper's size as M3. A small version takes a masked-word head with prompts for MiniLM or BERT, which \
         Kiln has not yet: MeZO with and without the prompt at 2e5 queries.",
    )
};

pub(super) const PAPER: Paper = Paper {
    id: "mezo",
    title: "Fine-tuning language models with just forward passes",
    citation: "Sadhika Malladi, Tianyu Gao, Eshaan Nichani, Alex Damian, Jason D. Lee, Danqi Chen, Sanjeev Arora. \
        NeurIPS 2023",
    url: "https://arxiv.org/abs/2305.17333",
    domain: "models",
    claims: &[
        BUFFERS,
        SAVING,
        EFFECTIVE_RANK,
        STORAGE,
        RANKS,
        ACCURACY,
        SMOKE,
        PROMPTED,
        ADAMS_MEMORY,
        OPT,
        ROBERTA,
        PROMPTS,
    ],
    experiments: &[],
};
