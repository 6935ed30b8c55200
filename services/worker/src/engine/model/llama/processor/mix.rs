//! What tokens see of those before them: shares of their values, on this processor's vector units.
//!
//! Each token is worked on by itself, whatever others are in the same step, so its result does not depend on them, bit for
//! bit. The loops are plain; what makes them fast is how keys and values lie ([`Memory`](crate::engine::model::kv::Memory))
//! and that they are compiled for the vector units that are there.

use super::parallel::each_chunk;
use super::shares::into_shares;
use crate::engine::model::kv::{Layer, PAGE_TOKENS};
use crate::engine::model::llama::span::Row;
use half::f16;
use pulp::{Arch, NullaryFnOnce};

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
        let queries: Vec<_> = (first..first + heads.group()).map(of_head).collect();
        arch.dispatch(See { out, queries: &queries, seen: Seen { row: seen, layer, head } });
    };
    each_chunk(&mut mixed, heads.group() * heads.size, one);
    mixed
}

/// What a token sees of one head that is asked.
struct Seen<'a> {
    row: Row<'a>,
    layer: &'a Layer,
    head: usize,
}

/// What is compiled for the vector units. A closure would be a function of its own, compiled for any processor.
struct See<'a> {
    out: &'a mut [f32],
    queries: &'a [&'a [f32]],
    seen: Seen<'a>,
}

impl NullaryFnOnce for See<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        see(self.out, self.queries, &self.seen);
    }
}

/// One token, and all heads that ask the same one: a few of them together. What is loaded of keys and values serves these, and
/// their sums do not wait for each other.
#[inline(always)]
fn see(out: &mut [f32], queries: &[&[f32]], seen: &Seen<'_>) {
    const TOGETHER: usize = 4;
    let size = out.len() / queries.len().max(1);
    for (queries, out) in queries.chunks(TOGETHER).zip(out.chunks_mut((TOGETHER * size).max(1))) {
        match *queries {
            [a, b, c, d] => see_with([a, b, c, d], out, seen),
            [a, b, c] => see_with([a, b, c], out, seen),
            [a, b] => see_with([a, b], out, seen),
            [a] => see_with([a], out, seen),
            _ => {}
        }
    }
}

/// The same for so many heads that ask: `out` is heads × size.
#[inline(always)]
fn see_with<const HEADS: usize>(queries: [&[f32]; HEADS], out: &mut [f32], seen: &Seen<'_>) {
    let Seen { row: Row { pages, position }, layer, head } = *seen;
    let size = out.len() / HEADS;
    let numbers = scaled(queries, 1.0 / (size as f32).sqrt());
    let tokens = position + 1;
    let mut room = vec![0.0; size * PAGE_TOKENS];
    let mut scores = queries.map(|_| Vec::with_capacity(tokens.next_multiple_of(PAGE_TOKENS)));
    for page in pages.iter().take(tokens.div_ceil(PAGE_TOKENS)) {
        let sums = products(&numbers, widen(layer.keys(*page, head), &mut room));
        scores.iter_mut().zip(sums).for_each(|(scores, sums)| scores.extend_from_slice(&sums));
    }
    // What lies in a page behind this token is not its business.
    scores.iter_mut().for_each(|scores| into_shares(scores, tokens));
    for (at, page) in pages.iter().take(tokens.div_ceil(PAGE_TOKENS)).enumerate() {
        let from = at * PAGE_TOKENS;
        let mut shares = [[0.0; HEADS]; PAGE_TOKENS];
        for (head, scores) in scores.iter().enumerate() {
            let cells = shares.iter_mut().filter_map(|shares| shares.get_mut(head));
            cells.zip(scores.iter().skip(from)).for_each(|(cell, share)| *cell = *share);
        }
        // What lies behind this token is left out, and not multiplied by 0.
        let shares = shares.get(..PAGE_TOKENS.min(tokens - from)).unwrap_or_default();
        add_up(out, size, shares, widen(layer.values(*page, head), &mut room));
    }
}

/// The queries dimension by dimension, each number times `scale`.
#[inline(always)]
fn scaled<const HEADS: usize>(queries: [&[f32]; HEADS], scale: f32) -> Vec<[f32; HEADS]> {
    let size = queries.first().map_or(0, |query| query.len());
    let mut numbers = vec![[0.0; HEADS]; size];
    for (head, query) in queries.into_iter().enumerate() {
        let cells = numbers.iter_mut().filter_map(|numbers| numbers.get_mut(head));
        cells.zip(query).for_each(|(cell, number)| *cell = number * scale);
    }
    numbers
}

/// Numbers of 16 bits as such of 32. They are finite, so an exponent that is larger by the difference of the two forms' is all.
/// The library's function takes eight at a time and is a call for these.
#[inline(always)]
fn widen<'a>(numbers: &[f16], room: &'a mut [f32]) -> &'a [f32] {
    const EXPONENT: f32 = 5.192_297e33;
    for (wide, number) in room.iter_mut().zip(numbers) {
        let bits = u32::from(number.to_bits());
        let size = f32::from_bits((bits & 0x7fff) << 13) * EXPONENT;
        *wide = f32::from_bits(size.to_bits() | (bits & 0x8000) << 16);
    }
    room
}

