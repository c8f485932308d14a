//! A generator learns the mean and the spread of a normal distribution from a critic, both Burn modules.
//!
//! ```text
//! min_G max_D  E D(real) − E D(G(noise)) − ¼ (E D(real)² + E D(G(noise))²)
//! ```
//!
//! The last term bounds the critic, as in Fisher GANs, and needs no second derivatives. At the solution
//! `G(noise)` is distributed as the data and `D = 0`. Run it with `cargo run --example gan`.

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Device, Tensor, activation::tanh};
use kiln_optim::minimax::{AlexGda, ModuleGame};
use kiln_optim::{Every, Stop, Trace, run_observed};
use kiln_tensor::{Coordinates, Distribution, Noise, Parameters, devices};

/// Critic with one hidden layer.
#[derive(Module, Debug)]
struct Critic {
    hidden: Linear,
    output: Linear,
}

impl Critic {
    fn new(device: &Device) -> Self {
        let output = LinearConfig::new(HIDDEN, 1).with_bias(false).init(device);
        Self { hidden: LinearConfig::new(1, HIDDEN).init(device), output }
    }

    fn forward(&self, samples: Tensor<2>) -> Tensor<2> {
        self.output.forward(tanh(self.hidden.forward(samples)))
    }
}

const HIDDEN: usize = 16;
const SAMPLES: usize = 256;
const MEAN: f64 = 1.0;
const DEVIATION: f64 = 0.5;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let device = devices::all().into_iter().find_map(|(_, found)| found.ok()).ok_or("no device")?.autodiff();
    let gaussian = Noise { seed: 1, distribution: Distribution::Gaussian };
    let real: Tensor<2> = gaussian.tensor(0, 0, [SAMPLES, 1], &device)? * DEVIATION + MEAN;
    let noise: Tensor<2> = gaussian.tensor(1, 0, [SAMPLES, 1], &device)?;

    // Bounded on both sides, so that fixed samples make it a deterministic game.
    let payoff = |generator: &Linear, critic: &Critic| {
        let (on_real, on_fake) =
            (critic.forward(real.clone()), critic.forward(generator.forward(noise.clone())));
        let bound = (on_real.clone().square() + on_fake.clone().square()).mean() * 0.25;
        (on_real - on_fake).mean() - bound
    };
    let game = ModuleGame::new(payoff);

    // A generator's parameters are its deviation and its mean.
    let generator = Parameters::new(LinearConfig::new(1, 1).init(&device)).with_coordinates(&[1.0, -0.5])?;
    let critic = Parameters::new(Critic::new(&device)).random_like(&gaussian, 2)?;

    let mut trace = Trace::new(Every::Iterations(250), |_: &_, (generator, _): &(Parameters<Linear>, _)| {
        let [deviation, mean] = generator.coordinates()?[..] else { unreachable!("a weight and a bias") };
        println!("mean {mean:.3}, deviation {:.3}", deviation.abs());
        Ok((mean - MEAN).hypot(deviation.abs() - DEVIATION))
    });
    let solver = AlexGda::new(0.05, 0.05);
    run_observed(&solver, &game, (generator, critic), &Stop::after(2000), &mut trace)?;

    let error = trace.points().last().ok_or("no state was seen")?.value;
    assert!(error < 0.1, "the generator missed the data by {error}");
    Ok(())
}
