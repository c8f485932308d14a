//! Facts about the solution, its path and the methods that reach it, on the five small graphs.

use std::collections::{BTreeMap, BTreeSet};

use kiln_graph::{
    Appr, CsrGraph, L1Exact, L1Ista, L1Path, Limits, LocalAnswer, PageRankCertificate, SeedDistribution,
    SolutionPath, Stagewise, WeightUnit, Workspace,
};

use super::claims::{
    DECREASE, EXCESS, ISTA_DECREASE, ISTA_OUTSIDE, SANDWICH_VIOLATION, STAGEWISE_ERROR, STAGEWISE_RATIO,
    WRONG_BREAKPOINTS,
};
use super::protocol::{paper_query, support_excess};
use super::reference_graphs::{ReferenceGraph, all, karate, planted200};
use kiln_receipts::{Axis, Context, ExperimentError, Figure, Kind, Number, Recorder, Table};

/// Largest `lower - upper` of a coordinate: positive iff `lower <= upper` fails somewhere.
fn violation(lower: &LocalAnswer<PageRankCertificate>, upper: &LocalAnswer<PageRankCertificate>) -> f64 {
    lower.mass.iter().map(|&(u, p)| p - upper.mass_of(u)).fold(f64::NEG_INFINITY, f64::max).max(0.0)
}

pub(super) fn path_and_sandwich(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let rhos: Vec<f64> = (0..40).map(|i| 0.2 * (5e-5_f64).powf(f64::from(i) / 39.0)).collect();
    for ReferenceGraph { graph, alphas, rhos: thresholds, seeds, .. } in all(context, recorder)? {
        for (seeds, &alpha) in seeds.iter().flat_map(|seeds| alphas.iter().map(move |alpha| (seeds, alpha))) {
            let query = paper_query(seeds.clone());
            let exact = |rho| query.clone().method(L1Exact { alpha, rho }).run(&graph);
            let path = rhos.iter().map(|&rho| exact(rho)).collect::<Result<Vec<_>, _>>()?;
            recorder.observe(&DECREASE, path.windows(2).map(|pair| violation(&pair[0], &pair[1])));
            let excess = path.iter().zip(&rhos).map(|(solution, &rho)| support_excess(&graph, solution, rho));
            recorder.observe(&EXCESS, excess);
            for &epsilon in thresholds {
                let appr = query.clone().method(Appr { alpha, ..Appr::new(epsilon) }).run(&graph)?;
                let below = exact(epsilon)?;
                let above = exact((1.0 - alpha) * epsilon / 2.0)?;
                let worst = violation(&below, &appr).max(violation(&appr, &above));
                recorder.observe(&SANDWICH_VIOLATION, [worst]);
            }
        }
    }
    let graph = planted200()?;
    recorder.figure(path_figure(&graph)?);
    Ok(())
}

/// The solution path of one seed: its own block against the rest.
fn path_figure(graph: &CsrGraph) -> Result<Figure, ExperimentError> {
    let path = L1Path::new(1e-4).solve(graph, &SeedDistribution::node(0), Limits::default())?;
    let first = path.breakpoints[0].rho;
    let mut curves: BTreeMap<u64, Vec<(f64, f64)>> = BTreeMap::new();
    for i in 1..=60 {
        let rho = first * (path.rho_end / first).powf(f64::from(i) / 60.0);
        for (u, p) in path.mass_at(graph, rho)? {
            curves.entry(u).or_default().push((rho, p));
        }
    }
    let mut figure = Figure::new(
        "solution-path",
        "Along the solution path no node ever loses mass",
        "Exact solution path from node 0 of a planted partition (4 blocks of 50 nodes, α = 0.1): mass of \
         each node against ρ. The path runs from right to left, as ρ decreases, and no curve ever falls.",
        Axis::log("ρ"),
        Axis::log("mass p"),
    );
    // One series a group: a gap (NaN) separates the curves of its nodes.
    for (name, colour, own) in [("other blocks", 1, false), ("block of the seed", 0, true)] {
        let members = curves.iter().filter(|(u, _)| (**u < 50) == own);
        let points = members.flat_map(|(_, curve)| curve.iter().copied().chain([(f64::NAN, f64::NAN)]));
        figure = figure.with(Kind::Line, name, colour, points);
    }
    Ok(figure)
}

