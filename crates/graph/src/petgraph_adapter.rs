//! From petgraph's graphs to [`CsrGraph`] and back.

use kiln_core::check;
use petgraph::Undirected;
use petgraph::graph::UnGraph;
use petgraph::visit::{EdgeRef, GraphProp, IntoEdgeReferences, IntoNodeIdentifiers, NodeIndexable};

use crate::adjacency::Adjacency;
use crate::csr::CsrGraph;
use crate::error::Result;
use crate::symmetrize::Symmetrize;

impl CsrGraph {
    /// Copies an undirected petgraph graph of any type (`UnGraph`, `StableUnGraph`, `UnGraphMap`, ...).
    ///
    /// Nodes are numbered from 0 in the order in which `graph` lists them; the second value returned is
    /// the petgraph node of each number (ascending node indices where the graph has such). Parallel edges
    /// are summed. That the graph is undirected is checked at compile time.
    ///
    /// ```
    /// use kiln_graph::{CsrGraph, LocalQuery};
    /// use petgraph::graph::UnGraph;
    /// let friends = UnGraph::<(), f64>::from_edges([(0, 1, 1.0), (1, 2, 0.5), (0, 2, 2.0)]);
    /// let (graph, nodes) = CsrGraph::from_petgraph(&friends, |&weight| weight)?;
    /// let solution = LocalQuery::node(0).rho(0.05).run(&graph)?;
    /// let support: Vec<_> = solution.support().map(|u| nodes[u as usize]).collect();
    /// assert_eq!(support, friends.node_indices().collect::<Vec<_>>());
    /// # Ok::<(), kiln_graph::GraphError>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`from_weighted_edges`](Self::from_weighted_edges).
    pub fn from_petgraph<G>(
        graph: G,
        mut weight: impl FnMut(&G::EdgeWeight) -> f64,
    ) -> Result<(Self, Vec<G::NodeId>)>
    where
        G: GraphProp<EdgeType = Undirected> + IntoNodeIdentifiers + IntoEdgeReferences + NodeIndexable,
    {
        let (nodes, numbers) = number_nodes(graph);
        let number = |node| numbers[graph.to_index(node)];
        let edges = graph
            .edge_references()
            .map(|edge| (number(edge.source()), number(edge.target()), weight(edge.weight())));
        Ok((Self::from_weighted_edges(nodes.len() as u64, edges)?, nodes))
    }

    /// Copies a directed petgraph graph, made undirected by `rule`. Otherwise as
    /// [`from_petgraph`](Self::from_petgraph).
    ///
    /// # Errors
    /// Those of [`from_arcs`](Self::from_arcs).
    pub fn from_directed_petgraph<G>(
        graph: G,
        rule: Symmetrize,
        mut weight: impl FnMut(&G::EdgeWeight) -> f64,
    ) -> Result<(Self, Vec<G::NodeId>)>
    where
        G: GraphProp<EdgeType = petgraph::Directed>
            + IntoNodeIdentifiers
            + IntoEdgeReferences
            + NodeIndexable,
    {
        let (nodes, numbers) = number_nodes(graph);
        let number = |node| numbers[graph.to_index(node)];
        let arcs = graph
            .edge_references()
            .map(|arc| (number(arc.source()), number(arc.target()), weight(arc.weight())));
        Ok((Self::from_arcs(nodes.len() as u64, arcs, rule)?, nodes))
    }

    /// Copies the graph to petgraph. Node weights are the node numbers, which equal the node indices.
    ///
    /// # Errors
    /// [`GraphError::Input`](crate::GraphError::Input) if there are more edges than petgraph's 32-bit indices
    /// hold.
    pub fn to_petgraph(&self) -> Result<UnGraph<u64, f64>> {
        let limit = u64::from(u32::MAX);
        for (argument, count) in [("node count", self.node_count()), ("edge count", self.edge_count())] {
            check::setting(argument, count as f64, count < limit, "below 4294967295 for petgraph")?;
        }
        let mut graph = UnGraph::with_capacity(self.node_count() as usize, self.edge_count() as usize);
        for u in 0..self.node_count() {
            graph.add_node(u);
        }
        for (u, v, weight) in self.edges() {
            graph.add_edge((u as u32).into(), (v as u32).into(), weight);
        }
        Ok(graph)
    }
}

/// The nodes in order, and by petgraph's index the number of each (holes keep 0, which nothing asks for).
fn number_nodes<G: IntoNodeIdentifiers + NodeIndexable>(graph: G) -> (Vec<G::NodeId>, Vec<u64>) {
    let nodes: Vec<_> = graph.node_identifiers().collect();
    let mut numbers = vec![0; graph.node_bound()];
    for (number, &node) in nodes.iter().enumerate() {
        numbers[graph.to_index(node)] = number as u64;
    }
    (nodes, numbers)
}
