//! Numbers in reports: JSON has no NaN and no infinity, so those are written as strings.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use crate::statistics::{mean, sample_deviation};

/// An `f64` that survives JSON: finite numbers as numbers, the others as `"NaN"`, `"inf"`, `"-inf"`.
///
/// `Display` gives four significant digits, in scientific notation where it is shorter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Number(pub f64);

/// The mean with this many decimals, and the standard deviation in brackets when there are several values.
pub fn mean_and_deviation(values: &[f64], decimals: usize) -> String {
    let mean = mean(values);
    if values.len() < 2 {
        return format!("{mean:.decimals$}");
    }
    format!("{mean:.decimals$} ({:.decimals$})", sample_deviation(values))
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.is_finite() {
            serializer.serialize_f64(self.0)
        } else {
            serializer.serialize_str(&self.0.to_string())
        }
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Number(f64),
            Text(String),
        }
        match Form::deserialize(deserializer)? {
            Form::Number(x) => Ok(Self(x)),
            Form::Text(text) => match text.as_str() {
                "NaN" => Ok(Self(f64::NAN)),
                "inf" => Ok(Self(f64::INFINITY)),
                "-inf" => Ok(Self(f64::NEG_INFINITY)),
                _ => Err(D::Error::custom(format!("{text:?} is not a number"))),
            },
        }
    }
}

impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let x = self.0;
        if !x.is_finite() {
            return f.write_str(match x {
                f64::INFINITY => "∞",
                f64::NEG_INFINITY => "−∞",
                _ => "NaN",
            });
        }
        let whole = x.fract() == 0.0 && x.abs() < 1e9;
        let text = if whole || (1e-3..1e6).contains(&x.abs()) {
            if whole {
                format!("{x}")
            } else {
                let digits = (3 - x.abs().log10().floor() as i32).max(0) as usize;
                let text = format!("{x:.digits$}");
                if text.contains('.') {
                    text.trim_end_matches('0').trim_end_matches('.').to_owned()
                } else {
                    text
                }
            }
        } else {
            let text = format!("{x:.3e}");
            let (mantissa, exponent) = text.split_once('e').expect("the e format has an e");
            let mantissa = mantissa.trim_end_matches('0').trim_end_matches('.');
            format!("{mantissa}e{exponent}")
        };
        f.write_str(&text.replace('-', "−"))
    }
}

/// `#[serde(with = "pairs")]` for the points of a plot.
pub(crate) mod pairs {
    use super::Number;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<S: Serializer>(points: &[(f64, f64)], serializer: S) -> Result<S::Ok, S::Error> {
        let points: Vec<_> = points.iter().map(|&(x, y)| (Number(x), Number(y))).collect();
        points.serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<(f64, f64)>, D::Error> {
        let points = Vec::<(Number, Number)>::deserialize(deserializer)?;
        Ok(points.into_iter().map(|(x, y)| (x.0, y.0)).collect())
    }
}
