//! The network that a command reads, and how.

use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use kiln_graph::io::{
    Column, Columns, Format, Header, NodeNames, Read, ReadNote, ReadOptions, WeightColumn,
    read_labelled_from, read_labelled_with_progress,
};
use kiln_graph::{Adjacency as _, DirectedGraph, GraphError, LabelledGraph, Symmetrize};
use kiln_receipts::progress::Reporter;

use crate::cli::Failure;

/// Files of at least so many bytes are read with a bar.
const LARGE: u64 = 32 << 20;

/// What stands for standard input.
const STANDARD_INPUT: &str = "-";

/// A network in a file.
#[derive(Debug, Args)]
pub(super) struct Input {
    /// The network: a table with two columns of names (.csv, .tsv, .txt, .parquet), .graphml,
    /// .mtx and others; - reads standard input
    #[arg(value_name = "FILE", verbatim_doc_comment)]
    file: PathBuf,
    /// The format by one of its endings, such as csv or graphml, where the name does not tell
    #[arg(long, value_name = "FORMAT", value_parser = format_named, help_heading = READING)]
    format: Option<Format>,
    /// Columns of a table for both ends of a connection and, if wanted, its weight: names,
    /// or numbers from 1
    #[arg(
        long,
        verbatim_doc_comment,
        value_name = "SOURCE,TARGET[,WEIGHT]",
        value_parser = columns_named,
        help_heading = READING
    )]
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
    /// Directions are kept besides if they are wanted.
    pub(super) fn read(&self, directed: bool) -> Result<Loaded, Failure> {
        self.look()?;
        let options = ReadOptions { directed, ..self.options() };
        let read = match self.columnar(&options)? {
            Some(read) => read,
            None => self.read_quietly(&options).map_err(|error| self.explained(&error))?,
        };
        if directed && read.arcs.is_none() {
            return Err(format!("{}: a file in Kiln's own format has no directions", self.name()).into());
        }
        let loaded = Loaded { graph: read.graph, arcs: read.arcs, notes: read.report.notes };
        for remark in loaded.remarks() {
            eprintln!("note: {remark}");
        }
        if loaded.graph.graph().node_count() == 0 {
            return Err(self.without_nodes(&loaded).into());
        }
        Ok(loaded)
    }

    /// What is wrong with the file whatever its format.
    fn look(&self) -> Result<(), Failure> {
        if self.is_standard() {
            return Ok(());
        }
        let name = self.name();
        let file = self.file.metadata().map_err(|error| format!("{name}: {error}"))?;
        if file.is_dir() {
            return Err(format!("{name} is a folder: name a file in it").into());
        }
        if file.is_file() && file.len() == 0 {
            return Err(format!("{name} is empty").into());
        }
        Ok(())
    }

    /// The connections of a Parquet or Arrow file, if it is one.
    #[cfg(feature = "parquet")]
    fn columnar(&self, options: &ReadOptions) -> Result<Option<Read>, Failure> {
        // What is no plain file cannot be read twice.
        if self.is_standard() || !self.file.is_file() {
            return Ok(None);
        }
        let Some((text, notes)) = kiln_table::columnar_as_csv(&self.file)? else { return Ok(None) };
        for note in notes {
            eprintln!("note: {note}");
        }
        let (header, separator) = (Header::Present, Some(','));
        let options = ReadOptions { header, separator, comments: Vec::new(), ..options.clone() };
        let read = read_labelled_from(text.as_bytes(), Format::EdgeList, &options);
        Ok(Some(read.map_err(|error| self.explained(&error))?))
    }

    #[cfg(not(feature = "parquet"))]
    fn columnar(&self, _: &ReadOptions) -> Result<Option<Read>, Failure> {
        use std::io::Read as _;
        let mut first = [0; 6];
        let starts = self.file.is_file()
            && std::fs::File::open(&self.file).and_then(|mut file| file.read_exact(&mut first)).is_ok();
        if starts && (first.starts_with(b"PAR1") || first == *b"ARROW1") {
            return Err(format!(
                "{}: this program was built without Parquet and Arrow: cargo install --path crates/cli --features \
                 parquet builds them in; or save the table as .csv",
                self.name()
            )
            .into());
        }
        Ok(None)
    }

    fn read_quietly(&self, options: &ReadOptions) -> Result<Read, GraphError> {
        if self.is_standard() {
            let format = self.format.unwrap_or(Format::EdgeList);
            return read_labelled_from(io::stdin().lock(), format, options);
        }
        // A name without an ending, as those of pipes, is taken for a table, as standard input is.
        let plain = self.file.extension().is_none().then_some(Format::EdgeList);
        let format = self.format.or(plain).map_or_else(|| Format::from_path(&self.file), Ok)?;
        let bytes = self.file.metadata().map_or(0, |file| file.len());
        if bytes < LARGE || !io::stderr().is_terminal() {
            return read_labelled_with_progress(&self.file, format, options, |_| ());
        }
        let progress = Reporter::standard_error().steps(bytes >> 20, "MB read");
        let mut read = 0;
        read_labelled_with_progress(&self.file, format, options, |more| {
            progress.inc(((read + more) >> 20) - (read >> 20));
            read += more;
        })
    }

    /// Why there is nothing in a file that could be read.
    fn without_nodes(&self, loaded: &Loaded) -> String {
        let name = self.name();
        let mut said = format!("{name}: no connections in it");
        if loaded.comments().is_some() {
            said += "\n\n  tip: some lines were taken for comments; --comment says with what those begin";
        }
        if loaded.notes().any(|note| matches!(note, ReadNote::Header { .. })) {
            said += "\n\n  tip: its only line was taken for the names of the columns; --header no reads it";
        }
        said
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
            GraphError::UnknownFormat { .. } => self.unknown_format(),
            _ => said,
        }
    }
}

