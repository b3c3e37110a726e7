//! The only file of the crate with `unsafe`.
//!
//! Why: the masks of a block come out in a third of the time that the portable code needs, and a
//! small event as a whole in three quarters (`cargo xtask bench sse`).
//!
//! What has to hold: nothing here reads or writes through a pointer. The intrinsics take and give
//! values, and are unsafe to call only where the processor may lack SSE2; this file is compiled
//! only where the target has it. Since Rust 1.87 such calls are safe, and `unsafe` will go with
//! the support for older compilers.
#![allow(unsafe_code, unused_unsafe, reason = "see above")]

use core::arch::x86_64::{
    __m128i, _mm_cmpeq_epi8, _mm_movemask_epi8, _mm_or_si128, _mm_set_epi64x, _mm_set1_epi8,
};

/// A bit for each CR or LF.
#[inline]
pub(super) fn ends(block: &[u8; 64]) -> u64 {
    let mut mask = 0;
    for (index, half) in block.chunks_exact(16).enumerate() {
        mask |= u64::from(ends_of_16(half)) << (16 * index);
    }
    mask
}

#[inline]
fn ends_of_16(bytes: &[u8]) -> u16 {
    let word = |at: usize| {
        let mut word = [0; 8];
        word.copy_from_slice(&bytes[at..at + 8]);
        i64::from_le_bytes(word)
    };
    let (low, high) = (word(0), word(8));
    // SAFETY: the target has SSE2, which is all that these calls ask for.
    let mask = unsafe {
        let bytes: __m128i = _mm_set_epi64x(high, low);
        _mm_movemask_epi8(_mm_or_si128(
            _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x0A)),
            _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x0D)),
        ))
    };
    // One bit for each of 16 bytes.
    let [low, high, ..] = mask.to_le_bytes();
    u16::from_le_bytes([low, high])
}
