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

/// The date, `2024-01-31`, and the time of the day if it is not its start, `2024-01-31T13:45:30.5`, of a moment in
/// so many parts of a second since the start of 1970. After Hinnant, "chrono-compatible low-level date
/// algorithms", 2014: years begin in March, so that leap days end them.
#[cfg(feature = "parquet")]
pub(crate) fn iso(moment: i64, per_second: i64) -> String {
    let (seconds, part) = (moment.div_euclid(per_second), moment.rem_euclid(per_second));
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let shifted = days + 719_468;
    let (era, day) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let of_era = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let of_year = day - (365 * of_era + of_era / 4 - of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = of_era + 400 * era + i64::from(month <= 2);
    let mut text = format!("{year:04}-{month:02}-{:02}", of_year - (153 * from_march + 2) / 5 + 1);
    if second > 0 || part > 0 {
        text += &format!("T{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60);
    }
    if part > 0 {
        let width = per_second.ilog10() as usize;
        text += format!(".{part:0width$}").trim_end_matches('0');
    }
    text
}

fn is_leap(year: i64) -> bool {
    (year % 4 == 0 && year % 100 != 0) || year % 400 == 0
}

#[cfg(test)]
mod tests {
    use super::days;

    #[cfg(feature = "parquet")]
    #[test]
    fn moments_are_written_as_they_are_read() {
        use super::iso;
        for day in (-800_000..800_000_i64).step_by(37).filter(|day| (-719_162..=2_932_896).contains(day)) {
            assert_eq!(days(&iso(day * 86_400, 1)), Some(day as f64));
        }
        assert_eq!(iso(951_827_696_500, 1000), "2000-02-29T12:34:56.5");
        assert_eq!(iso(-1, 1_000_000_000), "1969-12-31T23:59:59.999999999");
    }

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
