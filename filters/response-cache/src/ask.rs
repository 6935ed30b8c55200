//! What a request asks of the cache.

use spillway_caching::canonical::Facts;
use spillway_caching::control::RequestControl;
use spillway_caching::digest::Digest;
use spillway_caching::eligible::{self, Bypass, OnMiss, Terms};
use spillway_caching::key::{KeyParts, Tenant};
use spillway_caching::status::Forward;
use spillway_contract::cache::protocol::LeaseToken;
use spillway_host::{HeaderBlock, Mode, RequestLine, is_for_model};
use spillway_inference::api::Api;

use crate::config::{CacheRule, Tenants};
use crate::memory::Found;
use crate::shared::Shared;

/// A request whose headers have been looked at.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) headers: HeaderBlock,
    api: Option<Api>,
    terms: Terms,
}

/// A request whose key is known, and how far it has come.
pub(crate) struct Ask {
    pub(crate) key: Digest,
    pub(crate) terms: Terms,
    pub(crate) api: Option<Api>,
    pub(crate) tenant: Tenant,
    pub(crate) authorized: bool,
    pub(crate) model: Option<String>,
    pub(crate) stream: bool,
    pub(crate) observes: bool,
    /// Its rule's number; one beyond the last is the rule of defaults.
    pub(crate) rule: usize,
    pub(crate) role: Role,
    /// Why it goes on, if it does.
    pub(crate) forward: Forward,
    /// It computes for other Envoys too.
    pub(crate) lease: Option<LeaseToken>,
    /// What would serve if the upstream fails.
    pub(crate) stale: Option<Found>,
    /// What the client has already.
    pub(crate) if_none_match: Option<Vec<u8>>,
}

/// Who waits for whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Nobody for it, and it for nobody.
    Alone,
    /// Others wait, or may, until it has an answer.
    Leader,
}

/// What a request's headers say.
pub(crate) enum Looked {
    /// A rule says that the cache leaves it alone.
    Off,
    /// It goes past the cache, or is answered with 504 if it wants only an entry.
    Bypass(Bypass, OnMiss),
    /// Its body must be read.
    Body(Head),
    /// All is known; these are its headers.
    Ask(Box<Ask>, HeaderBlock),
}

impl Ask {
    /// The hash of its tenant, in entries.
    pub(crate) fn tenant_bytes(&self) -> Option<[u8; 32]> {
        match self.tenant {
            Tenant::Shared => None,
            Tenant::Of(digest) => Some(*digest.as_bytes()),
        }
    }
}

/// Looks at the headers of the request at hand.
pub(crate) fn look(shared: &Shared, headers: HeaderBlock, end_of_stream: bool) -> Looked {
    let line = RequestLine::of(&headers);
    let is_get = line.method == b"GET";
    // A rule for certain models can be told only from the body, which a GET has not.
    let fits = |rule: &&CacheRule| rule.matches.holds(line) && (!is_get || rule.models.is_empty());
    let first = shared.rules.iter().find(fits);
    let rule = first.unwrap_or(&shared.default_rule);
    if rule.mode == Mode::Off && rule.models.is_empty() {
        return Looked::Off;
    }
    let api = std::str::from_utf8(line.path).ok().and_then(Api::from_path);
    let control = RequestControl::parse(headers.all("cache-control"));
    let head = eligible::Head {
        method: line.method,
        api,
        content_type: headers.get("content-type"),
        control: &control,
    };
    let wanted = if control.only_if_cached && rule.mode == Mode::Enforce {
        OnMiss::GatewayTimeout
    } else {
        OnMiss::Forward
    };
    let has_tenant = match &shared.tenants {
        Tenants::Header(name) => headers.get(name).is_some_and(|value| !value.is_empty()),
        Tenants::Credentials(_) | Tenants::Shared => true,
    };
    // A body is no part of what a GET means (RFC 9110, section 9.3.1), and it is not in its key.
    let is_plain = (!is_get || end_of_stream) && headers.get("upgrade").is_none();
    match eligible::by_head(&head, rule.requests()) {
        Err(reason) => Looked::Bypass(reason, wanted),
        Ok(_) if !is_plain => Looked::Bypass(Bypass::Method, wanted),
        Ok(_) if !has_tenant => Looked::Bypass(Bypass::NoTenant, wanted),
        Ok(terms) if is_get => {
            let head = Head { headers, api: None, terms };
            match head.without_body(shared) {
                Some(ask) => Looked::Ask(Box::new(ask), head.headers),
                None => Looked::Off,
            }
        }
        // A POST without a body is the upstream's to refuse.
        Ok(_) if end_of_stream => Looked::Bypass(Bypass::ContentType, wanted),
        Ok(terms) => Looked::Body(Head { headers, api, terms }),
    }
}

