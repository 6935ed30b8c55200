//! Whether a port is free, and whose it is if not.
//!
//! Envoy opens its listeners with `SO_REUSEPORT`: a second Envoy on the same port would not fail but take a share of
//! the first one's connections. So the ports are looked at before anything starts.

use super::ports::{Ports, local};
use anyhow::{Result, bail};
use std::fs;
use std::net::TcpListener;
use std::path::Path;

/// The state of a listening socket in `/proc/net/tcp`.
const LISTENING: &str = "0A";

/// Refuses ports of which one is taken, with the owner's name.
pub(super) fn refuse(ports: &Ports) -> Result<()> {
    for (port, what) in ports.all() {
        if TcpListener::bind(local(port)).is_err() {
            let owner = owner(port).unwrap_or_else(|| "a process that this user cannot see".to_owned());
            bail!("port {port}, which is for {what}, is taken by {owner}; --port-base moves all ports");
        }
    }
    Ok(())
}

/// Name and process id, where the system tells.
fn owner(port: u16) -> Option<String> {
    let sockets: Vec<String> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|file| fs::read_to_string(file).ok())
        .flat_map(|table| listening(&table, port))
        .collect();
    let processes = fs::read_dir("/proc").ok()?.flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.into_iter().find(|pid| holds_one(*pid, &sockets)).map(|pid| {
        let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        format!("{} (process {pid})", name.trim())
    })
}

/// The links `socket:[inode]` of sockets that listen on a port.
fn listening(table: &str, port: u16) -> Vec<String> {
    let of_line = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [_, local, _, state, _, _, _, _, _, inode, ..] = fields.as_slice() else { return None };
        let (_, hex) = local.rsplit_once(':')?;
        let is_it = *state == LISTENING && u16::from_str_radix(hex, 16) == Ok(port);
        is_it.then(|| format!("socket:[{inode}]"))
    };
    table.lines().filter_map(of_line).collect()
}

fn holds_one(pid: u32, sockets: &[String]) -> bool {
    let Ok(files) = fs::read_dir(Path::new("/proc").join(pid.to_string()).join("fd")) else { return false };
    let links = files.flatten().filter_map(|file| fs::read_link(file.path()).ok());
    links.into_iter().any(|link| sockets.iter().any(|socket| link.as_os_str() == socket.as_str()))
}

#[cfg(test)]
mod tests {
    use super::{listening, refuse};
    use crate::up::ports::Ports;
    use std::net::TcpListener;

    const TABLE: &str = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:2710 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4242 1
   1: 0100007F:2710 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 4343 1
   2: 00000000:2711 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4444 1
";

    #[test]
    fn only_listening_sockets_count() {
        assert_eq!(listening(TABLE, 10_000), ["socket:[4242]"]);
        assert_eq!(listening(TABLE, 10_001), ["socket:[4444]"]);
        assert_eq!(listening(TABLE, 10_002), Vec::<String>::new());
    }

    #[test]
    fn a_taken_port_is_refused_by_name() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        let ports = Ports { api: port, admin: port, cache_tier: port, workers: Vec::new() };
        let error = refuse(&ports).unwrap_err().to_string();
        assert!(error.starts_with(&format!("port {port}, which is for the API, is taken by ")), "{error}");
        if cfg!(target_os = "linux") {
            let own = format!("(process {}); --port-base moves all ports", std::process::id());
            assert!(error.ends_with(&own), "{error}");
        }
        drop(taken);
        refuse(&ports).unwrap();
    }
}
