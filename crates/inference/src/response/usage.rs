//! Token counts, and why an answer ended.

use serde::{Serialize, Serializer};

/// The tokens of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Tokens of the prompt, with the chat template around it.
    pub prompt_tokens: u32,
    /// Tokens that were generated.
    pub completion_tokens: u32,
}

impl Serialize for Usage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Wire {
            prompt_tokens: u32,
            completion_tokens: u32,
            total_tokens: u64,
        }
        let total_tokens = u64::from(self.prompt_tokens) + u64::from(self.completion_tokens);
        let Self { prompt_tokens, completion_tokens } = *self;
        Wire { prompt_tokens, completion_tokens, total_tokens }.serialize(serializer)
    }
}

/// Why an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FinishReason {
    /// The model was done, or a stop string came.
    Stop,
    /// The token limit was reached.
    Length,
}
