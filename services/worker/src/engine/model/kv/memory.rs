//! The numbers of all pages.
//!
//! Keys lie dimension by dimension, values token by token: so what a query is multiplied with, and what the shares add up,
//! are both rows of numbers that lie beside each other. They have 16 bits: what is remembered of many texts is more than
//! caches hold, so how long a step takes is how much of it is read.

use super::{PAGE_TOKENS, PageId};
use half::f16;
use half::vec::HalfBitsVecExt;

/// How much a token takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Sizes {
    pub(in super::super) layers: usize,
    /// Heads that have keys and values.
    pub(in super::super) heads: usize,
    pub(in super::super) head_size: usize,
}

impl Sizes {
    /// Bytes of a page.
    pub(in super::super) const fn page_bytes(self) -> usize {
        2 * self.layers * self.page_numbers() * size_of::<f16>()
    }

    /// Numbers of a page in one layer: its keys, or its values.
    const fn page_numbers(self) -> usize {
        self.heads * self.head_numbers()
    }

    /// Numbers of one head of that.
    const fn head_numbers(self) -> usize {
        self.head_size * PAGE_TOKENS
    }
}

/// Keys and values of all pages.
#[derive(Debug)]
pub(in super::super) struct Memory {
    layers: Vec<Layer>,
}

/// The part of one layer.
#[derive(Debug)]
pub(in super::super) struct Layer {
    sizes: Sizes,
    keys: Vec<f16>,
    values: Vec<f16>,
}

impl Memory {
    /// For so many pages. The system gives the memory when it is first written to.
    pub(in super::super) fn new(sizes: Sizes, pages: u32) -> Self {
        let numbers = sizes.page_numbers() * pages as usize;
        let layer = || Layer { sizes, keys: blank(numbers), values: blank(numbers) };
        Self { layers: (0..sizes.layers).map(|_| layer()).collect() }
    }

    pub(in super::super) fn layers(&mut self) -> impl Iterator<Item = &mut Layer> {
        self.layers.iter_mut()
    }
}

impl Layer {
    /// Writes what a head has for the token at `position` of a text with these pages: `key` and `value`, a number for each
    /// dimension.
    pub(in super::super) fn write(
        &mut self,
        pages: &[PageId],
        position: usize,
        head: usize,
        key: &[f32],
        value: &[f32],
    ) {
        let Some(page) = pages.get(position / PAGE_TOKENS) else { return };
        let (from, at) = (self.start(*page, head), position % PAGE_TOKENS);
        let Self { sizes, keys, values } = self;
        let column = keys.get_mut(from..).unwrap_or_default().iter_mut().skip(at).step_by(PAGE_TOKENS);
        column.zip(key).for_each(|(cell, number)| *cell = remembered(*number));
        let row = values.get_mut(from + at * sizes.head_size..).unwrap_or_default();
        row.iter_mut().zip(value).for_each(|(cell, number)| *cell = remembered(*number));
    }

    /// Keys of a head in a page: for each dimension a row with a number for each token.
    pub(in super::super) fn keys(&self, page: PageId, head: usize) -> &[f16] {
        let from = self.start(page, head);
        self.keys.get(from..from + self.sizes.head_numbers()).unwrap_or_default()
    }

    /// Values of a head in a page: for each token a row with a number for each dimension.
    pub(in super::super) fn values(&self, page: PageId, head: usize) -> &[f16] {
        let from = self.start(page, head);
        self.values.get(from..from + self.sizes.head_numbers()).unwrap_or_default()
    }

    fn start(&self, page: PageId, head: usize) -> usize {
        page as usize * self.sizes.page_numbers() + head * self.sizes.head_numbers()
    }
}

/// So many zeros that take no memory yet: asked for as whole numbers, whose zeros the allocator has. Those of other types would be
/// written.
fn blank(numbers: usize) -> Vec<f16> {
    vec![0_u16; numbers].reinterpret_into()
}

/// With 16 bits; what is larger than these can be is as large as they can be.
fn remembered(number: f32) -> f16 {
    f16::from_f32(number.clamp(f16::MIN.to_f32_const(), f16::MAX.to_f32_const()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_lies_where_it_is_read() {
        let sizes = Sizes { layers: 1, heads: 2, head_size: 4 };
        assert_eq!(sizes.page_bytes(), 2 * 2 * 4 * 32 * 2);
        let mut memory = Memory::new(sizes, 3);
        let layer = memory.layers().next().unwrap();
        let pages = [2, 0];
        layer.write(&pages, 33, 1, &[1.0, 2.0, 3.0, 4.0], &[5.0, 6.0, 7.0, 8e9]);
        let read = |page, head| {
            let numbers = layer.keys(page, head).iter().chain(layer.values(page, head));
            numbers.map(|number| number.to_f32()).collect::<Vec<_>>()
        };
        let keys: Vec<_> = read(0, 1).chunks(PAGE_TOKENS).take(4).map(|row| row[1]).collect();
        assert_eq!(keys, [1.0, 2.0, 3.0, 4.0]);
        let values = read(0, 1).split_off(4 * PAGE_TOKENS);
        assert_eq!(values[4..8], [5.0, 6.0, 7.0, 65504.0], "8e9 is too large for 16 bits");
        for (page, head) in [(0, 0), (1, 1), (2, 1)] {
            assert!(read(page, head).iter().all(|number| *number == 0.0));
        }
    }
}
