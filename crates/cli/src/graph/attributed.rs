//! The drawn part of a network as GraphML with what was found of each node, for Gephi and Cytoscape.

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use super::drawing::{Drawing, Role};
use crate::cli::Failure;

/// Attributes of nodes and edges: name, what has it, type.
const KEYS: [(&str, &str, &str); 5] = [
    ("label", "node", "string"),
    ("member", "node", "boolean"),
    ("seed", "node", "boolean"),
    ("score", "node", "double"),
    ("weight", "edge", "double"),
];

/// The file.
pub(super) fn graphml(drawing: &Drawing) -> Result<Vec<u8>, Failure> {
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 1);
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let namespace = ("xmlns", "http://graphml.graphdrawing.org/xmlns");
    writer.create_element("graphml").with_attribute(namespace).write_inner_content(|writer| {
        for (name, of, kind) in KEYS {
            let attributes = [("id", name), ("for", of), ("attr.name", name), ("attr.type", kind)];
            writer.create_element("key").with_attributes(attributes).write_empty()?;
        }
        let graph = writer.create_element("graph").with_attribute(("edgedefault", "undirected"));
        graph.write_inner_content(|writer| {
            for dot in &drawing.dots {
                let node =
                    writer.create_element("node").with_attribute(("id", format!("n{}", dot.id).as_str()));
                node.write_inner_content(|writer| {
                    let member = dot.member.to_string();
                    let seed = (dot.role == Role::Seed).to_string();
                    let score = dot.score.to_string();
                    for (key, value) in
                        [("label", &dot.name), ("member", &member), ("seed", &seed), ("score", &score)]
                    {
                        data(writer, key, value)?;
                    }
                    Ok(())
                })?;
            }
            for &(u, v, weight) in &drawing.lines {
                let id =
                    |rank: usize| drawing.dots.get(rank).map_or(String::new(), |dot| format!("n{}", dot.id));
                let (source, target) = (id(u), id(v));
                let ends = [("source", source.as_str()), ("target", target.as_str())];
                let edge = writer.create_element("edge").with_attributes(ends);
                edge.write_inner_content(|writer| data(writer, "weight", &weight.to_string()))?;
            }
            Ok(())
        })?;
        Ok(())
    })?;
    Ok(writer.into_inner())
}

fn data(writer: &mut Writer<Vec<u8>>, key: &str, value: &str) -> std::io::Result<()> {
    // XML has no control characters, escaped or not.
    let value: String = value.chars().filter(|c| !c.is_control()).collect();
    let data = writer.create_element("data").with_attribute(("key", key));
    data.write_text_content(BytesText::new(&value)).map(|_| ())
}
