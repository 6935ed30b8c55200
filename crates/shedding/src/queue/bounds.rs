//! How many may wait, and for how long others go before them.

use std::time::Duration;

use crate::level::{Level, MAX_LEVELS};

/// How many may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// By level. A level with none does not wait: its requests go or are refused.
    pub per_level: [LevelBounds; MAX_LEVELS],
    /// Over all levels.
    pub total: usize,
}

/// How many requests of one level may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LevelBounds {
    /// So many.
    pub max: usize,
    /// One that has waited for longer goes next whatever its level, at most one in ten; `None`: more important levels
    /// always go first.
    pub starvation: Option<Duration>,
    /// While the pool is overloaded those that came last go first. Then some requests are served in time, where in order
    /// of arrival all of them would come too late (adaptive LIFO: B. Maurer, "Fail at Scale", ACM Queue 2015).
    pub newest_first_under_overload: bool,
}

impl Default for Bounds {
    /// 256, 128, and 64 for every level from the third on; 512 together. Nobody starves the others.
    fn default() -> Self {
        let level = |max| LevelBounds { max, starvation: None, newest_first_under_overload: false };
        let mut per_level = [level(64); MAX_LEVELS];
        for (bounds, max) in per_level.iter_mut().zip([256, 128]) {
            *bounds = level(max);
        }
        Self { per_level, total: 512 }
    }
}

impl Bounds {
    /// Those of a level.
    #[must_use]
    pub fn of(&self, level: Level) -> LevelBounds {
        let none = LevelBounds { max: 0, starvation: None, newest_first_under_overload: false };
        self.per_level.get(level.index()).copied().unwrap_or(none)
    }

    /// How full the queue is, 0 to 1, as a share of what may wait.
    #[must_use]
    pub fn fill(&self, waiting: &[u16; MAX_LEVELS], levels: usize) -> f64 {
        let most = self.per_level.iter().take(levels).map(|bounds| bounds.max).sum::<usize>().min(self.total);
        let waiting: u32 = waiting.iter().map(|waiting| u32::from(*waiting)).sum();
        if most == 0 { 0.0 } else { (f64::from(waiting) / most as f64).min(1.0) }
    }
}
