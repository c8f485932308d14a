//! Chen, Bühlmann, "Domain adaptation under structural causal models", JMLR 22, 2021.

mod mean_shifts;
mod variance_shifts;

use kiln_receipts::{Check, Claim, Experiment, Need, Paper, Statistic, Threshold};

/// Of the random models.
const fn share(name: &'static str, threshold: Threshold) -> Check {
    Check::new(name, Statistic::Mean, threshold)
}

const CLAIMS: &[Claim] = &[
    Claim {
        id: "S1",
        place: "simulation (i); the risks of DIP and OLS under anticausal shifts",
        says: "When the label causes the features and these are shifted, DIP is better in the target than \
            least squares on the source.",
        test: "100 random models with 10 features and one source, 5,000 rows each, λ = 10. The formulas: \
            with 200,000 rows and λ = 1e6, mean over the models of the relative difference of a risk; with \
            exact moments and λ → ∞, the largest.",
        checks: &[
            share("share, DIP at most Src", Threshold::AtLeast(0.90)),
            Check::new("mean risk, DIP / Src", Statistic::Mean, Threshold::AtMost(0.6)),
            Check::new("200,000 rows, DIP against the formula", Statistic::Mean, Threshold::AtMost(0.02)),
            Check::new("200,000 rows, OLS against the formula", Statistic::Mean, Threshold::AtMost(0.02)),
            Check::new("exact moments against the formulas", Statistic::Max, Threshold::AtMost(1e-9))
                .by_kiln(),
        ],
        ..Claim::EMPTY
    },
    Claim {
        id: "S2",
        place: "simulation (ii)",
        says: "Several sources help: weighted by how well they fit, DIP comes near to knowing the target's labels.",
        test: "As S1 with 7 sources: DIPweigh against DIP from the first source, and against Tar, least \
            squares on 5,000 labelled rows of the target.",
        checks: &[
            share("share, DIPweigh at most DIP", Threshold::AtLeast(0.80)),
            Check::new("mean risk, DIPweigh / Tar", Statistic::Mean, Threshold::Between(0.95, 1.05)),
        ],
        ..Claim::EMPTY
    },
    Claim {
        id: "S3",
        place: "simulation (iii)",
        says: "When the label is shifted as well and some features are conditionally invariant, CIP is \
            better than DIP, and CIRM best.",
        test: "100 random anticausal models, 20 features of which 10 are not shifted, 14 sources, a shift of \
            the label in the target; λ = 1 for CIP, 10 for DIP.",
        checks: &[
            share("share, CIP at most DIPweigh", Threshold::AtLeast(0.80)),
            share("share, CIRMweigh at most SrcPool", Threshold::AtLeast(0.85)),
            share("share, CIRMweigh at most DIPweigh", Threshold::AtLeast(0.85)),
        ],
        known_finding: Some(
            "CIRMweigh is no worse than SrcPool in 80 of these 100 models, where 85 were expected; the other \
             two shares pass. On 1,000 models (`--seeds 1000`) it is 0.877, and the authors' own code has \
             0.89 on 300 models with other seeds than theirs, and 0.94, next to which the threshold was set, \
             on their 100. So the threshold is within the sampling error of 100 models, and this draw is a poor one.",
        ),
        ..Claim::EMPTY
    },
    Claim {
        id: "S4",
        place: "simulation (iv)",
        says: "When the features cause the label DIP fails, and least squares on the source is as good as on \
            the target.",
        test: "As S1 with causal models.",
        checks: &[
            share("share, DIP at most Src", Threshold::AtMost(0.05)),
            Check::new("risk, DIP / Src", Statistic::Median, Threshold::AtLeast(5.0)),
        ],
        ..Claim::EMPTY
    },
    Claim {
        id: "S5",
        place: "simulation (v)",
        says: "When some features are causes and others effects DIP fails, unless the causes are regressed out first.",
        test: "As S1 with mixed models; DIP<> knows the causes.",
        checks: &[
            share("share, DIP at most Src", Threshold::AtMost(0.25)),
            share("share, DIP<> at most Src", Threshold::AtLeast(0.85)),
        ],
        ..Claim::EMPTY
    },
    Claim {
        id: "S6",
        place: "simulation (vi)",
        says: "Without conditionally invariant features CIP and CIRM lose their guarantee.",
        test: "As S3 with all 20 features shifted and 19 sources.",
        checks: &[
            share("share, CIP at most SrcPool", Threshold::Below(0.40)),
            Check::new(
                "share, CIRMweigh at most SrcPool, in S3 less here",
                Statistic::Mean,
                Threshold::AtLeast(0.15),
            ),
        ],
        ..Claim::EMPTY
    },
    Claim {
        id: "S7",
        place: "simulation (vii)",
        says: "With causes, effects, a shift of the label and conditionally invariant features, CIRM after \
            the causes are regressed out is best.",
        test: "As S3 with mixed models; CIRM<> is CIRMweigh with known causes.",
        checks: &[
            share("share, CIRM<> at most SrcPool", Threshold::AtLeast(0.85)),
            share("share, CIRM<> at most DIPweigh", Threshold::AtLeast(0.70)),
            share("share, CIRM<> at most CIRMweigh", Threshold::AtLeast(0.65)),
        ],
        ..Claim::EMPTY
    },
    Claim {
        id: "S8",
        place: "simulation (viii)",
        says: "When variances shift and means do not, matching means does nothing; matching deviations, or \
            distributions by MMD, helps.",
        test: "Anticausal models with 10 features, one source and noise of variance |N(0, 1)|, 5,000 rows; a \
            linear model trained by gradients with λ = 10, and the authors' kernel (a Gaussian, σ = 1). \
            Relative difference of the risk of DIP-mean from that of OLS, mean over the models; share of 30 \
            models in which DIP-MMD is better than Src; and the relative difference between trained and \
            exact DIP-mean.",
        checks: &[
            Check::new("DIP-mean against OLS", Statistic::Mean, Threshold::AtMost(0.01)),
            share("share, DIP-MMD below Src", Threshold::AtLeast(0.60)).at_full_scale(),
            Check::new("DIP-mean, trained against exact", Statistic::Mean, Threshold::AtMost(0.01)).by_kiln(),
        ],
        known_finding: Some(
            "At 5,000 rows DIP-mean differs from OLS by 0.053 on 30 models (0.031 on the four of the quick \
             scale). Sample means differ by noise, and λ = 10 makes the model follow it: in closed form, on \
             100 models, the difference is 0.060 at 5,000 rows, 0.0073 at 50,000 and 0.0009 at 500,000. With \
             exact means it is 0, so matching of means is blind in the limit, as the paper says. The control \
             fails on the 30 models because in one of them training has not converged (0.34 off the closed \
             form; the others are off by 0.001 on average).",
        ),
        ..Claim::EMPTY
    },
    Claim {
        id: "S9",
        place: "experiments on MNIST and on Amazon reviews",
        says: "CIRM and its MMD form do best on images with patches or rotations, and on reviews of unseen products.",
        test: "Not here: it takes the authors' pretrained network and their selection of the reviews of 2018.",
        needs: &[Need::Data("digits/mnist"), Need::Data("amazon-reviews-2018")],
        ..Claim::EMPTY
    },
];

pub(super) const PAPER: Paper = Paper {
    id: "structural-causal-models",
    title: "Domain adaptation under structural causal models",
    citation: "Yuansi Chen, Peter Bühlmann. JMLR 22 (2021)",
    url: "https://arxiv.org/abs/2010.15764",
    domain: "adapt",
    claims: CLAIMS,
    experiments: &[
        Experiment { id: "anticausal", claims: &["S1"], run: mean_shifts::anticausal },
        Experiment { id: "formulas", claims: &["S1"], run: mean_shifts::formulas },
        Experiment { id: "many-sources", claims: &["S2"], run: mean_shifts::many_sources },
        Experiment { id: "label-shift", claims: &["S3", "S6"], run: mean_shifts::label_shift },
        Experiment { id: "causal", claims: &["S4"], run: mean_shifts::causal },
        Experiment { id: "mixed", claims: &["S5"], run: mean_shifts::mixed },
        Experiment { id: "mixed-label-shift", claims: &["S7"], run: mean_shifts::mixed_label_shift },
        Experiment { id: "variance-shifts", claims: &["S8"], run: variance_shifts::experiment },
    ],
};
