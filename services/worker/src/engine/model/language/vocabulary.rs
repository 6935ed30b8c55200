//! What each token stands for.
//!
//! Byte-level BPE writes a token's bytes as characters: the printable ones of Latin-1 as themselves, the other 68
//! bytes as the characters from U+0100 on, in order (GPT-2's table). The file holds those characters; here they are
//! turned back into bytes once.

use super::super::metadata::Metadata;
use anyhow::Result;

/// Kinds of tokens, as GGUF numbers them.
const CONTROL: u64 = 3;
const USER_DEFINED: u64 = 4;

/// All tokens of a model.
#[derive(Debug)]
pub(super) struct Vocabulary {
    tokens: Vec<Token>,
    ends: Vec<u32>,
}

#[derive(Debug)]
struct Token {
    written: String,
    bytes: Vec<u8>,
    special: bool,
}

impl Vocabulary {
    pub(super) fn new(metadata: &Metadata) -> Result<Self> {
        let written = metadata.texts("tokenizer.ggml.tokens")?;
        let kinds = metadata.integers("tokenizer.ggml.token_type")?;
        anyhow::ensure!(written.len() == kinds.len(), "{} tokens have {} kinds", written.len(), kinds.len());
        let token = |(written, kind): (&str, u64)| Token {
            bytes: match kind {
                CONTROL => Vec::new(),
                USER_DEFINED => written.as_bytes().to_vec(),
                _ => written.chars().flat_map(bytes_of).collect(),
            },
            special: matches!(kind, CONTROL | USER_DEFINED),
            written: written.to_owned(),
        };
        let tokens: Vec<Token> = written.into_iter().zip(kinds).map(token).collect();
        let mut ends = Vec::new();
        for key in ["tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id"] {
            let Some(end) = metadata.token(key) else { continue };
            let is_one = usize::try_from(end).is_ok_and(|end| end < tokens.len());
            anyhow::ensure!(is_one, "{key}: {end} is none of the {} tokens", tokens.len());
            ends.push(end);
        }
        Ok(Self { tokens, ends })
    }

    pub(super) fn size(&self) -> usize {
        self.tokens.len()
    }

    /// Tokens as the file writes them, with their numbers.
    pub(super) fn written(&self) -> impl Iterator<Item = (&str, u32)> {
        (0..).zip(&self.tokens).map(|(number, token)| (token.written.as_str(), number))
    }

    /// Tokens that are not made of text, as the file writes them.
    pub(super) fn special(&self) -> impl Iterator<Item = &str> {
        self.tokens.iter().filter(|token| token.special).map(|token| token.written.as_str())
    }

    /// Those of them that steer the model and stand for no text.
    pub(super) fn controls(&self) -> impl Iterator<Item = &str> {
        let controls = self.tokens.iter().filter(|token| token.special && token.bytes.is_empty());
        controls.map(|token| token.written.as_str())
    }

    pub(super) fn bytes(&self, token: u32) -> &[u8] {
        self.token(token).map_or(&[], |token| &token.bytes)
    }

    pub(super) fn name(&self, token: u32) -> &str {
        self.token(token).map_or("", |token| &token.written)
    }

    pub(super) fn ends(&self) -> &[u32] {
        &self.ends
    }

    pub(super) fn is_end(&self, token: u32) -> bool {
        self.ends.contains(&token)
    }

    fn token(&self, token: u32) -> Option<&Token> {
        self.tokens.get(usize::try_from(token).ok()?)
    }
}

/// The byte that a character is written for. A character that is not of the table stands for itself.
fn bytes_of(c: char) -> Vec<u8> {
    match byte_of(c) {
        Some(byte) => vec![byte],
        None => c.to_string().into_bytes(),
    }
}

fn byte_of(c: char) -> Option<u8> {
    let code = u32::from(c);
    match u8::try_from(code) {
        Ok(byte) => stands_for_itself(byte).then_some(byte),
        Err(_) => {
            (0..=u8::MAX).filter(|byte| !stands_for_itself(*byte)).nth(usize::try_from(code - 0x100).ok()?)
        }
    }
}

fn stands_for_itself(byte: u8) -> bool {
    matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff)
}

#[cfg(test)]
mod tests {
    use super::byte_of;

    #[test]
    fn the_table_is_gpt_2s() {
        for (c, expected) in [
            ('a', Some(b'a')),
            ('\u{120}', Some(b' ')),
            ('\u{10a}', Some(b'\n')),
            ('\u{100}', Some(0)),
            ('\u{e9}', Some(0xe9)),
            ('\u{143}', Some(0xad)),
            ('\u{144}', None),
            (' ', None),
            ('€', None),
        ] {
            assert_eq!(byte_of(c), expected, "{c:?}");
        }
        let all: std::collections::BTreeSet<u8> = ('\0'..='\u{143}').filter_map(byte_of).collect();
        assert_eq!(all.len(), 256, "each byte has one character");
    }
}
