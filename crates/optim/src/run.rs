//! The one loop that drives every method.

use std::time::{Duration, Instant};

use kiln_core::check;
use kiln_tensor::Vector;
use serde::{Deserialize, Serialize};

use crate::{MadeBy, Memory, Observed, Observer, Operator, OptimError, State, Work};

/// A method: plain settings, which say how to begin and how to take one step.
///
/// A step must spend at least one [unit](crate::Work::units) of work, so that a budget ends the run.
pub trait Solver<P: Operator>: Serialize {
    /// The name of the method, as `alex-gda`. A [`State`] is of one method and of one choice of its settings,
    /// the fields that the struct serializes, and is refused under others.
    const NAME: &'static str;

    /// What the method remembers besides its iterate.
    type Memory: Memory<P::Point>;

    /// Checks the settings against the problem and prepares the memory. Evaluates nothing: the first step
    /// does.
    ///
    /// # Errors
    /// [`InputError::Setting`](kiln_core::InputError::Setting) and its like.
    fn init(&self, problem: &P, start: &P::Point) -> Result<Self::Memory, OptimError>;

    /// One step. It does not count itself: [`advance`](Solver::advance) does.
    ///
    /// # Errors
    /// When the problem cannot be evaluated. The state may then be half way into the step.
    fn step(&self, problem: &P, state: &mut State<P::Point, Self::Memory>) -> Result<(), OptimError>;

    /// The state before the first step.
    ///
    /// # Errors
    /// As [`init`](Solver::init).
    fn start(&self, problem: &P, start: P::Point) -> Result<State<P::Point, Self::Memory>, OptimError> {
        let memory = self.init(problem, &start)?;
        Ok(State::new(start, memory, self.made_by(problem)?))
    }

    /// What a state of this method, with these settings and on this problem, is marked with.
    ///
    /// # Errors
    /// When the settings cannot be serialized.
    fn made_by(&self, problem: &P) -> Result<MadeBy, OptimError> {
        MadeBy::new(Self::NAME, self, problem.components())
    }

    /// One step, counted. For loops of one's own; [`run`] also guards against divergence.
    ///
    /// # Errors
    /// As [`step`](Solver::step).
    fn advance(&self, problem: &P, state: &mut State<P::Point, Self::Memory>) -> Result<(), OptimError> {
        self.step(problem, state)?;
        state.iteration += 1;
        Ok(())
    }
}

/// When a run ends. Limits count from the state that the run begins with being iteration 0, work 0: a resumed
/// run ends where the uninterrupted one would have. Time counts from the call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Stop {
    /// Steps.
    pub iterations: Option<u64>,
    /// Work, in [units](crate::Work::units): component gradients, and what counts as much. A run ends with
    /// the first step that reaches it.
    pub work: Option<u64>,
    /// A bound on the natural residual `‖z − J(z − F(z))‖` with `J = (I + G)⁻¹`, which is `‖F(z)‖` without a
    /// `G`. It takes one evaluation of `F` that the method may not need, made at every check and not counted
    /// as work.
    pub residual: Option<f64>,
    /// Time since the call of [`run`] or [`resume`].
    pub time: Option<Duration>,
    /// Steps from one check to the next; by default as many as cost one evaluation of `F`. A check tests the
    /// residual and that the iterate is finite and does not diverge, and keeps a copy of the iterate if so.
    pub check_every: Option<u64>,
    /// How far the iterate may go, `1e6` by default, before it is asked whether it diverges. It is asked once
    /// `‖z‖² > growth · ‖z₀‖²`, where `z₀` is the point that this call began with, or the first checked point
    /// that is not 0. It diverges if its residual is then more than `growth^(1/3)` times that at `z₀`;
    /// otherwise the solution is far away, and `z` takes the place of `z₀`. So a run is not ended for the
    /// size of its solution or the unit of the data, and one that diverges is ended after its norm has grown
    /// a thousandfold. Infinity asks never: [`Stop::unguarded`].
    pub growth: Option<f64>,
}

