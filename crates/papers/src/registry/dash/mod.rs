//! Shin, Oh, Cho, Yun, "DASH: warm-starting neural network training in stationary settings without loss of
//! plasticity", `NeurIPS` 2024.

mod features;
mod network;

use kiln_receipts::{Check, Claim, Experiment, Need, Paper, Statistic, Threshold};

pub(super) const PAPER: Paper = Paper {
    id: "dash",
    title: "DASH: warm-starting neural network training in stationary settings without loss of plasticity",
    citation: "Baekrok Shin, Junsoo Oh, Hanseul Cho, Chulhee Yun. NeurIPS 2024",
    url: "https://arxiv.org/abs/2410.23495",
    domain: "optim",
    claims: &[
        Claim {
            id: "D1",
            place: "section 3 (feature-learning model)",
            says: "A network that goes on from the last stage stops improving; one that forgets the noise it \
                memorized but keeps its features is as good as one trained from scratch, with far fewer active points.",
            test: "The authors' model: 2 classes, 50 features each, 1000 points a stage, 50 stages, γ = 50, τ = 3, \
                   10000 test points, 10 seeds; at the last stage.",
            checks: &[
                Check::new("accuracy, ideal minus warm", Statistic::Mean, Threshold::AtLeast(0.15)),
                Check::new("|accuracy, ideal minus random|", Statistic::Mean, Threshold::AtMost(0.01)),
                Check::new("active points, ideal over random", Statistic::Mean, Threshold::AtMost(0.15)),
                Check::new("features learned, warm", Statistic::Mean, Threshold::AtMost(40.0)),
            ],
            needs: &[],
            known_finding: None,
        },
        Claim {
            id: "D2",
            place: "experiments",
            says: "DASH trains to a higher test accuracy than warm starts and shrink and perturb on \
                CIFAR-10, CIFAR-100, SVHN and Tiny ImageNet, in fewer steps than cold starts.",
            test: "Accuracy at least a point above warm starts, steps at most those of cold starts.",
            checks: &[],
            needs: &[Need::Gpu, Need::Data("cifar-10")],
            known_finding: None,
        },
        Claim {
            id: "D3",
            place: "experiments, direction only",
            says: "DASH generalizes at least as well as a warm start, in no more steps than a cold start.",
            test: "A perceptron with two hidden layers on generated images (4 classes of 8 patterns each, of which an \
                   image shows some, and noise), 10 chunks of 80, each trained to 99.9 % training accuracy: test \
                   accuracy after the last chunk, and steps over all chunks but the first.",
            checks: &[
                Check::new("accuracy, DASH minus warm", Statistic::Mean, Threshold::AtLeast(0.0)),
                Check::new("steps, DASH over cold", Statistic::Mean, Threshold::AtMost(1.0)),
            ],
            needs: &[],
            known_finding: Some(
                "DASH generalizes better than the warm start on each of 10 seeds (by 0.003 to 0.025), but \
                 takes 1.64 times the steps of a cold start (1.29 to 2.37). Shrink and perturb also takes \
                 more than a cold start (1.39 times). The paper's networks have normalization layers, which \
                 undo a shrinking of their weights; this one has none. That this is the reason is our guess.",
            ),
        },
    ],
    experiments: &[
        Experiment { id: "feature-learning", claims: &["D1"], run: features::experiment },
        Experiment { id: "network", claims: &["D3"], run: network::experiment },
    ],
};