impl Head {
    /// What is done when no entry serves.
    pub(crate) const fn on_miss(&self) -> OnMiss {
        self.terms.on_miss
    }

    /// The whole of a request, with its body.
    ///
    /// # Errors
    ///
    /// Why it goes past the cache; `None` where a rule says so.
    pub(crate) fn with_body(&self, shared: &Shared, body: &[u8]) -> Result<Ask, Option<Bypass>> {
        let canonical = shared.bodies.read(body).map_err(|reason| Some(Bypass::from(reason)))?;
        let facts = &canonical.facts;
        let (number, rule) = self.rule(shared, facts.model.as_deref()).ok_or(None)?;
        let api = self.api.ok_or(Some(Bypass::UnknownPath))?;
        eligible::by_body(api, facts, rule.requests()).map_err(Some)?;
        Ok(self.ask(shared, number, rule.mode, facts, Some(canonical.digest)))
    }

    fn without_body(&self, shared: &Shared) -> Option<Ask> {
        let (number, rule) = self.rule(shared, None)?;
        Some(self.ask(shared, number, rule.mode, &Facts::default(), None))
    }

    /// The rule for it; `None` where that leaves it alone.
    fn rule<'a>(&self, shared: &'a Shared, model: Option<&str>) -> Option<(usize, &'a CacheRule)> {
        let line = RequestLine::of(&self.headers);
        let fits = |rule: &CacheRule| is_for_model(&rule.models, model) && rule.matches.holds(line);
        let found = shared.rules.iter().enumerate().find(|(_, rule)| fits(rule));
        let (number, rule) = found.unwrap_or((shared.rules.len(), &shared.default_rule));
        (rule.mode != Mode::Off).then_some((number, rule))
    }

    fn ask(&self, shared: &Shared, rule: usize, mode: Mode, facts: &Facts, body: Option<Digest>) -> Ask {
        let line = RequestLine::of(&self.headers);
        let route = shared.route();
        let keyed = pairs(&shared.keyed_headers, &self.headers);
        let tenant = tenant(&shared.tenants, &self.headers);
        let parts = KeyParts {
            tenant,
            route: route.as_bytes(),
            method: line.method,
            path: line.path,
            host: shared.by_host.then_some(line.host),
            headers: &keyed,
            model: facts.model.as_deref().map(str::as_bytes),
            release: (!shared.release.is_empty()).then_some(shared.release.as_bytes()),
            stream: facts.stream,
            body,
        };
        Ask {
            key: parts.digest(),
            terms: self.terms,
            api: self.api,
            tenant,
            authorized: self.headers.get("authorization").is_some(),
            model: facts.model.clone(),
            stream: facts.stream,
            observes: mode == Mode::Observe,
            rule,
            role: Role::Alone,
            forward: Forward::Miss,
            lease: None,
            stale: None,
            if_none_match: self.headers.get("if-none-match").map(<[u8]>::to_vec),
        }
    }
}

/// Whose entries a request may have.
fn tenant(tenants: &Tenants, headers: &HeaderBlock) -> Tenant {
    match tenants {
        Tenants::Shared => Tenant::Shared,
        Tenants::Header(name) => Tenant::of_name(headers.get(name).unwrap_or_default()),
        Tenants::Credentials(names) => Tenant::of_credential(&pairs(names, headers)),
    }
}

/// The values of these headers. Names and values are told apart, so that no value can pass for another header's.
fn pairs(names: &[String], headers: &HeaderBlock) -> Vec<u8> {
    let mut pairs = Vec::new();
    for (number, name) in names.iter().enumerate() {
        for value in headers.all(name) {
            pairs.extend_from_slice(&(number as u64).to_le_bytes());
            pairs.extend_from_slice(&(value.len() as u64).to_le_bytes());
            pairs.extend_from_slice(value);
        }
    }
    pairs
}
