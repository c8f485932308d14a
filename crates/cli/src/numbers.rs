//! Numbers and names as people read them.

use std::fmt;

use kiln_receipts::Number;

/// A number with three significant digits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Short(pub(crate) f64);

/// A share in percent, with two significant digits; never rounded to none or to all.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Share(pub(crate) f64);

impl fmt::Display for Short {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rounded = format!("{:.2e}", self.0).parse().unwrap_or(self.0);
        // Whole numbers are counts, which are not rounded.
        let whole = self.0.fract() == 0.0 && self.0.abs() < 1e9;
        fmt::Display::fmt(&Number(if whole { self.0 } else { rounded }), out)
    }
}

impl fmt::Display for Share {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = 100.0 * self.0;
        match percent {
            x if x <= 0.0 => write!(out, "0 %"),
            x if x >= 100.0 => write!(out, "100 %"),
            x if x < 0.1 => write!(out, "under 0.1 %"),
            x if x > 99.9 => write!(out, "over 99.9 %"),
            x if (10.0..=99.0).contains(&x) => write!(out, "{x:.0} %"),
            x => write!(out, "{x:.1} %"),
        }
    }
}

/// A count with its thousands set apart.
pub(crate) fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut grouped = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A name as people can read it: without line breaks and signs that steer a terminal.
pub(crate) fn readable(name: &str) -> String {
    name.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_never_wrong() {
        assert_eq!(
            [0.123_456, 1234.0, 1234.56, 0.0].map(|x| Short(x).to_string()),
            ["0.123", "1234", "1230", "0"]
        );
        let shares = [0.0, 1e-9, 0.012_34, 0.5, 0.9999, 1.0].map(|x| Share(x).to_string());
        assert_eq!(shares, ["0 %", "under 0.1 %", "1.2 %", "50 %", "over 99.9 %", "100 %"]);
        assert_eq!([0, 999, 1000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
    }
}
