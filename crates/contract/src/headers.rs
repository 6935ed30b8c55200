//! Header names, in the lower case that Envoy and HTTP/2 use.

/// `ip:port[,ip:port…]`: the endpoints a filter chose, best first; later entries serve retries. Read by Envoy's
/// `override_host` policy. A client's own value is always removed.
pub const DESTINATION_ENDPOINT: &str = "x-gateway-destination-endpoint";

/// The load report that an inference worker sends with every answer; see [`crate::load_report`].
pub const LOAD_REPORT: &str = "endpoint-load-metrics";

/// With debug on: the endpoint that answered, `ip:port`.
pub const SERVED_BY: &str = "x-spillway-endpoint";

/// Seconds after which a refused request may be tried again (RFC 9110, section 10.2.3).
pub const RETRY_AFTER: &str = "retry-after";

/// Sent by an inference worker that is about to stop, with its refusals; Envoy then counts the endpoint as unhealthy
/// without waiting for its next health check.
pub const NOT_HEALTHY: &str = "x-envoy-immediate-health-check-fail";

/// Milliseconds after which a refused request may be tried again; OpenAI's clients prefer it to [`RETRY_AFTER`].
pub const RETRY_AFTER_MS: &str = "retry-after-ms";

/// `false` where trying again cannot help; OpenAI's and Anthropic's clients go by it.
pub const SHOULD_RETRY: &str = "x-should-retry";

/// The name of a request's priority level. From a client it is a wish; to an inference worker, what it was given.
pub const PRIORITY: &str = "x-spillway-priority";

/// In an answer: in which way it is less than what was asked for.
pub const DEGRADED: &str = "x-spillway-degraded";

/// What a tenant may use (draft-ietf-httpapi-ratelimit-headers).
pub const RATE_LIMIT_POLICY: &str = "ratelimit-policy";

/// What a tenant has left (the same draft).
pub const RATE_LIMIT: &str = "ratelimit";
