//! Laws that every method of local graph clustering obeys.
//!
//! (Names in, names out: issue 15, which gives nodes names.)

use std::fmt::Debug;

use kiln_graph::diffusions::{DiffusionCertificate, HeatKernel, Nibble, PagerankNibble};
use kiln_graph::flow::{
    CapacityReleasing, CapacityReleasingCertificate, FlowCertificate, FlowDiffusion,
    FlowDiffusionCertificate, FlowImprove, Mqi, SimpleLocal,
};
use kiln_graph::generators::uniform;
use kiln_graph::{
    Adjacency, Appr, ApprOpt, Aspr, AsprSteps, ClusterLimits, CsrGraph, DynamicPush, EvolvingSets,
    GraphError, L1Cd, L1Exact, L1Fista, L1Ista, Limits, LocalAnswer, LocalChebyshev, LocalMethod, LocalQuery,
    LocalQuestion, LocalSor, PageRankCertificate, SeedDistribution, Stagewise, Status, Workspace,
};

use super::Suite;

const CERTIFICATE: &str = "the certificate holds against a dense reference";
const WEIGHTS: &str = "weights times a constant give the same cluster";
const LABELS: &str = "nodes relabelled give the same cluster";
const LIMITS: &str = "every limit ends it and leaves a valid partial answer";
const INPUT: &str = "bad input is a typed error";
const GOAL: &str = "an error at which to stop is reached, said to be out of reach, or refused";
const MEMORY: &str = "a used workspace, a batch and a shared question give the same answer";

static SUITE: Suite = Suite {
    domain: "graph",
    laws: &[CERTIFICATE, WEIGHTS, LABELS, LIMITS, INPUT, GOAL, MEMORY],
    exceptions: &[],
};

/// One line a method: its name, how it is made, and settings that it must refuse.
fn methods() -> Vec<Box<dyn Method>> {
    vec![
        line("appr", || Appr::new(1e-3), Appr::new(f64::NAN)),
        line("appr-opt", || ApprOpt::new(1e-3), ApprOpt { alpha: 1.0, ..ApprOpt::new(1e-3) }),
        line("l1-cd", || L1Cd::new(1e-3), L1Cd { tolerance: 0.0, ..L1Cd::new(1e-3) }),
        line("l1-ista", || L1Ista::new(1e-3), L1Ista::new(f64::INFINITY)),
        line("l1-fista", || L1Fista::new(1e-3), L1Fista { alpha: f64::NAN, ..L1Fista::new(1e-3) }),
        line("l1-exact", || L1Exact::new(1e-3), L1Exact::new(-1.0)),
        line("stagewise", || Stagewise::new(1e-3), Stagewise { step_size: 0.0, ..Stagewise::new(1e-3) }),
        line("local-sor", || LocalSor::new(1e-3), LocalSor { omega: Some(2.0), ..LocalSor::new(1e-3) }),
        line("local-chebyshev", || LocalChebyshev::new(1e-3), LocalChebyshev::new(0.0)),
        line("evolving-sets", || EvolvingSets::new(1e-3), EvolvingSets { alpha: 0.0, epsilon: 1e-3 }),
        line("dynamic-push", repair, DynamicPush { start: vec![(1, f64::NAN)], ..DynamicPush::new(1e-3) }),
        line("aspr", || aspr(AsprSteps::Gradient), Aspr { tolerance: 0.0, ..Aspr::new(1e-3) }),
        line("caspr", || aspr(AsprSteps::Conjugate), Aspr::new(-1.0)),
        line("nibble", || Nibble::new(20, 1e-4), Nibble::new(1, f64::NAN)),
        line("heat-kernel", || HeatKernel::new(5.0, 1e-4), HeatKernel::new(501.0, 1e-4)),
        line("pagerank-nibble", || target(100.0), PagerankNibble { conductance: 0.0, ..target(1.0) }),
        line("capacity-releasing", crd, CapacityReleasing { height: 1, ..crd() }),
        line("flow-diffusion", || FlowDiffusion::new(150.0), FlowDiffusion::new(f64::NAN)),
        line("flow-improve", || FlowImprove {}, None),
        line("simple-local", || SimpleLocal::new(0.1), SimpleLocal::new(f64::NAN)),
        line("mqi", || Mqi {}, None),
    ]
}

