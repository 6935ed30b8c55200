//! How long an entry lives.

/// What an entry is at some moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Freshness {
    /// It may be served.
    Fresh,
    /// It may be served for a reason only.
    Stale,
    /// It may not be served.
    Expired,
}

/// When an entry is fresh, stale and expired. Sums that do not fit are the end of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Lifetime {
    /// When it was stored, since the Unix epoch.
    pub stored_at_ms: u64,
    /// How long it is fresh.
    pub fresh_ms: u64,
    /// How long it may be served stale after that.
    pub stale_ms: u64,
    /// How long of that while it is computed anew.
    pub stale_while_revalidate_ms: u64,
    /// How long of that instead of an error.
    pub stale_if_error_ms: u64,
}

impl Lifetime {
    /// How old the entry is: zero if the clock stepped back, or if whoever stored it is ahead.
    #[must_use]
    pub const fn age_ms(&self, now_ms: u64) -> u64 {
        now_ms.saturating_sub(self.stored_at_ms)
    }

    /// The first moment at which it is no longer fresh.
    #[must_use]
    pub const fn stale_at_ms(&self) -> u64 {
        self.stored_at_ms.saturating_add(self.fresh_ms)
    }

    /// The first moment at which it must not be served.
    #[must_use]
    pub const fn expires_at_ms(&self) -> u64 {
        self.stale_at_ms().saturating_add(self.stale_ms)
    }

    /// How long it lives from now on.
    #[must_use]
    pub const fn left_ms(&self, now_ms: u64) -> u64 {
        let whole = self.fresh_ms.saturating_add(self.stale_ms);
        whole.saturating_sub(self.age_ms(now_ms))
    }

    /// What it is now.
    #[must_use]
    pub const fn at(&self, now_ms: u64) -> Freshness {
        let age = self.age_ms(now_ms);
        if age < self.fresh_ms {
            Freshness::Fresh
        } else if age < self.fresh_ms.saturating_add(self.stale_ms) {
            Freshness::Stale
        } else {
            Freshness::Expired
        }
    }

    /// Whether it may be served stale now while it is computed anew.
    #[must_use]
    pub fn serves_while_revalidating(&self, now_ms: u64) -> bool {
        self.is_stale_within(self.stale_while_revalidate_ms, now_ms)
    }

    /// Whether it may be served stale now instead of an error.
    #[must_use]
    pub fn serves_on_error(&self, now_ms: u64) -> bool {
        self.is_stale_within(self.stale_if_error_ms, now_ms)
    }

    fn is_stale_within(&self, span_ms: u64, now_ms: u64) -> bool {
        let past = self.age_ms(now_ms).saturating_sub(self.fresh_ms);
        self.at(now_ms) == Freshness::Stale && past < span_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const LIFE: Lifetime = Lifetime {
        stored_at_ms: 1_000,
        fresh_ms: 100,
        stale_ms: 50,
        stale_while_revalidate_ms: 20,
        stale_if_error_ms: 500,
    };

    #[test]
    fn fresh_then_stale_then_expired() {
        for (now, expected, revalidating, on_error) in [
            (0, Freshness::Fresh, false, false),
            (1_000, Freshness::Fresh, false, false),
            (1_099, Freshness::Fresh, false, false),
            (1_100, Freshness::Stale, true, true),
            (1_120, Freshness::Stale, false, true),
            (1_149, Freshness::Stale, false, true),
            (1_150, Freshness::Expired, false, false),
            (u64::MAX, Freshness::Expired, false, false),
        ] {
            let got = (LIFE.at(now), LIFE.serves_while_revalidating(now), LIFE.serves_on_error(now));
            assert_eq!(got, (expected, revalidating, on_error), "at {now}");
        }
        assert_eq!((LIFE.stale_at_ms(), LIFE.expires_at_ms()), (1_100, 1_150));
        assert_eq!((LIFE.left_ms(1_040), LIFE.left_ms(1_200), LIFE.left_ms(0)), (110, 0, 150));
    }

    #[test]
    fn the_end_of_time_is_not_passed() {
        let endless = Lifetime { fresh_ms: u64::MAX, stale_ms: u64::MAX, ..LIFE };
        assert_eq!(endless.expires_at_ms(), u64::MAX);
        assert_eq!(endless.at(u64::MAX), Freshness::Fresh);
        assert_eq!(Lifetime::default().at(0), Freshness::Expired, "no time at all is none");
    }
}
