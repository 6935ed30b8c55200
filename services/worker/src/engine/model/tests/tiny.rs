//! A tiny model with random weights.

use candle_core::quantized::gguf_file::{self, Value};
use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{Device, Tensor};
use spillway_primitives::{Rng, rng_from};
use std::fs::File;
use std::path::{Path, PathBuf};

pub(super) const HIDDEN: usize = 64;
pub(super) const FEED_FORWARD: usize = 96;
pub(super) const LAYERS: usize = 2;
pub(super) const CONTEXT: u32 = 96;
/// 256 bytes, two merges, three control tokens.
pub(super) const VOCABULARY: usize = 261;
/// The number of `<|end|>`.
pub(super) const END: u32 = 260;

const TEMPLATE: &str = "{% for message in messages %}
    {% if message['role'] == 'system' and not loop.first %}{{ raise_exception('the system speaks first') }}{% endif %}
{{ '<|start|>' + message['role'] + ':' + message['content'] + eos_token }}{% endfor %}
{% if add_generation_prompt %}{{ '<|start|>assistant:' }}{% endif %}";

/// Everything in the file, to be changed before it is written.
pub(super) struct Tiny {
    pub(super) metadata: Vec<(&'static str, Value)>,
    pub(super) tensors: Vec<(String, QTensor)>,
}

impl Tiny {
    pub(super) fn new() -> Self {
        Self { metadata: metadata(), tensors: tensors(&mut rng_from(&[11])) }
    }

    /// With weights of 32 bits, whose products are not rounded.
    pub(super) fn exact(mut self) -> Self {
        for (_, tensor) in &mut self.tensors {
            let plain = tensor.dequantize(&Device::Cpu).unwrap();
            *tensor = QTensor::quantize(&plain, GgmlDType::F32).unwrap();
        }
        self
    }

    pub(super) fn set(mut self, key: &str, value: Value) -> Self {
        let entry = self.metadata.iter_mut().find(|(name, _)| *name == key);
        entry.expect("a key of the tiny model").1 = value;
        self
    }

    pub(super) fn without(mut self, name: &str) -> Self {
        self.metadata.retain(|(key, _)| *key != name);
        self.tensors.retain(|(tensor, _)| tensor != name);
        self
    }

    pub(super) fn write(&self, directory: &Path) -> PathBuf {
        let path = directory.join("tiny.gguf");
        let metadata: Vec<_> = self.metadata.iter().map(|(key, value)| (*key, value)).collect();
        let tensors: Vec<_> = self.tensors.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect();
        gguf_file::write(&mut File::create(&path).unwrap(), &metadata, &tensors).unwrap();
        path
    }
}

fn metadata() -> Vec<(&'static str, Value)> {
    let texts = |texts: Vec<String>| Value::Array(texts.into_iter().map(Value::String).collect());
    let text = |text: &str| Value::String(text.to_owned());
    let kinds = (0..VOCABULARY).map(|token| Value::I32(if token < 258 { 1 } else { 3 })).collect();
    vec![
        ("general.architecture", text("llama")),
        ("llama.block_count", Value::U32(u32::try_from(LAYERS).unwrap())),
        ("llama.context_length", Value::U32(CONTEXT)),
        ("llama.embedding_length", Value::U32(u32::try_from(HIDDEN).unwrap())),
        ("llama.feed_forward_length", Value::U32(u32::try_from(FEED_FORWARD).unwrap())),
        ("llama.attention.head_count", Value::U32(4)),
        ("llama.attention.head_count_kv", Value::U32(2)),
        ("llama.attention.layer_norm_rms_epsilon", Value::F32(1e-5)),
        ("tokenizer.ggml.model", text("gpt2")),
        ("tokenizer.ggml.pre", text("smollm")),
        ("tokenizer.ggml.tokens", texts(tokens())),
        ("tokenizer.ggml.token_type", Value::Array(kinds)),
        ("tokenizer.ggml.merges", texts(vec!["h e".to_owned(), "he l".to_owned()])),
        ("tokenizer.ggml.bos_token_id", Value::U32(258)),
        ("tokenizer.ggml.eos_token_id", Value::U32(END)),
        ("tokenizer.chat_template", text(TEMPLATE)),
    ]
}

/// Each byte as the character that stands for it, in the order of the bytes.
fn tokens() -> Vec<String> {
    let mut others = (0x100..).filter_map(char::from_u32);
    let mut character = |byte: u8| match byte {
        b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff => char::from(byte),
        _ => others.next().unwrap(),
    };
    let mut tokens: Vec<String> = (0..=255).map(|byte| character(byte).to_string()).collect();
    tokens.extend(["he", "hel", "<|begin|>", "<|start|>", "<|end|>"].map(str::to_owned));
    tokens
}

fn tensors(rng: &mut Rng) -> Vec<(String, QTensor)> {
    let mut tensors = vec![
        ("token_embd.weight".to_owned(), random(rng, VOCABULARY, HIDDEN, GgmlDType::Q8_0)),
        ("output_norm.weight".to_owned(), ones()),
    ];
    for layer in 0..LAYERS {
        let mut add = |part: &str, tensor| tensors.push((format!("blk.{layer}.{part}.weight"), tensor));
        for (part, rows, columns) in [
            ("attn_q", HIDDEN, HIDDEN),
            ("attn_k", HIDDEN / 2, HIDDEN),
            ("attn_v", HIDDEN / 2, HIDDEN),
            ("attn_output", HIDDEN, HIDDEN),
            ("ffn_gate", FEED_FORWARD, HIDDEN),
            ("ffn_up", FEED_FORWARD, HIDDEN),
            ("ffn_down", HIDDEN, FEED_FORWARD),
        ] {
            add(part, random(rng, rows, columns, GgmlDType::Q4_1));
        }
        add("attn_norm", ones());
        add("ffn_norm", ones());
    }
    tensors
}

fn random(rng: &mut Rng, rows: usize, columns: usize, form: GgmlDType) -> QTensor {
    let values: Vec<f32> = (0..rows * columns).map(|_| rng.f32() - 0.5).collect();
    QTensor::quantize(&Tensor::from_vec(values, (rows, columns), &Device::Cpu).unwrap(), form).unwrap()
}

fn ones() -> QTensor {
    let ones = Tensor::ones(HIDDEN, candle_core::DType::F32, &Device::Cpu).unwrap();
    QTensor::quantize(&ones, GgmlDType::F32).unwrap()
}
