//! Server-sent events, seen as they pass.
//!
//! The scanner is given the bytes of a response body in chunks of any split and says when the first event with data
//! has come (the time to first token ends there) and when the terminal event of the API has come (only then is the
//! answer whole). It keeps no event: its memory is constant, whatever passes.
//!
//! Framing follows the HTML standard, "Server-sent events", 9.2.5 and 9.2.6: lines end with CRLF, LF or CR, one byte
//! order mark at the beginning is ignored, a line that begins with a colon is a comment, several `data:` lines are
//! one event, and an event without data is none. One thing is more lenient, as clients are: [`Scanner::finish`]
//! counts an event at the end of the stream whose blank line never came.
//!
//! It does not parse the JSON inside of events.

mod line;
#[cfg(test)]
mod tests;

use crate::api::{Api, Ending, Mark};
use line::Line;

/// What a chunk brought. Both are news only once per stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Seen {
    /// The first event with data ended in this chunk.
    pub first_data: bool,
    /// The terminal event of the API ended in this chunk.
    pub terminal: Option<Ending>,
}

/// An incremental scanner of one stream.
#[derive(Debug, Clone)]
pub struct Scanner {
    api: Option<Api>,
    line: Line,
    /// The last byte was a CR: an LF that follows belongs to it.
    after_cr: bool,
    first_line: bool,
    event: Event,
    events: u64,
    ending: Option<Ending>,
}

/// The event that is being read.
#[derive(Debug, Clone, Copy, Default)]
struct Event {
    data_lines: u64,
    /// The terminal event whose name or data stood in the lines so far.
    by_name: Option<Ending>,
    by_data: Option<Ending>,
}

impl Scanner {
    /// A scanner of a stream of `api`. Without an API no event is terminal.
    #[must_use]
    pub fn new(api: Option<Api>) -> Self {
        Self {
            api,
            line: Line::new(),
            after_cr: false,
            first_line: true,
            event: Event::default(),
            events: 0,
            ending: None,
        }
    }

    /// Takes the next bytes of the body.
    pub fn feed(&mut self, mut chunk: &[u8]) -> Seen {
        let mut seen = Seen::default();
        while let Some(first) = chunk.first() {
            if std::mem::take(&mut self.after_cr) && *first == b'\n' {
                chunk = chunk.get(1..).unwrap_or_default();
                continue;
            }
            let Some(at) = chunk.iter().position(|b| matches!(b, b'\n' | b'\r')) else {
                self.line.push(chunk);
                break;
            };
            let (piece, rest) = chunk.split_at_checked(at).unwrap_or((chunk, &[]));
            self.line.push(piece);
            self.after_cr = rest.first() == Some(&b'\r');
            chunk = rest.get(1..).unwrap_or_default();
            self.end_line(&mut seen);
        }
        seen
    }

    /// The body is over: what stands there without its blank line is taken as an event.
    pub fn finish(&mut self) -> Seen {
        let mut seen = Seen::default();
        if !self.line.is_empty() {
            self.end_line(&mut seen);
        }
        self.end_event(&mut seen);
        seen
    }

    /// How many events with data have come.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.events
    }

    /// How the stream said that it is over; `None` while it has not.
    #[must_use]
    pub fn ending(&self) -> Option<Ending> {
        self.ending
    }

    fn end_line(&mut self, seen: &mut Seen) {
        let mut bytes = self.line.bytes();
        if std::mem::take(&mut self.first_line) {
            bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        }
        if bytes.is_empty() {
            self.line.clear();
            self.end_event(seen);
            return;
        }
        let (field, value) = split_field(bytes);
        // A value that was cut is longer than every mark.
        let value = (!self.line.is_cut()).then_some(value);
        match field {
            b"data" => {
                self.event.data_lines += 1;
                self.event.by_data =
                    terminal(self.api, |mark| matches!(mark, Mark::Data(d) if Some(d.as_bytes()) == value));
            }
            b"event" => {
                self.event.by_name =
                    terminal(self.api, |mark| matches!(mark, Mark::Event(e) if Some(e.as_bytes()) == value));
            }
            _ => {}
        }
        self.line.clear();
    }

    fn end_event(&mut self, seen: &mut Seen) {
        let event = std::mem::take(&mut self.event);
        if event.data_lines == 0 {
            return;
        }
        seen.first_data |= self.events == 0;
        self.events += 1;
        // Data in several lines is joined with line feeds: it cannot equal a mark.
        let by_data = event.by_data.filter(|_| event.data_lines == 1);
        if self.ending.is_none()
            && let Some(ending) = event.by_name.or(by_data)
        {
            self.ending = Some(ending);
            seen.terminal = Some(ending);
        }
    }
}

fn terminal(api: Option<Api>, is: impl Fn(Mark) -> bool) -> Option<Ending> {
    let events = api?.terminal_events();
    events.iter().find(|(mark, _)| is(*mark)).map(|(_, ending)| *ending)
}

/// A line as field and value. Without a colon the whole line is the field; one space after the colon is dropped. A
/// comment has an empty field.
fn split_field(line: &[u8]) -> (&[u8], &[u8]) {
    let Some(colon) = line.iter().position(|b| *b == b':') else {
        return (line, b"");
    };
    let (field, rest) = line.split_at_checked(colon).unwrap_or((line, b""));
    let value = rest.strip_prefix(b":").unwrap_or(rest);
    (field, value.strip_prefix(b" ").unwrap_or(value))
}
