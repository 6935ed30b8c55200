//! Work that is shared by the threads that compute.

use rayon::prelude::{IndexedParallelIterator, ParallelIterator, ParallelSliceMut};

/// Fills `numbers` in chunks of so many, each by itself. Where only one thread computes it is this one: to hand work to
/// another and wait would take longer than much of the work.
pub(super) fn each_chunk(numbers: &mut [f32], size: usize, fill: impl Fn((usize, &mut [f32])) + Sync + Send) {
    if rayon::current_num_threads() > 1 {
        numbers.par_chunks_mut(size).enumerate().for_each(fill);
    } else {
        numbers.chunks_mut(size).enumerate().for_each(fill);
    }
}
