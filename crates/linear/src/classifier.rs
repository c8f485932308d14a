use kiln_core::check;
use serde::{Deserialize, Serialize};

use crate::fit::{Fitted, Prepared, not_converged, shares};
use crate::method::linear_method;
use crate::{
    ClassLabel, DataRows, DualityGap, FitStatus, FitWith, FittedClassifier, LinearDataError, LinearFit,
    LinearWarning, LinearWork, Loss,
};

/// The loss of a classifier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClassifierLoss {
    /// Logistic; with three or more classes multinomial, all of them at once.
    #[default]
    Logistic,
    /// Logistic; with three or more classes each against the rest, by itself.
    LogisticOneAgainstRest,
    /// The support vector machine, each class against the rest.
    Hinge,
    /// The support vector machine with squared slacks, each class against the rest.
    SquaredHinge,
}

impl ClassifierLoss {
    pub(crate) fn scalar(self) -> Loss {
        match self {
            Self::Logistic | Self::LogisticOneAgainstRest => Loss::Logistic,
            Self::Hinge => Loss::Hinge,
            Self::SquaredHinge => Loss::SquaredHinge,
        }
    }
}

/// What a row of each class counts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClassBalance {
    /// As much as any other.
    #[default]
    Equal,
    /// `rows / (classes · rows of the class)`, so that all classes weigh the same.
    Balanced,
    /// A weight for each class named, 1 for the others.
    Given(Vec<(ClassLabel, f64)>),
}

linear_method! {
/// Predicts classes from rows.
///
/// ```
/// use kiln_linear::{DenseRows, LinearClassifier, LinearPenalty};
///
/// let rows = DenseRows::new(2, vec![1.0, 20.0, 1.2, 35.0, 3.0, 30.0, 3.3, 18.0])?.into();
/// let labels = ["setosa", "setosa", "virginica", "virginica"];
/// let fit = LinearClassifier::new(LinearPenalty::ridge(0.1)).fit(&rows, &labels)?;
/// assert_eq!(fit.model.predict_classes(&rows)?[3].to_string(), "virginica");
/// assert!(fit.model.predict_probabilities(&rows)?.get(0).is_some_and(|p| p[0] > 0.8));
/// # Ok::<(), kiln_linear::LinearDataError>(())
/// ```
LinearClassifier {
    /// The loss; logistic by default.
    loss: ClassifierLoss,
    /// What a row of each class counts.
    balance: ClassBalance,
}
}

/// Labels as numbers of classes.
struct Classes {
    names: Vec<ClassLabel>,
    of_rows: Vec<usize>,
}

impl Classes {
    /// In ascending order, of rows with a positive weight; other rows get the class 0.
    fn new<L: Clone + Into<ClassLabel>>(labels: &[L], weights: Option<&[f64]>) -> Self {
        let labels: Vec<ClassLabel> = labels.iter().cloned().map(Into::into).collect();
        let counts = |row: usize| weights.is_none_or(|weights| weights.get(row).is_none_or(|w| *w > 0.0));
        let mut names: Vec<ClassLabel> = Vec::new();
        for (_, label) in labels.iter().enumerate().filter(|(row, _)| counts(*row)) {
            if let Err(place) = names.binary_search(label) {
                names.insert(place, label.clone());
            }
        }
        let of_rows = labels.iter().map(|label| names.binary_search(label).unwrap_or(0)).collect();
        Self { names, of_rows }
    }
}

impl LinearClassifier {
    /// Fits the model. Labels are words, whole numbers, truth values or floats ([`ClassLabel`]).
    ///
    /// # Errors
    /// When lengths do not fit, there is one class only, a setting is out of its range, settings do not go
    /// together, or the squares of a column overflow. A fit that does not converge is no error: it has a
    /// warning.
    pub fn fit<L: Clone + Into<ClassLabel>>(
        &self,
        rows: &DataRows,
        labels: &[L],
    ) -> Result<LinearFit<FittedClassifier>, LinearDataError> {
        self.fit_with(rows, labels, FitWith::default())
    }

