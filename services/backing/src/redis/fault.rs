//! What Redis says, in our words. Its own could hold keys.

use crate::Fault;
use redis::{ErrorKind, RedisError, ServerErrorKind};

/// The word for an error.
#[must_use]
pub fn fault(error: &RedisError) -> Fault {
    if error.is_timeout() {
        return Fault::TimedOut;
    }
    if error.is_io_error() || error.is_connection_dropped() || error.is_connection_refusal() {
        return Fault::Connection;
    }
    match (error.kind(), error.code()) {
        (ErrorKind::AuthenticationFailed, _) | (_, Some("NOAUTH" | "WRONGPASS" | "NOPERM")) => Fault::Denied,
        (_, Some("OOM")) => Fault::Full,
        (ErrorKind::ClusterConnectionNotFound, _)
        | (ErrorKind::Server(ServerErrorKind::ClusterDown | ServerErrorKind::MasterDown), _) => {
            Fault::Connection
        }
        _ => Fault::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_its_word() {
        for (error, expected) in [
            (
                RedisError::from(std::io::Error::from(std::io::ErrorKind::ConnectionRefused)),
                Fault::Connection,
            ),
            (RedisError::from(std::io::Error::from(std::io::ErrorKind::TimedOut)), Fault::TimedOut),
            (RedisError::from((ErrorKind::AuthenticationFailed, "no")), Fault::Denied),
            (redis::make_extension_error("OOM".to_owned(), None), Fault::Full),
            (redis::make_extension_error("NOAUTH".to_owned(), None), Fault::Denied),
            (RedisError::from((ErrorKind::Server(ServerErrorKind::ClusterDown), "down")), Fault::Connection),
            (RedisError::from((ErrorKind::UnexpectedReturnType, "odd")), Fault::Failed),
        ] {
            assert_eq!(fault(&error), expected, "{error}");
        }
    }
}
