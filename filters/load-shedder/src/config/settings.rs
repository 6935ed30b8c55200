//! The configuration as the decisions want it.

use std::time::Duration;

use spillway_shedding::budget::Quota;
use spillway_shedding::control::Settings;
use spillway_shedding::level::MAX_LEVELS;
use spillway_shedding::overload::Ramp;
use spillway_shedding::queue::{Bounds, LevelBounds};
use spillway_shedding::reserve::Reserve;
use spillway_shedding::{ladder, limit, overload, retry_after};

use super::{Budget, Config, Ladder, Level, Limit, Overload, RetryAfter};

impl Config {
    /// What the record of a pool goes by.
    #[must_use]
    pub(crate) fn control(&self) -> Settings {
        Settings {
            limit: self.limit.settings(),
            overload: self.overload.settings(),
            ladder: self.ladder.settings(),
            bounds: self.bounds(),
            levels: self.levels.len(),
        }
    }

    /// The pools by name.
    pub(crate) fn pools(&self) -> Vec<String> {
        let mut pools = self.pools.clone();
        if !self.only_pool.is_empty() && !pools.contains(&self.only_pool) {
            pools.push(self.only_pool.clone());
        }
        pools
    }

    pub(crate) fn reserve(&self) -> Reserve {
        let mut permille = [0; MAX_LEVELS];
        for (reserve, level) in permille.iter_mut().zip(&self.levels) {
            *reserve = u16::try_from(level.reserve_permille.get()).unwrap_or(0);
        }
        Reserve { most_permille: permille }
    }

    fn bounds(&self) -> Bounds {
        let mut per_level = Bounds::default().per_level;
        for (bounds, level) in per_level.iter_mut().zip(&self.levels) {
            *bounds = level.bounds();
        }
        Bounds { per_level, total: size(self.max_waiting.get()) }
    }
}

impl Level {
    fn bounds(&self) -> LevelBounds {
        let starvation = self.starvation_ms.get();
        LevelBounds {
            max: size(self.max_waiting.get()),
            starvation: (starvation > 0).then(|| millis(starvation)),
            newest_first_under_overload: self.newest_first_under_overload,
        }
    }
}

impl Limit {
    fn settings(&self) -> limit::Settings {
        let number = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        limit::Settings {
            min: number(self.min.get()),
            max: number(self.max.get()),
            initial_per_endpoint: number(self.initial_per_endpoint.get()),
            window: millis(self.window_ms.get()),
            allowance_permille: thousandths(self.allowance_permille.get()),
            ..limit::Settings::default()
        }
    }
}

impl Overload {
    #[allow(clippy::cast_precision_loss, reason = "thousandths")]
    fn settings(&self) -> overload::Settings {
        let share = |permille: u64| permille as f64 / 1000.0;
        let defaults = overload::Settings::default();
        let from = |ramp: Ramp, start: f64| Ramp { start, end: ramp.end.max(start), ..ramp };
        let errors = share(self.errors_target_permille.get());
        overload::Settings {
            ttft_target: millis(self.ttft_target_ms.get()),
            errors: Ramp { start: errors, end: errors * 5.0, ..defaults.errors },
            kv_cache: from(defaults.kv_cache, share(self.kv_cache_target_permille.get())),
            gpu: from(defaults.gpu, share(self.gpu_target_permille.get())),
            ..defaults
        }
    }
}

impl Ladder {
    fn settings(&self) -> ladder::Settings {
        ladder::Settings {
            cap_output: thousandths(self.cap_output.get()),
            stale: thousandths(self.stale.get()),
            smaller_model: thousandths(self.smaller_model.get()),
            refuse: thousandths(self.refuse.get()),
            refuse_each: thousandths(self.refuse_each.get()),
            hysteresis: thousandths(self.hysteresis.get()),
            dwell: millis(self.dwell_ms.get()),
            ..ladder::Settings::default()
        }
    }
}

impl RetryAfter {
    pub(crate) fn settings(&self) -> retry_after::Settings {
        retry_after::Settings {
            burst: millis(self.burst_ms.get()),
            cap: millis(self.max_ms.get()),
            ..retry_after::Settings::default()
        }
    }
}

impl Budget {
    pub(crate) fn quota(self) -> Quota {
        let limit = |number: u64| (number > 0).then_some(number);
        Quota {
            requests_per_minute: limit(self.requests_per_minute.get()),
            tokens_per_minute: limit(self.tokens_per_minute.get()),
        }
    }
}

pub(crate) fn size(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

pub(crate) const fn millis(number: u64) -> Duration {
    Duration::from_millis(number)
}

/// A number that its range holds to a few thousands.
fn thousandths(number: u64) -> u16 {
    u16::try_from(number).unwrap_or(u16::MAX)
}
