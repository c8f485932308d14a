//! The contract that every local method meets.

use crate::adjacency::Adjacency;
use crate::answer::LocalAnswer;
use crate::error::Result;
use crate::outcome::{ClusterOutcome, Judge};
use crate::question::LocalQuestion;

/// What a method finds, and the cluster that it shows or why there is none.
pub type Clustering<C> = (LocalAnswer<C>, ClusterOutcome);

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
/// /// Half a step of the walk.
/// struct HalfStep;
///
/// impl LocalMethod for HalfStep {
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
///             *mass.entry(u).or_insert(0.0) += share / 2.0;
///             graph.neighbors(u, |v, weight| {
///                 *mass.entry(v).or_insert(0.0) += share / 2.0 * weight / graph.degree(u);
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
/// let (answer, outcome) = LocalQuery::node(1).method(HalfStep).cluster(&graph)?;
/// assert_eq!(answer.mass, [(0, 0.25), (1, 0.5), (2, 0.25)]);
/// assert_eq!(outcome.found()?.nodes, [0, 1]);
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

    /// The answer, and the cluster that it shows, or why it shows none: by default the sweep cut of its mass
    /// that meets the question's [`ClusterLimits`](crate::ClusterLimits).
    ///
    /// # Errors
    /// As [`solve`](Self::solve), and [`GraphError::Input`](crate::GraphError::Input) for a limit that is out
    /// of its range.
    fn cluster<G: Adjacency>(
        &self,
        question: &mut LocalQuestion<'_, G>,
    ) -> Result<Clustering<Self::Certificate>> {
        let judge = Judge::new(question)?;
        let answer = self.solve(question)?;
        let outcome = judge.sweep(question.graph(), &answer)?;
        Ok((answer, outcome))
    }
}
