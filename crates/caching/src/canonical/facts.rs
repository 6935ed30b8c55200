//! What the cache has to know of a request, from the members of its body.

/// A longer name is no model's.
const LONGEST_NAME: usize = 256;
/// The longest way to write such a name: two quotes, and every byte of it as an escape.
const LONGEST_WRITTEN: usize = 2 + 6 * LONGEST_NAME;

/// What the cache has to know of a request. A value of a strange kind is as good as absent, but where absence would
/// make the request look more cacheable.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// The model that is asked for; `None` where there is no name, or one of more than 256 bytes.
    pub model: Option<String>,
    /// Whether the answer is to be streamed.
    pub stream: bool,
    /// The temperature; `None` where the server chooses it.
    pub temperature: Option<f64>,
    /// Whether the randomness is chosen by the client.
    pub seed: bool,
    /// How many answers are asked for; `None` where the server chooses it.
    pub n: Option<u32>,
    /// Whether the server is to keep the answer; `None` where the server chooses it.
    pub store: Option<bool>,
    /// Whether the answer is only the promise of one.
    pub background: bool,
    /// Whether the request goes on from something that the server keeps, which may be another thing tomorrow.
    pub continues: bool,
}

/// The outermost members, as they pass.
pub(super) struct Top<'a> {
    /// The name of the member at hand.
    pub(super) name: Vec<u8>,
    pub(super) facts: Facts,
    is_ignored: &'a dyn Fn(&[u8]) -> bool,
}

impl<'a> Top<'a> {
    pub(super) fn new(is_ignored: &'a dyn Fn(&[u8]) -> bool) -> Self {
        Self { name: Vec::new(), facts: Facts::default(), is_ignored }
    }

    /// Takes note of the member at hand. `written` is its value. False if it is not to go into the digest.
    pub(super) fn member(&mut self, written: &[u8]) -> bool {
        let facts = &mut self.facts;
        match self.name.as_slice() {
            b"model" => facts.model = text(written),
            b"stream" => facts.stream = written == b"true",
            b"temperature" => facts.temperature = number(written),
            b"seed" => facts.seed = written != b"null",
            b"n" => facts.n = number(written),
            // Servers that are lenient take "true" or 1 for true.
            b"store" => facts.store = (written != b"null").then_some(written != b"false"),
            b"background" => facts.background = !matches!(written, b"null" | b"false"),
            b"previous_response_id" | b"conversation" => facts.continues |= written != b"null",
            _ => {}
        }
        !(self.is_ignored)(&self.name)
    }
}

/// The text, if it is one that a model may be called.
fn text(written: &[u8]) -> Option<String> {
    let short = written.len() <= LONGEST_WRITTEN;
    let text: String = short.then(|| serde_json::from_slice(written).ok()).flatten()?;
    (text.len() <= LONGEST_NAME).then_some(text)
}

/// The number, if it is one of that kind. The written form is JSON already, so nothing but a number can be read so.
fn number<T: std::str::FromStr>(written: &[u8]) -> Option<T> {
    std::str::from_utf8(written).ok()?.parse().ok()
}
