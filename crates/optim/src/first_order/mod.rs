//! First-order methods for `min f + g` with `f = (1/n) Σᵢ fᵢ`, and for games: all of them use operator values only.

mod gradient_descent;
mod sgd;
mod svrg;

pub use gradient_descent::GradientDescent;
pub use sgd::Sgd;
pub use svrg::{Svrg, SvrgMemory};
