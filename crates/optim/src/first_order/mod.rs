//! First-order methods for `min f + g` with `f = (1/n) Σᵢ fᵢ`, and for games: all of them use operator values
//! only.

pub mod burn_optimizer;
mod constants;
pub mod frank_wolfe;
pub mod gradient_descent;
pub mod heavy_ball;
pub mod katyusha;
pub mod loopless_svrg;
pub mod nesterov;
pub mod page;
pub mod recursive;
pub mod saga;
pub mod schedule_free_sgd;
pub mod sgd;
pub mod spider;
pub mod storm;
pub mod svrg;
pub mod svrg_barzilai_borwein;

pub use burn_optimizer::{LastPoint, MomentumOptimizer};
pub use constants::ConvexConstants;
pub use frank_wolfe::{FrankWolfe, FrankWolfeMemory, LinearMinimization, duality_gap};
pub use gradient_descent::GradientDescent;
pub use heavy_ball::{HeavyBall, HeavyBallMemory};
pub use katyusha::{Katyusha, KatyushaMemory};
pub use loopless_svrg::{LooplessSvrg, LooplessSvrgMemory};
pub use nesterov::{Nesterov, NesterovMemory};
pub use page::Page;
pub use recursive::RecursiveMemory;
pub use saga::{Saga, SagaMemory};
pub use schedule_free_sgd::{ScheduleFreeSgd, ScheduleFreeSgdMemory};
pub use sgd::Sgd;
pub use spider::Spider;
pub use storm::Storm;
pub use svrg::{Svrg, SvrgMemory};
pub use svrg_barzilai_borwein::{SvrgBarzilaiBorwein, SvrgBarzilaiBorweinMemory};
