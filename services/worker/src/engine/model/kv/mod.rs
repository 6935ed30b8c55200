//! What a model remembers of the texts it works on: keys and values, in pages.
//!
//! A page holds the keys and values of [`PAGE_TOKENS`] tokens in all layers (after Kwon et al. 2023, PagedAttention). A text
//! holds as many pages as it can come to need, all from the beginning: so one that was begun can always be finished, and
//! the memory never exceeds its bound. A page whose tokens are complete can be found by other texts that begin with the
//! same tokens, while somebody holds it and afterwards, until its place is needed.
//!
//! ```text
//! pages    which page is whose; knows no numbers
//! memory   the numbers, where the processor computes; a GPU has its own
//! ```

mod memory;
mod pages;

pub(super) use memory::{Layer, Memory, Sizes};
pub(super) use pages::{Held, PAGE_TOKENS, PageId, Pages};
