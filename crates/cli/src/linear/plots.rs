//! Plots of a path.

use kiln_receipts::report::figure::{Axis, Figure, Kind};

use super::learn::Path;
use crate::numbers::readable;

/// Letters of a name in a legend.
const LETTERS: usize = 24;

const STRENGTH: &str = "strength of the penalty";

/// The effects of the columns that matter most, along the path.
pub(super) fn effects(path: &Path, columns: &[String], several: bool) -> Figure {
    let y = if several { "length of the effects, all classes" } else { "effect of one standard deviation" };
    let mut figure =
        Figure::new("effects", "Effects along the path", "", Axis::log(STRENGTH), Axis::linear(y));
    let (mut least, mut most) = (0.0_f64, 0.0_f64);
    for (at, &column) in path.shown.iter().enumerate() {
        let points =
            path.points.iter().map(|point| (point.strength, point.effects.get(at).copied().unwrap_or(0.0)));
        for (_, effect) in points.clone() {
            (least, most) = (least.min(effect), most.max(effect));
        }
        let name = columns.get(column).map(|name| short(&readable(name))).unwrap_or_default();
        figure = figure.with(Kind::Line, &name, at, points);
    }
    match path.points.get(path.best) {
        Some(best) => figure.with(Kind::Dashed, "chosen", 7, [(best.strength, least), (best.strength, most)]),
        None => figure,
    }
}

/// The loss of the rows held out, along the path.
pub(super) fn held_out(path: &Path) -> Figure {
    let points = path.points.iter().map(|point| (point.strength, point.loss));
    let y = Axis::linear("mean loss of the rows held out");
    let figure = Figure::new("held-out", "What rows held out say", "", Axis::log(STRENGTH), y).with(
        Kind::LinePoints,
        "",
        0,
        points,
    );
    match path.points.get(path.best) {
        Some(best) => figure.with(Kind::Points, "chosen", 1, [(best.strength, best.loss)]),
        None => figure,
    }
}

fn short(name: &str) -> String {
    if name.chars().count() <= LETTERS {
        return name.to_owned();
    }
    name.chars().take(LETTERS - 1).collect::<String>() + "…"
}
