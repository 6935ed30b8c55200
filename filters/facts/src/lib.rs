//! Facts of a request, read once and handed from one filter to the next.
//!
//! A body is looked through by the first filter that needs to know what is in it. What it finds is left on the stream,
//! where later filters of the listener's chain find it, and the filters of the upstream chain too.

use spillway_host::{Buffer, Host, paths};
use spillway_inference::facts::{Facts, read};

/// What an earlier filter has found out about the request.
#[must_use]
pub fn known(host: &dyn Host) -> Option<Facts> {
    let bytes = host.property(paths::FACTS).ok()??;
    Facts::decode(&bytes).ok()
}

/// What is in the request's body, of which all `bytes` are there, and leaves it for later filters. `None` when it is not
/// what it should be: then nothing is left, and the inference worker will say what is wrong with it.
///
/// `prefix_bytes` is how much of the prompt counts for its prefix.
#[must_use]
pub fn take(host: &dyn Host, bytes: usize, prefix_bytes: usize) -> Option<Facts> {
    let body = host.buffer(Buffer::RequestBody, 0, bytes).ok()?;
    let facts = read(&body, prefix_bytes).ok()?;
    if let Ok(bytes) = facts.encode() {
        host.set_property(paths::FACTS, &bytes).ok();
    }
    Some(facts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use spillway_host::fake::Fake;

    #[test]
    fn what_one_filter_takes_the_next_one_knows() {
        let host = Fake::new();
        assert_eq!(known(&*host), None);
        let body = br#"{"model": "m", "prompt": "abc"}"#;
        host.put_buffer(Buffer::RequestBody, body);
        let taken = take(&*host, body.len(), 100).unwrap();
        assert_eq!(taken.model.as_deref(), Some("m"));
        assert_eq!(known(&*host), Some(taken));
    }

    #[test]
    fn a_body_of_another_kind_leaves_nothing() {
        let host = Fake::new();
        host.put_buffer(Buffer::RequestBody, b"--boundary");
        assert_eq!(take(&*host, 10, 100), None);
        assert_eq!(known(&*host), None);
    }
}
