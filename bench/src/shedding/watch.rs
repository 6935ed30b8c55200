//! The load-shedder's gauges and counters, from moment to moment.

use std::time::Duration;

use anyhow::Result;
use spillway_harness::load::Report;
use spillway_harness::{Spillway, Stats};

use super::traffic::Traffic;

/// What was seen at a moment.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Look {
    /// From the start.
    pub(super) at: Duration,
    pub(super) limit: u64,
    pub(super) admitted: u64,
    pub(super) waiting: u64,
    pub(super) step: u64,
    pub(super) promised: u64,
    pub(super) in_flight: u64,
    pub(super) refused: u64,
    pub(super) step_changes: u64,
}

impl Look {
    pub(super) async fn now(spillway: &Spillway, at: Duration) -> Self {
        Self::of(&spillway.stats().await, at)
    }

    fn of(stats: &Stats, at: Duration) -> Self {
        let pool = |noun: &str| stats.own(&format!("spillway.pool.inference.{noun}"));
        let own = |noun: &str| stats.own(&format!("spillway.load_shedder.{noun}_total"));
        Self {
            at,
            limit: pool("admitted_limit"),
            admitted: pool("admitted"),
            waiting: pool("waiting"),
            step: pool("ladder_step"),
            promised: pool("promised_returns"),
            in_flight: stats.in_flight("inference").values().sum(),
            refused: ["critical", "standard", "sheddable"]
                .map(|level| own(&format!("refused_{level}")))
                .iter()
                .sum(),
            step_changes: own("step_changes"),
        }
    }

    pub(super) const fn is_idle(&self) -> bool {
        self.admitted == 0 && self.waiting == 0 && self.in_flight == 0
    }
}

/// Makes that traffic, and looks again and again while it lasts.
pub(super) async fn loaded(
    spillway: &Spillway,
    traffic: &Traffic,
    every: Duration,
) -> Result<(Report, Vec<Look>)> {
    let lasts = traffic.phases.iter().map(|phase| phase.lasts).sum();
    let (report, looks) = tokio::join!(traffic.run(&spillway.client), watch(spillway, every, lasts));
    Ok((report?, looks))
}

/// Looks again and again, for so long.
pub(super) async fn watch(spillway: &Spillway, every: Duration, lasts: Duration) -> Vec<Look> {
    watch_until(spillway, every, lasts, |_| false).await
}

/// The same, but not on when that was seen.
pub(super) async fn watch_until(
    spillway: &Spillway,
    every: Duration,
    lasts: Duration,
    ends: impl Fn(&Look) -> bool,
) -> Vec<Look> {
    let start = tokio::time::Instant::now();
    let mut looks = Vec::new();
    let mut next = start;
    while start.elapsed() < lasts && !looks.last().is_some_and(&ends) {
        looks.push(Look::now(spillway, start.elapsed()).await);
        next += every;
        tokio::time::sleep_until(next).await;
    }
    looks
}

/// When nothing was wrong any more: the time from `since` to the first look at which the ladder is left, nobody waits and
/// nobody was refused in the second before.
pub(super) fn until_normal(looks: &[Look], since: Duration) -> Option<Duration> {
    let second = Duration::from_secs(1);
    let is_normal = |look: &&Look| {
        let before = looks.iter().rev().find(|earlier| earlier.at + second <= look.at);
        look.step == 0 && look.waiting == 0 && before.is_some_and(|before| before.refused == look.refused)
    };
    looks.iter().filter(|look| look.at > since).find(is_normal).map(|look| look.at - since)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normal_is_without_a_refusal_for_a_second() {
        let look = |at, waiting, refused| Look {
            at: Duration::from_millis(at),
            waiting,
            refused,
            ..Look::default()
        };
        let looks = [look(0, 5, 1), look(500, 0, 2), look(1000, 0, 2), look(1500, 1, 2), look(2000, 0, 2)];
        assert_eq!(until_normal(&looks, Duration::ZERO), Some(Duration::from_millis(2000)));
        assert_eq!(until_normal(&looks[..4], Duration::ZERO), None);
    }
}
