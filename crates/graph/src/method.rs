//! The contract that every local method meets.

use crate::adjacency::Adjacency;
use crate::answer::LocalAnswer;
use crate::conductance::rest_of;
use crate::error::Result;
use crate::question::LocalQuestion;
use crate::sweep::{SweepCut, SweepLimits, sweep};

/// What a method finds, and the cluster that it shows if there is one.
pub type Clustering<C> = (LocalAnswer<C>, Option<SweepCut>);

/// A method of local graph clustering: its settings, and how it answers a [`LocalQuestion`].
///
/// A method is a plain struct of public fields. [`LocalQuery`](crate::LocalQuery) asks any of them, for one
/// set of seeds or for a batch. To add a method, write its [`solve`](Self::solve):
///
/// ```
/// use kiln_graph::{
///     Adjacency, GraphError, GraphWork, LocalAnswer, LocalMethod, LocalQuery, LocalQuestion, Status,
/// };
///
/// /// One step of the walk that is not lazy.
/// struct OneStep;
///
/// impl LocalMethod for OneStep {
///     type Certificate = ();
///
///     fn solve<G: Adjacency>(&self, question: &mut LocalQuestion<'_, G>) -> Result<LocalAnswer<()>, GraphError> {
///         let graph = question.graph();
///         let (mut mass, mut work) = (std::collections::BTreeMap::new(), GraphWork::default());
///         let mut status = Status::Converged;
///         for &(u, share) in question.seeds() {
///             let arcs = graph.arc_count(u) as u64;
///             if question.limits().max_work.is_some_and(|most| work.edges_touched + arcs > most) {
///                 *mass.entry(u).or_insert(0.0) += share; // it stays where it is
///                 status = Status::WorkLimit;
///                 continue;
///             }
///             graph.neighbors(u, |v, weight| {
///                 *mass.entry(v).or_insert(0.0) += share * weight / graph.degree(u);
///             });
///             work += GraphWork { pushes: 1, edges_touched: arcs, arcs_read: arcs, ..GraphWork::default() };
///         }
///         Ok(LocalAnswer {
///             seeds: question.asked().clone(),
///             mass: mass.into_iter().collect(),
///             certificate: (),
///             status,
///             work,
///         })
///     }
/// }
///
/// let graph = kiln_graph::CsrGraph::from_edges(4, [(0, 1), (1, 2), (2, 3)])?;
/// let (answer, cluster) = LocalQuery::node(1).method(OneStep).cluster(&graph)?;
/// assert_eq!(answer.mass, [(0, 0.5), (2, 0.5)]);
/// assert_eq!(cluster.map(|cluster| cluster.nodes), Some(vec![0]));
/// # Ok::<(), GraphError>(())
/// ```
pub trait LocalMethod {
    /// What is known of an answer's quality.
    type Certificate;

    /// Answers the question within its limits.
    ///
    /// # Errors
    /// [`GraphError::Input`](crate::GraphError::Input) for a setting that is out of its range.
    fn solve<G: Adjacency>(
        &self,
        question: &mut LocalQuestion<'_, G>,
    ) -> Result<LocalAnswer<Self::Certificate>>;

    /// The answer, and the cluster that it shows: by default the sweep cut of its mass. There is none if the
    /// answer is empty, or if the whole graph's volume is all that it shows.
    ///
    /// # Errors
    /// As [`solve`](Self::solve).
    fn cluster<G: Adjacency>(
        &self,
        question: &mut LocalQuestion<'_, G>,
    ) -> Result<Clustering<Self::Certificate>> {
        let answer = self.solve(question)?;
        let cut = sweep(question.graph(), &answer.mass, SweepLimits::default())?;
        let cut = cut.filter(|cut| leaves_a_rest(question.graph(), cut));
        Ok((answer, cut))
    }
}

/// Whether a cluster is less than the whole graph.
pub(crate) fn leaves_a_rest(graph: &impl Adjacency, cut: &SweepCut) -> bool {
    rest_of(graph.total_volume(), cut.volume) > 0.0
}
