//! What an answer says to caches.

use std::time::Duration;

use super::directive::directives;

/// What an answer says to caches (RFC 9111, section 5.2.2; RFC 5861).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ResponseControl {
    /// 5.2.2.5: it must not be kept.
    pub no_store: bool,
    /// 5.2.2.4: it must not be used unvalidated. A list of fields after it (the qualified form) counts as if there were
    /// none, as the RFC expects of caches.
    pub no_cache: bool,
    /// 5.2.2.7: it is for one user, and this is a shared cache. A list of fields counts as if there were none.
    pub private: bool,
    /// 5.2.2.9: it may be kept even where it otherwise might not.
    pub public: bool,
    /// 5.2.2.2, and 5.2.2.8 `proxy-revalidate`, which says the same to a shared cache: it must not be used when stale.
    pub must_revalidate: bool,
    /// 5.2.2.1: how long it is fresh.
    pub max_age: Option<Duration>,
    /// 5.2.2.10: how long it is fresh in a shared cache. It must not be used there when stale.
    pub s_maxage: Option<Duration>,
    /// RFC 5861, section 3: how long it may be used when stale, while a fresh one is fetched.
    pub stale_while_revalidate: Option<Duration>,
    /// RFC 5861, section 4: how long it may be used when stale, instead of an error.
    pub stale_if_error: Option<Duration>,
}

impl ResponseControl {
    /// Reads the field, which may come in several lines.
    #[must_use]
    pub fn parse<'a>(lines: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut control = Self::default();
        for directive in directives(lines) {
            control.no_store |= directive.is("no-store");
            control.no_cache |= directive.is("no-cache");
            control.private |= directive.is("private");
            control.public |= directive.is("public");
            control.must_revalidate |= directive.is("must-revalidate") || directive.is("proxy-revalidate");
            for (name, time) in [
                ("max-age", &mut control.max_age),
                ("s-maxage", &mut control.s_maxage),
                ("stale-while-revalidate", &mut control.stale_while_revalidate),
                ("stale-if-error", &mut control.stale_if_error),
            ] {
                if directive.is(name) {
                    // One that cannot be read is none: stale (4.2.1).
                    let seconds = directive.seconds().unwrap_or_default();
                    *time = Some(time.map_or(seconds, |time| time.min(seconds)));
                }
            }
        }
        control
    }

    /// How long it says that it is fresh; a shared cache goes by `s-maxage` first (4.2.1). `None` where it does not say.
    #[must_use]
    pub fn lifetime(&self) -> Option<Duration> {
        self.s_maxage.or(self.max_age)
    }

    /// Whether it must not be used when stale (4.2.4).
    #[must_use]
    pub const fn forbids_stale(&self) -> bool {
        self.must_revalidate || self.no_cache || self.s_maxage.is_some()
    }

    /// Whether a shared cache may keep the answer to a request with `Authorization` (3.5).
    #[must_use]
    pub const fn permits_authorized(&self) -> bool {
        self.must_revalidate || self.public || self.s_maxage.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[track_caller]
    fn check(lines: &[&str], expected: ResponseControl) {
        let found = ResponseControl::parse(lines.iter().map(|line| line.as_bytes()));
        assert_eq!(found, expected, "{lines:?}");
    }

    const fn secs(seconds: u64) -> Option<Duration> {
        Some(Duration::from_secs(seconds))
    }

    #[test]
    fn what_servers_send() {
        let none = ResponseControl::default();
        check(&[], none);
        check(&["immutable, no-transform"], none);
        check(&["no-store, NO-CACHE"], ResponseControl { no_store: true, no_cache: true, ..none });
        check(&["private=\"set-cookie, x\""], ResponseControl { private: true, ..none });
        check(&["no-cache=\"max-age=5, public\""], ResponseControl { no_cache: true, ..none });
        check(&["proxy-revalidate"], ResponseControl { must_revalidate: true, ..none });
        check(
            &["public, max-age=60", "s-maxage=30, stale-while-revalidate=5, stale-if-error=600"],
            ResponseControl {
                public: true,
                max_age: secs(60),
                s_maxage: secs(30),
                stale_while_revalidate: secs(5),
                stale_if_error: secs(600),
                ..none
            },
        );
    }

    #[test]
    fn of_two_the_stricter_counts_and_what_cannot_be_read_is_stale() {
        let none = ResponseControl::default();
        check(&["max-age=60, max-age=5", "max-age=70"], ResponseControl { max_age: secs(5), ..none });
        check(&["max-age=60, max-age=1h"], ResponseControl { max_age: secs(0), ..none });
        check(&["s-maxage"], ResponseControl { s_maxage: secs(0), ..none });
        check(&["stale-if-error=-1"], ResponseControl { stale_if_error: secs(0), ..none });
    }

    #[test]
    fn a_shared_cache_goes_by_what_is_said_to_it() {
        let read = |line: &str| ResponseControl::parse([line.as_bytes()]);
        assert_eq!(read("max-age=60").lifetime(), secs(60));
        assert_eq!(read("max-age=60, s-maxage=0").lifetime(), secs(0));
        assert_eq!(read("public").lifetime(), None);
        for line in ["must-revalidate", "proxy-revalidate", "s-maxage=9", "no-cache"] {
            assert!(read(line).forbids_stale(), "{line}");
        }
        assert!(!read("max-age=60, stale-if-error=9").forbids_stale());
        for line in ["must-revalidate", "public", "s-maxage=9"] {
            assert!(read(line).permits_authorized(), "{line}");
        }
        assert!(!read("max-age=60").permits_authorized());
    }
}
