//! The worker seen from outside: requests over loopback, the bytes that come back, and what is counted.
//!
//! Each test starts its own worker on a free port. Clients are plain sockets, so that a test sees how an answer ends:
//! whole, cut or reset.

#[cfg(test)]
mod behaviour;
#[cfg(test)]
mod chat;
#[cfg(test)]
mod completions;
#[cfg(test)]
mod docs;
#[cfg(test)]
mod embeddings;
#[cfg(test)]
mod errors;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod leaving;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod load;
#[cfg(test)]
mod logprobs;
#[cfg(test)]
mod program;
#[cfg(test)]
mod real_embeddings;
#[cfg(test)]
mod real_model;
#[cfg(test)]
mod secrets;
#[cfg(test)]
mod several_models;
#[cfg(test)]
mod stopping;
#[cfg(test)]
mod weights;
