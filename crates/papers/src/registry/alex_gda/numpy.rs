//! What the authors' games are drawn with: NumPy's `RandomState`, and its `linalg.qr`.

/// MT19937 (Matsumoto, Nishimura 1998) with NumPy's seeding, and its legacy way to uniform and normal numbers.
pub(super) struct RandomState {
    words: [u32; 624],
    next: usize,
    /// Normal numbers come in pairs.
    spare: Option<f64>,
}

impl RandomState {
    pub(super) fn new(seed: u32) -> Self {
        let mut words = [seed; 624];
        for i in 1..624 {
            let before = words[i - 1] ^ (words[i - 1] >> 30);
            words[i] = before.wrapping_mul(1_812_433_253).wrapping_add(i as u32);
        }
        Self { words, next: 624, spare: None }
    }

    fn word(&mut self) -> u32 {
        if self.next == 624 {
            self.next = 0;
            for i in 0..624 {
                let joined = (self.words[i] & 0x8000_0000) | (self.words[(i + 1) % 624] & 0x7fff_ffff);
                let twist = if joined & 1 == 1 { 0x9908_b0df } else { 0 };
                self.words[i] = self.words[(i + 397) % 624] ^ (joined >> 1) ^ twist;
            }
        }
        let mut word = self.words[self.next];
        self.next += 1;
        word ^= word >> 11;
        word ^= (word << 7) & 0x9d2c_5680;
        word ^= (word << 15) & 0xefc6_0000;
        word ^ (word >> 18)
    }

    /// In `[0, 1)`, of 53 bits.
    fn fraction(&mut self) -> f64 {
        let (high, low) = (self.word() >> 5, self.word() >> 6);
        (f64::from(high) * 67_108_864.0 + f64::from(low)) / 9_007_199_254_740_992.0
    }

    pub(super) fn uniform(&mut self, low: f64, high: f64, count: usize) -> Vec<f64> {
        (0..count).map(|_| low + (high - low) * self.fraction()).collect()
    }

    /// Standard normal, by the polar method.
    pub(super) fn normal(&mut self, count: usize) -> Vec<f64> {
        (0..count).map(|_| self.spare.take().unwrap_or_else(|| self.pair())).collect()
    }

    fn pair(&mut self) -> f64 {
        loop {
            let (a, b) = (2.0 * self.fraction() - 1.0, 2.0 * self.fraction() - 1.0);
            let square = a * a + b * b;
            if square < 1.0 && square != 0.0 {
                let factor = (-2.0 * square.ln() / square).sqrt();
                self.spare = Some(factor * a);
                return factor * b;
            }
        }
    }
}

/// `Qᵀx` for the orthogonal factor `Q` of a square matrix, given row by row, with LAPACK's signs: a reflection for
/// each column but the last, away from its entry on the diagonal.
pub(super) fn rotated(matrix: &[f64], x: Vec<f64>) -> Vec<f64> {
    let size = x.len();
    let column = |j: usize| (0..size).map(|i| matrix[i * size + j]).collect();
    let mut columns: Vec<Vec<f64>> = (0..size).map(column).collect();
    columns.push(x);
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    for j in 0..size.saturating_sub(1) {
        let mut mirror = columns[j][j..].to_vec();
        mirror[0] += dot(&mirror, &mirror).sqrt().copysign(mirror[0]);
        let square = dot(&mirror, &mirror);
        for column in &mut columns[j..] {
            let share = 2.0 * dot(&mirror, &column[j..]) / square;
            for (entry, normal) in column[j..].iter_mut().zip(&mirror) {
                *entry -= share * normal;
            }
        }
    }
    columns.swap_remove(size)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: &[f64], expected: &[f64]) {
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-13, "{found} is not {expected}");
        }
    }

    /// NumPy 2.4.6: `r = RandomState(0); r.normal(size=1001); r.uniform(.1, 1., 3)`, and with seed 9
    /// `r.normal(size=20000); r.uniform()`.
    #[test]
    fn draws_of_numpy() {
        let mut random = RandomState::new(0);
        let normal = random.normal(1001);
        near(&normal[..3], &[1.764_052_345_967_664, 0.400_157_208_367_223_3, 0.978_737_984_105_739_2]);
        near(&normal[1000..], &[0.555_962_679_709_798]);
        let uniform = [0.894_769_837_587_221_7, 0.969_917_596_231_747_6, 0.797_272_852_773_248_8];
        near(&random.uniform(0.1, 1.0, 3), &uniform);
        let mut random = RandomState::new(9);
        near(&random.normal(20_000)[19_999..], &[1.788_877_121_450_797_8]);
        near(&random.uniform(0.0, 1.0, 1), &[0.484_004_262_726_345]);
    }

    /// NumPy 2.4.6: `qr([[1, 2, 3], [4, 5, 6], [7, 8, 10]])[0].T @ [1, 2, 4]`.
    #[test]
    fn signs_of_lapack() {
        let matrix = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 10.0];
        let expected = [-4.554_385_166_235_312, 0.301_511_344_577_764_85, 0.408_248_290_463_863];
        near(&rotated(&matrix, vec![1.0, 2.0, 4.0]), &expected);
    }
}
