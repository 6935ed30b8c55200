//! When requests are sent, and how many.

use std::time::Duration;

/// How requests arrive.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Arrivals {
    /// So many clients, each of which waits for its answer before it asks again.
    Closed {
        /// At least 1.
        clients: usize,
    },
    /// At times of their own: a Poisson process.
    Open {
        /// Requests per second, above 0.
        per_second: f64,
        /// The times follow from it.
        seed: u64,
    },
}

/// When there is enough; the last request is always waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// So many requests were sent.
    Requests(u64),
    /// So much time is over.
    Elapsed(Duration),
}

impl Until {
    pub(super) fn requests(self) -> u64 {
        match self {
            Self::Requests(requests) => requests,
            Self::Elapsed(_) => u64::MAX,
        }
    }

    pub(super) fn is_over(self, elapsed: Duration) -> bool {
        matches!(self, Self::Elapsed(span) if elapsed >= span)
    }
}

/// The times of a Poisson process.
pub(super) fn poisson(per_second: f64, seed: u64) -> impl Iterator<Item = Duration> {
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut at = 0.0;
    std::iter::repeat_with(move || {
        at -= (1.0 - rng.f64()).ln() / per_second;
        Duration::from_secs_f64(at)
    })
}

#[cfg(test)]
mod tests {
    use super::poisson;

    #[test]
    fn arrivals_have_their_rate_and_do_not_go_back() {
        let times: Vec<_> = poisson(100.0, 1).take(10_000).collect();
        assert!(times.is_sorted());
        let last = times[9_999].as_secs_f64();
        assert!((95.0..105.0).contains(&last), "{last}");
    }
}
