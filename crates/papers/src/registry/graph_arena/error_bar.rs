//! The error bar against exact answers: that it holds, and by how much it is too wide.

use kiln_graph::generators::{mix, uniform};
use kiln_graph::{
    Adjacency, Appr, ApprOpt, CsrGraph, GraphError, L1Cd, L1Exact, L1Fista, Limits, LocalAnswer, LocalQuery,
    PageRankCertificate, PageRankMethod, PageRankProblem, SeedDistribution, WeightUnit, stale_bound,
};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::arena::{Stage, random_node, stages};
use super::claims::BAR;
use kiln_receipts::statistics::{median, quantile};
use kiln_receipts::{Context, ExperimentError, Number, Recorder, Table};

/// Kinds of answers that are not exact.
const KINDS: [&str; 7] = [
    "coordinate descent, tolerance 1e-2",
    "APPR, ε = ρ",
    "pushes, ε = ρ",
    "25 steps of FISTA",
    "best half of the exact answer",
    "exact answer rounded to f32",
    "exact answer before 10 edges were cut",
];

/// What is wrong with an answer, and what its certificate says.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Judged {
    error: f64,
    bar: f64,
    /// What the exact answer's own certificate allows it to be wrong by.
    reference: f64,
    sup_error: f64,
    sup_bar: f64,
}

impl Judged {
    /// At most 1 by the theorem and the triangle inequality.
    fn share(&self) -> f64 {
        self.error / (self.bar + self.reference)
    }
}

fn judge(
    graph: &impl Adjacency,
    exact: &LocalAnswer<PageRankCertificate>,
    mass: &[(u64, f64)],
) -> Result<Judged, GraphError> {
    let PageRankCertificate { alpha, rho, l1_error: reference, .. } = exact.certificate;
    let bar = PageRankProblem { seeds: exact.seeds.clone(), alpha, rho }.certify(graph, mass)?;
    let mut differences: Vec<(u64, f64)> =
        mass.iter().map(|&(node, mass)| (node, mass - exact.mass_of(node))).collect();
    let mut found: Vec<u64> = mass.iter().map(|entry| entry.0).collect();
    found.sort_unstable();
    let missing = exact.mass.iter().filter(|entry| found.binary_search(&entry.0).is_err());
    differences.extend(missing.copied());
    let over_degree = differences.iter().map(|&(node, mass)| mass.abs() / graph.degree(node));
    Ok(Judged {
        error: differences.iter().map(|entry| entry.1.abs()).sum(),
        bar: bar.l1_error,
        reference,
        sup_error: over_degree.fold(0.0, f64::max),
        sup_bar: bar.sup_error,
    })
}

/// A graph of 3 to 25 nodes with a path through all of them: half of them with weights over orders of
/// magnitude, half with loops, a third with a hub.
fn small_graph(seed: u64) -> Result<CsrGraph, GraphError> {
    let draw = |i: u64| uniform(seed, i);
    let n = 3 + (draw(0) * 23.0) as u64;
    let (weighted, loops, hub) = (draw(1) < 0.5, draw(2) < 0.5, draw(3) < 1.0 / 3.0);
    let density = 0.05 + 0.4 * draw(4);
    let mut edges = Vec::new();
    for u in 0..n {
        for v in u..n {
            let place = 100 + 2 * (u * n + v);
            let chance = if u == v { 0.3 * f64::from(u8::from(loops)) } else { density };
            if draw(place) < chance || v == u + 1 || (hub && u == 0 && v > 0) {
                let weight = if weighted { (10.0 * (draw(place + 1) - 0.5)).exp() } else { 1.0 };
                edges.push((u, v, weight));
            }
        }
    }
    CsrGraph::from_weighted_edges(n, edges)
}

