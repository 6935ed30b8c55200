//! Server-sent events, cut out of chunks.

/// Collects bytes and gives the data of whole events.
#[derive(Debug, Default)]
pub struct Events {
    rest: Vec<u8>,
}

impl Events {
    /// Takes in a chunk; the data of every event that is whole now.
    pub fn feed(&mut self, chunk: &[u8]) -> Vec<String> {
        self.rest.extend_from_slice(chunk);
        let mut whole = Vec::new();
        while let Some(end) = self.rest.windows(2).position(|two| two == b"\n\n") {
            let event: Vec<u8> = self.rest.drain(..end + 2).collect();
            let event = String::from_utf8_lossy(&event).into_owned();
            let data: Vec<_> = event.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
            whole.push(data.join("\n"));
        }
        whole
    }
}
