//! Readers of group labels: `NAME.communities.json`, `NAME.communities.tsv` and `NAME.nodes.tsv`.
//!
//! Every reader gives the groups in file order, because experiments number them so, and every error names its
//! line.

use std::collections::{HashMap, HashSet};
use std::io::{BufRead, BufReader, Read};

use serde::de::{Deserializer, Error as _, MapAccess, Visitor};

/// Groups in file order: name and members.
pub type GroupLabels = Vec<(String, Vec<u64>)>;

/// What is wrong with a label file.
#[derive(Debug, thiserror::Error)]
pub enum LabelError {
    /// The JSON text is malformed or is not a map from group to node list.
    #[error("communities.json: {0}")]
    Json(#[from] serde_json::Error),
    /// A line of a table is malformed.
    #[error("line {line}: {reason}")]
    Line {
        /// Line number from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// The file could not be read.
    #[error("cannot read the label file: {0}")]
    Io(#[from] std::io::Error),
}

struct InFileOrder;

impl<'de> Visitor<'de> for InFileOrder {
    type Value = GroupLabels;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a map from the name of a group to its list of nodes")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<GroupLabels, A::Error> {
        let mut groups = GroupLabels::new();
        let mut names = HashSet::new();
        while let Some((name, members)) = map.next_entry::<String, Vec<u64>>()? {
            if !names.insert(name.clone()) {
                return Err(A::Error::custom(format!("group \"{name}\" is given twice")));
            }
            let mut seen = HashSet::new();
            if let Some(twice) = members.iter().find(|&&node| !seen.insert(node)) {
                return Err(A::Error::custom(format!("node {twice} is twice in group \"{name}\"")));
            }
            groups.push((name, members));
        }
        Ok(groups)
    }
}

/// Reads `NAME.communities.json`: one map from the name of a group to its list of nodes.
///
/// ```
/// use kiln_datasets::read_communities_json;
/// let groups = read_communities_json(r#"{"urease": [3, 5], "AMP": [0]}"#.as_bytes()).unwrap();
/// assert_eq!(groups[0], ("urease".to_string(), vec![3, 5]));
/// ```
///
/// # Errors
/// [`LabelError`] with line and column for anything but such a map, and for a group or a member given twice.
pub fn read_communities_json(reader: impl Read) -> Result<GroupLabels, LabelError> {
    let mut text = String::new();
    BufReader::new(reader).read_to_string(&mut text)?;
    let mut json = serde_json::Deserializer::from_str(&text);
    let groups = json.deserialize_map(InFileOrder)?;
    json.end()?;
    Ok(groups)
}

/// Reads a tab-separated table with a header and groups the nodes of its column `node` by the values of
/// `column`, in order of first appearance. It fits `NAME.nodes.tsv` (one line per node) and
/// `NAME.communities.tsv` (`column` is then `community`, and a node may be in many).
///
/// ```
/// use kiln_datasets::read_groups_tsv;
/// let groups = read_groups_tsv("node\tclub\n0\tMr. Hi\n1\tOfficer\n2\tMr. Hi\n".as_bytes(), "club").unwrap();
/// assert_eq!(groups, [("Mr. Hi".to_string(), vec![0, 2]), ("Officer".to_string(), vec![1])]);
/// ```
///
/// # Errors
/// [`LabelError::Line`] for a missing column, a wrong number of fields, a node that is not a number, or a
/// node that is twice in one group.
pub fn read_groups_tsv(reader: impl Read, column: &str) -> Result<GroupLabels, LabelError> {
    let mut lines = BufReader::new(reader).lines();
    let fault = |line: usize, reason: String| LabelError::Line { line, reason };
    let header =
        lines.next().ok_or_else(|| fault(1, "the file is empty, a header was expected".into()))??;
    let names: Vec<&str> = header.split('\t').collect();
    let place = |wanted: &str| {
        names
            .iter()
            .position(|name| *name == wanted)
            .ok_or_else(|| fault(1, format!("no column \"{wanted}\" among: {}", names.join(", "))))
    };
    let (node_at, group_at) = (place("node")?, place(column)?);
    let mut groups = GroupLabels::new();
    let mut number_of: HashMap<String, usize> = HashMap::new();
    let mut seen = HashSet::new();
    for (index, line) in lines.enumerate() {
        let (number, line) = (index + 2, line?);
        let fields: Vec<&str> = line.split('\t').collect();
        if fields.len() != names.len() {
            return Err(fault(number, format!("{} fields, the header has {}", fields.len(), names.len())));
        }
        let node: u64 = fields[node_at]
            .parse()
            .map_err(|_| fault(number, format!("node \"{}\" is not a whole number", fields[node_at])))?;
        let group = *number_of.entry(fields[group_at].to_string()).or_insert_with(|| {
            groups.push((fields[group_at].to_string(), Vec::new()));
            groups.len() - 1
        });
        if !seen.insert((group, node)) {
            return Err(fault(number, format!("node {node} is twice in group \"{}\"", fields[group_at])));
        }
        groups[group].1.push(node);
    }
    Ok(groups)
}
