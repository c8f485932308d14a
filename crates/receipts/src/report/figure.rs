//! Plots as data; `svg.rs` draws them.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::number::{Number, pairs};

/// A plot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// Short name, unique in the experiment, of `a-z`, `0-9` and `-`; part of the file name.
    pub id: String,
    /// Title.
    pub title: String,
    /// What the reader sees, below the plot.
    pub caption: String,
    /// Horizontal axis.
    pub x: Axis,
    /// Vertical axis.
    pub y: Axis,
    /// What is drawn, the last one on top.
    pub series: Vec<Series>,
}

/// An axis, which covers all finite points.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Axis {
    /// Quantity and unit.
    pub label: String,
    /// Whether it is logarithmic; points that are not positive are then left out.
    pub log: bool,
    /// Names of the positions 0, 1, 2, …, in place of numbers.
    pub categories: Vec<String>,
}

/// Points that belong together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// Name in the legend.
    pub name: String,
    /// How it is drawn.
    pub kind: Kind,
    /// Index into the palette; the same index gives the same colour and marker in every figure.
    pub colour: usize,
    /// The points; for a band, its lower edge. A point that is not finite interrupts a line.
    #[serde(with = "pairs")]
    pub points: Vec<(f64, f64)>,
    /// For a band, its upper edge, and for cells their values, one for each point; otherwise empty.
    pub upper: Vec<Number>,
}

/// How a series is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A line.
    Line,
    /// A dashed line, for a bound or a threshold.
    Dashed,
    /// Markers.
    Points,
    /// A line with markers.
    LinePoints,
    /// Bars from zero, side by side with those of other series.
    Bars,
    /// The area between two curves.
    Band,
    /// Squares of side 1 around the points, the darker the further their value is from 0; negative ones in
    /// the next colour.
    Cells,
}

impl Axis {
    /// A linear axis.
    pub fn linear(label: &str) -> Self {
        Self { label: label.to_owned(), log: false, categories: Vec::new() }
    }

    /// A logarithmic axis.
    pub fn log(label: &str) -> Self {
        Self { log: true, ..Self::linear(label) }
    }

    /// An axis with names at the positions 0, 1, 2, ….
    pub fn categories<T: ToString>(label: &str, names: impl IntoIterator<Item = T>) -> Self {
        Self { categories: names.into_iter().map(|name| name.to_string()).collect(), ..Self::linear(label) }
    }
}

impl Figure {
    /// A plot without series.
    pub fn new(id: &str, title: &str, caption: &str, x: Axis, y: Axis) -> Self {
        Self { id: id.into(), title: title.into(), caption: caption.into(), x, y, series: Vec::new() }
    }

    /// Adds a series of any kind but [`Kind::Band`] and [`Kind::Cells`].
    #[must_use]
    pub fn with(
        mut self,
        kind: Kind,
        name: &str,
        colour: usize,
        points: impl IntoIterator<Item = (f64, f64)>,
    ) -> Self {
        let points = points.into_iter().collect();
        self.series.push(Series { name: name.into(), kind, colour, points, upper: Vec::new() });
        self
    }

    /// Adds a band; the points are `(x, low, high)`.
    #[must_use]
    pub fn with_band(
        mut self,
        name: &str,
        colour: usize,
        points: impl IntoIterator<Item = (f64, f64, f64)>,
    ) -> Self {
        let (points, upper) = points.into_iter().map(|(x, low, high)| ((x, low), Number(high))).unzip();
        self.series.push(Series { name: name.into(), kind: Kind::Band, colour, points, upper });
        self
    }

    /// Adds a picture, row by row from the top, with its lower left pixel at this place.
    #[must_use]
    pub fn with_picture(
        mut self,
        name: &str,
        colour: usize,
        (values, width): (&[f64], usize),
        (left, bottom): (f64, f64),
    ) -> Self {
        let height = values.len() / width.max(1);
        let place = |i: usize| (left + (i % width) as f64, bottom + (height - 1 - i / width) as f64);
        let points = (0..height * width).map(place).collect();
        let upper = values[..height * width].iter().copied().map(Number).collect();
        self.series.push(Series { name: name.into(), kind: Kind::Cells, colour, points, upper });
        self
    }

    /// The figure as a complete SVG file, for light and dark ground.
    pub fn svg(&self) -> String {
        super::svg::svg(self)
    }

    /// The numbers as a table: series, x, y, and the upper edge of a band or the value of a cell.
    pub fn csv(&self) -> String {
        let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
        let mut csv = "series,x,y,upper\n".to_owned();
        for series in &self.series {
            let name = quoted(&series.name);
            for (i, (x, y)) in series.points.iter().enumerate() {
                let category =
                    self.x.categories.get(*x as usize).filter(|_| *x >= 0.0).map(|name| quoted(name));
                let x = category.unwrap_or_else(|| x.to_string());
                let upper = series.upper.get(i).map_or(String::new(), |upper| upper.0.to_string());
                let _ = writeln!(csv, "{name},{x},{y},{upper}");
            }
        }
        csv
    }

    /// Why the figure can't be drawn, if it can't.
    pub(crate) fn mistake(&self) -> Option<&'static str> {
        let file_name = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if self.id.is_empty() || !self.id.bytes().all(file_name) {
            return Some("its id is not made of a-z, 0-9 and '-'");
        }
        let lengths = |series: &Series| {
            let valued = matches!(series.kind, Kind::Band | Kind::Cells);
            series.upper.len() == if valued { series.points.len() } else { 0 }
        };
        if !self.series.iter().all(lengths) {
            return Some(
                "a band or picture has not one upper value for each point, or another series has upper values",
            );
        }
        None
    }
}
