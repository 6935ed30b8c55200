//! The one fake host, for native tests: shared data, metrics, properties, headers, queues and call-outs in memory.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use spillway_primitives::Timestamp;

use crate::{
    Buffer, HeaderBlock, Headers, Host, HostError, LocalReply, MetricId, MetricKind, Path, SharedValue,
    Status,
};

/// A call-out that a filter sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Its number.
    pub token: u32,
    /// The cluster it went to.
    pub cluster: String,
    /// Its `:path`.
    pub path: String,
    /// Its headers, `:path` and the like among them.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Vec<u8>,
}

impl Call {
    /// The value of one of its headers; empty if there is none.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }
}

/// A local reply that a filter gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replied {
    /// HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
}

/// A process's worth of host state. One fake can serve several filters, as one Envoy serves several VMs.
#[derive(Debug, Default)]
pub struct Fake {
    now: Cell<Timestamp>,
    configuration: RefCell<Vec<u8>>,
    properties: RefCell<BTreeMap<String, Vec<u8>>>,
    headers: RefCell<BTreeMap<(Headers, String), Vec<u8>>>,
    buffers: RefCell<BTreeMap<Buffer, Vec<u8>>>,
    shared: RefCell<BTreeMap<String, SharedValue>>,
    metrics: RefCell<Vec<(String, u64)>>,
    metrics_hidden: Cell<bool>,
    queues: RefCell<Vec<(String, VecDeque<Vec<u8>>)>>,
    clusters: RefCell<Vec<String>>,
    calls: RefCell<Vec<Call>>,
    replies: RefCell<Vec<Replied>>,
    resumed: Cell<u32>,
    used: Cell<u64>,
}

impl Fake {
    /// A host with nothing in it, at the epoch.
    #[must_use]
    pub fn new() -> Rc<Self> {
        Rc::default()
    }

    /// Moves the clock.
    pub fn set_now(&self, now: Timestamp) {
        self.now.set(now);
    }

    /// Sets the plugin's configuration.
    pub fn set_configuration(&self, text: &str) {
        *self.configuration.borrow_mut() = text.as_bytes().to_vec();
    }

    /// Sets a property as Envoy would.
    pub fn put_property(&self, path: Path<'_>, value: &[u8]) {
        self.properties.borrow_mut().insert(path.0.to_owned(), value.to_vec());
    }

    /// Takes a property away.
    pub fn take_property(&self, path: Path<'_>) {
        self.properties.borrow_mut().remove(path.0);
    }

    /// Sets a buffer's bytes.
    pub fn put_buffer(&self, buffer: Buffer, bytes: &[u8]) {
        self.buffers.borrow_mut().insert(buffer, bytes.to_vec());
    }

    /// From now on every metric reads as zero, as behind a `stats_matcher`.
    pub fn hide_metrics(&self) {
        self.metrics_hidden.set(true);
    }

    /// The value of the metric of that name; `None` if nobody defined it.
    #[must_use]
    pub fn metric_named(&self, name: &str) -> Option<u64> {
        self.metrics.borrow().iter().find(|(known, _)| known == name).map(|(_, value)| *value)
    }

    /// All metrics' names.
    #[must_use]
    pub fn metric_names(&self) -> Vec<String> {
        self.metrics.borrow().iter().map(|(name, _)| name.clone()).collect()
    }

    /// Makes a cluster that call-outs can go to.
    pub fn add_cluster(&self, name: &str) {
        self.clusters.borrow_mut().push(name.to_owned());
    }

    /// The newest call-out.
    #[must_use]
    pub fn last_call(&self) -> Option<Call> {
        self.calls.borrow().last().cloned()
    }

    /// How many call-outs were sent.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.calls.borrow().len()
    }

    /// Puts the answer to a call-out where the filter reads it.
    pub fn answer_call(&self, status: Option<u16>, body: &[u8]) {
        let key = (Headers::CalloutResponse, ":status".to_owned());
        match status {
            Some(status) => {
                self.headers.borrow_mut().insert(key, status.to_string().into_bytes());
            }
            None => {
                self.headers.borrow_mut().remove(&key);
            }
        }
        self.put_buffer(Buffer::CalloutBody, body);
    }

    /// The newest local reply.
    #[must_use]
    pub fn last_reply(&self) -> Option<Replied> {
        self.replies.borrow().last().cloned()
    }

    /// How many local replies were given.
    #[must_use]
    pub fn replies(&self) -> usize {
        self.replies.borrow().len()
    }

    /// How often a paused request was let go on.
    #[must_use]
    pub fn resumed(&self) -> u32 {
        self.resumed.get()
    }

    /// Sets a header of the answer to a call-out.
    pub fn put_callout_header(&self, name: &str, value: &str) {
        let key = (Headers::CalloutResponse, name.to_owned());
        self.headers.borrow_mut().insert(key, value.as_bytes().to_vec());
    }

    /// Takes every header of a map away, as before the next request.
    pub fn clear_headers(&self, map: Headers) {
        self.headers.borrow_mut().retain(|(of, _), _| *of != map);
    }

    /// How many calls the filter made to the host since the last time this was asked.
    pub fn take_calls(&self) -> u64 {
        self.used.replace(0)
    }

    fn used(&self) {
        self.used.set(self.used.get() + 1);
    }
}

