//! The mean discrepancy `D = ‖μ_a − μ_b‖² / k`, the penalty "mean" of Chen, Bühlmann, *Domain adaptation
//! under structural causal models* (JMLR 2021) divided by the number of features. `O(nk)`.

use burn::tensor::Tensor;

use super::{Rows, contrasts};

pub(super) fn between(a: &Rows, b: &Rows) -> Tensor<1> {
    (a.mean() - b.mean()).square().mean()
}

/// One matrix product, `O(Mnk)` for `M` groups.
pub(super) fn pairwise(features: &Tensor<2>, groups: &[&[usize]]) -> Tensor<1> {
    let [rows, width] = features.dims();
    contrasts(groups, rows, features).matmul(features.clone()).square().sum() / width as f64
}
