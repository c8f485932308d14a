//! PageRank itself, to a largest error of mass over degree.

use kiln_graph::generators::ImplicitPlanted;
use kiln_graph::{
    Appr, ApprOpt, Aspr, AsprSteps, EvolvingSets, L1Cd, LocalChebyshev, LocalSor, PageRankMethod,
};

use super::arena::{Outcome, Stage, stages};
use super::claims::{CERTIFIED, CHEBYSHEV, EVOLVING, RELAXED, SAME_WORK};
use kiln_receipts::statistics::mean;
use kiln_receipts::{Axis, Context, ExperimentError, Figure, Kind, Number, Recorder, Table};

/// The α at which acceleration is judged.
pub(super) const SMALL: f64 = 1e-3;
pub(super) const ALPHAS: [f64; 3] = [0.1, 0.01, SMALL];
const ERRORS: [f64; 2] = [1e-4, 1e-5];
const NAMES: [&str; 5] = ["APPR", "pushes", "LocalSOR", "LocalCH", "evolving sets"];

fn methods(alpha: f64, epsilon: f64) -> [PageRankMethod; 5] {
    [
        PageRankMethod::Appr(Appr { alpha, ..Appr::new(epsilon) }),
        PageRankMethod::ApprOpt(ApprOpt { alpha, ..ApprOpt::new(epsilon) }),
        PageRankMethod::LocalSor(LocalSor { alpha, ..LocalSor::new(epsilon) }),
        PageRankMethod::LocalChebyshev(LocalChebyshev { alpha, epsilon }),
        PageRankMethod::EvolvingSets(EvolvingSets { alpha, epsilon }),
    ]
}

pub(super) fn pagerank(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let seeds = context.seeds(context.pick(10, 30));
    let mut columns = vec!["graph", "α", "error", "nodes with mass"];
    columns.extend(NAMES);
    let mut table = Table::new(
        "pagerank",
        "Edges touched to a largest error of mass over degree, PageRank",
        "Means over random seeds. APPR is the lazy rule of 2006, pushes are those of the whole residual; \
            the nodes with mass are the pushes'.",
        &columns,
    );
    let stages = stages(context, recorder)?;
    let progress = recorder.progress((stages.len() * ALPHAS.len() * ERRORS.len()) as u64, "pagerank");
    let mut points: [Vec<(f64, f64)>; 5] = Default::default();
    for (name, stage) in &stages {
        for alpha in ALPHAS {
            for epsilon in ERRORS {
                let setting = format!("{name}, α = {alpha}, error {epsilon:e}");
                let unit = stage.unit();
                let outcomes: Vec<Vec<Outcome>> =
                    recorder.memo(&setting, || stage.play(&seeds, &methods(alpha, epsilon), None))?;
                for outcomes in &outcomes {
                    let allowed = epsilon / unit * (1.0 + 1e-6);
                    recorder.observe(&CERTIFIED, outcomes.iter().map(|outcome| outcome.sup_error / allowed));
                }
                if alpha == SMALL {
                    for (check, i) in [(&RELAXED, 2), (&CHEBYSHEV, 3), (&EVOLVING, 4)] {
                        recorder.observe_in(setting.clone(), check, pairs(&outcomes[1], &outcomes[i]));
                    }
                    for (points, outcomes) in points.iter_mut().zip(&outcomes) {
                        let support = mean(outcomes.iter().map(|outcome| outcome.support));
                        points.push((support, mean(outcomes.iter().map(|outcome| outcome.edges))));
                    }
                }
                let start = [(*name).to_owned(), alpha.to_string(), format!("{epsilon:e}")];
                let support = mean(outcomes[1].iter().map(|outcome| outcome.support));
                let edges =
                    outcomes.iter().map(|outcomes| mean(outcomes.iter().map(|outcome| outcome.edges)));
                let numbers = std::iter::once(support).chain(edges).map(|x| Number(x).to_string());
                table.row(start.into_iter().chain(numbers));
                progress.inc(1);
            }
        }
    }
    recorder.table(table);
    let mut figure = Figure::new(
        "pagerank-edges",
        "Edges touched against nodes with mass, α = .001",
        "One point a graph and an error, means over random seeds.",
        Axis::log("nodes with mass"),
        Axis::log("edges touched"),
    );
    for (i, (name, mut points)) in NAMES.into_iter().zip(points).enumerate() {
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        figure = figure.with(Kind::LinePoints, name, i, points);
    }
    recorder.figure(figure);
    Ok(())
}

pub(super) fn pairs(first: &[Outcome], second: &[Outcome]) -> Vec<(f64, f64)> {
    first.iter().zip(second).map(|(first, second)| (first.edges, second.edges)).collect()
}

pub(super) fn locality(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let (alpha, rho) = (0.05, 1e-4);
    let seeds = context.seeds(100);
    let mut played = methods(alpha, rho).to_vec();
    for steps in [AsprSteps::Gradient, AsprSteps::Conjugate] {
        played.push(PageRankMethod::Aspr(Aspr { alpha, steps, ..Aspr::new(rho) }));
    }
    played.push(PageRankMethod::L1Cd(L1Cd { alpha, ..L1Cd::new(rho) }));
    let mut sizes = Vec::new();
    for bits in [20, 40] {
        let stage = Stage::Implicit(Box::new(ImplicitPlanted::new(bits).generate()?));
        let outcomes: Vec<Vec<Outcome>> =
            recorder.memo(&format!("implicit {bits}"), || stage.play(&seeds, &played, None))?;
        sizes.push(outcomes);
    }
    let names = NAMES.into_iter().chain(["ASPR", "CASPR", "coordinate descent"]);
    let mut table = Table::new(
        "locality",
        "Edges touched from random nodes of planted graphs, α = .05, ε = ρ = 1e-4",
        "Means over 100 random seeds.",
        &["method", "2^20 nodes", "2^40 nodes"],
    );
    for (i, name) in names.enumerate() {
        recorder.observe_in(name.to_owned(), &SAME_WORK, pairs(&sizes[1][i], &sizes[0][i]));
        let edges = sizes.iter().map(|size| mean(size[i].iter().map(|outcome| outcome.edges)));
        table.row(std::iter::once(name.to_owned()).chain(edges.map(|x| Number(x).to_string())));
    }
    recorder.table(table);
    Ok(())
}
