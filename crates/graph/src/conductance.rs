//! How good a set of nodes is as a cluster.

/// `cut / min(volume, total_volume - volume)`, and 1 when that denominator is 0.
///
/// The complement counts as empty below 10⁻¹² of the total, which is what rounding leaves of it.
pub(crate) fn conductance_of(cut: f64, volume: f64, total_volume: f64) -> f64 {
    let rest = total_volume - volume;
    let smaller = if rest <= 1e-12 * total_volume { 0.0 } else { volume.min(rest) };
    if smaller > 0.0 { cut / smaller } else { 1.0 }
}