impl Stop {
    /// After so many steps.
    pub fn after(iterations: u64) -> Self {
        Self { iterations: Some(iterations), ..Self::default() }
    }

    /// After so many [units](crate::Work::units) of work: `passes` times `n` for passes over the data.
    pub fn after_work(units: u64) -> Self {
        Self { work: Some(units), ..Self::default() }
    }

    /// Once the residual is at most `residual`.
    #[must_use]
    pub fn or_residual(self, residual: f64) -> Self {
        Self { residual: Some(residual), ..self }
    }

    /// Or after so many [units](crate::Work::units) of work.
    #[must_use]
    pub fn or_work(self, units: u64) -> Self {
        Self { work: Some(units), ..self }
    }

    /// Once this much time has passed.
    #[must_use]
    pub fn or_time(self, time: Duration) -> Self {
        Self { time: Some(time), ..self }
    }

    /// With no guard against divergence, for those who study it: the iterate may go as far as numbers reach. One
    /// that is not finite ends the run in any case.
    ///
    /// ```
    /// use kiln_optim::{RunError, Stop, first_order::GradientDescent, problems::Quadratic, run};
    ///
    /// // ½x², where a step of 3 doubles the distance to 0 and turns its sign.
    /// let problem = Quadratic::diagonal(vec![1.0], vec![0.0])?;
    /// let solver = GradientDescent { step_size: 3.0.into() };
    /// let guarded = run(&solver, &problem, vec![1.0], &Stop::after(100));
    /// assert!(matches!(guarded, Err(RunError::Diverged { .. })));
    /// let free = run(&solver, &problem, vec![1.0], &Stop::after(100).unguarded())?;
    /// assert_eq!(free.state.iterate, [2f64.powi(100)]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn unguarded(self) -> Self {
        Self { growth: Some(f64::INFINITY), ..self }
    }
}

/// Why a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// The limit on steps or on work.
    Limit,
    /// The residual is small enough.
    Residual,
    /// The limit on time.
    Time,
    /// An observer asked for it.
    Observer,
}

/// The end of a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Solution<V, M> {
    /// The last state; its `iterate` is the answer. It can be resumed.
    pub state: State<V, M>,
    /// Why the run ended.
    pub reason: Reason,
    /// The residual at the last check, if [`Stop::residual`] asked for it.
    pub residual: Option<f64>,
}

/// A run that did not end as it should.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError<V> {
    /// The method could not start: a setting or the start is wrong, or the state is of another run.
    #[error("the run could not start")]
    Start(#[source] OptimError),
    /// The iterate grows without bound, and its residual with it, or is not a number.
    #[error(
        "the run diverged by iteration {iteration}: the iterate {what}; a smaller step size may help. The last good \
         iterate, of iteration {}, is in this error",
        last.iteration
    )]
    Diverged {
        /// The iteration at which it was noticed.
        iteration: u64,
        /// What was noticed.
        what: &'static str,
        /// The state at the last check that passed.
        last: Box<State<V, ()>>,
    },
    /// A step failed.
    #[error("iteration {iteration} failed")]
    Step {
        /// The iteration that failed, counted from 1.
        iteration: u64,
        /// What went wrong.
        source: OptimError,
        /// The state at the last check that passed.
        last: Box<State<V, ()>>,
    },
    /// An observer failed.
    #[error("an observer failed after iteration {iteration}")]
    Observer {
        /// The iterations done.
        iteration: u64,
        /// What went wrong.
        source: OptimError,
        /// The state at the last check that passed.
        last: Box<State<V, ()>>,
    },
}

type Outcome<P, S> =
    Result<Solution<<P as Operator>::Point, <S as Solver<P>>::Memory>, RunError<<P as Operator>::Point>>;

/// Runs `solver` on `problem` from `start` until `stop` says so.
///
/// # Errors
/// A [`RunError`]; all but [`RunError::Start`] hold the last good iterate.
pub fn run<P: Operator, S: Solver<P>>(
    solver: &S,
    problem: &P,
    start: P::Point,
    stop: &Stop,
) -> Outcome<P, S> {
    run_observed(solver, problem, start, stop, &mut ())
}

