//! Malladi, Gao, Nichani, Damian, Lee, Chen, Arora, "Fine-tuning language models with just forward passes",
//! `NeurIPS` 2023.

mod accuracy;
mod effective_rank;
pub(crate) mod memory;
mod ranks;
mod replay;
mod smollm2;

use kiln_receipts::{Check, Claim, Experiment, Need, Paper, Statistic, Threshold, ThresholdOrigin};

const fn buffers(name: &'static str, count: f64) -> Check {
    // What is not weights, such as the order of examples, is small change.
    Check {
        unit: "times the weights",
        ..Check::new(name, Statistic::Max, Threshold::Between(count - 0.05, count + 0.05))
    }
}

pub(super) const PAPER: Paper = Paper {
    id: "mezo",
    title: "Fine-tuning language models with just forward passes",
    citation: "Sadhika Malladi, Tianyu Gao, Eshaan Nichani, Alex Damian, Jason D. Lee, Danqi Chen, Sanjeev \
        Arora. NeurIPS 2023",
    url: "https://arxiv.org/abs/2305.17333",
    domain: "models",
    claims: &[
        Claim {
            id: "R10-buffers",
            place: "section 2.1 (memory-efficient ZO-SGD)",
            says: "MeZO needs the memory of inference. MeZO-SVRG as published needs two copies of the \
                weights more, as its code one; Kiln's replay none. SGD with gradients needs one, Adam three.",
            test: "A random transformer (2 layers, width 128, vocabulary 512), in a process of its own for \
                each row, batches of 1, 8, 32 and 64, 256 tokens: most bytes allocated between steps (SGD \
                and Adam: between gradient and step), in sizes of the weights; and the peak of a step of \
                MeZO beyond the peak of a forward pass, in sizes of the largest tensor.",
            checks: &[
                buffers("MeZO", 1.0),
                buffers("MeZO-SVRG, textbook", 3.0),
                buffers("MeZO-SVRG, rank one", 2.0),
                buffers("MeZO-SVRG, replay", 1.0),
                buffers("SGD", 2.0),
                buffers("Adam", 4.0),
                Check {
                    unit: "times the largest tensor",
                    ..Check::new("MeZO beyond a forward pass", Statistic::Max, Threshold::AtMost(1.0))
                },
            ],
            // Without wgpu, as `reproduce` is built, it holds.
            known_finding: if cfg!(feature = "wgpu") {
                Some(
                    "In a build with wgpu the bookkeeping of tensors, 1.5 kB each, is 2 % of such small \
                     weights, and three sets of them come out as 3.051. It holds in the build that `reproduce` makes.",
                )
            } else {
                None
            },
            ..Claim::EMPTY
        },
        Claim {
            id: "R10-saving",
            place: "section on memory; MeZO-SVRG, table of memory (claims C3, C4)",
            says: "The saving over gradients grows with the batch and the context; MeZO-SVRG needs at most \
                half of SGD's memory.",
            test: "As R10-buffers, peaks of a step: that of SGD over that of MeZO, from each size to the \
                next larger batch or context; that of SGD over that of MeZO-SVRG (rank one) for batches of \
                32 and 256 tokens.",
            checks: &[
                Check::new("smallest growth of SGD / MeZO", Statistic::Min, Threshold::Above(1.0)),
                Check {
                    origin: ThresholdOrigin::Paper,
                    ..Check::new(
                        "SGD / MeZO-SVRG at the largest size",
                        Statistic::Median,
                        Threshold::AtLeast(2.0),
                    )
                },
            ],
            ..Claim::EMPTY
        },
        Claim {
            id: "R11",
            place: "section 4 (theory)",
            says: "Not the number of parameters but the effective rank of the Hessian limits the speed.",
            test: "½ Σ θⱼ² over 10 of d = 100, 1,000, 10,000 coordinates, θⱼ = 1 there, rate 0.05: steps \
                until the value is 5e-3, medians; the largest median over the smallest.",
            checks: &[Check::new("largest median / smallest", Statistic::Max, Threshold::AtMost(1.5))],
            ..Claim::EMPTY
        },
        Claim {
            id: "R12",
            place: "section on storage",
            says: "A run is stored as a seed and a number for each step: less than 0.1 MB for 20,000 steps.",
            test: "Runs on least squares (f64, 20,000 steps, MeZO and MeZO-SVRG) and on a network of 25,818 \
                parameters (f32, 2,000 steps) written as a log, read and replayed: runs that do not end in \
                the same bits; bytes of the log of 20,000 steps of MeZO.",
            checks: &[
                Check::new("runs that end in other bits", Statistic::Max, Threshold::AtMost(0.0)),
                Check {
                    unit: "bytes",
                    ..Check::new("log of 20,000 steps", Statistic::Max, Threshold::Below(100_000.0))
                },
            ],
            ..Claim::EMPTY
        },
        Claim {
            id: "R13",
            place: "not in the paper: data-parallel MeZO that exchanges numbers only",
            says: "Ranks that share the examples of each batch take the steps of one rank.",
            test: "Least squares (1000 × 100, f64), batches of 64, 200 steps of MeZO and MeZO-SVRG on four \
                ranks, and on one rank at the same parameters: largest difference of a measured f(θ + εz) − \
                f(θ − εz), before it is stored in f32, over the largest such number; steps after which the \
                ranks' parameters differ in a bit.",
            checks: &[
                Check::new("relative difference", Statistic::Max, Threshold::AtMost(1e-10)),
                Check::new("steps with different ranks", Statistic::Max, Threshold::AtMost(0.0)),
            ],
            ..Claim::EMPTY
        },
        Claim {
            id: "N1",
            place: "section 3.3 (non-differentiable objectives)",
            says: "MeZO trains on the accuracy itself.",
            test: "A 784-32-16-10 network trained on digits is tuned on 512 shifted digits (R8 of the paper \
                mezo-svrg) with the share of errors as loss: 5,000 steps, batches of 64, rate 1e-3, ε = \
                1e-2. Accuracy on 1,000 other shifted digits, end minus start.",
            checks: &[
                Check::new("gain of accuracy", Statistic::Median, Threshold::AtLeast(0.05)).at_full_scale()
            ],
            needs: &[Need::Data("digits/mnist_5k.csv.gz")],
            ..Claim::EMPTY
        },
        Claim {
            id: "S1",
            place: "not in the paper: a smoke test",
            says: "A language model of 134.5 million weights can be tuned and its run replayed on a CPU.",
            test: "SmolLM2-135M, 16 sentences of SST-2, five steps of MeZO at 1e-6: change of their mean \
                loss; runs whose replay ends in other bits. The accuracy on 60 sentences before any step is shown.",
            checks: &[
                Check {
                    full_only: true,
                    origin: ThresholdOrigin::Kiln,
                    ..Check::new("|change of the loss|", Statistic::Min, Threshold::Above(1e-6))
                },
                Check {
                    full_only: true,
                    origin: ThresholdOrigin::Kiln,
                    ..Check::new("runs that end in other bits", Statistic::Max, Threshold::AtMost(0.0))
                },
            ],
            needs: &[
                Need::Data("models/smollm2"),
                Need::Data("text/sst2-train.tsv"),
                Need::Data("text/sst2-dev.tsv"),
            ],
            ..Claim::EMPTY
        },
        Claim {
            id: "M1",
            place: "abstract",
            says: "Up to 12 times less memory than fine-tuning with Adam: OPT-30B on one GPU of 80 GB, where \
                Adam trains 2.7B.",
            test: "Not here. R10-buffers and R10-saving count the bytes on a small transformer.",
            needs: &[Need::Gpu, Need::Data("opt-30b")],
            ..Claim::EMPTY
        },
        Claim {
            id: "M2",
            place: "table for OPT-13B",
            says: "Within one point of fine-tuning on 7 of 11 tasks.",
            test: "Not here: OPT-13B and its tasks, 20,000 steps each.",
            needs: &[Need::Gpu, Need::Data("opt-13b"), Need::Data("superglue")],
            ..Claim::EMPTY
        },
        Claim {
            id: "M3",
            place: "tables for RoBERTa-large",
            says: "16 or 512 examples of each class: close to fine-tuning with gradients.",
            test: "Not here: RoBERTa-large, 100,000 steps, five seeds.",
            needs: &[Need::Gpu, Need::Data("roberta-large"), Need::Data("glue")],
            ..Claim::EMPTY
        },
        Claim {
            id: "M4",
            place: "section on prompts",
            says: "It needs prompts: without one it stays near chance.",
            test: "Not here, as M3.",
            needs: &[Need::Gpu, Need::Data("roberta-large"), Need::Data("glue")],
            ..Claim::EMPTY
        },
    ],
    experiments: &[
        Experiment { id: "memory", claims: &["R10-buffers", "R10-saving"], run: memory::experiment },
        Experiment { id: "effective-rank", claims: &["R11"], run: effective_rank::experiment },
        Experiment { id: "replay", claims: &["R12"], run: replay::experiment },
        Experiment { id: "ranks", claims: &["R13"], run: ranks::experiment },
        Experiment { id: "accuracy-as-loss", claims: &["N1"], run: accuracy::experiment },
        Experiment { id: "smollm2", claims: &["S1"], run: smollm2::experiment },
    ],
};
