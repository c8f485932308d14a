//! The laws of methods that iterate on a problem: all that implement `Solver`.
//!
//! A new method is one line in [`rows`]: its name, its settings, settings under which it diverges, and a
//! family of problems. Other settings and bad ones are made from what the settings serialize to, field by
//! field.

use std::time::Duration;

use kiln_core::InputError;
use kiln_optim::alternating::{Admm, AlternatingDescent, AlternatingMinimization, ExactBlocks, TwoBlocks};
use kiln_optim::block_coordinate::{BlockCoordinateDescent, BlockPartition, BlockRule, Partition, Update};
use kiln_optim::curvature::{AdaHessian, SubspacePart, SubspaceSgd};
use kiln_optim::faer::mat;
use kiln_optim::first_order::{
    ConvexConstants, FrankWolfe, GradientDescent, HeavyBall, Katyusha, LooplessSvrg, Nesterov, Page, Saga,
    ScheduleFreeSgd, Sgd, Spider, Storm, Svrg, SvrgBarzilaiBorwein,
};
use kiln_optim::linear::{DenseRows, LinearLoss, LinearSaga, LinearSvrg, Loss, Visits};
use kiln_optim::minimax::{
    AlexGda, AlternatingOptimisticGradient, Extragradient, ForwardReflectedBackward, Halpern, InexactHalpern,
    InnerSolver, OptimisticGradient, PrimalDualHybridGradient, StochasticExtragradient,
    VarianceReducedForwardReflectedBackward, VarianceReducedHalpern,
};
use kiln_optim::problems::{
    AffineFiniteSum, LinearlyComposed, MatrixCoupling, Quadratic, QuadraticGame, SparseQuadratic,
};
use kiln_optim::training::{BatchPerceptron, LinearSeparation, NormalizedLogistic, NormalizedPerceptron};
use kiln_optim::{
    Composite, Observed, Observer, Operator, OptimError, Order, Reason, RunError, Solution, Solver, State,
    Stop, residual, resume, run, run_observed,
};
use kiln_tensor::prox::{L1, L1Ball, Shifted, SquaredL2};
use kiln_tensor::{Coordinates, Vector};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{Exception, Suite};

const STAYS: &str = "a solution stays";
const RESUMES: &str = "a run that was stored and read back ends with the same bits";
const REFUSES: &str = "a state of other settings, order, seed or method is refused";
const ENDS: &str = "every budget ends the run";
const SOLVES: &str = "a large solution, or one scaled by 1e-6 or 1e6, is found and not called divergence";
const DIVERGES: &str = "divergence holds the last good iterate";
const INPUT: &str = "bad input is a typed error";

static SUITE: Suite = Suite {
    domain: "optim",
    laws: &[STAYS, RESUMES, REFUSES, ENDS, SOLVES, DIVERGES, INPUT],
    exceptions: EXCEPTIONS,
};

const EXCEPTIONS: &[Exception] = &[];

