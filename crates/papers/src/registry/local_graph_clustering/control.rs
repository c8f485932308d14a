//! Labelled real graphs outside the paper, and one whose groups no local method should find.

use kiln_graph::{Adjacency, ClusterScores, CsrGraph};

use super::claims::{EXCESS, NO_CLUSTERS, NO_CLUSTERS_F1};
use super::protocol::{F1, Method, Target, load, run};
use kiln_datasets::{open, read_groups_tsv};
use kiln_receipts::statistics::mean;
use kiln_receipts::{Context, ExperimentError, Number, Recorder, Table};

const BLOGCATALOG: &str = "graph-labelled/blogcatalog.edges.tsv.gz";

/// Edges, labels and the labels' column; the first row decides claim X1.
const GRAPHS: &[(&str, &str, &str)] = &[
    (BLOGCATALOG, "graph-labelled/blogcatalog.communities.tsv", "community"),
    ("graph-labelled/karate.edges.tsv", "graph-labelled/karate.nodes.tsv", "club"),
    ("graph-labelled/football.edges.tsv", "graph-labelled/football.nodes.tsv", "conference_corrected"),
    ("graph-labelled/polbooks.edges.tsv", "graph-labelled/polbooks.nodes.tsv", "leaning"),
    ("graph-labelled/polblogs.edges.tsv", "graph-labelled/polblogs.nodes.tsv", "leaning"),
    ("graph-labelled/email-eu-core.edges.tsv", "graph-labelled/email-eu-core.nodes.tsv", "department"),
    ("graph-labelled/ppi-mips.edges.tsv", "graph-labelled/ppi-mips.communities.tsv", "community"),
    ("graph-labelled/sfld.edges.tsv", "graph-labelled/sfld.nodes.tsv", "family"),
];

const SEEDS_PER_GROUP: usize = 5;

/// Groups smaller than this say little about recovery.
const SMALLEST_GROUP: usize = 10;

pub(super) fn labelled(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let mut table = Table::new(
        "labelled",
        "ℓ1-regularised PageRank and APPR on labelled graphs",
        "Groups of at least 10 nodes, up to 5 seeds a group, the protocol of the paper's tables with ρ = \
         0.15/vol(K); means over the groups. polblogs and email-eu-core are cut to their largest component.",
        &["graph", "nodes", "edges", "groups", "conductance of the groups, mean", "F1, ℓ1", "F1, APPR"],
    );
    let progress = recorder.progress(GRAPHS.len() as u64, "labelled graphs");
    for &(edges, labels, column) in GRAPHS {
        if let Err(missing) = context.data.find(edges).and_then(|_| context.data.find(labels)) {
            if edges == BLOGCATALOG {
                recorder.needs_data(&NO_CLUSTERS, &missing);
            }
            recorder.note(format!("{edges} was left out: {missing}"));
            continue;
        }
        let whole = load(context, recorder, edges)?;
        let found = context.data.find(labels)?;
        let groups = read_groups_tsv(open(&found)?, column)?;
        recorder.used_file(&found, groups.len());
        let (graph, groups) = largest_component(&whole, &groups)?;
        let scores: Vec<([f64; 3], Option<f64>)> =
            recorder.memo(edges, || groups.iter().map(|group| of_group(&graph, group)).collect())?;
        recorder.observe(&EXCESS, scores.iter().filter_map(|score| score.1));
        if edges == BLOGCATALOG {
            recorder.observe(&NO_CLUSTERS_F1, scores.iter().map(|score| score.0[1]));
        }
        let mean = |i: usize| Number(mean(scores.iter().map(|score| score.0[i]))).to_string();
        let name = edges.trim_start_matches("graph-labelled/").split('.').next().unwrap_or(edges);
        let counts = [graph.node_count(), graph.edge_count(), scores.len() as u64].map(|n| n.to_string());
        table.row(std::iter::once(name.to_owned()).chain(counts).chain([0, 1, 2].map(mean)));
        progress.inc(1);
    }
    recorder.table(table);
    Ok(())
}

/// Conductance of the group, mean F1 of ℓ1 and of APPR, and the largest excess of claim G2.
fn of_group(graph: &CsrGraph, (_, nodes): &Target) -> Result<([f64; 3], Option<f64>), ExperimentError> {
    let seeds: Vec<u64> = nodes.iter().copied().step_by(nodes.len().div_ceil(SEEDS_PER_GROUP)).collect();
    let l1 = run(graph, nodes, &seeds, 0.15, Method::L1 { tolerance: 1e-2 })?;
    let appr = run(graph, nodes, &seeds, 0.15, Method::Appr)?;
    let conductance = ClusterScores::of(graph, nodes)?.conductance();
    Ok(([conductance, l1.means[F1], appr.means[F1]], l1.excess))
}

/// The graph's largest component with consecutive numbers, and what is left of the groups.
fn largest_component(
    graph: &CsrGraph,
    groups: &[Target],
) -> Result<(CsrGraph, Vec<Target>), ExperimentError> {
    let nodes = graph.largest_component();
    let new = |u: u64| nodes.binary_search(&u).ok().map(|i| i as u64);
    let edges = graph.edges().filter_map(|(u, v, weight)| Some((new(u)?, new(v)?, weight)));
    let component = CsrGraph::from_weighted_edges(nodes.len() as u64, edges)?;
    let kept = groups
        .iter()
        .map(|(name, members)| (name.clone(), members.iter().filter_map(|&u| new(u)).collect::<Vec<_>>()))
        .filter(|(_, members)| members.len() >= SMALLEST_GROUP)
        .collect();
    Ok((component, kept))
}
