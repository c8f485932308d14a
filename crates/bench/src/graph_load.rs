//! How long it takes to read a graph of ten million edges, and how much memory, against other libraries.

use std::fs;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use clap::ValueEnum;
use cpu_time::ProcessTime;
use kiln_graph::generators::HashedPlantedPartition;
use kiln_graph::io::{Format, ReadOptions, open_binary, read_graph_with, read_labelled_with, write_binary};
use kiln_graph::{Adjacency, CsrGraph, LabelledGraph, NodeLabels};
use kiln_receipts::statistics::median;
use kiln_receipts::{ExperimentError, Number, Table};
use serde::{Deserialize, Serialize};

use super::report::{Goal, Report};

/// How one file is read, in a process of its own, whose memory is then known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Reading {
    /// A table of numbers.
    Numbers,
    /// A table of names.
    Names,
    /// Kiln's binary format.
    Binary,
}

/// What a process that reads a file says on standard output.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Cost {
    wall_s: f64,
    cpu_s: f64,
    /// Largest resident set, less that before the reading.
    megabytes: f64,
    edges: u64,
}

/// Reads a file and prints what that cost.
pub(super) fn read_once(reading: Reading, path: &Path) -> Result<(), ExperimentError> {
    let (before, start, cpu) = (resident("VmRSS:"), Instant::now(), ProcessTime::now());
    let options = ReadOptions::default();
    let edges = match reading {
        Reading::Numbers => read_graph_with(path, Format::EdgeList, &options)?.edge_count(),
        Reading::Names => read_labelled_with(path, Format::EdgeList, &options)?.graph.graph().edge_count(),
        Reading::Binary => open_binary(path)?.graph().edge_count(),
    };
    let (wall_s, cpu_s) = (start.elapsed().as_secs_f64(), cpu.elapsed().as_secs_f64());
    let megabytes = resident("VmHWM:") - before;
    println!("{}", serde_json::to_string(&Cost { wall_s, cpu_s, megabytes, edges })?);
    Ok(())
}

/// Megabytes of this process, as Linux counts them; no number elsewhere.
fn resident(what: &str) -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(what));
    let kibibytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<f64>().ok());
    kibibytes.map_or(f64::NAN, |kibibytes| kibibytes * 1024.0 / 1e6)
}

/// One program that reads one file.
struct Reader {
    program: &'static str,
    file: &'static str,
    command: Box<dyn Fn() -> Command>,
    costs: Vec<Cost>,
}

/// The rows of all readers, in turns.
pub(super) fn load(python: &str, repeats: usize, report: &mut Report) -> Result<(), ExperimentError> {
    eprintln!("bench: reading a graph of ten million edges");
    let folder = tempfile::tempdir()?;
    let graph = HashedPlantedPartition::new(1_000_000).generate()?;
    let [numbers, names, binary] = write_files(&graph, folder.path())?;
    drop(graph);
    let own = std::env::current_exe()?;
    let kiln = |reading: &'static str, file: &PathBuf| {
        let (own, file) = (own.clone(), file.clone());
        Box::new(move || {
            let mut command = Command::new(&own);
            command.args(["graph", "--read", reading]).arg(&file);
            command
        }) as Box<dyn Fn() -> Command>
    };
    let peer = |library: &'static str, file: &PathBuf| {
        let (python, file) = (python.to_owned(), file.clone());
        Box::new(move || {
            let mut command = Command::new(&python);
            command.args(["-c", include_str!("graph_load_peers.py"), library]).arg(&file);
            command
        }) as Box<dyn Fn() -> Command>
    };
    let reader = |program, file, command| Reader { program, file, command, costs: Vec::new() };
    let mut readers = vec![
        reader("Kiln", "numbers", kiln("numbers", &numbers)),
        reader("igraph", "numbers", peer("igraph-numbers", &numbers)),
        reader("NetworKit", "numbers", peer("networkit-numbers", &numbers)),
        reader("Kiln", "names", kiln("names", &names)),
        reader("igraph", "names", peer("igraph-names", &names)),
        reader("Kiln", "binary", kiln("binary", &binary)),
    ];
    for _ in 0..repeats.min(5) {
        readers.retain_mut(|reader| match run(&(reader.command)()) {
            Ok(cost) => {
                reader.costs.push(cost);
                true
            }
            Err(why) => {
                let Reader { program, file, .. } = reader;
                report.notes.push(format!("reading {file}: {program} was left out: {why}"));
                false
            }
        });
    }
    summarize(&readers, repeats.min(5), report);
    Ok(())
}

