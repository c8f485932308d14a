//! One coordinate for all plots: linear, logarithmic, or named positions.

use super::figure::Axis;
use crate::number::Number;

/// An axis with its range and its ticks.
#[derive(Debug, Clone)]
pub(super) struct Coordinate {
    log: bool,
    low: f64,
    high: f64,
    ticks: Vec<f64>,
    categories: Vec<String>,
}

impl Coordinate {
    /// The axis over the values that it can show; `from_zero` when bars stand on it.
    pub(super) fn new(axis: &Axis, values: impl Iterator<Item = f64>, from_zero: bool) -> Self {
        let categories = axis.categories.clone();
        if !categories.is_empty() {
            let ticks = (0..categories.len()).map(|i| i as f64).collect();
            return Self { log: false, low: -0.5, high: categories.len() as f64 - 0.5, ticks, categories };
        }
        let shown = values.filter(|&x| can_show(axis.log, x));
        let range = shown.fold(None, |range: Option<(f64, f64)>, x| {
            Some(range.map_or((x, x), |(low, high)| (low.min(x), high.max(x))))
        });
        let (low, high, ticks) = if axis.log {
            let (low, high) = range.unwrap_or((1.0, 10.0));
            let (low, high) = (low.log10(), high.log10());
            let pad = if high - low < 1e-9 { 0.5 } else { 0.04 * (high - low) };
            let (low, high) = (low - pad, high + pad);
            (10f64.powf(low), 10f64.powf(high), log_ticks(low, high))
        } else {
            let (low, high) = range.unwrap_or((0.0, 1.0));
            let (low, high) = if from_zero { (low.min(0.0), high.max(0.0)) } else { (low, high) };
            let pad = if high > low { 0.05 * (high - low) } else { 0.5 * high.abs().max(1.0) };
            // Room below zero would suggest that the quantity can be negative.
            let bottom = if low >= 0.0 && low - pad < 0.0 { 0.0 } else { low - pad };
            let bottom = if from_zero && low == 0.0 { 0.0 } else { bottom };
            (bottom, high + pad, linear_ticks(bottom, high + pad))
        };
        Self { log: axis.log, low, high, ticks, categories }
    }

    /// Whether the axis has a place for `x`.
    pub(super) fn shows(&self, x: f64) -> bool {
        can_show(self.log, x)
    }

    /// Where bars stand: zero, or the end that is nearest to it. A logarithmic axis has no such place.
    pub(super) fn base(&self) -> f64 {
        0.0f64.clamp(self.low, self.high)
    }

    /// Whether it is logarithmic.
    pub(super) fn is_log(&self) -> bool {
        self.log
    }

    /// The ticks with their labels.
    pub(super) fn ticks(&self) -> Vec<(f64, String)> {
        self.ticks.iter().map(|&tick| (tick, self.label(tick))).collect()
    }

    /// Whether the ticks are names.
    pub(super) fn is_named(&self) -> bool {
        !self.categories.is_empty()
    }

    /// The position along the axis, from 0 to 1; what lies outside is moved to the nearer end.
    pub(super) fn position(&self, x: f64) -> f64 {
        let scaled = |x: f64| if self.log { x.log10() } else { x };
        ((scaled(x) - scaled(self.low)) / (scaled(self.high) - scaled(self.low))).clamp(0.0, 1.0)
    }

    fn label(&self, x: f64) -> String {
        if self.is_named() {
            return self.categories[x as usize].clone();
        }
        if self.log {
            let all_powers = self.ticks.iter().all(|tick| (tick.log10() - tick.log10().round()).abs() < 1e-9);
            return if all_powers { power_of_ten(x) } else { Number(x).to_string() };
        }
        let step = self.ticks.windows(2).map(|pair| pair[1] - pair[0]).fold(f64::INFINITY, f64::min);
        if x.abs() >= 1e6 || (step < 1e-4 && x != 0.0) || !step.is_finite() {
            return Number(x).to_string();
        }
        let decimals = (-step.log10() - 1e-9).ceil().clamp(0.0, 6.0) as usize;
        format!("{x:.decimals$}").replace('-', "−")
    }
}

fn can_show(log: bool, x: f64) -> bool {
    x.is_finite() && (!log || x > 0.0)
}

/// Multiples of 1, 2 or 5 times a power of ten, about five of them.
fn linear_ticks(low: f64, high: f64) -> Vec<f64> {
    let rough = (high - low) / 5.0;
    let power = 10f64.powf(rough.log10().floor());
    let step =
        [1.0, 2.0, 5.0, 10.0].into_iter().map(|m| m * power).find(|&step| step >= rough).unwrap_or(rough);
    let (first, last) = ((low / step - 1e-9).ceil() as i64, (high / step + 1e-9).floor() as i64);
    (first..=last).map(|i| i as f64 * step).collect()
}

/// Powers of ten between 10^low and 10^high, at most seven; with 2 and 5 times them when there is at most
/// one.
fn log_ticks(low: f64, high: f64) -> Vec<f64> {
    let (first, last) = (low.ceil() as i32, high.floor() as i32);
    if last - first >= 1 {
        let stride = ((last - first) / 7 + 1) as usize;
        return (first..=last).step_by(stride).map(|e| 10f64.powi(e)).collect();
    }
    let all = (first - 1..=last + 1).flat_map(|e| [1.0, 2.0, 5.0].map(|m| m * 10f64.powi(e)));
    all.filter(|x| (low..=high).contains(&x.log10())).collect()
}

/// `0.01` to `1000` in digits, other powers of ten as 10ⁿ.
fn power_of_ten(x: f64) -> String {
    let exponent = x.log10().round();
    if (-2.0..=3.0).contains(&exponent) {
        return Number(x).to_string();
    }
    let digit = |c: char| match c {
        '-' => '⁻',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        '0' => '⁰',
        // The superscripts 4 to 9 follow U+2074 in order.
        c => char::from_u32(0x2070 + c as u32 - '0' as u32).unwrap_or(c),
    };
    format!("10{}", (exponent as i32).to_string().chars().map(digit).collect::<String>())
}
