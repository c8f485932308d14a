//! Ha, Singh, Lanusse, Upadhyayula, Yu, "Adaptive wavelet distillation from neural networks through
//! interpretations", NeurIPS 2021.

mod cosmology;
mod digits;
mod networks;
mod series;
mod simulation;
mod spectra;
mod traces;

use kiln_receipts::{Check, Claim, Experiment, Need, Paper, Statistic, Threshold};

const SERIES: &[Check] = &[
    Check::new("network's accuracy", Statistic::Min, Threshold::AtLeast(0.75)).by_kiln(),
    Check::new("accuracy of AWD less that of db5", Statistic::Min, Threshold::AtLeast(-0.05)).by_kiln(),
    Check::new("compression of AWD less that of db5", Statistic::Max, Threshold::AtMost(-0.01)).by_kiln(),
    Check::new("compression, γ = 0 less γ = 1", Statistic::Min, Threshold::AtLeast(0.03)).by_kiln(),
];

const CLAIMS: &[Claim] = &[
    Claim {
        id: "A1",
        place: "simulation",
        says: "Distilled from a network that was trained on a few coefficients of one wavelet, another \
            wavelet becomes that one.",
        test: "10,000 signals of 64 Gaussian samples; response 2 × (three neighbouring level-3 \
               coefficients of db5) + 0.1 noise; network 64-32-32-1. λ = 1e-4, γ from 0 to 10 (quick: \
               to 0.32), each filter from the one before, 10 epochs each. Distance of the wavelet from \
               db5 at the best γ and at γ = 0, from db5 + noise and from coif2; filter conditions and \
               reconstruction error of a test signal at the best γ. Every seed (one; three at full \
               scale) must pass.",
        checks: &[
            Check::new("distance, best γ, from db5 + noise", Statistic::Max, Threshold::AtMost(0.25)),
            Check::new("distance, best γ, from coif2", Statistic::Max, Threshold::AtMost(0.25)),
            Check::new("distance, γ = 0, from db5 + noise", Statistic::Min, Threshold::AtLeast(2.5)),
            Check::new("distance, γ = 0, from coif2", Statistic::Min, Threshold::AtLeast(2.5)),
            Check::new("filter conditions, best γ", Statistic::Max, Threshold::AtMost(2e-3)),
            Check::new(
                "reconstruction error of a test signal, best γ",
                Statistic::Max,
                Threshold::AtMost(0.01),
            ),
            Check::new("network's R² on test signals", Statistic::Min, Threshold::AtLeast(0.99)).by_kiln(),
        ],
        ..Claim::EMPTY
    },
    Claim {
        id: "A1-sym5",
        place: "simulation",
        says: "The same from sym5.",
        test: "The same, from sym5, which has the same frequency response as db5 and begins 1.28 away. At \
            the best γ, which may be 0, the distance must not have grown; with the interpretation term it \
            must be as small as A1 wants it.",
        checks: &[
            Check::new("distance, best γ, from sym5", Statistic::Max, Threshold::AtMost(1.30)),
            Check::new("distance, best γ above 0, from sym5", Statistic::Max, Threshold::AtMost(0.25))
                .by_kiln(),
        ],
        known_finding: Some(
            "Without the interpretation term it stays sym5, and with it the distance grows, from \
             1.40 at γ = 0.01 to 2.5: another local optimum. The specification's reruns never found \
             db5 from it either. The paper's figure, which turns and shifts the wavelets, shows it \
             found.",
        ),
        ..Claim::EMPTY
    },
    Claim {
        id: "A2",
        place: "molecular partner prediction",
        says: "R² 0.262 with AWD, 0.197 with db5, 0.237 with the LSTM; compression 0.574 where db5 has \
               0.704.",
        test: "Not here: the microscope's traces are not public.",
        needs: &[Need::Data("clathrin-traces")],
        ..Claim::EMPTY
    },
    Claim {
        id: "A2-stand-in",
        place: "molecular partner prediction, on simulated traces",
        says: "A linear model of few coefficients of the distilled wavelet predicts no worse than one \
               of db5's.",
        test: "4,500 simulated traces of 40 samples in which a sharp end goes with a response; LSTM of 20 \
            units. λ in {1e-4, 1e-3, 5e-3}, γ in {0, 1e-3 … 10} (quick: 1e-3 and {0, 0.1, 1}), chosen by \
            cross-validated R²; least squares on the six largest coefficients of each block. Every seed \
            (one; three at full scale).",
        checks: &[
            Check::new("network's R²", Statistic::Min, Threshold::AtLeast(0.45)),
            Check::new("R² of AWD less that of db5", Statistic::Min, Threshold::AtLeast(-0.005)),
        ],
        known_finding: Some(
            "Of three seeds at full scale one misses by little: 0.0051 below db5, where 0.005 was allowed; \
             the others are 0.0053 and 0.0025 above. That every seed must pass was our choice; the \
             specification's one run gave 0.007 above.",
        ),
        ..Claim::EMPTY
    },
    Claim {
        id: "A2-compression",
        place: "molecular partner prediction, on simulated traces; ablation A3",
        says: "Fewer of its coefficients matter, and the interpretation term is what makes them fewer.",
        test: "The share of test coefficients that are above 1e-3 and whose attribution is too: of the \
               same models, and of those with λ = 1e-3 and γ of 0 and 1.",
        checks: &[
            Check::new("compression of AWD less that of db5", Statistic::Max, Threshold::AtMost(-0.01)),
            Check::new("compression, γ = 0 less γ = 1", Statistic::Min, Threshold::AtLeast(0.03)),
        ],
        ..Claim::EMPTY
    },
    Claim {
        id: "A2-db5",
        place: "molecular partner prediction, on simulated traces",
        says: "The linear model of the distilled wavelet beats the one of db5's.",
        test: "The same models.",
        checks: &[Check::new("R² of AWD less that of db5", Statistic::Min, Threshold::Above(0.0)).by_kiln()],
        known_finding: Some(
            "Not shown: R² is 0.354 where db5 has 0.353, means of three seeds; the differences are \
             −0.0051, 0.0025 and 0.0053. On the paper's data it was 0.262 and 0.197.",
        ),
        ..Claim::EMPTY
    },
    Claim {
        id: "A3-stand-in",
        place: "ablation, on simulated traces",
        says: "It beats the one of a wavelet that was distilled without the interpretation term.",
        test: "The same models; λ of the other is chosen in the same way.",
        checks: &[Check::new("R² of AWD less that of γ = 0", Statistic::Min, Threshold::Above(0.0)).by_kiln()],
        known_finding: Some(
            "Not shown: R² is 0.354 with the interpretation term and 0.353 without, with differences of \
             −0.0024 to 0.0054 on three seeds. On the paper's data it was 0.262 and 0.231.",
        ),
        ..Claim::EMPTY
    },
    Claim {
        id: "A2-network",
        place: "molecular partner prediction, on simulated traces",
        says: "The linear model of the distilled wavelet even beats the network.",
        test: "The same models.",
        checks: &[Check::new("R² of AWD less the network's", Statistic::Min, Threshold::Above(0.0)).by_kiln()],
        known_finding: Some(
            "Not shown on simulated traces, as the specification foresaw: the largest coefficients of a \
             block say how strong something was, but not when, and the network sees when. On the paper's \
             data, which we lack, the order was the other.",
        ),
        ..Claim::EMPTY
    },
    Claim {
        id: "A2-Trace",
        place: "molecular partner prediction, on UCR Trace instead",
        says: "As A2-stand-in and A2-compression, of classes instead of a response.",
        test: "100 series of 275 points to train on and 100 to test on, four classes of simulated \
               transients in a nuclear plant. Perceptron with 64 hidden units, squared errors; six \
               largest coefficients of each of five blocks, least squares on the classes with a ridge \
               of 1. λ = 1e-3, γ in {0, 1e-3 … 10} (quick: {0, 0.1, 1}), 600 epochs each, chosen by \
               cross-validated errors. Every seed (one; three at full scale). Thresholds were written \
               before the first run, those of compression as A2-compression has them.",
        checks: SERIES,
        needs: &[Need::Data("signals/trace")],
        known_finding: Some(
            "Accuracy is better than expected: linear models of the distilled wavelet have 0.957 (three \
             seeds), of db5 0.850, and the network that was distilled 0.787, as in the paper. But \
             compression is 0.886 where db5 has 0.888. The series are noisy: 0.96 of db5's coefficients \
             count, and so does nearly all that the network attributes to them, whatever the wavelet. The \
             filters that do best miss orthonormality to even shifts by 0.03.",
        ),
    },
    Claim {
        id: "A2-GunPoint",
        place: "molecular partner prediction, on UCR GunPoint instead",
        says: "As A2-Trace.",
        test: "As A2-Trace with 50 series of 150 points to train on and 150 to test on: a hand that \
               draws a gun, or points.",
        checks: SERIES,
        needs: &[Need::Data("signals/ucr")],
        known_finding: Some(
            "Accuracy is that of db5 (−0.05 to 0.02 on three seeds; 0.71, far below the network's \
             0.96), but compression rises, by 0.01 to 0.14. The series are smooth: a wavelet that is \
             orthogonal to polynomials makes 0.31 of the finest coefficients negligible, and a filter \
             that is not, as those that are being distilled, next to none (db5 changed by noise of \
             0.01: 0 to 3 %).",
        ),
    },
    Claim {
        id: "A3",
        place: "ablation",
        says: "Without the interpretation term: R² 0.231 and compression 0.651 instead of 0.262 and 0.574.",
        test: "Not here; on simulated traces it is A3-stand-in and part of A2-compression.",
        needs: &[Need::Data("clathrin-traces")],
        ..Claim::EMPTY
    },
    Claim {
        id: "A4",
        place: "cosmology",
        says: "RMSE of Ω_m, in hundredths: AWD 1.03, ResNet 1.16, Roberts 1.26, Laplace 1.37, db5 \
               1.57, raw peaks 1.61.",
        test: "Not here: the simulations and the network's training are out of reach.",
        needs: &[Need::Data("lensing-simulations"), Need::Gpu],
        ..Claim::EMPTY
    },
    Claim {
        id: "A4-stand-in",
        place: "cosmology, on simulated lognormal maps",
        says: "Peaks of filtered maps tell the parameters better than raw peaks, and those of wavelets \
               best, about as well as the model that was distilled.",
        test: "25 classes of maps of 64×64 pixels (amplitude, slope of the spectrum), 60 to fit, 16 to \
               choose γ and 16 to test of each; distilled is a regression of the slope on the logarithm \
               of the spectrum in 12 rings. λ = 1e-3, γ in {0, 0.02, 0.2, 2, 20}, J = 3, 8 epochs each. \
               Ratios of the RMSE of the slope, mean over one seed (five at full scale).",
        checks: &[
            Check::new("Laplace / raw", Statistic::Mean, Threshold::AtMost(0.95)),
            Check::new("Roberts / raw", Statistic::Mean, Threshold::AtMost(0.95)),
            Check::new("AWD / Laplace", Statistic::Mean, Threshold::AtMost(0.95)),
            Check::new("AWD / Roberts", Statistic::Mean, Threshold::AtMost(0.95)),
            Check::new("AWD / db5", Statistic::Mean, Threshold::AtMost(1.05)),
            Check::new("AWD / network", Statistic::Mean, Threshold::AtMost(1.05)),
        ],
        ..Claim::EMPTY
    },
    Claim {
        id: "A4-db5",
        place: "cosmology, on simulated lognormal maps",
        says: "The peaks of maps filtered by the distilled wavelet tell the parameter better than \
               those of db5 do, by a third.",
        test: "The same models. The path begins with db5 and γ may be 0.",
        checks: &[Check::new("AWD / db5", Statistic::Mean, Threshold::Below(1.0)).by_kiln()],
        known_finding: Some(
            "Not shown: the ratio is 1.008 on five seeds (0.989 to 1.028), and γ chosen on other \
             maps is 0, 0.02, 20, 20 and 0.02. Our maps differ in their spectrum alone, which db5's \
             peaks tell as well; in the paper db5 hardly beats raw peaks.",
        ),
        ..Claim::EMPTY
    },
    Claim {
        id: "A4-spectra",
        place: "cosmology, on lognormal maps of computed spectra",
        says: "As A4.",
        test: "The same with maps drawn from the spectra of 41 cosmologies (CAMB), 3.5° wide, without \
               noise; distilled is a regression of S₈. Three seeds. Thresholds were written before the \
               first run.",
        checks: &[
            Check::new("Laplace / raw", Statistic::Mean, Threshold::Below(1.0)).by_kiln().at_full_scale(),
            Check::new("Roberts / raw", Statistic::Mean, Threshold::Below(1.0)).by_kiln().at_full_scale(),
            Check::new("AWD / Laplace", Statistic::Mean, Threshold::Below(1.0)).by_kiln().at_full_scale(),
            Check::new("AWD / Roberts", Statistic::Mean, Threshold::Below(1.0)).by_kiln().at_full_scale(),
            Check::new("AWD / db5", Statistic::Mean, Threshold::AtMost(1.05)).by_kiln().at_full_scale(),
            Check::new("AWD / network", Statistic::Mean, Threshold::AtMost(1.05)).by_kiln().at_full_scale(),
        ],
        needs: &[Need::Data("cosmology/convergence")],
        known_finding: Some(
            "Of six checks one misses: AWD's error over that of Roberts' filter is 1.02 (0.96, 1.00, \
             1.10 on three seeds), where below 1 was expected. On these maps, which have no noise, \
             all filters of 3×3 pixels are alike (0.0276 to 0.0282) and far better than raw peaks \
             (0.0361); the regression on the spectrum that is distilled is worse than all of them \
             (0.058), because S₈ shows in the tail of the pixels.",
        ),
    },
    Claim {
        id: "A5",
        place: "cosmology, ablation",
        says: "Without the interpretation term the RMSE is 1.353; compression 0.610 (AWD), 0.616 \
               (ablation), 0.620 (db5).",
        test: "Not here, as A4.",
        needs: &[Need::Data("lensing-simulations"), Need::Gpu],
        ..Claim::EMPTY
    },
    Claim {
        id: "A6",
        place: "cosmology",
        says: "The model has nine or ten fitted numbers, and its wavelet is close to symmetric.",
        test: "Not here, as A4.",
        needs: &[Need::Data("lensing-simulations"), Need::Gpu],
        ..Claim::EMPTY
    },
    Claim {
        id: "A7",
        place: "MNIST (in the released code)",
        says: "A digit network's attributions become sparser in a distilled wavelet.",
        test: "The authors' network, all ten outputs, 2,000 training pictures; db3, J = 3, \
               periodization, λ = 0.05, γ from 0 (quick: 0, 0.1, 1), 5 epochs each. Attributions, \
               filter conditions and reconstruction error after training. No number is published; \
               thresholds were written before the first run. Every seed (one; three at full scale).",
        checks: &[
            Check::new("attributions, γ = 1 over γ = 0", Statistic::Max, Threshold::AtMost(0.9)),
            Check::new("filter conditions, γ = 1", Statistic::Max, Threshold::AtMost(1e-2)),
            Check::new("reconstruction error over energy, γ = 1", Statistic::Max, Threshold::AtMost(0.01)),
        ],
        needs: &[Need::Data("mnist"), Need::Data("models-small/digit-nets")],
        known_finding: Some(
            "The attributions' L1 norm falls by 0.6 % at γ = 1 on each of three seeds, not by 10 %, \
             and by 3 % at γ = 5, where the filter begins to be no wavelet's (conditions 0.004). The \
             gradients of this network are rough maps; no filter on this path makes them sparse. The \
             threshold was a guess of the specification, not a figure of the paper.",
        ),
    },
];

pub(super) const PAPER: Paper = Paper {
    id: "adaptive-wavelet-distillation",
    title: "Adaptive wavelet distillation from neural networks through interpretations",
    citation: "Wooseok Ha, Chandan Singh, Francois Lanusse, Srigokul Upadhyayula, Bin Yu. NeurIPS 2021",
    url: "https://arxiv.org/abs/2107.09145",
    domain: "interpret",
    claims: CLAIMS,
    experiments: &[
        Experiment { id: "simulation", claims: &["A1", "A1-sym5"], run: simulation::simulation },
        Experiment {
            id: "traces",
            claims: &["A2-stand-in", "A2-compression", "A2-db5", "A2-network", "A3-stand-in"],
            run: traces::traces,
        },
        Experiment { id: "series-trace", claims: &["A2-Trace"], run: series::trace },
        Experiment { id: "series-gunpoint", claims: &["A2-GunPoint"], run: series::gunpoint },
        Experiment { id: "cosmology", claims: &["A4-stand-in", "A4-db5"], run: cosmology::cosmology },
        Experiment { id: "spectra", claims: &["A4-spectra"], run: cosmology::spectra },
        Experiment { id: "digits", claims: &["A7"], run: digits::digits },
    ],
};