fn fails<T>(call: &'static str, status: Status) -> Result<T, HostError> {
    Err(HostError { call, status })
}

impl Host for Fake {
    fn now(&self) -> Timestamp {
        self.used();
        self.now.get()
    }

    fn set_tick(&self, _: Duration) -> Result<(), HostError> {
        self.used();
        Ok(())
    }

    fn property(&self, path: Path<'_>) -> Result<Option<Vec<u8>>, HostError> {
        self.used();
        Ok(self.properties.borrow().get(path.0).cloned())
    }

    fn set_property(&self, path: Path<'_>, value: &[u8]) -> Result<(), HostError> {
        self.used();
        self.put_property(path, value);
        Ok(())
    }

    fn header(&self, map: Headers, name: &str) -> Result<Option<Vec<u8>>, HostError> {
        self.used();
        Ok(self.headers.borrow().get(&(map, name.to_owned())).cloned())
    }

    fn headers(&self, map: Headers) -> Result<HeaderBlock, HostError> {
        self.used();
        let headers = self.headers.borrow();
        let of_map = headers.iter().filter(|((of, _), _)| *of == map);
        Ok(HeaderBlock::of(&of_map.map(|((_, name), value)| (name, value)).collect::<Vec<_>>()))
    }

    fn set_header(&self, map: Headers, name: &str, value: &str) -> Result<(), HostError> {
        self.used();
        self.headers.borrow_mut().insert((map, name.to_owned()), value.as_bytes().to_vec());
        Ok(())
    }

    fn remove_header(&self, map: Headers, name: &str) -> Result<(), HostError> {
        self.used();
        self.headers.borrow_mut().remove(&(map, name.to_owned()));
        Ok(())
    }

    fn buffer(&self, buffer: Buffer, start: usize, max: usize) -> Result<Vec<u8>, HostError> {
        self.used();
        let bytes = match buffer {
            Buffer::PluginConfiguration => self.configuration.borrow().clone(),
            other => self.buffers.borrow().get(&other).cloned().unwrap_or_default(),
        };
        Ok(bytes.into_iter().skip(start).take(max).collect())
    }

    fn set_buffer(&self, buffer: Buffer, start: usize, size: usize, value: &[u8]) -> Result<(), HostError> {
        self.used();
        let mut buffers = self.buffers.borrow_mut();
        let body = match buffer {
            Buffer::RequestBody | Buffer::ResponseBody => buffers.get_mut(&buffer),
            Buffer::CalloutBody | Buffer::PluginConfiguration => None,
        };
        let Some(body) = body else { return fails("set_buffer", Status::BadArgument) };
        let replaced = match start {
            0 => 0..size.min(body.len()),
            _ if start >= body.len() => body.len()..body.len(),
            _ => return fails("set_buffer", Status::BadArgument),
        };
        body.splice(replaced, value.iter().copied());
        Ok(())
    }

    fn shared(&self, key: &str) -> Result<Option<SharedValue>, HostError> {
        self.used();
        Ok(self.shared.borrow().get(key).cloned())
    }

    fn set_shared(&self, key: &str, value: &[u8], cas: Option<u32>) -> Result<(), HostError> {
        self.used();
        let mut shared = self.shared.borrow_mut();
        let old = shared.entry(key.to_owned()).or_default();
        if cas.is_some_and(|cas| cas != 0 && cas != old.cas) {
            return fails("set_shared_data", Status::CasMismatch);
        }
        *old = SharedValue { bytes: value.to_vec(), cas: old.cas + 1 };
        Ok(())
    }

    fn define_metric(&self, _: MetricKind, name: &str) -> Result<MetricId, HostError> {
        self.used();
        let mut metrics = self.metrics.borrow_mut();
        let at = metrics.iter().position(|(known, _)| known == name).unwrap_or_else(|| {
            metrics.push((name.to_owned(), 0));
            metrics.len() - 1
        });
        Ok(MetricId(u32::try_from(at).unwrap_or(u32::MAX)))
    }

    fn metric(&self, metric: MetricId) -> Result<u64, HostError> {
        self.used();
        match self.metrics.borrow().get(metric.0 as usize) {
            Some(_) if self.metrics_hidden.get() => Ok(0),
            Some((_, value)) => Ok(*value),
            None => fails("get_metric", Status::NotFound),
        }
    }

