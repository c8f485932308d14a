//! What a model is worth on rows.

/// What a model is worth on rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Judged {
    /// The loss of each row.
    pub losses: Vec<f64>,
    /// Whether the class of each row is predicted; empty where there are no classes.
    pub right: Vec<bool>,
    weights: Vec<f64>,
}

impl Judged {
    pub(crate) fn new(losses: Vec<f64>, right: Vec<bool>) -> Self {
        Self { losses, right, weights: Vec::new() }
    }

    pub(crate) fn add(&mut self, other: Self, weights: Option<&[f64]>) {
        match weights {
            Some(weights) => self.weights.extend(weights),
            None => self.weights.extend(other.losses.iter().map(|_| 1.0)),
        }
        self.losses.extend(other.losses);
        self.right.extend(other.right);
    }

    pub(crate) fn mean_loss(&self) -> Option<f64> {
        self.mean(self.losses.iter().copied())
    }

    pub(crate) fn share_right(&self) -> Option<f64> {
        if self.right.is_empty() { None } else { self.mean(self.right.iter().map(|&right| f64::from(right))) }
    }

    fn mean(&self, values: impl Iterator<Item = f64>) -> Option<f64> {
        // Large weights are scaled before they are added up.
        let most = self.weights.iter().fold(0.0_f64, |most, &weight| most.max(weight));
        let (mut sum, mut total) = (0.0, 0.0);
        for (value, weight) in values.zip(&self.weights) {
            sum += value * (weight / most);
            total += weight / most;
        }
        (total > 0.0).then(|| sum / total)
    }
}
