//! The authors' networks: their accuracy, and how well parts add in them.

use burn::tensor::{Device, Tensor};
use kiln_interpret::contextual_decomposition::Parts;
use kiln_tensor::{Distribution, Noise};
use serde::{Deserialize, Serialize};

use super::claims::{CNN_ACCURACY, EMPTY_MASK, FULL_MASK, LENET_ACCURACY, LOGITS, SUM_ERROR};
use super::networks::{Look, Network};
use crate::device::TensorDevice;
use crate::pictures::{AwdCnn, Pictures, TrimLeNet};
use kiln_datasets::ImagePart;
use kiln_receipts::{Context, ExperimentError, Recorder, Table};

/// Logits of the first test picture, from the authors' own code, to a ten-thousandth.
const CNN_LOGITS: [f32; 10] =
    [-23.4015, -9.9325, -4.7649, 1.8390, -8.2252, -9.8291, -48.6640, 30.4288, -13.3214, -4.0577];
const LENET_LOGITS: [f32; 10] =
    [-6.3077, -1.1878, -0.7499, -4.4299, -3.9873, -6.0649, -19.0012, 17.9315, -5.1080, -4.4054];
/// Pictures that are decomposed, each with a mask of its own.
const DECOMPOSED: usize = 500;

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Measured {
    /// In percent.
    accuracy: f64,
    /// Largest difference of the first picture's logits.
    logits: f64,
    /// Largest errors of the parts' sum, of the relevant part with a full mask, and with an empty one.
    errors: [f64; 3],
}

fn largest(x: Tensor<2>) -> f64 {
    x.abs().max().into_scalar::<f64>()
}

fn measure<N: Network>(
    network: &N,
    x: &Tensor<4>,
    labels: &[u8],
    expected: [f32; 10],
    device: &Device,
) -> Result<Measured, ExperimentError> {
    let first = network.logits(x.clone().slice_dim(0, 0..1));
    let expected = Tensor::<2>::from_data([expected], device);
    let x_some = x.clone().slice_dim(0, 0..DECOMPOSED);
    let logits = network.logits(x_some.clone());
    let signs: Tensor<4> =
        Noise { seed: 1, distribution: Distribution::Rademacher }.tensor(0, 0, x_some.dims(), device)?;
    let parts = |mask: Tensor<4>| -> Result<Parts<2>, ExperimentError> {
        Ok(network.decompose(Parts::masked(x_some.clone(), mask)?)?)
    };
    let ones = x_some.ones_like();
    Ok(Measured {
        accuracy: Look::at(network, x, labels)?.accuracy,
        logits: largest(first - expected),
        errors: [
            largest(parts((signs + 1.0) / 2.0)?.sum() - logits.clone()),
            largest(parts(ones.clone())?.relevant - logits),
            largest(parts(ones.zeros_like())?.relevant),
        ],
    })
}

pub(super) fn networks(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let device = context.tensor_device()?;
    let pictures = &Pictures::mnist(context, recorder, ImagePart::Test)?;
    let labels = &pictures.labels;
    let (cnn, cnn_file) = AwdCnn::load(&*context.data, &device)?;
    let (lenet, lenet_file) = TrimLeNet::load(&*context.data, &device)?;
    recorder.used_data(cnn_file);
    recorder.used_data(lenet_file);
    let found = recorder.memo("networks", || {
        Ok([
            measure(&cnn, &AwdCnn::input(pictures, &device), labels, CNN_LOGITS, &device)?,
            measure(&lenet, &TrimLeNet::input(pictures, &device), labels, LENET_LOGITS, &device)?,
        ])
    })?;
    let mut table = Table::new(
        "networks",
        "The authors' networks on MNIST",
        "Accuracy on the 10,000 test pictures; largest difference of the first one's logits from the \
         authors'. Of 500 pictures the largest differences between logits and the sum of the parts for \
         random masks, the relevant part for a full mask, and the largest relevant part for an empty mask.",
        &["network", "accuracy, %", "logits", "sum", "full mask", "empty mask"],
    );
    let checks = [("AWD's CNN", CNN_ACCURACY), ("TRIM's LeNet-5", LENET_ACCURACY)];
    for ((name, check), measured) in checks.into_iter().zip(&found) {
        let Measured { accuracy, logits, errors } = measured;
        recorder.observe(&check, [*accuracy]);
        recorder.observe(&LOGITS, [*logits]);
        recorder.observe(&SUM_ERROR, [errors[0]]);
        table.numbers([name], [*accuracy, *logits].into_iter().chain(*errors));
    }
    // LeNet sees black as 0: a unit with nothing but black below it has no parts to divide its bias by.
    let [_, full, empty] = found[0].errors;
    recorder.observe(&FULL_MASK, [full]);
    recorder.observe(&EMPTY_MASK, [empty]);
    recorder.table(table);
    Ok(())
}
