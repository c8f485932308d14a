//! What options and settings share: which parameters move, by how much, and what for.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Which parameters move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Tune {
    /// All.
    Full,
    /// The classifier's head; of a decoder, which has none, its last normalization.
    Head,
    /// The head and so many of the last layers.
    LastLayers(usize),
    /// Low-rank factors added to every weight matrix, of this rank, scaled by 16/rank as `MeZO`'s authors do.
    Lora(usize),
}

impl FromStr for Tune {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |what: &str| {
            let count = text.split_once('=').and_then(|(_, count)| count.parse().ok());
            let count = count.filter(|&count: &usize| count > 0);
            count.ok_or_else(|| format!("\"{text}\": {what} is a whole number from 1"))
        };
        match text.split('=').next().unwrap_or(text) {
            "full" if text == "full" => Ok(Self::Full),
            "head" if text == "head" => Ok(Self::Head),
            "last-layers" => Ok(Self::LastLayers(number("K of last-layers=K")?)),
            "lora" => Ok(Self::Lora(number("RANK of lora=RANK")?)),
            _ => Err(format!("\"{text}\" is none of full, head, last-layers=K, lora=RANK")),
        }
    }
}

impl fmt::Display for Tune {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("full"),
            Self::Head => f.write_str("head"),
            Self::LastLayers(count) => write!(f, "last-layers={count}"),
            Self::Lora(rank) => write!(f, "lora={rank}"),
        }
    }
}

impl TryFrom<String> for Tune {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Tune> for String {
    fn from(tune: Tune) -> Self {
        tune.to_string()
    }
}

/// A step size, or the request to choose one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TuningStepSize {
    /// This one.
    Given(f64),
    /// What the advisor finds by probing the curvature of the loss on one batch before the first step.
    Auto,
}

impl FromStr for TuningStepSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "auto" {
            return Ok(Self::Auto);
        }
        let size = text.parse().ok().filter(|size: &f64| size.is_finite() && *size > 0.0);
        size.map(Self::Given).ok_or_else(|| format!("\"{text}\" is no positive number, and not auto"))
    }
}

/// What is minimised over the training examples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum TuningObjective {
    /// The mean cross-entropy.
    CrossEntropy,
    /// The share of wrong answers; it has no gradient, so only zeroth-order methods can.
    Accuracy,
    /// 1 − F1 of each batch: of the second class where there are two, else the mean over classes. No gradient
    /// either.
    F1,
}

impl TuningObjective {
    /// Whether it can be differentiated.
    pub fn has_gradient(self) -> bool {
        self == Self::CrossEntropy
    }
}
