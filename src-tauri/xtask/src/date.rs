//! Dates, without a clock library: xtask is what a bare machine compiles first.

use std::{fmt, str::FromStr, time::SystemTime};

use anyhow::{Context as _, Result, bail};

/// A day of the Gregorian calendar, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date {
    year: i64,
    month: i64,
    day: i64,
}

impl Date {
    /// Today.
    pub fn today() -> Self {
        let since = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        Self::from_days(i64::try_from(since.as_secs() / 86_400).unwrap_or(0))
    }

    /// That many days after 1970-01-01: the algorithm `civil_from_days` of Howard Hinnant.
    fn from_days(days: i64) -> Self {
        let shifted = days + 719_468;
        let era = shifted.div_euclid(146_097);
        let day_of_era = shifted.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let month = if shifted_month < 10 {
            shifted_month + 3
        } else {
            shifted_month - 9
        };
        Self {
            year: year_of_era + era * 400 + i64::from(month <= 2),
            month,
            day: day_of_year - (153 * shifted_month + 2) / 5 + 1,
        }
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl FromStr for Date {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let parts: Vec<i64> = text
            .split('-')
            .map(|part| {
                part.parse()
                    .with_context(|| format!("{text} is no date: write YYYY-MM-DD"))
            })
            .collect::<Result<_>>()?;
        match parts[..] {
            [year, month @ 1..=12, day @ 1..=31] if text.len() == 10 => {
                Ok(Self { year, month, day })
            }
            _ => bail!("{text} is no date: write YYYY-MM-DD"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_days() {
        let told: Vec<_> = [0, 59, 11_016, 19_782, 20_779]
            .map(|days| Date::from_days(days).to_string())
            .into();
        assert_eq!(
            told,
            [
                "1970-01-01",
                "1970-03-01",
                "2000-02-29",
                "2024-02-29",
                "2026-11-22"
            ]
        );
    }

    #[test]
    fn only_whole_dates_are_read_and_they_compare() {
        let read = |text: &str| text.parse::<Date>().map(|date| date.to_string()).ok();
        assert_eq!(
            ["2027-03-31", "2027-13-01", "2027-3-1", "soon", "2027-03"].map(read),
            [Some("2027-03-31".to_owned()), None, None, None, None]
        );
        assert!("2026-12-31".parse::<Date>().unwrap() < "2027-01-01".parse().unwrap());
    }
}
