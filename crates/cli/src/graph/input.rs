//! The network that a command reads, and how.

use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use kiln_graph::io::{
    Column, Columns, Format, Header, NodeNames, Read, ReadNote, ReadOptions, WeightColumn, read_labelled,
    read_labelled_from, read_labelled_with,
};
use kiln_graph::{GraphError, LabelledGraph, Symmetrize};

use crate::cli::Failure;

/// What stands for standard input.
const STANDARD_INPUT: &str = "-";

/// A network in a file.
#[derive(Debug, Args)]
pub(super) struct Input {
    /// The network: a table with two columns of names (.csv, .tsv, .txt), .graphml, .mtx
    /// and others; - reads standard input
    #[arg(value_name = "FILE", verbatim_doc_comment)]
    file: PathBuf,
    /// The format by one of its endings, such as csv or graphml, where the name does not tell
    #[arg(long, value_name = "FORMAT", value_parser = format_named, help_heading = READING)]
    format: Option<Format>,
    /// Columns of a table for both ends of a connection and, if wanted, its weight: names,
    /// or numbers from 1
    #[arg(long, verbatim_doc_comment, value_name = "SOURCE,TARGET[,WEIGHT]", value_parser = columns_named, help_heading = READING)]
    columns: Option<Columns>,
    /// Whether a table has a column of weights; by default, if it looks so
    #[arg(long, value_enum, value_name = "WHETHER", help_heading = READING)]
    weights: Option<Weights>,
    /// Whether the first line of a table names its columns; by default, if it looks so
    #[arg(long, value_enum, value_name = "WHETHER", help_heading = READING)]
    header: Option<YesNo>,
    /// What separates columns: one character, or tab
    #[arg(long, value_name = "SIGN", value_parser = separator_named, help_heading = READING)]
    separator: Option<char>,
    /// What a line begins with that is a comment
    #[arg(long, value_name = "SIGN", default_values = ["#", "%", "//"], help_heading = READING)]
    comment: Vec<String>,
    /// What a connection from A to B and one from B to A come to, where connections have
    /// directions: their sum, the larger one, or an error unless both are equal
    #[arg(long, verbatim_doc_comment, value_enum, value_name = "RULE", help_heading = READING)]
    symmetrize: Option<Rule>,
    /// Take both columns for different kinds of nodes, named r… and c…, even where names are
    /// the same
    #[arg(long, verbatim_doc_comment, help_heading = READING)]
    bipartite: bool,
    /// What GraphML, GEXF and GML files call a node by
    #[arg(long, value_enum, value_name = "WHAT", help_heading = READING)]
    names: Option<By>,
}

