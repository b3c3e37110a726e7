//! The only file of the crate with `unsafe`.
//!
//! Why: the masks of a block come out in a third of the time that the portable code needs, and a
//! small event as a whole in three quarters (`cargo xtask bench sse`). One that is not in the cache
//! is read in four fifths of the time when its bytes were asked for before.
//!
//! What has to hold: nothing here reads or writes through a pointer. The intrinsics take and give
//! values, but for the address of a hint, and are unsafe to call only where the processor may lack SSE2;
//! this file is compiled only where the target has it. Since Rust 1.87 such calls are safe, and when older
//! compilers are not supported any more, what stays is the conversion of 16 bytes in `load`, and the hint.
#![allow(unsafe_code, unused_unsafe, reason = "see above")]

use core::arch::x86_64::{
    __m128i, _MM_HINT_T0, _mm_cmpeq_epi8, _mm_movemask_epi8, _mm_or_si128, _mm_prefetch,
    _mm_set1_epi8,
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

/// A bit for each CR or LF.
#[inline]
pub(super) fn ends_of_32(block: &[u8; 32]) -> u32 {
    u32::from(ends_of_16(&block[..16])) | u32::from(ends_of_16(&block[16..])) << 16
}

/// A bit for each byte that is the same in both.
#[inline]
pub(in crate::parser) fn same_of_32(a: &[u8; 32], b: &[u8; 32]) -> u32 {
    u32::from(same_of_16(&a[..16], &b[..16])) | u32::from(same_of_16(&a[16..], &b[16..])) << 16
}

/// Asks for bytes that will be read soon, so that they are on their way from memory by then.
#[inline]
pub(in crate::parser) fn ask_for(bytes: &[u8]) {
    for line in bytes.chunks(64) {
        // SAFETY: see above; any address would do.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(line.as_ptr().cast()) };
    }
}

#[inline]
fn same_of_16(a: &[u8], b: &[u8]) -> u16 {
    let (a, b) = (load(a), load(b));
    // SAFETY: see above.
    bits(unsafe { _mm_movemask_epi8(_mm_cmpeq_epi8(a, b)) })
}

#[inline]
fn ends_of_16(bytes: &[u8]) -> u16 {
    let bytes = load(bytes);
    // SAFETY: see above.
    bits(unsafe {
        _mm_movemask_epi8(_mm_or_si128(
            _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x0A)),
            _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x0D)),
        ))
    })
}

#[inline]
fn load(bytes: &[u8]) -> __m128i {
    let mut block = [0; 16];
    block.copy_from_slice(bytes);
    // SAFETY: both types have 16 bytes, and any bytes are a value of either.
    unsafe { core::mem::transmute::<[u8; 16], __m128i>(block) }
}

/// One bit for each of 16 bytes.
#[inline]
fn bits(mask: i32) -> u16 {
    let [low, high, ..] = mask.to_le_bytes();
    u16::from_le_bytes([low, high])
}
