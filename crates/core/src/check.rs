//! Checks at the border: `Ok(())`, or an [`InputError`] that names what was passed.

use std::borrow::Cow;

use crate::InputError;

/// The outcome of a check.
pub type Checked = Result<(), InputError>;

/// A setting for which `holds` says whether it is in its range.
///
/// # Errors
/// [`InputError::Setting`] where it is not.
pub fn setting(name: &'static str, value: f64, holds: bool, must: impl Into<Cow<'static, str>>) -> Checked {
    if holds { Ok(()) } else { Err(InputError::setting(name, value, must)) }
}

/// `0 < value < ∞`
///
/// # Errors
/// [`InputError::Setting`] otherwise.
pub fn positive(name: &'static str, value: f64) -> Checked {
    setting(name, value, value.is_finite() && value > 0.0, "finite and greater than 0")
}

/// `0 ≤ value < ∞`
///
/// # Errors
/// [`InputError::Setting`] otherwise.
pub fn nonnegative(name: &'static str, value: f64) -> Checked {
    setting(name, value, value.is_finite() && value >= 0.0, "finite and at least 0")
}

/// `−∞ < value < ∞`
///
/// # Errors
/// [`InputError::Setting`] otherwise.
pub fn finite(name: &'static str, value: f64) -> Checked {
    setting(name, value, value.is_finite(), "finite")
}

/// `0 ≤ value < 1`, as a momentum factor.
///
/// # Errors
/// [`InputError::Setting`] otherwise.
pub fn fraction(name: &'static str, value: f64) -> Checked {
    setting(name, value, (0.0..1.0).contains(&value), "at least 0 and less than 1")
}

/// `0 ≤ value ≤ 1`
///
/// # Errors
/// [`InputError::Setting`] otherwise.
pub fn probability(name: &'static str, value: f64) -> Checked {
    setting(name, value, (0.0..=1.0).contains(&value), "between 0 and 1")
}

/// `value ≥ 1`
///
/// # Errors
/// [`InputError::Setting`] otherwise.
pub fn at_least_one(name: &'static str, value: usize) -> Checked {
    setting(name, value as f64, value > 0, "at least 1")
}

/// `found = expected`
///
/// # Errors
/// [`InputError::Size`] otherwise.
pub fn size(what: impl Into<Cow<'static, str>>, found: usize, expected: usize) -> Checked {
    if found == expected { Ok(()) } else { Err(InputError::size(what, found, expected)) }
}

/// `found = expected`
///
/// # Errors
/// [`InputError::Shape`] otherwise.
pub fn shape(what: impl Into<Cow<'static, str>>, found: &[usize], expected: &[usize]) -> Checked {
    if found == expected { Ok(()) } else { Err(InputError::shape(what, found, expected)) }
}

/// `index < count`
///
/// # Errors
/// [`InputError::Index`] otherwise.
pub fn index(what: impl Into<Cow<'static, str>>, index: usize, count: usize) -> Checked {
    if index < count { Ok(()) } else { Err(InputError::index(what, index, count)) }
}

/// `count > 0`
///
/// # Errors
/// [`InputError::Empty`] otherwise.
pub fn not_empty(what: impl Into<Cow<'static, str>>, count: usize) -> Checked {
    if count > 0 { Ok(()) } else { Err(InputError::empty(what)) }
}

/// No infinity and no NaN.
///
/// # Errors
/// [`InputError::NotFinite`] otherwise.
pub fn all_finite(what: impl Into<Cow<'static, str>>, values: impl IntoIterator<Item = f64>) -> Checked {
    if values.into_iter().all(f64::is_finite) { Ok(()) } else { Err(InputError::not_finite(what)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nan_is_in_no_range() {
        let checks = [positive, nonnegative, finite, fraction, probability];
        assert!(checks.iter().all(|check| check("x", f64::NAN).is_err()));
        assert!(checks.iter().all(|check| check("x", f64::INFINITY).is_err()));
        assert!(checks.iter().all(|check| check("x", 0.5).is_ok()));
    }

    #[test]
    fn borders_of_ranges() {
        assert!(positive("x", 0.0).is_err() && nonnegative("x", 0.0).is_ok());
        assert!(fraction("x", 1.0).is_err() && probability("x", 1.0).is_ok());
        assert!(at_least_one("x", 0).is_err() && index("row", 2, 2).is_err() && index("row", 1, 2).is_ok());
    }

    #[test]
    fn messages_name_what_was_passed() {
        let words = |checked: Checked| checked.unwrap_err().to_string();
        assert_eq!(words(fraction("momentum", 1.0)), "momentum is 1; it must be at least 0 and less than 1");
        assert_eq!(words(size("labels", 3, 4)), "labels: found 3, expected 4");
        assert_eq!(words(shape("x", &[2, 3], &[2, 4])), "x has shape [2, 3]; it must be [2, 4]");
        assert_eq!(words(index("row", 7, 5)), "row 7 was asked for, but there are 5, counted from 0");
        assert_eq!(words(not_empty("the table", 0)), "the table is empty");
        assert_eq!(words(all_finite("x", [1.0, f64::NAN])), "x holds a number that is not finite");
    }
}
