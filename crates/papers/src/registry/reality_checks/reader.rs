//! An LSTM that reads sentences, and is decomposed at its last word.

use std::collections::BTreeMap;

use burn::module::Module;
use burn::nn::{Linear, Lstm};
use burn::tensor::{Device, Tensor};
use kiln_interpret::InterpretError;
use kiln_interpret::contextual_decomposition::{Parts, Steps};
use kiln_tensor::TensorError;
use kiln_tensor::network::{InitialLaw, LayerDraws};
use kiln_tensor::training::RowOrder;

#[derive(Module, Debug)]
pub(super) struct Reader {
    lstm: Lstm,
    output: Linear,
}

impl Reader {
    /// For words of `inputs` numbers.
    pub(super) fn new(inputs: usize, hidden: usize, seed: u64, device: &Device) -> Result<Self, TensorError> {
        let mut layers = LayerDraws::new(InitialLaw::FanIn, seed, device);
        Ok(Self { lstm: layers.lstm(inputs, hidden)?, output: layers.linear(hidden, 2)? })
    }

    /// Logits of negative and positive, `[sentences, 2]`, for `[sentences, words, numbers]`.
    pub(super) fn logits(&self, x: Tensor<3>) -> Tensor<2> {
        let (_, state) = self.lstm.forward(x, None);
        self.output.forward(state.hidden)
    }

    /// The parts of the logits for sets of words, `[sets, words]`.
    pub(super) fn decompose(&self, x: Tensor<3>, mask: Tensor<2>) -> Result<Parts<2>, InterpretError> {
        let parts = Parts::masked(x, mask.clone().unsqueeze_dim(2))?;
        let hidden = parts.through(&Steps::new(&self.lstm, mask))?;
        let last = hidden.map_linear(|steps| {
            let [sets, length, width] = steps.dims();
            steps.narrow(1, length - 1, 1).reshape([sets, width])
        });
        last.through(&self.output)
    }
}

/// Batches of at most `size` sentences of one length, as places in the list of lengths, in an order drawn for
/// the epoch.
pub(super) fn batches(lengths: &[usize], size: usize, seed: u64, epoch: u64) -> Vec<Vec<usize>> {
    let mut of_length: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    let order = RowOrder::ByKeys { seed };
    for place in order.of(lengths.len(), 2 * epoch) {
        of_length.entry(lengths[place]).or_default().push(place);
    }
    let batches: Vec<&[usize]> = of_length.values().flat_map(|places| places.chunks(size)).collect();
    order.of(batches.len(), 2 * epoch + 1).into_iter().map(|batch| batches[batch].to_vec()).collect()
}
