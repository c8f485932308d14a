//! The tables on real graphs: enzymes, protein interactions, two universities.

use kiln_graph::flow::{self, SimpleLocal};
use kiln_graph::{Adjacency, CsrGraph, bfs_ball, volume};
use rayon::prelude::*;

use super::protocol::{Found, Means, Method, Target, candidates, judge, load, note_use, run};
use super::published::{COLGATE, JOHNS_HOPKINS, PPI, Row, SFLD, SFLD_FLOW, Source};
use kiln_datasets::{open, read_communities_json};
use kiln_receipts::{Axis, Context, ExperimentError, Figure, Kind, Number, Recorder, Scale, Table};

const COLUMNS: &[&str] =
    &["target", "nodes", "method", "precision", "recall", "F1", "conductance", "printed F1", "printed by"];

/// The graph, and the targets in the order of the file.
fn load_with_targets(
    context: &Context,
    recorder: &mut Recorder,
    name: &str,
) -> Result<(CsrGraph, Vec<Target>), ExperimentError> {
    let graph = load(context, recorder, &format!("graph/{name}.edges"))?;
    let file = format!("graph/{name}.communities.json");
    let found = context.data.find(&file)?;
    let targets = read_communities_json(open(&found)?)?;
    note_use(recorder, &file, &found, targets.len());
    Ok((graph, targets))
}

fn row_of(table: &mut Table, target: &Target, method: &str, found: &Means, printed: (f64, Source)) {
    let mut cells = vec![target.0.clone(), target.1.len().to_string(), method.to_owned()];
    cells.extend(found.values.map(|value| Number(value).to_string()));
    cells.push(Number(printed.0).to_string());
    cells.push(match printed.1 {
        Source::Authors => "the authors".to_owned(),
        Source::Specification => "Kiln's specification".to_owned(),
    });
    table.row(cells);
}

/// How one target is run and what it is compared with.
struct Run<'a> {
    seeds: &'a [u64],
    c: f64,
    l1: Method,
    appr: Method,
    row: &'a Row,
}

/// Runs both methods on one target, each a step that a killed run keeps, and adds two rows to the table.
fn compare(
    recorder: &mut Recorder,
    table: &mut Table,
    graph: &CsrGraph,
    target: &Target,
    Run { seeds, c, l1, appr, row }: Run,
) -> Result<[Found; 2], ExperimentError> {
    let (name, nodes) = target;
    let l1 = recorder.memo(&format!("{name} l1"), || run(graph, nodes, seeds, c, l1))?;
    let appr = recorder.memo(&format!("{name} appr"), || run(graph, nodes, seeds, c, appr))?;
    recorder.record("G2", "excess over the bound", l1.excess);
    row_of(table, target, "ℓ1", &l1.means, (row.l1.0[2], row.l1.1));
    row_of(table, target, "APPR", &appr.means, (row.appr.0[2], row.appr.1));
    Ok([l1, appr])
}

fn targets_in_order<'a>(
    targets: &'a [Target],
    rows: &'a [Row],
) -> Result<Vec<(usize, &'a Target, &'a Row)>, ExperimentError> {
    rows.iter()
        .map(|row| match targets.iter().position(|target| target.0 == row.target) {
            Some(i) => Ok((i, &targets[i], row)),
            None => Err(format!("the communities file has no set named {:?}", row.target).into()),
        })
        .collect()
}

fn f1_figure(id: &str, title: &str, names: &[String], l1: &[f64], appr: &[f64]) -> Figure {
    let points = |values: &[f64]| values.iter().enumerate().map(|(i, &y)| (i as f64, y)).collect::<Vec<_>>();
    Figure::new(
        id,
        title,
        "Mean F1 score over all seeds of each target set. Higher is better.",
        Axis::categories("target set", names),
        Axis::linear("mean F1"),
    )
    .with(Kind::Bars, "ℓ1-regularised PageRank", 0, points(l1))
    .with(Kind::Bars, "APPR", 1, points(appr))
}