/// The methods: a new one is a line here. `Some` are settings under which it diverges.
fn rows() -> Vec<Box<dyn Row>> {
    let seed = 7;
    let steps = StochasticExtragradient::with_replacement(0.1, seed);
    let blocks = BlockCoordinateDescent::new(2);
    let fixed = BlockPartition::Fixed { size: 2, partition: Partition::Sorted };
    vec![
        row("gradient-descent", gradient(0.2), Some(gradient(3.0)), Sum),
        row("heavy-ball", heavy_ball(0.2), Some(heavy_ball(3.0)), Sum),
        row("nesterov", nesterov(0.2), Some(nesterov(3.0)), Sum),
        row("sgd", sgd(0.1, Order::WithReplacement), Some(sgd(3.0, Order::WithReplacement)), Sum),
        row("sgd, reshuffled", sgd(0.1, Order::Reshuffled), Some(sgd(3.0, Order::Reshuffled)), Sum),
        row("svrg", Svrg::new(0.1, seed), Some(Svrg::new(3.0, seed)), Sum),
        row("loopless-svrg", LooplessSvrg::new(0.1, seed), Some(LooplessSvrg::new(3.0, seed)), Sum),
        row("saga", Saga::new(0.1, seed), Some(Saga::new(3.0, seed)), Sum),
        row("svrg-barzilai-borwein", barzilai_borwein(0.1), Some(barzilai_borwein(3.0)), Sum),
        row("schedule-free-sgd", ScheduleFreeSgd::new(0.1, seed), Some(ScheduleFreeSgd::new(9.0, seed)), Sum),
        row("storm", Storm::new(0.1, seed), Some(Storm::new(3.0, seed)), Sum),
        row("spider", Spider::new(0.1, seed), Some(Spider::new(3.0, seed)), Sum),
        row("page", Page::new(0.1, seed), Some(Page::new(3.0, seed)), Sum),
        row("frank-wolfe", FrankWolfe::default(), None, InBall),
        row("frank-wolfe, smoothness", FrankWolfe { smoothness: Some(4.0) }, None, InBall),
        row("katyusha", katyusha(0.5, 4.0), Some(katyusha(0.001, 0.01)), Sum),
        row("extragradient", Extragradient::new(0.2), Some(Extragradient::new(3.0)), Sum),
        row("optimistic-gradient", OptimisticGradient::new(0.1), Some(OptimisticGradient::new(3.0)), Sum),
        row("forward-reflected-backward", reflected(0.1), Some(reflected(3.0)), Sum),
        row("variance-reduced-forward-reflected-backward", vr_reflected(4.0), Some(vr_reflected(0.05)), Sum),
        row("stochastic-extragradient", steps, Some(extragradient(3.0)), Sum),
        row("seg-rr", StochasticExtragradient::reshuffled(0.1, seed), None, Sum),
        row("seg-ff", StochasticExtragradient::flip_flop(0.1, seed), None, Sum),
        row("seg-rra", StochasticExtragradient::reshuffled_anchored(0.1, seed), None, Sum),
        row("seg-ffa", StochasticExtragradient::flip_flop_anchored(0.1, seed), None, Sum),
        row("dseg", StochasticExtragradient::independent_samples(0.1, 0.1, seed), None, Sum),
        row("halpern", Halpern { step_size: 0.2 }, Some(Halpern { step_size: 3.0 }), Sum),
        row("variance-reduced-halpern", vr_halpern(4.0), Some(vr_halpern(0.05)), Sum),
        row("inexact-halpern", InexactHalpern::new(4.0, 4, seed), None, Sum),
        row("inexact-halpern, deterministic", deterministic_halpern(), None, Sum),
        row("alex-gda", AlexGda::new(0.2, 0.2), Some(AlexGda::new(5.0, 5.0)), Game),
        row("sim-gda", AlexGda::sim(0.1, 0.1), Some(AlexGda::sim(5.0, 5.0)), Game),
        row("alt-gda", AlexGda::alt(0.2, 0.2), Some(AlexGda::alt(5.0, 5.0)), Game),
        row("alternating-optimistic-gradient", optimistic(0.1), Some(optimistic(5.0)), Game),
        row("sim-gda, in a ball", AlexGda::sim(0.1, 0.1), None, GameInBall),
        row("alex-gda, in a ball", AlexGda::new(0.15, 0.15), None, GameInBall),
        row("alternating-optimistic-gradient, in a ball", optimistic(0.05), None, GameInBall),
        row("primal-dual-hybrid-gradient", primal_dual(0.3), Some(primal_dual(5.0)), Game),
        row(
            "primal-dual-hybrid-gradient, composed",
            PrimalDualHybridGradient::for_coupling(2.0),
            None,
            Composed,
        ),
        row("admm", Admm::new(1.0), None, Composed),
        row("admm, relaxed", Admm { penalty: 0.5, relaxation: 1.7 }, None, Composed),
        row("alternating-minimization", AlternatingMinimization, None, Blocks),
        row("alternating-descent", AlternatingDescent::default(), Some(long_descent()), Blocks),
        row("block-coordinate-descent", blocks.clone(), None, Coordinate),
        row(
            "bcd, random",
            BlockCoordinateDescent { rule: BlockRule::Random, ..blocks.clone() },
            None,
            Coordinate,
        ),
        row("bcd, fixed", BlockCoordinateDescent { blocks: fixed, ..blocks.clone() }, None, Coordinate),
        row("bcd, search", BlockCoordinateDescent { update: Update::LineSearch, ..blocks }, None, Coordinate),
        row("linear-svrg", LinearSvrg::new(seed), Some(linear_svrg(9.0)), Rows),
        row("linear-saga", LinearSaga::new(seed), Some(linear_saga(9.0)), Rows),
        row("linear-saga, uniform", uniform_saga(), None, Rows),
        row("linear-saga, l1", LinearSaga::new(seed), None, RowsWithL1),
        row("adahessian", AdaHessian::new(0.1, 1, seed), Some(AdaHessian::new(50.0, 1, seed)), Curved),
        row("subspace-sgd", subspace(0.2), Some(subspace(3.0)), Curved),
        row("batch-perceptron", BatchPerceptron, None, Separated),
        row("normalized-perceptron", NormalizedPerceptron, None, Separated),
        row("normalized-logistic", NormalizedLogistic { step_size: 1.0.into() }, None, Separated),
    ]
}

fn gradient(step_size: f64) -> GradientDescent {
    GradientDescent { step_size: step_size.into() }
}

fn heavy_ball(step_size: f64) -> HeavyBall {
    HeavyBall { step_size: step_size.into(), momentum: 0.5 }
}

