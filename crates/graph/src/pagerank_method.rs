//! Any one of the PageRank methods, chosen at run time.

use serde::{Deserialize, Serialize};

use crate::adjacency::Adjacency;
use crate::answer::LocalAnswer;
use crate::error::Result;
use crate::method::LocalMethod;
use crate::methods::appr::Appr;
use crate::methods::appr_opt::ApprOpt;
use crate::methods::aspr::Aspr;
use crate::methods::evolving_sets::EvolvingSets;
use crate::methods::l1_cd::L1Cd;
use crate::methods::l1_exact::L1Exact;
use crate::methods::l1_fista::L1Fista;
use crate::methods::l1_ista::L1Ista;
use crate::methods::l1_stagewise::Stagewise;
use crate::methods::local_chebyshev::LocalChebyshev;
use crate::methods::local_sor::LocalSor;
use crate::objective::PageRankCertificate;
use crate::question::LocalQuestion;

/// A PageRank method that is chosen at run time, as by a file of settings.
///
/// ```
/// use kiln_graph::{CsrGraph, LocalQuery, PageRankMethod};
/// let graph = CsrGraph::from_edges(6, [(0, 1), (1, 2), (0, 2), (2, 3), (3, 4), (4, 5), (3, 5)])?;
/// let text = r#"{ "l1-exact": { "alpha": 0.1, "rho": 0.02 } }"#;
/// let method: PageRankMethod = serde_json::from_str(text).expect("a method");
/// let (_, cluster) = LocalQuery::node(0).method(method).cluster(&graph)?;
/// assert_eq!(cluster.found()?.nodes, [0, 1, 2]);
/// # Ok::<(), kiln_graph::GraphError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PageRankMethod {
    /// Approximate PageRank by lazy pushes.
    Appr(Appr),
    /// Approximate PageRank by pushes of the whole residual.
    ApprOpt(ApprOpt),
    /// ℓ1-regularised PageRank by coordinate descent.
    L1Cd(L1Cd),
    /// ℓ1-regularised PageRank by proximal gradient steps.
    L1Ista(L1Ista),
    /// ℓ1-regularised PageRank by accelerated proximal gradient steps.
    L1Fista(L1Fista),
    /// ℓ1-regularised PageRank by exact active sets.
    L1Exact(L1Exact),
    /// ℓ1-regularised PageRank by forward stagewise steps.
    Stagewise(Stagewise),
    /// ℓ1-regularised PageRank by accelerated steps that keep to the support.
    Aspr(Aspr),
    /// PageRank by local successive over-relaxation.
    LocalSor(LocalSor),
    /// PageRank by local Chebyshev steps.
    LocalChebyshev(LocalChebyshev),
    /// PageRank by accelerated evolving sets.
    EvolvingSets(EvolvingSets),
}

impl LocalMethod for PageRankMethod {
    type Certificate = PageRankCertificate;

    fn solve<G: Adjacency>(
        &self,
        question: &mut LocalQuestion<'_, G>,
    ) -> Result<LocalAnswer<PageRankCertificate>> {
        match self {
            Self::Appr(method) => method.solve(question),
            Self::ApprOpt(method) => method.solve(question),
            Self::L1Cd(method) => method.solve(question),
            Self::L1Ista(method) => method.solve(question),
            Self::L1Fista(method) => method.solve(question),
            Self::L1Exact(method) => method.solve(question),
            Self::Stagewise(method) => method.solve(question),
            Self::Aspr(method) => method.solve(question),
            Self::LocalSor(method) => method.solve(question),
            Self::LocalChebyshev(method) => method.solve(question),
            Self::EvolvingSets(method) => method.solve(question),
        }
    }
}
