//! The forward pass.

use super::tiny::{Tiny, VOCABULARY};
use crate::engine::device::Compute;
use crate::engine::model::kv::PageId;
use crate::engine::model::llama::{Llama, Shape, Span};
use crate::engine::model::weights::{Original, Weights};
use candle_core::Device;

const PAGES: u32 = 12;

fn model(compute: &Compute) -> Llama {
    take(&Tiny::new(), compute)
}

fn take(tiny: &Tiny, compute: &Compute) -> Llama {
    let dir = tempfile::tempdir().unwrap();
    let mut weights = Weights::load(&Original::File(tiny.write(dir.path())), None, |_| {}).unwrap();
    let shape = Shape::new(&weights.metadata, VOCABULARY).unwrap();
    Llama::take(&mut weights, &shape, PAGES, compute).unwrap()
}

/// A made-up text.
fn text(seed: u32, tokens: usize) -> Vec<u32> {
    (0..tokens as u32).map(|i| (i * 17 + seed * 31) % 250).collect()
}

/// The scores after all tokens, which are read in pieces of these sizes.
fn scores(llama: &mut Llama, tokens: &[u32], sizes: &[usize]) -> Vec<f32> {
    let pages = [1, 3, 0, 2];
    let (mut start, mut scores) = (0, Vec::new());
    for size in sizes {
        let piece = &tokens[start..start + size];
        let span = Span { tokens: piece, start, pages: &pages, wants_scores: start + size == tokens.len() };
        scores = llama.forward(&[span]).unwrap();
        start += size;
    }
    assert_eq!((start, scores.len()), (tokens.len(), 1));
    scores.remove(0)
}

/// The scores after each of six texts, the first tokens of which are read in one step and the others in the next.
fn together(llama: &mut Llama, texts: &[Vec<u32>]) -> Vec<Vec<f32>> {
    let pages: Vec<[PageId; 2]> = (0..6).map(|text| [text, PAGES - 1 - text]).collect();
    let mut spans: Vec<_> = texts
        .iter()
        .zip(&pages)
        .map(|(text, pages)| Span { tokens: &text[..4], start: 0, pages, wants_scores: false })
        .collect();
    assert_eq!(llama.forward(&spans).unwrap(), Vec::<Vec<f32>>::new());
    for (span, text) in spans.iter_mut().zip(texts) {
        *span = Span { tokens: &text[4..], start: 4, wants_scores: true, ..*span };
    }
    llama.forward(&spans).unwrap()
}

fn texts() -> Vec<Vec<u32>> {
    (0..6).map(|seed| text(seed, 10 + 9 * seed as usize)).collect()
}

/// The largest difference, as a share of the largest score.
fn difference(ours: &[f32], theirs: &[f32]) -> f32 {
    assert_eq!(ours.len(), theirs.len());
    let size = theirs.iter().fold(0.0_f32, |size, score| size.max(score.abs()));
    let furthest = ours.iter().zip(theirs).fold(0.0_f32, |most, (a, b)| most.max((a - b).abs()));
    assert!(furthest.is_finite());
    furthest / size
}

#[test]
fn the_split_of_a_prompt_changes_nothing() {
    let mut llama = model(&Compute::Processor);
    let tokens = text(1, 70);
    let whole = scores(&mut llama, &tokens, &[70]);
    assert_eq!(whole.len(), VOCABULARY);
    for sizes in [&[1; 70][..], &[5, 65], &[69, 1], &[1, 69], &[32, 32, 6], &[33, 37]] {
        assert_eq!(whole, scores(&mut llama, &tokens, sizes), "{sizes:?}");
    }
}

#[test]
fn what_else_is_in_a_step_changes_nothing() {
    let mut llama = model(&Compute::Processor);
    let texts = texts();
    let alone: Vec<_> = texts.iter().map(|text| scores(&mut llama, text, &[text.len()])).collect();
    assert_eq!(together(&mut llama, &texts), alone);
}

#[test]
fn order_matters() {
    let mut llama = model(&Compute::Processor);
    let mut of = |tokens: &[u32]| scores(&mut llama, tokens, &[4]);
    assert_ne!(of(&[1, 2, 3, 4]), of(&[2, 1, 3, 4]));
}

/// The code that runs on a GPU, on the device that is always there, beside ours.
fn both(tiny: &Tiny) -> [Llama; 2] {
    [Compute::Processor, Compute::Tensors(Device::Cpu)].map(|compute| take(tiny, &compute))
}

#[test]
fn by_the_librarys_operations_it_is_the_same_but_for_rounding() {
    // Both round what is multiplied to 8 bits, each in its own order.
    for (tiny, bound) in [(Tiny::new().exact(), 1e-3), (Tiny::new(), 0.05)] {
        let [mut ours, mut theirs] = both(&tiny);
        let tokens = text(1, 70);
        let expected = scores(&mut ours, &tokens, &[70]);
        for sizes in [&[70][..], &[1; 70], &[5, 65], &[69, 1], &[33, 37]] {
            let got = difference(&scores(&mut theirs, &tokens, sizes), &expected);
            assert!(got < bound, "{sizes:?}: {got}");
        }
        let apart = difference(&scores(&mut ours, &text(2, 70), &[70]), &expected);
        assert!(apart > 0.2, "texts that have nothing to do with each other differ by {apart}");
    }
}

#[test]
fn texts_of_any_lengths_are_one_step_of_the_librarys_operations() {
    let [mut ours, mut theirs] = both(&Tiny::new().exact());
    let texts = texts();
    let same = |got: Vec<Vec<f32>>, expected: Vec<Vec<f32>>| {
        assert_eq!(got.len(), expected.len());
        for (got, expected) in got.iter().zip(&expected) {
            let got = difference(got, expected);
            assert!(got < 1e-3, "{got}");
        }
    };
    same(together(&mut theirs, &texts), together(&mut ours, &texts));
    // Texts that generate, some of them of about the same length, beside one that is read.
    let pages: Vec<[PageId; 2]> = (0..6).map(|text| [text, PAGES - 1 - text]).collect();
    let numbered = texts.iter().zip(&pages).enumerate();
    let spans: Vec<_> = numbered
        .map(|(number, (text, pages))| {
            let rows = if number == 2 { 7 } else { 1 };
            Span { tokens: &text[..rows], start: text.len(), pages, wants_scores: number != 4 }
        })
        .collect();
    same(theirs.forward(&spans).unwrap(), ours.forward(&spans).unwrap());
}
