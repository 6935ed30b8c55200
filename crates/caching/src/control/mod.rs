//! `Cache-Control`, of a request and of an answer (RFC 9111, section 5.2; RFC 5861).
//!
//! A field may come in several lines, which are one list; names are told apart without regard to case, and what is not
//! known is left out (5.2.3). Where a directive comes twice, the stricter one counts: the field must not let more
//! through than either of its authors meant (4.2.1 allows the first one, or none). A time that cannot be read is none:
//! the answer is stale (4.2.1), the request wants it fresh.

mod directive;
mod request;
mod response;

pub use request::RequestControl;
pub use response::ResponseControl;
