//! The configuration of the compose file, made from the shipped one.
//!
//! In containers three things differ: Envoy listens on every address of its container, since ports are published from
//! outside of it; the workers are names and not addresses; and each of them has its own loopback. The rest is the
//! shipped file, line by line and with its comments, so that `docker.yaml` reads as well as `spillway.yaml` does and
//! a difference between the two can be seen with `diff`.
//!
//! `override_host` and the picker need addresses, not names. That is met by `STRICT_DNS`: Envoy resolves the names,
//! and its membership, which the picker reads, holds the addresses.

use crate::PlacementError;

/// The port of every worker inside of its own container.
const WORKER_PORT: u16 = 8001;

/// What the generated file begins with, instead of the shipped file's first comment.
const HEADER: &str = "\
# Generated from spillway.yaml by crate spillway-envoy (src/docker.rs): do not edit. After a change of spillway.yaml:
#
#   SPILLWAY_UPDATE_DOCS=1 cargo test -p spillway-envoy
#
# What differs: Envoy listens on all addresses of its container, the admin interface too. docker-compose.yml publishes
# both ports on 127.0.0.1 of the host alone; on the containers' network, allow_paths lets nothing through that changes
# Envoy. The workers are names, resolved every five seconds; the picker reads the addresses from Envoy's membership.
";

const LISTENS: &str = "address: { socket_address: { address: 127.0.0.1, port_value: ";
const ENDPOINT: &str = "- endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: ";
const CLUSTER: &str = "  - name: ";
const STATIC: &str = "    type: STATIC";
const STRICT_DNS: &str = "    type: STRICT_DNS\n    dns_lookup_family: V4_ONLY";

/// The configuration for containers, from the text of the shipped one.
///
/// # Errors
///
/// [`PlacementError::Missing`] when the shipped file no longer has the lines that are to be changed.
pub fn docker(shipped: &str) -> Result<String, PlacementError> {
    let mut lines = shipped.lines().skip_while(|line| line.starts_with('#')).peekable();
    lines.peek().ok_or_else(|| PlacementError::Missing("lines after its first comment".to_owned()))?;
    let mut page = Page { text: HEADER.to_owned(), ..Page::default() };
    lines.for_each(|line| page.take(line));
    for (what, found) in [
        ("listener on 127.0.0.1 beside the admin interface", page.listens > 1),
        ("cluster inference of type STATIC", page.named),
        ("worker on 127.0.0.1", page.workers > 0),
    ] {
        if !found {
            return Err(PlacementError::Missing(what.to_owned()));
        }
    }
    Ok(page.text)
}

/// What is written so far, and what was met on the way.
#[derive(Default)]
struct Page {
    text: String,
    /// Whether the lines of cluster `inference` are being read.
    in_pool: bool,
    listens: u32,
    workers: u32,
    named: bool,
}

impl Page {
    fn take(&mut self, line: &str) {
        if let Some(name) = line.strip_prefix(CLUSTER) {
            self.in_pool = name == "inference";
        }
        let unindented = line.trim_start();
        if unindented.starts_with(LISTENS) {
            self.listens += 1;
            self.write(&line.replace("127.0.0.1", "0.0.0.0"));
        } else if self.in_pool && line == STATIC {
            self.named = true;
            self.write(STRICT_DNS);
        } else if self.in_pool && unindented.starts_with(ENDPOINT) {
            self.workers += 1;
            let indent = " ".repeat(line.len() - unindented.len());
            let socket = format!("{{ address: worker-{}, port_value: {WORKER_PORT} }}", self.workers);
            self.write(&format!("{indent}- endpoint: {{ address: {{ socket_address: {socket} }} }}"));
        } else {
            self.write(line);
        }
    }

    fn write(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn missing(from: &str, to: &str, expected: &str) {
        let error = docker(&crate::SPILLWAY_YAML.replace(from, to)).unwrap_err();
        assert_eq!(error.to_string(), format!("the configuration has no {expected}"));
    }

    #[test]
    fn a_line_that_is_gone_is_named() {
        missing("type: STATIC", "type: EDS", "cluster inference of type STATIC");
        missing("- endpoint: {", "- endpoint:  {", "worker on 127.0.0.1");
        missing("address: {", "address:  {", "listener on 127.0.0.1 beside the admin interface");
        assert!(docker("# only a comment\n").is_err());
    }
}
