//! Malladi, Gao, Nichani, Damian, Lee, Chen, Arora, "Fine-tuning language models with just forward passes",
//! `NeurIPS` 2023.

#[cfg(feature = "models")]
mod accuracy;
mod claims;
#[cfg(feature = "models")]
mod effective_rank;
#[cfg(feature = "models")]
pub(crate) mod memory;
#[cfg(feature = "models")]
mod ranks;
#[cfg(feature = "models")]
mod replay;
#[cfg(feature = "models")]
mod smollm2;

use kiln_receipts::{Experiment, Paper};

pub(super) const PAPER: Paper = Paper { experiments: EXPERIMENTS, ..claims::PAPER };

#[cfg(not(feature = "models"))]
const EXPERIMENTS: &[Experiment] = &[];
#[cfg(feature = "models")]
const EXPERIMENTS: &[Experiment] = &[
    Experiment { id: "memory", claims: &[claims::BUFFERS, claims::SAVING], run: memory::run },
    Experiment { id: "effective-rank", claims: &[claims::EFFECTIVE_RANK], run: effective_rank::run },
    Experiment { id: "replay", claims: &[claims::STORAGE], run: replay::run },
    Experiment { id: "ranks", claims: &[claims::RANKS], run: ranks::run },
    Experiment { id: "accuracy-as-loss", claims: &[claims::ACCURACY], run: accuracy::run },
    Experiment { id: "smollm2", claims: &[claims::SMOKE], run: smollm2::run },
];
