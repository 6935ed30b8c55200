//! Which API is this, and how do its streams end?
//!
//! A stream that stops without its terminal event was cut, even when HTTP says that the body is complete: a server
//! that dies between two events closes the connection as cleanly as one that is done. So whoever stores an answer or
//! judges an endpoint asks for the terminal event, and which one that is depends on the API.

/// The APIs that are understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Api {
    /// `/v1/chat/completions`
    ChatCompletions,
    /// `/v1/completions`
    Completions,
    /// `/v1/responses`
    Responses,
    /// `/v1/messages`
    Messages,
    /// `/v1/embeddings`, which is never streamed.
    Embeddings,
}

/// How a stream said that it is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ending {
    /// The answer is whole.
    Completed,
    /// The answer is whole as far as it goes: a limit or a filter of the server ended it.
    Incomplete,
    /// The server says that it failed. The stream itself was not cut.
    Failed,
}

/// What marks the last event of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    /// The event's data is exactly this.
    Data(&'static str),
    /// The event's name (its `event:` field) is exactly this.
    Event(&'static str),
}

/// One row of the table: the last event, and what it means.
pub(crate) type TerminalEvent = (Mark, Ending);

const DONE: &[TerminalEvent] = &[(Mark::Data("[DONE]"), Ending::Completed)];
const RESPONSES: &[TerminalEvent] = &[
    (Mark::Event("response.completed"), Ending::Completed),
    (Mark::Event("response.incomplete"), Ending::Incomplete),
    (Mark::Event("response.failed"), Ending::Failed),
];
const MESSAGES: &[TerminalEvent] = &[(Mark::Event("message_stop"), Ending::Completed)];

impl Api {
    /// Every API, in the order of the table in the documentation.
    pub const ALL: [Self; 5] =
        [Self::ChatCompletions, Self::Completions, Self::Responses, Self::Messages, Self::Embeddings];

    /// The API of a request path. A query string is ignored, and so is what stands before `/v1/` (a gateway's
    /// prefix). `None` for every other path.
    #[must_use]
    pub fn from_path(path: &str) -> Option<Self> {
        let path = path.split(['?', '#']).next().unwrap_or(path);
        Self::ALL.into_iter().find(|api| path.ends_with(api.path()))
    }

    /// The path as clients send it.
    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Self::ChatCompletions => "/v1/chat/completions",
            Self::Completions => "/v1/completions",
            Self::Responses => "/v1/responses",
            Self::Messages => "/v1/messages",
            Self::Embeddings => "/v1/embeddings",
        }
    }

    /// Whether its answers are text that is generated, token by token. Where it is not, there is nothing to stream, to cut
    /// short, or to leave to another model.
    #[must_use]
    pub fn generates(self) -> bool {
        self != Self::Embeddings
    }

    /// Whether a stream of this API ends with an event that says so. Where none does, the end of a stream says nothing
    /// about whether it is whole.
    #[must_use]
    pub fn has_terminal_event(self) -> bool {
        !self.terminal_events().is_empty()
    }

    /// The events that may end a stream of this API.
    pub(crate) fn terminal_events(self) -> &'static [TerminalEvent] {
        match self {
            Self::ChatCompletions | Self::Completions => DONE,
            Self::Responses => RESPONSES,
            Self::Messages => MESSAGES,
            Self::Embeddings => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Api;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[track_caller]
    fn check(path: &str, expected: Option<Api>) {
        assert_eq!(Api::from_path(path), expected, "{path}");
    }

    #[test]
    fn paths() {
        check("/v1/chat/completions", Some(Api::ChatCompletions));
        check("/v1/chat/completions?trace=1", Some(Api::ChatCompletions));
        check("/v1/completions", Some(Api::Completions));
        check("/v1/responses", Some(Api::Responses));
        check("/v1/messages", Some(Api::Messages));
        check("/team-a/v1/messages", Some(Api::Messages));
        check("/v1/embeddings?a=/v1/messages", Some(Api::Embeddings));
        check("/v1/models", None);
        check("/v1/completions/extra", None);
        check("/x?path=/v1/messages", None);
        check("", None);
    }

    #[test]
    fn every_api_that_is_streamed_has_a_terminal_event() {
        assert_eq!(Api::ALL.into_iter().find(|api| !api.generates()), Some(Api::Embeddings));
        for api in Api::ALL {
            assert_eq!(api.has_terminal_event(), api.generates(), "{api:?}");
        }
    }
}
