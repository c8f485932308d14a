//! Reads how many tests ran from the summary lines that nextest and `cargo test` print.

use std::ops::AddAssign;

/// Numbers of tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Counts {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl Counts {
    /// The counts of a summary line; `None` for any other line.
    ///
    /// nextest: `Summary [0.1s] 5/6 tests run: 3 passed (1 slow), 1 failed, 1 timed out, 2 skipped`;
    /// libtest: `test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; finished in
    /// 0.1s`, which nextest repeats, indented, of a test that failed and has counted itself.
    pub(crate) fn of_line(line: &str) -> Option<Self> {
        let line = without_colors(line);
        let items = if let Some(rest) = line.trim_start().strip_prefix("Summary [") {
            rest.split_once(" run: ")?.1
        } else {
            line.strip_prefix("test result: ")?.split_once(". ")?.1
        };
        let mut counts = Self::default();
        for item in items.split([',', ';']) {
            let Some((number, what)) = item.trim().split_once(' ') else { continue };
            let Ok(number) = number.parse::<u64>() else { continue };
            match what.split('(').next().map(str::trim) {
                Some("passed") => counts.passed += number,
                Some("failed" | "timed out" | "exec failed") => counts.failed += number,
                Some("skipped" | "ignored" | "filtered out") => counts.skipped += number,
                _ => {}
            }
        }
        Some(counts)
    }
}

/// The text without terminal escape sequences `ESC [ … letter`.
fn without_colors(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c == '\u{1b}' {
            chars.by_ref().skip(1).find(char::is_ascii_alphabetic);
        } else {
            plain.push(c);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(passed: u64, failed: u64, skipped: u64) -> Counts {
        Counts { passed, failed, skipped }
    }

    #[test]
    fn nextest() {
        let of = |line: &str| Counts::of_line(line).unwrap();
        assert_eq!(of("     Summary [   0.034s] 12 tests run: 12 passed, 0 skipped"), counts(12, 0, 0));
        assert_eq!(of("     Summary [   0.034s] 1 test run: 1 passed, 3 skipped"), counts(1, 0, 3));
        assert_eq!(
            of("Summary [ 5.0s] 8/20 tests run: 5 passed (1 slow, 1 flaky), 1 failed (1 due to being \
                 leaky), 1 timed out, 1 exec failed, 3 skipped"),
            counts(5, 3, 3)
        );
        assert_eq!(
            of("\u{1b}[32;1m     Summary\u{1b}[0m [   0.034s] \u{1b}[1m2\u{1b}[0m tests run: \
                 \u{1b}[1m2\u{1b}[0m \u{1b}[32;1mpassed\u{1b}[0m, \u{1b}[1m0\u{1b}[0m \u{1b}[33;1mskipped\u{1b}[0m"),
            counts(2, 0, 0)
        );
    }

    #[test]
    fn cargo_test() {
        let of = |line: &str| Counts::of_line(line).unwrap();
        assert_eq!(
            of(
                "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; finished in 0.00s"
            ),
            counts(3, 0, 3)
        );
        assert_eq!(
            of(
                "test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.25s"
            ),
            counts(1, 2, 0)
        );
    }

    #[test]
    fn other_lines() {
        const REPEATED: &str =
            "    test result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured; 64 filtered out";
        for line in [
            "",
            "running 3 tests",
            "        PASS [   0.004s] xtask counts::tests::nextest",
            "Summary",
            REPEATED,
        ] {
            assert_eq!(Counts::of_line(line), None, "{line}");
        }
    }
}
