//! What is adapted: labelled sources and a target whose labels no unsupervised method can see.

use crate::{AdaptError, Rows};
use kiln_core::{InputError, check};
use kiln_tensor::border::same_device;

/// More classes are refused: methods hold a number for each, and often for each pair of them.
const MOST_CLASSES: usize = 65_536;

/// The labels of a domain's rows.
#[derive(Debug, Clone, PartialEq)]
pub enum Labels {
    /// Class indices below `count`.
    Classes {
        /// One class index per row.
        classes: Vec<usize>,
        /// Number of classes of the problem, whether all occur or not.
        count: usize,
    },
    /// Real values, for regression.
    Values(Vec<f64>),
}

impl Labels {
    /// Class indices below `count`.
    pub fn classes(classes: impl Into<Vec<usize>>, count: usize) -> Self {
        Self::Classes { classes: classes.into(), count }
    }

    /// Real values.
    pub fn values(values: impl Into<Vec<f64>>) -> Self {
        Self::Values(values.into())
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        match self {
            Self::Classes { classes, .. } => classes.len(),
            Self::Values(values) => values.len(),
        }
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The labels of the rows with these indices, in this order; each must be below [`len`](Self::len).
    fn select(&self, indices: &[usize]) -> Self {
        match self {
            Self::Classes { classes, count } => {
                Self::Classes { classes: indices.iter().map(|&i| classes[i]).collect(), count: *count }
            }
            Self::Values(values) => Self::Values(indices.iter().map(|&i| values[i]).collect()),
        }
    }

    /// Number of columns that a model's output has for these labels: the classes, or 1 for values.
    pub fn outputs(&self) -> usize {
        match self {
            Self::Classes { count, .. } => *count,
            Self::Values(_) => 1,
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Classes { .. } => "classes as labels",
            Self::Values(_) => "values as labels",
        }
    }
}

/// A domain with labels: a source, the few labelled rows of a target, or what a model is evaluated on.
#[derive(Debug, Clone)]
pub struct Labelled<X> {
    name: String,
    x: X,
    y: Labels,
    /// `None` where each row counts 1.
    weights: Option<Vec<f64>>,
}

impl<X: Rows> Labelled<X> {
    /// The rows `x` and their labels `y`.
    ///
    /// # Errors
    /// Without rows, with numbers that are not finite, with another number of labels than of rows, or with a
    /// class index that is not below the number of classes. A class may be without rows.
    pub fn new(name: impl Into<String>, x: X, y: Labels) -> Result<Self, AdaptError> {
        let Unlabelled { name, x } = Unlabelled::new(name, x)?;
        if y.len() != x.rows() {
            let what = format!("labels of {name}");
            return Err(InputError::size(what, y.len(), x.rows()).into());
        }
        match &y {
            Labels::Classes { classes, count } => {
                let must = "at most 65536";
                check::setting("number of classes", *count as f64, *count <= MOST_CLASSES, must)?;
                if let Some((row, &class)) = classes.iter().enumerate().find(|(_, class)| *class >= count) {
                    return Err(AdaptError::Class { domain: name, row, class, classes: *count });
                }
            }
            Labels::Values(values) => {
                if values.iter().any(|value| !value.is_finite()) {
                    return Err(InputError::not_finite(format!("the labels of {name}")).into());
                }
            }
        }
        Ok(Self { name, x, y, weights: None })
    }

    /// The same rows, each counting so much: importance weights, or those of a survey.
    ///
    /// Every risk of trained methods, penalties between a source and the target, the exact linear methods and
    /// [`evaluate`](crate::Predict::evaluate) count rows so; a whole weight is as many copies of the row.
    /// Only the ratios within a domain matter, but for [`Pooling::ByRows`](crate::Pooling::ByRows), where the
    /// sums say what the domains count. What cannot count rows refuses such a domain.
    ///
    /// ```
    /// use faer::mat;
    /// use kiln_adapt::linear::Moments;
    /// use kiln_adapt::{Labelled, Labels};
    ///
    /// let domain = Labelled::new("survey", mat![[1.0], [5.0]], Labels::values([0.0, 4.0]))?;
    /// let weighted = domain.weighted([3.0, 1.0])?;
    /// assert_eq!(Moments::of(&weighted)?.features().mean()[0], 2.0);
    /// # Ok::<(), kiln_adapt::AdaptError>(())
    /// ```
    ///
    /// # Errors
    /// When there are not as many weights as rows, one is negative or not finite, all are 0, or their sum
    /// overflows.
    pub fn weighted(mut self, weights: impl Into<Vec<f64>>) -> Result<Self, AdaptError> {
        let weights = weights.into();
        let what = || format!("weights of the rows of {}", self.name);
        check::size(what(), weights.len(), self.rows())?;
        weights.iter().try_for_each(|weight| check::nonnegative("weight of a row", *weight))?;
        let total: f64 = weights.iter().sum();
        check::setting("sum of the weights", total, total > 0.0 && total.is_finite(), "above 0 and finite")?;
        self.weights = Some(weights);
        Ok(self)
    }

