//! MNIST for networks that tell whether something was taken out of a picture.

use burn::module::Module;
use burn::optim::SgdConfig;
use burn::optim::momentum::MomentumConfig;
use burn::tensor::{Device, Int, Tensor};

use super::networks::{Training, best, in_batches, outputs, share};
use crate::pictures::{AwdCnn, Pictures};
use kiln_datasets::ImagePart;
use kiln_receipts::{Context, ExperimentError, Recorder};
use kiln_tensor::training::cross_entropy;

pub(super) const SIDE: usize = 28;

/// Pictures in `[0, 1]`, `[count, 28, 28]`: the first ones of the training and of the test set.
pub(super) struct Digits {
    pub(super) train: Tensor<3>,
    pub(super) test: Tensor<3>,
}

impl Digits {
    pub(super) fn read(
        context: &Context,
        recorder: &mut Recorder,
        counts: [usize; 2],
        device: &Device,
    ) -> Result<Self, ExperimentError> {
        let mut read = |part: ImagePart, count: usize| -> Result<Tensor<3>, ExperimentError> {
            let pictures = Pictures::mnist(context, recorder, part)?.part(0..count);
            Ok(pictures.tensor(device).reshape([count, SIDE, SIDE]))
        };
        Ok(Self { train: read(ImagePart::Train, counts[0])?, test: read(ImagePart::Test, counts[1])? })
    }
}

/// As the authors' networks want pictures.
pub(super) fn normalized(x: Tensor<3>) -> Tensor<3> {
    (x - 0.1307) / 0.3081
}

/// A network whose output 0 speaks for a picture as it is and output 1 for what is left of it.
pub(super) fn tell_apart(
    whole: &Tensor<3>,
    rest: &Tensor<3>,
    training: Training,
    device: &Device,
) -> Result<AwdCnn, ExperimentError> {
    let x = Tensor::cat(vec![normalized(whole.clone()), normalized(rest.clone())], 0);
    let half = whole.dims()[0];
    let momentum = MomentumConfig::new().with_momentum(0.5).with_dampening(0.0);
    let optimizer = SgdConfig::new().with_momentum(Some(momentum)).init();
    // Each batch holds pictures and, after them, what is left of the same.
    let loss = |network: &AwdCnn, rows: Tensor<1, Int>| {
        let rows = Tensor::cat(vec![rows.clone(), rows + half.cast_signed() as i64], 0);
        let classes = rows.clone().greater_equal_elem(half.cast_signed() as i64).int();
        cross_entropy(outputs(network, x.clone().select(0, rows).autodiff()), classes.autodiff())
    };
    let network = AwdCnn::drawn(SIDE, 2, training.seed, &device.clone().autodiff())?;
    Ok(training.fit(network, optimizer, half, loss, device)?)
}

/// The share of pictures, whole and not, of which a network without autodiff knows which they are.
pub(super) fn accuracy(
    network: &AwdCnn,
    whole: &Tensor<3>,
    rest: &Tensor<3>,
) -> Result<f64, ExperimentError> {
    let network = network.valid();
    let known = |x: &Tensor<3>, class: usize| -> Result<f64, ExperimentError> {
        let found = in_batches(x, |x| Ok(outputs(&network, normalized(x))))?;
        Ok(share(&best(found)?, |_| class))
    };
    Ok(f64::midpoint(known(whole, 0)?, known(rest, 1)?))
}

/// How much more output 0 says than output 1: the log-odds that a picture is whole.
pub(super) fn log_odds(outputs: Tensor<2>) -> Tensor<2> {
    outputs.clone().narrow(1, 0, 1) - outputs.narrow(1, 1, 1)
}