fn nesterov(step_size: f64) -> Nesterov {
    Nesterov { step_size: step_size.into(), momentum: None }
}

fn sgd(step_size: f64, order: Order) -> Sgd {
    Sgd { step_size: step_size.into(), batch_size: 2, order, seed: 7 }
}

fn barzilai_borwein(initial_step: f64) -> SvrgBarzilaiBorwein {
    // One component a step is a hundredth of the way that a full gradient could take.
    SvrgBarzilaiBorwein { epoch_length: Some(40), ..SvrgBarzilaiBorwein::new(initial_step, 7) }
}

fn primal_dual(step_size: f64) -> PrimalDualHybridGradient {
    PrimalDualHybridGradient { step_size_x: step_size, step_size_y: step_size }
}

fn katyusha(strong_convexity: f64, smoothness: f64) -> Katyusha {
    Katyusha::new(ConvexConstants { strong_convexity, smoothness }, 7)
}

fn extragradient(step_size: f64) -> StochasticExtragradient {
    StochasticExtragradient::with_replacement(step_size, 7)
}

fn reflected(step_size: f64) -> ForwardReflectedBackward {
    ForwardReflectedBackward { step_size }
}

fn vr_reflected(lipschitz: f64) -> VarianceReducedForwardReflectedBackward {
    VarianceReducedForwardReflectedBackward::new(lipschitz, 4, 7)
}

fn vr_halpern(cocoercivity: f64) -> VarianceReducedHalpern {
    VarianceReducedHalpern::new(cocoercivity, 7)
}

fn deterministic_halpern() -> InexactHalpern {
    InexactHalpern { inner: InnerSolver::Deterministic, ..InexactHalpern::new(4.0, 4, 7) }
}

fn optimistic(step_size: f64) -> AlternatingOptimisticGradient {
    let step_size = step_size.into();
    AlternatingOptimisticGradient { step_size_x: step_size, step_size_y: step_size, correction: 1.0 }
}

fn long_descent() -> AlternatingDescent {
    AlternatingDescent { relative_step: 9.0, ..AlternatingDescent::default() }
}

fn linear_svrg(step_size: f64) -> LinearSvrg {
    LinearSvrg { step_size: Some(step_size), ..LinearSvrg::new(7) }
}

fn linear_saga(step_size: f64) -> LinearSaga {
    LinearSaga { step_size: Some(step_size), ..LinearSaga::new(7) }
}

fn uniform_saga() -> LinearSaga {
    LinearSaga { visits: Visits::Uniform(Order::WithReplacement), ..LinearSaga::new(7) }
}

fn subspace(step_size: f64) -> SubspaceSgd {
    SubspaceSgd::new(SubspacePart::Whole, 1, step_size, 1, 7)
}

/// Problems for a method, of any scale.
trait Family {
    type Problem: Operator<Point: Coordinates + std::fmt::Debug + Wide>;

    /// The problem whose solution is `scale` times as large.
    fn problem(&self, scale: f64) -> Self::Problem;

    /// Zeros.
    fn zero(&self) -> <Self::Problem as Operator>::Point;

    /// The one solution; none where there are many.
    fn solution(&self, scale: f64) -> Option<<Self::Problem as Operator>::Point>;
}

/// Points of a space that is too large for all of the problems.
trait Wide {
    fn wide() -> Self;
}

impl Wide for Vec<f64> {
    fn wide() -> Self {
        vec![1.0; 9]
    }
}

impl Wide for (Vec<f64>, Vec<f64>) {
    fn wide() -> Self {
        (vec![1.0; 9], vec![1.0; 9])
    }
}

const TRUTH: [f64; 3] = [3.0, -2.0, 1.0];

fn scaled(scale: f64) -> Vec<f64> {
    TRUTH.iter().map(|x| scale * x).collect()
}

/// Four affine operators with the same zero, each the gradient of a strongly convex function.
struct Sum;

impl Family for Sum {
    type Problem = AffineFiniteSum;

    fn problem(&self, scale: f64) -> AffineFiniteSum {
        let solution = scaled(scale);
        let components = [0.3, -0.3, 0.2, -0.2].map(|e| {
            let matrix = mat![[1.0 + e, e, 0.0], [e, 2.0 - e, 0.1], [0.0, 0.1, 3.0 + e]];
            let image = |i| (0..3).map(|j| matrix[(i, j)] * solution[j]).sum::<f64>();
            let constant: Vec<f64> = (0..3).map(|i| -image(i)).collect();
            (matrix, constant)
        });
        AffineFiniteSum::new(&components).unwrap()
    }

    fn zero(&self) -> Vec<f64> {
        vec![0.0; 3]
    }

    fn solution(&self, scale: f64) -> Option<Vec<f64>> {
        Some(scaled(scale))
    }
}

/// A strongly convex, strongly concave game.
struct Game;

impl Family for Game {
    type Problem = QuadraticGame;

