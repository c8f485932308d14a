//! A discriminator of domains in training, opposed by the features.

use burn::module::Module;
use burn::optim::{GradientsParams, ModuleOptimizer};
use burn::tensor::activation::log_softmax;
use burn::tensor::{Gradients, Tensor};
use kiln_tensor::network::{InitialLaw, LayerDraws, MultilayerPerceptron};
use kiln_tensor::training::adam;

use super::batches::{Batch, Pool};
use crate::method::Discriminator;
use crate::{AdaptError, Rows};

pub(super) struct Adversary {
    settings: Discriminator,
    seed: u64,
    /// Made when the number of features is known.
    network: Option<MultilayerPerceptron>,
    optimizer: ModuleOptimizer,
}

impl Adversary {
    pub(super) fn new(settings: &Discriminator, seed: u64) -> Self {
        Self { settings: settings.clone(), seed, network: None, optimizer: adam() }
    }

    /// That of the reversed gradient at a step.
    pub(super) fn coefficient(&self, weight: f64, step: u64) -> f64 {
        let ramp = self.settings.ramp_steps as f64;
        weight * if ramp > 0.0 { 2.0 / (1.0 + (-(step as f64) / ramp).exp()) - 1.0 } else { 1.0 }
    }

    /// The discriminator's cross-entropy, through which gradients pass to the features turned round.
    pub(super) fn loss<X: Rows>(
        &mut self,
        pool: &Pool<X>,
        coefficient: f64,
        features: &Tensor<2>,
        batch: &Batch,
    ) -> Result<Tensor<1>, AdaptError> {
        let domains = batch.ranges.len();
        let [rows, width] = features.dims();
        let network = match self.network.take() {
            Some(network) => network,
            None => self.start(pool, width, domains)?,
        };
        let reversed = features.clone().detach() * (1.0 + coefficient) - features.clone() * coefficient;
        let mut shares = vec![0.0; rows * domains];
        for (domain, range) in batch.ranges.iter().enumerate() {
            for row in range.clone() {
                shares[row * domains + domain] = (1.0 / (range.len() * domains) as f64) as f32;
            }
        }
        let shares = pool.constant(shares, [rows, domains]);
        let loss = -(log_softmax(network.forward(reversed), 1) * shares).sum();
        self.network = Some(network);
        Ok(loss)
    }

    fn start<X: Rows>(
        &self,
        pool: &Pool<X>,
        width: usize,
        domains: usize,
    ) -> Result<MultilayerPerceptron, AdaptError> {
        let mut widths = vec![width];
        widths.extend(&self.settings.hidden);
        widths.push(domains);
        let device = pool.device.clone().inner();
        // A seed of its own, so that the discriminator does not start as a copy of the model's first layer.
        let mut layers = LayerDraws::new(InitialLaw::FanIn, self.seed ^ 0x6461_6e6e, &device);
        Ok(MultilayerPerceptron::new(&widths, &mut layers)?.train())
    }

    /// Moves it.
    pub(super) fn update(&mut self, gradients: &mut Gradients) {
        if let Some(network) = self.network.take() {
            let gradients = GradientsParams::from_module(gradients, &network);
            self.network = Some(self.optimizer.step(self.settings.learning_rate, network, gradients));
        }
    }
}
