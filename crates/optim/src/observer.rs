//! What watches a run: traces, progress, checkpoints.

use std::path::{Path, PathBuf};

use kiln_tensor::{Coordinates, Vector};

use crate::{Memory, Operator, OptimError, Solver, State, Work};

/// Whether a run goes on after it was observed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Observed {
    /// It goes on.
    Continue,
    /// It ends here.
    Stop,
}

/// Watches a run. `()` watches nothing; a pair watches twice.
pub trait Observer<P: Operator, M> {
    /// Called with the state before the first step and after every step; `last` says that the run ends with
    /// it.
    ///
    /// # Errors
    /// Ends the run with [`RunError::Observer`](crate::RunError::Observer).
    fn observe(
        &mut self,
        problem: &P,
        state: &State<P::Point, M>,
        last: bool,
    ) -> Result<Observed, OptimError>;
}

impl<P: Operator, M> Observer<P, M> for () {
    fn observe(&mut self, _: &P, _: &State<P::Point, M>, _: bool) -> Result<Observed, OptimError> {
        Ok(Observed::Continue)
    }
}

impl<P: Operator, M, A: Observer<P, M>, B: Observer<P, M>> Observer<P, M> for (A, B) {
    fn observe(
        &mut self,
        problem: &P,
        state: &State<P::Point, M>,
        last: bool,
    ) -> Result<Observed, OptimError> {
        let first = self.0.observe(problem, state, last)?;
        let second = self.1.observe(problem, state, last)?;
        Ok(if first == Observed::Stop { first } else { second })
    }
}

/// When an observer looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Every {
    /// Every so many steps.
    Iterations(u64),
    /// Whenever so many [units](Work::units) of work have been done since it last looked.
    Work(u64),
}

impl Every {
    /// Whether it is time, given the work at which it last was.
    fn is_due<V, M>(self, state: &State<V, M>, before: &mut Option<u64>) -> bool {
        match self {
            Self::Iterations(steps) => state.iteration.is_multiple_of(steps.max(1)),
            Self::Work(units) => {
                let done = state.work.units();
                let due = before.is_none_or(|before| done >= before.saturating_add(units));
                if due {
                    *before = Some(done);
                }
                due
            }
        }
    }
}

/// One row of a [`Trace`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Steps taken.
    pub iteration: u64,
    /// What they cost.
    pub work: Work,
    /// What the trace measures.
    pub value: f64,
}

/// Records a number along a run: the objective, a distance to the solution, a sharpness.
///
/// ```
/// use kiln_optim::{Every, Objective, Stop, Trace, first_order::GradientDescent, problems::Quadratic, run_observed};
///
/// let problem = Quadratic::diagonal(vec![1.0, 4.0], vec![1.0, 1.0])?;
/// let mut values = Trace::new(Every::Iterations(5), |problem: &Quadratic, x: &Vec<f64>| problem.value(x));
/// let solver = GradientDescent { step_size: 0.25.into() };
/// run_observed(&solver, &problem, vec![0.0, 0.0], &Stop::after(10), &mut values)?;
/// assert_eq!(values.points().len(), 3); // at steps 0, 5 and 10
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Trace<F> {
    every: Every,
    before: Option<u64>,
    measure: F,
    points: Vec<Point>,
}

impl<F> Trace<F> {
    /// Records `measure(problem, iterate)`, which is not counted as work, and always at the first and last
    /// state.
    pub fn new(every: Every, measure: F) -> Self {
        Self { every, before: None, measure, points: Vec::new() }
    }

    /// What was recorded.
    pub fn points(&self) -> &[Point] {
        &self.points
    }
}

impl<P, M, F> Observer<P, M> for Trace<F>
where
    P: Operator,
    F: FnMut(&P, &P::Point) -> Result<f64, OptimError>,
{
    fn observe(
        &mut self,
        problem: &P,
        state: &State<P::Point, M>,
        last: bool,
    ) -> Result<Observed, OptimError> {
        if self.every.is_due(state, &mut self.before) || last {
            let value = (self.measure)(problem, &state.iterate)?;
            self.points.push(Point { iteration: state.iteration, work: state.work, value });
        }
        Ok(Observed::Continue)
    }
}

/// Tells a progress bar of the caller's choice where the run is.
#[derive(Clone, Debug)]
pub struct ProgressObserver<F> {
    every: Every,
    before: Option<u64>,
    tell: F,
}

impl<F: FnMut(u64, Work)> ProgressObserver<F> {
    /// Calls `tell(iteration, work)`.
    pub fn new(every: Every, tell: F) -> Self {
        Self { every, before: None, tell }
    }
}

impl<P: Operator, M, F: FnMut(u64, Work)> Observer<P, M> for ProgressObserver<F> {
    fn observe(&mut self, _: &P, state: &State<P::Point, M>, last: bool) -> Result<Observed, OptimError> {
        if self.every.is_due(state, &mut self.before) || last {
            (self.tell)(state.iteration, state.work);
        }
        Ok(Observed::Continue)
    }
}

/// Keeps the state in a file, so that a run that was killed can go on.
///
/// The file is replaced as a whole: it always holds a complete state, whose iterate is finite. See
/// [`Checkpoint::read`].
#[derive(Clone, Debug)]
pub struct Checkpoint {
    every: Every,
    before: Option<u64>,
    path: PathBuf,
}

impl Checkpoint {
    /// Writes to `path`; the folder must exist.
    pub fn new(every: Every, path: impl Into<PathBuf>) -> Self {
        Self { every, before: None, path: path.into() }
    }

    /// The state in a file, or a fresh one from `start` if there is no such file: what a program begins with
    /// that may have been killed before.
    ///
    /// # Errors
    /// When the file cannot be read; as [`State::from_bytes`] when it holds the state of another method, of
    /// other settings or of another size.
    pub fn read<P, S>(
        path: &Path,
        solver: &S,
        problem: &P,
        start: P::Point,
    ) -> Result<State<P::Point, S::Memory>, OptimError>
    where
        P: Operator,
        P::Point: Coordinates,
        S: Solver<P>,
    {
        match std::fs::read(path) {
            Ok(bytes) => State::from_bytes(&bytes, solver, problem, &start),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => solver.start(problem, start),
            Err(e) => Err(OptimError::State(format!("{}: {e}", path.display()))),
        }
    }
}

impl<P: Operator<Point: Coordinates>, M: Memory<P::Point>> Observer<P, M> for Checkpoint {
    fn observe(&mut self, _: &P, state: &State<P::Point, M>, last: bool) -> Result<Observed, OptimError> {
        // A run that has diverged keeps the state from before.
        if (self.every.is_due(state, &mut self.before) || last) && state.iterate.norm()?.is_finite() {
            let partial = self.path.with_extension("partial");
            std::fs::write(&partial, state.to_bytes()?)
                .and_then(|()| std::fs::rename(&partial, &self.path))
                .map_err(|e| {
                    OptimError::Observer(format!("cannot write {}: {e}", self.path.display()).into())
                })?;
        }
        Ok(Observed::Continue)
    }
}
