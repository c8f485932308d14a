//! The list of papers. Each paper is a folder in `src/registry/` with `claims.rs`, constants that compile without
//! the paper's domain, and its experiments, which compile with the domain's feature.

use kiln_receipts::Paper;

#[cfg(any())]
mod adahessian;
#[cfg(any())]
mod adaptive_wavelet_distillation;
#[cfg(any())]
mod alex_gda;
#[cfg(any())]
mod alternating_minimization;
mod block_coordinate_descent;
#[cfg(any())]
mod conditionally_invariant_components;
#[cfg(feature = "interpret")]
mod convergence_maps;
#[cfg(any())]
mod dash;
#[cfg(any())]
mod distributionally_robust_classification;
#[cfg(any())]
mod dominant_subspace;
#[cfg(any())]
mod large_catapults;
mod large_step_logistic;
#[cfg(any())]
mod linear_stability;
#[cfg(any())]
mod local_graph_clustering;
#[cfg(any())]
mod masft;
mod mezo;
mod mezo_svrg;
#[cfg(any())]
mod real_domains;
#[cfg(any())]
mod reality_checks;
#[cfg(any())]
mod seg_flip_flop_anchor;
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
    #[cfg(any())]
    adahessian::PAPER,
    #[cfg(any())]
    adaptive_wavelet_distillation::PAPER,
    #[cfg(any())]
    alex_gda::PAPER,
    #[cfg(any())]
    alternating_minimization::PAPER,
    block_coordinate_descent::PAPER,
    #[cfg(any())]
    conditionally_invariant_components::PAPER,
    #[cfg(any())]
    dash::PAPER,
    #[cfg(any())]
    distributionally_robust_classification::PAPER,
    #[cfg(any())]
    dominant_subspace::PAPER,
    #[cfg(any())]
    large_catapults::PAPER,
    large_step_logistic::PAPER,
    #[cfg(any())]
    linear_stability::PAPER,
    #[cfg(any())]
    local_graph_clustering::PAPER,
    #[cfg(any())]
    masft::PAPER,
    mezo::PAPER,
    mezo_svrg::PAPER,
    #[cfg(any())]
    real_domains::PAPER,
    #[cfg(any())]
    reality_checks::PAPER,
    #[cfg(any())]
    seg_flip_flop_anchor::PAPER,
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
#[cfg(feature = "models")]
pub(crate) use mezo::memory::MemoryProbe;
