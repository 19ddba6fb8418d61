//! When a call is tried again.
//!
//! Owns: the wait before the next try, from randomness and from what the provider asked. Refuses to own: whether something was
//! shown already (`remote` knows) and waiting itself.

use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use nexus_egress::header::{DATE, HeaderMap, RETRY_AFTER};
use nexus_protocol::Clock;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::Timeouts;

/// No provider's wish reaches further: times stay within what clocks can add.
const LONGEST_WISH: Duration = Duration::from_secs(31 * 24 * 60 * 60);

/// Where randomness comes from, so that tests decide it.
pub trait Jitter: Send + Sync {
    /// Evenly between zero and `bound`.
    fn up_to(&self, bound: Duration) -> Duration;
    /// 64 random bits.
    fn bits(&self) -> u64;
}

/// The system's randomness.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemJitter;

impl Jitter for SystemJitter {
    fn up_to(&self, bound: Duration) -> Duration {
        bound.mul_f64(rand::rng().random_range(0.0..=1.0))
    }

    fn bits(&self) -> u64 {
        rand::rng().random()
    }
}

/// The same sequence for the same seed.
#[derive(Debug)]
pub struct SeededJitter(Mutex<StdRng>);

impl SeededJitter {
    /// A source that starts from `seed`.
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(StdRng::seed_from_u64(seed)))
    }

    fn with<T>(&self, draw: impl FnOnce(&mut StdRng) -> T) -> T {
        // A number generator has no state that a panic elsewhere could break.
        let mut guard = self.0.lock().unwrap_or_else(|broken| broken.into_inner());
        draw(&mut guard)
    }
}

impl Jitter for SeededJitter {
    fn up_to(&self, bound: Duration) -> Duration {
        bound.mul_f64(self.with(|source| source.random_range(0.0..=1.0)))
    }

    fn bits(&self) -> u64 {
        self.with(|source| source.random())
    }
}

/// How long to wait before try `attempt` (1 is the first repetition); `None` where waiting makes no sense, because the provider
/// asks for more patience than a chat has.
pub(crate) fn wait(
    timeouts: &Timeouts,
    attempt: u32,
    retry_after: Option<Duration>,
    jitter: &dyn Jitter,
) -> Option<Duration> {
    let doubled = timeouts
        .backoff_base
        .saturating_mul(1_u32 << attempt.saturating_sub(1).min(20));
    let random = jitter.up_to(doubled.min(timeouts.backoff_cap));
    match retry_after {
        Some(wish) if wish > timeouts.retry_after_cap => None,
        Some(wish) => Some(wish.max(random)),
        None => Some(random),
    }
}

/// The wait that an answer's headers ask for: `retry-after-ms`, or `retry-after` in seconds or as a date. Dates are measured
/// against the answer's own `date`, or the clock. Anything unreadable is as if it were not there.
pub(crate) fn retry_after(headers: &HeaderMap, clock: Option<&dyn Clock>) -> Option<Duration> {
    let text = |name| headers.get(name)?.to_str().ok().map(str::trim);
    if let Some(wish) = text("retry-after-ms").and_then(|text| number(text, 0.001)) {
        return Some(wish);
    }
    let wish = text(RETRY_AFTER.as_str())?;
    if let Some(wish) = number(wish, 1.0) {
        return Some(wish);
    }
    let until = httpdate::parse_http_date(wish).ok()?;
    let now = match text(DATE.as_str()).and_then(|date| httpdate::parse_http_date(date).ok()) {
        Some(now) => now,
        None => {
            let millis = u64::try_from(clock?.now().0).ok()?;
            SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(millis))?
        }
    };
    Some(
        until
            .duration_since(now)
            .unwrap_or_default()
            .min(LONGEST_WISH),
    )
}

fn number(text: &str, unit: f64) -> Option<Duration> {
    // Written out, because `parse` takes "inf", "nan" and "-0" too.
    if text.is_empty()
        || !text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.')
    {
        return None;
    }
    let seconds = text.parse::<f64>().ok()? * unit;
    Some(Duration::from_secs_f64(
        seconds.min(LONGEST_WISH.as_secs_f64()),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use nexus_protocol::UnixMillis;

    struct At(i64);
    impl Clock for At {
        fn now(&self) -> UnixMillis {
            UnixMillis(self.0)
        }
        fn new_uuid(&self) -> uuid::Uuid {
            uuid::Uuid::nil()
        }
    }

    fn asked(pairs: &[(&'static str, &str)], clock: Option<&dyn Clock>) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            if let Ok(value) = value.parse() {
                headers.insert(*name, value);
            }
        }
        retry_after(&headers, clock)
    }

    #[test]
    fn wishes_are_read() {
        let seconds = |n| Some(Duration::from_secs(n));
        assert_eq!(asked(&[], None), None);
        assert_eq!(asked(&[("retry-after", "7")], None), seconds(7));
        assert_eq!(
            asked(&[("retry-after", "1.5")], None),
            Some(Duration::from_millis(1500))
        );
        assert_eq!(
            asked(&[("retry-after-ms", "250"), ("retry-after", "9")], None),
            Some(Duration::from_millis(250))
        );
        for nonsense in ["", "-5", "soon", "inf", "NaN", "1e9", "0x10", "1.2.3"] {
            assert_eq!(
                asked(&[("retry-after", nonsense)], None),
                None,
                "{nonsense}"
            );
        }
        assert_eq!(
            asked(&[("retry-after", &"9".repeat(400))], None),
            Some(LONGEST_WISH)
        );
        let date = "Wed, 21 Oct 2015 07:28:00 GMT";
        assert_eq!(
            asked(
                &[
                    ("retry-after", date),
                    ("date", "Wed, 21 Oct 2015 07:27:50 GMT")
                ],
                None
            ),
            seconds(10)
        );
        assert_eq!(
            asked(
                &[
                    ("retry-after", date),
                    ("date", "Wed, 21 Oct 2015 09:00:00 GMT")
                ],
                None
            ),
            seconds(0)
        );
        assert_eq!(
            asked(&[("retry-after", date)], Some(&At(1_445_412_475_000))),
            seconds(5)
        );
        assert_eq!(asked(&[("retry-after", date)], None), None);
    }

    #[test]
    fn waits_are_random_bounded_and_repeatable() {
        let timeouts = Timeouts::default();
        let source = SeededJitter::new(7);
        let twin = SeededJitter::new(7);
        for attempt in 1..=40 {
            let bound = Duration::from_millis(500)
                .saturating_mul(1 << (attempt - 1).min(10))
                .min(Duration::from_secs(8));
            let first = wait(&timeouts, attempt, None, &source);
            assert!(
                first.is_some_and(|wait| wait <= bound),
                "{attempt} {first:?}"
            );
            assert_eq!(first, wait(&timeouts, attempt, None, &twin));
        }
        let asked = |seconds| wait(&timeouts, 1, Some(Duration::from_secs(seconds)), &source);
        assert_eq!(asked(60), Some(Duration::from_secs(60)));
        assert_eq!(asked(61), None);
        assert!(asked(0).is_some_and(|wait| wait <= Duration::from_millis(500)));
    }
}
