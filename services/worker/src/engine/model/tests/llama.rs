//! The forward pass.

use super::tiny::{Tiny, VOCABULARY};
use crate::engine::model::llama::{Cache, Llama, Shape};
use crate::engine::model::weights::Weights;

fn model() -> (Llama, Shape) {
    let dir = tempfile::tempdir().unwrap();
    let mut weights = Weights::load(&Tiny::new().write(dir.path()), None, |_| {}).unwrap();
    let shape = Shape::new(&weights.metadata, VOCABULARY).unwrap();
    (Llama::take(&mut weights, &shape).unwrap(), shape)
}

/// The scores after all tokens, which are fed in pieces of these sizes.
fn scores(llama: &Llama, cache: &mut Cache, tokens: &[u32], sizes: &[usize]) -> Vec<f32> {
    let mut rest = tokens;
    let mut scores = Vec::new();
    for size in sizes {
        let (piece, later) = rest.split_at(*size);
        scores = llama.forward(piece, cache).unwrap();
        rest = later;
    }
    assert!(rest.is_empty());
    scores
}

#[track_caller]
fn assert_near(a: &[f32], b: &[f32]) {
    let size = a.iter().fold(0.0_f32, |size, score| size.max(score.abs()));
    let difference = a.iter().zip(b).fold(0.0_f32, |difference, (a, b)| difference.max((a - b).abs()));
    assert!(difference <= 0.03 * size, "{difference} of {size}");
}

#[test]
fn the_split_of_a_prompt_does_not_matter() {
    let (llama, shape) = model();
    let tokens: Vec<u32> = (0..12).map(|i| i * 17 % 250).collect();
    let whole = scores(&llama, &mut Cache::new(&shape), &tokens, &[12]);
    assert_eq!(whole.len(), VOCABULARY);
    for sizes in [&[1; 12][..], &[5, 7], &[11, 1], &[1, 11], &[4, 4, 4]] {
        assert_near(&whole, &scores(&llama, &mut Cache::new(&shape), &tokens, sizes));
    }
}

#[test]
fn order_matters_and_a_cleared_cache_remembers_nothing() {
    let (llama, shape) = model();
    let mut cache = Cache::new(&shape);
    let first = scores(&llama, &mut cache, &[1, 2, 3, 4], &[4]);
    assert_eq!(cache.tokens(), 4);
    cache.clear();
    assert_eq!(cache.tokens(), 0);
    let swapped = scores(&llama, &mut cache, &[2, 1, 3, 4], &[4]);
    assert_ne!(first, swapped);
    cache.clear();
    assert_eq!(first, scores(&llama, &mut cache, &[1, 2, 3, 4], &[4]));
}
