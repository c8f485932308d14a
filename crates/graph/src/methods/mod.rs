//! One file per method of PageRank. [`PageRankMethod`](crate::PageRankMethod) is any of those that meet the
//! contract; the exact path answers for every ρ at once and has a function of its own.

mod active_set;
pub(crate) mod appr;
pub(crate) mod appr_opt;
pub(crate) mod aspr;
pub(crate) mod dynamic_push;
pub(crate) mod evolving_sets;
pub(crate) mod l1_cd;
pub(crate) mod l1_exact;
pub(crate) mod l1_fista;
pub(crate) mod l1_ista;
pub(crate) mod l1_path_exact;
pub(crate) mod l1_stagewise;
pub(crate) mod local_chebyshev;
pub(crate) mod local_sor;
mod principal_system;
mod proximal;
pub(crate) mod push;
mod signed;
