//! Options of the server.

use super::{millis, ranges, seconds, size};
use crate::http::{Limits, Token};
use clap::Args;
use spillway_backing::secrets;
use spillway_serving::{ConnectionLimits, Drain};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Where the cache tier listens, and what it takes from clients.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct ServerArgs {
    /// Where to listen. Port 0 takes a free port, which the log names. Other addresses than loopback need --token-file
    #[arg(
        long,
        env = "SPILLWAY_CACHE_TIER_LISTEN",
        value_name = "IP:PORT",
        default_value = "127.0.0.1:10090"
    )]
    pub listen: SocketAddr,

    /// A file with the access token, which requests carry as Authorization: Bearer
    #[arg(long, env = "SPILLWAY_CACHE_TIER_TOKEN_FILE", value_name = "FILE")]
    pub token_file: Option<PathBuf>,

    /// Threads that move bytes: 1 to 256
    #[arg(long, env = "SPILLWAY_CACHE_TIER_IO_THREADS", value_name = "THREADS", default_value_t = 2, value_parser = ranges::threads)]
    pub io_threads: u32,

    /// The longest entry: 1024 to 268435456
    #[arg(long, env = "SPILLWAY_CACHE_TIER_MAX_ENTRY_BYTES", value_name = "BYTES", default_value_t = 4_194_304, value_parser = ranges::entry_bytes)]
    pub max_entry_bytes: u32,

    /// How many requests may be worked on at once: 1 to 10000000. More are refused with 503. Those that wait for a
    /// lease do not count
    #[arg(long, env = "SPILLWAY_CACHE_TIER_MAX_REQUESTS", value_name = "REQUESTS", default_value_t = 1024, value_parser = ranges::at_least_one)]
    pub max_requests: u32,

    /// How many bytes of entries may be received at once: 1048576 to 17592186044416. More are refused with 503
    #[arg(long, env = "SPILLWAY_CACHE_TIER_MAX_RECEIVING_BYTES", value_name = "BYTES", default_value_t = 134_217_728, value_parser = ranges::tier_bytes)]
    pub max_receiving_bytes: u64,

    /// How long the headers of a request may take: 1 to 86400
    #[arg(long, env = "SPILLWAY_CACHE_TIER_HEADER_TIMEOUT_S", value_name = "SECONDS", default_value_t = 10, value_parser = ranges::limit_s)]
    pub header_timeout_s: u32,

    /// How long the body of a request may take: 1 to 86400
    #[arg(long, env = "SPILLWAY_CACHE_TIER_BODY_TIMEOUT_S", value_name = "SECONDS", default_value_t = 30, value_parser = ranges::limit_s)]
    pub body_timeout_s: u32,

    /// How long a connection may stay without a request: 1 to 86400. Longer than the proxy in front keeps its idle
    /// connections (Envoy: one hour), or requests meet connections that are just being closed
    #[arg(long, env = "SPILLWAY_CACHE_TIER_IDLE_TIMEOUT_S", value_name = "SECONDS", default_value_t = 3900, value_parser = ranges::limit_s)]
    pub idle_timeout_s: u32,

    /// How long a client may take none of an answer's bytes: 1 to 86400
    #[arg(long, env = "SPILLWAY_CACHE_TIER_SEND_TIMEOUT_S", value_name = "SECONDS", default_value_t = 60, value_parser = ranges::limit_s)]
    pub send_timeout_s: u32,

    /// How many connections there may be at once: 1 to 10000000
    #[arg(long, env = "SPILLWAY_CACHE_TIER_MAX_CONNECTIONS", value_name = "CONNECTIONS", default_value_t = 4096, value_parser = ranges::at_least_one)]
    pub max_connections: u32,

    /// After SIGTERM: how long /ready says no before requests are refused: 0 to 86400
    #[arg(long, env = "SPILLWAY_CACHE_TIER_DRAIN_DELAY_S", value_name = "SECONDS", default_value_t = 0, value_parser = ranges::time_s)]
    pub drain_delay_s: u32,

    /// After that: how long requests in flight may take before they are cut: 0 to 86400
    #[arg(long, env = "SPILLWAY_CACHE_TIER_DRAIN_TIMEOUT_S", value_name = "SECONDS", default_value_t = 10, value_parser = ranges::time_s)]
    pub drain_timeout_s: u32,

    /// After that: how long what waits to be written may take before it is dropped: 0 to 60000
    #[arg(long, env = "SPILLWAY_CACHE_TIER_FLUSH_TIMEOUT_MS", value_name = "MILLISECONDS", default_value_t = 10_000, value_parser = ranges::time_ms)]
    pub flush_timeout_ms: u32,
}

impl ServerArgs {
    /// The access token, if there is to be one.
    ///
    /// # Errors
    /// When its file cannot be read, or holds none.
    pub fn token(&self) -> anyhow::Result<Option<Token>> {
        self.token_file.as_ref().map(|file| secrets::read("--token-file", file, Token::parse)).transpose()
    }

    /// Bounds on requests.
    #[must_use]
    pub fn limits(&self) -> Limits {
        Limits {
            max_entry_bytes: size(self.max_entry_bytes),
            body_timeout: seconds(self.body_timeout_s),
            max_requests: size(self.max_requests),
            max_receiving_bytes: usize::try_from(self.max_receiving_bytes).unwrap_or(usize::MAX),
        }
    }

    /// Bounds on connections.
    #[must_use]
    pub fn connection_limits(&self) -> ConnectionLimits {
        ConnectionLimits {
            header_timeout: seconds(self.header_timeout_s),
            idle_timeout: seconds(self.idle_timeout_s),
            send_timeout: seconds(self.send_timeout_s),
            max_connections: size(self.max_connections),
        }
    }

    /// How long stopping may take.
    #[must_use]
    pub fn drain(&self) -> Drain {
        Drain { delay: seconds(self.drain_delay_s), timeout: seconds(self.drain_timeout_s) }
    }

    /// How long the queues may take after that.
    #[must_use]
    pub fn flush_timeout(&self) -> Duration {
        millis(self.flush_timeout_ms)
    }
}