    /// Fits the model with weights of rows, from a start, with names of columns.
    ///
    /// # Errors
    /// As [`fit`](Self::fit); also when a weight is negative or not finite, or all are 0.
    pub fn fit_with<L: Clone + Into<ClassLabel>>(
        &self,
        rows: &DataRows,
        labels: &[L],
        with: FitWith<'_, FittedClassifier>,
    ) -> Result<LinearFit<FittedClassifier>, LinearDataError> {
        check::size("labels", labels.len(), rows.rows())?;
        let (classes, shares) = self.classes(labels, with.weights)?;
        let settings = self.settings();
        let prepared = Prepared::new(rows, shares, &settings)?;
        let start = match with.start {
            Some(model) => {
                check::size("columns of the start", model.columns().len(), rows.columns())?;
                if model.classes() != classes.names {
                    return Err(LinearDataError::Unsupported {
                        what: "the start has other classes than the labels",
                        instead: "start from a model of the same classes, or from none",
                    });
                }
                let (weights, intercepts) = model.by_columns();
                Some(prepared.design.of_raw(&weights, intercepts))
            }
            None => None,
        };
        let mut warnings = prepared.warnings.clone();
        let lonely: Vec<ClassLabel> = (0..classes.names.len())
            .filter(|class| {
                let rows = classes.of_rows.iter().zip(&prepared.shares);
                rows.filter(|(of, share)| *of == class && **share > 0.0).count() == 1
            })
            .map(|class| classes.names[class].clone())
            .collect();
        if !lonely.is_empty() {
            warnings.push(LinearWarning::LonelyClasses { classes: lonely });
        }
        let fitted = self.solve(&prepared, &classes, start.as_deref())?;
        let outputs = outputs(&classes);
        let (weights, intercepts) = prepared.design.to_raw(&fitted.v, outputs);
        let model = FittedClassifier::from_columns(
            self.loss,
            classes.names.clone(),
            with.columns,
            (&weights, &intercepts),
        )?;
        warnings.extend(not_converged(fitted.status, &fitted.certificate, self.tolerance));
        if self.penalty.strength == 0.0 {
            let predicted = model.predict_classes(rows)?;
            let mut rows = predicted.iter().zip(&classes.of_rows).zip(&prepared.shares);
            if rows.all(|((p, &class), share)| *share == 0.0 || **p == classes.names[class]) {
                warnings.push(LinearWarning::Separable);
            }
        }
        if self.penalty.is_sparse() && weights.iter().all(|w| *w == 0.0) {
            let from_strength = self.largest(&prepared, &classes);
            warnings.push(LinearWarning::AllWeightsZero { from_strength });
        }
        let Fitted { certificate, work, status, .. } = fitted;
        Ok(LinearFit { model, certificate, work, status, warnings })
    }

    /// The certificate of a model for rows and labels, whoever fitted it: `with.start`, its intercepts
    /// replaced by the best ones for its weights. After the hinge loss, whose slopes at a kink are not told
    /// by the weights, the bound may be far above the truth.
    ///
    /// # Errors
    /// As [`fit_with`](Self::fit_with); also without a start.
    pub fn certify<L: Clone + Into<ClassLabel>>(
        &self,
        rows: &DataRows,
        labels: &[L],
        with: FitWith<'_, FittedClassifier>,
    ) -> Result<DualityGap, LinearDataError> {
        check::not_empty("the start", usize::from(with.start.is_some()))?;
        Ok(self.look().fit_with(rows, labels, with)?.certificate)
    }

    fn solve(
        &self,
        prepared: &Prepared<'_>,
        classes: &Classes,
        start: Option<&[f64]>,
    ) -> Result<Fitted, LinearDataError> {
        let count = classes.names.len();
        let settings = self.settings();
        if count == 2 {
            return prepared.fit_scalar(self.loss.scalar(), &against(classes, 1), &settings, start);
        }
        if self.loss == ClassifierLoss::Logistic {
            return prepared.fit_softmax(&classes.of_rows, count, &settings, start);
        }
        let columns = prepared.design.d() + 1;
        let mut v = vec![0.0; columns * count];
        let mut total = DualityGap::new(0.0, 0.0, 0.0, None);
        let (mut work, mut status) = (LinearWork::default(), FitStatus::Converged);
        for class in 0..count {
            let start: Option<Vec<f64>> =
                start.map(|start| start.iter().skip(class).step_by(count).copied().collect());
            let fitted = prepared.fit_scalar(
                self.loss.scalar(),
                &against(classes, class),
                &settings,
                start.as_deref(),
            )?;
            for (v, fitted) in v.iter_mut().skip(class).step_by(count).zip(&fitted.v) {
                *v = *fitted;
            }
            let Fitted { certificate: part, work: done, status: end, .. } = fitted;
            let within = part.within.map(|within| within.max(total.within.unwrap_or(0.0)));
            total = DualityGap::new(
                total.objective + part.objective,
                total.gap + part.gap,
                total.start + part.start,
                within,
            );
            work.passes += done.passes;
            work.steps += done.steps;
            if end != FitStatus::Converged {
                status = end;
            }
        }
        Ok(Fitted { v, certificate: total, work, status })
    }