pub(super) fn sfld(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let (graph, targets) = load_with_targets(context, recorder, "sfld")?;
    let mut table = Table::new(
        "sfld",
        "Enzyme graph (sfld): 232 proteins, 15,570 edges",
        "Means over all seeds. The flow rows use the ground truth to stop the ball and to set δ, so they are no \
         method that a user could run.",
        COLUMNS,
    );
    let (l1, appr) = (Method::L1 { tolerance: 1e-2 }, Method::Appr);
    for (_, target, row) in targets_in_order(&targets, SFLD)? {
        let [found_l1, found_appr] =
            compare(recorder, &mut table, &graph, target, Run { seeds: &target.1, c: 0.15, l1, appr, row })?;
        recorder.record("G10", "absolute difference", differences(&found_l1.means, &row.l1.0));
        recorder.record("G10", "absolute difference", differences(&found_appr.means, &row.appr.0));
        recorder.record("G12", "F1 difference", [found_l1.means.f1() - found_appr.means.f1()]);
        let flow = SFLD_FLOW.iter().find(|flow| flow.0 == target.0).ok_or("no flow row")?;
        let balls = balls(&graph, &target.1)?;
        let cuts = candidates(&graph, &target.1, &target.1, 0.15, l1)?;
        let clusters: Vec<Vec<Vec<u64>>> =
            cuts.into_iter().map(|seed| seed.cuts.into_iter().map(|cut| cut.nodes).collect()).collect();
        for (method, printed, references) in [("BFS+SL", flow.1, &balls), ("ℓ1+SL", flow.2, &clusters)] {
            for (claim, arithmetic, suffix) in
                [("G14", Arithmetic::Exact, ""), ("G14a", Arithmetic::Authors, ", authors' arithmetic")]
            {
                let label = format!("{method}{suffix}");
                let means = recorder.memo(&format!("{} {label}", target.0), || {
                    improve(&graph, &target.1, references, arithmetic)
                })?;
                recorder.record(claim, "absolute difference", differences(&means, &printed));
                row_of(&mut table, target, &label, &means, (printed[2], Source::Authors));
            }
        }
    }
    recorder.table(table);
    Ok(())
}

fn differences(found: &Means, printed: &[f64; 4]) -> impl Iterator<Item = f64> {
    found.values.into_iter().zip(*printed).map(|(ours, theirs)| (ours - theirs).abs())
}

/// From each node of the target, a breadth-first ball that stops as soon as it holds more than 75 % of the
/// target's volume, or more than 25 % of the graph's.
fn balls(graph: &CsrGraph, target: &[u64]) -> Result<Vec<Vec<Vec<u64>>>, ExperimentError> {
    let truth = volume(graph, target)?;
    let ball = |&seed: &u64| {
        let mut shared = 0.0;
        let ball = bfs_ball(graph, seed, |node, volume| {
            shared += if target.contains(&node) { graph.degree(node) } else { 0.0 };
            node != seed && (shared > 0.75 * truth || volume > 0.25 * graph.total_volume())
        })?;
        Ok(vec![ball])
    };
    target.iter().map(ball).collect()
}

/// How `SimpleLocal` computes.
#[derive(Debug, Clone, Copy)]
enum Arithmetic {
    Exact,
    /// As in the authors' library: each outside node's penalty rounded up to a whole number, and an answer of
    /// more than half the nodes replaced by its complement.
    Authors,
}

/// `SimpleLocal` from each seed's reference sets, with the δ of the authors' protocol; the answer of least
/// conductance is kept, the later on ties.
fn improve(
    graph: &CsrGraph,
    target: &[u64],
    references: &[Vec<Vec<u64>>],
    arithmetic: Arithmetic,
) -> Result<Means, ExperimentError> {
    let truth = volume(graph, target)?;
    let improved = |reference: &Vec<u64>| {
        let size = volume(graph, reference)?;
        let ratio = size / (graph.total_volume() - size);
        let shared: f64 = reference.iter().filter(|u| target.contains(u)).map(|&u| graph.degree(u)).sum();
        let sigma = f64::max(shared / truth, ratio);
        let delta = ((1.0 / 3.0) / (1.0 / sigma - 1.0) - ratio).clamp(0.0, 1.0);
        let whole_penalties = matches!(arithmetic, Arithmetic::Authors);
        let answer = flow::improve(&SimpleLocal { delta, whole_penalties }, graph, reference)?;
        let mut nodes: Vec<u64> = answer.support().collect();
        if whole_penalties && nodes.len() as u64 > graph.node_count() / 2 {
            nodes = (0..graph.node_count()).filter(|u| nodes.binary_search(u).is_err()).collect();
        }
        Ok((nodes, answer.certificate.conductance))
    };
    let of_seed = |references: &Vec<Vec<u64>>| {
        let answers: Vec<(Vec<u64>, f64)> =
            references.iter().map(improved).collect::<Result<_, kiln_graph::GraphError>>()?;
        let best = answers.into_iter().reduce(|best, next| if next.1 <= best.1 { next } else { best });
        Ok(best.map_or_else(Vec::new, |answer| answer.0))
    };
    let clusters = references.par_iter().map(of_seed).collect::<Result<Vec<_>, kiln_graph::GraphError>>()?;
    judge(graph, target, target, clusters)
}

