//! How busy the machine is: where it is too busy, a latency is the machine's and not the balancer's.

/// Time of all cores since the machine started, in its ticks.
#[derive(Clone, Copy)]
pub(super) struct Ticks {
    busy: u64,
    all: u64,
}

impl Ticks {
    /// Now; `None` where the system does not say (Linux: the first line of `/proc/stat`).
    pub(super) fn now() -> Option<Self> {
        Self::read(&std::fs::read_to_string("/proc/stat").ok()?)
    }

    fn read(stat: &str) -> Option<Self> {
        // user nice system idle iowait irq softirq steal; what guests take is in `user` already.
        let line = stat.lines().next()?.strip_prefix("cpu ")?;
        let ticks: Vec<u64> =
            line.split_whitespace().take(8).filter_map(|field| field.parse().ok()).collect();
        let all = ticks.iter().sum();
        let idle: u64 = ticks.iter().skip(3).take(2).sum();
        Some(Self { busy: all - idle, all })
    }

    /// The busy share of the time since `earlier`, 0 to 1.
    #[allow(clippy::cast_precision_loss, reason = "far below 2^52")]
    pub(super) fn share_since(self, earlier: Self) -> f64 {
        let all = self.all.saturating_sub(earlier.all).max(1);
        self.busy.saturating_sub(earlier.busy) as f64 / all as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_and_waiting_for_disks_are_not_busy() {
        let earlier = Ticks::read("cpu  0 0 0 0 0 0 0 0 0 0\n").unwrap();
        let later = Ticks::read("cpu  20 0 10 60 10 0 0 0 5 0\n").unwrap();
        assert!((later.share_since(earlier) - 0.3).abs() < 1e-9);
    }
}
