//! The innermost loop.
#![allow(
    unsafe_code,
    reason = "loads and stores of whole registers, and instructions that not every processor has"
)]

use super::TILE;
use super::input::Block;
use super::kernel::Kernel;
use super::tiles::{Scales, Weights};
use std::arch::x86_64::{
    __m512, __m512i, _mm256_loadu_si256, _mm512_cvtepi32_ps, _mm512_cvtph_ps, _mm512_dpbusd_epi32,
    _mm512_fmadd_ps, _mm512_loadu_si512, _mm512_mul_ps, _mm512_set1_epi32, _mm512_set1_ps, _mm512_setzero_ps,
    _mm512_storeu_ps,
};

/// What the processor must have for it, [`is_possible`](super::is_possible) asks for; whoever makes tiles has.
pub(super) struct Vnni;

impl Kernel for Vnni {
    fn rows<const ROWS: usize>(
        weights: &[Weights],
        scales: &[Scales],
        blocks: &[Block<ROWS>],
        out: &mut [f32],
    ) {
        // SAFETY: the processor has these instructions.
        unsafe { rows(weights, scales, blocks, out) }
    }
}

/// All sums of the rows stay in registers.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn rows<const ROWS: usize>(weights: &[Weights], scales: &[Scales], blocks: &[Block<ROWS>], out: &mut [f32]) {
    let mut sums = [_mm512_setzero_ps(); ROWS];
    for ((weights, scales), block) in weights.iter().zip(scales).zip(blocks) {
        let mut whole = [_mm512_set1_epi32(0); ROWS];
        for (whole, excess) in whole.iter_mut().zip(block.excess) {
            *whole = _mm512_set1_epi32(excess);
        }
        for (bytes, quads) in weights.iter().zip(&block.quads) {
            let bytes = load(bytes);
            for (whole, quad) in whole.iter_mut().zip(quads) {
                *whole = _mm512_dpbusd_epi32(*whole, bytes, _mm512_set1_epi32(*quad));
            }
        }
        let scales = load_scales(scales);
        for ((sum, whole), scale) in sums.iter_mut().zip(whole).zip(block.scales) {
            let worth = _mm512_mul_ps(scales, _mm512_set1_ps(scale));
            *sum = _mm512_fmadd_ps(_mm512_cvtepi32_ps(whole), worth, *sum);
        }
    }
    let (rows, _) = out.as_chunks_mut::<TILE>();
    for (out, sum) in rows.iter_mut().zip(sums) {
        // SAFETY: the place has exactly as many numbers as the register.
        unsafe { _mm512_storeu_ps(out.as_mut_ptr(), sum) };
    }
}

#[target_feature(enable = "avx512f")]
fn load(bytes: &[u8; 64]) -> __m512i {
    // SAFETY: as many bytes as the register has; they need not be aligned.
    unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) }
}

#[target_feature(enable = "avx512f")]
fn load_scales(scales: &Scales) -> __m512 {
    // SAFETY: as many bytes as half of the register has; they need not be aligned.
    _mm512_cvtph_ps(unsafe { _mm256_loadu_si256(scales.as_ptr().cast()) })
}
