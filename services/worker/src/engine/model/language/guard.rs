//! Control tokens that a client writes into a message.
//!
//! In the text of a conversation they would be taken for the template's own: a message could end itself and go on as somebody
//! else's. So they are taken out of the messages before the template is filled in, each for a character that occurs in none,
//! and come back as the text that they are.

use super::vocabulary::Vocabulary;
use spillway_inference::request::Message;
use std::collections::BTreeSet;
use tokenizers::Tokenizer;

/// Unicode gives these no meaning, plane 15.
const PRIVATE_USE: std::ops::RangeInclusive<u32> = 0xf_0000..=0xf_fffd;

/// All control tokens of a model.
#[derive(Debug)]
pub(super) struct Guard {
    /// The longest first, so that none is taken for the beginning of another.
    controls: Vec<Control>,
}

#[derive(Debug)]
struct Control {
    written: String,
    /// It as text, in tokens.
    plain: Vec<u32>,
}

/// A piece of a conversation's text.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// Text of the template and the messages; control tokens in it are the template's.
    Text(&'a str),
    /// A control token from a message, as the tokens of its text.
    Plain(&'a [u32]),
}

/// Which character stands for which control token.
#[derive(Debug, Default)]
pub(super) struct Stands(Vec<(char, usize)>);

impl Guard {
    /// `tokenizer` is as it was when this is over.
    pub(super) fn new(tokenizer: &mut Tokenizer, vocabulary: &Vocabulary) -> Result<Self, tokenizers::Error> {
        tokenizer.set_encode_special_tokens(true);
        let control = |written: &str| {
            let plain = tokenizer.encode_fast(written, false)?.get_ids().to_vec();
            Ok(Control { written: written.to_owned(), plain })
        };
        // One without a text would be everywhere.
        let controls = vocabulary.controls().filter(|written| !written.is_empty()).map(control);
        let controls: Result<Vec<_>, tokenizers::Error> = controls.collect();
        tokenizer.set_encode_special_tokens(false);
        let mut controls = controls?;
        controls.sort_by_key(|control| std::cmp::Reverse(control.written.len()));
        Ok(Self { controls })
    }

    /// The messages without control tokens, where they have any; an error where no character is left to stand for them.
    pub(super) fn take_out(&self, messages: &[Message]) -> Result<Option<(Vec<Message>, Stands)>, String> {
        let is_in =
            |control: &Control| messages.iter().any(|message| message.content.contains(&control.written));
        let found: Vec<usize> = self
            .controls
            .iter()
            .enumerate()
            .filter(|(_, control)| is_in(control))
            .map(|(at, _)| at)
            .collect();
        if found.is_empty() {
            return Ok(None);
        }
        let taken: BTreeSet<u32> = messages
            .iter()
            .flat_map(|message| message.content.chars().map(u32::from))
            .filter(|code| PRIVATE_USE.contains(code))
            .collect();
        let free = PRIVATE_USE.filter(|code| !taken.contains(code)).filter_map(char::from_u32);
        let stands = Stands(free.zip(found.iter().copied()).collect());
        if stands.0.len() < found.len() {
            return Err("messages: they use up all private-use characters".to_owned());
        }
        let without = |message: &Message| {
            let mut content = message.content.clone();
            for (stand, at) in &stands.0 {
                if let Some(control) = self.controls.get(*at) {
                    content = content.replace(&control.written, stand.encode_utf8(&mut [0; 4]));
                }
            }
            Message { role: message.role, content }
        };
        Ok(Some((messages.iter().map(without).collect(), stands)))
    }

    /// The text of a conversation, with what was taken out.
    pub(super) fn put_back<'a>(&'a self, text: &'a str, stands: &Stands) -> Vec<Piece<'a>> {
        let mut pieces = Vec::new();
        let stand_at = |c: char| stands.0.iter().find(|(stand, _)| *stand == c).map(|(_, at)| *at);
        for piece in text.split_inclusive(|c| stand_at(c).is_some()) {
            let last = piece.chars().next_back().filter(|c| stand_at(*c).is_some());
            let rest = last.map_or(piece, |c| piece.strip_suffix(c).unwrap_or(piece));
            if !rest.is_empty() {
                pieces.push(Piece::Text(rest));
            }
            let control = last.and_then(stand_at).and_then(|at| self.controls.get(at));
            pieces.extend(control.map(|control| Piece::Plain(&control.plain)));
        }
        pieces
    }
}
