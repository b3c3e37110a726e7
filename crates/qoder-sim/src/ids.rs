//! Ids of what is made.

use std::sync::atomic::{AtomicU64, Ordering};

/// The number of ids that were made.
static MADE: AtomicU64 = AtomicU64::new(0);

/// Scatters numbers in a row over all numbers: nobody can sort by ids.
const SCATTER: u64 = 0x9E37_79B9_7F4A_7C15;

/// Undoes that: the product of both is 1.
const GATHER: u64 = 0xF1DE_83E1_9937_733D;

/// A new id with this prefix.
pub(crate) fn new_id(prefix: &str) -> String {
    let number = MADE.fetch_add(1, Ordering::Relaxed).wrapping_mul(SCATTER);
    let (luck, _) = uuid::Uuid::new_v4().as_u64_pair();
    format!("{prefix}_{number:016x}{luck:016x}")
}

/// Returns the number of ids that were made before this one, which may be of something that is
/// gone; `None` if it was not made here.
pub(crate) fn made_before(id: &str) -> Option<u64> {
    let number = id.rsplit('_').next()?.get(..16)?;
    let number = u64::from_str_radix(number, 16).ok()?.wrapping_mul(GATHER);
    (number < MADE.load(Ordering::Relaxed)).then_some(number)
}

/// A few letters in place of many bytes, for what must be told apart and isn't a secret.
pub(crate) fn digest(bytes: &[u8]) -> String {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_keep_their_order_to_the_server() {
        let ids: Vec<String> = (0..100).map(|_| new_id("agent")).collect();
        assert!(ids.iter().all(|id| id.len() == "agent_".len() + 32));
        assert!(!ids.is_sorted());
        let numbers: Vec<u64> = ids.iter().filter_map(|id| made_before(id)).collect();
        assert!(numbers.len() == 100 && numbers.is_sorted());
        for other in [
            "",
            "agent",
            "agent_1",
            "agent_ffffffffffffffffffff",
            "é_éééééééééééééééééé",
        ] {
            assert_eq!(made_before(other), None, "{other}");
        }
    }
}