const READING: &str = "Reading FILE";

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Weights {
    /// There must be one
    Required,
    /// Every connection counts the same
    Ignore,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum YesNo {
    Yes,
    No,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Rule {
    Sum,
    Max,
    Reject,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum By {
    Label,
    Id,
}

impl Input {
    /// The file as it was named.
    pub(super) fn name(&self) -> String {
        if self.is_standard() { "standard input".to_owned() } else { self.file.display().to_string() }
    }

    fn is_standard(&self) -> bool {
        self.file == Path::new(STANDARD_INPUT)
    }

    /// Reads the network, and says on standard error what was not used of it.
    pub(super) fn read(&self) -> Result<Loaded, Failure> {
        let read = self.read_quietly().map_err(|error| self.explained(&error))?;
        let loaded = Loaded { graph: read.graph, notes: read.report.notes };
        for remark in loaded.remarks() {
            eprintln!("note: {remark}");
        }
        Ok(loaded)
    }

    fn read_quietly(&self) -> Result<Read, GraphError> {
        let options = self.options();
        if self.is_standard() {
            let format = self.format.unwrap_or(Format::EdgeList);
            return read_labelled_from(io::stdin().lock(), format, &options);
        }
        match self.format {
            Some(format) => read_labelled_with(&self.file, format, &options),
            None => read_labelled(&self.file, &options),
        }
    }

    fn options(&self) -> ReadOptions {
        ReadOptions {
            columns: self.columns.clone().unwrap_or_default(),
            weights: match self.weights {
                None => WeightColumn::Auto,
                Some(Weights::Required) => WeightColumn::Required,
                Some(Weights::Ignore) => WeightColumn::Ignore,
            },
            header: match self.header {
                None => Header::Detect,
                Some(YesNo::Yes) => Header::Present,
                Some(YesNo::No) => Header::Absent,
            },
            separator: self.separator,
            comments: self.comment.clone(),
            symmetrize: self.symmetrize.map(|rule| match rule {
                Rule::Sum => Symmetrize::Sum,
                Rule::Max => Symmetrize::Max,
                Rule::Reject => Symmetrize::Reject,
            }),
            bipartite: self.bipartite,
            names: match self.names {
                None => NodeNames::Auto,
                Some(By::Label) => NodeNames::Label,
                Some(By::Id) => NodeNames::Id,
            },
            ..ReadOptions::default()
        }
    }

    /// An error with the file's name and what to type.
    fn explained(&self, error: &GraphError) -> String {
        let said = in_arguments(error.to_string());
        let name = self.name();
        let said = if said.contains(&name) { said } else { format!("{name}: {said}") };
        match error {
            GraphError::UnknownFormat { .. } => format!("{said}\n\n  tip: --format csv reads it as a table"),
            _ => said,
        }
    }
}

/// What the library calls its settings, and what to type here.
const ARGUMENTS: [(&str, &str); 10] = [
    ("`Symmetrize::Sum`", "--symmetrize sum"),
    ("`Symmetrize::Max`", "--symmetrize max"),
    ("`ReadOptions::symmetrize`", "--symmetrize"),
    ("`ReadOptions::columns`", "--columns"),
    ("`ReadOptions::weights`", "--weights"),
    ("`ReadOptions::header`", "--header"),
    ("`ReadOptions::separator`", "--separator"),
    ("`ReadOptions::comments`", "--comment"),
    ("`ReadOptions::bipartite`", "--bipartite"),
    ("`ReadOptions::names`", "--names"),
];

/// A message of the library in words of the command line.
fn in_arguments(said: String) -> String {
    ARGUMENTS.iter().fold(said, |said, (setting, argument)| said.replace(setting, argument))
}

/// What was read.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) graph: LabelledGraph,
    notes: Vec<ReadNote>,
}

impl Loaded {
    /// What of the file was not used, or may not be what was meant.
    pub(super) fn remarks(&self) -> Vec<String> {
        self.notes
            .iter()
            .filter(|note| note.is_warning())
            .map(|note| in_arguments(note.to_string()))
            .collect()
    }

    /// Everything that is worth knowing of the file.
    pub(super) fn notes(&self) -> impl Iterator<Item = &ReadNote> {
        self.notes.iter()
    }
}

fn format_named(name: &str) -> Result<Format, String> {
    let lower = name.to_lowercase();
    let found = Format::all().find(|format| format.extensions().contains(&lower.trim_start_matches('.')));
    found.ok_or_else(|| {
        let known: Vec<_> = Format::all().filter_map(|format| format.extensions().first().copied()).collect();
        format!("known are {}", known.join(", "))
    })
}

fn separator_named(name: &str) -> Result<char, String> {
    let mut letters = name.chars();
    match (name, letters.next(), letters.next()) {
        ("tab" | r"\t", ..) => Ok('\t'),
        ("space", ..) => Ok(' '),
        (_, Some(separator), None) => Ok(separator),
        _ => Err("give one character, or tab".to_owned()),
    }
}

fn columns_named(list: &str) -> Result<Columns, String> {
    let column = |name: &str| match name.trim().parse() {
        Ok(number) => Column::Number(number),
        Err(_) => Column::Name(name.trim().to_owned()),
    };
    let mut columns = list.split(',').map(column);
    let columns = (columns.next(), columns.next(), columns.next(), columns.next());
    match columns {
        (source, target @ Some(_), weight, None) => Ok(Columns { source, target, weight }),
        _ => Err("give two or three columns, as in 1,2 or from,to,strength".to_owned()),
    }
}