pub(super) fn ppi(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let (graph, targets) = load_with_targets(context, recorder, "ppi_mips")?;
    let mut table = Table::new(
        "ppi",
        "Protein interactions (ppi_mips): 1,096 proteins, 13,221 edges",
        "Means over all seeds.",
        COLUMNS,
    );
    let (mut names, mut l1s, mut apprs) = (Vec::new(), Vec::new(), Vec::new());
    let progress = recorder.progress(PPI.len() as u64, "protein complexes");
    for (i, target, row) in targets_in_order(&targets, PPI)? {
        let c = if i < 2 { 0.15 } else { 0.2 };
        let run = Run {
            seeds: &target.1,
            c,
            l1: Method::L1 { tolerance: 1e-9 },
            appr: Method::ApprIgnoringWeights,
            row,
        };
        let [l1, appr] = compare(recorder, &mut table, &graph, target, run)?;
        recorder.record("G11", "absolute difference", differences(&l1.means, &row.l1.0));
        recorder.record("G11", "absolute difference", differences(&appr.means, &row.appr.0));
        if target.0 != "Mitochondrial-translation-complexes" {
            recorder.record("G12", "F1 difference", [l1.means.f1() - appr.means.f1()]);
        }
        names.push(target.0.clone());
        l1s.push(l1.means.f1());
        apprs.push(appr.means.f1());
        progress.inc(1);
    }
    recorder.table(table);
    recorder.figure(f1_figure("ppi-f1", "Protein complexes: ℓ1 against APPR", &names, &l1s, &apprs));
    Ok(())
}

pub(super) fn universities(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let stride = context.pick(20, 1);
    let mut table = Table::new(
        "universities",
        "Class years of Johns Hopkins and Colgate (Facebook100)",
        "Means over the seeds that were run. On these graphs ℓ1-regularised PageRank does not beat APPR in F1, against \
         the paper's headline.",
        COLUMNS,
    );
    let (mut names, mut l1s, mut apprs) = (Vec::new(), Vec::new(), Vec::new());
    let progress = recorder.progress((JOHNS_HOPKINS.len() + COLGATE.len()) as u64, "class years");
    for (file, school, rows) in
        [("johns_hopkins55", "Johns Hopkins", JOHNS_HOPKINS), ("colgate88", "Colgate", COLGATE)]
    {
        let (graph, targets) = load_with_targets(context, recorder, file)?;
        for (_, (name, nodes), row) in targets_in_order(&targets, rows)? {
            let seeds: Vec<u64> =
                nodes.iter().copied().filter(|&u| graph.degree(u) > 0.0).step_by(stride).collect();
            let c = if (file, name.as_str()) == ("johns_hopkins55", "year2008") { 0.1 } else { 0.15 };
            let target = (format!("{school} {name}"), nodes.clone());
            let run = Run { seeds: &seeds, c, l1: Method::L1 { tolerance: 1e-6 }, appr: Method::Appr, row };
            let [l1, appr] = compare(recorder, &mut table, &graph, &target, run)?;
            recorder.record("G13", "absolute difference", differences(&l1.means, &row.l1.0));
            recorder.record("G13", "absolute difference", differences(&appr.means, &row.appr.0));
            names.push(target.0);
            l1s.push(l1.means.f1());
            apprs.push(appr.means.f1());
            progress.inc(1);
        }
    }
    if context.scale == Scale::Quick {
        recorder.note(format!("Only every {stride}th seed was run; `--scale full` runs all of them."));
    }
    recorder.table(table);
    recorder.figure(f1_figure("universities-f1", "Class years: ℓ1 against APPR", &names, &l1s, &apprs));
    Ok(())
}
