//! Asking an HTTP service in the name of a whole VM.
//!
//! A call-out that a stream sends dies with the stream. What must arrive is sent from the root context; so this
//! knows only those.

use std::time::Duration;

use crate::{Buffer, Headers, Host, HostError, status_of};

/// Where to ask, and for how long to wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Callout {
    /// Envoy's name of the cluster.
    pub cluster: String,
    /// The `:authority` to send.
    pub authority: String,
    /// The `:path` to send.
    pub path: String,
    /// How long to wait for the whole answer.
    pub timeout: Duration,
}

/// A question that is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pending {
    token: u32,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status; `None` when no answer came (no such host, time-out, reset).
    pub status: Option<u16>,
    /// The body.
    pub body: Vec<u8>,
}

impl Callout {
    /// Sends a `GET`.
    ///
    /// # Errors
    ///
    /// [`HostError`], most often because the cluster does not exist.
    pub fn get(&self, host: &dyn Host) -> Result<Pending, HostError> {
        let headers = [
            (":method", "GET"),
            (":path", self.path.as_str()),
            (":authority", self.authority.as_str()),
            (":scheme", "http"),
        ];
        let token = host.http_call(&self.cluster, &headers, &[], self.timeout)?;
        Ok(Pending { token })
    }
}

impl Pending {
    /// Whether the answer of this number is the one that is waited for.
    #[must_use]
    pub const fn is(self, token: u32) -> bool {
        self.token == token
    }
}

impl Reply {
    /// Reads the answer, from within `on_http_call_response`.
    ///
    /// # Errors
    ///
    /// [`HostError`] when the body cannot be read.
    pub fn read(host: &dyn Host, body_bytes: usize) -> Result<Self, HostError> {
        let status = status_of(host, Headers::CalloutResponse);
        let body = match (status, body_bytes) {
            (None, _) | (_, 0) => Vec::new(),
            (Some(_), size) => host.buffer(Buffer::CalloutBody, 0, size)?,
        };
        Ok(Self { status, body })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::Fake;

    fn callout(cluster: &str) -> Callout {
        Callout {
            cluster: cluster.into(),
            authority: "admin".into(),
            path: "/clusters?format=json".into(),
            timeout: Duration::from_millis(500),
        }
    }

    #[test]
    fn the_answer_is_read_and_belongs_to_the_question() {
        let host = Fake::new();
        host.add_cluster("admin");
        let pending = callout("admin").get(&*host).unwrap();
        let call = host.last_call().unwrap();
        assert!(pending.is(call.token));
        assert!(!pending.is(call.token + 1));
        assert_eq!(call.path, "/clusters?format=json");
        host.answer_call(Some(200), b"{}");
        assert_eq!(Reply::read(&*host, 2).unwrap(), Reply { status: Some(200), body: b"{}".to_vec() });
    }

    #[test]
    fn no_answer_has_no_status_and_no_cluster_is_an_error() {
        let host = Fake::new();
        host.answer_call(None, b"");
        assert_eq!(Reply::read(&*host, 0).unwrap(), Reply { status: None, body: Vec::new() });
        assert_eq!(callout("admin").get(&*host).unwrap_err().to_string(), "http_call: bad argument");
    }
}
