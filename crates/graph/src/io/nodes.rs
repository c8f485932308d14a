//! What the formats share that list nodes and edges by id: GraphML, GEXF and GML.

use super::edges::{Built, Edges};
use super::options::{Format, NodeNames, ReadOptions, WeightColumn};
use super::report::{ReadNote, ReadReport};
use super::{DIRECTED, check_node_count, parse_error, parse_weight};
use crate::error::Result;
use crate::labelled::NodeLabels;
use crate::names::Names;
use crate::symmetrize::Symmetrize;

/// Nodes by id, and edges whose weights may come after them.
#[derive(Default)]
pub(super) struct Listed {
    ids: Names,
    /// The line of the first use of each id.
    first_use: Vec<u64>,
    declared: Vec<bool>,
    labels: Vec<Option<String>>,
    /// A weight that is not given is NaN here.
    edges: Edges,
    directed: Option<bool>,
    weights: usize,
}

impl Listed {
    /// The number of the node `id`.
    pub(super) fn node(&mut self, id: &str, line: u64) -> Result<u32> {
        let number = self.ids.insert(id.as_bytes());
        if number == self.first_use.len() {
            if number >= u32::MAX as usize - 1 {
                return Err(parse_error(line, "more than 4294967294 nodes"));
            }
            self.first_use.push(line);
            self.declared.push(false);
            self.labels.push(None);
        }
        Ok(number as u32)
    }

    pub(super) fn declare(&mut self, id: &str, line: u64) -> Result<u32> {
        let node = self.node(id, line)?;
        if std::mem::replace(&mut self.declared[node as usize], true) {
            return Err(parse_error(line, format!("node {id:?} is declared twice")));
        }
        Ok(node)
    }

    pub(super) fn set_label(&mut self, node: u32, label: String) {
        if let Some(place) = self.labels.get_mut(node as usize) {
            *place = Some(label);
        }
    }

    /// Adds an edge without a weight yet.
    pub(super) fn edge(&mut self, ends: (u32, u32), directed: bool, line: u64) -> Result<()> {
        if *self.directed.get_or_insert(directed) != directed {
            return Err(parse_error(line, "directed and undirected edges are mixed: expected one kind"));
        }
        self.edges.push(ends.0, ends.1, f64::NAN, line);
        Ok(())
    }

    /// Gives the last edge its weight.
    pub(super) fn weight(&mut self, text: &str, line: u64, options: &ReadOptions) -> Result<()> {
        if options.weights == WeightColumn::Ignore {
            return Ok(());
        }
        let weight = parse_weight(text.trim(), line)?;
        let Some(last) = self.edges.weights.last_mut() else { return Ok(()) };
        if !last.is_nan() && *last != weight {
            let message = format!("an edge with two weights, {last} and {weight}: expected one");
            return Err(parse_error(line, message));
        }
        self.weights += usize::from(last.is_nan());
        *last = weight;
        Ok(())
    }

    /// Builds the graph. `line` is the last, `default` the weight of edges without one.
    pub(super) fn finish(
        mut self,
        format: Format,
        line: u64,
        default: Option<f64>,
        options: &ReadOptions,
        mut report: ReadReport,
    ) -> Result<(Built, NodeLabels, ReadReport)> {
        if let Some(node) = self.declared.iter().position(|&declared| !declared) {
            let id = self.ids.text(node).unwrap_or_default();
            let message = format!("an edge ends at {id:?}, but there is no such node in the file");
            return Err(parse_error(self.first_use[node], message));
        }
        let node_count = self.ids.len() as u64;
        if let Some(expected) = options.node_count.filter(|&expected| expected != node_count) {
            let message = format!("the file has {node_count} nodes, `ReadOptions::node_count` is {expected}");
            return Err(parse_error(line, message));
        }
        let count = self.edges.len();
        if options.weights == WeightColumn::Required && self.weights < count && default.is_none() {
            let first = self.edges.weights.iter().position(|weight| weight.is_nan()).unwrap_or(0);
            return Err(parse_error(
                self.edges.line(first),
                "an edge without a weight, though weights are required",
            ));
        }
        if self.weights > 0 && self.weights < count {
            let without = count - self.weights;
            let what =
                format!("{without} of {count} edges have no weight: read as {}", default.unwrap_or(1.0));
            report.note(ReadNote::Lenient { what });
        }
        let default = default.filter(|_| options.weights != WeightColumn::Ignore).unwrap_or(1.0);
        for weight in &mut self.edges.weights {
            if weight.is_nan() {
                *weight = default;
            }
        }
        check_node_count(node_count, node_count as usize, line, options)?;
        let rule = self.rule(options, &mut report)?;
        let (edges, labels) = (self.edges, name(self.ids, &self.labels, format, options, &mut report)?);
        let name = |node: u64| format!("{:?}", labels.label(node));
        let graph = edges.build(node_count, rule, options.directed, name, &mut report)?;
        Ok((graph, labels, report))
    }

    fn rule(&self, options: &ReadOptions, report: &mut ReadReport) -> Result<Option<Symmetrize>> {
        if self.directed != Some(true) {
            return Ok(None);
        }
        if options.rule().is_none() {
            return Err(parse_error(self.edges.line(0), DIRECTED));
        }
        if !options.directed {
            report.note(ReadNote::Undirected { count: self.edges.len() as u64 });
        }
        Ok(options.rule())
    }
}

/// What the nodes are called.
pub(super) fn name(
    ids: Names,
    labels: &[Option<String>],
    format: Format,
    options: &ReadOptions,
    report: &mut ReadReport,
) -> Result<NodeLabels> {
    let by_id = |ids| Ok(NodeLabels::from_names(ids));
    if options.names == NodeNames::Id {
        return by_id(ids);
    }
    let without = labels.iter().filter(|label| label.as_ref().is_none_or(String::is_empty)).count();
    let mut names = Names::default();
    let mut twice = None;
    for (number, label) in labels.iter().enumerate() {
        let label = label.as_deref().unwrap_or_default();
        if names.insert(label.as_bytes()) != number {
            twice = Some(label.to_owned());
            break;
        }
    }
    let reason = match twice {
        _ if without == labels.len() => "no node has a label".to_owned(),
        _ if without > 0 => format!("{without} of {} nodes have no label", labels.len()),
        Some(label) => format!("two nodes have the label {label:?}"),
        None => return Ok(NodeLabels::from_names(names)),
    };
    if options.names == NodeNames::Label && !labels.is_empty() {
        return Err(parse_error(1, format!("{reason}: read the names from the ids with `NodeNames::Id`")));
    }
    if without < labels.len() {
        report.unused(
            format!("the labels of nodes in this {format} file"),
            0,
            format!("{reason}, so names are ids"),
        );
    }
    by_id(ids)
}
