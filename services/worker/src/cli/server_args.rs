//! Options of the server.

use super::ranges;
use crate::http::Limits;
use clap::Args;
use spillway_serving::{ConnectionLimits, Drain};
use std::net::SocketAddr;
use std::time::Duration;

/// Where the worker listens, and what it takes from clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Args)]
pub struct ServerArgs {
    /// Where to listen. Port 0 takes a free port, which the log names
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:8001")]
    pub listen: SocketAddr,

    /// Threads that move bytes: 1 to 256
    #[arg(long, value_name = "THREADS", default_value_t = 1, value_parser = ranges::threads)]
    pub io_threads: u32,

    /// The longest request body: 1024 to 1073741824
    #[arg(long, value_name = "BYTES", default_value_t = 1_048_576, value_parser = ranges::bytes)]
    pub max_body_bytes: u32,

    /// How long the headers of a request may take: 1 to 86400
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = ranges::limit_s)]
    pub header_timeout_s: u32,

    /// How long the body of a request may take: 1 to 86400
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = ranges::limit_s)]
    pub body_timeout_s: u32,

    /// How long a connection may stay without a request: 1 to 86400. Longer than the proxy in front keeps its idle
    /// connections (Envoy: one hour), or requests meet connections that are just being closed
    #[arg(long, value_name = "SECONDS", default_value_t = 3900, value_parser = ranges::limit_s)]
    pub idle_timeout_s: u32,

    /// How long a client may take none of an answer's bytes: 1 to 86400
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = ranges::limit_s)]
    pub send_timeout_s: u32,

    /// How many connections there may be at once: 1 to 100000
    #[arg(long, value_name = "CONNECTIONS", default_value_t = 4096, value_parser = ranges::at_least_one)]
    pub max_connections: u32,

    /// After SIGTERM: how long /ready says no before requests are refused: 0 to 86400
    #[arg(long, value_name = "SECONDS", default_value_t = 0, value_parser = ranges::time_s)]
    pub drain_delay_s: u32,

    /// After that: how long requests in flight may take before they are cut: 0 to 86400
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = ranges::time_s)]
    pub drain_timeout_s: u32,
}

impl ServerArgs {
    /// Bounds on one request.
    #[must_use]
    pub fn limits(&self, max_output_tokens: u32) -> Limits {
        Limits {
            max_body_bytes: usize::try_from(self.max_body_bytes).unwrap_or(usize::MAX),
            body_timeout: seconds(self.body_timeout_s),
            max_output_tokens,
        }
    }

    /// Bounds on connections.
    #[must_use]
    pub fn connection_limits(&self) -> ConnectionLimits {
        ConnectionLimits {
            header_timeout: seconds(self.header_timeout_s),
            idle_timeout: seconds(self.idle_timeout_s),
            send_timeout: seconds(self.send_timeout_s),
            max_connections: usize::try_from(self.max_connections).unwrap_or(usize::MAX),
        }
    }

    /// How long stopping may take.
    #[must_use]
    pub fn drain(&self) -> Drain {
        Drain { delay: seconds(self.drain_delay_s), timeout: seconds(self.drain_timeout_s) }
    }
}

fn seconds(seconds: u32) -> Duration {
    Duration::from_secs(u64::from(seconds))
}
