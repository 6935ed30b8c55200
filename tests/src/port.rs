//! Free ports of the loopback interface.
//!
//! A port that was free a moment ago can be taken, and two Envoys may even share one without a word
//! (`SO_REUSEPORT`). So ports come from below the range that the system gives to outgoing connections, and each is
//! held by a lock on a file for as long as it is used: no two harnesses on this machine hand out the same.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

const FIRST: u16 = 18_000;
const COUNT: u16 = 14_000;

static NEXT: AtomicU16 = AtomicU16::new(0);

/// A port that is ours until this is dropped.
#[derive(Debug)]
pub struct Port {
    number: u16,
    _lock: File,
}

impl Port {
    /// A port on which nobody listens and which no other harness has.
    ///
    /// # Panics
    ///
    /// When there is none.
    #[must_use]
    pub fn free() -> Self {
        let start = u16::try_from(std::process::id() % u32::from(COUNT)).unwrap();
        let ports = (0..COUNT).map(|_| {
            let step = NEXT.fetch_add(1, Ordering::Relaxed);
            FIRST + (u32::from(start) + u32::from(step)).rem_euclid(COUNT.into()) as u16
        });
        ports.into_iter().find_map(Self::take).expect("a free port")
    }

    fn take(number: u16) -> Option<Self> {
        let folder = std::env::temp_dir().join("spillway-harness-ports");
        fs::create_dir_all(&folder).unwrap();
        let lock = File::create(folder.join(number.to_string())).unwrap();
        lock.try_lock().ok()?;
        TcpListener::bind((Ipv4Addr::LOCALHOST, number)).ok()?;
        Some(Self { number, _lock: lock })
    }

    /// The port's number.
    #[must_use]
    pub const fn number(&self) -> u16 {
        self.number
    }

    /// The port on 127.0.0.1.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.number).into()
    }
}