    fn problem(&self, scale: f64) -> QuadraticGame {
        let (a, b, c) = (mat![[1.0, 0.0], [0.0, 2.0]], mat![[1.0], [0.5]], mat![[1.5]]);
        let [x0, x1, y] = TRUTH.map(|z| scale * z);
        let p = vec![-(x0 + y), -(2.0 * x1 + 0.5 * y)];
        let q = vec![x0 + 0.5 * x1 - 1.5 * y];
        QuadraticGame::new(a, b, c).unwrap().with_linear(p, q).unwrap()
    }

    fn zero(&self) -> (Vec<f64>, Vec<f64>) {
        (vec![0.0; 2], vec![0.0])
    }

    fn solution(&self, scale: f64) -> Option<(Vec<f64>, Vec<f64>)> {
        let mut x = scaled(scale);
        let y = x.split_off(2);
        Some((x, y))
    }
}

/// The mean of the same operators over a ball in which its zero lies.
struct InBall;

impl Family for InBall {
    type Problem = Composite<AffineFiniteSum, L1Ball>;

    fn problem(&self, scale: f64) -> Self::Problem {
        Composite { problem: Sum.problem(scale), regularizer: L1Ball { radius: 8.0 * scale } }
    }

    fn zero(&self) -> Vec<f64> {
        vec![0.0; 3]
    }

    fn solution(&self, scale: f64) -> Option<Vec<f64>> {
        Some(scaled(scale))
    }
}

/// The game with strategies in balls, on whose borders both players would be better off.
struct GameInBall;

impl Family for GameInBall {
    type Problem = Composite<QuadraticGame, (L1Ball, L1Ball)>;

    fn problem(&self, scale: f64) -> Self::Problem {
        let balls = (L1Ball { radius: 2.0 * scale }, L1Ball { radius: 0.5 * scale });
        Composite { problem: Game.problem(scale), regularizer: balls }
    }

    fn zero(&self) -> (Vec<f64>, Vec<f64>) {
        Game.zero()
    }

    fn solution(&self, _: f64) -> Option<(Vec<f64>, Vec<f64>)> {
        None
    }
}

/// `½‖x − b‖² + ½‖Kx − c‖²`, with `b` and `c` such that the solution is the truth and the slope is known.
struct Composed;

impl Family for Composed {
    type Problem =
        LinearlyComposed<MatrixCoupling, Shifted<SquaredL2, Vec<f64>>, Shifted<SquaredL2, Vec<f64>>>;

    fn problem(&self, scale: f64) -> Self::Problem {
        // b = x + Kᵀy, c = Kx − y
        let ([x0, x1, x2], [y0, y1]) = (TRUTH, SLOPE);
        let b = [x0 + y0, x1 - y0 + 0.5 * y1, x2 + y1].map(|b| scale * b);
        let c = [x0 - x1 - y0, 0.5 * x1 + x2 - y1].map(|c| scale * c);
        let about = |center: &[f64]| Shifted { function: SquaredL2 { weight: 1.0 }, center: center.to_vec() };
        let coupling = MatrixCoupling::new(mat![[1.0, -1.0, 0.0], [0.0, 0.5, 1.0]]).unwrap();
        LinearlyComposed { coupling, on_x: about(&b), on_image: about(&c) }
    }

    fn zero(&self) -> (Vec<f64>, Vec<f64>) {
        (vec![0.0; 3], vec![0.0; 2])
    }

    fn solution(&self, scale: f64) -> Option<(Vec<f64>, Vec<f64>)> {
        Some((scaled(scale), SLOPE.map(|y| scale * y).to_vec()))
    }
}

const SLOPE: [f64; 2] = [1.5, -0.5];

/// `½u² + ½v² + ¼uv` of the distances `u`, `v` of two numbers from their solution.
struct Springs {
    solution: (f64, f64),
}

impl Springs {
    fn distances(&self, x: &[f64], y: &[f64]) -> Result<(f64, f64), OptimError> {
        let (&[x], &[y]) = (x, y) else { return Err(OptimError::problem("two numbers were expected")) };
        Ok((x - self.solution.0, y - self.solution.1))
    }
}

impl Operator for Springs {
    type Point = (Vec<f64>, Vec<f64>);

    fn operator(&self, (x, y): &Self::Point) -> Result<Self::Point, OptimError> {
        Ok((self.gradient_x(x, y)?, self.gradient_y(x, y)?))
    }
}

impl TwoBlocks for Springs {
    type X = Vec<f64>;
    type Y = Vec<f64>;

    fn gradient_x(&self, x: &Vec<f64>, y: &Vec<f64>) -> Result<Vec<f64>, OptimError> {
        self.distances(x, y).map(|(u, v)| vec![u + v / 4.0])
    }