fn target(volume: f64) -> PagerankNibble {
    PagerankNibble::for_target(0.4, volume).expect("a conductance and a volume")
}

fn aspr(steps: AsprSteps) -> Aspr {
    Aspr { steps, ..Aspr::new(1e-3) }
}

fn crd() -> CapacityReleasing {
    CapacityReleasing::default()
}

/// It starts from what is no answer.
fn repair() -> DynamicPush {
    DynamicPush { start: vec![(1, 0.3), (7, -0.1), (3, 0.0)], ..DynamicPush::new(1e-3) }
}

/// A method, as the laws see it.
trait Method {
    fn name(&self) -> String;
    fn check_certificate(&self, graph: &CsrGraph, seeds: &SeedDistribution, limits: Limits);
    fn cluster(&self, graph: &CsrGraph, seeds: &SeedDistribution) -> Option<Vec<u64>>;
    fn check_limits(&self, graph: &CsrGraph, seeds: &SeedDistribution, limits: Limits);
    fn error(&self, graph: &CsrGraph, seeds: &SeedDistribution, limits: Limits) -> Option<GraphError>;
    fn refuses_bad_settings(&self, graph: &CsrGraph, seeds: &SeedDistribution);
    fn check_error_goal(&self, graph: &CsrGraph, seeds: &SeedDistribution, goal: f64);
    fn check_memory(&self, graph: &CsrGraph, others: &[SeedDistribution]);
}

struct Line<M> {
    name: &'static str,
    make: fn() -> M,
    bad: Option<M>,
}

