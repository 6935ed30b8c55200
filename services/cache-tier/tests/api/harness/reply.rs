//! An answer, and how it ended.

use serde_json::Value;
use spillway_contract::cache::protocol::{LEASE_HEADER, Lease, TIER_HEADER, Tier};
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
        if self.status == 204 {
            return Ok(());
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

    /// Which tier answered.
    pub(crate) fn tier(&self) -> Option<Tier> {
        self.header(TIER_HEADER).map(|text| Tier::parse(text).unwrap())
    }

    /// What is said about the lease.
    pub(crate) fn lease(&self) -> Option<Lease> {
        self.header(LEASE_HEADER).map(|text| Lease::parse(text).unwrap())
    }

    /// The token of a lease that was granted.
    #[track_caller]
    pub(crate) fn granted(&self) -> String {
        match self.lease() {
            Some(Lease::Granted(token)) => token.to_hex(),
            other => panic!("{other:?}: {self:?}"),
        }
    }

    /// Status and the error's code.
    pub(crate) fn error(&self) -> (u16, String) {
        (self.status, self.json()["error"]["code"].as_str().unwrap().to_owned())
    }

    pub(crate) fn message(&self) -> String {
        self.json()["error"]["message"].as_str().unwrap().to_owned()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
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
