//! Structural causal models to adapt between, with exact risks of their populations.
//!
//! A simulation is a small config with a seed. Its `population()` holds the law of every domain, from which
//! risks follow without sampling; its `draw(repeat)` gives rows, and for each number of the repeat others
//! under the same law. What only evaluation may see (labels of the target, the laws) is always a value of its
//! own, so that it cannot reach a method.
//!
//! | Simulation | Labels | Paper |
//! |---|---|---|
//! | [`CicSimulation`] | two classes | Wu, Chen, Ha, Yu, arXiv 2309.10301 |
//! | [`ChenBuhlmann`] | values | Chen, Bühlmann, JMLR 2021, arXiv 2010.15764 |
//! | [`Ssda`] | values, a few of the target | after Ha, Chen, arXiv 2507.14661 |
//!
//! ```
//! use kiln_adapt::Fit;
//! use kiln_adapt::linear::classification::{CipHard, DipHard};
//! use kiln_adapt::scm::{CicScm, CicSimulation};
//!
//! // In SCM III a third of the features has its relation to the label reversed in the target.
//! let simulation = CicSimulation::new(CicScm::Iii, 1);
//! let (problem, _labelled_target) = simulation.draw(0)?;
//! let target = simulation.population()?.target;
//! assert!(target.accuracy(&CipHard::default().fit(&problem)?)? > 0.7);
//! assert!(target.accuracy(&DipHard::new(0).fit(&problem)?)? < 0.2);
//! # Ok::<(), kiln_adapt::AdaptError>(())
//! ```

pub mod chen_buhlmann;
pub mod cic;
mod linear_gaussian;
mod random;
pub mod ssda;
pub mod two_gaussians;

pub use chen_buhlmann::{ChenBuhlmann, RegressionPopulation, ScmShift, Structure};
pub use cic::{CicPopulation, CicScm, CicSimulation, Roles};
use faer::Mat;
pub use linear_gaussian::LinearGaussian;
pub use ssda::{Intervention, Ssda};
pub use two_gaussians::{TwoGaussians, normal_cdf};

use crate::{Adaptation, Labelled};

/// The problem, and the target's rows with their labels, **for evaluation only**.
pub type Drawn = (Adaptation<Mat<f64>>, Labelled<Mat<f64>>);