/// The graph's edges as numbers, as names, and in Kiln's binary format.
fn write_files(graph: &CsrGraph, folder: &Path) -> Result<[PathBuf; 3], ExperimentError> {
    let files = ["numbers.txt", "names.txt", "graph.kiln"].map(|name| folder.join(name));
    let [numbers, names, binary] = &files;
    let mut to_numbers = BufWriter::new(fs::File::create(numbers)?);
    let mut to_names = BufWriter::new(fs::File::create(names)?);
    for (u, v, _) in graph.edges() {
        writeln!(to_numbers, "{u} {v}")?;
        writeln!(to_names, "n{u} n{v}")?;
    }
    to_numbers.flush()?;
    to_names.flush()?;
    let labels = NodeLabels::counted(0, graph.node_count());
    write_binary(&LabelledGraph::new(graph.clone(), labels)?, binary)?;
    Ok(files)
}

fn run(command: &Command) -> Result<Cost, String> {
    let mut again = Command::new(command.get_program());
    let output = again.args(command.get_args()).output().map_err(|error| error.to_string())?;
    if !output.status.success() {
        let error = String::from_utf8_lossy(&output.stderr);
        return Err(error.lines().last().unwrap_or("it gave no reason").to_owned());
    }
    serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())
}

fn summarize(readers: &[Reader], repeats: usize, report: &mut Report) {
    let mut table = Table::new(
        "load",
        "Reading 9.4 million edges (HPP, n = 10^6)",
        &format!(
            "Each in a process of its own, in turns, medians of {repeats}. Megabytes: the largest resident set, less \
             that before the reading. Kiln reads text on all cores. Names: n0, n1, … instead of numbers."
        ),
        &["file", "program", "wall seconds", "CPU seconds", "megabytes"],
    );
    let mid = |reader: &Reader, of: fn(&Cost) -> f64| median(reader.costs.iter().map(of).collect::<Vec<_>>());
    for reader in readers {
        let numbers = [
            mid(reader, |cost| cost.wall_s),
            mid(reader, |cost| cost.cpu_s),
            mid(reader, |cost| cost.megabytes),
        ];
        let numbers = numbers.map(|x| Number(x).to_string());
        table.row([reader.file.to_owned(), reader.program.to_owned()].into_iter().chain(numbers));
    }
    report.tables.push(table);
    let find = |program: &str, file: &str| {
        readers.iter().find(|reader| reader.program == program && reader.file == file)
    };
    let mut goal = |what: &str, measured: f64, bound: f64| {
        let (what, wanted) = (what.to_owned(), format!("at most {}", Number(bound)));
        report.goals.push(Goal { what, wanted, measured, met: measured <= bound });
    };
    let wall = |cost: &Cost| cost.wall_s;
    let memory = |cost: &Cost| cost.megabytes;
    let Some(numbers) = find("Kiln", "numbers") else { return };
    if let Some(igraph) = find("igraph", "numbers") {
        goal("reading numbers: time over igraph's", mid(numbers, wall) / mid(igraph, wall), 0.5);
        goal("reading numbers: memory over igraph's", mid(numbers, memory) / mid(igraph, memory), 0.5);
    }
    if let Some(names) = find("Kiln", "names") {
        goal("reading names: time over that for numbers", mid(names, wall) / mid(numbers, wall), 1.3);
        goal("reading names: memory over that for numbers", mid(names, memory) / mid(numbers, memory), 1.5);
    }
    if let Some(binary) = find("Kiln", "binary") {
        goal("opening the binary file, milliseconds", 1e3 * mid(binary, wall), 50.0);
    }
}
