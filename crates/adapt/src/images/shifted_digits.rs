//! Domains made of handwritten digits: the presets of the MNIST experiments of Wu, Chen, Ha, Yu, "Prominent
//! roles of conditionally invariant components in domain adaptation", JMLR 2025, and a version of them on
//! pictures of 8×8 pixels.
//!
//! With `M` sources, domain `m = 0..M` is turned by `first + m · step` degrees (or has a white square at a
//! place of its own), and the last one is the target. A bar is then drawn with a probability that depends on
//! the class: `p` for class 1 and `1 − p` for class 0 in domains of even `m`, the reverse in those of odd
//! `m`. Sources are listed in reverse, so that the first of them is the nearest to the target in angle, and
//! its opposite in the bar.

use burn::tensor::{Device, Tensor};
use kiln_core::{InputError, check, random};
use rand::seq::{SliceRandom, index};
use serde::{Deserialize, Serialize};

use super::{Blend, Images, Interpolation, Patch, marks};
use crate::{AdaptError, Adaptation, Labelled, Labels, Rows, Unlabelled};

/// Streams of random numbers of a domain.
const STREAMS: u64 = 4;
const ROWS: u64 = 0;
const KEPT: u64 = 1;
const BAR: u64 = 2;
/// That of [`Digits::split`], which no domain has.
const SPLIT: u64 = u64::MAX;

/// Pictures with the digit that each shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Digits {
    images: Images,
    digits: Vec<u8>,
}

impl Digits {
    /// Pictures and their digits.
    ///
    /// # Errors
    /// When there are not as many digits as pictures, or one is above 9.
    pub fn new(images: Images, digits: Vec<u8>) -> Result<Self, AdaptError> {
        if digits.len() != images.len() {
            let what = "digits of pictures";
            return Err(InputError::size(what, digits.len(), images.len()).into());
        }
        if let Some((row, &digit)) = digits.iter().enumerate().find(|(_, digit)| **digit > 9) {
            let domain = "the list of digits".to_owned();
            return Err(AdaptError::Class { domain, row, class: digit.into(), classes: 10 });
        }
        Ok(Self { images, digits })
    }

    /// The pictures.
    pub fn images(&self) -> &Images {
        &self.images
    }

    /// What each shows, 0 to 9.
    pub fn digits(&self) -> &[u8] {
        &self.digits
    }

    /// Number of pictures.
    pub fn len(&self) -> usize {
        self.digits.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.digits.is_empty()
    }

    /// `count` pictures drawn by the seed, and the others.
    ///
    /// # Errors
    /// When there are fewer than `count`.
    pub fn split(&self, count: usize, seed: u64) -> Result<(Self, Self), AdaptError> {
        if count > self.len() {
            let what = "pictures to draw from";
            return Err(InputError::size(what, self.len(), count).into());
        }
        let mut places: Vec<usize> = (0..self.len()).collect();
        places.shuffle(&mut random::stream(seed, SPLIT));
        let (drawn, others) = places.split_at(count);
        Ok((self.select(drawn)?, self.select(others)?))
    }

    fn select(&self, places: &[usize]) -> Result<Self, AdaptError> {
        let digits = places.iter().filter_map(|place| self.digits.get(*place).copied()).collect();
        Ok(Self { images: self.images.select(places)?, digits })
    }
}

/// What differs between domains whatever the label.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ImageShift {
    /// Domain `m` is turned counter-clockwise by `first + m · step` degrees, before normalization.
    Rotation {
        /// Degrees in domain 0.
        first: f64,
        /// Degrees from a domain to the next.
        step: f64,
        /// The value between pixels.
        interpolation: Interpolation,
    },
    /// Domain `m` has a square whose upper left corner is at row and column `corner − m · step`, after
    /// normalization. In the released code corner 12, step 2, side 16 or 12 and value 3.25.
    WhiteSquare {
        /// Row and column in domain 0.
        corner: usize,
        /// Rows and columns by which it moves up and left from a domain to the next.
        step: usize,
        /// Rows and columns of the square.
        side: usize,
        /// Its value, by maximum.
        value: f32,
    },
}

/// Which rows a source has.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Draw {
    /// Each with this probability.
    Share(f64),
    /// This many, drawn without replacement.
    Rows(usize),
}

/// A bar that tells the classes apart, in reverse in every other domain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Bar {
    /// The bar, drawn after normalization.
    pub patch: Patch,
    /// How often class 1 has it in domains of even number and class 0 in those of odd number.
    pub probability: f64,
}

/// The four settings of the paper.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Preset {
    /// 1: the shift alone.
    Shift,
    /// 2: class 0 is half as frequent in the target as well.
    LabelShift,
    /// 3: the shift and the bar.
    FlippedBar,
    /// 4: all three.
    FlippedBarAndLabelShift,
}