fn line<M>(name: &'static str, make: fn() -> M, bad: impl Into<Option<M>>) -> Box<dyn Method>
where
    M: LocalMethod + Dense + Sync + 'static,
    M::Certificate: Certificate + Clone + Debug + PartialEq + Send,
{
    Box::new(Line { name, make, bad: bad.into() })
}

/// What a kind of certificate promises.
trait Certificate {
    /// Mass that the answer has not placed.
    fn left(&self) -> f64;

    /// The bound on the 1-norm of the error, where there is one.
    fn error_bar(&self) -> Option<f64> {
        None
    }
}

impl Certificate for PageRankCertificate {
    fn left(&self) -> f64 {
        self.residual_mass
    }

    fn error_bar(&self) -> Option<f64> {
        Some(self.l1_error)
    }
}

impl Certificate for DiffusionCertificate {
    fn left(&self) -> f64 {
        self.residual_mass
    }
}

impl Certificate for CapacityReleasingCertificate {
    fn left(&self) -> f64 {
        0.0
    }
}

impl Certificate for FlowCertificate {
    fn left(&self) -> f64 {
        0.0
    }
}

impl Certificate for FlowDiffusionCertificate {
    fn left(&self) -> f64 {
        // Heights are given as shares of their sum.
        if self.scale > 0.0 { 0.0 } else { 1.0 }
    }
}

/// A method's check of an answer on a small graph by dense arithmetic.
trait Dense: LocalMethod {
    fn check(&self, graph: &CsrGraph, answer: &LocalAnswer<Self::Certificate>);
}

impl<M> Line<M>
where
    M: LocalMethod,
{
    fn solve(
        &self,
        graph: &CsrGraph,
        seeds: &SeedDistribution,
        limits: Limits,
    ) -> Result<LocalAnswer<M::Certificate>, GraphError> {
        LocalQuery::new(seeds.clone()).method((self.make)()).limits(limits).run(graph)
    }
}

impl<M> Method for Line<M>
where
    M: LocalMethod + Dense + Sync,
    M::Certificate: Certificate + Clone + Debug + PartialEq + Send,
{
    fn name(&self) -> String {
        self.name.to_owned()
    }

    fn check_certificate(&self, graph: &CsrGraph, seeds: &SeedDistribution, limits: Limits) {
        let answer = self.solve(graph, seeds, limits).expect("an answer");
        (self.make)().check(graph, &answer);
    }

    fn cluster(&self, graph: &CsrGraph, seeds: &SeedDistribution) -> Option<Vec<u64>> {
        // A set from within the seeds has more edges to outside than inside.
        let any = ClusterLimits { max_conductance: 1.0, ..ClusterLimits::default() };
        let query = LocalQuery::new(seeds.clone()).method((self.make)()).cluster_limits(any);
        query.cluster(graph).expect("an answer").1.found().ok().map(|cluster| cluster.nodes)
    }

    fn check_limits(&self, graph: &CsrGraph, seeds: &SeedDistribution, limits: Limits) {
        let answer = self.solve(graph, seeds, limits).expect("an answer");
        let whole = self.solve(graph, seeds, Limits::default()).expect("an answer");
        let placed: f64 = answer.mass.iter().map(|entry| entry.1).sum();
        let total = placed + answer.certificate.left();
        assert!((total - 1.0).abs() <= 1e-9, "{limits:?}: mass and residual sum to {total}");
        assert!(answer.mass.iter().all(|&(node, mass)| node < graph.node_count() && mass.is_finite()));
        assert!(answer.mass.windows(2).all(|pair| pair[0].0 < pair[1].0), "the nodes do not ascend");
        if let Some(most) = limits.max_work {
            assert!(answer.work.edges_touched <= most, "{limits:?}: {:?}", answer.work);
        }
        // A flow method reads its reference set in any case.
        let sources = seeds.resolve(graph).expect("seeds").iter().map(|s| 1 + graph.arc_count(s.0)).sum();
        if let Some(most) = limits.max_nodes {
            assert!(answer.work.nodes_touched <= most.max(sources) as u64, "{limits:?}: {:?}", answer.work);
        }
        match answer.status {
            Status::Converged | Status::Empty => assert_eq!(answer, whole, "{limits:?}"),
            Status::Stagnated => panic!("{limits:?}: {:?}", answer.certificate),
            Status::HubsSkipped => assert!(limits.max_arcs.is_some()),
            Status::WorkLimit => assert_ne!(limits, Limits::default()),
        }
    }

    fn error(&self, graph: &CsrGraph, seeds: &SeedDistribution, limits: Limits) -> Option<GraphError> {
        self.solve(graph, seeds, limits).err()
    }

    fn refuses_bad_settings(&self, graph: &CsrGraph, seeds: &SeedDistribution) {
        let Some(bad) = &self.bad else { return };
        let mut workspace = Workspace::default();
        let question = LocalQuestion::new(graph, seeds, Limits::default(), &mut workspace);
        match bad.solve(&mut question.expect("a question")) {
            Err(GraphError::Input(_)) => {}
            other => panic!("a bad setting: {other:?}"),
        }
    }

    fn check_error_goal(&self, graph: &CsrGraph, seeds: &SeedDistribution, goal: f64) {
        let mut workspace = Workspace::default();
        let question = LocalQuestion::new(graph, seeds, Limits::default(), &mut workspace);
        let question = question.and_then(|question| question.with_error_goal(Some(goal)));
        match (self.make)().solve(&mut question.expect("a question")) {
            Ok(answer) => {
                let bar = answer.certificate.error_bar().expect("an error bar");
                assert!(bar <= goal || answer.status == Status::Stagnated, "{bar} > {goal}");
                (self.make)().check(graph, &answer);
            }
            Err(error) => assert!(error.to_string().contains("stop_at_error"), "{error}"),
        }
    }

    fn check_memory(&self, graph: &CsrGraph, others: &[SeedDistribution]) {
        let ask = |seeds: &SeedDistribution| self.solve(graph, seeds, Limits::default()).expect("an answer");
        let method = (self.make)();
        let expected: Vec<_> = others.iter().map(ask).collect();
        let mut workspace = Workspace::default();
        for (seeds, expected) in others.iter().zip(&expected) {
            let mut question =
                LocalQuestion::new(graph, seeds, Limits::default(), &mut workspace).expect("a question");
            assert_eq!(&method.solve(&mut question).expect("an answer"), expected);
            // The same question again: only what has been read for it may be more.
            let again = method.solve(&mut question).expect("an answer");
            let distance: f64 =
                again.mass.iter().map(|&(node, mass)| (mass - expected.mass_of(node)).abs()).sum();
            assert!(distance <= 1e-2, "asked twice: {distance}");
        }
        let query = LocalQuery::node(0).method(method);
        for (found, expected) in query.run_batch(graph, others).into_iter().zip(&expected) {
            assert_eq!(&found.expect("an answer"), expected);
        }
    }
}

// Dense references: their only common code with the methods is the graph's own answers.

fn matrix(graph: &CsrGraph) -> (Vec<Vec<f64>>, Vec<f64>) {
    let n = graph.node_count();
    let mut a = vec![vec![0.0; n as usize]; n as usize];
    for u in 0..n {
        graph.neighbors(u, |v, weight| a[u as usize][v as usize] = weight);
    }
    let degrees = a.iter().map(|row| row.iter().sum()).collect();
    (a, degrees)
}

fn seeds_of<C>(graph: &CsrGraph, answer: &LocalAnswer<C>) -> Vec<f64> {
    let mut seeds = vec![0.0; graph.node_count() as usize];
    for (node, mass) in answer.seeds.resolve(graph).expect("the answer's seeds") {
        seeds[node as usize] = mass;
    }
    seeds
}

/// `A D⁻¹ q`
fn step((a, degrees): &(Vec<Vec<f64>>, Vec<f64>), q: &[f64]) -> Vec<f64> {
    a.iter()
        .map(|row| (0..q.len()).filter(|&v| q[v] != 0.0).map(|v| row[v] * q[v] / degrees[v]).sum())
        .collect()
}

/// Asserts that no node's mass over degree is farther from the exact one than `bound`.
fn assert_within<C>(graph: &CsrGraph, answer: &LocalAnswer<C>, exact: &[f64], bound: f64) {
    for (u, exact) in (0..).zip(exact) {
        let error = (answer.mass_of(u) - exact).abs() / graph.degree(u).max(f64::MIN_POSITIVE);
        assert!(error <= bound + 1e-12, "node {u}: {error} > {bound}, {:?}", answer.status);
    }
}

/// The ℓ1 problem's solution, by proximal steps on all nodes; PageRank for `rho` 0.
fn pagerank(graph: &CsrGraph, seeds: &[f64], alpha: f64, rho: f64) -> Vec<f64> {
    let matrix = matrix(graph);
    let mut p = vec![0.0; seeds.len()];
    for _ in 0..3000 {
        let walked = step(&matrix, &p);
        for (u, p) in p.iter_mut().enumerate() {
            let lazy = 0.5 * (*p + walked[u]);
            *p = (alpha * seeds[u] + (1.0 - alpha) * lazy - alpha * rho * matrix.1[u]).max(0.0);
        }
    }
    p
}

/// A PageRank answer is what it says of itself, and as near to the exact one as it says.
fn check_pagerank(graph: &CsrGraph, answer: &LocalAnswer<PageRankCertificate>) {
    let PageRankCertificate { alpha, rho, l1_error, over, under, sup_error, .. } = answer.certificate;
    let exact = pagerank(graph, &seeds_of(graph, answer), alpha, rho);
    assert_within(graph, answer, &exact, sup_error);
    let differences = || (0..).zip(&exact).map(|(u, exact)| answer.mass_of(u) - exact);
    for (what, error, bound) in [
        ("distance", differences().map(f64::abs).sum::<f64>(), l1_error),
        ("too much", differences().map(|x| x.max(0.0)).sum(), over),
        ("too little", differences().map(|x| (-x).max(0.0)).sum(), under),
    ] {
        assert!(error <= bound + 1e-12, "{what}: {error} > {bound}, {:?}", answer.status);
    }
    let again = answer.certify(graph).expect("a certificate");
    for (own, recomputed) in [
        (answer.certificate.kkt_residual, again.kkt_residual),
        (l1_error, again.l1_error),
        (sup_error, again.sup_error),
        (answer.certificate.residual_mass, again.residual_mass),
        (answer.certificate.objective, again.objective),
    ] {
        assert!((own - recomputed).abs() <= 1e-10, "{own} and {recomputed}");
    }
}

macro_rules! pagerank_methods {
    ($($method:ty),*) => {$(
        impl Dense for $method {
            fn check(&self, graph: &CsrGraph, answer: &LocalAnswer<PageRankCertificate>) {
                check_pagerank(graph, answer);
            }
        }
    )*};
}

pagerank_methods!(L1Cd, L1Ista, L1Fista, L1Exact, Stagewise, Aspr);

macro_rules! push_methods {
    ($($method:ty),*) => {$(
        impl Dense for $method {
            fn check(&self, graph: &CsrGraph, answer: &LocalAnswer<PageRankCertificate>) {
                check_pagerank(graph, answer);
                assert_eq!(answer.certificate.rho, 0.0, "the problem is PageRank itself");
            }
        }
    )*};
}

push_methods!(Appr, ApprOpt, PagerankNibble, LocalSor, LocalChebyshev, EvolvingSets, DynamicPush);

impl Dense for Nibble {
    fn check(&self, graph: &CsrGraph, answer: &LocalAnswer<DiffusionCertificate>) {
        let matrix = matrix(graph);
        let mut q = seeds_of(graph, answer);
        for _ in 0..answer.work.iterations {
            q = step(&matrix, &q).iter().zip(&q).map(|(moved, kept)| 0.5 * (moved + kept)).collect();
        }
        assert_within(graph, answer, &q, answer.certificate.error_bound);
        assert!(answer.status != Status::Converged || answer.work.iterations == u64::from(self.steps));
    }
}

impl Dense for HeatKernel {
    fn check(&self, graph: &CsrGraph, answer: &LocalAnswer<DiffusionCertificate>) {
        let matrix = matrix(graph);
        let mut term: Vec<f64> = seeds_of(graph, answer).iter().map(|s| s * (-self.t).exp()).collect();
        let mut exact = term.clone();
        for k in 1..200 {
            term = step(&matrix, &term).iter().map(|x| x * self.t / f64::from(k)).collect();
            exact.iter_mut().zip(&term).for_each(|(sum, x)| *sum += x);
        }
        assert_within(graph, answer, &exact, answer.certificate.error_bound);
        let converged = answer.status == Status::Converged;
        assert!(
            !converged || answer.certificate.error_bound <= self.epsilon / graph.mean_weight() * (1.0 + 1e-9)
        );
    }
}

impl Dense for FlowDiffusion {
    fn check(&self, graph: &CsrGraph, answer: &LocalAnswer<FlowDiffusionCertificate>) {
        let (a, degrees) = matrix(graph);
        let FlowDiffusionCertificate { source, scale, max_relative_excess, .. } = answer.certificate;
        let n = degrees.len();
        let seeds = seeds_of(graph, answer);
        let solve = |steps: u32| {
            let mut x = vec![0.0_f64; n];
            for _ in 0..steps {
                for u in 0..n {
                    let others = |f: &dyn Fn(usize) -> f64| (0..n).filter(|&v| v != u).map(f).sum::<f64>();
                    let flow = others(&|v| a[u][v] * x[v]);
                    x[u] = ((source * seeds[u] - degrees[u] + flow) / others(&|v| a[u][v])).max(0.0);
                }
            }
            x
        };
        let (exact, highest) = (solve(4000), solve(4000).into_iter().fold(0.0, f64::max));
        for (u, exact) in (0..).zip(&exact) {
            let height = answer.mass_of(u) * scale / graph.degree(u);
            assert!(height <= exact + 1e-9 * (1.0 + highest), "node {u}: {height} above {exact}");
            let near = answer.status != Status::Converged || (height - exact).abs() <= 0.05 * highest;
            assert!(near, "node {u}: {height} and {exact}");
        }
        if answer.status == Status::Converged {
            assert!(max_relative_excess <= self.tolerance * (1.0 + 1e-9));
        }
        let again = answer.certify(graph, self).expect("a certificate");
        for (own, recomputed) in [
            (answer.certificate.excess, again.excess),
            (max_relative_excess, again.max_relative_excess),
            (answer.certificate.objective, again.objective),
        ] {
            assert!((own - recomputed).abs() <= 1e-9 * (1.0 + highest), "{own} and {recomputed}");
        }
    }
}

impl Dense for CapacityReleasing {
    fn check(&self, graph: &CsrGraph, answer: &LocalAnswer<CapacityReleasingCertificate>) {
        let (a, degrees) = matrix(graph);
        let inside: Vec<bool> = (0..).take(degrees.len()).map(|u| answer.mass_of(u) > 0.0).collect();
        let (mut volume, mut rest, mut cut) = (0.0, 0.0, 0.0);
        for (u, row) in a.iter().enumerate() {
            *if inside[u] { &mut volume } else { &mut rest } += degrees[u];
            cut += (0..row.len()).filter(|&v| inside[u] && !inside[v]).map(|v| row[v]).sum::<f64>();
        }
        let conductance = if rest > 0.0 { cut / f64::min(volume, rest) } else { 1.0 };
        let CapacityReleasingCertificate { conductance: own, mass, excess, .. } = answer.certificate;
        assert!((own - conductance).abs() <= 1e-9, "{own} and {conductance}");
        assert!((answer.certificate.volume - volume).abs() + (answer.certificate.cut - cut).abs() <= 1e-9);
        assert!((0.0..=mass).contains(&excess));
    }
}

/// Compares with all sets of nodes.
fn check_flow(graph: &CsrGraph, answer: &LocalAnswer<FlowCertificate>) {
    let (a, degrees) = matrix(graph);
    let n = degrees.len();
    let reference: u64 =
        answer.seeds.resolve(graph).expect("seeds").iter().map(|&(node, _)| 1_u64 << node).sum();
    let volume = |set: u64| (0..n).filter(|u| set >> u & 1 == 1).map(|u| degrees[u]).sum::<f64>();
    let total = volume((1 << n) - 1);
    let value = |set: u64| {
        let outside = volume(set & !reference);
        let penalty = match answer.certificate.delta {
            _ if outside == 0.0 => 0.0,
            Some(delta) => (volume(reference) / (total - volume(reference)) + delta) * outside,
            None => f64::INFINITY,
        };
        let denominator = volume(set & reference) - penalty;
        let cut: f64 = (0..n)
            .flat_map(|u| (0..n).map(move |v| (u, v)))
            .filter(|&(u, v)| set >> u & 1 == 1 && set >> v & 1 == 0)
            .map(|(u, v)| a[u][v])
            .sum();
        if denominator > 1e-9 { cut / denominator } else { f64::INFINITY }
    };
    let found = value(answer.support().map(|node| 1_u64 << node).sum());
    assert!((found - answer.certificate.value).abs() <= 1e-9);
    assert!(found <= value(reference) + 1e-9, "worse than the reference set");
    let again = answer.certify(graph).expect("a certificate");
    assert!((again.value - found).abs() <= 1e-9 && (again.cut - answer.certificate.cut).abs() <= 1e-9);
    if answer.status == Status::Converged {
        let least = (1..1_u64 << n).map(value).fold(f64::INFINITY, f64::min);
        assert!(found <= least + 1e-9, "{found} is not the least value {least}");
    }
}

impl Dense for FlowImprove {
    fn check(&self, graph: &CsrGraph, answer: &LocalAnswer<FlowCertificate>) {
        check_flow(graph, answer);
    }
}

impl Dense for SimpleLocal {
    fn check(&self, graph: &CsrGraph, answer: &LocalAnswer<FlowCertificate>) {
        check_flow(graph, answer);
    }
}

impl Dense for Mqi {
    fn check(&self, graph: &CsrGraph, answer: &LocalAnswer<FlowCertificate>) {
        check_flow(graph, answer);
    }
}

// Graphs.

/// A random weighted graph on 10 nodes, number `i` of a series.
fn small(i: u64) -> CsrGraph {
    let pairs = (0..10_u64).flat_map(|u| (u..10).map(move |v| (u, v)));
    let weight = |u, v| 0.1 + 3.9 * uniform(1000 + i, 10 * u + v);
    let edges = pairs.filter(|&(u, v)| v == u + 1 || uniform(i, 10 * u + v) < 0.2);
    CsrGraph::from_weighted_edges(10, edges.map(|(u, v)| (u, v, weight(u, v)))).expect("a graph")
}

/// Four blocks of 15 nodes, weights of `unit` times 0.5 to 1.5, each node called `label(node)`.
fn blocks(unit: f64, label: impl Fn(u64) -> u64) -> CsrGraph {
    let pairs = (0..60_u64).flat_map(|u| (u + 1..60).map(move |v| (u, v)));
    let edges = pairs.filter(|&(u, v)| uniform(7, 60 * u + v) < if u / 15 == v / 15 { 0.5 } else { 0.02 });
    let edges = edges.map(|(u, v)| (label(u), label(v), unit * (0.5 + uniform(8, 60 * u + v))));
    CsrGraph::from_weighted_edges(60, edges).expect("a graph")
}

/// Some nodes of the second block.
const SOURCES: [u64; 4] = [16, 20, 23, 27];

fn limits() -> Vec<Limits> {
    let none = Limits::default();
    let work = [0, 1, 7, 50, 300, 3000].map(|most| Limits { max_work: Some(most), ..none });
    let nodes = [1, 4, 20, 60].map(|most| Limits { max_nodes: Some(most), ..none });
    let arcs = [0, 1, 4, 8, 60].map(|most| Limits { max_arcs: Some(most), ..none });
    let all = Limits { max_work: Some(100), max_nodes: Some(30), max_arcs: Some(7) };
    [none, all].into_iter().chain(work).chain(nodes).chain(arcs).collect()
}

fn law(law: &str, holds: impl Fn(&dyn Method)) {
    SUITE.law(law, &methods(), |method| method.name(), |method| holds(&**method));
}

#[test]
fn certificates_hold() {
    law(CERTIFICATE, |method| {
        for i in 0..12 {
            let seeds = SeedDistribution::uniform([i % 10, (i + 1) % 10, (i + 2) % 10]);
            for limits in limits() {
                method.check_certificate(&small(i), &seeds, limits);
            }
        }
    });
}

#[test]
fn weights_times_a_constant() {
    law(WEIGHTS, |method| {
        let seeds = SeedDistribution::uniform(SOURCES);
        let expected = method.cluster(&blocks(1.0, |u| u), &seeds);
        assert!(expected.is_some());
        for unit in [1e-6, 1e6] {
            assert_eq!(method.cluster(&blocks(unit, |u| u), &seeds), expected, "weights times {unit}");
        }
    });
}

#[test]
fn nodes_relabelled() {
    law(LABELS, |method| {
        let expected = method.cluster(&blocks(1.0, |u| u), &SeedDistribution::uniform(SOURCES));
        for (factor, shift) in [(1, 17), (59, 0), (7, 31), (23, 5)] {
            let label = |u: u64| (factor * u + shift) % 60;
            let seeds = SeedDistribution::uniform(SOURCES.map(label));
            let found = method.cluster(&blocks(1.0, label), &seeds);
            let mut relabelled: Option<Vec<u64>> =
                expected.as_ref().map(|nodes| nodes.iter().map(|&u| label(u)).collect());
            if let Some(nodes) = &mut relabelled {
                nodes.sort_unstable();
            }
            assert_eq!(found, relabelled);
        }
    });
}

#[test]
fn limits_leave_valid_answers() {
    law(LIMITS, |method| {
        let graph = blocks(1.0, |u| u);
        for seeds in [SeedDistribution::node(16), SeedDistribution::uniform(SOURCES)] {
            for limits in limits() {
                method.check_limits(&graph, &seeds, limits);
            }
        }
    });
}

#[test]
fn bad_input() {
    law(INPUT, |method| {
        let graph = CsrGraph::from_edges(4, [(0, 1), (1, 2)]).expect("a graph");
        let without_edges = CsrGraph::from_edges(3, []).expect("a graph");
        let (none, node) = (Limits::default(), SeedDistribution::node);
        let error = |seeds: SeedDistribution| method.error(&graph, &seeds, none);
        assert!(matches!(error(node(4)), Some(GraphError::UnknownNode { node: 4, node_count: 4 })));
        assert!(matches!(error(node(u64::MAX)), Some(GraphError::UnknownNode { .. })));
        assert!(matches!(error(node(3)), Some(GraphError::IsolatedSeed(3))));
        assert!(matches!(error(SeedDistribution::uniform([])), Some(GraphError::NoSeeds)));
        for weight in [-1.0, f64::NAN, f64::INFINITY] {
            let seeds = SeedDistribution::weighted([(0, 1.0), (1, weight)]);
            assert!(matches!(error(seeds), Some(GraphError::Input(_))));
        }
        assert!(matches!(method.error(&without_edges, &node(0), none), Some(GraphError::EmptyGraph)));
        let no_nodes = Limits { max_nodes: Some(0), ..none };
        assert!(matches!(method.error(&graph, &node(0), no_nodes), Some(GraphError::Input(_))));
        method.refuses_bad_settings(&graph, &node(0));
    });
}

#[test]
fn an_error_at_which_to_stop() {
    law(GOAL, |method| {
        for i in 0..4 {
            for goal in [0.3, 1e-3, 1e-9] {
                method.check_error_goal(&small(i), &SeedDistribution::node(i), goal);
            }
        }
    });
}

#[test]
fn memory_does_not_matter() {
    law(MEMORY, |method| {
        let seeds = [vec![16], vec![50, 51], SOURCES.to_vec(), vec![0]].map(SeedDistribution::uniform);
        method.check_memory(&blocks(1.0, |u| u), &seeds);
    });
}
