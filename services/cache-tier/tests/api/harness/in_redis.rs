//! What lies in a Redis server.

use spillway_fixtures::RedisServer;

/// The names of the entries.
pub(crate) fn keys(server: &RedisServer) -> Vec<String> {
    server.ask(&["KEYS", "spillway:e:*"])
}
