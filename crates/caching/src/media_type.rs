//! Content types, as far as a cache tells them apart.

/// What a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MediaType {
    /// `application/json`, or anything that ends with `+json` (RFC 6839).
    Json,
    /// `text/event-stream`.
    Events,
}

impl MediaType {
    /// What the value of `Content-Type` says, without regard to parameters and case (RFC 9110, section 8.3.1). `None` for
    /// everything that is neither.
    #[must_use]
    pub fn of(content_type: &[u8]) -> Option<Self> {
        let essence = content_type.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
        let ends_with_json =
            || essence.last_chunk::<5>().is_some_and(|end| end.eq_ignore_ascii_case(b"+json"));
        if essence.eq_ignore_ascii_case(b"application/json") || ends_with_json() {
            Some(Self::Json)
        } else if essence.eq_ignore_ascii_case(b"text/event-stream") {
            Some(Self::Events)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[track_caller]
    fn check(content_type: &str, expected: Option<MediaType>) {
        assert_eq!(MediaType::of(content_type.as_bytes()), expected, "{content_type}");
    }

    #[test]
    fn content_types() {
        check("application/json", Some(MediaType::Json));
        check("Application/JSON ; charset=utf-8", Some(MediaType::Json));
        check("application/problem+json", Some(MediaType::Json));
        check("text/event-stream; charset=utf-8", Some(MediaType::Events));
        check("", None);
        check("json", None);
        check("text/plain", None);
        check("application/jsonl", None);
        check("application/grpc", None);
        check("multipart/form-data; boundary=application/json", None);
    }
}
