//! The idempotency key of a request that answers tool uses.

use qoder_types::EventId;

use crate::hash::fnv;

/// The key of a request that answers these tool uses: the same for the same ids in any order, in
/// any process, so that answers whose acceptance was not heard of can be sent again.
pub(crate) fn answer_key(session: &str, ids: &[EventId]) -> String {
    let mut ids: Vec<&str> = ids.iter().map(EventId::as_str).collect();
    ids.sort_unstable();
    let texts = std::iter::once(session).chain(ids);
    let hash = fnv(texts.flat_map(|text| text.bytes().chain([0])));
    format!("answers-{hash:032x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_that_of_the_session_and_the_ids() {
        let ids = |ids: &[&str]| ids.iter().map(|id| EventId::new(*id)).collect::<Vec<_>>();
        let both = answer_key("s", &ids(&["a", "b"]));
        assert_eq!(both, answer_key("s", &ids(&["b", "a"])));
        // It is what other processes, and other releases, come to.
        assert_eq!(both, "answers-7440e3af183c64bf6f4ed4dd896ecc6d");
        for other in [
            answer_key("t", &ids(&["a", "b"])),
            answer_key("s", &ids(&["a"])),
            answer_key("s", &ids(&["ab"])),
        ] {
            assert_ne!(both, other);
        }
    }
}
