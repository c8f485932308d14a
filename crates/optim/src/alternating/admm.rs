//! The alternating direction method of multipliers (Glowinski, Marroco 1975; Gabay, Mercier 1976), in graph
//! form (Parikh, Boyd, *Block splitting for distributed optimization*, 2014, eq. 4), for `min_x g(x) + h(Kx)`.
//!
//! ```text
//! x̂ ← prox_{g/ρ}(x − u),   ẑ ← prox_{h/ρ}(z − v)
//! (x̃, z̃) = α (x̂, ẑ) + (1 − α) (x, z)
//! (x, z) ← the point with z = Kx nearest to (x̃ + u, z̃ + v)
//! (u, v) ← (u, v) + (x̃, z̃) − (x, z)
//! ```
//!
//! It converges for every penalty `ρ > 0` and relaxation `0 < α < 2`; `ρ` decides how fast. The iterate is
//! `(x̂, y)` with `y = −ρ (ẑ − z + v)`, the slope of `h` at `ẑ`: the primal and the dual solution in the limit.
//! Cost per step: the proximal maps and one projection on the graph of `K`, which counts as one evaluation
//! of `F` and costs `O(md + d²)` for an `m × d` matrix with its factor; memory: two points of the graph.

use kiln_core::check;
use kiln_tensor::Vector;
use kiln_tensor::prox::Prox;
use serde::{Deserialize, Serialize};

use crate::problems::{Coupling, LinearlyComposed};
use crate::state::memory;
use crate::{Operator, OptimError, Solver, State};

/// ADMM; see the [module](self).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Admm {
    /// `ρ > 0`, in units of `g` over those of `x` squared.
    pub penalty: f64,
    /// `α`, greater than 0 and less than 2; values about 1.7 often save steps.
    pub relaxation: f64,
}

impl Admm {
    /// Without relaxation, `α = 1`.
    pub fn new(penalty: f64) -> Self {
        Self { penalty, relaxation: 1.0 }
    }
}

/// What ADMM remembers; nothing before the first step.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AdmmMemory<V> {
    /// `(x, z)` with `z = Kx`.
    on_graph: Option<V>,
    /// `(u, v)`.
    multipliers: Option<V>,
}

memory!(AdmmMemory { on_graph, multipliers; });

impl<K, G, H> Solver<LinearlyComposed<K, G, H>> for Admm
where
    K: Coupling,
    G: Prox<K::X>,
    H: Prox<K::Y>,
{
    const NAME: &'static str = "admm";

    type Memory = AdmmMemory<(K::X, K::Y)>;

    fn init(
        &self,
        _problem: &LinearlyComposed<K, G, H>,
        _start: &(K::X, K::Y),
    ) -> Result<Self::Memory, OptimError> {
        check::positive("penalty", self.penalty)?;
        let holds = self.relaxation > 0.0 && self.relaxation < 2.0;
        check::setting("relaxation", self.relaxation, holds, "greater than 0 and less than 2")?;
        Ok(AdmmMemory { on_graph: None, multipliers: None })
    }

    fn step(
        &self,
        problem: &LinearlyComposed<K, G, H>,
        state: &mut State<(K::X, K::Y), Self::Memory>,
    ) -> Result<(), OptimError> {
        let State { iterate, work, memory, .. } = state;
        let before = memory.on_graph.take().zip(memory.multipliers.take());
        let (graph, mut multipliers) = if let Some(before) = before {
            before
        } else {
            // Those that belong to the iterate: a solution stays.
            let (mut multiplier_x, mut image) = work.operator(problem, iterate)?;
            multiplier_x.scale(1.0 / self.penalty);
            image.scale(-1.0);
            let mut multiplier_z = iterate.1.clone();
            multiplier_z.scale(-1.0 / self.penalty);
            ((iterate.0.clone(), image), (multiplier_x, multiplier_z))
        };
        let mut near = graph.sub(&multipliers)?;
        problem.on_x.prox(1.0 / self.penalty, &mut near.0)?;
        problem.on_image.prox(1.0 / self.penalty, &mut near.1)?;

        // y = −ρ (ẑ − z + v)
        let mut slope = graph.1.sub(&near.1)?;
        slope.axpy(-1.0, &multipliers.1)?;
        slope.scale(self.penalty);
        *iterate = (near.0.clone(), slope);

        let relaxed = graph.lerp(&near, self.relaxation)?;
        multipliers.axpy(1.0, &relaxed)?;
        work.components += problem.components() as u64;
        let graph = problem.coupling.project_on_graph(&multipliers.0, &multipliers.1)?;
        multipliers.axpy(-1.0, &graph)?;
        memory.on_graph = Some(graph);
        memory.multipliers = Some(multipliers);
        Ok(())
    }
}
