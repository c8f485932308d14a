//! An independent solver: Newton's method on dense rows, columns by columns, with Gaussian elimination.

/// `Σᵢ sᵢ φᵢ(M wᵢ) + ½ Σ ridge w²` with several outputs, written with nothing of the crate.
pub(super) struct Dense {
    /// With a column of ones last, for the intercept.
    pub(super) rows: Vec<Vec<f64>>,
    pub(super) shares: Vec<f64>,
    pub(super) ridge: Vec<f64>,
}

/// Value, slope and curvature of the losses of row `i` at its outputs.
pub(super) type RowLoss<'a> = dyn Fn(usize, &[f64]) -> (f64, Vec<f64>, Vec<Vec<f64>>) + 'a;

impl Dense {
    /// The penalty `λ/2 ‖Dw‖²`, `D` the standard deviations or ones, on rows with an intercept.
    pub(super) fn new(rows: &[Vec<f64>], shares: Vec<f64>, strength: f64, standardized: bool) -> Self {
        let d = rows[0].len();
        let mut ridge = Vec::new();
        for j in 0..d {
            let mean: f64 = rows.iter().zip(&shares).map(|(row, s)| s * row[j]).sum();
            let variance: f64 = rows.iter().zip(&shares).map(|(row, s)| s * (row[j] - mean).powi(2)).sum();
            ridge.push(if standardized { strength * variance } else { strength });
        }
        ridge.push(0.0);
        let rows = rows.iter().map(|row| row.iter().copied().chain([1.0]).collect()).collect();
        Self { rows, shares, ridge }
    }

    fn predictions(&self, w: &[f64], outputs: usize, i: usize) -> Vec<f64> {
        let d = self.ridge.len();
        (0..outputs).map(|k| self.rows[i].iter().zip(&w[k * d..]).map(|(x, w)| x * w).sum()).collect()
    }

    pub(super) fn value(&self, w: &[f64], outputs: usize, loss: &RowLoss<'_>) -> f64 {
        let losses: f64 =
            (0..self.rows.len()).map(|i| self.shares[i] * loss(i, &self.predictions(w, outputs, i)).0).sum();
        let penalty: f64 = w
            .chunks(self.ridge.len())
            .flat_map(|w| w.iter().zip(&self.ridge))
            .map(|(w, l)| l * w * w / 2.0)
            .sum();
        losses + penalty
    }

    /// The minimizer, output by output.
    pub(super) fn minimize(&self, outputs: usize, loss: &RowLoss<'_>) -> Vec<f64> {
        let d = self.ridge.len();
        // Columns in units of their size, or elimination loses what they differ by.
        let size: Vec<f64> = (0..d)
            .map(|j| self.rows.iter().map(|row| row[j].abs()).fold(0.0, f64::max))
            .map(|size| if size > 0.0 { size } else { 1.0 })
            .collect();
        let mut w = vec![0.0; d * outputs];
        let mut value = self.value(&w, outputs, loss);
        for _ in 0..200 {
            let (mut g, mut h) = (vec![0.0; d * outputs], vec![vec![0.0; d * outputs]; d * outputs]);
            for (i, row) in self.rows.iter().enumerate() {
                let (_, slope, curvature) = loss(i, &self.predictions(&w, outputs, i));
                for a in 0..outputs {
                    for j in 0..d {
                        let x = row[j] / size[j] * self.shares[i];
                        g[a * d + j] += x * slope[a];
                        for b in 0..outputs {
                            let pull = x * curvature[a][b];
                            if pull != 0.0 {
                                for k in 0..d {
                                    h[a * d + j][b * d + k] += pull * row[k] / size[k];
                                }
                            }
                        }
                    }
                }
            }
            for a in 0..outputs {
                for j in 0..d {
                    g[a * d + j] += self.ridge[j] * w[a * d + j] / size[j];
                    h[a * d + j][a * d + j] += self.ridge[j] / size[j].powi(2) + 1e-14;
                }
            }
            let step = solve(h, g.iter().map(|g| -g).collect());
            let mut length = 1.0;
            let mut moved = false;
            while length > 1e-10 {
                let there: Vec<f64> = w
                    .iter()
                    .zip(&step)
                    .enumerate()
                    .map(|(at, (w, p))| w + length * p / size[at % d])
                    .collect();
                let new = self.value(&there, outputs, loss);
                if new < value {
                    (w, value, moved) = (there, new, true);
                    break;
                }
                length /= 2.0;
            }
            if !moved {
                break;
            }
        }
        w
    }
}

/// Gaussian elimination with partial pivoting.
pub(super) fn solve(mut matrix: Vec<Vec<f64>>, mut right: Vec<f64>) -> Vec<f64> {
    let n = right.len();
    for j in 0..n {
        let pivot = (j..n).max_by(|&a, &b| matrix[a][j].abs().total_cmp(&matrix[b][j].abs())).unwrap();
        matrix.swap(j, pivot);
        right.swap(j, pivot);
        let (above, below) = matrix.split_at_mut(j + 1);
        for (i, row) in below.iter_mut().enumerate() {
            let factor = row[j] / above[j][j];
            if factor != 0.0 {
                for k in j..n {
                    row[k] -= factor * above[j][k];
                }
                right[j + 1 + i] -= factor * right[j];
            }
        }
    }
    for j in (0..n).rev() {
        let rest: f64 = (j + 1..n).map(|k| matrix[j][k] * right[k]).sum();
        right[j] = (right[j] - rest) / matrix[j][j];
    }
    right
}
