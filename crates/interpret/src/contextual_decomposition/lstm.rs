//! LSTM: Murdoch, Liu, Yu, *Beyond word importance* (ICLR 2018).
//!
//! The gates are in three parts, relevant, irrelevant and of biases; with `S` the relevant steps
//!
//! ```text
//! c_β = (i⊗g)_β + [t∈S] i_b g_b + (f_β + f_b) c_β⁻
//! c_γ = (i⊗g)_γ + [t∉S] i_b g_b + (f_β + f_γ + f_b) c_γ⁻ + f_γ c_β⁻
//! h_β = o tanh₂(c_β),  h_γ = o tanh₂(c_γ)
//! ```
//!
//! with the symmetric rule for tanh; the output gate `o` is not divided.

use burn::nn::Lstm;
use burn::nn::activation::Activation;

use super::recurrent::{Gates, gate, stack, step};
use super::{Decompose, Parts, Steps};
use crate::InterpretError;

const METHOD: &str = "the contextual decomposition of an LSTM";

impl Decompose<3, 3> for Steps<'_, Lstm> {
    /// In the layout of the layer, `[batch, steps, …]` or with `batch_first` off `[steps, batch, …]`.
    fn decompose(&self, parts: Parts<3>) -> Result<Parts<3>, InterpretError> {
        let lstm = self.layer;
        if lstm.clip.is_some() {
            return Err(InterpretError::Missing { method: METHOD, needs: "a cell state without clipping" });
        }
        if !matches!(
            lstm.hidden_activation,
            Activation::Tanh(_) | Activation::Relu(_) | Activation::Identity(_)
        ) {
            return Err(InterpretError::Missing { method: METHOD, needs: "tanh for the hidden state" });
        }
        let layout = |parts: Parts<3>| {
            if lstm.batch_first { parts } else { parts.map_linear(|part| part.swap_dims(0, 1)) }
        };
        let mut controllers = vec![&lstm.input_gate, &lstm.cell_gate, &lstm.output_gate];
        controllers.extend(&lstm.forget_gate);
        let gates = Gates::new(&controllers);
        let parts = gates.fit(layout(parts))?;
        let owners = self.owners(&parts.relevant)?;
        let [batch, steps, _] = parts.relevant.dims();
        let width = lstm.d_hidden;
        let driven = gates.of_input(parts);
        let [of_input, of_hidden] = gates.biases.clone();
        let bias = of_input + of_hidden;

        let zeros = driven.relevant.clone().narrow(1, 0, 1).narrow(2, 0, width).zeros_like();
        let zeros = zeros.reshape([batch, width]);
        let mut cell = Parts { relevant: zeros.clone(), irrelevant: zeros };
        let mut hidden = cell.clone();
        let mut all = Vec::with_capacity(steps);
        for t in 0..steps {
            let t = if lstm.reverse { steps - 1 - t } else { t };
            let before = step(&driven, t).join(gates.of_hidden(hidden));
            let gate = |index| gate(&before, &bias, index, width);
            let open = |x| lstm.gate_activation.forward(x);
            let input = gate(0).activate(open);
            let candidate = gate(1).activate(|x| lstm.cell_activation.forward(x));
            let output = open(gate(2).sum());
            let forget = match &lstm.forget_gate {
                Some(_) => gate(3).activate(open),
                None => input.clone().complement(),
            };
            let new = input.times(candidate).owned(owners.clone().narrow(1, t, 1));
            cell = new.join(forget.times_parts(cell));
            hidden = cell
                .clone()
                .symmetric(|x| lstm.hidden_activation.forward(x))
                .map_linear(|part| part * output.clone());
            all.push(hidden.clone());
        }
        if lstm.reverse {
            all.reverse();
        }
        Ok(layout(stack(all)))
    }
}
