//! A count over time.

use std::time::Duration;

use spillway_primitives::Timestamp;

/// A count and its time integral.
#[derive(Clone, Copy, Debug)]
pub struct Integral {
    value: u32,
    since: Timestamp,
    /// Count times nanoseconds up to `since`.
    area: u128,
}

impl Integral {
    /// Zero from now on.
    #[must_use]
    pub const fn new(now: Timestamp) -> Self {
        Self { value: 0, since: now, area: 0 }
    }

    /// It is that much from now on.
    pub fn set(&mut self, value: u32, now: Timestamp) {
        self.area = self.area_at(now);
        (self.value, self.since) = (value, now);
    }

    /// Its mean from when a mark was taken until now; the mark is moved to now.
    pub fn mean_since(&self, mark: &mut Mark, now: Timestamp) -> f64 {
        let area = self.area_at(now);
        let nanos = now.since(mark.at).as_nanos().max(1);
        let mean = (area - mark.area) as f64 / nanos as f64;
        *mark = Mark { at: now, area };
        mean
    }

    /// A mark at now.
    #[must_use]
    pub fn mark(&self, now: Timestamp) -> Mark {
        Mark { at: now, area: self.area_at(now) }
    }

    fn area_at(&self, now: Timestamp) -> u128 {
        let span: Duration = now.since(self.since);
        self.area + u128::from(self.value) * span.as_nanos()
    }
}

/// A point in time from which a mean is taken.
#[derive(Clone, Copy, Debug)]
pub struct Mark {
    at: Timestamp,
    area: u128,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_goes_by_time() {
        let at = Timestamp::from_millis;
        let mut count = Integral::new(at(0));
        let mut mark = count.mark(at(0));
        count.set(4, at(500));
        assert!((count.mean_since(&mut mark, at(1_000)) - 2.0).abs() < 1e-9);
        count.set(0, at(1_250));
        assert!((count.mean_since(&mut mark, at(2_000)) - 1.0).abs() < 1e-9);
    }
}
