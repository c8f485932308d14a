//! Ha, Singh, Lanusse, Upadhyayula, Yu, "Adaptive wavelet distillation from neural networks through
//! interpretations", NeurIPS 2021.

mod claims;
#[cfg(feature = "interpret")]
mod controls;
#[cfg(feature = "interpret")]
mod digits;
#[cfg(feature = "interpret")]
mod maps;
#[cfg(feature = "interpret")]
mod models;
#[cfg(feature = "interpret")]
mod networks;
#[cfg(feature = "interpret")]
mod series;
#[cfg(feature = "interpret")]
mod simulation;
#[cfg(feature = "interpret")]
mod spectra;

#[cfg(feature = "interpret")]
use claims::{
    ABLATION_STAND_IN, COMPRESSION, COSMOLOGY_ABLATION_STAND_IN, COSMOLOGY_DB5, COSMOLOGY_SPECTRA,
    COSMOLOGY_STAND_IN, DIGITS, NULL, PARTNER_STAND_IN, PARTNER_TRACE, SIMULATION, SYM5,
};
use kiln_receipts::{Experiment, Paper};

pub(super) const PAPER: Paper = Paper { experiments: EXPERIMENTS, ..claims::PAPER };

#[cfg(not(feature = "interpret"))]
const EXPERIMENTS: &[Experiment] = &[];
#[cfg(feature = "interpret")]
const EXPERIMENTS: &[Experiment] = &[
    Experiment { id: "simulation", claims: &[SIMULATION], run: simulation::simulation },
    Experiment { id: "simulation-sym5", claims: &[SYM5], run: simulation::sym5 },
    Experiment {
        id: "controls",
        claims: &[PARTNER_STAND_IN, NULL, COMPRESSION, ABLATION_STAND_IN],
        run: controls::controls,
    },
    Experiment { id: "series-trace", claims: &[PARTNER_TRACE, COMPRESSION], run: series::trace },
    Experiment {
        id: "cosmology",
        claims: &[COSMOLOGY_STAND_IN, COSMOLOGY_DB5, COSMOLOGY_ABLATION_STAND_IN],
        run: maps::phases,
    },
    Experiment { id: "spectra", claims: &[COSMOLOGY_SPECTRA], run: maps::spectra },
    Experiment { id: "digits", claims: &[DIGITS], run: digits::digits },
];
