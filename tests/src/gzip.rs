//! Gzip (RFC 1952) written by hand, for servers that get it wrong.

/// These bytes as a member that is stored and not compressed.
pub fn stored(content: &[u8]) -> Vec<u8> {
    let mut out = HEAD.to_vec();
    let length = u16::try_from(content.len()).unwrap_or(u16::MAX);
    out.push(1);
    out.extend(length.to_le_bytes());
    out.extend((!length).to_le_bytes());
    out.extend(content);
    out.extend(crc(content).to_le_bytes());
    out.extend(u32::from(length).to_le_bytes());
    out
}

/// The beginning of a member, with `data: x`, and what goes on with it for ever: each time, 13
/// bytes that are 2064 of `x`.
pub fn bomb() -> (Vec<u8>, [u8; 13]) {
    // A block that is stored, and not the last.
    let mut first = HEAD.to_vec();
    first.extend([0, 6, 0, !6, !0]);
    first.extend(b"data: ");
    // A block with the fixed codes of RFC 1951, section 3.2.6, of which this is not the last: an
    // `x`, then "again the last byte, 258 times".
    let mut bits = vec![0, 1, 0];
    bits.extend([1, 0, 1, 0, 1, 0, 0, 0]);
    let again = [1, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0];
    while bits.len() < 13 * 8 {
        bits.extend(again);
    }
    let mut rest = [0; 13];
    let byte = |bits: &[u8]| bits.iter().rev().fold(0, |byte, bit| byte << 1 | bit);
    first.extend((0..13).map(|n| byte(&bits[8 * n..8 * n + 8])));
    // The beginning ends within a code: the rest goes on there.
    let begun = bits.len() - 13 * 8;
    let turned: Vec<u8> = (0..13 * 8).map(|n| again[(13 - begun + n) % 13]).collect();
    for (n, out) in rest.iter_mut().enumerate() {
        *out = byte(&turned[8 * n..8 * n + 8]);
    }
    (first, rest)
}

/// No name, no time, no system.
const HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

fn crc(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg())
        })
    };
    !bytes.iter().fold(u32::MAX, step)
}
