//! From rows and labels to the solver: columns, penalties, the start, the choice of a solver.

use serde::{Deserialize, Serialize};

use crate::certificate::{DualityGap, has_free, within};
use crate::columns::measure;
use crate::coordinate_descent::{Group, SparseTask, coordinate_descent};
use crate::design::Design;
use crate::lbfgs::lbfgs;
use crate::meter::{LinearWork, Meter};
use crate::multipliers::{hinge, smoothed};
use crate::newton::{End, Ended, RidgeTask, newton};
use crate::precondition::Plan;
use crate::row_loss::{RowLoss, ScalarLoss, SoftmaxLoss};
use crate::{DataRows, FitStatus, LinearDataError, LinearPenalty, LinearWarning, Loss, PenalizedScale};

/// The algorithm. [`Automatic`](Self::Automatic) is right but for experiments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LinearSolver {
    /// Coordinate descent for a penalty with an ℓ1 part. Else Newton's method where a matrix of columns by
    /// columns, of all rows or of a sample, costs less than about 60 passes: few columns, or sparse rows with
    /// few entries. Else L-BFGS: on many columns its steps cost two passes, a step of Newton's method ten or
    /// more.
    #[default]
    Automatic,
    /// Newton's method with preconditioned conjugate gradients.
    Newton,
    /// L-BFGS on columns scaled by the Hessian's diagonal.
    Lbfgs,
}

/// Settings that classifiers and regressors share.
#[derive(Clone, Debug)]
pub(crate) struct Settings<'a> {
    pub(crate) penalty: &'a LinearPenalty,
    pub(crate) intercept: bool,
    pub(crate) solver: LinearSolver,
    pub(crate) tolerance: f64,
    pub(crate) passes: f64,
}

impl Settings<'_> {
    pub(crate) fn check(&self, columns: usize) -> Result<(), LinearDataError> {
        self.penalty.check(columns)?;
        kiln_core::check::positive("tolerance", self.tolerance)?;
        kiln_core::check::setting("passes", self.passes, self.passes > 0.0, "greater than 0")?;
        Ok(())
    }
}

/// Rows ready to be fitted to: the first look at the columns is shared by all fits to them.
pub(crate) struct Prepared<'a> {
    pub(crate) design: Design<'a>,
    /// `sᵢ`, which sum to 1.
    pub(crate) shares: Vec<f64>,
    scale: Vec<f64>,
    pub(crate) warnings: Vec<LinearWarning>,
}

/// A fit in the coordinates of the design.
pub(crate) struct Fitted {
    pub(crate) v: Vec<f64>,
    pub(crate) certificate: DualityGap,
    pub(crate) work: LinearWork,
    pub(crate) status: FitStatus,
}

/// Weights of rows, divided by their sum.
pub(crate) fn shares(weights: Option<&[f64]>, rows: usize) -> Result<Vec<f64>, LinearDataError> {
    let Some(weights) = weights else { return Ok(vec![1.0 / rows as f64; rows]) };
    kiln_core::check::size("weights of rows", weights.len(), rows)?;
    if let Some(row) = weights.iter().position(|w| !(w.is_finite() && *w >= 0.0)) {
        return Err(LinearDataError::Weight { row, value: weights[row] });
    }
    // Large weights are scaled before they are added up.
    let most = weights.iter().fold(0.0_f64, |most, &w| most.max(w));
    if most == 0.0 {
        return Err(kiln_core::InputError::empty("the list of rows with a positive weight").into());
    }
    let total: f64 = weights.iter().map(|w| w / most).sum();
    Ok(weights.iter().map(|w| w / most / total).collect())
}

impl<'a> Prepared<'a> {
    pub(crate) fn new(
        rows: &'a DataRows,
        shares: Vec<f64>,
        settings: &Settings<'_>,
    ) -> Result<Self, LinearDataError> {
        settings.check(rows.columns())?;
        let mut columns = measure(rows, &shares, settings.intercept);
        if let Some(column) = columns.scale.iter().position(|scale| !scale.is_finite()) {
            return Err(LinearDataError::ColumnOverflow { column });
        }
        let constant: Vec<usize> = (0..columns.scale.len()).filter(|&j| columns.scale[j] == 0.0).collect();
        let warnings = if constant.is_empty() {
            Vec::new()
        } else {
            vec![LinearWarning::ConstantColumns { columns: constant }]
        };
        let scale = columns.scale.clone();
        // The length of a group is measured in one unit.
        if settings.penalty.is_sparse()
            && !settings.penalty.groups.is_empty()
            && settings.penalty.scale == PenalizedScale::AsGiven
        {
            columns.scale.iter_mut().filter(|scale| **scale > 0.0).for_each(|scale| *scale = 1.0);
        }
        let design = Design::new(rows, &columns, settings.intercept);
        Ok(Self { design, shares, scale, warnings })
    }

