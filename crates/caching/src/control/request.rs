//! What a client asks of caches.

use std::time::Duration;

use super::directive::{LONGEST, directives};

/// What a client asks of caches (RFC 9111, section 5.2.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RequestControl {
    /// 5.2.1.5: nothing of this request or its answer is to be kept.
    pub no_store: bool,
    /// 5.2.1.4: no answer from an entry that has not been validated.
    pub no_cache: bool,
    /// 5.2.1.1: no entry older than this.
    pub max_age: Option<Duration>,
    /// 5.2.1.2: a stale entry too, if it has been stale for no longer than this.
    pub max_stale: Option<Duration>,
    /// 5.2.1.3: an entry that will be fresh for so long yet.
    pub min_fresh: Option<Duration>,
    /// 5.2.1.7: an entry or 504.
    pub only_if_cached: bool,
}

impl RequestControl {
    /// Reads the field, which may come in several lines.
    #[must_use]
    pub fn parse<'a>(lines: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut control = Self::default();
        for directive in directives(lines) {
            let seconds = directive.seconds();
            if directive.is("no-store") {
                control.no_store = true;
            } else if directive.is("no-cache") {
                control.no_cache = true;
            } else if directive.is("only-if-cached") {
                control.only_if_cached = true;
            } else if directive.is("max-age") {
                control.max_age = shorter(control.max_age, seconds.unwrap_or_default());
            } else if directive.is("max-stale") {
                // Without a value any stale answer will do; with one that cannot be read, none.
                let any = if directive.has_value() { Duration::ZERO } else { LONGEST };
                control.max_stale = shorter(control.max_stale, seconds.unwrap_or(any));
            } else if directive.is("min-fresh") {
                control.min_fresh = control.min_fresh.max(Some(seconds.unwrap_or(LONGEST)));
            }
        }
        control
    }
}

fn shorter(one: Option<Duration>, other: Duration) -> Option<Duration> {
    Some(one.map_or(other, |one| one.min(other)))
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[track_caller]
    fn check(lines: &[&str], expected: RequestControl) {
        let found = RequestControl::parse(lines.iter().map(|line| line.as_bytes()));
        assert_eq!(found, expected, "{lines:?}");
    }

    const fn secs(seconds: u64) -> Option<Duration> {
        Some(Duration::from_secs(seconds))
    }

    #[test]
    fn what_clients_send() {
        let none = RequestControl::default();
        check(&[], none);
        check(&["no-transform, x=1, no-store2"], none);
        check(&["No-Store"], RequestControl { no_store: true, ..none });
        check(
            &["no-cache", "only-if-cached"],
            RequestControl { no_cache: true, only_if_cached: true, ..none },
        );
        check(
            &["max-age=10, max-stale=\"20\",min-fresh=30"],
            RequestControl { max_age: secs(10), max_stale: secs(20), min_fresh: secs(30), ..none },
        );
        check(&["max-stale"], RequestControl { max_stale: Some(LONGEST), ..none });
    }

    #[test]
    fn of_two_the_stricter_counts_and_what_cannot_be_read_is_strictest() {
        let none = RequestControl::default();
        check(&["max-age=10, max-age=5", "max-age=7"], RequestControl { max_age: secs(5), ..none });
        check(&["max-age=10, max-age=x"], RequestControl { max_age: secs(0), ..none });
        check(&["max-age"], RequestControl { max_age: secs(0), ..none });
        check(&["max-stale, max-stale=9"], RequestControl { max_stale: secs(9), ..none });
        check(&["max-stale=x"], RequestControl { max_stale: secs(0), ..none });
        check(&["min-fresh=1, min-fresh=2"], RequestControl { min_fresh: secs(2), ..none });
        check(&["min-fresh=2, min-fresh=x"], RequestControl { min_fresh: Some(LONGEST), ..none });
    }
}
