//! Answers that keep to a form: a JSON object, or JSON of a schema.
//!
//! A form becomes a grammar, and before each token the grammar says which ones may come (crate `llguidance`: an Earley parser
//! that walks a trie of all tokens). The others lose their scores before one is chosen, so nothing that is done to scores
//! brings them back.
//!
//! Nothing here is made before the first request asks for a form. Grammars are compiled away from the computing thread,
//! few at a time. What a schema can cost is bounded: its size and depth by the request's parser, its compilation by
//! `llguidance`'s own limits, by [`multiples`] and [`patterns`], which these do not count, and by [`COMPILE_LIMIT`]; a step
//! by [`limits`].

mod multiples;
mod patterns;

use super::language::Language;
use crate::engine::Refusal;
use llguidance::api::{ParserLimits, TopLevelGrammar};
use llguidance::toktrie::{ApproximateTokEnv, TokEnv, TokRxInfo, TokTrie};
use llguidance::{Matcher, ParserFactory};
use serde_json::{Value, json};
use spillway_inference::request::Format;
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::Semaphore;

/// How long a client waits for its grammar, at most.
const COMPILE_LIMIT: Duration = Duration::from_secs(5);
/// How many are compiled at a time.
const COMPILERS: usize = 2;
/// White space between the parts of an answer: a space, or a new line and what it is indented by. Small models would go
/// on with it for ever.
const WHITE_SPACE: &str = r" |\n[ \t]{0,20}";
/// The longest reason that is told, in characters.
const REASON_CHARS: usize = 300;

/// Makes grammars for one model's tokens.
pub(super) struct Grammars {
    language: Arc<Language>,
    factory: OnceLock<Result<ParserFactory, String>>,
    compilers: Arc<Semaphore>,
}

/// What one answer keeps to, and how far it is.
pub(super) struct Constraint(Matcher);

impl Grammars {
    pub(super) fn new(language: Arc<Language>) -> Arc<Self> {
        let compilers = Arc::new(Semaphore::new(COMPILERS));
        Arc::new(Self { language, factory: OnceLock::new(), compilers })
    }

    /// What an answer of this form keeps to; nothing for text.
    pub(super) async fn compile(self: Arc<Self>, format: Format) -> Result<Option<Constraint>, Refusal> {
        let (param, schema) = match format {
            Format::Text => return Ok(None),
            Format::JsonObject => ("response_format", json!({"type": "object"})),
            Format::JsonSchema(schema) => ("response_format.json_schema.schema", schema),
        };
        let compiled = async {
            let permit = Arc::clone(&self.compilers).acquire_owned().await;
            let compile = move || {
                // Held for as long as it takes, also where nobody waits for it any more.
                let _permit = permit;
                self.constraint(schema)
            };
            tokio::task::spawn_blocking(compile)
                .await
                .unwrap_or_else(|_| Err("it cannot be compiled".to_owned()))
        };
        let too_long = || Err(format!("it was not compiled within {} s", COMPILE_LIMIT.as_secs()));
        let compiled = tokio::time::timeout(COMPILE_LIMIT, compiled).await.unwrap_or_else(|_| too_long());
        compiled.map(Some).map_err(|why| Refusal::Format { param, why })
    }

    fn constraint(&self, mut schema: Value) -> Result<Constraint, String> {
        multiples::check(&schema)?;
        patterns::check(&schema)?;
        let factory = self.factory.get_or_init(|| factory(&self.language)).as_ref().map_err(Clone::clone)?;
        if let Some(members) = schema.as_object_mut() {
            // How it is compiled is not the client's to say.
            members.insert("x-guidance".to_owned(), json!({ "whitespace_pattern": WHITE_SPACE }));
        }
        let parser = factory.create_parser(TopLevelGrammar::from_json_schema(schema));
        let mut matcher = Matcher::new(Ok(parser.map_err(explain)?));
        // What can go wrong at the first token is told before there is an answer.
        matcher.compute_mask().map_err(explain)?;
        Ok(Constraint(matcher))
    }
}

impl Constraint {
    /// Takes the scores of tokens that may not come next. An error says which limit of a step was reached.
    pub(super) fn mask(&mut self, scores: &mut [f32]) -> Result<(), String> {
        let allowed = self.0.compute_mask_or_eos().map_err(explain)?;
        let mut words = allowed.as_slice().iter();
        for scores in scores.chunks_mut(u32::BITS as usize) {
            let word = words.next().copied().unwrap_or(0);
            for (bit, score) in scores.iter_mut().enumerate() {
                if word >> bit & 1 == 0 {
                    // Not the least of all numbers: one that may come can have that.
                    *score = f32::NAN;
                }
            }
        }
        Ok(())
    }

    /// A token came. True if the answer is whole and cannot go on.
    pub(super) fn advance(&mut self, token: u32) -> Result<bool, String> {
        self.0.consume_token(token).map_err(explain)?;
        Ok(self.0.is_stopped())
    }
}

/// What knows the model's tokens.
fn factory(language: &Language) -> Result<ParserFactory, String> {
    let size = u32::try_from(language.size()).map_err(|_| "the model has too many tokens")?;
    let ends = language.ends();
    let end = *ends.first().ok_or("the model has no token for the end of an answer")?;
    let words: Vec<Vec<u8>> = (0..size).map(|token| word(language, token)).collect();
    let trie = TokTrie::from(&TokRxInfo::new(size, end), &words).with_eos_tokens(ends);
    let tokens: TokEnv = Arc::new(ApproximateTokEnv::new(trie));
    let mut factory = ParserFactory::new_simple(&tokens).map_err(explain)?;
    factory.quiet();
    *factory.limits_mut() = limits();
    Ok(factory)
}

/// A token's bytes; its name after a byte that no text has where it is one that steers the model.
fn word(language: &Language, token: u32) -> Vec<u8> {
    match language.bytes(token) {
        [] => [&[TokTrie::SPECIAL_TOKEN_MARKER], language.name(token).as_bytes()].concat(),
        bytes => bytes.to_vec(),
    }
}

/// A step of one answer keeps all others waiting, so it is given less than `llguidance` would: some 5 ms. A row has
/// room for all properties that fit into a schema.
fn limits() -> ParserLimits {
    ParserLimits {
        max_items_in_row: 8_000,
        initial_lexer_fuel: 500_000,
        step_lexer_fuel: 50_000,
        step_max_items: 100_000,
        max_lexer_states: 50_000,
        max_grammar_size: 100_000,
        verbose_errors: false,
        ..ParserLimits::default()
    }
}

/// In one line, and not long.
#[expect(clippy::needless_pass_by_value, reason = "it is what errors are mapped with")]
fn explain(error: anyhow::Error) -> String {
    let text = error.to_string();
    if text.starts_with("oneOf constraints are not supported") {
        return "oneOf is only supported where no two of its schemas can hold at once; use anyOf".to_owned();
    }
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    words.chars().take(REASON_CHARS).collect()
}

impl fmt::Debug for Grammars {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grammars").finish_non_exhaustive()
    }
}

impl fmt::Debug for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Constraint").finish_non_exhaustive()
    }
}