    /// The ridge of every column in the design's coordinates, and the thresholds of its groups.
    fn penalties(&self, penalty: &LinearPenalty) -> (Vec<f64>, Vec<Group>) {
        let d = self.scale.len();
        let inverse = |j: usize| match penalty.scale {
            PenalizedScale::AsGiven if self.design.inverse_scale[j] > 0.0 => self.design.inverse_scale[j],
            _ => 1.0,
        };
        let l2 = penalty.strength * (1.0 - penalty.l1_share);
        let l1 = penalty.strength * penalty.l1_share;
        let ridge = (0..d).map(|j| l2 * inverse(j).powi(2)).collect();
        let mut alone = vec![true; d];
        let mut groups = Vec::new();
        for group in &penalty.groups {
            // Columns that say nothing belong nowhere.
            let columns: Vec<usize> =
                group.iter().copied().filter(|&j| self.design.inverse_scale[j] > 0.0).collect();
            for &j in group {
                alone[j] = false;
            }
            if let Some(&first) = columns.first() {
                let threshold = l1 * (group.len() as f64).sqrt() * inverse(first);
                groups.push(Group { columns, threshold });
            }
        }
        for j in (0..d).filter(|&j| alone[j] && self.design.inverse_scale[j] > 0.0) {
            groups.push(Group { columns: vec![j], threshold: l1 * inverse(j) });
        }
        (ridge, groups)
    }

    /// Lengths of columns in the metric of the shares.
    fn norms(&self) -> Vec<f64> {
        self.scale.iter().zip(&self.design.inverse_scale).map(|(s, inverse)| s * inverse).collect()
    }

    fn meter(&self, settings: &Settings<'_>, outputs: usize) -> Meter {
        Meter::new(self.design.data().nonzeros() * outputs, settings.passes)
    }

    /// The start for a loss: the best constant, or weights that are given.
    fn start<L: RowLoss>(
        &self,
        loss: &L,
        given: Option<&[f64]>,
        settings: &Settings<'_>,
        meter: &mut Meter,
    ) -> (Vec<f64>, f64, f64) {
        let is_look = settings.passes < 1.0;
        let (outputs, n) = (loss.outputs(), self.shares.len());
        let mut v = vec![0.0; (self.design.d() + 1) * outputs];
        let mut m = vec![0.0; n * outputs];
        let intercepts = v.len() - outputs;
        if self.design.intercept {
            loss.settle_intercepts(&mut m, &mut v[intercepts..]);
        }
        let null = loss.value(&m);
        let mut h = vec![0.0; n * outputs];
        loss.curvatures(&m, &mut h);
        let bend: f64 = (0..n).map(|i| loss.diagonal(&h, i, 0)).sum();
        if let Some(given) = given.filter(|given| given.len() == v.len()) {
            // A start that is worse than the best constant is none; whoever only looks has to take it.
            self.design.forward(given, outputs, &mut m);
            meter.pay(self.design.pass(outputs));
            if is_look || loss.value(&m) <= null {
                v.copy_from_slice(given);
            }
        }
        (v, null, bend.max(f64::MIN_POSITIVE))
    }

    /// One output with any loss.
    pub(crate) fn fit_scalar(
        &self,
        loss: Loss,
        labels: &[f64],
        settings: &Settings<'_>,
        given: Option<&[f64]>,
    ) -> Result<Fitted, LinearDataError> {
        let (ridge, groups) = self.penalties(settings.penalty);
        let mut meter = self.meter(settings, 1);
        if loss == Loss::Hinge {
            if settings.penalty.is_sparse() {
                return Err(LinearDataError::Unsupported {
                    what: "the hinge loss takes no l1 penalty",
                    instead: "take the squared hinge, or a ridge penalty",
                });
            }
            if settings.penalty.strength == 0.0 {
                return Err(LinearDataError::Unsupported {
                    what: "the hinge loss needs a penalty",
                    instead: "give it a ridge, such as 1/rows",
                });
            }
            let loss = smoothed(labels.to_vec(), self.shares.clone());
            let start = given.map_or_else(|| vec![0.0; self.design.d() + 1], <[f64]>::to_vec);
            let null = if self.design.intercept {
                // The better of the two constants −1 and 1.
                let minus = vec![-1.0; labels.len()];
                let plus = vec![1.0; labels.len()];
                loss.hinge(&minus).min(loss.hinge(&plus))
            } else {
                1.0
            };
            let (ended, objective) =
                hinge(&self.design, loss, &ridge, settings.tolerance * null, start, &mut meter);
            return Ok(finish(ended, objective, null, None, &meter));
        }
        let loss = ScalarLoss { loss, labels: labels.to_vec(), shares: self.shares.clone() };
        if settings.penalty.is_sparse() {
            let (start, null, _) = self.start(&loss, given, settings, &mut meter);
            if null <= 0.0 {
                return Ok(nothing_to_fit(start, &meter));
            }
            let norms = self.norms();
            let task = SparseTask {
                design: &self.design,
                loss: &loss,
                ridge: &ridge,
                groups: &groups,
                norms: &norms,
                target: settings.tolerance * null,
            };
            let ended = coordinate_descent(&task, start, &mut meter);
            let objective = task.value(&ended.v, &ended.m);
            return Ok(finish(ended, objective, null, None, &meter));
        }
        Ok(self.fit_ridge(&loss, &ridge, settings, given, meter))
    }

