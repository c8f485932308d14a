//! The list of papers. Each paper is one file or folder in `src/registry/` that holds `pub(super) const
//! PAPER: Paper`, and two lines below, each under the feature of its domain so that a build for one domain
//! compiles no other.

use kiln_receipts::Paper;

#[cfg(feature = "optim")]
mod adahessian;
#[cfg(feature = "interpret")]
mod adaptive_wavelet_distillation;
#[cfg(feature = "optim")]
mod alex_gda;
#[cfg(feature = "optim")]
mod alternating_minimization;
#[cfg(feature = "optim")]
mod block_coordinate_descent;
#[cfg(feature = "adapt")]
mod conditionally_invariant_components;
#[cfg(feature = "interpret")]
mod convergence_maps;
#[cfg(feature = "optim")]
mod dash;
#[cfg(feature = "adapt")]
mod distributionally_robust_classification;
#[cfg(feature = "optim")]
mod dominant_subspace;
#[cfg(feature = "optim")]
mod large_catapults;
#[cfg(feature = "optim")]
mod large_step_logistic;
#[cfg(feature = "optim")]
mod linear_stability;
#[cfg(feature = "graph")]
mod local_graph_clustering;
#[cfg(feature = "adapt")]
mod masft;
#[cfg(feature = "models")]
mod mezo;
#[cfg(feature = "models")]
mod mezo_svrg;
#[cfg(feature = "adapt")]
mod real_domains;
#[cfg(feature = "interpret")]
mod reality_checks;
#[cfg(feature = "optim")]
mod seg_flip_flop_anchor;
#[cfg(feature = "optim")]
mod single_neuron_autoencoder;
#[cfg(feature = "adapt")]
mod structural_causal_models;
#[cfg(feature = "interpret")]
mod trim;
#[cfg(feature = "optim")]
mod variance_reduced_halpern;
#[cfg(feature = "optim")]
mod variance_reduction;

/// All papers of this build.
pub const PAPERS: &[Paper] = &[
    #[cfg(feature = "optim")]
    adahessian::PAPER,
    #[cfg(feature = "interpret")]
    adaptive_wavelet_distillation::PAPER,
    #[cfg(feature = "optim")]
    alex_gda::PAPER,
    #[cfg(feature = "optim")]
    alternating_minimization::PAPER,
    #[cfg(feature = "optim")]
    block_coordinate_descent::PAPER,
    #[cfg(feature = "adapt")]
    conditionally_invariant_components::PAPER,
    #[cfg(feature = "optim")]
    dash::PAPER,
    #[cfg(feature = "adapt")]
    distributionally_robust_classification::PAPER,
    #[cfg(feature = "optim")]
    dominant_subspace::PAPER,
    #[cfg(feature = "optim")]
    large_catapults::PAPER,
    #[cfg(feature = "optim")]
    large_step_logistic::PAPER,
    #[cfg(feature = "optim")]
    linear_stability::PAPER,
    #[cfg(feature = "graph")]
    local_graph_clustering::PAPER,
    #[cfg(feature = "adapt")]
    masft::PAPER,
    #[cfg(feature = "models")]
    mezo::PAPER,
    #[cfg(feature = "models")]
    mezo_svrg::PAPER,
    #[cfg(feature = "adapt")]
    real_domains::PAPER,
    #[cfg(feature = "interpret")]
    reality_checks::PAPER,
    #[cfg(feature = "optim")]
    seg_flip_flop_anchor::PAPER,
    #[cfg(feature = "optim")]
    single_neuron_autoencoder::PAPER,
    #[cfg(feature = "adapt")]
    structural_causal_models::PAPER,
    #[cfg(feature = "interpret")]
    trim::PAPER,
    #[cfg(feature = "optim")]
    variance_reduced_halpern::PAPER,
    #[cfg(feature = "optim")]
    variance_reduction::PAPER,
];

/// The command that `mezo` measures memory with.
#[cfg(feature = "models")]
pub(crate) use mezo::memory::MemoryProbe;
