//! Products with weights of 8 bits, on processors with AVX-512 VNNI.
//!
//! A row of inputs is quantised like the weights are: 8 bits and a scale for each 32 numbers. What is added up within such a
//! block are whole numbers, so it is exact; across blocks each row adds up by itself, in the same order whatever other rows
//! there are. What it buys is in `docs/adr/0016-texts-are-worked-on-together.md`.

#[cfg(test)]
mod checked;
mod input;
mod kernel;
#[cfg(any(test, not(target_arch = "x86_64")))]
mod plain;
mod tiles;
#[cfg(target_arch = "x86_64")]
mod vnni;

#[cfg(target_arch = "x86_64")]
use vnni::Vnni as Native;

/// Elsewhere there is only the plain form, and nobody asks for it: [`is_possible`] says no.
#[cfg(not(target_arch = "x86_64"))]
use plain::Plain as Native;

pub(super) use input::Quantised;
pub(super) use tiles::Tiles;

/// Inputs that share a scale.
const BLOCK: usize = 32;
/// Outputs that are worked on together: as many as fit into a register.
const TILE: usize = 16;
/// Inputs that an instruction takes at once, for each output.
const QUAD: usize = 4;
/// Of those there are so many in a block.
const QUADS: usize = BLOCK / QUAD;

/// Whether this processor can.
#[cfg(target_arch = "x86_64")]
pub(super) fn is_possible() -> bool {
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vnni")
}

/// Whether this processor can.
#[cfg(not(target_arch = "x86_64"))]
pub(super) fn is_possible() -> bool {
    false
}
