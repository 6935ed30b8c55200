//! Asking for a status over HTTP/1.1, which is all that waiting for readiness needs of a client.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(2);

/// The status of a GET; none if nobody answers it in time.
pub(super) fn get(address: SocketAddr, path: &str) -> Option<u16> {
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT).ok()?;
    stream.set_read_timeout(Some(TIMEOUT)).ok()?;
    stream.set_write_timeout(Some(TIMEOUT)).ok()?;
    // In one piece: a server that answers to the first part of it would close on the rest.
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).ok()?;
    line.strip_prefix("HTTP/1.1 ")?.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::get;
    use std::io::{Read, Write};
    use std::net::TcpListener;

    fn answered(answer: &'static str) -> Option<u16> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 512];
            let read = stream.read(&mut request).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
            String::from_utf8_lossy(&request[..read]).into_owned()
        });
        let status = get(address, "/ready");
        assert!(server.join().unwrap().starts_with("GET /ready HTTP/1.1\r\n"));
        status
    }

    #[test]
    fn the_status_is_that_of_the_first_line() {
        assert_eq!(answered("HTTP/1.1 200 OK\r\n\r\n"), Some(200));
        assert_eq!(answered("HTTP/1.1 503 Service Unavailable\r\n\r\n"), Some(503));
        assert_eq!(answered("nonsense\r\n"), None);
        assert_eq!(answered(""), None);
    }
}