impl Preset {
    fn bar(self, bar: Bar) -> Option<Bar> {
        matches!(self, Self::FlippedBar | Self::FlippedBarAndLabelShift).then_some(bar)
    }

    fn target_zeros(self) -> f64 {
        if matches!(self, Self::LabelShift | Self::FlippedBarAndLabelShift) { 0.5 } else { 1.0 }
    }
}

/// How domains are made of digits; see [`Preset`] for the settings of the paper.
///
/// ```
/// use burn::tensor::Device;
/// use kiln_adapt::images::{Digits, Draw, Images, Preset, ShiftedDigits};
///
/// // 60 noisy "digits"; pictures of MNIST go the same way.
/// let bytes: Vec<u8> = (0..60 * 64).map(|i| (i * 7 % 17) as u8).collect();
/// let all = Digits::new(Images::from_bytes(8, 8, 1, &bytes, 16)?, (0..60).map(|i| i % 10).collect())?;
/// let (sources, target) = all.split(40, 1)?;
///
/// let mut settings = ShiftedDigits::optdigits(Preset::FlippedBar);
/// settings.source_rows = Draw::Rows(20);
/// let domains = settings.domains(&sources, &target, 1)?;
/// // The target's labels come apart, for evaluation only.
/// let (problem, labelled_target) = domains.vectors(&Device::flex())?;
/// assert_eq!(problem.sources().len(), 5);
/// assert_eq!(problem.sources()[0].name(), "rotated by 20");
/// assert_eq!(labelled_target.rows(), 20);
/// # Ok::<(), kiln_adapt::AdaptError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShiftedDigits {
    /// The digits of class 1.
    pub positive: Vec<u8>,
    /// Number of sources.
    pub sources: usize,
    /// What differs between domains whatever the label.
    pub shift: ImageShift,
    /// Which rows a source has.
    pub source_rows: Draw,
    /// Probability with which a row of class 0 stays in the target.
    pub target_zeros: f64,
    /// The bar, if there is one.
    pub bar: Option<Bar>,
    /// What is subtracted from pixels of 0 to 1, after a rotation.
    pub mean: f32,
    /// What they are then divided by.
    pub deviation: f32,
}

impl ShiftedDigits {
    /// On MNIST, as in the released code: digits 5 to 9 against 0 to 4, five sources of a fifth of the
    /// training pictures each, turned by −30 to 30 degrees (to the nearest pixel), the target of the test
    /// pictures by 45.
    pub fn mnist(preset: Preset) -> Self {
        let patch = Patch { rows: 20..26, columns: 1..17, value: 3.25, blend: Blend::Maximum };
        Self {
            positive: vec![5, 6, 7, 8, 9],
            sources: 5,
            shift: ImageShift::Rotation { first: -30.0, step: 15.0, interpolation: Interpolation::Nearest },
            source_rows: Draw::Share(0.2),
            target_zeros: preset.target_zeros(),
            bar: preset.bar(Bar { patch, probability: 0.9 }),
            mean: 0.1306,
            deviation: 0.3081,
        }
    }

    /// On optdigits (8×8 pixels of 0 to 16): digits 0, 2, 3, 6, 8 against the others, five sources of 600
    /// pictures each, turned by −20 to 20 degrees, the target by 30. Sources and target must not share
    /// pictures:
    /// [`split`](Digits::split) 1200 off for the sources.
    pub fn optdigits(preset: Preset) -> Self {
        let patch = Patch { rows: 7..8, columns: 1..7, value: 1.5, blend: Blend::Replace };
        Self {
            positive: vec![0, 2, 3, 6, 8],
            sources: 5,
            shift: ImageShift::Rotation { first: -20.0, step: 10.0, interpolation: Interpolation::Bilinear },
            source_rows: Draw::Rows(600),
            target_zeros: preset.target_zeros(),
            bar: preset.bar(Bar { patch, probability: 0.9 }),
            mean: 0.3,
            deviation: 0.37,
        }
    }

    /// The domains. Sources are drawn from the pictures of `sources`, each anew; the target has those of
    /// `target`.
    ///
    /// # Errors
    /// When a setting is out of range or does not fit the pictures, or a domain is left without rows.
    pub fn domains(
        &self,
        sources: &Digits,
        target: &Digits,
        seed: u64,
    ) -> Result<ShiftedDomains, AdaptError> {
        check::at_least_one("sources", self.sources)?;
        if let Some(digit) = self.positive.iter().find(|digit| **digit > 9) {
            let must = "a digit of 0 to 9";
            return Err(InputError::setting("positive", f64::from(*digit), must).into());
        }
        let mut made = Vec::new();
        for m in (0..self.sources).rev() {
            let rows = self.source_places(sources.len(), seed, m)?;
            made.push(self.domain(&sources.select(&rows)?, seed, m)?);
        }
        let m = self.sources;
        let kept = marks(&self.classes(target), &[self.target_zeros, 1.0], seed, stream(m, KEPT))?;
        let rows: Vec<usize> = (0..target.len()).filter(|row| kept.get(*row) == Some(&true)).collect();
        Ok(ShiftedDomains { sources: made, target: self.domain(&target.select(&rows)?, seed, m)? })
    }

