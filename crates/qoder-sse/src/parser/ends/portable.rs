/// A bit for each CR or LF. The comparison is one that compilers turn into vector instructions;
/// the multiplication brings the lowest bits of eight bytes together.
#[inline]
pub(super) fn ends(block: &[u8; 64]) -> u64 {
    let mut hits = [0; 64];
    for (hit, byte) in hits.iter_mut().zip(block) {
        *hit = u8::from(*byte == b'\n') | u8::from(*byte == b'\r');
    }
    let mut mask = 0;
    for (index, word) in hits.chunks_exact(8).enumerate() {
        let word = u64::from_le_bytes([
            word[0], word[1], word[2], word[3], word[4], word[5], word[6], word[7],
        ]);
        mask |= (word.wrapping_mul(0x0102_0408_1020_4080) >> 56) << (8 * index);
    }
    mask
}
