//! The tables on real graphs: enzymes, protein interactions, two universities.

use kiln_graph::flow::{self, SimpleLocal};
use kiln_graph::{Adjacency, CsrGraph, GraphError, bfs_ball, volume};
use rayon::prelude::*;

use super::claims::{
    EXCESS, F1_GAIN, FLOW_DIFFERENCE, LIBRARY_DIFFERENCE, PPI_DIFFERENCE, SFLD_DIFFERENCE,
    UNIVERSITY_DIFFERENCE,
};
use super::protocol::{F1, Means, Method, Target, candidates, judge, load, run};
use super::published::{COLGATE, JOHNS_HOPKINS, PPI, Row, SFLD, SFLD_FLOW, Source};
use kiln_datasets::{open, read_communities_json};
use kiln_receipts::{Axis, Check, Context, ExperimentError, Figure, Kind, Number, Recorder, Scale, Table};

/// The graph, and the targets in the order of the file.
fn load_with_targets(
    context: &Context,
    recorder: &mut Recorder,
    name: &str,
) -> Result<(CsrGraph, Vec<Target>), ExperimentError> {
    let graph = load(context, recorder, &format!("graph/{name}.edges"))?;
    let found = context.data.find(&format!("graph/{name}.communities.json"))?;
    let targets = read_communities_json(open(&found)?)?;
    recorder.used_file(&found, targets.len());
    Ok((graph, targets))
}

/// A target, its place in the file, and what to compare it with.
type Compared<'a> = (usize, &'a Target, &'a Row);

fn in_order<'a>(targets: &'a [Target], rows: &'a [Row]) -> Result<Vec<Compared<'a>>, ExperimentError> {
    rows.iter()
        .map(|row| match targets.iter().position(|target| target.0 == row.target) {
            Some(i) => Ok((i, &targets[i], row)),
            None => Err(format!("the communities file has no set named {:?}", row.target).into()),
        })
        .collect()
}

/// The table of an experiment, and F1 scores for its figure.
struct Results {
    table: Table,
    names: Vec<String>,
    f1: [Vec<f64>; 2],
}

impl Results {
    fn new(id: &str, title: &str, caption: &str) -> Self {
        let columns = &[
            "target",
            "nodes",
            "method",
            "precision",
            "recall",
            "F1",
            "conductance",
            "printed F1",
            "printed by",
        ];
        Self { table: Table::new(id, title, caption, columns), names: Vec::new(), f1: Default::default() }
    }

    fn row(&mut self, (name, nodes): &Target, method: &str, found: &Means, (printed, source): (f64, Source)) {
        let source = match source {
            Source::Authors => "the authors",
            Source::Specification => "Kiln's specification",
        };
        let start = [name.clone(), nodes.len().to_string(), method.to_owned()];
        let numbers = found.iter().copied().chain([printed]).map(|x| Number(x).to_string());
        self.table.row(start.into_iter().chain(numbers).chain([source.to_owned()]));
    }

    /// Runs both methods on one target, each a step that a killed run keeps, and compares them with the row.
    /// Gives both F1 scores.
    fn compare(
        &mut self,
        recorder: &mut Recorder,
        check: &Check,
        graph: &CsrGraph,
        (target, row): (&Target, &Row),
        (seeds, c, methods): (&[u64], f64, [Method; 2]),
    ) -> Result<[f64; 2], ExperimentError> {
        let (name, nodes) = target;
        self.names.push(name.clone());
        let mut scores = [0.0; 2];
        for (i, (label, printed)) in [("ℓ1", &row.l1), ("APPR", &row.appr)].into_iter().enumerate() {
            let found =
                recorder.memo(&format!("{name} {label}"), || run(graph, nodes, seeds, c, methods[i]))?;
            recorder.observe(&EXCESS, found.excess);
            recorder.observe(check, differences(&found.means, printed));
            self.row(target, label, &found.means, (printed[F1], row.source));
            scores[i] = found.means[F1];
            self.f1[i].push(scores[i]);
        }
        Ok(scores)
    }

    fn show(self, recorder: &mut Recorder, title: &str) {
        let figure = Figure::new(
            &format!("{}-f1", self.table.id),
            title,
            "Mean F1 score over all seeds of each target set. Higher is better.",
            Axis::categories("target set", self.names),
            Axis::linear("mean F1"),
        );
        let [l1, appr] = self.f1.map(|scores| (0..).map(f64::from).zip(scores).collect::<Vec<_>>());
        recorder.figure(figure.with(Kind::Bars, "ℓ1-regularised PageRank", 0, l1).with(
            Kind::Bars,
            "APPR",
            1,
            appr,
        ));
        recorder.table(self.table);
    }
}

fn differences<'a>(found: &'a Means, printed: &'a [f64; 4]) -> impl Iterator<Item = f64> + 'a {
    found.iter().zip(printed).map(|(ours, theirs)| (ours - theirs).abs())
}

