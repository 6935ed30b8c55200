//! A worker, and how it is spoken to.

mod api;
mod worker;

pub(crate) use api::{chat, get, object, post, process, put, send, streamed_text};
pub(crate) use worker::{EMBEDDING_MODEL, MODEL, RunningWorker, Worker};
