//! Quadratic functions with a sparse Hessian, such as those of Markov random fields and of label propagation.

use kiln_core::InputError;
use kiln_tensor::{Distribution, Noise, TensorError};

use crate::block_coordinate::CoordinateProblem;
use crate::{Objective, Operator, OptimError};

/// `f(x) = ½ xᵀHx − bᵀx + c` with a symmetric, sparse `H`.
#[derive(Clone, Debug, PartialEq)]
pub struct SparseQuadratic {
    rows: Vec<Vec<(usize, f64)>>,
    diagonal: Vec<f64>,
    linear: Vec<f64>,
    constant: f64,
}

impl SparseQuadratic {
    /// The entries `(i, j, Hᵢⱼ)` on and above the diagonal, which are added up where one repeats, `b` and
    /// `c`.
    ///
    /// # Errors
    /// When `b` is empty, an index is out of range or below the diagonal, something is not finite, or a
    /// diagonal entry is negative.
    pub fn new(
        upper: impl IntoIterator<Item = (usize, usize, f64)>,
        linear: Vec<f64>,
        constant: f64,
    ) -> Result<Self, OptimError> {
        let size = linear.len();
        if size == 0 {
            return Err(InputError::empty("the linear term").into());
        }
        let mut diagonal = vec![0.0; size];
        let mut rows = vec![std::collections::BTreeMap::<usize, f64>::new(); size];
        for (i, j, value) in upper {
            if j >= size {
                return Err(InputError::index("component", j, size).into());
            }
            if i > j {
                return Err(OptimError::problem("H is given by its entries on and above the diagonal"));
            }
            if i == j {
                diagonal[i] += value;
            } else {
                *rows[i].entry(j).or_default() += value;
                *rows[j].entry(i).or_default() += value;
            }
        }
        let entries = rows.iter().flat_map(|row| row.values());
        if !entries.chain(&diagonal).chain(&linear).chain([&constant]).all(|value| value.is_finite()) {
            return Err(InputError::not_finite("H, b or c").into());
        }
        if let Some(&value) = diagonal.iter().find(|value| **value < 0.0) {
            return Err(InputError::setting("a diagonal entry of H", value, "at least 0").into());
        }
        let rows = rows.into_iter().map(|row| row.into_iter().collect()).collect();
        Ok(Self { rows, diagonal, linear, constant })
    }

    /// Label propagation: `½ Σ w (xᵢ − xⱼ)²` over the edges `(i, j, w)` of a graph, as a function of the
    /// nodes without a label, which are numbered in order.
    ///
    /// # Errors
    /// When an edge names a node that does not exist, a weight is not finite, or every node has a label.
    pub fn label_propagation(
        labels: &[Option<f64>],
        edges: impl IntoIterator<Item = (usize, usize, f64)>,
    ) -> Result<Self, OptimError> {
        let mut place = vec![0; labels.len()];
        let mut free = 0;
        for (place, _) in place.iter_mut().zip(labels).filter(|(_, label)| label.is_none()) {
            *place = free;
            free += 1;
        }
        let (mut entries, mut linear, mut constant) = (Vec::new(), vec![0.0; free], 0.0);
        for (i, j, weight) in edges {
            if let Some(&index) = [i, j].iter().find(|&&node| node >= labels.len()) {
                return Err(InputError::index("component", index, labels.len()).into());
            }
            match (labels[i], labels[j]) {
                (None, None) if i != j => {
                    let (a, b) = (place[i], place[j]);
                    entries.extend([(a, a, weight), (b, b, weight), (a.min(b), a.max(b), -weight)]);
                }
                (None, None) => {}
                (None, Some(label)) | (Some(label), None) => {
                    let at = place[if labels[i].is_none() { i } else { j }];
                    entries.push((at, at, weight));
                    linear[at] += weight * label;
                    constant += weight * label * label / 2.0;
                }
                (Some(a), Some(b)) => constant += weight * (a - b) * (a - b) / 2.0,
            }
        }
        Self::new(entries, linear, constant)
    }

    /// Label propagation on a `side × side` grid whose edges weigh `weight`, with `labelled` random nodes
    /// labelled `±1` (data set D of Nutini, Laradji, Schmidt).
    ///
    /// # Errors
    /// When every node is labelled, or the weight is not finite.
    pub fn lattice(side: usize, weight: f64, labelled: usize, seed: u64) -> Result<Self, OptimError> {
        let size = side * side;
        let (mut place, mut sign) = (vec![0.0; size], vec![0.0; size]);
        Noise { seed, distribution: Distribution::Uniform }.fill(0, 0, &mut place);
        Noise { seed, distribution: Distribution::Rademacher }.fill(1, 0, &mut sign);
        let mut order: Vec<usize> = (0..size).collect();
        order.sort_unstable_by(|&i, &j| f64::total_cmp(&place[i], &place[j]));
        let mut labels = vec![None; size];
        order.into_iter().take(labelled).for_each(|i| labels[i] = Some(sign[i]));
        let right = (0..size).filter(|i| i % side + 1 < side).map(|i| (i, i + 1, weight));
        let down = (0..size.saturating_sub(side)).map(|i| (i, i + side, weight));
        Self::label_propagation(&labels, right.chain(down))
    }

    /// `H x`.
    fn product(&self, x: &[f64]) -> Vec<f64> {
        let row = |i: usize| self.rows[i].iter().map(|(j, h)| h * x[*j]).sum::<f64>();
        (0..x.len()).map(|i| self.diagonal[i] * x[i] + row(i)).collect()
    }
}

impl Operator for SparseQuadratic {
    type Point = Vec<f64>;

    fn operator(&self, x: &Vec<f64>) -> Result<Vec<f64>, OptimError> {
        let image = self.image(x)?;
        Ok((0..x.len()).map(|i| self.partial(x, &image, i)).collect())
    }
}

impl Objective for SparseQuadratic {
    fn value(&self, x: &Vec<f64>) -> Result<f64, OptimError> {
        Ok(self.value_from(x, &self.image(x)?))
    }
}

/// The image is `H x`.
impl CoordinateProblem for SparseQuadratic {
    fn dimension(&self) -> usize {
        self.linear.len()
    }

    fn image(&self, x: &[f64]) -> Result<Vec<f64>, OptimError> {
        if x.len() != self.linear.len() {
            return Err(TensorError::shape(&[x.len()], &[self.linear.len()]).into());
        }
        Ok(self.product(x))
    }

    fn shift(&self, image: &mut [f64], i: usize, by: f64) {
        image[i] += by * self.diagonal[i];
        for (j, h) in &self.rows[i] {
            image[*j] += by * h;
        }
    }

    fn partial(&self, _x: &[f64], image: &[f64], i: usize) -> f64 {
        image[i] - self.linear[i]
    }

    fn value_from(&self, x: &[f64], image: &[f64]) -> f64 {
        let terms = x.iter().zip(image).zip(&self.linear).map(|((x, h), b)| x * (h / 2.0 - b));
        self.constant + terms.sum::<f64>()
    }

    fn curvature(&self, i: usize) -> f64 {
        self.diagonal[i]
    }

    fn hessian_bound(&self, i: usize, j: usize) -> f64 {
        if i == j {
            return self.diagonal[i];
        }
        let row = &self.rows[i];
        row.binary_search_by_key(&j, |entry| entry.0).map_or(0.0, |at| row[at].1)
    }

    fn hessian_bound_product(&self, v: &[f64]) -> Vec<f64> {
        self.product(v)
    }

    fn neighbours(&self, i: usize) -> Option<&[(usize, f64)]> {
        Some(&self.rows[i])
    }
}
