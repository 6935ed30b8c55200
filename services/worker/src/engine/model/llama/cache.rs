//! What a model remembers of the tokens it has seen: keys and values of each layer.

use super::shape::Shape;
use candle_nn::kv_cache::KvCache;

/// Memory is taken for this many tokens at a time.
const STEP_TOKENS: usize = 256;

/// The memory of one text.
#[derive(Debug)]
pub(in super::super) struct Cache {
    layers: Vec<KvCache>,
    tokens: usize,
}

impl Cache {
    pub(in super::super) fn new(shape: &Shape) -> Self {
        // The second dimension of 1 × heads × positions × head size grows.
        let layers = (0..shape.layers).map(|_| KvCache::new(2, STEP_TOKENS)).collect();
        Self { layers, tokens: 0 }
    }

    /// How many tokens it holds.
    pub(in super::super) fn tokens(&self) -> usize {
        self.tokens
    }

    /// Forgets everything and keeps the memory.
    pub(in super::super) fn clear(&mut self) {
        self.layers.iter_mut().for_each(KvCache::reset);
        self.tokens = 0;
    }

    pub(super) fn layers(&mut self) -> impl Iterator<Item = &mut KvCache> {
        self.layers.iter_mut()
    }

    pub(super) fn advance(&mut self, tokens: usize) {
        self.tokens += tokens;
    }
}
