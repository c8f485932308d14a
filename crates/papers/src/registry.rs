//! The list of papers. Each paper is a folder in `src/registry/` with `claims.rs`, constants that compile without
//! the paper's domain, and its experiments, which compile with the domain's feature.

use kiln_receipts::Paper;

mod adahessian;
#[cfg(any())]
mod adaptive_wavelet_distillation;
#[cfg(any())]
mod alex_gda;
#[cfg(any())]
mod alternating_minimization;
#[cfg(any())]
mod block_coordinate_descent;
#[cfg(any())]
mod conditionally_invariant_components;
#[cfg(feature = "interpret")]
mod convergence_maps;
mod dash;
#[cfg(any())]
mod distributionally_robust_classification;
mod dominant_subspace;
mod large_catapults;
#[cfg(any())]
mod large_step_logistic;
mod linear_stability;
#[cfg(any())]
mod local_graph_clustering;
#[cfg(any())]
mod masft;
#[cfg(any())]
mod mezo;
#[cfg(any())]
mod mezo_svrg;
#[cfg(any())]
mod real_domains;
#[cfg(any())]
mod reality_checks;
#[cfg(any())]
mod seg_flip_flop_anchor;
#[cfg(any())]
mod single_neuron_autoencoder;
#[cfg(any())]
mod structural_causal_models;
#[cfg(any())]
mod trim;
#[cfg(any())]
mod variance_reduced_halpern;
mod variance_reduction;

/// All papers. Those whose domain this build lacks have no experiments.
pub const PAPERS: &[Paper] = &[
    adahessian::PAPER,
    #[cfg(any())]
    adaptive_wavelet_distillation::PAPER,
    #[cfg(any())]
    alex_gda::PAPER,
    #[cfg(any())]
    alternating_minimization::PAPER,
    #[cfg(any())]
    block_coordinate_descent::PAPER,
    #[cfg(any())]
    conditionally_invariant_components::PAPER,
    dash::PAPER,
    #[cfg(any())]
    distributionally_robust_classification::PAPER,
    dominant_subspace::PAPER,
    large_catapults::PAPER,
    #[cfg(any())]
    large_step_logistic::PAPER,
    linear_stability::PAPER,
    #[cfg(any())]
    local_graph_clustering::PAPER,
    #[cfg(any())]
    masft::PAPER,
    #[cfg(any())]
    mezo::PAPER,
    #[cfg(any())]
    mezo_svrg::PAPER,
    #[cfg(any())]
    real_domains::PAPER,
    #[cfg(any())]
    reality_checks::PAPER,
    #[cfg(any())]
    seg_flip_flop_anchor::PAPER,
    #[cfg(any())]
    single_neuron_autoencoder::PAPER,
    #[cfg(any())]
    structural_causal_models::PAPER,
    #[cfg(any())]
    trim::PAPER,
    #[cfg(any())]
    variance_reduced_halpern::PAPER,
    variance_reduction::PAPER,
];

/// The command that `mezo` measures memory with.
#[cfg(any())]
pub(crate) use mezo::memory::MemoryProbe;
