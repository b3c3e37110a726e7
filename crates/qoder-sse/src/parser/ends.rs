//! The search for line ends in a chunk.

#[cfg(any(test, not(all(target_arch = "x86_64", target_feature = "sse2"))))]
mod portable;
#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
mod sse2;

/// Blocks without an end after which the line is taken for a long one.
const LONG: usize = 4;

/// The first CR or LF from a place on. It looks at 64 bytes at once, since lines are short; in a
/// long line it leaves the search to `memchr`.
#[inline]
pub(super) fn line_end(chunk: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    for _ in 0..LONG {
        let rest = chunk.get(at..)?;
        let Some(block) = rest.first_chunk() else {
            let mask = last(chunk, at);
            return (mask != 0).then(|| at + mask.trailing_zeros() as usize);
        };
        let mask = ends(block);
        if mask != 0 {
            return Some(at + mask.trailing_zeros() as usize);
        }
        at += 64;
    }
    far(chunk, at)
}

/// The same where the line is likely to be short.
#[inline]
pub(super) fn short_line_end(chunk: &[u8], from: usize) -> Option<usize> {
    if let Some(block) = chunk.get(from..)?.first_chunk() {
        let mask = ends_of_32(block);
        if mask != 0 {
            return Some(from + mask.trailing_zeros() as usize);
        }
    }
    longer(chunk, from)
}

#[inline(never)]
fn longer(chunk: &[u8], from: usize) -> Option<usize> {
    line_end(chunk, from)
}

/// The same in a line that is known to be long.
#[inline(never)]
pub(super) fn far(chunk: &[u8], from: usize) -> Option<usize> {
    memchr::memchr2(b'\n', b'\r', chunk.get(from..)?).map(|end| from + end)
}

/// A bit for each CR or LF.
#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
pub(super) use self::sse2::{ask_for, same_of_32};
#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
use self::sse2::{ends, ends_of_32};

#[cfg(not(all(target_arch = "x86_64", target_feature = "sse2")))]
pub(super) use self::portable::{ask_for, same_of_32};
#[cfg(not(all(target_arch = "x86_64", target_feature = "sse2")))]
use self::portable::{ends, ends_of_32};

/// The same for the less than 64 bytes at the end of a chunk, from a place on.
#[inline]
fn last(chunk: &[u8], from: usize) -> u64 {
    let rest = &chunk[from..];
    if rest.len() > 16 {
        if let Some(block) = chunk.last_chunk() {
            return ends(block) >> (64 - rest.len());
        }
        let mut block = [0; 64];
        block[..rest.len()].copy_from_slice(rest);
        return ends(&block);
    }
    if let (Some(first), Some(last)) = (rest.first_chunk(), rest.last_chunk()) {
        return ends_of_8(u64::from_le_bytes(*first))
            | ends_of_8(u64::from_le_bytes(*last)) << (rest.len() - 8);
    }
    ends_of_8(word(rest))
}

/// At most eight bytes as a number, with zeros behind them. A few loads, which may overlap, are
/// faster than a byte after another.
#[inline]
pub(super) fn word(few: &[u8]) -> u64 {
    if let Some(all) = few.first_chunk() {
        return u64::from_le_bytes(*all);
    }
    if let (Some(first), Some(last)) = (few.first_chunk(), few.last_chunk()) {
        let last = u64::from(u32::from_le_bytes(*last));
        return u64::from(u32::from_le_bytes(*first)) | last << (8 * (few.len() - 4));
    }
    match *few {
        [] => 0,
        [a] => u64::from(a),
        [a, b] => u64::from(a) | u64::from(b) << 8,
        [a, b, c, ..] => u64::from(a) | u64::from(b) << 8 | u64::from(c) << 16,
    }
}

/// Whether one of the eight bytes is a CR or LF.
#[inline]
pub(super) fn has_end(word: u64) -> bool {
    const LOW: u64 = 0x0101_0101_0101_0101;
    let has_zero = |word: u64| word.wrapping_sub(LOW) & !word & (0x80 * LOW);
    has_zero(word ^ (0x0A * LOW)) | has_zero(word ^ (0x0D * LOW)) != 0
}

/// A bit for each of the eight bytes that is a CR or LF.
#[inline]
pub(super) fn ends_of_8(word: u64) -> u64 {
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

    use super::{line_end, same_of_32, short_line_end};

    /// Both ways to look, which have to agree.
    fn all(chunk: &[u8]) -> Vec<usize> {
        let mut from = 0;
        let mut found = Vec::new();
        loop {
            let end = line_end(chunk, from);
            assert_eq!(short_line_end(chunk, from), end);
            let Some(end) = end else { return found };
            found.push(end);
            from = end + 1;
        }
    }

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
                    assert_eq!(all(&chunk), want, "{length} by {step}");
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
                let half = block.first_chunk().unwrap();
                let want = u32::try_from(want & 0xFFFF_FFFF).unwrap();
                assert_eq!(super::ends_of_32(half), want);
                assert_eq!(super::portable::ends_of_32(half), want);
                block[first] = 0x0A | 0x80;
                block[second] = 0x0D | 0x80;
            }
        }
    }

    #[test]
    fn both_ways_to_compare_agree() {
        let (a, mut b) = ([b'x'; 32], [b'y'; 32]);
        for first in 0..32 {
            for second in 0..32 {
                b[first] = b'x';
                b[second] = b'x';
                let want = 1 << first | 1 << second;
                assert_eq!(same_of_32(&a, &b), want);
                assert_eq!(super::portable::same_of_32(&a, &b), want);
                b[first] = b'x' | 0x80;
                b[second] = b'x' | 0x80;
            }
        }
    }

    #[test]
    fn no_other_byte_is_an_end() {
        let chunk: Vec<u8> = (0..=255).collect();
        assert_eq!(all(&chunk), [10, 13]);
    }
}
