//! What a filter may ask of the proxy.

use std::time::Duration;

use spillway_primitives::Timestamp;

use crate::{HeaderBlock, HostError};

/// A property's path: its parts, joined by NUL as the ABI wants them, so that a constant costs nothing per call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Path<'a>(pub &'a str);

/// The properties that filters read.
pub mod paths {
    use super::Path;

    /// The endpoint of the attempt, `ip:port`.
    pub const UPSTREAM_ADDRESS: Path<'_> = Path("upstream\0address");
    /// The cluster that the route names. (Tried: `cluster_name` alone is not there yet in the listener's chain.)
    pub const CLUSTER_NAME: Path<'_> = Path("xds\0cluster_name");
    /// Why an attempt found no connection; empty where it did.
    pub const CONNECT_FAILURE: Path<'_> = Path("upstream\0transport_failure_reason");
    /// The zone of this Envoy, from its bootstrap. (Tried: the older `node.locality.zone` is not there in Envoy 1.40.)
    pub const ZONE: Path<'_> = Path("xds\0node\0locality\0zone");
    /// Facts of a request, left by the first filter that read its body.
    pub const FACTS: Path<'_> = Path("spillway_facts");
    /// The probe that a request is, left by the filter that chose its endpoint for the one that keeps circuits.
    pub const PROBE: Path<'_> = Path("spillway_probe");
    /// The priority level of a request, as a number that is lower for what matters more; left by the filter that knows it.
    pub const LEVEL: Path<'_> = Path("spillway_level");
    /// Not empty where the answer is less than what was asked for; left by the filter that asked for less.
    pub const DEGRADED: Path<'_> = Path("spillway_degraded");
    /// Envoy's response flags, as a little-endian `i64` of bits.
    pub const RESPONSE_FLAGS: Path<'_> = Path("response\0flags");
}

/// Which header map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Headers {
    /// The request's.
    Request,
    /// The response's.
    Response,
    /// Those of the answer to a call-out.
    CalloutResponse,
}

/// Which buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Buffer {
    /// The chunk of the request's body, or all of it while the filter has paused.
    RequestBody,
    /// The chunk of the response's body, or all of it while the filter has paused.
    ResponseBody,
    /// The body of the answer to a call-out.
    CalloutBody,
    /// The configuration of the plugin.
    PluginConfiguration,
}

/// A defined metric, valid in the VM that defined it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MetricId(pub u32);

/// What a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricKind {
    /// Only rises.
    Counter,
    /// Rises and falls; shared by all Envoy workers and modules.
    Gauge,
    /// A distribution of values.
    Histogram,
}

/// A value of shared data and the number that a compare-and-swap needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SharedValue {
    /// The value.
    pub bytes: Vec<u8>,
    /// Changes with every write; never 0 for a key that exists.
    pub cas: u32,
}

/// An answer that the filter gives itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalReply<'a> {
    /// HTTP status.
    pub status: u16,
    /// Headers beside those that Envoy adds.
    pub headers: Vec<(&'a str, &'a str)>,
    /// The body, whole: a local reply cannot be streamed.
    pub body: &'a [u8],
    /// For the access log, as `%RESPONSE_CODE_DETAILS%`; no spaces.
    pub details: &'a str,
}

/// Calls to the proxy, each of which can fail instead of panicking.
///
/// Which context a call is for follows from the callback that is running, or from [`Host::act_for`].
pub trait Host {
    /// The time by the proxy's clock; it may step back. 0 if the proxy does not say.
    fn now(&self) -> Timestamp;

    /// Calls `on_tick` every `period` from now on, in the VM that asks.
    fn set_tick(&self, period: Duration) -> Result<(), HostError>;

    /// A property's bytes; `None` where there is none.
    fn property(&self, path: Path<'_>) -> Result<Option<Vec<u8>>, HostError>;

    /// Sets a property of the stream, readable by later filters and by access logs as filter state.
    fn set_property(&self, path: Path<'_>, value: &[u8]) -> Result<(), HostError>;

    /// The first value of a header; `None` where there is none. Not always UTF-8.
    fn header(&self, map: Headers, name: &str) -> Result<Option<Vec<u8>>, HostError>;

    /// All headers of a map, in one call.
    fn headers(&self, map: Headers) -> Result<HeaderBlock, HostError>;

    /// Sets a header to this one value.
    fn set_header(&self, map: Headers, name: &str, value: &str) -> Result<(), HostError>;

    /// Removes every value of a header.
    fn remove_header(&self, map: Headers, name: &str) -> Result<(), HostError>;

    /// Up to `max` bytes of a buffer, from `start` on.
    fn buffer(&self, buffer: Buffer, start: usize, max: usize) -> Result<Vec<u8>, HostError>;

    /// Replaces `size` bytes of a body, from `start` on, by `value`; 0 and the body's size replace all of it, which is
    /// what every Envoy can do. Envoy also puts `value` before the body (0 and 0) or, with a `start` at or past the end
    /// of one that is not empty, after it; a `start` in the middle is a bad argument.
    ///
    /// The body can be changed in its callback and, where that paused, until it goes on. Envoy leaves `content-length` as
    /// it was: the caller sets it to the new size, so the headers must not have gone on either.
    ///
    /// # Errors
    ///
    /// A bad argument where there is no body now, or where the buffer is none of the two bodies.
    fn set_buffer(&self, buffer: Buffer, start: usize, size: usize, value: &[u8]) -> Result<(), HostError>;

    /// A value of shared data; `None` for a key that was never set.
    fn shared(&self, key: &str) -> Result<Option<SharedValue>, HostError>;

    /// Sets a value of shared data; with `cas`, only if the value is still the one that came with that number.
    fn set_shared(&self, key: &str, value: &[u8], cas: Option<u32>) -> Result<(), HostError>;

    /// Defines a metric, or finds the one that has this name already.
    fn define_metric(&self, kind: MetricKind, name: &str) -> Result<MetricId, HostError>;

    /// A metric's value, as the host holds it.
    fn metric(&self, metric: MetricId) -> Result<u64, HostError>;

    /// Sets a gauge, or records a histogram's value.
    fn record_metric(&self, metric: MetricId, value: u64) -> Result<(), HostError>;

    /// Adds to a counter or gauge.
    fn increment_metric(&self, metric: MetricId, by: i64) -> Result<(), HostError>;

    /// Makes a queue of this VM's, and gives its number.
    fn register_queue(&self, name: &str) -> Result<u32, HostError>;

    /// The number of a queue that a VM with this `vm_id` has registered; `None` if there is none.
    fn resolve_queue(&self, vm_id: &str, name: &str) -> Result<Option<u32>, HostError>;

    /// Puts a message into a queue and wakes its owner.
    fn enqueue(&self, queue: u32, message: &[u8]) -> Result<(), HostError>;

    /// The oldest message of a queue; `None` when it is empty.
    fn dequeue(&self, queue: u32) -> Result<Option<Vec<u8>>, HostError>;

    /// Sends an HTTP request to a cluster; the answer comes in `on_http_call_response` with the number given here.
    fn http_call(
        &self,
        cluster: &str,
        headers: &[(&str, &str)],
        body: &[u8],
        timeout: Duration,
    ) -> Result<u32, HostError>;

    /// Answers the request in the filter's own name.
    fn reply(&self, reply: &LocalReply<'_>) -> Result<(), HostError>;

    /// Makes the calls that follow count for another context of this VM.
    fn act_for(&self, context: u32) -> Result<(), HostError>;

    /// Lets a paused request go on.
    fn resume_request(&self) -> Result<(), HostError>;
}
