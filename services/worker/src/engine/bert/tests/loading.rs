//! Folders that hold no model, or not a whole one.

use super::tiny::{HIDDEN, Tiny, VOCABULARY};
use crate::engine::bert::{Bert, Config, weights_bytes};
use crate::metrics::Metrics;
use candle_core::{DType, Device, Tensor};
use serde_json::{Value, json};
use spillway_primitives::rng_from;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// What ends an engine for that folder.
fn error_of(folder: &Path) -> Option<String> {
    let config = Config {
        folder: folder.to_owned(),
        queue: 1,
        max_request_tokens: 100,
        step_limit: Duration::from_secs(30),
    };
    let (bert, failure) = Bert::start(config, Arc::new(Metrics::default())).unwrap();
    let is_ready = async {
        while bert.ready.get().is_none() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let ended = async {
        tokio::select! {
            error = failure.reason() => Some(format!("{error:#}")),
            () = is_ready => None,
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let bounded = async { tokio::time::timeout(Duration::from_secs(30), ended).await };
    let error = runtime.block_on(bounded).expect("it neither loads nor fails");
    assert!(!error.as_ref().is_some_and(|error| error.contains("broke down")), "{error:?}");
    error
}

/// The folder is refused: what is said after its name.
#[track_caller]
fn says(folder: &Path, file: &str, expected: &str) {
    let error = error_of(folder).expect("it was accepted");
    let path = folder.join(file);
    let beginning = format!("the embedding model in {} cannot be loaded: ", folder.display());
    let rest = error.strip_prefix(&beginning).unwrap_or_else(|| panic!("{error}"));
    let expected = expected.replace("FILE", &path.display().to_string());
    assert!(rest.starts_with(&expected), "{rest}\n{expected}");
}

#[track_caller]
fn refuses(tiny: &Tiny, file: &str, expected: &str) {
    let dir = tempfile::tempdir().unwrap();
    tiny.write(dir.path());
    says(dir.path(), file, expected);
}

fn written(tiny: &Tiny) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    tiny.write(dir.path());
    let file = dir.path().join("model.safetensors");
    (dir, file)
}

#[test]
fn what_is_whole_loads_and_says_what_it_takes() {
    let (dir, file) = written(&Tiny::new());
    assert_eq!(error_of(dir.path()), None);
    let in_file: usize = Tiny::new().tensors.values().map(|tensor| tensor.elem_count() * 4).sum();
    // The two kinds of sentences are not kept: one is added to the places.
    assert_eq!(weights_bytes(dir.path()).unwrap(), u64::try_from(in_file - 2 * HIDDEN * 4).unwrap());

    let mut tiny = Tiny::new();
    tiny.sentences = None;
    tiny.pooling = None;
    tiny.tensors = tiny.tensors.drain().map(|(name, tensor)| (format!("bert.{name}"), tensor)).collect();
    fs::remove_file(file).unwrap();
    let (dir, _) = written(&tiny);
    assert_eq!(
        error_of(dir.path()),
        None,
        "names may begin with bert., and what is not needed may be absent"
    );
}

#[test]
fn files_that_are_not_there() {
    for (file, expected) in [
        ("config.json", "there is no FILE"),
        ("tokenizer.json", "cannot read FILE: No such file"),
        ("model.safetensors", "cannot read FILE: No such file"),
    ] {
        let (dir, _) = written(&Tiny::new());
        fs::remove_file(dir.path().join(file)).unwrap();
        says(dir.path(), file, expected);
    }
    let dir = tempfile::tempdir().unwrap();
    says(&dir.path().join("nowhere"), "config.json", "there is no FILE");
}

#[test]
fn configurations_of_other_models() {
    let config = |key: &str, value: Value, expected: &str| {
        refuses(&Tiny::new().set(key, value), "config.json", &format!("FILE: {expected}"));
    };
    config("model_type", json!("roberta"), "model_type: expected \"bert\", got \"roberta\"");
    config("model_type", Value::Null, "model_type: expected \"bert\", got none");
    config("hidden_act", json!("relu"), "hidden_act: expected \"gelu\", got \"relu\"");
    config(
        "position_embedding_type",
        json!("relative_key"),
        "position_embedding_type: expected \"absolute\", got \"relative_key\"",
    );
    config("hidden_size", json!(0), "hidden_size: expected 1 to 65536, got 0");
    config("hidden_size", json!("wide"), "hidden_size: expected 1 to 65536, got \"wide\"");
    config("hidden_size", Value::Null, "hidden_size: expected a number, got none");
    config("num_attention_heads", json!(5), "32 numbers of hidden_size cannot be shared by 5 heads");
    config(
        "num_hidden_layers",
        json!(u64::MAX),
        "num_hidden_layers: expected 1 to 1024, got 18446744073709551615",
    );
    config("vocab_size", json!(-1), "vocab_size: expected 1 to 16777216, got -1");
    config("layer_norm_eps", json!(0), "layer_norm_eps: expected a number between 0 and 1, got 0");
    let (dir, _) = written(&Tiny::new());
    for (text, expected) in
        [("{\"model_type\":", "FILE is not JSON: EOF"), ("[1]", "FILE: expected a JSON object")]
    {
        fs::write(dir.path().join("config.json"), text).unwrap();
        says(dir.path(), "config.json", expected);
    }
}

#[test]
fn other_ways_to_make_a_vector_and_lengths_that_no_text_can_have() {
    let pooling = |modes: Value, got: &str| {
        let mut tiny = Tiny::new();
        tiny.pooling = Some(modes);
        let expected = format!("FILE: expected pooling_mode_mean_tokens alone to be true, got {got}");
        refuses(&tiny, "1_Pooling/config.json", &expected);
    };
    pooling(json!({"pooling_mode_cls_token": true}), "[\"pooling_mode_cls_token\"]");
    pooling(json!({}), "[]");
    for (length, got) in [(65, "65"), (0, "0")] {
        let mut tiny = Tiny::new();
        tiny.sentences = Some(json!({"max_seq_length": length}));
        let expected = format!("FILE: max_seq_length: expected 1 to 64, got {got}");
        refuses(&tiny, "sentence_bert_config.json", &expected);
    }
}

#[test]
fn a_tokenizer_that_does_not_fit() {
    let mut larger = Tiny::new();
    larger.tokenizer["model"]["vocab"]["zebra"] = json!(VOCABULARY);
    refuses(&larger, "tokenizer.json", "FILE: it has the token 56, and the model has vectors for 0 to 55");
    let mut around = Tiny::new();
    around.tokenizer["post_processor"]["special_tokens"]["[SEP]"]["ids"] = json!([70]);
    refuses(&around, "tokenizer.json", "FILE: it has the token 70, and the model has vectors for 0 to 55");
    let mut added = Tiny::new();
    added.tokenizer["added_tokens"] = json!([{"id": 56, "content": "<new>", "single_word": false, "lstrip": false,
        "rstrip": false, "normalized": false, "special": false}]);
    refuses(&added, "tokenizer.json", "FILE: it has the token 56, and the model has vectors for 0 to 55");
    let mut strange = Tiny::new();
    strange.tokenizer = json!({"version": "1.0"});
    refuses(&strange, "tokenizer.json", "FILE: ");
}

#[test]
fn tensors_that_are_not_what_they_should_be() {
    let name = "encoder.layer.1.output.dense.weight";
    let zeros = |shape: &[usize], kind| Tensor::zeros(shape, kind, &Device::Cpu).unwrap();
    let tensor = |tensor: Tensor, expected: &str| {
        let expected = format!("FILE: {name}: {expected}");
        refuses(&Tiny::new().tensor(name, tensor), "model.safetensors", &expected);
    };
    tensor(zeros(&[48, 32], DType::F32), "expected the shape [32, 48], got [48, 32]");
    tensor(zeros(&[32], DType::F32), "expected the shape [32, 48], got [32]");
    tensor(zeros(&[32, 48], DType::I64), "expected F32, F16 or BF16, got I64");
    tensor((zeros(&[32, 48], DType::F32) / 0.0).unwrap(), "expected finite numbers, got others");
    let mut without = Tiny::new();
    without.tensors.remove(name);
    refuses(&without, "model.safetensors", &format!("FILE: it has no tensor {name}"));
    refuses(
        &Tiny::new().set("vocab_size", json!(57)),
        "model.safetensors",
        "FILE: embeddings.word_embeddings.weight: expected the shape [57, 32], got [56, 32]",
    );
    // Norms that make everything zero leave no direction.
    let mut nowhere = Tiny::new();
    for (name, tensor) in &mut nowhere.tensors {
        if name.starts_with("encoder.layer.1.output.LayerNorm") {
            *tensor = tensor.zeros_like().unwrap();
        }
    }
    refuses(&nowhere, "model.safetensors", "FILE: the model gave a vector without a direction");
}

#[test]
fn weights_in_half_as_many_bits_are_read() {
    let mut tiny = Tiny::new();
    for tensor in tiny.tensors.values_mut() {
        *tensor = tensor.to_dtype(DType::F16).unwrap();
    }
    let (dir, _) = written(&tiny);
    assert_eq!(error_of(dir.path()), None);
}

#[test]
fn a_file_that_was_cut_is_refused_wherever_that_was() {
    let (dir, file) = written(&Tiny::new());
    let whole = fs::read(&file).unwrap();
    for share in 0..50 {
        fs::write(&file, &whole[..whole.len() * share / 50]).unwrap();
        says(dir.path(), "model.safetensors", "FILE: it is no safetensors file, or not whole: ");
    }
}

/// It loads, where only a weight is another, or it is refused.
#[test]
fn no_changed_byte_breaks_the_loading() {
    let (dir, file) = written(&Tiny::new());
    let whole = fs::read(&file).unwrap();
    let header = 8 + usize::try_from(u64::from_le_bytes(whole[..8].try_into().unwrap())).unwrap();
    let mut rng = rng_from(&[9]);
    let mut refused = 0;
    for round in 0..300 {
        let mut changed = whole.clone();
        let end = if round % 3 == 0 { whole.len() } else { header };
        for _ in 0..rng.usize(1..4) {
            changed[rng.usize(..end)] = rng.u8(..);
        }
        fs::write(&file, &changed).unwrap();
        if let Some(error) = error_of(dir.path()) {
            assert!(error.contains("model.safetensors"), "{error}");
            refused += 1;
        }
    }
    assert!((1..300).contains(&refused), "{refused} of 300: changes that matter, and others, were tried");
}
