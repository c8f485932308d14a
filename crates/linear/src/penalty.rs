use kiln_core::{InputError, check};
use serde::{Deserialize, Serialize};

use crate::LinearDataError;

/// Which columns the penalty weighs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PenalizedScale {
    /// Columns divided by their standard deviations (without an intercept: by the roots of their mean
    /// squares), so that the unit of a column changes nothing.
    #[default]
    Standardized,
    /// Columns as they are given, as scikit-learn has it: a column in metres is penalized a thousandth of
    /// what it is in kilometres.
    AsGiven,
}

/// `λ [ (1−ρ)/2 ‖Dw‖² + ρ ‖Dw‖₁ ]`; with groups, the ℓ1 norm is `Σ_g √|g| ‖(Dw)_g‖`.
///
/// `D` holds the standard deviations of the columns, or ones ([`PenalizedScale`]). The mean loss is
/// penalized, not the sum: `λ = 1/(n C)` is scikit-learn's `C`, and `λ` is `alpha` of its `Lasso` and
/// `ElasticNet`. Intercepts are never penalized.
///
/// ```
/// use kiln_linear::{LinearPenalty, PenalizedScale};
///
/// let penalty = LinearPenalty::elastic_net(0.1, 0.5);
/// assert_eq!(serde_json::from_str::<LinearPenalty>(&serde_json::to_string(&penalty)?)?, penalty);
/// assert_eq!(penalty.on_columns_as_given().scale, PenalizedScale::AsGiven);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LinearPenalty {
    /// `λ ≥ 0`
    pub strength: f64,
    /// `ρ`, from 0 (ridge) to 1 (lasso).
    #[serde(default)]
    pub l1_share: f64,
    /// Columns whose weights are 0 together, counted from 0; a column in none of them is a group of its own.
    /// They matter to the ℓ1 part alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<Vec<usize>>,
    /// Which columns are weighed.
    #[serde(default)]
    pub scale: PenalizedScale,
}

impl LinearPenalty {
    /// No penalty.
    pub fn none() -> Self {
        Self::ridge(0.0)
    }

    /// `λ/2 ‖Dw‖²`
    pub fn ridge(strength: f64) -> Self {
        Self::elastic_net(strength, 0.0)
    }

    /// `λ ‖Dw‖₁`
    pub fn lasso(strength: f64) -> Self {
        Self::elastic_net(strength, 1.0)
    }

    /// A share `l1_share` of the lasso, the rest of the ridge.
    pub fn elastic_net(strength: f64, l1_share: f64) -> Self {
        Self { strength, l1_share, groups: Vec::new(), scale: PenalizedScale::Standardized }
    }

    /// `λ Σ_g √|g| ‖(Dw)_g‖`
    pub fn group_lasso(strength: f64, groups: Vec<Vec<usize>>) -> Self {
        Self { groups, ..Self::lasso(strength) }
    }

    /// The same on columns as they are given.
    #[must_use]
    pub fn on_columns_as_given(self) -> Self {
        Self { scale: PenalizedScale::AsGiven, ..self }
    }

    /// Whether a part of it makes weights exactly 0.
    pub(crate) fn is_sparse(&self) -> bool {
        self.l1_share > 0.0 && self.strength > 0.0
    }

    pub(crate) fn check(&self, columns: usize) -> Result<(), LinearDataError> {
        check::nonnegative("strength", self.strength)?;
        check::probability("l1_share", self.l1_share)?;
        let mut seen = vec![false; columns];
        for &column in self.groups.iter().flatten() {
            check::index("column of a group", column, columns)?;
            if std::mem::replace(&mut seen[column], true) {
                return Err(LinearDataError::ColumnInTwoGroups { column });
            }
        }
        if self.groups.iter().any(Vec::is_empty) {
            return Err(InputError::empty("a group of columns").into());
        }
        Ok(())
    }
}
