//! The model of a step on the columns themselves: for many columns, or sparse ones.
//!
//! ```text
//! B = √H A_W without offsets,   τ = B (u − v),   o: what the offsets and the intercept add to every row
//! qⱼ = cⱼ + rⱼ(uⱼ − vⱼ) + bⱼᵀτ + o hⱼ − oⱼ (Σ √h τ + o Σ h),   hⱼ = √hᵀ bⱼ,   oⱼ: the offset
//! ```
//!
//! Cost: the entries of the columns once, and those of a column to look at it and again to move it. The
//! Newton step is by conjugate gradients on the weights in use, at most twenty products (Hestenes, Stiefel
//! 1952).

use crate::kernels::dot;
use crate::meter::Meter;
use crate::packed::{Packed, PackedColumn};
use crate::quadratic::{Face, Quadratic, Start, trace};

/// Most products of a Newton step.
const PRODUCTS: usize = 20;

/// A column in the metric of the curvatures.
struct Weighted<'a> {
    rows: Option<&'a [u32]>,
    /// Where its entries are.
    from: usize,
    to: usize,
    offset: f64,
    /// `hⱼ`
    first: f64,
    bend: f64,
    /// `rⱼ`: the ridge
    added: f64,
    slope: f64,
}

pub(crate) struct ColumnForm<'a> {
    columns: Vec<Weighted<'a>>,
    values: Vec<f64>,
    total: f64,
    /// `u − v`
    moved: Vec<f64>,
    state: State,
}

/// `B (u − v)` in its parts.
struct State {
    tau: Vec<f64>,
    shift: f64,
    /// `Σ √h τ`
    pull: f64,
}

impl State {
    fn add(&mut self, column: &Weighted<'_>, entries: PackedColumn<'_>, by: f64) {
        entries.add_entries(by, &mut self.tau);
        self.shift -= by * column.offset;
        self.pull += by * column.first;
    }
}

impl<'a> ColumnForm<'a> {
    /// From columns that are packed and a start. None where a column is not.
    pub(crate) fn new(
        packed: &'a Packed<'_>,
        columns: &[usize],
        h: &[f64],
        Start { ridge, slopes, least }: Start,
    ) -> Option<Self> {
        let roots: Vec<f64> = h.iter().map(|h| h.max(0.0).sqrt()).collect();
        let total: f64 = roots.iter().map(|root| root * root).sum();
        let mut values = Vec::new();
        let mut weighted = Vec::with_capacity(columns.len());
        for ((&j, &added), &slope) in columns.iter().zip(&ridge).zip(&slopes) {
            let PackedColumn { rows, values: entries, offset } = packed.get(j)?;
            let from = values.len();
            let (mut first, mut square, mut share) = (0.0, 0.0, 0.0);
            let mut push = |x: f64, root: f64| {
                let entry = root * x;
                first += root * entry;
                square += (entry - root * offset) * (entry - root * offset);
                share += root * root;
                values.push(entry);
            };
            match rows {
                Some(rows) => rows.iter().zip(entries).for_each(|(&i, &x)| push(x, roots[i as usize])),
                None => roots.iter().zip(entries).for_each(|(&root, &x)| push(x, root)),
            }
            // The rows without an entry hold the offset.
            let bend = square + (total - share).max(0.0) * offset * offset + added;
            weighted.push(Weighted { rows, from, to: values.len(), offset, first, bend, added, slope });
        }
        if let Some(&slope) = slopes.get(columns.len()) {
            // The intercept: no entry and an offset of −1 make ones.
            let place = values.len();
            let rows = Some(&[][..]);
            let (from, to, offset, first) = (place, place, -1.0, 0.0);
            weighted.push(Weighted { rows, from, to, offset, first, bend: total, added: 0.0, slope });
        }
        let trace = trace(weighted.iter().map(|column| column.bend), least);
        for column in &mut weighted {
            column.bend += trace;
            column.added += trace;
        }
        let moved = vec![0.0; slopes.len()];
        let state = State { tau: vec![0.0; h.len()], shift: 0.0, pull: 0.0 };
        Some(Self { columns: weighted, values, total, moved, state })
    }

    fn entries(&self, column: &Weighted<'a>) -> PackedColumn<'_> {
        let values = &self.values[column.from..column.to];
        PackedColumn { rows: column.rows, values, offset: 0.0 }
    }

    /// The slope of a place that a state makes, without the diagonal.
    fn feel(&self, column: &Weighted<'a>, state: &State) -> f64 {
        let stored = self.entries(column).dot(&state.tau, 0.0);
        stored + state.shift * column.first - column.offset * (state.pull + state.shift * self.total)
    }
}

impl Quadratic for ColumnForm<'_> {
    fn slope(&self, at: usize) -> f64 {
        let column = &self.columns[at];
        column.slope + column.added * self.moved[at] + self.feel(column, &self.state)
    }

    fn bend(&self, at: usize) -> f64 {
        self.columns[at].bend
    }

    fn shift(&mut self, at: usize, by: f64) {
        self.moved[at] += by;
        let column = &self.columns[at];
        let values = &self.values[column.from..column.to];
        self.state.add(column, PackedColumn { rows: column.rows, values, offset: 0.0 }, by);
    }

    fn cost(&self, at: usize) -> (f64, f64) {
        let entries = (self.columns[at].to - self.columns[at].from).max(1) as f64;
        (entries, entries)
    }

    fn product(&self, face: &Face, p: &[f64], out: &mut [f64], meter: &mut Meter) {
        let mut state = State { tau: vec![0.0; self.state.tau.len()], shift: 0.0, pull: 0.0 };
        for (&at, &p) in face.used.iter().zip(p) {
            let column = &self.columns[at];
            state.add(column, self.entries(column), p);
        }
        for ((&at, p), out) in face.used.iter().zip(p).zip(out) {
            let column = &self.columns[at];
            *out = self.feel(column, &state) + column.added * p;
            meter.pay(2.0 * self.cost(at).0);
        }
    }

