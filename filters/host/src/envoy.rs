//! The one real host: Envoy, through the proxy-wasm ABI.
#![allow(unsafe_code, reason = "every call crosses into the host; each block says why it is sound")]

use std::ptr::null_mut;
use std::time::Duration;

use spillway_primitives::Timestamp;

use crate::{
    Buffer, HeaderBlock, Headers, Host, HostError, LocalReply, MetricId, MetricKind, Path, SharedValue,
    Status, abi,
};

/// Envoy, as seen from inside one of its VMs.
#[derive(Clone, Copy, Debug, Default)]
pub struct Envoy;

fn check(call: &'static str, code: u32) -> Result<(), HostError> {
    if code == 0 { Ok(()) } else { Err(HostError { call, status: Status::from_code(code) }) }
}

/// `None` for the statuses that say "there is nothing", which is no failure.
fn found(call: &'static str, code: u32) -> Result<bool, HostError> {
    match check(call, code) {
        Ok(()) => Ok(true),
        Err(HostError { status: Status::NotFound | Status::Empty, .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Memory that the host filled.
struct Returned {
    data: *mut u8,
    size: usize,
}

impl Returned {
    const fn new() -> Self {
        Self { data: null_mut(), size: 0 }
    }

    fn into_vec(self) -> Vec<u8> {
        if self.data.is_null() {
            return Vec::new();
        }
        // SAFETY: the host got this memory from the module's own allocator, which makes a boxed slice of exactly
        // `size` bytes, filled it, and keeps no pointer to it.
        unsafe { Vec::from_raw_parts(self.data, self.size, self.size) }
    }
}

const fn map_number(map: Headers) -> u32 {
    match map {
        Headers::Request => 0,
        Headers::Response => 2,
        Headers::CalloutResponse => 6,
    }
}

const fn buffer_number(buffer: Buffer) -> u32 {
    match buffer {
        Buffer::RequestBody => 0,
        Buffer::ResponseBody => 1,
        Buffer::CalloutBody => 4,
        Buffer::PluginConfiguration => 7,
    }
}

// SAFETY, for every block below: pointers and sizes are those of live slices that the host only reads during the
// call, or of locals that it only writes during the call.
impl Host for Envoy {
    fn now(&self) -> Timestamp {
        let mut nanos = 0;
        let code = unsafe { abi::proxy_get_current_time_nanoseconds(&raw mut nanos) };
        if code == 0 { Timestamp::from_nanos(nanos) } else { Timestamp::ZERO }
    }

    fn set_tick(&self, period: Duration) -> Result<(), HostError> {
        let millis = u32::try_from(period.as_millis()).unwrap_or(u32::MAX);
        check("set_tick_period", unsafe { abi::proxy_set_tick_period_milliseconds(millis) })
    }

    fn property(&self, path: Path<'_>) -> Result<Option<Vec<u8>>, HostError> {
        let mut value = Returned::new();
        let code = unsafe {
            abi::proxy_get_property(path.0.as_ptr(), path.0.len(), &raw mut value.data, &raw mut value.size)
        };
        Ok(found("get_property", code)?.then(|| value.into_vec()))
    }

    fn set_property(&self, path: Path<'_>, value: &[u8]) -> Result<(), HostError> {
        check("set_property", unsafe {
            abi::proxy_set_property(path.0.as_ptr(), path.0.len(), value.as_ptr(), value.len())
        })
    }

    fn header(&self, map: Headers, name: &str) -> Result<Option<Vec<u8>>, HostError> {
        let mut value = Returned::new();
        let code = unsafe {
            abi::proxy_get_header_map_value(
                map_number(map),
                name.as_ptr(),
                name.len(),
                &raw mut value.data,
                &raw mut value.size,
            )
        };
        Ok(found("get_header", code)?.then(|| value.into_vec()))
    }

    fn headers(&self, map: Headers) -> Result<HeaderBlock, HostError> {
        let mut pairs = Returned::new();
        let code = unsafe {
            abi::proxy_get_header_map_pairs(map_number(map), &raw mut pairs.data, &raw mut pairs.size)
        };
        found("get_headers", code).map(|_| HeaderBlock::new(pairs.into_vec()))
    }

    fn set_header(&self, map: Headers, name: &str, value: &str) -> Result<(), HostError> {
        check("set_header", unsafe {
            abi::proxy_replace_header_map_value(
                map_number(map),
                name.as_ptr(),
                name.len(),
                value.as_ptr(),
                value.len(),
            )
        })
    }

    fn remove_header(&self, map: Headers, name: &str) -> Result<(), HostError> {
        let code = unsafe { abi::proxy_remove_header_map_value(map_number(map), name.as_ptr(), name.len()) };
        found("remove_header", code).map(|_| ())
    }

    fn buffer(&self, buffer: Buffer, start: usize, max: usize) -> Result<Vec<u8>, HostError> {
        let mut value = Returned::new();
        let code = unsafe {
            abi::proxy_get_buffer_bytes(
                buffer_number(buffer),
                start,
                max,
                &raw mut value.data,
                &raw mut value.size,
            )
        };
        Ok(if found("get_buffer", code)? { value.into_vec() } else { Vec::new() })
    }

    fn set_buffer(&self, buffer: Buffer, start: usize, size: usize, value: &[u8]) -> Result<(), HostError> {
        check("set_buffer", unsafe {
            abi::proxy_set_buffer_bytes(buffer_number(buffer), start, size, value.as_ptr(), value.len())
        })
    }

    fn shared(&self, key: &str) -> Result<Option<SharedValue>, HostError> {
        let mut value = Returned::new();
        let mut cas = 0;
        let code = unsafe {
            abi::proxy_get_shared_data(
                key.as_ptr(),
                key.len(),
                &raw mut value.data,
                &raw mut value.size,
                &raw mut cas,
            )
        };
        Ok(found("get_shared_data", code)?.then(|| SharedValue { bytes: value.into_vec(), cas }))
    }

    fn set_shared(&self, key: &str, value: &[u8], cas: Option<u32>) -> Result<(), HostError> {
        check("set_shared_data", unsafe {
            abi::proxy_set_shared_data(
                key.as_ptr(),
                key.len(),
                value.as_ptr(),
                value.len(),
                cas.unwrap_or_default(),
            )
        })
    }

    fn define_metric(&self, kind: MetricKind, name: &str) -> Result<MetricId, HostError> {
        let kind = match kind {
            MetricKind::Counter => 0,
            MetricKind::Gauge => 1,
            MetricKind::Histogram => 2,
        };
        let mut id = 0;
        let code = unsafe { abi::proxy_define_metric(kind, name.as_ptr(), name.len(), &raw mut id) };
        check("define_metric", code).map(|()| MetricId(id))
    }

    fn metric(&self, metric: MetricId) -> Result<u64, HostError> {
        let mut value = 0;
        let code = unsafe { abi::proxy_get_metric(metric.0, &raw mut value) };
        check("get_metric", code).map(|()| value)
    }

    fn record_metric(&self, metric: MetricId, value: u64) -> Result<(), HostError> {
        check("record_metric", unsafe { abi::proxy_record_metric(metric.0, value) })
    }

    fn increment_metric(&self, metric: MetricId, by: i64) -> Result<(), HostError> {
        check("increment_metric", unsafe { abi::proxy_increment_metric(metric.0, by) })
    }

    fn register_queue(&self, name: &str) -> Result<u32, HostError> {
        let mut id = 0;
        let code = unsafe { abi::proxy_register_shared_queue(name.as_ptr(), name.len(), &raw mut id) };
        check("register_shared_queue", code).map(|()| id)
    }

    fn resolve_queue(&self, vm_id: &str, name: &str) -> Result<Option<u32>, HostError> {
        let mut id = 0;
        let code = unsafe {
            abi::proxy_resolve_shared_queue(
                vm_id.as_ptr(),
                vm_id.len(),
                name.as_ptr(),
                name.len(),
                &raw mut id,
            )
        };
        Ok(found("resolve_shared_queue", code)?.then_some(id))
    }

    fn enqueue(&self, queue: u32, message: &[u8]) -> Result<(), HostError> {
        check("enqueue_shared_queue", unsafe {
            abi::proxy_enqueue_shared_queue(queue, message.as_ptr(), message.len())
        })
    }

    fn dequeue(&self, queue: u32) -> Result<Option<Vec<u8>>, HostError> {
        let mut value = Returned::new();
        let code =
            unsafe { abi::proxy_dequeue_shared_queue(queue, &raw mut value.data, &raw mut value.size) };
        Ok(found("dequeue_shared_queue", code)?.then(|| value.into_vec()))
    }

    fn http_call(
        &self,
        cluster: &str,
        headers: &[(&str, &str)],
        body: &[u8],
        timeout: Duration,
    ) -> Result<u32, HostError> {
        // The SDK's own call, because its dispatcher panics on an answer whose number it did not hand out. It
        // knows every status that Envoy gives here.
        let body = (!body.is_empty()).then_some(body);
        proxy_wasm::hostcalls::dispatch_http_call(cluster, headers.to_vec(), body, Vec::new(), timeout)
            .map_err(|status| HostError { call: "http_call", status: Status::from_code(status as u32) })
    }

    fn reply(&self, reply: &LocalReply<'_>) -> Result<(), HostError> {
        const NO_GRPC_STATUS: i32 = -1;
        let headers = HeaderBlock::of(&reply.headers).into_bytes();
        check("send_local_response", unsafe {
            abi::proxy_send_local_response(
                u32::from(reply.status),
                reply.details.as_ptr(),
                reply.details.len(),
                reply.body.as_ptr(),
                reply.body.len(),
                headers.as_ptr(),
                headers.len(),
                NO_GRPC_STATUS,
            )
        })
    }

    fn act_for(&self, context: u32) -> Result<(), HostError> {
        check("set_effective_context", unsafe { abi::proxy_set_effective_context(context) })
    }

    fn resume_request(&self) -> Result<(), HostError> {
        const REQUEST: u32 = 0;
        check("continue_stream", unsafe { abi::proxy_continue_stream(REQUEST) })
    }
}
