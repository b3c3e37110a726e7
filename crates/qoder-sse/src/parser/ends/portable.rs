/// A bit for each CR or LF. The comparison is one that compilers turn into vector instructions.
#[inline]
pub(super) fn ends(block: &[u8; 64]) -> u64 {
    let mut hits = [0; 64];
    for (hit, byte) in hits.iter_mut().zip(block) {
        *hit = u8::from(*byte == b'\n') | u8::from(*byte == b'\r');
    }
    bits(&hits)
}

/// The same of 32 bytes.
#[inline]
pub(super) fn ends_of_32(block: &[u8; 32]) -> u32 {
    let mut hits = [0; 32];
    for (hit, byte) in hits.iter_mut().zip(block) {
        *hit = u8::from(*byte == b'\n') | u8::from(*byte == b'\r');
    }
    half(&hits)
}

/// A bit for each byte that is the same in both.
#[inline]
pub(in crate::parser) fn same_of_32(a: &[u8; 32], b: &[u8; 32]) -> u32 {
    let mut hits = [0; 32];
    for (hit, (a, b)) in hits.iter_mut().zip(a.iter().zip(b)) {
        *hit = u8::from(a == b);
    }
    half(&hits)
}

/// A hint, which there is no portable way to give.
#[cfg(not(all(target_arch = "x86_64", target_feature = "sse2")))]
#[inline]
pub(in crate::parser) fn ask_for(_: &[u8]) {}

#[inline]
fn half(hits: &[u8; 32]) -> u32 {
    let [a, b, c, d, ..] = bits(hits).to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

/// The lowest bits of up to 64 bytes: the multiplication brings those of eight bytes together.
#[inline]
fn bits(hits: &[u8]) -> u64 {
    let mut mask = 0;
    for (index, word) in hits.chunks_exact(8).enumerate() {
        let word = u64::from_le_bytes([
            word[0], word[1], word[2], word[3], word[4], word[5], word[6], word[7],
        ]);
        mask |= (word.wrapping_mul(0x0102_0408_1020_4080) >> 56) << (8 * index);
    }
    mask
}
