mod bilinear;
mod games;
mod gda;
mod halpern;
mod module_game;
mod rates;
mod seg;

use std::marker::PhantomData;

use kiln_optim::{FiniteSum, Operator, OptimError, Solver, State, check_batch};
use kiln_tensor::{Coordinates, Vector};

/// `Fᵢ(z) = cᵢ z` in any space.
struct Scales<V>(Vec<f64>, PhantomData<V>);

impl<V: Vector> Scales<V> {
    fn new() -> Self {
        Self(vec![0.5, 1.0, 2.0, 0.25], PhantomData)
    }

    fn times(z: &V, scale: f64) -> V {
        let mut value = z.clone();
        value.scale(scale);
        value
    }
}

impl<V: Vector> Operator for Scales<V> {
    type Point = V;

    fn operator(&self, z: &V) -> Result<V, OptimError> {
        Ok(Self::times(z, self.0.iter().sum::<f64>() / self.0.len() as f64))
    }

    fn components(&self) -> usize {
        self.0.len()
    }
}

impl<V: Vector> FiniteSum for Scales<V> {
    fn batch(&self, batch: &[usize], z: &V) -> Result<V, OptimError> {
        check_batch(batch, self.0.len())?;
        Ok(Self::times(z, batch.iter().map(|&i| self.0[i]).sum::<f64>() / batch.len() as f64))
    }
}

/// The state after so many steps from `start`.
fn after<P: Operator<Point: Clone>, S: Solver<P>>(
    solver: &S,
    problem: &P,
    start: &P::Point,
    steps: u64,
) -> State<P::Point, S::Memory> {
    let mut state = solver.start(problem, start.clone()).unwrap();
    for _ in 0..steps {
        solver.advance(problem, &mut state).unwrap();
    }
    state
}

/// A run that is stored and read back after `split` of `steps` steps ends with the bytes of one that is not.
fn resumes<P: Operator<Point: Coordinates>, S: Solver<P>>(
    solver: &S,
    problem: &P,
    start: &P::Point,
    split: u64,
    steps: u64,
) {
    let whole = after(solver, problem, start, steps);
    let stored = after(solver, problem, start, split).to_bytes().unwrap();
    let mut resumed = State::<P::Point, S::Memory>::from_bytes(&stored, solver, problem, start).unwrap();
    for _ in split..steps {
        solver.advance(problem, &mut resumed).unwrap();
    }
    assert_eq!(resumed.to_bytes().unwrap(), whole.to_bytes().unwrap());
}

/// The same steps on a device, in `f32`, and on the host.
fn agrees_on<S: Solver<Scales<Vec<f64>>> + Solver<Scales<burn::tensor::Tensor<1>>>>(
    device: &burn::tensor::Device,
    solver: &S,
) {
    let start = [1.0_f64, -2.0, 0.5];
    let host = after(solver, &Scales::<Vec<f64>>::new(), &start.to_vec(), 9);
    let there = burn::tensor::Tensor::<1>::from_floats(start.map(|x| x as f32), device);
    let there = after(solver, &Scales::new(), &there, 9);
    for (host, there) in host.iterate.iter().zip(there.iterate.coordinates().unwrap()) {
        assert!((host - there).abs() < 1e-5, "{host} {there}");
    }
    assert_eq!(host.work, there.work);
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
}

fn norm(a: &[f64]) -> f64 {
    distance(a, &vec![0.0; a.len()])
}