    /// One output a class.
    pub(crate) fn fit_softmax(
        &self,
        labels: &[usize],
        classes: usize,
        settings: &Settings<'_>,
        given: Option<&[f64]>,
    ) -> Result<Fitted, LinearDataError> {
        if settings.penalty.is_sparse() {
            return Err(LinearDataError::Unsupported {
                what: "three or more classes take no l1 penalty with the logistic loss",
                instead: "take a ridge penalty, or fit one class against the rest",
            });
        }
        let (ridge, _) = self.penalties(settings.penalty);
        let meter = self.meter(settings, classes);
        let loss = SoftmaxLoss { classes, labels: labels.to_vec(), shares: self.shares.clone() };
        Ok(self.fit_ridge(&loss, &ridge, settings, given, meter))
    }

    fn fit_ridge<L: RowLoss>(
        &self,
        loss: &L,
        ridge: &[f64],
        settings: &Settings<'_>,
        given: Option<&[f64]>,
        mut meter: Meter,
    ) -> Fitted {
        let (start, null, bend) = self.start(loss, given, settings, &mut meter);
        if null <= 0.0 {
            return nothing_to_fit(start, &meter);
        }
        let task = RidgeTask { design: &self.design, loss, ridge, target: settings.tolerance * null, bend };
        let is_newton = match settings.solver {
            LinearSolver::Newton => true,
            LinearSolver::Lbfgs => false,
            LinearSolver::Automatic => {
                has_free(ridge, bend) || Plan::new(&self.design, loss.outputs()).rows.is_some()
            }
        };
        let ended = if is_newton {
            newton(&task, start, given.is_some(), &mut meter)
        } else {
            lbfgs(&task, start, &mut meter)
        };
        let objective = task.value(&ended.v, &ended.m);
        let radius = if has_free(ridge, bend) {
            let outputs = loss.outputs();
            let (mut r, mut g) = (vec![0.0; ended.m.len()], vec![0.0; ended.v.len()]);
            loss.slopes(&ended.m, &mut r);
            self.design.backward(&r, outputs, &mut g);
            task.add_ridge(&ended.v, &mut g);
            within(ridge, bend, &ended.v, &g, outputs)
        } else {
            None
        };
        finish(ended, objective, null, radius, &meter)
    }

    /// The least strength at which all weights are 0, for a penalty with an ℓ1 part.
    pub(crate) fn largest_strength(&self, loss: Loss, labels: &[f64], penalty: &LinearPenalty) -> f64 {
        let loss = ScalarLoss { loss, labels: labels.to_vec(), shares: self.shares.clone() };
        let unit = LinearPenalty { strength: 1.0, ..penalty.clone() };
        let (_, groups) = self.penalties(&unit);
        let mut v = vec![0.0; self.design.d() + 1];
        let mut m = vec![0.0; self.shares.len()];
        if self.design.intercept {
            let d = self.design.d();
            loss.settle_intercepts(&mut m, &mut v[d..]);
        }
        let mut r = vec![0.0; m.len()];
        loss.slopes(&m, &mut r);
        let mut z = vec![0.0; v.len()];
        self.design.backward(&r, 1, &mut z);
        groups
            .iter()
            .map(|group| group.columns.iter().map(|&j| z[j] * z[j]).sum::<f64>().sqrt() / group.threshold)
            .fold(0.0, f64::max)
    }
}

/// A constant that has no loss cannot be improved on.
fn nothing_to_fit(start: Vec<f64>, meter: &Meter) -> Fitted {
    let certificate = DualityGap::new(0.0, 0.0, 0.0, None);
    Fitted { v: start, certificate, work: meter.work(), status: FitStatus::Converged }
}

fn finish(ended: Ended, objective: f64, null: f64, within: Option<f64>, meter: &Meter) -> Fitted {
    let status = match ended.end {
        End::Converged => FitStatus::Converged,
        End::Limit => FitStatus::BudgetSpent,
        End::Rounding => FitStatus::Rounding,
    };
    let certificate = DualityGap::new(objective, ended.gap, null, within);
    Fitted { v: ended.v, certificate, work: meter.work(), status }
}

/// The warning that belongs to a fit's end.
pub(crate) fn not_converged(
    status: FitStatus,
    certificate: &DualityGap,
    tolerance: f64,
) -> Option<LinearWarning> {
    (status != FitStatus::Converged).then_some(LinearWarning::NotConverged {
        status,
        reached: certificate.relative,
        tolerance,
    })
}
