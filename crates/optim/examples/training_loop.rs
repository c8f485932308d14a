//! One small network on two rings of points, trained by each kind of method in the loop that it asks for:
//! `cargo run --release -p kiln-optim --example training_loop`.

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::optim::{AdamConfig, AdamWConfig, GradientsParams, ModuleOptimizer};
use burn::tensor::activation::{sigmoid, tanh};
use burn::tensor::{Device, Int, Tensor};
use kiln_optim::first_order::{MomentumOptimizer, Page, Storm, Svrg};
use kiln_optim::training::{Sam, ScheduleFree, Soap};
use kiln_optim::{ModuleObjective, OptimError, Order, Sampler, Solver};
use kiln_tensor::{Coordinates, Distribution, Noise, Parameters, devices};

type Error = Box<dyn std::error::Error>;

#[derive(Module, Debug)]
struct Network {
    hidden: Linear,
    output: Linear,
}

impl Network {
    /// Weights that depend on nothing but the seed.
    fn new(device: &Device) -> Result<Self, OptimError> {
        let (hidden, output) = (LinearConfig::new(2, 24).init(device), LinearConfig::new(24, 1).init(device));
        let noise = Noise { seed: 3, distribution: Distribution::Gaussian };
        let parameters = Parameters::new(Self { hidden, output }).random_like(&noise, 0)?;
        Ok(parameters.into_inner())
    }

    fn forward(&self, points: Tensor<2>) -> Tensor<2> {
        self.output.forward(tanh(self.hidden.forward(points)))
    }
}

const POINTS: usize = 200;
const BATCH: usize = 20;
const EPOCHS: usize = 60;

struct Rings {
    points: Tensor<2>,
    /// 1 on the inner ring, 0 on the outer.
    labels: Tensor<2>,
}

impl Rings {
    fn new(device: &Device) -> Self {
        let at = |i: usize| {
            let (angle, inner) = (i as f64 * 2.399, i.is_multiple_of(2));
            let radius = if inner { 0.6 } else { 1.4 } + 0.3 * (i as f64 * 1.7).sin();
            ([radius * angle.cos(), radius * angle.sin()], f64::from(u8::from(inner)))
        };
        let points: Vec<f64> = (0..POINTS).flat_map(|i| at(i).0).collect();
        let labels: Vec<f64> = (0..POINTS).map(|i| at(i).1).collect();
        Self {
            points: Tensor::<1>::from_data(&points[..], device).reshape([POINTS, 2]),
            labels: Tensor::<1>::from_data(&labels[..], device).reshape([POINTS, 1]),
        }
    }

    /// The mean logistic loss over a batch.
    fn loss(&self, network: &Network, batch: &[usize]) -> Tensor<1> {
        let rows: Vec<i64> = batch.iter().filter_map(|&i| i64::try_from(i).ok()).collect();
        let rows = Tensor::<1, Int>::from_data(&rows[..], &self.points.device());
        let probability = sigmoid(network.forward(self.points.clone().select(0, rows.clone())));
        let labels = self.labels.clone().select(0, rows);
        let right = probability.clone() * labels.clone() + (-probability + 1.0) * (-labels + 1.0);
        -right.clamp_min(1e-7).log().mean()
    }

    fn total(&self, network: &Network) -> f64 {
        let all: Vec<usize> = (0..POINTS).collect();
        f64::from(self.loss(network, &all).inner().into_scalar::<f32>())
    }
}

/// The usual loop: a batch, its gradients, the optimizer's step.
fn by_optimizer(
    rings: &Rings,
    mut network: Network,
    mut optimizer: ModuleOptimizer,
    rate: f64,
) -> Result<Network, Error> {
    let mut batches = Sampler::new(Order::Reshuffled, POINTS, BATCH, 7)?;
    for _ in 0..EPOCHS * POINTS / BATCH {
        let loss = rings.loss(&network, batches.next_batch());
        let gradients = GradientsParams::from_grads(loss.backward(), &network);
        network = optimizer.step(rate, network, gradients);
    }
    Ok(network)
}

