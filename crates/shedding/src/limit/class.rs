//! Kinds of requests whose first tokens take alike.

use serde::{Deserialize, Serialize};

/// How many classes there are.
pub const CLASSES: usize = 6;

/// Prompts of fewer tokens than the first are small, of fewer than the second medium, of more large.
pub const PROMPT_BOUNDS: [u64; 2] = [512, 4096];

/// A kind of request. A first token takes as long as the prompt is long, and one that comes with the whole answer as
/// long as the answer: a change of the mix must not look like a queue, so each class is compared with itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Class(u8);

impl Class {
    /// Of a request with a prompt of about so many tokens. A request that is not `streamed` has no first token: its
    /// whole duration stands for it.
    #[must_use]
    pub fn of(streamed: bool, prompt_tokens: u64) -> Self {
        let size = PROMPT_BOUNDS.iter().filter(|bound| prompt_tokens >= **bound).count();
        let size = u8::try_from(size).unwrap_or(2);
        Self(if streamed { size } else { 3 + size })
    }

    /// Whether answers come as streams.
    #[must_use]
    pub const fn is_streamed(self) -> bool {
        self.0 < 3
    }

    pub(super) const fn index(self) -> usize {
        self.0 as usize
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn six_of_them() {
        let of =
            |streamed| [0, 511, 512, 4095, 4096, u64::MAX].map(|tokens| Class::of(streamed, tokens).index());
        assert_eq!(of(true), [0, 0, 1, 1, 2, 2]);
        assert_eq!(of(false), [3, 3, 4, 4, 5, 5]);
        assert!(Class::of(true, 9999).is_streamed() && !Class::of(false, 0).is_streamed());
    }
}
