//! Which requests a setting is for.
//!
//! Envoy's Wasm filters have no configuration per route, so each filter's configuration has ordered rules. The first
//! rule that matches counts; a request that no rule matches is enforced.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{HeaderBlock, Headers, Host};

/// What a filter does about its decision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Decides and acts.
    #[default]
    Enforce,
    /// Decides and says so in metrics and the access log, and changes nothing.
    Observe,
    /// Leaves the request alone.
    Off,
}

/// One rule: for which requests, and what to do with them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Rule {
    /// For which requests the rule is; an empty match is for all.
    #[serde(rename = "match")]
    pub matches: Match,
    /// What to do with them.
    pub mode: Mode,
}

/// Conditions that must all hold; one that is left out always holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Match {
    /// The `:authority` is one of these, without regard to case; `*.example.com` stands for every name below.
    pub hosts: Vec<String>,
    /// The `:path` begins with this.
    pub path_prefix: String,
    /// The `:method` is one of these.
    pub methods: Vec<String>,
}

/// What rules look at.
#[derive(Clone, Copy, Debug)]
pub struct RequestLine<'a> {
    /// The `:authority`.
    pub host: &'a [u8],
    /// The `:path`.
    pub path: &'a [u8],
    /// The `:method`.
    pub method: &'a [u8],
}

impl<'a> RequestLine<'a> {
    /// That of a request with these headers.
    #[must_use]
    pub fn of(headers: &'a HeaderBlock) -> Self {
        let get = |name| headers.get(name).unwrap_or_default();
        Self { host: get(":authority"), path: get(":path"), method: get(":method") }
    }
}

/// Whether a rule for these models, or for all where it names none, is for a request to `model`.
#[must_use]
pub fn is_for_model(models: &[String], model: Option<&str>) -> bool {
    models.is_empty() || model.is_some_and(|model| models.iter().any(|known| known == model))
}

impl Match {
    /// Whether it holds for a request.
    #[must_use]
    pub fn holds(&self, request: RequestLine<'_>) -> bool {
        (self.hosts.is_empty() || self.hosts.iter().any(|host| host_is(host.as_bytes(), request.host)))
            && request.path.starts_with(self.path_prefix.as_bytes())
            && (self.methods.is_empty()
                || self.methods.iter().any(|method| method.as_bytes() == request.method))
    }
}

fn host_is(wanted: &[u8], host: &[u8]) -> bool {
    match wanted.strip_prefix(b"*") {
        Some(suffix) => host.len() > suffix.len() && ends_with_ignoring_case(host, suffix),
        None => wanted.eq_ignore_ascii_case(host),
    }
}

fn ends_with_ignoring_case(host: &[u8], suffix: &[u8]) -> bool {
    host.len()
        .checked_sub(suffix.len())
        .and_then(|at| host.get(at..))
        .is_some_and(|end| end.eq_ignore_ascii_case(suffix))
}

/// The first rule that matches.
fn first_match<'a>(rules: &'a [Rule], request: RequestLine<'_>) -> Option<&'a Rule> {
    rules.iter().find(|rule| rule.matches.holds(request))
}

/// What to do with the request at hand: the mode of the first rule that matches, and to enforce where none does.
/// Without rules no header is read.
#[must_use]
pub fn mode_of_request(host: &dyn Host, rules: &[Rule]) -> Mode {
    if rules.is_empty() {
        return Mode::Enforce;
    }
    let header = |name| host.header(Headers::Request, name).ok().flatten().unwrap_or_default();
    let (authority, path, method) = (header(":authority"), header(":path"), header(":method"));
    let request = RequestLine { host: &authority, path: &path, method: &method };
    first_match(rules, request).map_or(Mode::Enforce, |rule| rule.mode)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(rule: &str, request: (&str, &str, &str), expected: bool) {
        let rule: Match = serde_json::from_str(rule).unwrap();
        let (host, path, method) = request;
        let request = RequestLine { host: host.as_bytes(), path: path.as_bytes(), method: method.as_bytes() };
        assert_eq!(rule.holds(request), expected, "{rule:?} for {request:?}");
    }

    #[test]
    fn conditions() {
        let chat = ("Api.Example.com", "/v1/chat/completions", "POST");
        check("{}", chat, true);
        check(r#"{"hosts": ["api.example.com"]}"#, chat, true);
        check(r#"{"hosts": ["*.example.com"]}"#, chat, true);
        check(r#"{"hosts": ["*.example.com"]}"#, ("example.com", "/", "GET"), false);
        check(r#"{"hosts": ["*.example.com"]}"#, (".example.com", "/", "GET"), false);
        check(r#"{"hosts": ["other.example.com"]}"#, chat, false);
        check(r#"{"path_prefix": "/v1/chat"}"#, chat, true);
        check(r#"{"path_prefix": "/v2"}"#, chat, false);
        check(r#"{"methods": ["GET", "POST"]}"#, chat, true);
        check(r#"{"methods": ["GET"], "path_prefix": "/v1"}"#, chat, false);
    }

    #[test]
    fn the_first_rule_counts() {
        let rules: Vec<Rule> = serde_json::from_str(
            r#"[{"match": {"path_prefix": "/a"}, "mode": "off"}, {"mode": "observe"}, {"mode": "enforce"}]"#,
        )
        .unwrap();
        let mode = |path: &'static str| {
            let request = RequestLine { host: b"h", path: path.as_bytes(), method: b"GET" };
            first_match(&rules, request).map(|rule| rule.mode)
        };
        assert_eq!(mode("/a/b"), Some(Mode::Off));
        assert_eq!(mode("/b"), Some(Mode::Observe));
    }

    #[test]
    fn headers_are_read_only_where_there_are_rules() {
        let host = crate::fake::Fake::new();
        assert_eq!(mode_of_request(&*host, &[]), Mode::Enforce);
        assert_eq!(host.take_calls(), 0);
        let rule =
            Rule { matches: Match { methods: vec!["POST".into()], ..Match::default() }, mode: Mode::Off };
        assert_eq!(mode_of_request(&*host, std::slice::from_ref(&rule)), Mode::Enforce);
        host.set_header(Headers::Request, ":method", "POST").unwrap();
        assert_eq!(mode_of_request(&*host, &[rule]), Mode::Off);
    }
}