impl Input {
    /// What to do with a file whose name says no format that is read.
    fn unknown_format(&self) -> String {
        let name = self.name();
        let ending = self.file.extension().unwrap_or_default().to_string_lossy().to_lowercase();
        let unpacked = |with: &str| format!("unpack it first: {with} {name} | kiln cluster - --seed NAME");
        let tip = match ending.as_str() {
            "xz" | "lzma" => unpacked("xz -dc"),
            "zip" => unpacked("unzip -p"),
            "lz4" => unpacked("lz4 -dc"),
            "tar" | "tgz" | "7z" | "rar" => "take the file with the network out of it".to_owned(),
            "xlsx" | "xls" | "ods" | "numbers" => "save the sheet as .csv".to_owned(),
            _ => {
                let known: Vec<_> =
                    Format::all().filter_map(|format| format.extensions().first().copied()).collect();
                format!("--format csv reads it as a table; besides csv there are {}", known.join(", "))
            }
        };
        format!("{name}: its name does not tell a format that is read\n\n  tip: {tip}")
    }
}

/// What the library calls its settings, and what to type here.
const ARGUMENTS: [(&str, &str); 13] = [
    (
        "choose in `ReadOptions::symmetrize` whether",
        "kiln cluster --directed follows the directions; without them, choose in --symmetrize whether",
    ),
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
    ("`NodeNames::Id`", "--names id"),
    (
        ", or let `io::read_labelled` take the numbers for names, or set `ReadOptions::node_count` if this is meant",
        "",
    ),
];

/// A message of the library in words of the command line.
fn in_arguments(said: String) -> String {
    ARGUMENTS.iter().fold(said, |said, (setting, argument)| said.replace(setting, argument))
}

/// What was read.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) graph: LabelledGraph,
    /// The connections with their directions, if they were wanted.
    pub(super) arcs: Option<DirectedGraph>,
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

    /// The first line that was skipped as a comment.
    pub(super) fn comments(&self) -> Option<u64> {
        self.notes.iter().find_map(|note| match note {
            ReadNote::Comments { first_line, .. } => Some(*first_line),
            _ => None,
        })
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
