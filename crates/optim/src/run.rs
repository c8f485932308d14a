//! The one loop that drives every method.

use std::time::{Duration, Instant};

use kiln_core::InputError;
use kiln_tensor::Vector;
use serde::{Deserialize, Serialize};

use crate::{Memory, Observed, Observer, Operator, OptimError, State};

/// A method: plain settings, which say how to begin and how to take one step.
pub trait Solver<P: Operator> {
    /// What the method remembers besides its iterate.
    type Memory: Memory<P::Point>;

    /// Checks the settings against the problem and prepares the memory. Evaluates nothing: the first step does.
    ///
    /// # Errors
    /// [`InputError::Setting`] and its like.
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
        Ok(State::new(start, memory))
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

/// When a run ends. Limits count from the state that the run begins with being iteration 0, work 0: a resumed run ends
/// where the uninterrupted one would have. Time counts from the call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Stop {
    /// Steps.
    pub iterations: Option<u64>,
    /// Work, in [component evaluations](crate::Work::components).
    pub components: Option<u64>,
    /// A bound on the natural residual `‖z − J(z − F(z))‖` with `J = (I + G)⁻¹`, which is `‖F(z)‖` without a `G`. It
    /// takes one evaluation of `F` that the method may not need, made at every check and not counted as work.
    pub residual: Option<f64>,
    /// Time since the call of [`run`] or [`resume`].
    pub time: Option<Duration>,
    /// Steps from one check to the next; by default as many as cost one evaluation of `F`. A check tests the residual
    /// and that the iterate is finite and has not left every bound, and keeps a copy of the iterate if so.
    pub check_every: Option<u64>,
    /// A run counts as diverged once `‖z‖² > growth · max(1, ‖z₀‖²)`, `z₀` the point that this call began
    /// with; `1e6` by default. Give infinity where large iterates are meant: on badly scaled data, or with
    /// steps that are large on purpose.
    pub growth: Option<f64>,
}

impl Stop {
    /// After so many steps.
    pub fn after(iterations: u64) -> Self {
        Self { iterations: Some(iterations), ..Self::default() }
    }

    /// After so many evaluations of components: `passes` times `n` for passes over the data.
    pub fn after_components(components: u64) -> Self {
        Self { components: Some(components), ..Self::default() }
    }

    /// Once the residual is at most `residual`.
    #[must_use]
    pub fn or_residual(self, residual: f64) -> Self {
        Self { residual: Some(residual), ..self }
    }

    /// Once this much time has passed.
    #[must_use]
    pub fn or_time(self, time: Duration) -> Self {
        Self { time: Some(time), ..self }
    }
}

/// Why a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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
    /// The method could not start: a setting is wrong.
    #[error("the run could not start")]
    Start(#[source] OptimError),
    /// The iterate left every bound or is not a number.
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

/// The default of [`Stop::growth`].
const GROWTH: f64 = 1e6;

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
    observer: &mut impl Observer<P, S::Memory>,
) -> Outcome<P, S> {
    let state = solver.start(problem, start).map_err(RunError::Start)?;
    resume(solver, problem, state, stop, observer)
}