    fn gradient_y(&self, x: &Vec<f64>, y: &Vec<f64>) -> Result<Vec<f64>, OptimError> {
        self.distances(x, y).map(|(u, v)| vec![v + u / 4.0])
    }

    fn smoothness_x(&self, _: &Vec<f64>) -> Result<f64, OptimError> {
        Ok(1.0)
    }

    fn smoothness_y(&self, _: &Vec<f64>) -> Result<f64, OptimError> {
        Ok(1.0)
    }

    fn project_x(&self, _: &mut Vec<f64>) -> Result<(), OptimError> {
        Ok(())
    }

    fn project_y(&self, _: &mut Vec<f64>) -> Result<(), OptimError> {
        Ok(())
    }
}

impl ExactBlocks for Springs {
    fn minimize_x(&self, y: &Vec<f64>) -> Result<Vec<f64>, OptimError> {
        self.distances(&[0.0], y).map(|(_, v)| vec![self.solution.0 - v / 4.0])
    }

    fn minimize_y(&self, x: &Vec<f64>) -> Result<Vec<f64>, OptimError> {
        self.distances(x, &[0.0]).map(|(u, _)| vec![self.solution.1 - u / 4.0])
    }
}

struct Blocks;

impl Family for Blocks {
    type Problem = Springs;

    fn problem(&self, scale: f64) -> Springs {
        Springs { solution: (3.0 * scale, -2.0 * scale) }
    }

    fn zero(&self) -> (Vec<f64>, Vec<f64>) {
        (vec![0.0], vec![0.0])
    }

    fn solution(&self, scale: f64) -> Option<(Vec<f64>, Vec<f64>)> {
        Some((vec![3.0 * scale], vec![-2.0 * scale]))
    }
}

/// A quadratic with a tridiagonal Hessian, asked by coordinates.
struct Coordinate;

impl Family for Coordinate {
    type Problem = SparseQuadratic;

    fn problem(&self, scale: f64) -> SparseQuadratic {
        let upper = [(0, 0, 2.0), (0, 1, -1.0), (1, 1, 2.0), (1, 2, -1.0), (2, 2, 2.0)];
        let linear = [2.0 * 3.0 + 2.0, -3.0 - 4.0 - 1.0, 2.0 + 2.0].map(|b| scale * b);
        SparseQuadratic::new(upper, linear.to_vec(), 0.0).unwrap()
    }

    fn zero(&self) -> Vec<f64> {
        vec![0.0; 3]
    }

    fn solution(&self, scale: f64) -> Option<Vec<f64>> {
        Some(scaled(scale))
    }
}

/// Least squares that fit exactly.
struct Rows;

impl Family for Rows {
    type Problem = LinearLoss;

    fn problem(&self, scale: f64) -> LinearLoss {
        let rows = [[1.0, 0.2, 0.0], [0.0, 1.0, 0.3], [0.1, 0.0, 1.0], [1.0, -0.5, 0.2], [-0.2, 0.4, 1.0]];
        let labels = rows.iter().map(|row| row.iter().zip(scaled(scale)).map(|(x, w)| x * w).sum()).collect();
        LinearLoss::new(DenseRows::new(3, rows.concat()).unwrap(), labels, Loss::Squares, 0.0).unwrap()
    }

    fn zero(&self) -> Vec<f64> {
        vec![0.0; 3]
    }

    fn solution(&self, scale: f64) -> Option<Vec<f64>> {
        Some(scaled(scale))
    }
}

struct RowsWithL1;

impl Family for RowsWithL1 {
    type Problem = Composite<LinearLoss, L1>;

    fn problem(&self, scale: f64) -> Self::Problem {
        Composite { problem: Rows.problem(scale), regularizer: L1 { weight: 0.1 * scale } }
    }

    fn zero(&self) -> Vec<f64> {
        vec![0.0; 3]
    }

    fn solution(&self, _: f64) -> Option<Vec<f64>> {
        None
    }
}

/// A quadratic with its Hessian.
struct Curved;

impl Family for Curved {
    type Problem = Quadratic;

    fn problem(&self, scale: f64) -> Quadratic {
        let linear = [3.0, -2.0 * 2.0, 3.0].map(|b| scale * b);
        Quadratic::diagonal(vec![1.0, 2.0, 3.0], linear.to_vec()).unwrap()
    }

    fn zero(&self) -> Vec<f64> {
        vec![0.0; 3]
    }

    fn solution(&self, scale: f64) -> Option<Vec<f64>> {
        Some(scaled(scale))
    }
}

/// Points of two classes. Every separating direction is a solution, and the logistic loss has none.
struct Separated;

impl Family for Separated {
    type Problem = LinearSeparation;

    fn problem(&self, scale: f64) -> LinearSeparation {
        let points = [[1.0, 0.1], [1.0, 0.1], [1.0, 0.1], [0.9, -0.4]].map(|p| p.map(|x| scale * x).to_vec());
        LinearSeparation::new(&points, &[1.0, 1.0, 1.0, -1.0]).unwrap()
    }

