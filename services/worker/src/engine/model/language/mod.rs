//! Text to tokens and back, as the model's file says.
//!
//! - [`tokenizer`]: text to tokens (byte-level BPE);
//! - [`vocabulary`]: tokens to bytes;
//! - [`utf8`]: bytes to text, characters that span tokens included;
//! - [`template`]: a conversation to the text that the model was trained on;
//! - [`guard`]: control tokens that a client writes into a message.

mod guard;
mod template;
mod tokenizer;
mod utf8;
mod vocabulary;

pub(super) use utf8::Utf8Stream;

use super::metadata::Metadata;
use crate::engine::Prompt;
use anyhow::{Context, Result, anyhow};
use guard::{Guard, Piece};
use spillway_inference::response::Token;
use template::ChatTemplate;
use tokenizers::Tokenizer;
use vocabulary::Vocabulary;

/// Everything about a model's language.
#[derive(Debug)]
pub(super) struct Language {
    tokenizer: Tokenizer,
    vocabulary: Vocabulary,
    /// Absent in models that are made to continue text only.
    template: Option<ChatTemplate>,
    guard: Guard,
    /// Put before every plain text, where the model wants it.
    begin: Option<u32>,
}

impl Language {
    pub(super) fn new(metadata: &Metadata) -> Result<Self> {
        let vocabulary = Vocabulary::new(metadata)?;
        let begin = metadata
            .flag("tokenizer.ggml.add_bos_token")
            .then(|| metadata.token("tokenizer.ggml.bos_token_id"));
        let mut tokenizer = tokenizer::build(metadata, &vocabulary).context("the tokenizer")?;
        let guard = Guard::new(&mut tokenizer, &vocabulary).map_err(|error| anyhow!(error));
        Ok(Self {
            tokenizer,
            guard: guard.context("the control tokens")?,
            template: ChatTemplate::new(metadata, &vocabulary).context("the chat template")?,
            vocabulary,
            begin: begin.flatten(),
        })
    }

    /// The tokens of a prompt. An error is meant for the client and does not repeat the prompt.
    pub(super) fn encode(&self, prompt: &Prompt) -> Result<Vec<u32>, String> {
        match prompt {
            Prompt::Text(text) => {
                let mut tokens: Vec<u32> = self.begin.into_iter().collect();
                tokens.extend(self.tokens_of(text)?);
                Ok(tokens)
            }
            Prompt::Chat(messages) => {
                let template = self.template.as_ref().ok_or("this model continues text, it does not chat")?;
                let Some((messages, stands)) = self.guard.take_out(messages)? else {
                    return self.tokens_of(&template.render(messages)?);
                };
                let text = template.render(&messages)?;
                let mut tokens = Vec::new();
                for piece in self.guard.put_back(&text, &stands) {
                    match piece {
                        Piece::Text(text) => tokens.extend(self.tokens_of(text)?),
                        Piece::Plain(plain) => tokens.extend_from_slice(plain),
                    }
                }
                Ok(tokens)
            }
        }
    }

    fn tokens_of(&self, text: &str) -> Result<Vec<u32>, String> {
        let encoding = self.tokenizer.encode_fast(text, false);
        Ok(encoding.map_err(|_| "the prompt cannot be tokenised")?.get_ids().to_vec())
    }

    /// The bytes that a token stands for; nothing for tokens that only steer the model.
    pub(super) fn bytes(&self, token: u32) -> &[u8] {
        self.vocabulary.bytes(token)
    }

    /// The tokens with which the model says so.
    pub(super) fn ends(&self) -> &[u32] {
        self.vocabulary.ends()
    }

    /// A token as the model's file writes it.
    pub(super) fn name(&self, token: u32) -> &str {
        self.vocabulary.name(token)
    }

    /// What a token is, for people.
    pub(super) fn token(&self, token: u32) -> Token {
        match self.bytes(token) {
            [] => Token::Control(self.name(token).to_owned()),
            bytes => Token::Text(bytes.to_vec()),
        }
    }

    /// The model says with this token that it is done.
    pub(super) fn is_end(&self, token: u32) -> bool {
        self.vocabulary.is_end(token)
    }

    /// How many tokens there are.
    pub(super) fn size(&self) -> usize {
        self.vocabulary.size()
    }
}
