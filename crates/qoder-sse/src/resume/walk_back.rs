use alloc::collections::VecDeque;

/// The way back through a list, from its newest entry to one that is known: what
/// [`ListFrom::BackToKnown`](super::ListFrom::BackToKnown) asks for.
///
/// Give it page after page, newest entry first, until it says that it needs no more; then take the
/// entries, oldest first.
///
/// ```
/// use qoder_sse::resume::{Found, WalkBack};
///
/// let mut back = WalkBack::new(1000);
/// let knows = |id: &str| id == "e2";
/// assert_eq!(back.page([("e5", 5), ("e4", 4)].map(|(id, n)| (Some(id), n)), true, knows), Found::More);
/// assert_eq!(back.page([("e3", 3), ("e2", 2)].map(|(id, n)| (Some(id), n)), true, knows), Found::Known);
/// assert_eq!([back.take(), back.take(), back.take(), back.take()], [Some(3), Some(4), Some(5), None]);
/// ```
#[derive(Clone, Debug)]
pub struct WalkBack<T> {
    found: VecDeque<T>,
    limit: usize,
}

/// What came of a page on the way back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Found {
    /// Nothing known so far: the next page is needed.
    More,
    /// A known entry: what comes after it is complete.
    Known,
    /// The list is at its end and nothing in it is known, or more lies between than may be held:
    /// say [`Resume::list_gap`](super::Resume::list_gap).
    Gap,
}

impl<T> WalkBack<T> {
    /// Holds at most so many entries at once.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            found: VecDeque::new(),
            limit,
        }
    }

    /// A page of entries with their ids, newest first, and whether there are older ones.
    pub fn page<'a>(
        &mut self,
        entries: impl IntoIterator<Item = (Option<&'a str>, T)>,
        more: bool,
        knows: impl Fn(&str) -> bool,
    ) -> Found {
        for (id, entry) in entries {
            if id.is_some_and(&knows) {
                return Found::Known;
            }
            if self.found.len() >= self.limit {
                return Found::Gap;
            }
            self.found.push_front(entry);
        }
        if more { Found::More } else { Found::Gap }
    }

    /// The next entry, oldest first.
    pub fn take(&mut self) -> Option<T> {
        self.found.pop_front()
    }
}
