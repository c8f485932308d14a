//! Clusters with nothing to tune, and top-k rows of all nodes, against other libraries.

use std::fs;
use std::process::Command;
use std::time::Instant;

use kiln_datasets::{DataPath, open, read_communities_json};
use kiln_graph::generators::{HashedPlantedPartition, mix};
use kiln_graph::io::{ReadOptions, read_edge_list};
use kiln_graph::{Adjacency, Appr, Clusterer, CsrGraph, LocalQuery, Recovery, Workspace, top_k_for_all};
use kiln_receipts::statistics::{mean, median};
use kiln_receipts::{ExperimentError, Number, Table};
use serde_json::{Value, json};

use super::peers::Peers;
use super::report::{Goal, Report, timed};

/// NetworKit's selective community detectors, with its own defaults where it has any.
const DETECTORS: [&str; 5] = ["PageRankNibble", "GCE", "LFMLocal", "LocalTightnessExpansion", "TCE"];

/// Every so many members of a set are seeds.
const STRIDE: usize = 50;

/// Time and nodes of a cluster; `None` from a peer that gives none.
type Found = Result<Option<(f64, Vec<u64>)>, ExperimentError>;

/// Sends a graph to the peers under a name.
pub(super) fn send(peers: &mut Peers, graph: &CsrGraph, name: &str) -> Result<(), ExperimentError> {
    let edges = tempfile::NamedTempFile::new()?;
    let ends = graph.edges().flat_map(|(u, v, _)| [u as u32, v as u32]);
    fs::write(edges.path(), ends.flat_map(u32::to_le_bytes).collect::<Vec<u8>>())?;
    peers.ask(&json!({"load": name, "path": edges.path(), "nodes": graph.node_count()}))?;
    Ok(())
}

/// Mean F1 and median time on sets that are known.
pub(super) fn clusters(
    data: &DataPath,
    mut peers: Option<&mut Peers>,
    report: &mut Report,
) -> Result<(), ExperimentError> {
    let mut table = Table::new(
        "clusterer",
        "Clusters with nothing to tune: class years and majors of two universities",
        &format!(
            "Every {STRIDE}th member of each set is a seed. F1: mean over the sets of the mean over seeds, nodes \
             weighted by degree. CPU milliseconds of one seed: median and largest. NetworKit's methods with its \
             defaults; PageRankNibble with α = 0.05, ε = 1e-5."
        ),
        &["graph", "method", "seeds", "mean F1", "median ms", "largest ms"],
    );
    for name in ["johns_hopkins55", "colgate88"] {
        eprintln!("bench: clusters of {name}");
        let found = [format!("graph/{name}.edges"), format!("graph/{name}.communities.json")];
        let (edges, sets) = match (data.find(&found[0]), data.find(&found[1])) {
            (Ok(edges), Ok(sets)) => (edges, sets),
            (Err(missing), _) | (_, Err(missing)) => {
                report.notes.push(format!("{name} was left out: {missing}"));
                continue;
            }
        };
        let graph = read_edge_list(open(&edges)?, &ReadOptions::default())?.without_weights();
        let sets = read_communities_json(open(&sets)?)?;
        if let Some(peers) = peers.as_deref_mut() {
            send(peers, &graph, name)?;
        }
        let mut workspace = Workspace::default();
        let own = |seed: u64| -> Found {
            let (time, answer) = timed(|| Clusterer::default().run_in(&graph, &seed.into(), &mut workspace));
            let nodes = answer?.outcome.found().map_or_else(|_| vec![seed], |cluster| cluster.nodes);
            Ok(Some((time, nodes)))
        };
        judge(&mut table, name, "Kiln Clusterer", &graph, &sets, own)?;
        let Some(peers) = peers.as_deref_mut() else { continue };
        for detector in DETECTORS {
            let ask = |seed: u64| -> Found {
                let answer = peers.ask(&json!({"detector": detector, "graph": name, "seed": seed}))?;
                let nodes = |list: &Vec<Value>| list.iter().filter_map(Value::as_u64).collect::<Vec<u64>>();
                let nodes = answer["nodes"].as_array().map(nodes);
                Ok(answer["cpu_ms"].as_f64().zip(nodes).map(|(time, mut nodes)| {
                    if nodes.is_empty() {
                        nodes.push(seed);
                    }
                    (time, nodes)
                }))
            };
            if !judge(&mut table, name, &format!("NetworKit {detector}"), &graph, &sets, ask)? {
                report.notes.push(format!("{name}: NetworKit's {detector} was left out"));
            }
        }
    }
    report.tables.push(table);
    Ok(())
}

/// Adds the row of one method, unless it fails to answer.
fn judge(
    table: &mut Table,
    name: &str,
    method: &str,
    graph: &CsrGraph,
    sets: &[(String, Vec<u64>)],
    mut find: impl FnMut(u64) -> Found,
) -> Result<bool, ExperimentError> {
    let (mut times, mut means) = (Vec::new(), Vec::new());
    for (_, members) in sets {
        let mut scores = Vec::new();
        for &seed in members.iter().filter(|&&u| graph.degree(u) > 0.0).step_by(STRIDE) {
            let Some((time, nodes)) = find(seed)? else { return Ok(false) };
            times.push(time);
            scores.push(Recovery::of(graph, &nodes, members)?.f1);
        }
        means.push(mean(&scores));
    }
    let largest = times.iter().copied().fold(0.0, f64::max);
    let numbers = [mean(&means), median(&times), largest].map(|x| Number(x).to_string());
    let start = [name.to_owned(), method.to_owned(), times.len().to_string()];
    table.row(start.into_iter().chain(numbers));
    Ok(true)
}