/// [`run`] with an [`Observer`], which sees the state before the first step and after each, and can end the
/// run.
///
/// # Errors
/// As [`run`]; [`RunError::Observer`] when the observer fails.
pub fn run_observed<P: Operator, S: Solver<P>>(
    solver: &S,
    problem: &P,
    start: P::Point,
    stop: &Stop,
    observer: &mut impl Observer<P, S::Memory>,
) -> Outcome<P, S> {
    let state = solver.start(problem, start).map_err(RunError::Start)?;
    resume_observed(solver, problem, state, stop, observer)
}

/// Goes on from a state that a run of the same solver on the same problem left. The result has the same bits
/// as if the run had never been interrupted.
///
/// # Errors
/// As [`run`]; [`OptimError::OtherRun`] in [`RunError::Start`] when the state was made by another method,
/// with other settings (an order or a seed among them), or on another number of components.
pub fn resume<P: Operator, S: Solver<P>>(
    solver: &S,
    problem: &P,
    state: State<P::Point, S::Memory>,
    stop: &Stop,
) -> Outcome<P, S> {
    resume_observed(solver, problem, state, stop, &mut ())
}

/// [`resume`] with an [`Observer`], which sees the state first as it is.
///
/// # Errors
/// As [`resume`]; [`RunError::Observer`] when the observer fails.
pub fn resume_observed<P: Operator, S: Solver<P>>(
    solver: &S,
    problem: &P,
    state: State<P::Point, S::Memory>,
    stop: &Stop,
    observer: &mut impl Observer<P, S::Memory>,
) -> Outcome<P, S> {
    // Also refuses settings that do not fit the problem.
    solver.init(problem, &state.iterate).map_err(RunError::Start)?;
    let here = solver.made_by(problem).map_err(RunError::Start)?;
    state.made_by.check(&here).map_err(RunError::Start)?;
    let started = Instant::now();
    let mut checks = Checks::new(stop, problem, &state).map_err(RunError::Start)?;
    let mut state = state;
    let mut last = Good::of(&state);
    let mut residual = None;
    loop {
        let finished = stop.iterations.is_some_and(|limit| state.iteration >= limit)
            || stop.work.is_some_and(|limit| state.work.units() >= limit);
        let late = stop.time.is_some_and(|limit| started.elapsed() >= limit);
        // No run ends with an iterate that was not looked at.
        if checks.is_due(&state) || finished || late {
            match checks.check(problem, &state) {
                Ok(Ok(found)) => residual = found,
                Ok(Err(what)) => return Err(last.diverged(what, state.iteration, here)),
                Err(source) => {
                    let iteration = state.iteration + 1;
                    return Err(RunError::Step { iteration, source, last: Box::new(last.state(here)) });
                }
            }
            last = Good::of(&state);
        }
        let reason = if finished {
            Some(Reason::Limit)
        } else if stop.residual.zip(residual).is_some_and(|(bound, residual)| residual <= bound) {
            Some(Reason::Residual)
        } else if late {
            Some(Reason::Time)
        } else {
            None
        };
        let observed = match observer.observe(problem, &state, reason.is_some()) {
            Ok(observed) => observed,
            Err(source) => {
                return Err(RunError::Observer {
                    iteration: state.iteration,
                    source,
                    last: Box::new(last.state(here)),
                });
            }
        };
        if observed == Observed::Stop && reason.is_none() && !is_finite(&state.iterate) {
            return Err(last.diverged(NOT_FINITE, state.iteration, here));
        }
        if let Some(reason) = reason.or((observed == Observed::Stop).then_some(Reason::Observer)) {
            return Ok(Solution { state, reason, residual });
        }
        if let Err(source) = solver.advance(problem, &mut state) {
            return Err(RunError::Step {
                iteration: state.iteration + 1,
                source,
                last: Box::new(last.state(here)),
            });
        }
    }
}

