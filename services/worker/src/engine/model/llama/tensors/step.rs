//! What all layers need to know of a step, brought to the device once.

use crate::engine::model::kv::{PAGE_TOKENS, PageId};
use crate::engine::model::llama::Span;
use crate::engine::model::llama::rope::{Positions, Rope};
use candle_core::{Device, Result, Tensor};
use std::collections::BTreeMap;

/// The tokens of a step, group by group.
#[derive(Debug)]
pub(super) struct Step {
    /// On the processor, where the embeddings are.
    pub(super) tokens: Tensor,
    pub(super) positions: Positions,
    /// Where the keys and values of each token are put, once for each of its numbers.
    pub(super) places: Tensor,
    pub(super) groups: Vec<Group>,
    /// The rows after which scores are wanted, in the order of the spans. `None` if there are none.
    pub(super) wanted: Option<Tensor>,
}

/// Texts that are worked on in one product: they read the same number of tokens, and what they see is padded to one length.
#[derive(Debug)]
pub(super) struct Group {
    /// The first of its rows.
    pub(super) first: usize,
    pub(super) texts: usize,
    /// Tokens that each text reads.
    pub(super) rows: usize,
    /// Tokens that each text sees, its own among them, with padding.
    pub(super) length: usize,
    /// The places of those, text after text.
    pub(super) seen: Tensor,
    /// Texts × 1 × rows × length: 0 where a token sees one, minus infinity where it does not.
    pub(super) mask: Tensor,
}

/// A span, and the how many-th it is.
type Numbered<'a> = (usize, Span<'a>);

impl Step {
    /// `width` numbers are remembered of each token.
    pub(super) fn new(spans: &[Span<'_>], rope: &Rope, width: usize, device: &Device) -> Result<Self> {
        let grouped = grouped(spans);
        let ordered = || grouped.iter().flatten().map(|(_, span)| span);
        let tokens: Vec<u32> = ordered().flat_map(|span| span.tokens).copied().collect();
        let positions = ordered().flat_map(|span| span.rows()).map(|row| row.position);
        let places: Vec<u32> =
            ordered().flat_map(|span| span.rows()).map(|row| place(row.pages, row.position)).collect();
        let places = Tensor::new(places.as_slice(), device)?.unsqueeze(1)?;
        let mut first = 0;
        let groups = grouped.iter().map(|members| {
            let group = Group::new(first, members, device)?;
            first += group.texts * group.rows;
            Ok(group)
        });
        let groups = groups.collect::<Result<_>>()?;
        let wanted = wanted(&grouped);
        Ok(Self {
            positions: rope.at(positions)?,
            places: places.broadcast_as((tokens.len(), width))?.contiguous()?,
            tokens: Tensor::new(tokens.as_slice(), &Device::Cpu)?,
            groups,
            wanted: if wanted.is_empty() { None } else { Some(Tensor::new(wanted.as_slice(), device)?) },
        })
    }
}

impl Group {
    fn new(first: usize, members: &[Numbered<'_>], device: &Device) -> Result<Self> {
        let ends = || members.iter().map(|(_, span)| span.start + span.tokens.len());
        let (length, rows) = (ends().max().unwrap_or(0), rows_of(members));
        let (mut seen, mut mask) = (Vec::new(), Vec::new());
        for (_, span) in members {
            let end = span.start + span.tokens.len();
            // Whatever is at the padding's place is masked.
            seen.extend((0..length).map(|position| place(span.pages, position.min(end - 1))));
            for row in span.rows() {
                mask.extend((0..length).map(|at| if at <= row.position { 0.0 } else { f32::NEG_INFINITY }));
            }
        }
        Ok(Self {
            first,
            texts: members.len(),
            rows,
            length,
            seen: Tensor::new(seen.as_slice(), device)?,
            mask: Tensor::from_vec(mask, (members.len(), 1, rows, length), device)?,
        })
    }
}

/// By how many tokens they read, and by how many pages they see to the next power of two: so no more than half of what is
/// gathered is padding.
fn grouped<'a>(spans: &[Span<'a>]) -> Vec<Vec<Numbered<'a>>> {
    let mut groups: BTreeMap<_, Vec<Numbered<'a>>> = BTreeMap::new();
    for (number, span) in spans.iter().enumerate() {
        let rows = span.tokens.len();
        let pages = (span.start + rows).div_ceil(PAGE_TOKENS).next_power_of_two();
        groups.entry((rows, pages)).or_default().push((number, *span));
    }
    groups.into_values().collect()
}

fn rows_of(members: &[Numbered<'_>]) -> usize {
    members.first().map_or(0, |(_, span)| span.tokens.len())
}

/// The last row of each span that wants scores, in the order of the spans.
fn wanted(grouped: &[Vec<Numbered<'_>>]) -> Vec<u32> {
    let mut end = 0;
    let mut wanted = BTreeMap::new();
    for (number, span) in grouped.iter().flatten() {
        end += span.tokens.len();
        if span.wants_scores {
            wanted.insert(*number, u32::try_from(end.saturating_sub(1)).unwrap_or(u32::MAX));
        }
    }
    wanted.into_values().collect()
}

/// The row of a token in the memory.
fn place(pages: &[PageId], position: usize) -> u32 {
    let page = pages.get(position / PAGE_TOKENS).copied().unwrap_or_default();
    page * (PAGE_TOKENS as u32) + (position % PAGE_TOKENS) as u32
}
