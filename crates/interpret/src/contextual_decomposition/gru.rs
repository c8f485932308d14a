//! GRU; the rule is our own, made of that for the LSTM.
//!
//! Update gate `z` and reset gate `r` are in three parts, relevant, irrelevant and of biases. So is the
//! candidate
//!
//! ```text
//! n = tanh(Wx + b_i + r ⊗ (Uh + b_h))      or, without `reset_after`,   n = tanh(Wx + b_i + U(r ⊗ h) + b_h)
//! h' = (1 − z) ⊗ n + z ⊗ h
//! ```
//!
//! where `1 − z` has the parts `−z_β`, `−z_γ`, `1 − z_b`. Its product of biases goes to the owner of the
//! step; of `z ⊗ h` the relevant part is `(z_β + z_b) h_β`. The parts add to `h'`.

use burn::nn::Gru;

use super::recurrent::{Gates, Three, gate, stack, step};
use super::{Decompose, Parts, Steps};
use crate::InterpretError;

impl Decompose<3, 3> for Steps<'_, Gru> {
    fn decompose(&self, parts: Parts<3>) -> Result<Parts<3>, InterpretError> {
        let gru = self.layer;
        if gru.clip.is_some() {
            return Err(InterpretError::Missing {
                method: "the contextual decomposition of a GRU",
                needs: "a hidden state without clipping",
            });
        }
        let gates = Gates::new(&[&gru.update_gate, &gru.reset_gate]);
        let candidate = Gates::new(&[&gru.new_gate]);
        let parts = gates.fit(parts)?;
        let owners = self.owners(&parts.relevant)?;
        let [batch, steps, _] = parts.relevant.dims();
        let width = gru.d_hidden;
        let driven_candidate = candidate.of_input(parts.clone());
        let driven = gates.of_input(parts);
        let [of_input, of_hidden] = gates.biases.clone();
        let bias = of_input + of_hidden;
        let [bias_input, bias_hidden] = candidate.biases.clone();

        let zeros = driven_candidate.relevant.clone().narrow(1, 0, 1).zeros_like().reshape([batch, width]);
        let mut hidden = Parts { relevant: zeros.clone(), irrelevant: zeros };
        let mut all = Vec::with_capacity(steps);
        for t in 0..steps {
            let before = step(&driven, t).join(gates.of_hidden(hidden.clone()));
            let open = |x| gru.gate_activation.forward(x);
            let update = gate(&before, &bias, 0, width).activate(open);
            let reset = gate(&before, &bias, 1, width).activate(open);
            let recalled = if gru.reset_after {
                let recurrent = candidate.of_hidden(hidden.clone());
                reset.times(gate(&recurrent, &bias_hidden, 0, width))
            } else {
                let recurrent = candidate.of_hidden(reset.times_parts(hidden.clone()));
                gate(&recurrent, &bias_hidden, 0, width)
            };
            let driven = step(&driven_candidate, t);
            let new = Three {
                relevant: driven.relevant + recalled.relevant,
                irrelevant: driven.irrelevant + recalled.irrelevant,
                bias: bias_input.clone() + recalled.bias,
            };
            let new = new.activate(|x| gru.hidden_activation.forward(x));
            let new = update.clone().complement().times(new).owned(owners.clone().narrow(1, t, 1));
            hidden = new.join(update.times_parts(hidden));
            all.push(hidden.clone());
        }
        Ok(stack(all))
    }
}
