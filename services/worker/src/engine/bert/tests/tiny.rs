//! A tiny model with random weights.

use candle_core::{Device, Tensor};
use serde_json::{Map, Value, json};
use spillway_primitives::{Rng, rng_from};
use std::collections::HashMap;
use std::fs;
use std::path::Path;

pub(super) const HIDDEN: usize = 32;
pub(super) const HEADS: usize = 4;
pub(super) const LAYERS: usize = 2;
pub(super) const EPSILON: f64 = 1e-12;
const FEED_FORWARD: usize = 48;
const POSITIONS: usize = 64;

/// Four that are no text, the letters, and the letters within words.
pub(super) const VOCABULARY: usize = 4 + 2 * 26;

/// Everything in the folder, to be changed before it is written.
pub(super) struct Tiny {
    pub(super) config: Value,
    pub(super) tokenizer: Value,
    pub(super) sentences: Option<Value>,
    pub(super) pooling: Option<Value>,
    pub(super) tensors: HashMap<String, Tensor>,
}

impl Tiny {
    pub(super) fn new() -> Self {
        Self {
            config: json!({
                "model_type": "bert",
                "hidden_act": "gelu",
                "hidden_size": HIDDEN,
                "num_attention_heads": HEADS,
                "num_hidden_layers": LAYERS,
                "intermediate_size": FEED_FORWARD,
                "max_position_embeddings": POSITIONS,
                "type_vocab_size": 2,
                "vocab_size": VOCABULARY,
                "layer_norm_eps": EPSILON,
            }),
            tokenizer: tokenizer(),
            sentences: Some(json!({"max_seq_length": 40})),
            pooling: Some(json!({"pooling_mode_cls_token": false, "pooling_mode_mean_tokens": true})),
            tensors: tensors(&mut rng_from(&[7])),
        }
    }

    /// With this in `config.json`; `null` takes it out.
    pub(super) fn set(mut self, key: &str, value: Value) -> Self {
        let config = self.config.as_object_mut().unwrap();
        if value.is_null() {
            config.remove(key)
        } else {
            config.insert(key.to_owned(), value)
        };
        self
    }

    /// With another tensor of that name.
    pub(super) fn tensor(mut self, name: &str, tensor: Tensor) -> Self {
        self.tensors.insert(name.to_owned(), tensor).expect("a tensor of the tiny model");
        self
    }

    pub(super) fn write(&self, folder: &Path) {
        let write = |name: &str, json: &Value| fs::write(folder.join(name), json.to_string()).unwrap();
        write("config.json", &self.config);
        write("tokenizer.json", &self.tokenizer);
        if let Some(sentences) = &self.sentences {
            write("sentence_bert_config.json", sentences);
        }
        if let Some(pooling) = &self.pooling {
            fs::create_dir_all(folder.join("1_Pooling")).unwrap();
            write("1_Pooling/config.json", pooling);
        }
        candle_core::safetensors::save(&self.tensors, folder.join("model.safetensors")).unwrap();
    }
}

fn tokenizer() -> Value {
    let letters = || ('a'..='z').map(|letter| letter.to_string());
    let within = letters().map(|letter| format!("##{letter}"));
    let special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"].map(str::to_owned);
    let words = special.into_iter().chain(letters()).chain(within).zip(0..);
    let vocabulary: Map<String, Value> = words.map(|(word, number)| (word, json!(number))).collect();
    let around = |name: &str, id: u32| json!({"id": name, "ids": [id], "tokens": [name]});
    let special = |name: &str| json!({"SpecialToken": {"id": name, "type_id": 0}});
    json!({
        "version": "1.0",
        // As real files have it, and as is not wanted here.
        "truncation": {"max_length": 5, "strategy": "LongestFirst", "stride": 0},
        "padding": {"strategy": {"Fixed": 5}, "direction": "Right", "pad_to_multiple_of": null, "pad_id": 0,
            "pad_type_id": 0, "pad_token": "[PAD]"},
        "added_tokens": [],
        "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
            "strip_accents": null, "lowercase": true},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [special("[CLS]"), {"Sequence": {"id": "A", "type_id": 0}}, special("[SEP]")],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {"[CLS]": around("[CLS]", 2), "[SEP]": around("[SEP]", 3)},
        },
        "decoder": null,
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100, "vocab": vocabulary},
    })
}

fn tensors(rng: &mut Rng) -> HashMap<String, Tensor> {
    let mut tensors = HashMap::new();
    let mut add = |name: &str, shape: &[usize]| {
        let numbers = (0..shape.iter().product()).map(|_| rng.f32() - 0.5).collect();
        tensors.insert(name.to_owned(), Tensor::from_vec(numbers, shape, &Device::Cpu).unwrap());
    };
    add("embeddings.word_embeddings.weight", &[VOCABULARY, HIDDEN]);
    add("embeddings.position_embeddings.weight", &[POSITIONS, HIDDEN]);
    add("embeddings.token_type_embeddings.weight", &[2, HIDDEN]);
    let mut pair = |name: &str, outputs: usize, inputs: Option<usize>| {
        let shape: Vec<usize> = [outputs].into_iter().chain(inputs).collect();
        add(&format!("{name}.weight"), &shape);
        add(&format!("{name}.bias"), &[outputs]);
    };
    pair("embeddings.LayerNorm", HIDDEN, None);
    for layer in 0..LAYERS {
        let name = |part: &str| format!("encoder.layer.{layer}.{part}");
        for part in
            ["attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"]
        {
            pair(&name(part), HIDDEN, Some(HIDDEN));
        }
        pair(&name("intermediate.dense"), FEED_FORWARD, Some(HIDDEN));
        pair(&name("output.dense"), HIDDEN, Some(FEED_FORWARD));
        pair(&name("attention.output.LayerNorm"), HIDDEN, None);
        pair(&name("output.LayerNorm"), HIDDEN, None);
    }
    tensors
}