    fn zero(&self) -> Vec<f64> {
        vec![0.0; 2]
    }

    fn solution(&self, _: f64) -> Option<Vec<f64>> {
        None
    }
}

/// A method with its problems, whatever their types.
trait Row {
    fn name(&self) -> String;
    /// Whether it has problems with one solution.
    fn is_solved(&self) -> bool;
    /// Whether there are settings under which it diverges.
    fn is_wild(&self) -> bool;
    fn stays(&self);
    fn resumes(&self);
    fn ends(&self);
    fn solves(&self);
    fn diverges(&self);
    fn checks(&self);
    fn refuses_other_settings(&self);
    /// A state after a few steps.
    fn stored(&self) -> Vec<u8>;
    /// Reads one.
    fn read(&self, bytes: &[u8]) -> Result<(), OptimError>;
}

struct Case<F, S> {
    name: &'static str,
    solver: S,
    wild: Option<S>,
    family: F,
}

fn row<F, S>(name: &'static str, solver: S, wild: Option<S>, family: F) -> Box<dyn Row>
where
    F: Family + 'static,
    S: Solver<F::Problem> + DeserializeOwned + 'static,
{
    Box::new(Case { name, solver, wild, family })
}

type Point<F> = <<F as Family>::Problem as Operator>::Point;
type Ended<F, S> =
    Result<Solution<Point<F>, <S as Solver<<F as Family>::Problem>>::Memory>, RunError<Point<F>>>;

/// Ends a run that nothing else does, and sees that no step is for nothing.
struct Watch {
    units: Option<u64>,
    steps: u64,
    stop_at: Option<u64>,
}

impl Watch {
    fn new() -> Self {
        Self { units: None, steps: 0, stop_at: None }
    }
}

impl<P: Operator, M> Observer<P, M> for Watch {
    fn observe(&mut self, _: &P, state: &State<P::Point, M>, _: bool) -> Result<Observed, OptimError> {
        let units = state.work.units();
        assert!(self.units.is_none_or(|before| before < units), "step {} cost nothing", self.steps);
        self.units = Some(units);
        self.steps += 1;
        assert!(self.steps < 200_000, "nothing ends the run");
        Ok(if self.stop_at == Some(state.iteration) { Observed::Stop } else { Observed::Continue })
    }
}

fn distance<V: Vector>(x: &V, y: &V) -> f64 {
    x.sub(y).unwrap().norm().unwrap()
}

impl<F, S> Case<F, S>
where
    F: Family,
    S: Solver<F::Problem> + DeserializeOwned,
{
    fn run(&self, scale: f64, start: Point<F>, stop: &Stop) -> Ended<F, S> {
        run(&self.solver, &self.family.problem(scale), start, stop)
    }

    /// All entries 1.
    fn ones(&self) -> Point<F> {
        let zero = self.family.zero();
        zero.with_coordinates(&vec![1.0; zero.dimension()]).unwrap()
    }

    /// The same method with one of its settings changed, for every setting.
    fn others(&self) -> Vec<S> {
        let settings = serde_json::to_value(&self.solver).unwrap();
        let mut others = Vec::new();
        if settings.is_null() {
            return others; // It has none.
        }
        for candidates in changed(&settings, &other_values) {
            let mut read = candidates.into_iter().filter_map(|value| serde_json::from_value::<S>(value).ok());
            let other = read.find(|other| serde_json::to_value(other).unwrap() != settings);
            others.push(other.expect("every setting has another value"));
        }
        others
    }

    /// With values that no setting can have.
    fn bad(&self) -> Vec<S> {
        let settings = serde_json::to_value(&self.solver).unwrap();
        let values = changed(&settings, &bad_values).into_iter().flatten();
        values.filter_map(|value| serde_json::from_value(value).ok()).collect()
    }
}

/// All copies of a value with one leaf changed, a list a leaf.
fn changed(value: &Value, other: &dyn Fn(&Value) -> Vec<Value>) -> Vec<Vec<Value>> {
    let Value::Object(fields) = value else { return vec![other(value)] };
    let mut all = Vec::new();
    for (name, field) in fields {
        for candidates in changed(field, other) {
            let whole = |candidate| {
                let mut whole = fields.clone();
                whole.insert(name.clone(), candidate);
                Value::Object(whole)
            };
            all.push(candidates.into_iter().map(whole).collect());
        }
    }
    all
}

/// Names of variants, among which a field finds its own.
const VARIANTS: [&str; 13] = [
    "cyclic",
    "reshuffled",
    "iteration",
    "epoch",
    "independent",
    "deterministic",
    "variance-reduced",
    "balanced",
    "dominant",
    "random",
    "gsl",
    "gradient",
    "in-order",
];

fn other_values(value: &Value) -> Vec<Value> {
    match value {
        Value::Number(number) if number.is_f64() => {
            vec![json!(number.as_f64().unwrap() * 0.5), json!(0.25)]
        }
        Value::Number(number) => vec![json!(number.as_u64().unwrap() + 1)],
        Value::Bool(value) => vec![json!(!value)],
        Value::String(_) => {
            let whole = [json!({"same": "cyclic"}), json!({"uniform": "cyclic"})];
            VARIANTS.iter().map(|name| json!(name)).chain(whole).collect()
        }
        _ => vec![json!(1), json!(0.5), json!([{"length": 1, "count": 3}])],
    }
}

fn bad_values(value: &Value) -> Vec<Value> {
    match value {
        Value::Number(number) if number.is_f64() => vec![json!(-1.0), json!(0.0), json!(1e300)],
        Value::Number(_) => vec![json!(0), json!(1000)],
        _ => vec![json!(0), json!(-1.0), json!(1000), json!([{"length": 0, "count": 0}])],
    }
}

impl<F, S> Row for Case<F, S>
where
    F: Family,
    S: Solver<F::Problem> + DeserializeOwned,
{
    fn name(&self) -> String {
        self.name.to_owned()
    }

    fn is_solved(&self) -> bool {
        self.family.solution(1.0).is_some()
    }

    fn is_wild(&self) -> bool {
        self.wild.is_some()
    }

    fn stays(&self) {
        for scale in [1e-6, 1.0, 1e6] {
            let solution = self.family.solution(scale).unwrap();
            let end = self.run(scale, solution.clone(), &Stop::after(40)).unwrap().state.iterate;
            let moved = distance(&end, &solution) / solution.norm().unwrap();
            assert!(moved < 1e-12, "it moved by {moved}");
        }
    }

    fn resumes(&self) {
        let problem = self.family.problem(1.0);
        let run_to = |steps| self.run(1.0, self.ones(), &Stop::after(steps)).unwrap().state;
        let whole = run_to(30).to_bytes().unwrap();
        for cut in [0, 1, 7, 29] {
            let stored = run_to(cut).to_bytes().unwrap();
            let state = State::from_bytes(&stored, &self.solver, &problem, &self.ones()).unwrap();
            let resumed = resume(&self.solver, &problem, state, &Stop::after(30)).unwrap();
            assert!(resumed.state.to_bytes().unwrap() == whole, "other bits after a cut at {cut}");
        }
    }

    fn refuses_other_settings(&self) {
        let problem = self.family.problem(1.0);
        let stored = self.stored();
        for other in self.others() {
            let settings = serde_json::to_string(&other).unwrap();
            let read = State::from_bytes(&stored, &other, &problem, &self.ones()).map(drop);
            assert!(matches!(read, Err(OptimError::OtherRun { .. })), "read by {settings}: {read:?}");
            if other.init(&problem, &self.ones()).is_ok() {
                let state = self.run(1.0, self.ones(), &Stop::after(3)).unwrap().state;
                let refused = resume(&other, &problem, state, &Stop::after(9)).err();
                let refused =
                    refused.is_some_and(|e| matches!(e, RunError::Start(OptimError::OtherRun { .. })));
                assert!(refused, "resumed by {settings}");
            }
        }
    }

    fn ends(&self) {
        let problem = self.family.problem(1.0);
        let watched = |stop: &Stop, stop_at| {
            let mut watch = Watch { stop_at, ..Watch::new() };
            let ended = run_observed(&self.solver, &problem, self.ones(), stop, &mut watch).unwrap();
            (ended.reason, ended.state.iteration, ended.state.work.units())
        };
        let endless = Stop::default();
        assert_eq!(watched(&Stop::after(7), None).1, 7, "steps");
        let (reason, steps, units) = watched(&Stop::after_work(100), None);
        assert!(reason == Reason::Limit && units >= 100, "work: {reason:?} after {units} units");
        let (.., before) = watched(&Stop::after(steps - 1), None);
        assert!(before < 100, "it ended {} units late", before - 100);
        assert_eq!(watched(&endless.or_time(Duration::ZERO), None).0, Reason::Time, "no time");
        assert_eq!(watched(&endless.or_time(Duration::from_millis(2)), None).0, Reason::Time, "time");
        assert_eq!(watched(&endless, Some(5)).0, Reason::Observer, "observer");
    }

    fn solves(&self) {
        for scale in [1e-6, 1.0, 1e6] {
            let solution = self.family.solution(scale).unwrap();
            for start in [self.family.zero(), self.ones()] {
                let far = residual(&self.family.problem(scale), &start).unwrap();
                let stop = Stop::after_work(400_000).or_residual(1e-4 * far);
                let ended = self.run(scale, start.clone(), &stop);
                let end = ended.unwrap_or_else(|e| panic!("scale {scale}: {e}")).state.iterate;
                let farthest = solution.norm().unwrap().max(distance(&start, &solution));
                let left = distance(&end, &solution) / farthest;
                assert!(left < 1e-2, "scale {scale}: {left} of the way is left");
            }
        }
    }

    fn diverges(&self) {
        let Some(wild) = &self.wild else { return };
        for scale in [1e-6, 1.0, 1e6] {
            let problem = self.family.problem(scale);
            let mut watch = Watch::new();
            let error = run_observed(wild, &problem, self.ones(), &Stop::after(100_000), &mut watch).err();
            let Some(RunError::Diverged { iteration, last, .. }) = error else {
                panic!("scale {scale}: no divergence, {:?}", error.map(|e| e.to_string()))
            };
            assert!(last.iteration < iteration, "the last good iterate is not before {iteration}");
            assert!(last.iterate.norm().unwrap().is_finite());
            let operator = problem.operator(&last.iterate).unwrap();
            assert!(operator.norm().unwrap().is_finite(), "the last good iterate cannot be evaluated");
        }
    }

    fn checks(&self) {
        let problem = self.family.problem(1.0);
        let stop = Stop::after(3);
        let zero = self.family.zero();
        let nan = zero.with_coordinates(&vec![f64::NAN; zero.dimension()]).unwrap();
        let refused = run(&self.solver, &problem, nan, &stop).map(drop);
        let typed = matches!(
            refused,
            Err(RunError::Start(OptimError::Input(
                InputError::NotFinite { .. } | InputError::Setting { .. }
            )))
        );
        assert!(typed, "a start that is not a number");
        let wide = run(&self.solver, &problem, Point::<F>::wide(), &stop).map(drop);
        let typed = matches!(wide, Err(RunError::Start(_) | RunError::Step { .. }));
        assert!(typed, "a start of another width: {:?}", wide.map_err(|e| e.to_string()));
        for bad in self.bad() {
            // A typed error or an answer, but no panic.
            let _ = run(&bad, &problem, self.ones(), &stop).map(drop);
        }
        let stored = self.stored();
        for length in 0..stored.len() {
            assert!(self.read(&stored[..length]).is_err(), "half a state was read");
        }
        for at in 0..stored.len() {
            let mut torn = stored.clone();
            torn[at] ^= 0x15;
            assert!(self.read(&torn).is_err(), "a state was read whose byte {at} had changed");
        }
        let bytes = [&stored[..], &[0]].concat();
        assert!(self.read(&bytes).is_err(), "a state that goes on after its end was read");
    }

    fn stored(&self) -> Vec<u8> {
        self.run(1.0, self.ones(), &Stop::after(3)).unwrap().state.to_bytes().unwrap()
    }

    fn read(&self, bytes: &[u8]) -> Result<(), OptimError> {
        State::from_bytes(bytes, &self.solver, &self.family.problem(1.0), &self.ones()).map(drop)
    }
}

fn law(law: &str, rows: &[Box<dyn Row>], holds: impl Fn(&dyn Row)) {
    SUITE.law(law, rows, |row| row.name(), |row| holds(row.as_ref()));
}

fn solved() -> Vec<Box<dyn Row>> {
    rows().into_iter().filter(|row| row.is_solved()).collect()
}

#[test]
fn a_solution_stays() {
    law(STAYS, &solved(), |row| row.stays());
}

#[test]
fn a_stored_run_ends_with_the_same_bits() {
    law(RESUMES, &rows(), |row| row.resumes());
}

#[test]
fn states_of_other_runs_are_refused() {
    let stored: Vec<(String, Vec<u8>)> = rows().iter().map(|row| (row.name(), row.stored())).collect();
    law(REFUSES, &rows(), |row| {
        row.refuses_other_settings();
        for (name, bytes) in stored.iter().filter(|(name, _)| *name != row.name()) {
            // The same method with the same settings, on a problem with a penalty or a constraint.
            let bare = |name: &str| name.trim_end_matches(", l1").trim_end_matches(", in a ball").to_owned();
            if bare(name) == bare(&row.name()) {
                continue;
            }
            let read = row.read(bytes);
            assert!(matches!(read, Err(OptimError::OtherRun { .. })), "{name}: {read:?}");
        }
    });
}

#[test]
fn every_budget_ends_every_method() {
    law(ENDS, &rows(), |row| row.ends());
}

#[test]
fn solutions_of_any_size_are_found() {
    law(SOLVES, &solved(), |row| row.solves());
}

#[test]
fn divergence_holds_the_last_good_iterate() {
    law(DIVERGES, &rows().into_iter().filter(|row| row.is_wild()).collect::<Vec<_>>(), |row| row.diverges());
}

#[test]
fn bad_input_is_typed() {
    law(INPUT, &rows(), |row| row.checks());
}
