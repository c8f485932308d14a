//! Wu, Chen, Ha, Yu, "Prominent roles of conditionally invariant components in domain adaptation: theory and
//! algorithms", JMLR 2025.

mod digits;
mod exact;
mod mnist;
mod trained;
mod weights;

use kiln_receipts::{Check, Claim, Experiment, Need, Paper, Statistic, Threshold};

const fn mean(name: &'static str, threshold: Threshold) -> Check {
    Check::new(name, Statistic::Mean, threshold)
}

/// Trained methods: with few seeds, as at quick scale, the mean is shown and not judged.
const fn trained(name: &'static str, threshold: Threshold) -> Check {
    mean(name, threshold).at_full_scale()
}

pub(super) const PAPER: Paper = Paper {
    id: "conditionally-invariant-components",
    title: "Prominent roles of conditionally invariant components in domain adaptation: theory and algorithms",
    citation: "Keru Wu, Yuansi Chen, Wooseok Ha, Bin Yu. JMLR 2025",
    url: "https://arxiv.org/abs/2309.10301",
    domain: "adapt",
    claims: &[
        Claim {
            id: "C1",
            place: "SCM I: features shift",
            says: "Matching the marginal of a source and the target (DIP) adapts to a shift of features.",
            test: "Accuracy on the target. Exact: hard constraint, logistic loss, population accuracy, 20 \
                seeds. Trained: the paper's linear model and settings, 10 seeds.",
            checks: &[
                mean("DIP, exact", Threshold::AtLeast(0.85)),
                mean("ERM, exact", Threshold::AtMost(0.70)),
                trained("DIP, trained", Threshold::AtLeast(0.84)),
            ],
            ..Claim::EMPTY
        },
        Claim {
            id: "C2",
            place: "SCM II to IV: conditionally invariant components",
            says: "Matching class by class between sources (CIP) finds the conditionally invariant components.",
            test: "As C1: accuracy on the target against that of the best classifier on the invariant \
                features with equal class shares, .756, .821, .821.",
            checks: &[
                mean("CIP on II, exact", Threshold::Between(0.736, 0.776)),
                mean("CIP on III, exact", Threshold::Between(0.801, 0.841)),
                mean("CIP on IV, exact", Threshold::Between(0.801, 0.841)),
                trained("CIP on III, trained", Threshold::Between(0.791, 0.851)),
                trained("CIP on IV, trained", Threshold::Between(0.791, 0.851)),
            ],
            ..Claim::EMPTY
        },
        Claim {
            id: "C3",
            place: "SCM II and IV: label shift as well",
            says: "Class weights estimated from CIP's predictions (IW-CIP) correct for other shares of the classes.",
            test: "As C1, exact: accuracy on the target, its gain over CIP, and the mean error of the \
                weights (true ones 1.8, 0.2 on II; 1.4, 0.6 on IV). The trained form is shown, not judged: \
                the specification expects it to miss on IV.",
            checks: &[
                mean("IW-CIP on II", Threshold::AtLeast(0.895)),
                mean("IW-CIP on IV", Threshold::AtLeast(0.835)),
                mean("gain over CIP on II", Threshold::AtLeast(0.10)),
                mean("gain over CIP on IV", Threshold::AtLeast(0.012)),
                mean("error of the weight of class 0, II", Threshold::Between(-0.1, 0.1)),
                mean("error of the weight of class 1, II", Threshold::Between(-0.1, 0.1)),
                mean("error of the weight of class 0, IV", Threshold::Between(-0.1, 0.1)),
                mean("error of the weight of class 1, IV", Threshold::Between(-0.1, 0.1)),
            ],
            ..Claim::EMPTY
        },
        Claim {
            id: "C4",
            place: "SCM III: features whose relation to the label is reversed",
            says: "DIP may keep features whose relation to the label is reversed in the target, and then fails badly.",
            test: "As C1. Trained with λ = 100 (mean) and 1 (MMD), the paper's choices.",
            checks: &[
                mean("DIP, exact", Threshold::AtMost(0.10)),
                mean("DIP on its source, exact", Threshold::AtLeast(0.97)),
                trained("DIP with means, trained", Threshold::AtMost(0.65)),
                trained("DIP with MMD, trained", Threshold::AtMost(0.65)),
                trained("CIP minus DIP with means, trained", Threshold::AtLeast(0.25)),
                trained("CIP minus DIP with MMD, trained", Threshold::AtLeast(0.25)),
            ],
            known_finding: Some(
                "One of the checks fails: trained DIP with MMD is 20 points below CIP on 10 seeds, where 25 \
                 were expected. It is a matter of chance, from 0.00 to 0.84 over the seeds (mean 0.625, \
                 standard deviation 0.33); the specification had seen 0.533 on two to six seeds. DIP with \
                 means never exceeds 0.55 (mean 0.287), exact DIP altogether (0.013).",
            ),
            ..Claim::EMPTY
        },
        Claim {
            id: "C5",
            place: "SCM III",
            says: "Matching the joint distribution with the invariant components (JointDIP) avoids reversed \
                features and is better than CIP.",
            test: "As C1. Trained with λ = 1, then 10.",
            checks: &[
                mean("JointDIP, exact", Threshold::AtLeast(0.86)),
                mean("JointDIP minus CIP, exact", Threshold::AtLeast(0.03)),
                trained("JointDIP, trained", Threshold::AtLeast(0.80)),
            ],
            ..Claim::EMPTY
        },
        Claim {
            id: "C6",
            place: "SCM IV: reversed features and label shift",
            says: "With both, weighted JointDIP (IW-JointDIP) is best.",
            test: "As C1, exact: accuracy on the target, and how far it is ahead of the others.",
            checks: &[
                mean("IW-JointDIP", Threshold::AtLeast(0.87)),
                mean("ahead of IW-CIP", Threshold::Above(0.0)),
                mean("ahead of CIP", Threshold::Above(0.0)),
                mean("ahead of JointDIP", Threshold::Above(0.0)),
                mean("ahead of DIP", Threshold::Above(0.0)),
            ],
            ..Claim::EMPTY
        },
        Claim {
            id: "C7",
            place: "corollaries 1 and 2",
            says: "A conditionally invariant classifier gives an upper bound on another's target accuracy \
                without target labels, which exposes the failure of DIP.",
            test: "SCM III, exact DIP against exact CIP, 20 draws of 1,000 rows. The inequality of section 3.3 of our \
                   specification with the true risk of CIP; the bound of corollary 1 against the accuracy; \
                   the bound of corollary 2 where CIP is surer than on a share α of the target. The \
                   inequality also for trained methods, DIP with five weights.",
            checks: &[
                Check::new("violations of the inequality", Statistic::Max, Threshold::AtMost(0.0)),
                mean("share of draws with bound + .05 above the accuracy", Threshold::AtLeast(0.99)),
                mean("bound, α = 0.75", Threshold::AtMost(0.30)),
                mean("fall of the bound from α = 0 to 0.25", Threshold::Above(0.0)),
                mean("fall of the bound from α = 0.25 to 0.5", Threshold::Above(0.0)),
                mean("fall of the bound from α = 0.5 to 0.75", Threshold::Above(0.0)),
            ],
            ..Claim::EMPTY
        },
        Claim {
            id: "C8",
            place: "SCM III, coefficients",
            says: "DIP and ERM put their weight on reversed features, CIP on invariant ones.",
            test: "As C4: share of the squared weight (trained: of the difference of the logits).",
            checks: &[
                mean("DIP on reversed features, exact", Threshold::AtLeast(0.85)),
                mean("CIP on invariant features, exact", Threshold::AtLeast(0.92)),
                trained("ERM on reversed features, trained", Threshold::AtLeast(0.75)),
            ],
            ..Claim::EMPTY
        },
        Claim {
            id: "C9",
            place: "SCM binary: number of sources",
            says: "CIP needs enough different sources to see all directions that shift.",
            test: "Exact CIP, 20 seeds: accuracy on the target by the number of sources; five directions \
                shift, and the best classifier on the invariant features has .799.",
            checks: &[
                mean("2 sources", Threshold::AtMost(0.60)),
                mean("7 sources", Threshold::AtLeast(0.70)),
                mean("8 sources", Threshold::Between(0.779, 0.819)),
                mean("16 sources", Threshold::Between(0.779, 0.819)),
                Check::new(
                    "largest fall of the mean from a number to the next",
                    Statistic::Max,
                    Threshold::AtMost(0.03),
                ),
            ],
            ..Claim::EMPTY
        },
        Claim {
            id: "C10",
            place: "nothing shifts",
            says: "Where nothing shifts, nothing is lost by aligning.",
            test: "SCM without shifts (9 features, 1 source), trained with λ = 1: accuracy on the target \
                minus that of ERM.",
            checks: &[
                trained("DIP minus ERM", Threshold::Between(-0.02, 0.02)),
                trained("CIP minus ERM", Threshold::Between(-0.02, 0.02)),
            ],
            ..Claim::EMPTY
        },
        Claim {
            id: "C11",
            place: "MNIST with rotation, reversed bar and label shift, on small digits",
            says: "DIP follows a bar that is reversed in the target, JointDIP does not; weights correct for \
                label shift.",
            test: "Digits of 8×8 pixels (optdigits), digits 0, 2, 3, 6, 8 against the rest, five sources \
                rotated by −20 to 20 degrees, target by 30; a perceptron of 64-64-32-2. Presets 3 (bar) and \
                4 (bar and label shift), 5 seeds.",
            checks: &[
                trained("preset 3: ERM minus DIP", Threshold::AtLeast(0.30)),
                trained("preset 3: JointDIP minus DIP", Threshold::AtLeast(0.40)),
                trained("preset 3: JointDIP", Threshold::AtLeast(0.72)),
                trained("preset 4: DIP", Threshold::AtMost(0.45)),
                trained("preset 4: IW-JointDIP minus JointDIP", Threshold::AtLeast(0.02)),
                trained("preset 4: IW-DIP minus DIP", Threshold::AtLeast(0.08)),
                trained("preset 4: error of the weight of class 0", Threshold::Between(-0.2, 0.2)),
                trained("preset 4: error of the weight of class 1", Threshold::Between(-0.2, 0.2)),
            ],
            known_finding: Some(
                "Preset 3 reproduces, and DIP's failure on preset 4 (0.320). What does not is how much \
                 weights help there: IW-JointDIP gains 1.8 points where 2 were expected, IW-DIP 4.2 where 8 \
                 were, and the weights are off by 0.23 where 0.2 was allowed, as the first stage's \
                 predictions do not have one law given the class in sources and target (CIP itself loses 14 \
                 points when the bar comes in).",
            ),
            ..Claim::EMPTY
        },
        Claim {
            id: "C11-MNIST",
            place: "experiments on MNIST",
            says: "JointDIP is above DIP with the reversed bar (presets 3 and 4), weighted methods above \
                their unweighted forms with label shift (preset 2).",
            test: "LeNet on 10,000 training pictures, λ as on the small digits: differences of the accuracy \
                on the target, 3 seeds. Only the signs are in reach of the specification; the paper's tables \
                were not at hand.",
            checks: &[
                trained("preset 2: IW-CIP minus CIP", Threshold::Above(0.0)),
                trained("preset 2: IW-DIP minus DIP", Threshold::Above(0.0)),
                trained("preset 3: JointDIP minus DIP", Threshold::Above(0.0)),
                trained("preset 4: JointDIP minus DIP", Threshold::Above(0.0)),
            ],
            needs: &[Need::Data("mnist")],
            known_finding: Some(
                "One of the four signs: IW-CIP is 2.3 points below CIP on preset 2 (0.8 to 4.7 on each of 3 \
                 seeds). CIP predicts either class about as well there (accuracy 0.881, balanced 0.871), so \
                 that weights have little to win, and training with them lowers the balanced accuracy \
                 (0.857). It does not gain on the small digits either. IW-DIP is 4.9 points above DIP, \
                 JointDIP 42 (preset 3) and 31 (preset 4).",
            ),
        },
        Claim {
            id: "C12",
            place: "experiments on CelebA",
            says: "JointDIP is above DIP in settings 1 to 3, weighted methods above their unweighted forms in 4 to 6.",
            needs: &[Need::Data("celeba"), Need::Gpu],
            ..Claim::EMPTY
        },
        Claim {
            id: "C13",
            place: "experiments on Camelyon17",
            says: "Pooled JointDIP is the best.",
            needs: &[Need::Data("camelyon17"), Need::Gpu],
            ..Claim::EMPTY
        },
        Claim {
            id: "C14",
            place: "experiments on DomainNet",
            says: "JointDIP is above DIP.",
            needs: &[Need::Data("domainnet"), Need::Gpu],
            ..Claim::EMPTY
        },
    ],
    experiments: &[
        Experiment { id: "exact", claims: &["C1", "C2", "C3", "C4", "C5", "C6", "C8"], run: exact::table },
        Experiment { id: "bounds", claims: &["C7"], run: exact::bounds },
        Experiment { id: "dip-weights", claims: &["C7"], run: weights::scatter },
        Experiment { id: "number-of-sources", claims: &["C9"], run: exact::number_of_sources },
        Experiment { id: "trained", claims: &["C1", "C2", "C4", "C5", "C8", "C10"], run: trained::table },
        Experiment { id: "small-digits", claims: &["C11"], run: digits::table },
        Experiment { id: "mnist", claims: &["C11-MNIST"], run: mnist::table },
    ],
};