pub(super) fn sfld(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let (graph, targets) = load_with_targets(context, recorder, "sfld")?;
    let mut results = Results::new(
        "sfld",
        "Enzyme graph (sfld): 232 proteins, 15,570 edges",
        "Means over all seeds. The flow rows use the ground truth to stop the ball and to set δ, so they \
         are no method that a user could run.",
    );
    let l1 = Method::L1 { tolerance: 1e-2 };
    for (_, target, row) in in_order(&targets, SFLD)? {
        let how = (&target.1[..], 0.15, [l1, Method::Appr]);
        let [of_l1, of_appr] = results.compare(recorder, &SFLD_DIFFERENCE, &graph, (target, row), how)?;
        recorder.observe(&F1_GAIN, [of_l1 - of_appr]);
        let flow = SFLD_FLOW.iter().find(|flow| flow.0 == target.0).ok_or("no flow row")?;
        let balls = balls(&graph, &target.1)?;
        let clusters: Vec<Vec<Vec<u64>>> = candidates(&graph, &target.1, &target.1, 0.15, l1)?
            .into_iter()
            .map(|seed| seed.cuts.into_iter().map(|cut| cut.nodes).collect())
            .collect();
        for (method, printed, references) in [("BFS+SL", flow.1, &balls), ("ℓ1+SL", flow.2, &clusters)] {
            for (check, arithmetic, suffix) in [
                (FLOW_DIFFERENCE, Arithmetic::Exact, ""),
                (LIBRARY_DIFFERENCE, Arithmetic::Authors, ", authors' arithmetic"),
            ] {
                let label = format!("{method}{suffix}");
                let group = format!("{} {method}", target.0);
                let means = recorder.memo(&format!("{} {label}", target.0), || {
                    improve(&graph, &target.1, references, arithmetic)
                })?;
                recorder.observe_in(group, &check, differences(&means, &printed));
                results.row(target, &label, &means, (printed[F1], Source::Authors));
            }
        }
    }
    recorder.table(results.table);
    Ok(())
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
            references.iter().map(improved).collect::<Result<_, GraphError>>()?;
        let best = answers.into_iter().reduce(|best, next| if next.1 <= best.1 { next } else { best });
        Ok(best.map_or_else(Vec::new, |answer| answer.0))
    };
    let clusters = references.par_iter().map(of_seed).collect::<Result<Vec<_>, GraphError>>()?;
    judge(graph, target, target, clusters)
}

pub(super) fn ppi(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let (graph, targets) = load_with_targets(context, recorder, "ppi_mips")?;
    let mut results = Results::new(
        "ppi",
        "Protein interactions (ppi_mips): 1,096 proteins, 13,221 edges",
        "Means over all seeds.",
    );
    let progress = recorder.progress(PPI.len() as u64, "protein complexes");
    let methods = [Method::L1 { tolerance: 1e-9 }, Method::ApprIgnoringWeights];
    for (i, target, row) in in_order(&targets, PPI)? {
        let how = (&target.1[..], if i < 2 { 0.15 } else { 0.2 }, methods);
        let [l1, appr] = results.compare(recorder, &PPI_DIFFERENCE, &graph, (target, row), how)?;
        if target.0 != "Mitochondrial-translation-complexes" {
            recorder.observe(&F1_GAIN, [l1 - appr]);
        }
        progress.inc(1);
    }
    results.show(recorder, "Protein complexes: ℓ1 against APPR");
    Ok(())
}

pub(super) fn universities(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let stride = context.pick(20, 1);
    let mut results = Results::new(
        "universities",
        "Class years of Johns Hopkins and Colgate (Facebook100)",
        "Means over the seeds that were run. On these graphs ℓ1-regularised PageRank does not beat APPR in \
         F1.",
    );
    let schools = [("johns_hopkins55", "Johns Hopkins", JOHNS_HOPKINS), ("colgate88", "Colgate", COLGATE)];
    let progress = recorder.progress((JOHNS_HOPKINS.len() + COLGATE.len()) as u64, "class years");
    for (file, school, rows) in schools {
        let (graph, targets) = load_with_targets(context, recorder, file)?;
        for (_, (name, nodes), row) in in_order(&targets, rows)? {
            let seeds: Vec<u64> =
                nodes.iter().copied().filter(|&u| graph.degree(u) > 0.0).step_by(stride).collect();
            let c = if (school, row.target) == ("Johns Hopkins", "year2008") { 0.1 } else { 0.15 };
            let target = (format!("{school} {name}"), nodes.clone());
            let how = (&seeds[..], c, [Method::L1 { tolerance: 1e-6 }, Method::Appr]);
            results.compare(recorder, &UNIVERSITY_DIFFERENCE, &graph, (&target, row), how)?;
            progress.inc(1);
        }
    }
    if context.scale == Scale::Quick {
        recorder.note(format!("Only every {stride}th seed was run; `--scale full` runs all of them."));
    }
    results.show(recorder, "Class years: ℓ1 against APPR");
    Ok(())
}
