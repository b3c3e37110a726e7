use alloc::collections::VecDeque;

/// The way back through a list, from its newest entry to one that is known: what
/// [`ListFrom::BackToKnown`](super::ListFrom::BackToKnown) asks for.
///
/// # Contract
///
/// *What goes in*: page after page of the list, newest entry first, each without a hole behind the
/// one before. *What comes out*: after each page, whether another one is needed; at the end, the
/// entries after the known one, oldest first, from [`take`](Self::take). *What the caller must do*:
/// fetch the next page at [`Found::More`], take all entries at [`Found::Known`], and call
/// [`Resume::list_gap`](super::Resume::list_gap) at [`Found::Gap`], when what was found must not be
/// delivered. *What is promised*: no more entries are held than the limit allows.
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

/// The result of [`WalkBack::page`].
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
    /// Returns a way that has not begun. It holds at most `limit` entries.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            found: VecDeque::new(),
            limit,
        }
    }

    /// Takes a page of entries with their ids, newest first, and whether the list has older ones.
    /// Returns whether another page is needed.
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

    /// Returns the next entry, oldest first, and `None` when all were taken.
    pub fn take(&mut self) -> Option<T> {
        self.found.pop_front()
    }
}