/// `Clusterer` on the packages of this machine's Debian, each joined to those it depends on.
pub(super) fn packages(report: &mut Report) -> Result<(), ExperimentError> {
    eprintln!("bench: clusters of Debian's packages");
    let listed = Command::new("apt-cache").arg("dumpavail").output();
    let text = match listed {
        Ok(output) if output.status.success() => String::from_utf8_lossy(&output.stdout).into_owned(),
        _ => String::new(),
    };
    let graph = dependencies(&text)?;
    if graph.node_count() < 10_000 {
        report.notes.push("Debian's packages were left out: `apt-cache dumpavail` lists none".to_owned());
        return Ok(());
    }
    let mut workspace = Workspace::default();
    let (mut times, mut found) = (Vec::new(), 0);
    for i in 0..200 {
        let seed = mix(i) % graph.node_count();
        if graph.degree(seed) > 0.0 {
            let (time, answer) = timed(|| Clusterer::default().run_in(&graph, &seed.into(), &mut workspace));
            times.push(time);
            found += usize::from(answer?.outcome.cluster().is_some());
        }
    }
    report.notes.push(format!(
        "Clusterer on the {} packages and {} dependencies of Debian: {} of {} random seeds have a cluster.",
        graph.node_count(),
        graph.edge_count(),
        found,
        times.len()
    ));
    let measured = median(&times);
    report.goals.push(Goal {
        what: "Clusterer on Debian's packages, CPU milliseconds, median over random seeds".to_owned(),
        wanted: "at most 20".to_owned(),
        measured,
        met: measured <= 20.0,
    });
    Ok(())
}

/// The fields `Package` and `Depends` as a graph.
fn dependencies(text: &str) -> Result<CsrGraph, ExperimentError> {
    let mut ids = std::collections::HashMap::new();
    let mut edges = Vec::new();
    let mut package = None;
    let mut number = |name: &str| {
        let next = ids.len() as u64;
        *ids.entry(name.to_owned()).or_insert(next)
    };
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("Package: ") {
            package = Some(number(name.trim()));
        } else if let (Some(list), Some(package)) = (line.strip_prefix("Depends: "), package) {
            for entry in list.split([',', '|']) {
                let end = |c: char| c.is_whitespace() || c == '(' || c == ':';
                let other = number(entry.trim().split(end).next().unwrap_or_default());
                if other != package {
                    edges.push((package, other));
                }
            }
        }
    }
    Ok(CsrGraph::from_simple_edges(ids.len() as u64, edges)?)
}

/// The 32 largest entries of every node's APPR vector.
pub(super) fn top_k(peers: Option<&mut Peers>, report: &mut Report) -> Result<(), ExperimentError> {
    const NODES: u64 = 100_000;
    const K: usize = 32;
    const SAMPLE: u64 = 200;
    eprintln!("bench: top-k rows");
    let graph = HashedPlantedPartition::new(NODES).generate()?;
    let mut table = Table::new(
        "top-k",
        &format!("HPP, n = 10^5: the {K} largest entries of APPR from every node (α = .05, ε = 1e-4)"),
        &format!(
            "Wall seconds for all rows: Kiln computes all of them; of the others, whose loops over seeds run in \
             Python, the time of {SAMPLE} rows is scaled up. scikit-network: its default, ten power iterations over \
             the whole graph, damping (1-α)/(1+α)."
        ),
        &["program", "threads", "seconds for all rows", "over Kiln on one thread"],
    );
    let query = LocalQuery::node(0).method(Appr { alpha: 0.05, ..Appr::new(1e-4) });
    let wall = |threads| -> Result<f64, ExperimentError> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
        let start = Instant::now();
        let mut rows = 0;
        pool.install(|| {
            top_k_for_all(&graph, &query, K, |_, _| {
                rows += 1;
                Ok(())
            })
        })?;
        if rows == NODES { Ok(start.elapsed().as_secs_f64()) } else { Err("rows are missing".into()) }
    };
    let one = wall(1)?;
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut row = |program: &str, threads: usize, seconds: f64| {
        let numbers = [seconds, seconds / one].map(|x| Number(x).to_string());
        table.row([program.to_owned(), threads.to_string()].into_iter().chain(numbers));
    };
    row("Kiln", 1, one);
    row("Kiln", threads, wall(threads)?);
    if let Some(peers) = peers {
        send(peers, &graph, "top-k")?;
        let seeds: Vec<u64> = (0..SAMPLE).map(|i| mix(i) % NODES).collect();
        for peer in ["networkit", "scikit-network"] {
            let question = json!({"top_k": K, "peer": peer, "graph": "top-k", "alpha": 0.05, "epsilon": 1e-4,
                                  "seeds": seeds});
            let answer = peers.ask(&question)?;
            if let Some(seconds) = answer["wall_s"].as_f64() {
                row(peer, 1, seconds * NODES as f64 / SAMPLE as f64);
            } else {
                let why = answer["skip"].as_str().unwrap_or("?");
                report.notes.push(format!("top-k: {peer} was left out: {why}"));
            }
        }
    }
    report.tables.push(table);
    Ok(())
}