/// A random problem on a small graph, and eight answers that are wrong in ways of their own: nothing, noise,
/// false nodes, nodes left out, signs turned, two solvers interrupted, another graph's answer.
fn small_case(seed: u64) -> Result<Vec<Judged>, ExperimentError> {
    let graph = small_graph(seed)?;
    let n = graph.node_count();
    let draw = |i: u64| uniform(seed, i + 10_000);
    let alpha = 1e-3 * 890_f64.powf(draw(0));
    let volume: f64 = (0..n).map(|u| graph.degree(u)).sum();
    let rho = 10_f64.powf(-4.0 * draw(1)) / volume;
    let seeds = SeedDistribution::weighted((0..n.min(1 + (draw(2) * 4.0) as u64)).map(|i| {
        let node = (mix(seed) % n + i * (n / 4).max(1)) % n;
        (node, 0.1 + draw(3 + i))
    }));
    let ask = |graph: &CsrGraph, method: PageRankMethod, limits: Limits| {
        LocalQuery::new(seeds.clone())
            .method(method)
            .weight_unit(WeightUnit::AsGiven)
            .limits(limits)
            .run(graph)
    };
    let exact = ask(&graph, PageRankMethod::L1Exact(L1Exact { alpha, rho }), Limits::default())?;
    let interrupted = |method: PageRankMethod| {
        let limits = Limits { max_work: Some((draw(10) * 300.0) as u64), ..Limits::default() };
        ask(&graph, method, limits).map(|answer| answer.mass)
    };
    let changed = |change: &dyn Fn(u64, f64) -> f64| -> Vec<(u64, f64)> {
        (0..n).map(|u| (u, change(u, exact.mass_of(u)))).filter(|entry| entry.1 != 0.0).collect()
    };
    let noise = |u: u64| draw(100 + u) - 0.5;
    let other = small_graph(seed ^ 1)?;
    let old = if other.node_count() == n {
        ask(&other, PageRankMethod::L1Exact(L1Exact { alpha, rho }), Limits::default())?.mass
    } else {
        Vec::new()
    };
    let answers = [
        Vec::new(),
        changed(&|u, mass| mass * (1.0 + 0.1 * noise(u))),
        changed(&|u, mass| if noise(u) > 0.3 { mass + 0.01 * draw(200 + u) } else { mass }),
        changed(&|u, mass| if noise(u) > 0.3 { 0.0 } else { mass }),
        changed(&|u, mass| if noise(u) > 0.3 { -mass } else { mass }),
        interrupted(PageRankMethod::L1Cd(L1Cd { alpha, tolerance: 1e-12, ..L1Cd::new(rho) }))?,
        interrupted(PageRankMethod::L1Fista(L1Fista { alpha, tolerance: 1e-12, ..L1Fista::new(rho) }))?,
        old,
    ];
    Ok(answers.iter().map(|mass| judge(&graph, &exact, mass)).collect::<Result<_, _>>()?)
}

/// Each kind of answer that is not exact, from one random node of a graph; the last kind needs a stored one.
fn kinds(stage: &Stage, alpha: f64, seed: u64) -> Result<Vec<Judged>, ExperimentError> {
    match stage {
        Stage::Stored(graph) => {
            let mut judged = kinds_on(graph, alpha, seed)?;
            judged.push(outdated(graph, alpha, seed)?);
            Ok(judged)
        }
        Stage::Implicit(graph) => kinds_on(graph.as_ref(), alpha, seed),
    }
}

const RHO: f64 = 1e-4;

fn ask(
    graph: &impl Adjacency,
    seed: u64,
    method: PageRankMethod,
    unit: WeightUnit,
) -> Result<LocalAnswer<PageRankCertificate>, ExperimentError> {
    let query = LocalQuery::node(random_node(graph, seed)?).method(method);
    Ok(query.weight_unit(unit).run(graph)?)
}

fn kinds_on(graph: &impl Adjacency, alpha: f64, seed: u64) -> Result<Vec<Judged>, ExperimentError> {
    let ask = |method: PageRankMethod| ask(graph, seed, method, WeightUnit::Mean);
    let exact = ask(PageRankMethod::L1Exact(L1Exact { alpha, rho: RHO }))?;
    let mut best = exact.mass.clone();
    let score = |entry: &(u64, f64)| entry.1 / graph.degree(entry.0);
    best.sort_by(|a, b| score(b).total_cmp(&score(a)));
    best.truncate(best.len().div_ceil(2));
    let answers = [
        ask(PageRankMethod::L1Cd(L1Cd { alpha, tolerance: 1e-2, ..L1Cd::new(RHO) }))?.mass,
        ask(PageRankMethod::Appr(Appr { alpha, ..Appr::new(RHO) }))?.mass,
        ask(PageRankMethod::ApprOpt(ApprOpt { alpha, ..ApprOpt::new(RHO) }))?.mass,
        ask(PageRankMethod::L1Fista(L1Fista {
            alpha,
            tolerance: 1e-12,
            max_iterations: 25,
            ..L1Fista::new(RHO)
        }))?
        .mass,
        best,
        exact.mass.iter().map(|&(node, mass)| (node, f64::from(mass as f32))).collect(),
    ];
    Ok(answers.iter().map(|mass| judge(graph, &exact, mass)).collect::<Result<_, _>>()?)
}

