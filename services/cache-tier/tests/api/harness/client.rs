//! A client on a socket.

use super::PATIENCE;
use super::reply::Reply;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

/// What a request is made of.
#[derive(Clone, Copy)]
pub(crate) struct RequestParts<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) headers: &'a [(&'a str, &'a str)],
    pub(crate) body: &'a [u8],
}

/// A connection.
pub(crate) struct Client {
    stream: TcpStream,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream }
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    pub(crate) fn send(mut self, request: &RequestParts<'_>) -> Self {
        self.ask(request);
        self
    }

    /// Sends a request on a connection that is used again.
    pub(crate) fn ask(&mut self, request: &RequestParts<'_>) {
        let RequestParts { method, path, headers, body } = request;
        let mut head =
            format!("{method} {path} HTTP/1.1\r\nhost: tier\r\ncontent-length: {}\r\n", body.len());
        for (name, value) in *headers {
            head += &format!("{name}: {value}\r\n");
        }
        let mut bytes = format!("{head}\r\n").into_bytes();
        bytes.extend_from_slice(body);
        // Who is refused early may not get rid of all of it.
        let _ = self.stream.write_all(&bytes);
    }

    /// Reads one answer.
    pub(crate) fn reply(&mut self) -> Reply {
        Reply::read(&mut self.stream)
    }

    /// Reads one answer if it has begun to come.
    pub(crate) fn reply_now(&mut self) -> Option<Reply> {
        self.stream.set_nonblocking(true).unwrap();
        let begun = self.stream.peek(&mut [0]).is_ok();
        self.stream.set_nonblocking(false).unwrap();
        begun.then(|| self.reply())
    }

    /// True when the server closes the connection without a word.
    pub(crate) fn is_closed(&mut self) -> bool {
        matches!(self.stream.read(&mut [0; 64]), Ok(0) | Err(_))
    }
}
