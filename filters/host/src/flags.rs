//! What Envoy's response flags say of an answer that never became whole.

use crate::{Host, paths};

/// Bits of Envoy's `CoreResponseFlag`: the client's connection ended (14), nothing moved for too long (16), the
/// client broke the protocol (18), Envoy is overloaded (25), the client reset the stream (28).
const NOT_THE_ENDPOINTS_FAULT: u64 = 1 << 14 | 1 << 16 | 1 << 18 | 1 << 25 | 1 << 28;

/// Whether an answer that never became whole is the endpoint's fault.
///
/// Envoy notes what an endpoint did (reset, broken connection) only after an upstream filter's stream is done, and for an
/// attempt that is retried never; that the client left it notes before. So it is the endpoint's fault unless the
/// client's side is to blame.
#[must_use]
pub fn broke_off(host: &dyn Host) -> bool {
    let flags = host.property(paths::RESPONSE_FLAGS).ok().flatten().unwrap_or_default();
    let flags = flags.first_chunk::<8>().map_or(0, |flags| u64::from_le_bytes(*flags));
    flags & NOT_THE_ENDPOINTS_FAULT == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::Fake;

    #[test]
    fn a_client_that_leaves_is_no_fault_of_the_endpoint() {
        let host = Fake::new();
        assert!(broke_off(&*host), "no flag at all");
        for (bit, expected) in [(14, false), (28, false), (6, true)] {
            host.put_property(paths::RESPONSE_FLAGS, &(1_i64 << bit).to_le_bytes());
            assert_eq!(broke_off(&*host), expected, "bit {bit}");
        }
    }
}
