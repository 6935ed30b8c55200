//! Loading, requantising and keeping.

use super::tiny::Tiny;
use crate::engine::device::Compute;
use crate::engine::model::language::Language;
use crate::engine::model::llama::{Llama, Shape};
use crate::engine::model::weights::{Original, Weights};
use candle_core::quantized::GgmlDType;
use candle_core::quantized::gguf_file::Value;
use spillway_primitives::rng_from;
use std::fs;
use std::path::{Path, PathBuf};

fn load(file: &Path, cache: &Path) -> Weights {
    Weights::load(&Original::File(file.to_owned()), Some(cache), |_| {}).unwrap()
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
        Weights::load(&Original::File(file.clone()), None, |percent| seen.borrow_mut().push(percent))
            .unwrap();
        let seen = seen.into_inner();
        assert!(seen.is_sorted() && seen.last() <= Some(&100) && seen.len() > 10, "{seen:?}");
    }
}

/// Everything that is done to load a model.
fn loaded(file: &Path, cache: &Path) -> anyhow::Result<Llama> {
    let mut weights = Weights::load(&Original::File(file.to_owned()), Some(cache), |_| {})?;
    let language = Language::new(&weights.metadata)?;
    let shape = Shape::new(&weights.metadata, language.size())?;
    Llama::take(&mut weights, &shape, 1, &Compute::Processor)
}

/// The error in full.
fn error_of(file: &Path) -> String {
    let cache = tempfile::tempdir().unwrap();
    format!("{:#}", loaded(file, cache.path()).expect_err("the file was accepted"))
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
fn sizes_that_no_model_has() {
    let number = |key: &'static str, number: u32, expected: &str| {
        refuses(&Tiny::new().set(key, Value::U32(number)), expected);
    };
    number("llama.context_length", 0, "llama.context_length: expected 1 to 1048576, got 0");
    number("llama.context_length", u32::MAX, "llama.context_length: expected 1 to 1048576, got 4294967295");
    number("llama.block_count", u32::MAX, "llama.block_count: expected 1 to 4096, got 4294967295");
    number("llama.embedding_length", 0, "llama.embedding_length: expected 1 to 1048576, got 0");
    refuses(
        &Tiny::new().set("llama.attention.layer_norm_rms_epsilon", Value::F32(f32::NAN)),
        "llama.attention.layer_norm_rms_epsilon: expected a number above 0, got NaN",
    );
}

#[test]
fn a_tokenizer_that_does_not_fit() {
    let mut one_less = Tiny::new();
    for (key, value) in &mut one_less.metadata {
        if let ("tokenizer.ggml.tokens" | "tokenizer.ggml.token_type", Value::Array(values)) = (*key, value) {
            values.remove(7);
        }
    }
    let one_less = one_less.set("tokenizer.ggml.eos_token_id", Value::U32(259));
    refuses(&one_less, "token_embd.weight: expected 260 x 64, got [261, 64]");
    refuses(
        &Tiny::new().set("tokenizer.ggml.eos_token_id", Value::U32(261)),
        "tokenizer.ggml.eos_token_id: 261 is none of the 261 tokens",
    );
    refuses(
        &Tiny::new().set("tokenizer.ggml.merges", Value::Array(vec![Value::String("hello".to_owned())])),
        "the tokenizer: tokenizer.ggml.merges: expected two tokens with a space between them",
    );
}

#[test]
fn a_file_that_was_cut_is_refused_wherever_that_was() {
    let dir = tempfile::tempdir().unwrap();
    let whole = fs::read(Tiny::new().write(dir.path())).unwrap();
    let cut = dir.path().join("cut.gguf");
    for share in 0..100 {
        let length = whole.len() * share / 100;
        fs::write(&cut, &whole[..length]).unwrap();
        let error = error_of(&cut);
        assert!(error.contains("cut.gguf"), "{length} of {} bytes: {error}", whole.len());
    }
}

/// It loads, where only a weight is another, or it is refused.
#[test]
fn no_changed_byte_breaks_the_loading() {
    let dir = tempfile::tempdir().unwrap();
    let whole = fs::read(Tiny::new().write(dir.path())).unwrap();
    let file = dir.path().join("changed.gguf");
    let mut rng = rng_from(&[5]);
    // All but weights is at the beginning.
    let header = 9_000.min(whole.len());
    let mut refused = 0;
    for _ in 0..400 {
        let mut changed = whole.clone();
        for _ in 0..rng.usize(1..4) {
            changed[rng.usize(..header)] = rng.u8(..);
        }
        fs::write(&file, &changed).unwrap();
        if let Err(error) = loaded(&file, dir.path()) {
            assert!(!format!("{error:#}").is_empty());
            refused += 1;
        }
        for entry in fs::read_dir(dir.path()).unwrap() {
            fs::remove_file(entry.unwrap().path()).unwrap();
        }
    }
    assert!((1..400).contains(&refused), "{refused} of 400: changes that matter, and others, were tried");
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