/// Goes on from a state that a run of the same solver on the same problem left. The result has the same bits as if the
/// run had never been interrupted.
///
/// # Errors
/// As [`run`].
pub fn resume<P: Operator, S: Solver<P>>(
    solver: &S,
    problem: &P,
    state: State<P::Point, S::Memory>,
    stop: &Stop,
    observer: &mut impl Observer<P, S::Memory>,
) -> Outcome<P, S> {
    // Also refuses settings that do not fit the problem.
    solver.init(problem, &state.iterate).map_err(RunError::Start)?;
    if let Some(growth) = stop.growth.filter(|growth| growth.is_nan() || *growth <= 0.0) {
        let (name, must) = ("growth", "greater than 0, or infinite");
        return Err(RunError::Start(InputError::setting(name, growth, must).into()));
    }
    let started = Instant::now();
    let bound = stop.growth.unwrap_or(GROWTH)
        * state.iterate.norm().map_err(|e| RunError::Start(e.into()))?.powi(2).max(1.0);
    let mut checks =
        Checks { stop, components: problem.components() as u64, bound, next: state.work.components };
    let mut state = state;
    let mut last = good(&state);
    let mut residual = None;
    loop {
        let finished = stop.iterations.is_some_and(|limit| state.iteration >= limit)
            || stop.components.is_some_and(|limit| state.work.components >= limit);
        if finished || checks.is_due(&state) {
            match checks.check(problem, &state) {
                Ok(Ok(found)) => residual = found,
                Ok(Err(what)) => {
                    return Err(RunError::Diverged {
                        iteration: state.iteration,
                        what,
                        last: Box::new(last),
                    });
                }
                Err(source) => {
                    return Err(RunError::Step {
                        iteration: state.iteration + 1,
                        source,
                        last: Box::new(last),
                    });
                }
            }
            last = good(&state);
        }
        let reason = if finished {
            Some(Reason::Limit)
        } else if stop.residual.zip(residual).is_some_and(|(bound, residual)| residual <= bound) {
            Some(Reason::Residual)
        } else if stop.time.is_some_and(|limit| started.elapsed() >= limit) {
            Some(Reason::Time)
        } else {
            None
        };
        let observed = match observer.observe(problem, &state, reason.is_some()) {
            Ok(observed) => observed,
            Err(source) => {
                return Err(RunError::Observer { iteration: state.iteration, source, last: Box::new(last) });
            }
        };
        if let Some(reason) = reason.or((observed == Observed::Stop).then_some(Reason::Observer)) {
            return Ok(Solution { state, reason, residual });
        }
        if let Err(source) = solver.advance(problem, &mut state) {
            return Err(RunError::Step { iteration: state.iteration + 1, source, last: Box::new(last) });
        }
    }
}

/// A copy without the memory, which may be as large as the data.
fn good<V: Clone, M>(state: &State<V, M>) -> State<V, ()> {
    let State { iterate, iteration, work, .. } = state;
    State { iterate: iterate.clone(), iteration: *iteration, work: *work, memory: () }
}

struct Checks<'a> {
    stop: &'a Stop,
    components: u64,
    bound: f64,
    /// Work at which the next check is due, unless steps decide.
    next: u64,
}

impl Checks<'_> {
    fn is_due<V, M>(&mut self, state: &State<V, M>) -> bool {
        if let Some(every) = self.stop.check_every {
            return state.iteration.is_multiple_of(every.max(1));
        }
        let work = state.work;
        let done = work.components
            + u64::midpoint(work.partial_gradients, work.block_minimizations)
            + work.partial_derivatives;
        let due = done >= self.next;
        if due {
            self.next = done + self.components;
        }
        due
    }

    /// The residual if it was asked for, or what is wrong with the iterate.
    fn check<P: Operator, M>(
        &self,
        problem: &P,
        state: &State<P::Point, M>,
    ) -> Result<Result<Option<f64>, &'static str>, OptimError> {
        let square = state.iterate.dot(&state.iterate)?;
        if !square.is_finite() {
            return Ok(Err("is not finite"));
        }
        if square > self.bound {
            return Ok(Err("grew beyond the bound of `Stop::growth`"));
        }
        let residual = self.stop.residual.map(|_| residual(problem, &state.iterate)).transpose()?;
        if residual.is_some_and(f64::is_nan) {
            return Ok(Err("has no finite operator value"));
        }
        Ok(Ok(residual))
    }
}

/// The natural residual `‖z − J(z − F(z))‖`, `J = (I + G)⁻¹`: zero exactly at the solutions of `0 ∈ F(z) + G(z)`, and
/// `‖F(z)‖` without a `G`.
///
/// # Errors
/// Those of the problem.
pub fn residual<P: Operator>(problem: &P, z: &P::Point) -> Result<f64, OptimError> {
    let mut moved = z.clone();
    moved.axpy(-1.0, &problem.operator(z)?)?;
    problem.resolvent(1.0, &mut moved)?;
    Ok(z.sub(&moved)?.norm()?)
}
