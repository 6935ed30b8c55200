//! Loading, requantising and keeping.

use super::tiny::Tiny;
use crate::engine::model::language::Language;
use crate::engine::model::llama::{Llama, Shape};
use crate::engine::model::weights::Weights;
use candle_core::quantized::GgmlDType;
use candle_core::quantized::gguf_file::Value;
use std::fs;
use std::path::{Path, PathBuf};

fn load(file: &Path, cache: &Path) -> Weights {
    Weights::load(file, Some(cache), |_| {}).unwrap()
}

fn kept_model(cache: &Path) -> PathBuf {
    let files = fs::read_dir(cache).unwrap().map(|entry| entry.unwrap().path());
    let mut models: Vec<_> =
        files.filter(|path| path.extension().is_some_and(|ending| ending == "gguf")).collect();
    assert_eq!(models.len(), 1, "{models:?}");
    models.remove(0)
}

#[test]
fn a_model_is_requantised_once_and_kept() {
    let dir = tempfile::tempdir().unwrap();
    let file = Tiny::new().write(dir.path());
    let cache = dir.path().join("cache");
    let part = "blk.0.ffn_up.weight";

    let mut first = load(&file, &cache);
    let kept = kept_model(&cache);
    let written = fs::read(&kept).unwrap();
    let mut second = load(&file, &cache);
    let (first, second) = (first.take(part).unwrap(), second.take(part).unwrap());
    assert_eq!((first.dtype(), second.dtype()), (GgmlDType::Q8_0, GgmlDType::Q8_0));
    assert_eq!(first.data().unwrap(), second.data().unwrap());

    let mut damaged = written.clone();
    *damaged.last_mut().unwrap() ^= 1;
    damaged[40] ^= 1;
    fs::write(&kept, &damaged).unwrap();
    let third = load(&file, &cache).take(part).unwrap();
    assert_eq!(first.data().unwrap(), third.data().unwrap(), "a damaged file is not used");
    assert_eq!(fs::read(&kept).unwrap(), written, "it is made again, byte by byte the same");
}

#[test]
fn a_directory_that_cannot_be_written_costs_time_only() {
    let dir = tempfile::tempdir().unwrap();
    let file = Tiny::new().write(dir.path());
    let no_directory = dir.path().join("a file");
    fs::write(&no_directory, "").unwrap();
    let mut weights = load(&file, &no_directory);
    assert_eq!(weights.take("blk.0.ffn_up.weight").unwrap().dtype(), GgmlDType::Q8_0);
}

#[test]
fn progress_goes_up() {
    let dir = tempfile::tempdir().unwrap();
    let file = Tiny::new().write(dir.path());
    for _ in 0..2 {
        let seen = std::cell::RefCell::new(Vec::new());
        Weights::load(&file, None, |percent| seen.borrow_mut().push(percent)).unwrap();
        let seen = seen.into_inner();
        assert!(seen.is_sorted() && seen.last() <= Some(&100) && seen.len() > 10, "{seen:?}");
    }
}

/// Everything that is done to load a model; the error in full.
fn error_of(file: &Path) -> String {
    let load = || {
        let mut weights = Weights::load(file, None, |_| {})?;
        let language = Language::new(&weights.metadata)?;
        let shape = Shape::new(&weights.metadata, language.size())?;
        Llama::take(&mut weights, &shape)
    };
    format!("{:#}", load().expect_err("the file was accepted"))
}

#[track_caller]
fn refuses(tiny: &Tiny, expected: &str) {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(error_of(&tiny.write(dir.path())), expected);
}

#[test]
fn files_that_are_refused() {
    let text = |text: &str| Value::String(text.to_owned());
    refuses(
        &Tiny::new().set("general.architecture", text("gpt2")),
        "of the architectures only \"llama\" is served, got \"gpt2\"",
    );
    refuses(&Tiny::new().without("llama.block_count"), "the model's file has no llama.block_count");
    refuses(
        &Tiny::new().without("blk.1.ffn_up.weight"),
        "the model's file has no tensor blk.1.ffn_up.weight",
    );
    refuses(
        &Tiny::new().set("llama.feed_forward_length", Value::U32(128)),
        "blk.0.ffn_gate.weight: expected 128 x 64, got [96, 64]",
    );
    refuses(&Tiny::new().set("llama.attention.head_count", Value::U32(5)), "64 cannot be shared by 5 heads");
    refuses(
        &Tiny::new().set("tokenizer.ggml.pre", text("new")),
        "the tokenizer: tokenizer.ggml.pre: expected \"gpt-2\" or \"smollm\", got \"new\"",
    );
    refuses(
        &Tiny::new().set("tokenizer.ggml.model", text("spm")),
        "the tokenizer: of the kinds of tokenizers only \"gpt2\" is served, got \"spm\"",
    );
    refuses(
        &Tiny::new().set("tokenizer.chat_template", text("{% if %}")),
        "the chat template: syntax error: unexpected end of block (in chat:1)",
    );
}

#[test]
fn a_file_that_is_no_model_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("notes.txt");
    let error = error_of(&file);
    assert!(error.starts_with(&format!("cannot read {}: No such file", file.display())), "{error}");
    fs::write(&file, "these are notes, and no model").unwrap();
    let error = error_of(&file);
    assert!(error.starts_with(&format!("{} is no GGUF file: ", file.display())), "{error}");
}
