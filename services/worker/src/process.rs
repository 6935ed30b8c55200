//! What this process uses of the machine. Where the operating system does not say, the answer is `None`.

use rustix::time::{ClockId, clock_gettime};
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

/// Processor time between two readings.
#[derive(Debug, Default)]
pub(crate) struct Cpu {
    last: Option<(Instant, Duration)>,
}

impl Cpu {
    /// The share of the cores that this process may use which it has used since the last reading, 0 to about 1.
    pub(crate) fn share(&mut self, now: Instant) -> Option<f64> {
        let used = processor_time()?;
        let (then, used_then) = self.last.replace((now, used))?;
        let cores = u32::try_from(available_parallelism().ok()?.get()).ok()?;
        let span = now.saturating_duration_since(then).as_secs_f64() * f64::from(cores);
        (span > 0.0).then(|| used.saturating_sub(used_then).as_secs_f64() / span)
    }
}

fn processor_time() -> Option<Duration> {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Some(Duration::new(u64::try_from(time.tv_sec).ok()?, u32::try_from(time.tv_nsec).ok()?))
}

/// The share of the machine's memory that this process has, 0 to 1.
pub(crate) fn memory_share() -> Option<f64> {
    let own = kilobytes(&std::fs::read_to_string("/proc/self/status").ok()?, "VmRSS:")?;
    let all = kilobytes(&std::fs::read_to_string("/proc/meminfo").ok()?, "MemTotal:")?;
    (all > 0.0).then(|| own / all)
}

fn kilobytes(text: &str, name: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_proc() {
        let text = "Name:\tx\nVmRSS:\t  1234 kB\nVmSwap:\t 0 kB\n";
        assert_eq!(kilobytes(text, "VmRSS:"), Some(1234.0));
        assert_eq!(kilobytes(text, "VmHWM:"), None);
    }

    #[test]
    fn processor_time_is_a_share() {
        let mut cpu = Cpu::default();
        let start = Instant::now();
        assert_eq!(cpu.share(start), None, "one reading is no span");
        let share = cpu.share(start + Duration::from_secs(3600)).unwrap();
        assert!((0.0..1.0).contains(&share), "{share}");
    }
}
