//! First-order methods for `min f + g` with `f = (1/n) Σᵢ fᵢ`, and for games: all of them use operator values
//! only.

pub mod burn_optimizer;
mod constants;
pub mod gradient_descent;
pub mod heavy_ball;
pub mod katyusha;
pub mod loopless_svrg;
pub mod nesterov;
pub mod saga;
pub mod sgd;
pub mod svrg;

pub use burn_optimizer::LastPoint;
pub use constants::ConvexConstants;
pub use gradient_descent::GradientDescent;
pub use heavy_ball::{HeavyBall, HeavyBallMemory};
pub use katyusha::{Katyusha, KatyushaMemory};
pub use loopless_svrg::{LooplessSvrg, LooplessSvrgMemory};
pub use nesterov::{Nesterov, NesterovMemory};
pub use saga::{Saga, SagaMemory};
pub use sgd::Sgd;
pub use svrg::{Svrg, SvrgMemory};