    fn record_metric(&self, metric: MetricId, value: u64) -> Result<(), HostError> {
        self.used();
        match self.metrics.borrow_mut().get_mut(metric.0 as usize) {
            Some((_, old)) => *old = value,
            None => return fails("record_metric", Status::NotFound),
        }
        Ok(())
    }

    fn increment_metric(&self, metric: MetricId, by: i64) -> Result<(), HostError> {
        self.used();
        match self.metrics.borrow_mut().get_mut(metric.0 as usize) {
            Some((_, old)) => *old = old.wrapping_add_signed(by),
            None => return fails("increment_metric", Status::NotFound),
        }
        Ok(())
    }

    fn register_queue(&self, name: &str) -> Result<u32, HostError> {
        let mut queues = self.queues.borrow_mut();
        queues.push((name.to_owned(), VecDeque::new()));
        Ok(u32::try_from(queues.len()).unwrap_or(u32::MAX))
    }

    fn resolve_queue(&self, _: &str, name: &str) -> Result<Option<u32>, HostError> {
        let at = self.queues.borrow().iter().position(|(known, _)| known == name);
        Ok(at.and_then(|at| u32::try_from(at + 1).ok()))
    }

    fn enqueue(&self, queue: u32, message: &[u8]) -> Result<(), HostError> {
        match self.queues.borrow_mut().get_mut((queue as usize).wrapping_sub(1)) {
            Some((_, messages)) => messages.push_back(message.to_vec()),
            None => return fails("enqueue_shared_queue", Status::NotFound),
        }
        Ok(())
    }

    fn dequeue(&self, queue: u32) -> Result<Option<Vec<u8>>, HostError> {
        match self.queues.borrow_mut().get_mut((queue as usize).wrapping_sub(1)) {
            Some((_, messages)) => Ok(messages.pop_front()),
            None => fails("dequeue_shared_queue", Status::NotFound),
        }
    }

    fn http_call(
        &self,
        cluster: &str,
        headers: &[(&str, &str)],
        body: &[u8],
        _: Duration,
    ) -> Result<u32, HostError> {
        self.used();
        if !self.clusters.borrow().iter().any(|known| known == cluster) {
            return fails("http_call", Status::BadArgument);
        }
        let path = headers.iter().find(|(name, _)| *name == ":path").map_or("", |(_, path)| path).to_owned();
        let mut calls = self.calls.borrow_mut();
        let token = u32::try_from(calls.len() + 1).unwrap_or(u32::MAX);
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let headers = headers.iter().map(owned).collect();
        calls.push(Call { token, cluster: cluster.to_owned(), path, headers, body: body.to_vec() });
        Ok(token)
    }

    fn reply(&self, reply: &LocalReply<'_>) -> Result<(), HostError> {
        self.used();
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        self.replies.borrow_mut().push(Replied {
            status: reply.status,
            headers: reply.headers.iter().map(owned).collect(),
            body: reply.body.to_vec(),
        });
        Ok(())
    }

    fn act_for(&self, _: u32) -> Result<(), HostError> {
        Ok(())
    }

    fn resume_request(&self) -> Result<(), HostError> {
        self.resumed.set(self.resumed.get() + 1);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(start: usize, size: usize, value: &str, expected: Result<&str, Status>) {
        let fake = Fake::new();
        fake.put_buffer(Buffer::RequestBody, b"prompt");
        let set = fake.set_buffer(Buffer::RequestBody, start, size, value.as_bytes());
        let body = fake.buffer(Buffer::RequestBody, 0, usize::MAX).unwrap();
        let is = String::from_utf8(body).unwrap();
        match expected {
            Ok(body) => assert_eq!((set, is.as_str()), (Ok(()), body)),
            Err(status) => {
                assert_eq!((set, is.as_str()), (Err(HostError { call: "set_buffer", status }), "prompt"));
            }
        }
    }

    #[test]
    fn a_body_is_replaced_at_its_beginning_and_its_end_alone() {
        check(0, 6, "a longer one", Ok("a longer one"));
        check(0, 6, "", Ok(""));
        check(0, usize::MAX, "x", Ok("x"));
        check(0, 0, "the ", Ok("the prompt"));
        check(0, 3, "at", Ok("atmpt"));
        check(6, 0, "s", Ok("prompts"));
        check(9, 9, "s", Ok("prompts"));
        check(1, 1, "x", Err(Status::BadArgument));
    }

    #[test]
    fn what_is_no_body_is_not_replaced() {
        let fake = Fake::new();
        fake.set_configuration("{}");
        fake.put_buffer(Buffer::CalloutBody, b"answer");
        for buffer in [Buffer::RequestBody, Buffer::CalloutBody, Buffer::PluginConfiguration] {
            assert!(fake.set_buffer(buffer, 0, 6, b"x").is_err(), "{buffer:?}");
        }
        assert_eq!(fake.buffer(Buffer::CalloutBody, 0, 9), Ok(b"answer".to_vec()));
    }
}