    /// What each row counts; `None` where each counts 1.
    pub fn weights(&self) -> Option<&[f64]> {
        self.weights.as_deref()
    }

    /// What a row counts, which must be below [`rows`](Self::rows).
    pub(crate) fn weight(&self, row: usize) -> f64 {
        self.weights.as_ref().map_or(1.0, |weights| weights[row])
    }

    /// For what takes each row the same.
    ///
    /// # Errors
    /// When rows have weights.
    pub(crate) fn unweighted(&self) -> Result<(), AdaptError> {
        match self.weights {
            None => Ok(()),
            Some(_) => Err(AdaptError::Method(
                "this cannot count rows by weights: draw rows by their weights instead, or leave them out",
            )),
        }
    }

    /// The domain's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The rows.
    pub fn x(&self) -> &X {
        &self.x
    }

    /// The labels.
    pub fn y(&self) -> &Labels {
        &self.y
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.y.len()
    }

    /// The domain without its labels, as a target.
    pub fn without_labels(&self) -> Unlabelled<X> {
        Unlabelled { name: self.name.clone(), x: self.x.clone() }
    }

    /// The rows with these indices, in this order.
    ///
    /// # Errors
    /// Without indices, or when one is not below the number of rows.
    pub fn select(&self, indices: &[usize]) -> Result<Self, AdaptError> {
        if let Some(&index) = indices.iter().find(|index| **index >= self.rows()) {
            let what = format!("row index in {}, which must be below the number of rows", self.name);
            return Err(InputError::size(what, index, self.rows()).into());
        }
        if indices.is_empty() {
            return Err(InputError::empty(format!("the selection of {}", self.name)).into());
        }
        let (name, x, y) = (self.name.clone(), self.x.select(indices), self.y.select(indices));
        let selected = Self { name, x, y, weights: None };
        match &self.weights {
            None => Ok(selected),
            Some(weights) => selected.weighted(indices.iter().map(|&i| weights[i]).collect::<Vec<_>>()),
        }
    }

    /// The same rows in another form, with their labels.
    ///
    /// # Errors
    /// When `convert` changes the number of rows, or makes numbers that are not finite.
    pub fn map<Y: Rows>(&self, convert: impl FnOnce(&X) -> Y) -> Result<Labelled<Y>, AdaptError> {
        self.with_rows(convert(&self.x), self.y.clone())
    }

    /// The same domain with other rows and labels for each of its rows.
    pub(crate) fn with_rows<Y: Rows>(&self, x: Y, y: Labels) -> Result<Labelled<Y>, AdaptError> {
        let changed = Labelled::new(self.name.clone(), x, y)?;
        match &self.weights {
            None => Ok(changed),
            Some(weights) => changed.weighted(weights.clone()),
        }
    }

    /// The classes of the rows and their number.
    ///
    /// # Errors
    /// [`AdaptError::Labels`] when the labels are values.
    pub fn classes(&self) -> Result<(&[usize], usize), AdaptError> {
        match &self.y {
            Labels::Classes { classes, count } => Ok((classes, *count)),
            Labels::Values(_) => Err(self.wrong_labels("this needs classes")),
        }
    }

    /// The values of the rows.
    ///
    /// # Errors
    /// [`AdaptError::Labels`] when the labels are classes.
    pub fn values(&self) -> Result<&[f64], AdaptError> {
        match &self.y {
            Labels::Values(values) => Ok(values),
            Labels::Classes { .. } => Err(self.wrong_labels("this needs values")),
        }
    }

    fn wrong_labels(&self, must: &'static str) -> AdaptError {
        AdaptError::Labels { domain: self.name.clone(), found: self.y.kind(), must }
    }
}

/// A domain without labels: the target of an unsupervised method.
#[derive(Debug, Clone)]
pub struct Unlabelled<X> {
    name: String,
    x: X,
}

impl<X: Rows> Unlabelled<X> {
    /// The rows `x`.
    ///
    /// # Errors
    /// Without rows, or with numbers that are not finite.
    pub fn new(name: impl Into<String>, x: X) -> Result<Self, AdaptError> {
        let name = name.into();
        x.check(&name)?;
        Ok(Self { name, x })
    }

