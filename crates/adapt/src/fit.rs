//! The contract that every method meets.

use crate::{AdaptError, Predict, Rows};

/// A method: it learns from data whose rows are `X`, and what it learned predicts.
///
/// What it may see is in the type of its data. An unsupervised method takes an
/// [`Adaptation`](crate::Adaptation), in which labels of the target have no place; a semi-supervised one
/// takes a [`SemiSupervised`](crate::SemiSupervised) problem.
///
/// ```
/// use faer::mat;
/// use kiln_adapt::linear::classification::{CipHard, DipHard};
/// use kiln_adapt::{AdaptError, Adaptation, Fit, Labelled, Labels, Predict, Rows, Unlabelled};
///
/// /// The score on a labelled domain of whatever a method makes of a problem.
/// fn score<X: Rows, T: Fit<X, Data = Adaptation<X>>>(
///     method: &T,
///     data: &Adaptation<X>,
///     test: &Labelled<X>,
/// ) -> Result<f64, AdaptError> {
///     Ok(method.fit(data)?.evaluate(test)?.score())
/// }
///
/// let source = mat![[-0.1, -3.0], [-1.0, -3.0], [0.1, 3.0], [1.0, 3.0]];
/// let target = mat![[-0.1, 3.0], [-1.0, 3.0], [0.1, 9.0], [1.0, 9.0]];
/// let labels = || Labels::classes([0, 0, 1, 1], 2);
/// let data = Adaptation::new(
///     vec![Labelled::new("source", source, labels())?],
///     Unlabelled::new("target", target.clone())?,
/// )?;
/// let test = Labelled::new("target", target, labels())?;
/// // The second feature tells the classes apart best in the source, and is shifted in the target.
/// assert_eq!(score(&CipHard::default(), &data, &test)?, 0.5);
/// assert_eq!(score(&DipHard::new(0), &data, &test)?, 1.0);
/// # Ok::<(), AdaptError>(())
/// ```
///
/// Labels of the target cannot enter an unsupervised problem. This does not compile:
///
/// ```compile_fail,E0308
/// use faer::mat;
/// use kiln_adapt::{Adaptation, Labelled, Labels};
///
/// let labels = || Labels::classes([0, 1], 2);
/// let source = Labelled::new("source", mat![[-1.0], [1.0]], labels())?;
/// let target = Labelled::new("target", mat![[-1.0], [1.0]], labels())?;
/// let data = Adaptation::new(vec![source], target)?;
/// # Ok::<(), kiln_adapt::AdaptError>(())
/// ```
///
/// Nor does an unsupervised method take a problem that holds some:
///
/// ```compile_fail,E0308
/// use faer::Mat;
/// use kiln_adapt::linear::classification::CipHard;
/// use kiln_adapt::{Fit, SemiSupervised};
///
/// fn leak(data: &SemiSupervised<Mat<f64>>) {
///     let fitted = CipHard::default().fit(data);
/// }
/// ```
pub trait Fit<X: Rows> {
    /// What it learns from.
    type Data;
    /// What it makes of them.
    type Fitted: Predict<X>;

    /// Learns from the data. The same data give the same bits on the same kind of device and number of
    /// threads.
    ///
    /// # Errors
    /// When a setting is out of its range or does not fit the data, or when no answer can be found.
    fn fit(&self, data: &Self::Data) -> Result<Self::Fitted, AdaptError>;
}