pub(super) fn ista(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let (alpha, rho) = (0.1, 1e-3);
    for graph in [karate(context, recorder)?, planted200()?] {
        let query = paper_query(SeedDistribution::node(0));
        let exact = query.clone().method(L1Exact { alpha, rho }).run(&graph)?;
        let support: BTreeSet<u64> = exact.support().collect();
        let mut workspace = Workspace::default();
        let mut before: Option<LocalAnswer<PageRankCertificate>> = None;
        // A tolerance this small never ends the run, so each call is one iteration longer than the last.
        let tolerance = 1e-300;
        for max_iterations in 1..=500 {
            let ista = L1Ista { alpha, rho, tolerance, max_iterations };
            let now = query.clone().method(ista).run_in(&graph, &mut workspace)?;
            let outside = now.support().filter(|u| !support.contains(u)).count();
            recorder.observe(&ISTA_OUTSIDE, [outside as f64]);
            if let Some(before) = &before {
                recorder.observe(&ISTA_DECREASE, [violation(before, &now)]);
            }
            before = Some(now);
        }
    }
    Ok(())
}

/// The seven cases of the path claims: graph, seed, α and the end of the path.
const PATHS: [(usize, u64, f64, f64); 7] = [
    (0, 0, 0.15, 1e-4),
    (0, 0, 0.05, 1e-4),
    (0, 16, 0.1, 1e-4),
    (1, 0, 0.15, 1e-4),
    (2, 0, 0.1, 1e-5),
    (3, 0, 0.1, 1e-5),
    (4, 0, 0.2, 1e-5),
];

pub(super) fn stagewise(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let graphs = all(context, recorder)?;
    let mut table = Table::new(
        "stagewise",
        "Forward stagewise against the exact path",
        "Stopped at the middle breakpoint. Error: largest difference of a coordinate of p.",
        &["graph", "seed", "α", "breakpoints", "error, η = 1e-2", "η = 1e-3", "η = 1e-4", "steps, η = 1e-4"],
    );
    let mut figure = Figure::new(
        "stagewise-error",
        "Stagewise steps converge to the exact path",
        "Largest coordinate error at the middle breakpoint against the step size. The dashed line has slope \
         1.",
        Axis::log("step size η"),
        Axis::log("largest error of p"),
    );
    for (i, (which, seed, alpha, rho_min)) in PATHS.into_iter().enumerate() {
        let ReferenceGraph { name, graph, .. } = &graphs[which];
        let seeds = SeedDistribution::node(seed);
        let path = L1Path { alpha, weight_unit: WeightUnit::AsGiven, ..L1Path::new(rho_min) }.solve(
            graph,
            &seeds,
            Limits::default(),
        )?;
        recorder.observe(&WRONG_BREAKPOINTS, [wrong_breakpoints(graph, &path)? as f64]);

        let rho_stop = path.breakpoints[path.breakpoints.len() / 2].rho;
        let query = paper_query(seeds.clone());
        let steps_of = |step_size| Stagewise { alpha, step_size, ..Stagewise::new(rho_stop) };
        let mut errors = Vec::new();
        let mut steps = 0;
        for eta in [1e-2, 1e-3, 1e-4] {
            let solution = query.clone().method(steps_of(eta)).run(graph)?;
            errors.push((eta, path.sup_error(graph, rho_stop, &solution.mass)?));
            steps = solution.work.pushes;
        }
        recorder.observe(&STAGEWISE_ERROR, [errors[2].1]);
        recorder.observe(&STAGEWISE_RATIO, [errors[2].1 / errors[1].1]);
        let mut cells = vec![(*name).to_owned(), seed.to_string(), Number(alpha).to_string()];
        cells.push(path.breakpoints.len().to_string());
        cells.extend(errors.iter().map(|error| Number(error.1).to_string()));
        cells.push(steps.to_string());
        table.row(cells);
        figure = figure.with(Kind::LinePoints, &format!("{name}, seed {seed}, α = {alpha}"), i, errors);
    }
    figure = figure.with(Kind::Dashed, "slope 1", 7, [(1e-2, 0.1), (1e-4, 1e-3)]);
    recorder.table(table);
    recorder.figure(figure);
    Ok(())
}

/// Breakpoints whose entering nodes an independent active-set solve does not see enter there.
fn wrong_breakpoints(graph: &CsrGraph, path: &SolutionPath) -> Result<usize, ExperimentError> {
    let support_at = |rho: f64| {
        let query = paper_query(path.seeds.clone()).method(L1Exact { alpha: path.alpha, rho });
        query.run(graph).map(|solution| solution.support().collect::<BTreeSet<u64>>())
    };
    let mut expected = BTreeSet::new();
    let mut wrong = 0;
    for breakpoint in &path.breakpoints {
        let before = support_at(breakpoint.rho * (1.0 + 1e-9))?;
        let agrees_before = before == expected;
        expected.extend(&breakpoint.entering);
        let agrees_after = support_at(breakpoint.rho * (1.0 - 1e-9))? == expected;
        wrong += usize::from(!(agrees_before && agrees_after));
    }
    Ok(wrong)
}