    fn newton(&self, face: &Face, right: &[f64], enough: f64, meter: &mut Meter) -> Option<Vec<f64>> {
        let k = right.len();
        let inverse: Vec<f64> =
            face.used.iter().map(|&at| 1.0 / self.bend(at).max(f64::MIN_POSITIVE)).collect();
        let (mut p, mut residual) = (vec![0.0; k], right.to_vec());
        let mut z: Vec<f64> = residual.iter().zip(&inverse).map(|(r, inverse)| r * inverse).collect();
        let mut direction = z.clone();
        let mut curved = vec![0.0; k];
        let mut product = dot(&residual, &z);
        for _ in 0..PRODUCTS.min(k) {
            self.product(face, &direction, &mut curved, meter);
            face.add_curvature(&direction, &mut curved);
            let bend = dot(&direction, &curved);
            if bend <= 0.0 || meter.is_spent() {
                break;
            }
            let step = product / bend;
            for at in 0..k {
                p[at] += step * direction[at];
                residual[at] -= step * curved[at];
                z[at] = residual[at] * inverse[at];
            }
            if residual.iter().all(|r| r.abs() <= 0.5 * enough) {
                break;
            }
            let next = dot(&residual, &z);
            let keep = next / product;
            direction.iter_mut().zip(&z).for_each(|(direction, z)| *direction = z + keep * *direction);
            product = next;
        }
        Some(p)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::columns::measure;
    use crate::design::Design;
    use crate::gram_form::GramForm;
    use crate::meter::Meter;
    use crate::quadratic::{Span, minimize};
    use crate::{DataRows, DenseRows, SparseRows};

    const ROWS: usize = 40;
    const COLUMNS: usize = 6;

    /// Columns that few rows have, one that all have, far from 0, and two that are alike.
    fn entry(i: usize, j: usize) -> f64 {
        let wave = ((i * 7 + j * 13) % 11) as f64 - 5.0;
        match j {
            0 => 30.0 + wave,
            5 => entry(i, 4) + 0.01 * wave,
            _ if (i + j).is_multiple_of(4) => wave * 10_f64.powf(j as f64 - 2.0),
            _ => 0.0,
        }
    }

    fn tables() -> [DataRows; 2] {
        let values = (0..ROWS * COLUMNS).map(|at| entry(at / COLUMNS, at % COLUMNS)).collect();
        let entries = (0..ROWS).map(|i| {
            (0..COLUMNS as u32)
                .map(|j| (j, entry(i, j as usize)))
                .filter(|(_, x)| *x != 0.0)
                .collect::<Vec<_>>()
        });
        let sparse = SparseRows::from_rows(COLUMNS, entries).unwrap();
        [DenseRows::new(COLUMNS, values).unwrap().into(), sparse.into()]
    }

    #[test]
    fn both_forms_of_a_model_are_the_same() {
        let shares = vec![1.0 / ROWS as f64; ROWS];
        let h: Vec<f64> = (0..ROWS).map(|i| (1.0 + (i % 3) as f64) / ROWS as f64).collect();
        for (rows, intercept) in tables().iter().flat_map(|rows| [(rows, true), (rows, false)]) {
            let columns = measure(rows, &shares, intercept);
            let design = Design::new(rows, &columns, intercept);
            let mut packed = Packed::new(&design);
            packed.pack(0..COLUMNS);
            let all: Vec<usize> = (0..COLUMNS).collect();
            let places = COLUMNS + usize::from(intercept);
            let start = || Start {
                ridge: (0..COLUMNS).map(|j| 0.01 * j as f64).collect(),
                slopes: (0..places).map(|at| (at as f64).sin()).collect(),
                least: 1e-3,
            };
            let mut gram = GramForm::new(design.gram_of(&all, &h).0, start());
            let mut direct = ColumnForm::new(&packed, &all, &h, start()).unwrap();
            for (at, by) in [(0, 1.0), (places - 1, -0.5), (2, 3.0), (0, 0.25)] {
                gram.shift(at, by);
                direct.shift(at, by);
            }
            for at in 0..places {
                assert!((gram.bend(at) - direct.bend(at)).abs() < 1e-9 * gram.bend(at));
                assert!((gram.slope(at) - direct.slope(at)).abs() < 1e-9, "{at} {intercept}");
            }
            // And so are their minimizers, also of columns that are alike.
            let mut spans: Vec<Span> = vec![
                Span { places: 0..1, threshold: 0.1 },
                Span { places: 1..3, threshold: 0.2 },
                Span { places: 3..4, threshold: 0.1 },
                Span { places: 4..5, threshold: 0.05 },
                Span { places: 5..6, threshold: 0.05 },
            ];
            if intercept {
                spans.push(Span { places: 6..7, threshold: 0.0 });
            }
            let mut meter = Meter::new(ROWS * COLUMNS, 1e6);
            let mut points = [vec![0.0; places], vec![0.0; places]];
            let mut gram = GramForm::new(design.gram_of(&all, &h).0, start());
            let mut direct = ColumnForm::new(&packed, &all, &h, start()).unwrap();
            minimize(&mut gram, &spans, &mut points[0], 1e-12, &mut meter);
            minimize(&mut direct, &spans, &mut points[1], 1e-12, &mut meter);
            let size = points[0].iter().fold(0.0_f64, |size, u| size.max(u.abs()));
            for (a, b) in points[0].iter().zip(&points[1]) {
                assert!((a - b).abs() < 1e-6 * size, "{points:?}");
            }
        }
    }
}