    /// Classes, and shares of rows with the weights of classes in them.
    fn classes<L: Clone + Into<ClassLabel>>(
        &self,
        labels: &[L],
        weights: Option<&[f64]>,
    ) -> Result<(Classes, Vec<f64>), LinearDataError> {
        let mut shares_of_rows = shares(weights, labels.len())?;
        let classes = Classes::new(labels, weights);
        if let [class] = &classes.names[..] {
            return Err(LinearDataError::OneClass { class: class.clone() });
        }
        let count = classes.names.len();
        let mut factors = vec![1.0; count];
        match &self.balance {
            ClassBalance::Equal => return Ok((classes, shares_of_rows)),
            ClassBalance::Balanced => {
                let mut held = vec![0.0; count];
                for (&class, share) in classes.of_rows.iter().zip(&shares_of_rows) {
                    held[class] += share;
                }
                factors
                    .iter_mut()
                    .zip(&held)
                    .for_each(|(factor, held)| *factor = 1.0 / (count as f64 * held));
            }
            ClassBalance::Given(given) => {
                for (class, weight) in given {
                    check::nonnegative("weight of a class", *weight)?;
                    let Ok(at) = classes.names.binary_search(class) else {
                        let (class, known) = (class.clone(), classes.names);
                        return Err(LinearDataError::UnknownClass { class, known });
                    };
                    factors[at] = *weight;
                }
                if let Some(at) = factors.iter().position(|factor| *factor == 0.0) {
                    // A class that does not count is a class that is not there.
                    let weight = 0.0;
                    check::setting(
                        "weight of a class",
                        weight,
                        false,
                        format!("positive ({})", classes.names[at]),
                    )?;
                }
            }
        }
        shares_of_rows.iter_mut().zip(&classes.of_rows).for_each(|(share, &class)| *share *= factors[class]);
        let shares_of_rows = shares(Some(&shares_of_rows), labels.len())?;
        Ok((classes, shares_of_rows))
    }

    /// The least strength at which all weights are 0, for a penalty with an ℓ1 part: where a path begins.
    ///
    /// # Errors
    /// As [`fit`](Self::fit); also for a penalty without an ℓ1 part.
    pub fn largest_strength<L: Clone + Into<ClassLabel>>(
        &self,
        rows: &DataRows,
        labels: &[L],
    ) -> Result<f64, LinearDataError> {
        self.largest_strength_with(rows, labels, None)
    }

    pub(crate) fn largest_strength_with<L: Clone + Into<ClassLabel>>(
        &self,
        rows: &DataRows,
        labels: &[L],
        weights: Option<&[f64]>,
    ) -> Result<f64, LinearDataError> {
        check::setting("l1_share", self.penalty.l1_share, self.penalty.l1_share > 0.0, "greater than 0")?;
        check::size("labels", labels.len(), rows.rows())?;
        let (classes, shares) = self.classes(labels, weights)?;
        Ok(self.largest(&Prepared::new(rows, shares, &self.settings())?, &classes))
    }

    fn largest(&self, prepared: &Prepared<'_>, classes: &Classes) -> f64 {
        let of =
            |class| prepared.largest_strength(self.loss.scalar(), &against(classes, class), &self.penalty);
        match classes.names.len() {
            2 => of(1),
            count => (0..count).map(of).fold(0.0, f64::max),
        }
    }
}

fn outputs(classes: &Classes) -> usize {
    if classes.names.len() == 2 { 1 } else { classes.names.len() }
}

/// 1 for rows of a class, −1 for the others.
fn against(classes: &Classes, class: usize) -> Vec<f64> {
    classes.of_rows.iter().map(|&of| if of == class { 1.0 } else { -1.0 }).collect()
}
