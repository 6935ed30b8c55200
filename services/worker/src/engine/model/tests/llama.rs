//! The forward pass.

use super::tiny::{Tiny, VOCABULARY};
use crate::engine::model::kv::{Memory, PageId};
use crate::engine::model::llama::{Llama, Shape, Span};
use crate::engine::model::weights::{Original, Weights};

fn model() -> (Llama, Shape) {
    let dir = tempfile::tempdir().unwrap();
    let mut weights = Weights::load(&Original::File(Tiny::new().write(dir.path())), None, |_| {}).unwrap();
    let shape = Shape::new(&weights.metadata, VOCABULARY).unwrap();
    (Llama::take(&mut weights, &shape).unwrap(), shape)
}

/// A made-up text.
fn text(seed: u32, tokens: usize) -> Vec<u32> {
    (0..tokens as u32).map(|i| (i * 17 + seed * 31) % 250).collect()
}

/// The scores after all tokens, which are read in pieces of these sizes.
fn scores(llama: &Llama, shape: &Shape, tokens: &[u32], sizes: &[usize]) -> Vec<f32> {
    let mut memory = Memory::new(shape.kv_sizes(), 4);
    let pages = [1, 3, 0, 2];
    let (mut start, mut scores) = (0, Vec::new());
    for size in sizes {
        let piece = &tokens[start..start + size];
        let span = Span { tokens: piece, start, pages: &pages, wants_scores: start + size == tokens.len() };
        scores = llama.forward(&[span], &mut memory).unwrap();
        start += size;
    }
    assert_eq!((start, scores.len()), (tokens.len(), 1));
    scores.remove(0)
}

#[test]
fn the_split_of_a_prompt_changes_nothing() {
    let (llama, shape) = model();
    let tokens = text(1, 70);
    let whole = scores(&llama, &shape, &tokens, &[70]);
    assert_eq!(whole.len(), VOCABULARY);
    for sizes in [&[1; 70][..], &[5, 65], &[69, 1], &[1, 69], &[32, 32, 6], &[33, 37]] {
        assert_eq!(whole, scores(&llama, &shape, &tokens, sizes), "{sizes:?}");
    }
}

#[test]
fn what_else_is_in_a_step_changes_nothing() {
    let (llama, shape) = model();
    let texts: Vec<_> = (0..6).map(|seed| text(seed, 10 + 9 * seed as usize)).collect();
    let alone: Vec<_> = texts.iter().map(|text| scores(&llama, &shape, text, &[text.len()])).collect();
    let mut memory = Memory::new(shape.kv_sizes(), 12);
    let pages: Vec<[PageId; 2]> = (0..6).map(|text| [text, 11 - text]).collect();
    let mut spans: Vec<_> = texts
        .iter()
        .zip(&pages)
        .map(|(text, pages)| Span { tokens: &text[..4], start: 0, pages, wants_scores: false })
        .collect();
    assert_eq!(llama.forward(&spans, &mut memory).unwrap(), Vec::<Vec<f32>>::new());
    for (span, text) in spans.iter_mut().zip(&texts) {
        *span = Span { tokens: &text[4..], start: 4, wants_scores: true, ..*span };
    }
    assert_eq!(llama.forward(&spans, &mut memory).unwrap(), alone);
}

#[test]
fn order_matters() {
    let (llama, shape) = model();
    let of = |tokens: &[u32]| scores(&llama, &shape, tokens, &[4]);
    assert_ne!(of(&[1, 2, 3, 4]), of(&[2, 1, 3, 4]));
}
