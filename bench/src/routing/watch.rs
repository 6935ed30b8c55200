//! When a failing worker was left out, and when it was back, by what Envoy counted for it.
//!
//! It is out from its last attempt before two seconds without one: with every balancer alike, whatever the reason. At the
//! rates here an untroubled worker gets one every 200 ms or so. It is back with the third success after it was mended;
//! the first may be a probe.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use spillway_harness::{Host, Spillway};

/// How long nothing must come until it counts as out.
const QUIET: Duration = Duration::from_secs(2);
const BACK_AFTER: u64 = 3;
const INTERVAL: Duration = Duration::from_millis(50);

/// What Envoy had counted, from moment to moment.
#[derive(Default)]
pub(super) struct Watch {
    looks: Vec<(Duration, Host)>,
}

impl Watch {
    /// Looks at a worker again and again, for so long.
    pub(super) async fn look(
        spillway: &Spillway,
        worker: SocketAddr,
        start: Instant,
        lasts: Duration,
    ) -> Self {
        let mut watch = Self::default();
        let end = start.elapsed() + lasts;
        while start.elapsed() < end {
            let host = spillway.envoy.hosts("inference").await.get(&worker).copied().unwrap_or_default();
            watch.looks.push((start.elapsed(), host));
            tokio::time::sleep(INTERVAL).await;
        }
        watch
    }

    /// The time from the first look to the last change before it stayed as it was; `None` where it never did.
    pub(super) fn until_out(&self, of: impl Fn(&Host) -> u64) -> Option<Duration> {
        let (began, first) = self.looks.first()?;
        let mut changed = (*began, of(first));
        for (at, host) in &self.looks {
            let seen = of(host);
            if seen != changed.1 {
                changed = (*at, seen);
            } else if *at - changed.0 >= QUIET {
                return Some(changed.0 - *began);
            }
        }
        None
    }

    /// The time from the first look until it answered again; `None` where it did not.
    pub(super) fn until_back(&self) -> Option<Duration> {
        let (began, first) = self.looks.first()?;
        let back = |host: &Host| host.successes >= first.successes + BACK_AFTER;
        self.looks.iter().find(|(_, host)| back(host)).map(|(at, _)| *at - *began)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watch(looks: &[(u64, u64)]) -> Watch {
        let look = |(second, count): &(u64, u64)| {
            let host = Host { attempts: *count, successes: *count, ..Host::default() };
            (Duration::from_secs(*second), host)
        };
        Watch { looks: looks.iter().map(look).collect() }
    }

    #[track_caller]
    fn check(looks: &[(u64, u64)], out: Option<u64>, back: Option<u64>) {
        let watch = watch(looks);
        assert_eq!(watch.until_out(|host| host.attempts), out.map(Duration::from_secs));
        assert_eq!(watch.until_back(), back.map(Duration::from_secs));
    }

    #[test]
    fn out_is_the_last_change_before_quiet_and_back_the_third_success() {
        check(&[], None, None);
        check(&[(5, 1), (6, 1), (7, 1)], Some(0), None);
        check(&[(5, 1), (6, 2), (7, 3), (8, 3), (9, 3), (10, 4)], Some(2), Some(5));
        check(&[(5, 1), (6, 2), (7, 3), (8, 4)], None, Some(3));
    }
}
