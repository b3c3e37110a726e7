//! A digest that is the same in every process and release. It keeps nothing secret.

/// FNV-1a, of 128 bits.
pub(crate) fn fnv(bytes: impl IntoIterator<Item = u8>) -> u128 {
    let step = |hash: u128, byte| {
        (hash ^ u128::from(byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b)
    };
    let start = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d_u128;
    bytes.into_iter().fold(start, step)
}
