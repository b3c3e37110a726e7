//! Where the lines of a chunk end.

#[cfg(any(test, not(all(target_arch = "x86_64", target_feature = "sse2"))))]
mod portable;
#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
mod sse2;

/// Blocks without an end after which the line is taken for a long one.
const LONG: usize = 4;

/// Finds each CR and LF of a chunk, in order. It looks at 64 bytes at once and remembers what it
/// saw there, since lines are short; in a long line it leaves the search to `memchr`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ends {
    /// The ends that are still to be told, as bits from `base`.
    mask: u64,
    base: usize,
    /// Where nothing was looked at yet.
    ahead: usize,
}

impl Ends {
    /// The next one, if the chunk has one more.
    #[inline]
    pub(super) fn next(&mut self, chunk: &[u8]) -> Option<usize> {
        if self.mask == 0 && !self.look(chunk) {
            return None;
        }
        let bit = self.mask.trailing_zeros() as usize;
        self.mask &= self.mask - 1;
        Some(self.base + bit)
    }

    #[inline]
    fn look(&mut self, chunk: &[u8]) -> bool {
        for _ in 0..LONG {
            let rest = &chunk[self.ahead..];
            self.base = self.ahead;
            let Some(block) = rest.first_chunk() else {
                self.mask = last(rest);
                self.ahead = chunk.len();
                return self.mask != 0;
            };
            self.ahead += 64;
            self.mask = ends(block);
            if self.mask != 0 {
                return true;
            }
        }
        *self = look_far(chunk, self.ahead);
        self.mask != 0
    }
}

#[cold]
fn look_far(chunk: &[u8], from: usize) -> Ends {
    let rest = &chunk[from..];
    let base = from + memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
    let rest = &chunk[base..];
    Ends {
        mask: rest.first_chunk().map_or_else(|| last(rest), ends),
        base,
        ahead: base + rest.len().min(64),
    }
}

/// A bit for each CR or LF.
#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
use self::sse2::ends;

#[cfg(not(all(target_arch = "x86_64", target_feature = "sse2")))]
use self::portable::ends;

/// The same for the less than 64 bytes at the end of a chunk.
#[inline]
fn last(rest: &[u8]) -> u64 {
    if rest.len() > 16 {
        let mut block = [0; 64];
        block[..rest.len()].copy_from_slice(rest);
        return ends(&block);
    }
    // A few loads, which may overlap, are faster than a byte after another.
    if let (Some(first), Some(last)) = (rest.first_chunk(), rest.last_chunk()) {
        return ends_of_8(u64::from_le_bytes(*first))
            | ends_of_8(u64::from_le_bytes(*last)) << (rest.len() - 8);
    }
    if let (Some(first), Some(last)) = (rest.first_chunk(), rest.last_chunk()) {
        let last = u64::from(u32::from_le_bytes(*last));
        let word = u64::from(u32::from_le_bytes(*first)) | last << (8 * (rest.len() - 4));
        return ends_of_8(word);
    }
    match *rest {
        [] => 0,
        [a] => ends_of_8(u64::from(a)),
        [a, b] => ends_of_8(u64::from(a) | u64::from(b) << 8),
        [a, b, c, ..] => ends_of_8(u64::from(a) | u64::from(b) << 8 | u64::from(c) << 16),
    }
}

#[inline]
fn ends_of_8(word: u64) -> u64 {
    const LOW: u64 = 0x0101_0101_0101_0101;
    const REST: u64 = 0x7F * LOW;
    // The highest bit of each byte that is not zero.
    let not_zero = |word: u64| ((word & REST) + REST) | word;
    let others = not_zero(word ^ (LOW * 0x0A)) & not_zero(word ^ (LOW * 0x0D));
    ((!others >> 7) & LOW).wrapping_mul(0x0102_0408_1020_4080) >> 56
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::Ends;

    #[test]
    fn each_end_is_found_once_at_every_place() {
        for length in [0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 63, 64, 65, 200, 600] {
            for step in [1, 2, 5, 31, 64, 127, 450] {
                for (offset, end) in [(0, b'\n'), (3, b'\r')] {
                    let mut chunk = std::vec![0x8A; length];
                    let want: Vec<usize> = (offset..length).step_by(step).collect();
                    for at in &want {
                        chunk[*at] = end;
                    }
                    let mut ends = Ends::default();
                    let found: Vec<usize> = core::iter::from_fn(|| ends.next(&chunk)).collect();
                    assert_eq!(found, want, "{length} by {step}");
                    assert_eq!(ends.next(&chunk), None);
                }
            }
        }
    }

    #[test]
    fn both_ways_to_look_at_a_block_agree() {
        let mut block = [b'x'; 64];
        for first in 0..64 {
            for second in 0..64 {
                block[first] = b'\n';
                block[second] = b'\r';
                let want = 1 << first | 1 << second;
                assert_eq!(super::ends(&block), want);
                assert_eq!(super::portable::ends(&block), want);
                block[first] = 0x0A | 0x80;
                block[second] = 0x0D | 0x80;
            }
        }
    }

    #[test]
    fn no_other_byte_is_an_end() {
        let chunk: Vec<u8> = (0..=255).collect();
        let mut ends = Ends::default();
        let found: Vec<usize> = core::iter::from_fn(|| ends.next(&chunk)).collect();
        assert_eq!(found, [10, 13]);
    }
}