/// The exact answer, judged on the graph without ten edges of its support (not at the seed, which must keep
/// one).
fn outdated(graph: &CsrGraph, alpha: f64, seed: u64) -> Result<Judged, ExperimentError> {
    let node = random_node(graph, seed)?;
    let rho = RHO / WeightUnit::Mean.on(graph);
    let method = PageRankMethod::L1Exact(L1Exact { alpha, rho });
    let mut old = ask(graph, seed, method, WeightUnit::AsGiven)?;
    let inside = |u: u64| u != node && old.mass_of(u) > 0.0;
    let mut cut: Vec<(u64, u64)> =
        graph.edges().map(|(u, v, _)| (u, v)).filter(|&(u, v)| u < v && inside(u) && inside(v)).collect();
    cut.sort_by_key(|&(u, v)| mix(seed ^ mix(u) ^ v));
    cut.truncate(10);
    let kept = graph.edges().filter(|&(u, v, _)| u <= v && !cut.contains(&(u, v)));
    let new_graph = CsrGraph::from_weighted_edges(graph.node_count(), kept)?;
    let exact = ask(&new_graph, seed, method, WeightUnit::AsGiven)?;
    let bar = stale_bound(&new_graph, &old)?;
    // Mass on a node that lost its last edge counts whole; only the rest can be certified.
    old.mass.retain(|&(node, _)| new_graph.degree(node) > 0.0);
    Ok(Judged { bar, ..judge(&new_graph, &exact, &old.mass)? })
}

pub(super) fn error_bar(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let cases = context.seeds(1250);
    let judged: Vec<Judged> = recorder.memo("small", || {
        let cases: Result<Vec<_>, _> = cases.par_iter().map(|&seed| small_case(seed)).collect();
        Ok(cases?.into_iter().flatten().collect())
    })?;
    recorder.observe(&BAR, judged.iter().map(Judged::share));

    let seeds = context.seeds(context.pick(10, 30));
    let stages = stages(context, recorder)?;
    let mut table = Table::new(
        "error-bar",
        "How much wider the error bar is than the error, ρ = 1e-4",
        "Medians over random seeds on all graphs of the arena, and the largest ratio. A bar is wider by what \
            the residual off the support may hide.",
        &[
            "answer",
            "α",
            "ℓ1 error",
            "bar",
            "bar / error",
            "largest",
            "largest difference of scores: bar / error",
        ],
    );
    let progress = recorder.progress(2 * stages.len() as u64, "error bars");
    for alpha in [0.05, 0.005] {
        let mut by_kind = vec![Vec::new(); KINDS.len()];
        for (name, stage) in &stages {
            let judged: Vec<Vec<Judged>> = recorder.memo(&format!("{name}, α = {alpha}"), || {
                seeds.par_iter().map(|&seed| kinds(stage, alpha, seed)).collect()
            })?;
            for (kind, judged) in judged.iter().flat_map(|judged| judged.iter().enumerate()) {
                by_kind[kind].push(*judged);
            }
            progress.inc(1);
        }
        for (kind, judged) in KINDS.iter().zip(by_kind) {
            recorder.observe(&BAR, judged.iter().map(Judged::share));
            let of = |number: fn(&Judged) -> f64| judged.iter().map(number).collect::<Vec<f64>>();
            let ratios = of(|judged| judged.bar / judged.error);
            let numbers = [
                median(of(|judged| judged.error)),
                median(of(|judged| judged.bar)),
                median(&ratios),
                quantile(&ratios, 1.0),
                median(of(|judged| judged.sup_bar / judged.sup_error)),
            ];
            let start = [(*kind).to_owned(), alpha.to_string()];
            table.row(start.into_iter().chain(numbers.map(|x| Number(x).to_string())));
        }
    }
    recorder.table(table);
    Ok(())
}
