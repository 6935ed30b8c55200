use super::{Scanner, Seen};
use crate::api::{Api, Ending};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// What a whole stream gives, fed in the given pieces: events, how it ended, and in which piece the first event and
/// the terminal event were seen.
fn scan<'a>(api: Api, pieces: impl IntoIterator<Item = &'a [u8]>) -> (u64, Option<Ending>) {
    let mut scanner = Scanner::new(Some(api));
    let mut firsts = 0;
    let mut terminals = 0;
    for piece in pieces {
        let seen = scanner.feed(piece);
        firsts += u32::from(seen.first_data);
        terminals += u32::from(seen.terminal.is_some());
    }
    let seen = scanner.finish();
    firsts += u32::from(seen.first_data);
    terminals += u32::from(seen.terminal.is_some());
    assert_eq!(firsts, u32::from(scanner.events() > 0), "the first event is news once");
    assert_eq!(terminals, u32::from(scanner.ending().is_some()), "the terminal event is news once");
    (scanner.events(), scanner.ending())
}

#[track_caller]
fn check(api: Api, stream: &str, events: u64, ending: Option<Ending>) {
    let expected = (events, ending);
    assert_eq!(scan(api, [stream.as_bytes()]), expected, "in one piece: {stream:?}");
    assert_eq!(scan(api, stream.as_bytes().chunks(1)), expected, "byte by byte: {stream:?}");
}

#[test]
fn terminal_events_by_api() {
    use Api::{ChatCompletions, Completions, Messages, Responses};
    use Ending::{Completed, Failed, Incomplete};
    for api in [ChatCompletions, Completions] {
        check(api, "data: {\"a\":1}\n\ndata: [DONE]\n\n", 2, Some(Completed));
        check(api, "data: {\"a\":1}\n\n", 1, None);
        check(api, "event: message_stop\ndata: {}\n\n", 1, None);
    }
    check(Responses, "event: response.created\ndata: {}\n\n", 1, None);
    check(Responses, "event: response.completed\ndata: {}\n\n", 1, Some(Completed));
    check(Responses, "event: response.incomplete\ndata: {}\n\n", 1, Some(Incomplete));
    check(Responses, "event: response.failed\ndata: {}\n\n", 1, Some(Failed));
    check(Messages, "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n", 1, Some(Completed));
    check(Messages, "data: [DONE]\n\n", 1, None);
}

#[test]
fn framing() {
    let chat = |stream, events, done: bool| {
        check(Api::ChatCompletions, stream, events, done.then_some(Ending::Completed));
    };
    chat("", 0, false);
    chat("data: a\r\n\r\ndata: [DONE]\r\n\r\n", 2, true);
    chat("data: a\r\rdata: [DONE]\r\r", 2, true);
    chat("data: a\n\r\ndata: [DONE]\r\n\n", 2, true);
    chat("\u{feff}data: [DONE]\n\n", 1, true);
    chat("\n\u{feff}data: [DONE]\n\n", 0, false);
    chat(": keep-alive\n\n: keep-alive\n\n", 0, false);
    chat(": c\ndata: [DONE]\n\n", 1, true);
    chat("data:[DONE]\n\n", 1, true);
    chat("data:  [DONE]\n\n", 1, false);
    chat("data: [DONE] \n\n", 1, false);
    chat("data\n\n", 1, false);
    chat("id: 7\nretry: 10\n\n", 0, false);
    chat("data: [DONE]\ndata: [DONE]\n\n", 1, false);
    chat("data: x\ndata: [DONE]\n\n", 1, false);
    chat("Data: [DONE]\n\n", 0, false);
    chat("data: [DONE]\n\ndata: more\n\ndata: [DONE]\n\n", 3, true);
    chat("data: [DONE]\n", 1, true);
    chat("data: [DONE]", 1, true);
    chat("data: [DON", 1, false);
}

#[test]
fn a_long_line_is_no_terminal_event() {
    let long = format!("data: [DONE]{}\n\n", " ".repeat(1_000_000));
    check(Api::ChatCompletions, &long, 1, None);
    let exact = format!("event: message_stop{}\ndata: x\n\n", "x".repeat(200));
    check(Api::Messages, &exact, 1, None);
}

#[test]
fn news_comes_with_the_chunk_that_ends_the_event() {
    let mut scanner = Scanner::new(Some(Api::ChatCompletions));
    assert_eq!(scanner.feed(b"data: {}"), Seen::default());
    assert_eq!(scanner.feed(b"\n"), Seen::default());
    assert_eq!(scanner.feed(b"\n"), Seen { first_data: true, terminal: None });
    assert_eq!(scanner.feed(b"data: {}\n\n"), Seen::default());
    let done = Seen { first_data: false, terminal: Some(Ending::Completed) };
    assert_eq!(scanner.feed(b"data: [DONE]\n\n"), done);
    assert_eq!(scanner.events(), 3);
}

#[test]
fn without_an_api_no_event_is_terminal() {
    let mut scanner = Scanner::new(None);
    assert_eq!(scanner.feed(b"data: [DONE]\n\n"), Seen { first_data: true, terminal: None });
    assert_eq!(scanner.ending(), None);
}

mod properties {
    use super::scan;
    use crate::api::Api;
    use proptest::prelude::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    /// Streams from the pieces that matter, and now and then any bytes.
    fn stream() -> impl Strategy<Value = Vec<u8>> {
        let token = prop_oneof![
            Just(b"data: ".to_vec()),
            Just(b"data: [DONE]".to_vec()),
            Just(b"event: message_stop".to_vec()),
            Just(b"event: response.failed".to_vec()),
            Just(b": ping".to_vec()),
            Just(b"\xef\xbb\xbf".to_vec()),
            Just(b"\n".to_vec()),
            Just(b"\r".to_vec()),
            Just(b"\r\n".to_vec()),
            Just(b"\n\n".to_vec()),
            Just(vec![b'x'; 100]),
            proptest::collection::vec(any::<u8>(), 0..8),
        ];
        proptest::collection::vec(token, 0..40).prop_map(|tokens| tokens.concat())
    }

    fn api() -> impl Strategy<Value = Api> {
        proptest::sample::select(Api::ALL.to_vec())
    }

    fn split<'a>(mut bytes: &'a [u8], cuts: &[proptest::sample::Index]) -> Vec<&'a [u8]> {
        let mut pieces = Vec::new();
        for cut in cuts {
            let (piece, rest) = bytes.split_at(cut.index(bytes.len() + 1));
            pieces.push(piece);
            bytes = rest;
        }
        pieces.push(bytes);
        pieces
    }

    proptest! {
        #[test]
        fn the_split_does_not_matter(
            api in api(),
            stream in stream(),
            cuts in proptest::collection::vec(any::<proptest::sample::Index>(), 0..12),
        ) {
            prop_assert_eq!(scan(api, split(&stream, &cuts)), scan(api, [stream.as_slice()]));
        }
    }
}
