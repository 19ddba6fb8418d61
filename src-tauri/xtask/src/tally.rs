//! Counts of tests, read from what the test runners print at their end.

/// How many tests ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Ended well.
    pub passed: u64,
    /// Ended badly, however: failed, timed out, could not start, leaked and counted as failed.
    pub failed: u64,
    /// Marked as ignored in their source.
    pub ignored: u64,
}

impl Tally {
    /// Sums the closing lines of cargo-nextest and of Rust's own test runner in an output without escape codes. Where
    /// nextest ran, only its own count: it shows the other's lines for tests that failed.
    pub fn read(output: &str) -> Self {
        let mut sum = Self::default();
        let nextest = output
            .lines()
            .any(|line| line.trim().starts_with("Summary ["));
        for line in output.lines().map(str::trim) {
            if !nextest && let Some(counts) = line.strip_prefix("test result: ") {
                let counts = counts.split_once(". ").map_or("", |(_, counts)| counts);
                sum.add(Self {
                    passed: number_before(counts, "passed"),
                    failed: number_before(counts, "failed"),
                    ignored: number_before(counts, "ignored"),
                });
            } else if line.starts_with("Summary [") {
                let counts = line.split_once("run: ").map_or("", |(_, counts)| counts);
                sum.add(Self {
                    passed: number_before(counts, "passed"),
                    failed: number_before(counts, "failed")
                        + number_before(counts, "timed out")
                        + number_before(counts, "exec failed"),
                    // What nextest calls skipped is what the filter left to other steps.
                    ignored: 0,
                });
            }
        }
        sum
    }

    /// Adds another.
    pub fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
    }

    /// The plain closing line.
    pub fn line(&self) -> String {
        format!("{} passed, {} failed", self.passed, self.failed)
    }
}

/// The number right before a word in a list such as `3 passed (1 slow), 1 failed`; 0 where the word is not there.
fn number_before(counts: &str, word: &str) -> u64 {
    counts
        .split([',', ';', '(', ')', ':'])
        .find_map(|part| part.trim().strip_suffix(word)?.trim().parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(passed: u64, failed: u64, ignored: u64) -> Tally {
        Tally {
            passed,
            failed,
            ignored,
        }
    }

    #[test]
    fn rusts_own_runner_is_summed_over_its_binaries() {
        let output = "\
running 2 tests
test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 4 filtered out; finished in 0.00s
   Doc-tests nexus_llm
test result: FAILED. 5 passed; 3 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.20s
";
        assert_eq!(Tally::read(output), tally(7, 3, 1));
    }

    #[test]
    fn nextests_summaries_are_read() {
        let read = |line: &str| {
            Tally::read(&format!(
                "    test result: FAILED. 0 passed; 1 failed; 0 ignored\n────────────\n     {line}\n        FAIL [ 0.1s] x passed\n"
            ))
        };
        assert_eq!(
            [
                read("Summary [   0.123s] 12 tests run: 12 passed, 3 skipped"),
                read(
                    "Summary [  60.010s] 12 tests run: 9 passed (1 slow, 2 flaky), 2 failed, 1 timed out, 0 skipped"
                ),
                read(
                    "Summary [   1.000s] 5/9 tests run: 3 passed (1 leaky), 1 failed, 1 exec failed, 7 skipped"
                ),
                read("Summary [   1.000s] 1 test run: 1 passed, 0 skipped"),
            ],
            [
                tally(12, 0, 0),
                tally(9, 3, 0),
                tally(3, 2, 0),
                tally(1, 0, 0)
            ]
        );
    }

    #[test]
    fn other_output_counts_nothing() {
        assert_eq!(
            Tally::read("9 passed, 9 failed\nerror: test run failed\n"),
            Tally::default()
        );
    }
}
