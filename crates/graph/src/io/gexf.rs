//! GEXF, the format of Gephi: nodes with labels, edges with an optional weight.
//!
//! The weight is the attribute `weight` of `<edge>`. Attributes (`<attvalues>`), positions, colours and times
//! are reported as not used. Nodes inside nodes are nodes. GEXF is read only.

use std::collections::BTreeMap;
use std::io::Read;

use super::edges::Built;
use super::nodes::Listed;
use super::options::{Format, NodeNames, ReadOptions};
use super::parse_error;
use super::report::{ReadNote, ReadReport};
use super::xml::{self, Element};
use crate::error::Result;
use crate::labelled::NodeLabels;

pub(super) fn read(reader: impl Read, options: &ReadOptions) -> Result<(Built, NodeLabels, ReadReport)> {
    let mut document = Document { options: options.clone(), ..Document::default() };
    let (comments, first_line, line) = xml::read(reader, &mut document)?;
    if document.graphs == 0 {
        return Err(parse_error(line, "no <graph> in the file: expected <gexf><graph>...</graph></gexf>"));
    }
    let mut report = ReadReport::new(Format::Gexf);
    if comments > 0 {
        report.note(ReadNote::Comments { count: comments, first_line });
    }
    for (what, count) in &document.unused {
        report.unused(what, *count, "");
    }
    document.listed.finish(Format::Gexf, line, None, options, report)
}

#[derive(Default)]
struct Document {
    options: ReadOptions,
    graphs: usize,
    directed_by_default: bool,
    listed: Listed,
    unused: BTreeMap<String, u64>,
}

impl xml::Document for Document {
    fn open(&mut self, element: &Element<'_>, path: &[String]) -> Result<()> {
        let line = element.line;
        match (path.last().map(String::as_str), element.name) {
            (None, "gexf") | (_, "nodes" | "edges" | "meta") => {}
            (None, name) => {
                return Err(parse_error(
                    line,
                    format!("expected <gexf> as the root element, found <{name}>"),
                ));
            }
            (Some("gexf"), "graph") => {
                self.graphs += 1;
                if self.graphs > 1 {
                    return Err(parse_error(line, "a second <graph>: expected one"));
                }
                let kind = element.attribute("defaultedgetype")?;
                self.directed_by_default = is_directed(kind.as_deref().unwrap_or("undirected"), line)?;
                self.count_others(element, &["defaultedgetype", "mode"]);
            }
            (Some("nodes"), "node") => {
                let node = self.listed.declare(&element.required("id")?, line)?;
                if let Some(label) =
                    element.attribute("label")?.filter(|_| self.options.names != NodeNames::Id)
                {
                    self.listed.set_label(node, label);
                }
                self.count_others(element, &["id", "label"]);
            }
            (Some("edges"), "edge") => {
                let directed = match element.attribute("type")? {
                    Some(kind) => is_directed(&kind, line)?,
                    None => self.directed_by_default,
                };
                let u = self.listed.node(&element.required("source")?, line)?;
                let v = self.listed.node(&element.required("target")?, line)?;
                self.listed.edge((u, v), directed, line)?;
                if let Some(weight) = element.attribute("weight")? {
                    self.listed.weight(&weight, line, &self.options)?;
                }
                self.count_others(element, &["id", "source", "target", "type", "weight"]);
            }
            _ if path.iter().any(|open| open == "meta" || open == "attvalues" || open == "attributes") => {}
            (_, name) => *self.unused.entry(format!("<{name}>")).or_default() += 1,
        }
        Ok(())
    }

    fn text(&mut self, _text: &str) {}

    fn close(&mut self, _name: &str, _line: u64) -> Result<()> {
        Ok(())
    }
}

impl Document {
    fn count_others(&mut self, element: &Element<'_>, known: &[&str]) {
        for name in element.others(known) {
            *self.unused.entry(format!("the attribute {name:?} of <{}>", element.name)).or_default() += 1;
        }
    }
}

fn is_directed(kind: &str, line: u64) -> Result<bool> {
    match kind {
        "undirected" => Ok(false),
        "directed" | "mutual" => Ok(true),
        other => {
            let message =
                format!("expected the type \"directed\", \"undirected\" or \"mutual\", found {other:?}");
            Err(parse_error(line, message))
        }
    }
}
