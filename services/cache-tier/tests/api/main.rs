//! The cache tier seen from outside: the program as a process, requests over loopback, and what comes back.
//!
//! Each test starts its own on a free port. Clients are plain sockets, so that a test sees how an answer ends.

#[cfg(test)]
mod budgets;
#[cfg(test)]
mod cluster;
#[cfg(test)]
mod disk;
#[cfg(test)]
mod docs;
#[cfg(test)]
mod entries;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod leases;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod program;
#[cfg(test)]
mod purge;
#[cfg(test)]
mod redis;
#[cfg(test)]
mod secrets;
#[cfg(test)]
mod store;
#[cfg(test)]
mod token;