/// The last state that passed its check, without the memory, which may be as large as the data.
struct Good<V> {
    iterate: V,
    iteration: u64,
    work: Work,
}

impl<V: Clone> Good<V> {
    fn of<M>(state: &State<V, M>) -> Self {
        Self { iterate: state.iterate.clone(), iteration: state.iteration, work: state.work }
    }

    fn diverged(self, what: &'static str, iteration: u64, made_by: MadeBy) -> RunError<V> {
        RunError::Diverged { iteration, what, last: Box::new(self.state(made_by)) }
    }

    fn state(self, made_by: MadeBy) -> State<V, ()> {
        let Self { iterate, iteration, work } = self;
        State { iterate, iteration, work, memory: (), made_by }
    }
}

const NOT_FINITE: &str = "is not finite";

/// Whether a vector, and with it its squared norm, is finite; one that its device cannot tell is not.
fn is_finite<V: Vector>(iterate: &V) -> bool {
    iterate.dot(iterate).is_ok_and(f64::is_finite)
}

/// The default of [`Stop::growth`].
const GROWTH: f64 = 1e6;

struct Checks<'a, V> {
    stop: &'a Stop,
    /// Units from one check to the next.
    components: u64,
    /// Units at which the next check is due, unless steps decide.
    next: u64,
    growth: f64,
    /// Where the run came from, and its `‖z‖²`.
    origin: V,
    square: f64,
}

impl<'a, V: Vector> Checks<'a, V> {
    fn new<P: Operator<Point = V>, M>(
        stop: &'a Stop,
        problem: &P,
        state: &State<V, M>,
    ) -> Result<Self, OptimError> {
        let growth = stop.growth.unwrap_or(GROWTH);
        check::setting("growth", growth, growth > 0.0, "greater than 0, or infinite")?;
        let square = state.iterate.dot(&state.iterate)?;
        check::all_finite("the start, or its squared norm,", [square])?;
        let (components, next) = (problem.components() as u64, state.work.units());
        Ok(Self { stop, components, next, growth, origin: state.iterate.clone(), square })
    }

    fn is_due<M>(&mut self, state: &State<V, M>) -> bool {
        if let Some(every) = self.stop.check_every {
            return state.iteration.is_multiple_of(every.max(1));
        }
        let done = state.work.units();
        let due = done >= self.next;
        if due {
            self.next = done + self.components;
        }
        due
    }

    /// The residual if it was asked for, or what is wrong with the iterate.
    fn check<P: Operator<Point = V>, M>(
        &mut self,
        problem: &P,
        state: &State<V, M>,
    ) -> Result<Result<Option<f64>, &'static str>, OptimError> {
        let square = state.iterate.dot(&state.iterate)?;
        if !square.is_finite() {
            return Ok(Err(NOT_FINITE));
        }
        if self.square == 0.0 {
            self.square = square;
        } else if square > self.growth * self.square {
            let [before, now] = [residual(problem, &self.origin)?, residual(problem, &state.iterate)?];
            let bound = self.growth.cbrt() * before;
            if now.is_nan() || bound.is_nan() || now > bound {
                return Ok(Err("grew, and its residual with it"));
            }
            self.origin = state.iterate.clone();
            self.square = square;
        }
        let residual = self.stop.residual.map(|_| residual(problem, &state.iterate)).transpose()?;
        if residual.is_some_and(f64::is_nan) {
            return Ok(Err("has no finite operator value"));
        }
        Ok(Ok(residual))
    }
}

/// The natural residual `‖z − J(z − F(z))‖`, `J = (I + G)⁻¹`: zero exactly at the solutions of
/// `0 ∈ F(z) + G(z)`, and `‖F(z)‖` without a `G`.
///
/// # Errors
/// Those of the problem.
pub fn residual<P: Operator>(problem: &P, z: &P::Point) -> Result<f64, OptimError> {
    let mut moved = z.clone();
    moved.axpy(-1.0, &problem.operator(z)?)?;
    problem.resolvent(1.0, &mut moved)?;
    Ok(z.sub(&moved)?.norm()?)
}
