//! An answer, and how it ended.

use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::net::TcpStream;

/// How an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// As HTTP says it should.
    Whole,
    /// The connection was closed too early.
    Cut,
    /// The connection was reset.
    Reset,
}

/// An answer. Status 0: there was none.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
    pub(crate) end: End,
}

impl Reply {
    pub(crate) fn read(stream: &mut TcpStream) -> Self {
        let mut reply = Self { status: 0, headers: BTreeMap::new(), body: Vec::new(), end: End::Whole };
        if let Err(error) = reply.read_from(&mut BufReader::new(stream)) {
            reply.end = match error.kind() {
                ErrorKind::UnexpectedEof => End::Cut,
                ErrorKind::ConnectionReset => End::Reset,
                other => panic!("{other}: {error}; so far {reply:?}"),
            };
        }
        reply
    }

    fn read_from(&mut self, reader: &mut impl BufRead) -> std::io::Result<()> {
        let first = line(reader)?;
        self.status = first.split(' ').nth(1).unwrap().parse().unwrap();
        loop {
            let header = line(reader)?;
            let Some((name, value)) = header.split_once(": ") else { break };
            self.headers.insert(name.to_ascii_lowercase(), value.to_owned());
        }
        match self.headers.get("content-length") {
            Some(length) => {
                let length = length.parse().unwrap();
                read_into(reader, &mut self.body, length)
            }
            None => self.read_chunks(reader),
        }
    }

    fn read_chunks(&mut self, reader: &mut impl BufRead) -> std::io::Result<()> {
        loop {
            let size = usize::from_str_radix(&line(reader)?, 16).unwrap();
            read_into(reader, &mut self.body, size)?;
            line(reader)?;
            if size == 0 {
                return Ok(());
            }
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The data of each event of a stream.
    pub(crate) fn events(&self) -> Vec<String> {
        let text = self.text();
        let events = text.split_terminator("\n\n");
        events
            .map(|event| event.strip_prefix("data: ").unwrap_or_else(|| panic!("{event:?}")).to_owned())
            .collect()
    }

    /// The text of a chat stream.
    pub(crate) fn streamed_text(&self) -> String {
        let events = self.events();
        let chunks = events.iter().filter_map(|event| serde_json::from_str::<Value>(event).ok());
        chunks
            .filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str().map(str::to_owned))
            .collect()
    }
}

fn line(reader: &mut impl BufRead) -> std::io::Result<String> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    match line.strip_suffix("\r\n") {
        Some(line) => Ok(line.to_owned()),
        None => Err(ErrorKind::UnexpectedEof.into()),
    }
}

fn read_into(reader: &mut impl Read, body: &mut Vec<u8>, size: usize) -> std::io::Result<()> {
    let got = reader.take(u64::try_from(size).unwrap()).read_to_end(body)?;
    if got < size { Err(ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
}
