//! The list of papers. Each paper is a folder in `src/registry/` with `claims.rs`, constants that compile without
//! the paper's domain, and its experiments, which compile with the domain's feature.

use kiln_receipts::Paper;

mod adahessian;
mod adapt_diagnose;
mod adaptive_wavelet_distillation;
mod alex_gda;
mod alternating_minimization;
mod block_coordinate_descent;
mod conditionally_invariant_components;
#[cfg(feature = "interpret")]
mod convergence_maps;
mod dash;
mod distributionally_robust_classification;
mod dominant_subspace;
mod graph_arena;
mod large_catapults;
mod large_step_logistic;
mod linear_stability;
mod local_graph_clustering;
mod masft;
mod mezo;
mod mezo_svrg;
mod real_domains;
mod reality_checks;
mod seg_flip_flop_anchor;
mod single_neuron_autoencoder;
mod structural_causal_models;
mod trim;
mod variance_reduced_halpern;
mod variance_reduction;

/// All papers. Those whose domain this build lacks have no experiments.
pub const PAPERS: &[Paper] = &[
    adahessian::PAPER,
    adapt_diagnose::PAPER,
    adaptive_wavelet_distillation::PAPER,
    alex_gda::PAPER,
    alternating_minimization::PAPER,
    block_coordinate_descent::PAPER,
    conditionally_invariant_components::PAPER,
    dash::PAPER,
    distributionally_robust_classification::PAPER,
    dominant_subspace::PAPER,
    graph_arena::PAPER,
    large_catapults::PAPER,
    large_step_logistic::PAPER,
    linear_stability::PAPER,
    local_graph_clustering::PAPER,
    masft::PAPER,
    mezo::PAPER,
    mezo_svrg::PAPER,
    real_domains::PAPER,
    reality_checks::PAPER,
    seg_flip_flop_anchor::PAPER,
    single_neuron_autoencoder::PAPER,
    structural_causal_models::PAPER,
    trim::PAPER,
    variance_reduced_halpern::PAPER,
    variance_reduction::PAPER,
];

/// The command that `mezo` measures memory with.
#[cfg(feature = "models")]
pub(crate) use mezo::memory::MemoryProbe;