    /// The domain's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The rows.
    pub fn x(&self) -> &X {
        &self.x
    }
}

/// An unsupervised problem: labelled sources, and a target without labels.
///
/// No unsupervised method takes anything else, so that labels of the target cannot leak into one: they have
/// no place here. Sources may differ in their number of rows.
#[derive(Debug, Clone)]
pub struct Adaptation<X> {
    sources: Vec<Labelled<X>>,
    target: Unlabelled<X>,
}

impl<X: Rows> Adaptation<X> {
    /// Sources and target.
    ///
    /// # Errors
    /// Without sources, when the rows differ in shape, element type or device, when the sources' labels
    /// differ in kind or number of classes, or when all rows of all sources are of one class.
    pub fn new(sources: Vec<Labelled<X>>, target: Unlabelled<X>) -> Result<Self, AdaptError> {
        let Some(first) = sources.first() else {
            return Err(InputError::empty("the list of sources").into());
        };
        for source in &sources {
            same_rows(&source.name, &source.x, &first.x)?;
        }
        same_rows(&target.name, &target.x, &first.x)?;
        for source in &sources {
            same_labels(source, &first.y)?;
        }
        if let Labels::Classes { classes, .. } = &first.y {
            let only = classes[0];
            let all = |source: &Labelled<X>| match &source.y {
                Labels::Classes { classes, .. } => classes.iter().all(|class| *class == only),
                Labels::Values(_) => true,
            };
            if sources.iter().all(all) {
                return Err(AdaptError::Method("all rows of all sources are of one class"));
            }
        }
        Ok(Self { sources, target })
    }

    /// The sources, at least one.
    pub fn sources(&self) -> &[Labelled<X>] {
        &self.sources
    }

    /// The target.
    pub fn target(&self) -> &Unlabelled<X> {
        &self.target
    }

    /// A source by its index.
    ///
    /// # Errors
    /// [`InputError::Index`].
    pub fn source(&self, index: usize) -> Result<&Labelled<X>, AdaptError> {
        Ok(self.sources.get(index).ok_or_else(|| InputError::index("source", index, self.sources.len()))?)
    }

    /// The same problem with its rows in another form, such as matrices as tensors.
    ///
    /// ```
    /// use burn::tensor::Device;
    /// use kiln_adapt::{scm::{CicScm, CicSimulation}, tensor_of};
    ///
    /// let device = Device::flex();
    /// let (exact, _) = CicSimulation::new(CicScm::I, 1).draw(0)?;
    /// let trained = exact.map(|x| tensor_of(x, &device))?;
    /// assert_eq!(trained.sources()[0].x().dims(), [1000, 10]);
    /// # Ok::<(), kiln_adapt::AdaptError>(())
    /// ```
    ///
    /// # Errors
    /// When `convert` changes the number of rows, makes numbers that are not finite, or rows of different
    /// shapes.
    pub fn map<Y: Rows>(&self, convert: impl Fn(&X) -> Y) -> Result<Adaptation<Y>, AdaptError> {
        let sources = self.sources.iter().map(|source| source.map(&convert)).collect::<Result<_, _>>()?;
        Adaptation::new(sources, Unlabelled::new(self.target.name.clone(), convert(&self.target.x))?)
    }

    /// Number of columns of a model's output: the classes, or 1 for regression.
    pub fn outputs(&self) -> usize {
        self.sources.first().map_or(0, |source| source.y.outputs())
    }

    /// Adds the few labelled rows of the target that a semi-supervised method may see.
    ///
    /// # Errors
    /// When their shape or labels do not fit those of the sources; so a class that no source knows is an
    /// error.
    pub fn with_target_labels(self, labelled: Labelled<X>) -> Result<SemiSupervised<X>, AdaptError> {
        let first = self.source(0)?;
        same_rows(&labelled.name, &labelled.x, &first.x)?;
        same_labels(&labelled, &first.y)?;
        Ok(SemiSupervised { adaptation: self, labelled })
    }
}

/// A semi-supervised problem: sources, a target, and a few rows of the target with labels.
///
/// Only fine-tuning methods take one.
#[derive(Debug, Clone)]
pub struct SemiSupervised<X> {
    adaptation: Adaptation<X>,
    labelled: Labelled<X>,
}

impl<X: Rows> SemiSupervised<X> {
    /// Sources and unlabelled target.
    pub fn adaptation(&self) -> &Adaptation<X> {
        &self.adaptation
    }

    /// The labelled rows of the target.
    pub fn labelled(&self) -> &Labelled<X> {
        &self.labelled
    }
}

/// Rows of the same kind on the same devices.
fn same_rows<X: Rows>(name: &str, x: &X, expected: &X) -> Result<(), AdaptError> {
    expected.kind().check(name, x)?;
    for (found, expected) in x.devices().into_iter().zip(expected.devices()) {
        same_device(name.to_owned(), &found, &expected)?;
    }
    Ok(())
}

fn same_labels<X: Rows>(domain: &Labelled<X>, expected: &Labels) -> Result<(), AdaptError> {
    match (&domain.y, expected) {
        (Labels::Values(_), Labels::Values(_)) => Ok(()),
        (Labels::Classes { count: found, .. }, Labels::Classes { count, .. }) => {
            if found == count {
                return Ok(());
            }
            let what = format!("classes of {}", domain.name);
            Err(InputError::size(what, *found, *count).into())
        }
        _ => Err(domain.wrong_labels("all domains must have labels of one kind")),
    }
}