    fn source_places(&self, pictures: usize, seed: u64, m: usize) -> Result<Vec<usize>, AdaptError> {
        match self.source_rows {
            Draw::Share(share) => {
                let drawn = marks(&vec![0; pictures], &[share], seed, stream(m, ROWS))?;
                Ok((0..pictures).filter(|row| drawn.get(*row) == Some(&true)).collect())
            }
            Draw::Rows(count) if count > pictures => {
                let what = "pictures to draw a source from";
                Err(InputError::size(what, pictures, count).into())
            }
            Draw::Rows(count) => {
                Ok(index::sample(&mut random::stream(seed, stream(m, ROWS)), pictures, count).into_vec())
            }
        }
    }

    /// The class of each picture.
    fn classes(&self, digits: &Digits) -> Vec<usize> {
        digits.digits.iter().map(|digit| usize::from(self.positive.contains(digit))).collect()
    }

    fn domain(&self, digits: &Digits, seed: u64, m: usize) -> Result<Domain, AdaptError> {
        let classes = self.classes(digits);
        let (name, mut images) = match &self.shift {
            ImageShift::Rotation { first, step, interpolation } => {
                let degrees = first + m as f64 * step;
                let turned = digits.images.rotated(degrees, *interpolation)?;
                (format!("rotated by {degrees}"), turned.normalized(self.mean, self.deviation)?)
            }
            ImageShift::WhiteSquare { corner, step, side, value } => {
                let start = step.checked_mul(m).and_then(|moved| corner.checked_sub(moved)).ok_or(
                    InputError::setting(
                        "corner",
                        *corner as f64,
                        "at least the step times the number of sources",
                    ),
                )?;
                let range = start..start.saturating_add(*side);
                let patch =
                    Patch { rows: range.clone(), columns: range, value: *value, blend: Blend::Maximum };
                let images = digits.images.clone().normalized(self.mean, self.deviation)?;
                (format!("square at {start}"), images.with_patch(&patch, &vec![true; classes.len()])?)
            }
        };
        if let Some(Bar { patch, probability }) = &self.bar {
            let probabilities = if m.is_multiple_of(2) {
                [1.0 - probability, *probability]
            } else {
                [*probability, 1.0 - probability]
            };
            let marked = marks(&classes, &probabilities, seed, stream(m, BAR))?;
            images = images.with_patch(patch, &marked)?;
        }
        Ok(Domain { name, images, classes })
    }
}

fn stream(m: usize, purpose: u64) -> u64 {
    (m as u64).wrapping_mul(STREAMS).wrapping_add(purpose)
}

/// Pictures of one domain, and the class of each.
#[derive(Debug, Clone, PartialEq)]
struct Domain {
    name: String,
    images: Images,
    classes: Vec<usize>,
}

/// Sources and target, on the host.
#[derive(Debug, Clone, PartialEq)]
pub struct ShiftedDomains {
    sources: Vec<Domain>,
    target: Domain,
}

impl ShiftedDomains {
    /// The problem, its rows pictures `[n, 1, height, width]` on the device, and the target with its labels
    /// for evaluation.
    ///
    /// # Errors
    /// When a domain has no rows, or all rows of all sources are of one class.
    pub fn pictures(
        &self,
        device: &Device,
    ) -> Result<(Adaptation<Tensor<4>>, Labelled<Tensor<4>>), AdaptError> {
        self.on(|images| images.pictures(device))
    }

    /// The problem, its rows vectors `[n, height · width]` on the device, and the target with its labels for
    /// evaluation.
    ///
    /// # Errors
    /// As [`pictures`](Self::pictures).
    pub fn vectors(
        &self,
        device: &Device,
    ) -> Result<(Adaptation<Tensor<2>>, Labelled<Tensor<2>>), AdaptError> {
        self.on(|images| images.vectors(device))
    }

    fn on<X: Rows>(&self, rows: impl Fn(&Images) -> X) -> Result<(Adaptation<X>, Labelled<X>), AdaptError> {
        let labelled = |domain: &Domain| {
            if domain.images.is_empty() {
                return Err(InputError::empty(domain.name.clone()).into());
            }
            let labels = Labels::classes(domain.classes.clone(), 2);
            Labelled::new(domain.name.clone(), rows(&domain.images), labels)
        };
        let sources = self.sources.iter().map(labelled).collect::<Result<_, _>>()?;
        let target = labelled(&self.target)?;
        let unlabelled: Unlabelled<X> = target.without_labels();
        Ok((Adaptation::new(sources, unlabelled)?, target))
    }
}
