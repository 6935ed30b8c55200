//! What tokens see of those before them: shares of their values, on this processor's vector units.
//!
//! Each token is worked on by itself, whatever others are in the same step, so its result does not depend on them, bit for
//! bit. The loops are plain; what makes them fast is how keys and values lie ([`Memory`](crate::engine::model::kv::Memory))
//! and that they are compiled for the vector units that are there.

use super::parallel::each_chunk;
use crate::engine::model::kv::{Layer, PAGE_TOKENS};
use crate::engine::model::llama::span::Row;
use pulp::Arch;

/// The heads of a layer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Heads {
    /// Heads that ask.
    pub(super) asking: usize,
    /// Heads that are asked; each by the same number of those that ask.
    pub(super) asked: usize,
    /// Numbers of one.
    pub(super) size: usize,
}

impl Heads {
    const fn group(self) -> usize {
        self.asking / self.asked
    }
}

/// For each of the tokens `rows` what its heads see, beside each other: rows × asking heads × size. `query` lies head by
/// head (asking heads × rows × size); keys and values of the tokens themselves are in `layer` already.
pub(super) fn mix(query: &[f32], rows: &[Row<'_>], layer: &Layer, heads: Heads) -> Vec<f32> {
    let mut mixed = vec![0.0; rows.len() * heads.asking * heads.size];
    let arch = Arch::new();
    let one = |(at, out): (usize, &mut [f32])| {
        let (row, head) = (at / heads.asked, at % heads.asked);
        let Some(seen) = rows.get(row).copied() else { return };
        let first = head * heads.group();
        let of_head = |head: usize| {
            let from = (head * rows.len() + row) * heads.size;
            query.get(from..from + heads.size).unwrap_or_default()
        };
        let queries = (first..first + heads.group()).map(of_head);
        arch.dispatch(|| see(out, queries, seen, layer, head));
    };
    each_chunk(&mut mixed, heads.group() * heads.size, one);
    mixed
}

/// One token, and all heads that ask the same one.
#[inline(always)]
fn see<'a>(
    out: &mut [f32],
    queries: impl ExactSizeIterator<Item = &'a [f32]>,
    Row { pages, position }: Row<'_>,
    layer: &Layer,
    head: usize,
) {
    let seen = position + 1;
    let size = out.len() / queries.len().max(1);
    let scale = 1.0 / (size as f32).sqrt();
    let mut scores = vec![0.0; seen.next_multiple_of(PAGE_TOKENS)];
    for (query, out) in queries.zip(out.chunks_mut(size.max(1))) {
        for (scores, page) in scores.chunks_mut(PAGE_TOKENS).zip(pages) {
            let mut sums = [0.0_f32; PAGE_TOKENS];
            let (rows, _) = layer.keys(*page, head).as_chunks::<PAGE_TOKENS>();
            for (number, keys) in query.iter().zip(rows) {
                let number = number * scale;
                sums.iter_mut().zip(keys).for_each(|(sum, key)| *sum += number * key);
            }
            scores.copy_from_slice(&sums);
        }
        // What lies in a page behind this token is not its business.
        let (scores, _) = scores.split_at_mut(seen);
        into_shares(scores);
        for (shares, page) in scores.chunks(PAGE_TOKENS).zip(pages) {
            for (share, values) in shares.iter().zip(layer.values(*page, head).chunks_exact(size.max(1))) {
                out.iter_mut().zip(values).for_each(|(sum, value)| *sum += share * value);
            }
        }
    }
}

/// Softmax.
#[inline(always)]
fn into_shares(scores: &mut [f32]) {
    let most = scores.iter().fold(f32::NEG_INFINITY, |most, score| most.max(*score));
    let mut sum = 0.0;
    for score in scores.iter_mut() {
        *score = (*score - most).exp();
        sum += *score;
    }
    scores.iter_mut().for_each(|score| *score /= sum);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::model::kv::{Memory, Sizes};

    /// Made-up numbers between -1 and 1.
    fn number(seed: usize) -> f32 {
        (seed as f32 * 12.9898).sin()
    }

    #[test]
    fn it_is_attention_as_published() {
        const TOKENS: usize = 70;
        const SIZE: usize = 16;
        let heads = Heads { asking: 4, asked: 2, size: SIZE };
        let mut memory = Memory::new(Sizes { layers: 1, heads: 2, head_size: SIZE }, 4);
        let layer = memory.layers().next().unwrap();
        let pages = [3, 0, 2];
        let key = |token: usize, head: usize| -> Vec<f32> {
            (0..SIZE).map(|i| number(1 + i + 100 * head + 1_000 * token)).collect()
        };
        let value = |token: usize, head: usize| -> Vec<f32> {
            (0..SIZE).map(|i| number(7 + 3 * i + 100 * head + 1_000 * token)).collect()
        };
        for token in 0..TOKENS {
            for head in 0..2 {
                layer.write(&pages, token, head, &key(token, head), &value(token, head));
            }
        }
        let query: Vec<f32> = (0..4 * SIZE).map(|i| 3.0 * number(i + 5)).collect();
        let seen = 65;
        let mixed = mix(&query, &[Row { pages: &pages, position: seen - 1 }], layer, heads);
        for (head, mixed) in mixed.chunks(SIZE).enumerate() {
            let query = &query[head * SIZE..(head + 1) * SIZE];
            let dot = |token| -> f32 { query.iter().zip(key(token, head / 2)).map(|(q, k)| q * k).sum() };
            let weights: Vec<f32> = (0..seen).map(|token| (dot(token) / 4.0).exp()).collect();
            let total: f32 = weights.iter().sum();
            for (i, mixed) in mixed.iter().enumerate() {
                let sum: f32 = weights.iter().zip(0..).map(|(w, token)| w * value(token, head / 2)[i]).sum();
                assert!((sum / total - mixed).abs() < 1e-4, "{} of head {head}: {mixed}", sum / total);
            }
        }
    }
}
