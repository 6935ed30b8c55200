//! The answer of a request that was admitted: when it began, how it ended, and what it used.

use spillway_contract::headers::RETRY_AFTER;
use spillway_host::{Buffer, Headers, Host, broke_off, status_of};
use spillway_inference::api::Api;
use spillway_inference::sse::Scanner;
use spillway_primitives::Timestamp;
use spillway_shedding::level::Level;
use spillway_shedding::limit::{Class, End, Sent};

use crate::budgets::Charge;

/// How much of a chunk is looked at in one go.
const PIECE: usize = 64 << 10;
/// What an answer used stands at its end.
const TAIL: usize = 2 << 10;

/// An answer, from the moment at which its request was sent.
pub(crate) struct Answer {
    pub(crate) going: Going,
    pub(crate) sent: Sent,
    pub(crate) sent_at: Timestamp,
    status: u16,
    /// A full worker's 503, or that of one which is about to stop.
    asks_for_time: bool,
    pub(crate) started: bool,
    whole: bool,
    scanner: Option<Box<Scanner>>,
    /// The end of the body, as far as it has come; only where somebody is charged for it.
    tail: Vec<u8>,
}

/// What a request goes with, now or when it is its turn.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Going {
    pub(crate) pool: usize,
    pub(crate) level: Level,
    pub(crate) class: Class,
    pub(crate) api: Api,
    pub(crate) charge: Option<Charge>,
}

impl Answer {
    /// The request was sent now.
    pub(crate) const fn awaited(going: Going, sent: Sent, now: Timestamp) -> Self {
        Self {
            going,
            sent,
            sent_at: now,
            status: 0,
            asks_for_time: false,
            started: false,
            whole: false,
            scanner: None,
            tail: Vec::new(),
        }
    }

    /// Its headers have come. True when it has begun with them.
    pub(crate) fn headers(&mut self, host: &dyn Host, end_of_stream: bool) -> bool {
        self.status = status_of(host, Headers::Response).unwrap_or(0);
        self.asks_for_time =
            self.status == 503 && host.header(Headers::Response, RETRY_AFTER).ok().flatten().is_some();
        if self.status == 200 && self.going.class.is_streamed() {
            self.scanner = Some(Box::new(Scanner::new(Some(self.going.api))));
        }
        end_of_stream && self.is_whole()
    }

    /// Some of its body has come. True when it has begun with that: a stream with its first event, anything else when all of
    /// it is there.
    pub(crate) fn body(&mut self, host: &dyn Host, bytes: usize, end_of_stream: bool) -> bool {
        let counts_events = self.going.charge.is_some();
        let mut begins = false;
        if !self.started && self.scanner.is_some() || counts_events {
            for start in (0..bytes).step_by(PIECE) {
                let chunk =
                    host.buffer(Buffer::ResponseBody, start, PIECE.min(bytes - start)).unwrap_or_default();
                begins |= self.look(&chunk);
            }
        }
        begins |= end_of_stream && self.is_whole();
        begins
    }

    /// All of it has come. True if it begins only now.
    pub(crate) fn is_whole(&mut self) -> bool {
        self.whole = true;
        let begins = !self.started && self.status == 200 && !self.going.class.is_streamed();
        self.started |= begins;
        begins
    }

    /// How it ended, now that it is over.
    pub(crate) fn end(&self, host: &dyn Host) -> End {
        match self.status {
            // A refusal says nothing about how fast the upstream is.
            400..500 => End::Abandoned,
            503 if self.asks_for_time => End::Abandoned,
            500.. => End::Failed,
            _ if self.whole => End::Answered,
            _ if broke_off(host) => End::Failed,
            _ => End::Abandoned,
        }
    }

    /// How many tokens it used, where somebody is charged: what it says itself, or else about one for each event of a
    /// stream beside the prompt.
    pub(crate) fn used(&self, charge: &Charge) -> u64 {
        let events = self.scanner.as_ref().map_or(0, |scanner| scanner.events());
        total_tokens(&self.tail).unwrap_or_else(|| charge.prompt_tokens.saturating_add(events))
    }

    fn look(&mut self, chunk: &[u8]) -> bool {
        if self.going.charge.is_some() {
            self.tail.extend_from_slice(chunk);
            let beyond = self.tail.len().saturating_sub(TAIL);
            self.tail.drain(..beyond);
        }
        let first = self.scanner.as_mut().is_some_and(|scanner| scanner.feed(chunk).first_data);
        let begins = first && !self.started;
        self.started |= begins;
        begins
    }
}

/// The number behind the last `"total_tokens":`.
fn total_tokens(tail: &[u8]) -> Option<u64> {
    const NAME: &[u8] = b"\"total_tokens\"";
    let at = tail.windows(NAME.len()).rposition(|window| window == NAME)?;
    let value = tail.get(at + NAME.len()..)?.trim_ascii_start().strip_prefix(b":")?.trim_ascii_start();
    let digits = value.iter().take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(value.get(..digits)?).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use spillway_host::fake::Fake;
    use spillway_shedding::limit::{Observer, Permit};

    use super::*;

    #[test]
    fn what_an_answer_used_stands_at_its_end() {
        for (tail, expected) in [
            (r#""usage":{"prompt_tokens":3,"total_tokens":12}}"#, Some(12)),
            (r#""total_tokens": 7}} data: {"usage":{"total_tokens" : 9 }}"#, Some(9)),
            (r#""total_tokens":null"#, None),
            (r#""total_tokens""#, None),
            ("", None),
        ] {
            assert_eq!(total_tokens(tail.as_bytes()), expected, "{tail}");
        }
    }

    #[test]
    fn what_a_status_says_of_the_upstream() {
        for (status, retry_after, end) in [
            ("200", None, End::Answered),
            ("429", Some("1"), End::Abandoned),
            ("503", Some("1"), End::Abandoned),
            ("503", None, End::Failed),
            ("500", Some("1"), End::Failed),
        ] {
            let (host, now) = (Fake::new(), Timestamp::from_millis(1));
            host.set_header(Headers::Response, ":status", status).unwrap();
            if let Some(value) = retry_after {
                host.set_header(Headers::Response, RETRY_AFTER, value).unwrap();
            }
            let class = Class::of(false, 1);
            let permit = Permit { in_flight: 1, reserved: false };
            let sent = Observer::default().sent(now, class, Duration::ZERO, permit);
            let going = Going { pool: 0, level: Level::TOP, class, api: Api::ChatCompletions, charge: None };
            let mut answer = Answer::awaited(going, sent, now);
            answer.headers(&*host, true);
            assert_eq!(answer.end(&*host), end, "{status} {retry_after:?}");
        }
    }
}