/// SAM makes the gradients at a perturbed point, any optimizer takes the step.
fn by_sam(rings: &Rings, mut network: Network) -> Result<Network, Error> {
    let (sam, mut optimizer) = (Sam { radius: 0.05 }, AdamWConfig::new().init());
    let mut batches = Sampler::new(Order::Reshuffled, POINTS, BATCH, 7)?;
    for _ in 0..EPOCHS * POINTS / BATCH {
        let batch = batches.next_batch().to_vec();
        let sharp = sam.gradients(&network, |network| rings.loss(network, &batch))?;
        network = optimizer.step(0.02, network, sharp.gradients);
    }
    Ok(network)
}

/// Schedule-free training keeps two networks: one for the gradients, and one to use.
fn by_schedule_free(rings: &Rings, network: Network) -> Result<Network, Error> {
    let mut optimizer = AdamConfig::new().with_beta_1(0.0).init();
    let mut training = ScheduleFree { warmup: 20, ..ScheduleFree::default() }.begin(network)?;
    let mut batches = Sampler::new(Order::Reshuffled, POINTS, BATCH, 7)?;
    for _ in 0..EPOCHS * POINTS / BATCH {
        let network = training.module()?;
        let loss = rings.loss(&network, batches.next_batch());
        let gradients = GradientsParams::from_grads(loss.backward(), &network);
        training.step(&mut optimizer, 0.02, gradients)?;
    }
    Ok(training.average())
}

/// Methods that ask for gradients at two points choose their batches themselves: the loss and the data are a
/// problem, and each call of `advance` is a step.
fn by_solver<S>(rings: &Rings, network: Network, solver: &S) -> Result<Network, Error>
where
    S: for<'a> Solver<ModuleObjective<Network, Loss<'a>>>,
{
    let loss: Loss<'_> = Box::new(|network: &Network, batch: &[usize]| rings.loss(network, batch));
    let problem = ModuleObjective::new(POINTS, loss)?;
    let mut state = solver.start(&problem, Parameters::new(network))?;
    while state.work.units() < (EPOCHS * POINTS) as u64 {
        solver.advance(&problem, &mut state)?;
    }
    Ok(state.iterate.into_inner())
}

type Loss<'a> = Box<dyn Fn(&Network, &[usize]) -> Tensor<1> + 'a>;

/// In sight of a test that runs it.
pub(crate) fn main() -> Result<(), Error> {
    let device = devices::all().into_iter().find_map(|(_, found)| found.ok()).ok_or("no device")?.autodiff();
    let rings = Rings::new(&device);
    let start = || Network::new(&device);
    println!("start: loss {:.3}", rings.total(&start()?));

    let heavy_ball = MomentumOptimizer::heavy_ball(0.9)?.into();
    let soap = Soap { weight_decay: 0.0, ..Soap::default() }.optimizer()?.into();
    let svrg = Svrg { batch_size: BATCH, ..Svrg::new(0.5, 7) };
    let page = Page { batch_size: Some(BATCH), ..Page::new(0.5, 7) };
    let storm = Storm { batch_size: BATCH, ..Storm::new(0.5, 7) };
    let trained = [
        ("heavy ball", by_optimizer(&rings, start()?, heavy_ball, 0.1)?),
        ("SOAP", by_optimizer(&rings, start()?, soap, 0.02)?),
        ("SAM over AdamW", by_sam(&rings, start()?)?),
        ("schedule-free Adam", by_schedule_free(&rings, start()?)?),
        ("SVRG", by_solver(&rings, start()?, &svrg)?),
        ("PAGE", by_solver(&rings, start()?, &page)?),
        ("STORM", by_solver(&rings, start()?, &storm)?),
    ];
    for (name, network) in trained {
        let loss = rings.total(&network);
        println!("{name}: loss {loss:.4}");
        if loss.is_nan() || loss > 0.3 {
            return Err(format!("{name} did not learn the rings: its loss is {loss}").into());
        }
    }
    Ok(())
}
