//! Asking for less, while a pool is overloaded: shorter answers, or those of a smaller model.

use spillway_contract::headers::DEGRADED;
use spillway_host::{Buffer, Headers, Host, paths};
use spillway_inference::api::Api;
use spillway_inference::rewrite::{capped_output, set_members};
use spillway_shedding::ladder::Step;
use spillway_shedding::level::Level;

use crate::config::ShedRule;

/// In which ways a request was made smaller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Degraded {
    pub(crate) capped: bool,
    pub(crate) smaller_model: bool,
}

impl Degraded {
    pub(crate) const fn any(self) -> bool {
        self.capped || self.smaller_model
    }

    /// For the answer's header and the access log.
    pub(crate) const fn as_str(self) -> &'static str {
        match (self.capped, self.smaller_model) {
            (true, true) => "cap_output, smaller_model",
            (true, false) => "cap_output",
            (false, true) => "smaller_model",
            (false, false) => "",
        }
    }
}

/// Makes the request at hand, whose body of so many bytes is all there, as small as the step asks for. What the rule does not
/// allow is left as it is, and so is a body that cannot be read: the inference worker will say what is wrong with it. An
/// embedding has no length, and another model's would be no answer at all.
pub(crate) fn degrade(
    host: &dyn Host,
    (step, level): (Step, Level),
    rule: &ShedRule,
    (api, bytes): (Api, usize),
) -> Degraded {
    let mut degraded = Degraded::default();
    let caps = step >= Step::CapOutput && rule.cap_output_tokens.get() > 0;
    let shrinks = step >= Step::SmallerModel && !rule.smaller_model.is_empty();
    if level == Level::TOP || !api.generates() || !(caps || shrinks) {
        return degraded;
    }
    let Ok(mut body) = host.buffer(Buffer::RequestBody, 0, bytes) else { return degraded };
    if caps && let Ok(Some(shorter)) = capped_output(&body, api, rule.cap_output_tokens.get()) {
        body = shorter;
        degraded.capped = true;
    }
    if shrinks {
        let model = serde_json::to_string(&rule.smaller_model).unwrap_or_default();
        if let Ok(smaller) = set_members(&body, &[("model", &model)]) {
            body = smaller;
            degraded.smaller_model = true;
        }
    }
    if !degraded.any() {
        return degraded;
    }
    let replaced = host
        .set_buffer(Buffer::RequestBody, 0, bytes, &body)
        .and_then(|()| host.set_header(Headers::Request, "content-length", &body.len().to_string()));
    if let Err(error) = replaced {
        log::warn!("a request cannot be made smaller: {error}");
        return Degraded::default();
    }
    host.set_property(paths::DEGRADED, degraded.as_str().as_bytes()).ok();
    degraded
}

/// Tells the client.
pub(crate) fn tell(host: &dyn Host, degraded: Degraded) {
    if degraded.any() {
        host.set_header(Headers::Response, DEGRADED, degraded.as_str()).ok();
    }
}

#[cfg(test)]
mod tests {
    use spillway_host::fake::Fake;

    use super::*;

    #[track_caller]
    fn check(api: Api, body: &str, expected: &str) {
        let host = Fake::new();
        host.put_buffer(Buffer::RequestBody, body.as_bytes());
        let rule = ShedRule { smaller_model: "small".to_owned(), ..ShedRule::default() };
        degrade(&*host, (Step::SmallerModel, Level(1)), &rule, (api, body.len()));
        assert_eq!(host.buffer(Buffer::RequestBody, 0, 1_000).unwrap(), expected.as_bytes(), "{api:?}");
    }

    #[test]
    fn text_is_left_to_a_smaller_model_and_vectors_are_not() {
        let body = r#"{"model":"large","input":"x"}"#;
        check(Api::Responses, body, r#"{"model":"small","input":"x"}"#);
        check(Api::Embeddings, body, body);
    }
}
