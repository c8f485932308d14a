//! Dates as ISO 8601 writes them.

/// Days since the start of 1970 in the Gregorian calendar, for `2024-01-31`, `2024-01-31 13:45`,
/// `2024-01-31T13:45:30.5Z`; offsets other than `Z` are not read.
pub(crate) fn days(text: &str) -> Option<f64> {
    let digits = |from: usize, to: usize| {
        let part = text.get(from..to)?;
        part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse::<i64>().ok())?
    };
    let sign = |at: usize, signs: &str| text.get(at..=at).is_some_and(|sign| signs.contains(sign));
    let (year, month, day) = (digits(0, 4)?, digits(5, 7)?, digits(8, 10)?);
    let long = [31, if is_leap(year) { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let month_length = *usize::try_from(month).ok()?.checked_sub(1).and_then(|month| long.get(month))?;
    if !(sign(4, "-") && sign(7, "-") && (1..=month_length).contains(&day)) {
        return None;
    }
    let before = long.iter().take(usize::try_from(month).ok()? - 1).sum::<i64>();
    let leaps = |year: i64| year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    let whole = 365 * (year - 1970) + leaps(year - 1) - leaps(1969) + before + day - 1;
    if text.len() == 10 {
        return Some(whole as f64);
    }
    let time = text.strip_suffix('Z').unwrap_or(text);
    let (hour, minute) = (digits(11, 13)?, digits(14, 16)?);
    if !(sign(10, "T ") && sign(13, ":") && hour < 24 && minute < 60) {
        return None;
    }
    let seconds = match time.get(16..)? {
        "" => 0.0,
        rest => {
            let rest = rest.strip_prefix(':')?;
            let plain = rest.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
            rest.parse::<f64>().ok().filter(|seconds| plain && *seconds < 61.0)?
        }
    };
    Some(whole as f64 + ((60 * hour + minute) as f64 * 60.0 + seconds) / 86_400.0)
}

fn is_leap(year: i64) -> bool {
    (year % 4 == 0 && year % 100 != 0) || year % 400 == 0
}

#[cfg(test)]
mod tests {
    use super::days;

    #[test]
    fn dates_count_from_1970() {
        let right = [
            ("1970-01-01", 0.0),
            ("1969-12-31", -1.0),
            ("2000-03-01", 11_017.0),
            ("2024-02-29", 19_782.0),
            ("1900-01-01", -25_567.0),
            ("1970-01-02 12:00", 1.5),
            ("1970-01-01T06:00:00.000Z", 0.25),
            ("0001-01-01", -719_162.0),
        ];
        for (text, expected) in right {
            assert_eq!(days(text), Some(expected), "{text}");
        }
        for text in [
            "",
            "2023-02-29",
            "2024-13-01",
            "2024-00-10",
            "1970/01/01",
            "1970-01-01T24:00",
            "1970-01-0é",
            "12",
        ] {
            assert_eq!(days(text), None, "{text}");
        }
    }
}
