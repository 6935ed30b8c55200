//! Text to tokens: byte-level BPE with the vocabulary and the merges of the model's file.

use super::super::metadata::Metadata;
use super::vocabulary::Vocabulary;
use anyhow::{Context, Result, anyhow, bail};
use tokenizers::models::bpe::{BPE, Vocab};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::digits::Digits;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::{AddedToken, PreTokenizerWrapper, Tokenizer};

/// The tokenizer that a file describes.
pub(super) fn build(metadata: &Metadata, vocabulary: &Vocabulary) -> Result<Tokenizer> {
    let kind = metadata.text("tokenizer.ggml.model")?;
    if kind != "gpt2" {
        bail!("of the kinds of tokenizers only \"gpt2\" is served, got {kind:?}");
    }
    let merges: Option<Vec<_>> = metadata.texts("tokenizer.ggml.merges")?.into_iter().map(merge).collect();
    let merges = merges.context("tokenizer.ggml.merges: expected two tokens with a space between them")?;
    let words = vocabulary.written().map(|(written, number)| (written.to_owned(), number));
    let bpe = BPE::builder().vocab_and_merges(words.collect::<Vocab>(), merges);
    let mut tokenizer = Tokenizer::new(bpe.build().map_err(|error| anyhow!(error))?);
    tokenizer.with_pre_tokenizer(Some(pre_tokenizer(metadata.text("tokenizer.ggml.pre")?)?));
    let special = vocabulary.special().map(|written| AddedToken::from(written, true));
    tokenizer.add_special_tokens(special.collect::<Vec<_>>()).map_err(|error| anyhow!(error))?;
    Ok(tokenizer)
}

fn merge(line: &str) -> Option<(String, String)> {
    line.split_once(' ').map(|(left, right)| (left.to_owned(), right.to_owned()))
}

/// How text is cut before merging. Each model was trained with one way; another one would cost quality unseen.
fn pre_tokenizer(name: &str) -> Result<PreTokenizerWrapper> {
    let words = ByteLevel::new(false, true, true);
    match name {
        "gpt-2" => Ok(words.into()),
        // Each digit for itself.
        "smollm" => Ok(Sequence::new(vec![Digits::new(true).into(), words.into()]).into()),
        other => bail!("tokenizer.ggml.pre: expected \"gpt-2\" or \"smollm\", got {other:?}"),
    }
}
