//! The edges of a file, with the lines they come from, on their way to a graph.

use super::report::{ReadNote, ReadReport};
use super::{parse_error, weight_error};
use crate::csr::CsrGraph;
use crate::directed_graph::DirectedGraph;
use crate::error::{GraphError, Result};
use crate::symmetrize::Symmetrize;

/// Edges in the order of the file: 8 bytes each, 8 more once one has a weight other than 1.
#[derive(Default)]
pub(super) struct Edges {
    pub(super) ends: Vec<(u32, u32)>,
    /// Empty while every weight is 1.
    pub(super) weights: Vec<f64>,
    lines: LineMap,
}

/// What a reader makes of the edges.
pub(super) struct Built {
    pub(super) graph: CsrGraph,
    /// The arcs, if their directions were to be kept and the format has edges.
    pub(super) arcs: Option<DirectedGraph>,
}

impl Edges {
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    #[inline]
    pub(super) fn push(&mut self, u: u32, v: u32, weight: f64, line: u64) {
        if weight != 1.0 && self.weights.is_empty() {
            self.weights = vec![1.0; self.ends.len()];
            self.weights.push(weight);
        } else if !self.weights.is_empty() {
            self.weights.push(weight);
        }
        self.lines.push(self.ends.len(), line);
        self.ends.push((u, v));
    }

    /// Adds the edges of a later part of the file.
    pub(super) fn append(&mut self, other: &Self) {
        let before = self.ends.len();
        self.lines.append(before, &other.lines);
        self.ends.extend_from_slice(&other.ends);
        if !self.weights.is_empty() || !other.weights.is_empty() {
            self.weights.resize(before, 1.0);
            self.weights.extend_from_slice(&other.weights);
            self.weights.resize(self.ends.len(), 1.0);
        }
    }

    /// The line of an edge, given its number.
    pub(super) fn line(&self, edge: usize) -> u64 {
        self.lines.line(edge)
    }

    /// The line of the first edge that `is` wanted.
    pub(super) fn line_where(&self, is: impl Fn((u32, u32)) -> bool) -> u64 {
        self.ends.iter().position(|&ends| is(ends)).map_or(1, |edge| self.line(edge))
    }

    /// Builds the graph. The edges are undirected unless there is a rule; `directed` keeps their directions as well.
    /// `name` is what the file calls a node.
    pub(super) fn build(
        mut self,
        node_count: u64,
        rule: Option<Symmetrize>,
        directed: bool,
        name: impl Fn(u64) -> String,
        report: &mut ReadReport,
    ) -> Result<Built> {
        self.check_sum()?;
        let arcs = if directed { Some(self.arcs(node_count, rule.is_none())?) } else { None };
        let zeros = self.weights.iter().filter(|&&weight| weight == 0.0).count() as u64;
        let count = self.len() as u64;
        let graph = if let Some(rule) = rule {
            let weights = self.weights.iter().copied().chain(std::iter::repeat(1.0));
            let ends = self.ends.iter().map(|&(u, v)| (u64::from(u), u64::from(v)));
            let arcs = ends.zip(weights).map(|((u, v), weight)| (u, v, weight));
            CsrGraph::from_arcs(node_count, arcs, rule).map_err(|error| self.in_words(error, name))?
        } else {
            CsrGraph::from_read(
                node_count,
                std::mem::take(&mut self.ends),
                std::mem::take(&mut self.weights),
            )?
        };
        report.nodes = node_count;
        report.edges = graph.edge_count();
        if zeros > 0 {
            report.note(ReadNote::ZeroWeights { count: zeros });
        }
        let repeated = (count - zeros).saturating_sub(report.edges);
        if rule.is_none() && repeated > 0 {
            report.note(ReadNote::Repeated { count: repeated });
        }
        Ok(Built { graph, arcs })
    }

    /// The edges as arcs, from both ends if they are undirected.
    fn arcs(&self, node_count: u64, both: bool) -> Result<DirectedGraph> {
        let weights = self.weights.iter().copied().chain(std::iter::repeat(1.0));
        let arcs = self.ends.iter().zip(weights).flat_map(|(&(u, v), weight)| {
            let (u, v) = (u64::from(u), u64::from(v));
            [Some((u, v, weight)), (both && u != v).then_some((v, u, weight))]
        });
        DirectedGraph::from_arcs(node_count, arcs.flatten())
    }

    /// Names the line at which the sum of degrees gets infinite.
    fn check_sum(&self) -> Result<()> {
        let mut volume = 0.0_f64;
        for (edge, &weight) in self.weights.iter().enumerate() {
            let (u, v) = self.ends[edge];
            volume += if u == v { weight } else { 2.0 * weight };
            if volume == f64::INFINITY {
                let message =
                    "the edge weights sum to infinity: scale them all down, which changes no cluster";
                return Err(parse_error(self.line(edge), message));
            }
        }
        Ok(())
    }

    /// An asymmetry in the file's own names.
    fn in_words(&self, error: GraphError, name: impl Fn(u64) -> String) -> GraphError {
        match error {
            GraphError::NotSymmetric { u, v, forward, backward } => {
                let pair = (u as u32, v as u32);
                let line = self.line_where(|(a, b)| (a, b) == pair || (b, a) == pair);
                let message = format!(
                    "{} -> {} has weight {forward} but its reverse has {backward}: an undirected graph needs \
                     both to be equal. Choose `Symmetrize::Sum` or `Symmetrize::Max`",
                    name(u),
                    name(v)
                );
                parse_error(line, message)
            }
            GraphError::BadWeight { u, v, weight } => {
                weight_error(&weight.to_string(), self.line_where(|(a, b)| (a, b) == (u as u32, v as u32)))
            }
            other => other,
        }
    }
}

/// The line of each edge, stored only where the edge before is not in the line before.
#[derive(Default)]
struct LineMap {
    /// Numbers of edges and their lines, ascending.
    jumps: Vec<(usize, u64)>,
    /// The line that the next edge has if it follows at once.
    next: u64,
}

impl LineMap {
    #[inline]
    fn push(&mut self, edge: usize, line: u64) {
        if line != self.next || self.jumps.is_empty() {
            self.jumps.push((edge, line));
        }
        self.next = line + 1;
    }

    fn append(&mut self, offset: usize, other: &Self) {
        for &(edge, line) in &other.jumps {
            self.jumps.push((edge + offset, line));
        }
        if !other.jumps.is_empty() {
            self.next = other.next;
        }
    }

    fn line(&self, edge: usize) -> u64 {
        let after = self.jumps.partition_point(|&(start, _)| start <= edge);
        let jump = after.checked_sub(1).and_then(|at| self.jumps.get(at));
        jump.map_or(1, |&(start, line)| line + (edge - start) as u64)
    }
}
