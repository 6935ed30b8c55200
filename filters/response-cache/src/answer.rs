//! An answer that passes by, and is kept if it is worth it.

use std::time::Duration;

use spillway_caching::control::ResponseControl;
use spillway_caching::freshness::Freshness;
use spillway_caching::media_type::MediaType;
use spillway_caching::storable::{self, Asked, Policy, Unstorable};
use spillway_host::{Buffer, HeaderBlock, paths};

use crate::ask::Ask;
use crate::entry;
use crate::shared::{Shared, Stored};

/// What has come of it.
pub(crate) struct Answer {
    head: HeaderBlock,
    /// For how long it may be used, from when its headers came.
    freshness: Freshness,
    media_type: MediaType,
    body: Vec<u8>,
    /// Why it will not be kept.
    spoilt: Option<Unstorable>,
}

/// The status that headers hold; 0 where they hold none.
pub(crate) fn status(head: &HeaderBlock) -> u16 {
    head.status().unwrap_or(0)
}

impl Answer {
    /// One whose headers have come.
    ///
    /// # Errors
    ///
    /// Why it will not be kept, as far as these say.
    pub(crate) fn begin(shared: &Shared, ask: &Ask, head: HeaderBlock) -> Result<Self, Unstorable> {
        let mut control = ResponseControl::parse(head.all("cache-control"));
        let is_stream = head.get("content-type").and_then(MediaType::of) == Some(MediaType::Events);
        if is_stream && shared.rule(ask).ignore_no_cache_of_streams {
            control.no_cache = false;
        }
        let freshness = entry::lifetime(&head, &control, &shared.rule(ask).ttl(), shared.host.now());
        let keyed: Vec<&str> = shared.keyed_headers.iter().map(String::as_str).collect();
        let vary: Vec<_> = head.all("vary").collect();
        let degraded = shared.host.property(paths::DEGRADED).ok().flatten();
        let media_type = storable::by_head(
            &storable::Head {
                status: status(&head),
                content_type: head.get("content-type"),
                content_encoding: head.get("content-encoding"),
                vary: &vary,
                control: &control,
                freshness,
                set_cookie: head.get("set-cookie").is_some(),
                has_validator: head.get("etag").or(head.get("last-modified")).is_some(),
                release: head.get(&shared.release_header),
                degraded: degraded.is_some_and(|mark| !mark.is_empty()),
            },
            &Asked {
                tenant_is_authorization: shared.tenants.tell_by_authorization(),
                authorized: ask.authorized,
                release: (!shared.release.is_empty()).then_some(shared.release.as_bytes()),
                needs_validator: ask.terms.needs_validator,
            },
            &Policy { share_authorized: shared.tenants.are_the_operators(), codings: &[], keyed: &keyed },
        )?;
        Ok(Self { head, freshness, media_type, body: Vec::new(), spoilt: None })
    }

    /// The next bytes of it have come.
    pub(crate) fn take(&mut self, shared: &Shared, bytes: usize) {
        if bytes == 0 || self.spoilt.is_some() {
            return;
        }
        if self.body.len() + bytes > shared.max_entry_bytes {
            self.spoilt = Some(Unstorable::TooLarge);
            self.body = Vec::new();
            return;
        }
        match shared.host.buffer(Buffer::ResponseBody, 0, bytes) {
            Ok(chunk) if chunk.len() == bytes => self.body.extend_from_slice(&chunk),
            _ => self.spoilt = Some(Unstorable::Incomplete),
        }
    }

    /// All of it has come at once.
    pub(crate) fn with_body(mut self, shared: &Shared, body: Vec<u8>) -> Self {
        if body.len() > shared.max_entry_bytes {
            self.spoilt = Some(Unstorable::TooLarge);
        } else {
            self.body = body;
        }
        self
    }

    /// It is over. What is kept of it.
    ///
    /// # Errors
    ///
    /// Why nothing is.
    pub(crate) fn end(self, shared: &Shared, ask: &Ask, is_whole: bool) -> Result<Stored, Unstorable> {
        if let Some(reason) = self.spoilt {
            return Err(reason);
        }
        storable::by_body(self.media_type, ask.api, &self.body, is_whole, shared.max_entry_bytes)?;
        let named = self.head.get(&shared.release_header).and_then(|name| std::str::from_utf8(name).ok());
        let release = named.unwrap_or(&shared.release);
        let entry = entry::encode(ask, &self.head, &self.body, &self.freshness, release)
            .map_err(|_| Unstorable::TooLarge)?;
        // A moment longer, so that no reader meets a place that was given to somebody else in the meantime.
        let expires = self.freshness.forgotten_at().plus(Duration::from_secs(1));
        let is_fresh = self.freshness.remaining(shared.host.now()).is_ok();
        Ok(Stored { entry, is_fresh, expires })
    }
}