/// The products of each query with the keys of a page.
#[inline(always)]
fn products<const HEADS: usize>(numbers: &[[f32; HEADS]], keys: &[f32]) -> [[f32; PAGE_TOKENS]; HEADS] {
    let mut sums = [[0.0; PAGE_TOKENS]; HEADS];
    let (rows, _) = keys.as_chunks::<PAGE_TOKENS>();
    for (numbers, keys) in numbers.iter().zip(rows) {
        for (sums, number) in sums.iter_mut().zip(numbers) {
            sums.iter_mut().zip(keys).for_each(|(sum, key)| *sum += number * key);
        }
    }
    sums
}

/// Adds shares of the values of a page to `out`, heads × size.
#[inline(always)]
fn add_up<const HEADS: usize>(out: &mut [f32], size: usize, shares: &[[f32; HEADS]], values: &[f32]) {
    let whole = size - size % LANES;
    for from in (0..whole).step_by(LANES) {
        add_up_lanes(out, size, from, shares, values);
    }
    if whole < size {
        for (shares, values) in shares.iter().zip(values.chunks_exact(size)) {
            for (share, out) in shares.iter().zip(out.chunks_exact_mut(size)) {
                let rest = out.iter_mut().zip(values).skip(whole);
                rest.for_each(|(sum, value)| *sum += share * value);
            }
        }
    }
}

/// Dimensions whose sums stay in registers from token to token.
const LANES: usize = 32;

/// The same for the dimensions from `from` on.
#[inline(always)]
fn add_up_lanes<const HEADS: usize>(
    out: &mut [f32],
    size: usize,
    from: usize,
    shares: &[[f32; HEADS]],
    values: &[f32],
) {
    let mut sums = [[0.0; LANES]; HEADS];
    let lanes = |row: &[f32]| row.get(from..).and_then(|row| row.first_chunk::<LANES>()).copied();
    for (sums, out) in sums.iter_mut().zip(out.chunks_exact(size)) {
        *sums = lanes(out).unwrap_or(*sums);
    }
    for (shares, values) in shares.iter().zip(values.chunks_exact(size)) {
        let Some(values) = lanes(values) else { return };
        for (sums, share) in sums.iter_mut().zip(shares) {
            for (sum, value) in sums.iter_mut().zip(&values) {
                *sum += share * value;
            }
        }
    }
    for (sums, out) in sums.iter().zip(out.chunks_exact_mut(size)) {
        if let Some(out) = out.get_mut(from..).and_then(|out| out.first_chunk_mut()) {
            *out = *sums;
        }
    }
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
    fn numbers_of_16_bits_stay_what_they_are() {
        let all: Vec<f16> = (0..=u16::MAX).map(f16::from_bits).filter(|number| number.is_finite()).collect();
        let mut room = vec![0.0; all.len()];
        let wide = widen(&all, &mut room).iter().map(|number| number.to_bits());
        assert!(wide.eq(all.iter().map(|number| number.to_f32().to_bits())));
    }

    #[test]
    fn it_is_attention_as_published() {
        for (asking, asked, size) in [(4, 2, 16), (9, 3, 64), (5, 1, 40), (8, 1, 8), (2, 2, 96)] {
            is_as_published(Heads { asking, asked, size });
        }
    }

    fn is_as_published(heads: Heads) {
        const TOKENS: usize = 70;
        let Heads { asking, asked, size } = heads;
        let mut memory = Memory::new(Sizes { layers: 1, heads: asked, head_size: size }, 4);
        let layer = memory.layers().next().unwrap();
        let pages = [3, 0, 2];
        let key = |token: usize, head: usize| -> Vec<f32> {
            (0..size).map(|i| number(1 + i + 100 * head + 1_000 * token)).collect()
        };
        let value = |token: usize, head: usize| -> Vec<f32> {
            (0..size).map(|i| number(7 + 3 * i + 100 * head + 1_000 * token)).collect()
        };
        for token in 0..TOKENS {
            for head in 0..asked {
                layer.write(&pages, token, head, &key(token, head), &value(token, head));
            }
        }
        let query: Vec<f32> = (0..asking * size).map(|i| 3.0 * number(i + 5)).collect();
        let seen = 65;
        let mixed = mix(&query, &[Row { pages: &pages, position: seen - 1 }], layer, heads);
        for (head, mixed) in mixed.chunks(size).enumerate() {
            let query = &query[head * size..(head + 1) * size];
            let of = head / heads.group();
            let dot = |token| -> f32 { query.iter().zip(key(token, of)).map(|(q, k)| q * k).sum() };
            let scores: Vec<f32> = (0..seen).map(|token| dot(token) / (size as f32).sqrt()).collect();
            let most = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let weights: Vec<f32> = scores.iter().map(|score| (score - most).exp()).collect();
            let total: f32 = weights.iter().sum();
            for (i, mixed) in mixed.iter().enumerate() {
                let sum: f32 = weights.iter().zip(0..).map(|(w, token)| w * value(token, of)[i]).sum();
                assert!(
                    (sum / total - mixed).abs() < 2e-3,
                    "{heads:?}, head {head}: {mixed}, {}",
                    sum / total
                );
            }
        }
    }
}
