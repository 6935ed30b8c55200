//! Text to tokens, as `tokenizer.json` says.

use anyhow::{Result, anyhow, ensure};
use tokenizers::Tokenizer;

/// The tokenizer of a model.
#[derive(Debug)]
pub(super) struct Words {
    tokenizer: Tokenizer,
    /// How many tokens the model has vectors for.
    size: usize,
}

impl Words {
    /// The tokenizer in a file, for a model that has vectors for `size` tokens.
    pub(super) fn new(file: &[u8], size: usize) -> Result<Self> {
        let mut tokenizer = Tokenizer::from_bytes(file).map_err(|error| anyhow!(error))?;
        // Files bring both along from training. An input that was cut has another meaning, and filling is of no use here.
        tokenizer.with_truncation(None).map_err(|error| anyhow!(error))?;
        tokenizer.with_padding(None);
        let largest = tokenizer.get_vocab(true).into_values().max();
        let words = Self { tokenizer, size };
        // Of nothing comes what stands around every text.
        let around = words.tokens("").map_err(|why| anyhow!(why))?;
        if let Some(largest) = largest.into_iter().chain(around).max() {
            let fits = usize::try_from(largest).is_ok_and(|largest| largest < size);
            ensure!(fits, "it has the token {largest}, and the model has vectors for 0 to {}", words.last());
        }
        Ok(words)
    }

    /// The tokens of a text with what the model wants around it. An error is meant for the client and does not repeat the
    /// text.
    pub(super) fn tokens(&self, text: &str) -> Result<Vec<u32>, &'static str> {
        let encoding = self.tokenizer.encode_fast(text, true);
        Ok(encoding.map_err(|_| "an input cannot be tokenised")?.get_ids().to_vec())
    }

    /// The first token that the model has no vector for, and where it is.
    pub(super) fn first_unknown(&self, tokens: &[u32]) -> Option<(usize, u32)> {
        let is_known = |token: u32| usize::try_from(token).is_ok_and(|token| token < self.size);
        tokens.iter().copied().enumerate().find(|(_, token)| !is_known(*token))
    }

    /// The last token that the model has a vector for.
    pub(super) fn last(&self) -> usize {
        self.size.saturating_sub(1)
    }
}
