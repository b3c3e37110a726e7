//! From one page of a list to the next: a machine without I/O.

use std::collections::VecDeque;
use std::fmt;
use std::str::FromStr;

use crate::{Page, PageStyle};

/// The place where a page begins.
///
/// Its text can be stored and parsed again, in another process:
///
/// ```
/// use qoder_types::Cursor;
///
/// let cursor = Cursor::After("evt_9".to_owned());
/// assert_eq!(cursor.to_string(), "after_id=evt_9");
/// assert_eq!("after_id=evt_9".parse(), Ok(cursor));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Cursor {
    /// An opaque cursor of the server's.
    Page(String),
    /// After the item with this id.
    After(String),
    /// Before the item with this id.
    Before(String),
}

impl Cursor {
    /// Returns the query parameter that the cursor becomes. The three kinds exclude each other.
    pub fn as_query(&self) -> (&'static str, &str) {
        match self {
            Self::Page(value) => ("page", value),
            Self::After(value) => ("after_id", value),
            Self::Before(value) => ("before_id", value),
        }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, value) = self.as_query();
        write!(f, "{name}={value}")
    }
}

impl FromStr for Cursor {
    type Err = PagingError;

    fn from_str(text: &str) -> Result<Self, PagingError> {
        match text.split_once('=') {
            Some(("page", value)) => Ok(Self::Page(value.to_owned())),
            Some(("after_id", value)) => Ok(Self::After(value.to_owned())),
            Some(("before_id", value)) => Ok(Self::Before(value.to_owned())),
            _ => Err(PagingError::NotACursor),
        }
    }
}

/// Goes from page to page: a machine without I/O.
///
/// ```
/// use qoder_types::{Cursor, Page, PageStyle, Paging};
///
/// let mut paging = Paging::new(PageStyle::Pages);
/// let page: Page<String> =
///     serde_json::from_str(r#"{"data":["a"],"next_page":"c1","last_id":"a","has_more":true}"#).unwrap();
/// assert_eq!(paging.next(&page), Ok(Some(Cursor::Page("c1".to_owned()))));
/// assert!(paging.next(&page).is_err(), "a cursor that comes again would go in circles");
/// ```
#[derive(Clone, Debug)]
pub struct Paging {
    style: PageStyle,
    backwards: bool,
    seen: VecDeque<String>,
    /// Pages without an item, one after the other.
    empty: u32,
}

/// The number of cursors that are remembered, to notice one that comes again.
const REMEMBERED: usize = 64;

/// The number of pages in a row that may be empty: a filter leaves few items of many, not none of
/// all.
const EMPTY: u32 = 1000;

/// A list that contradicts itself.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PagingError {
    /// It says that there is more and gives nothing to ask for it with.
    NoCursor,
    /// It gives a cursor that it gave before, or that it was started at.
    Repeated,
    /// It goes on and on, and gives no item: a thousand pages in a row were empty.
    Empty,
    /// The text is no stored cursor.
    NotACursor,
}

impl Paging {
    /// Makes the machine for a list of this style that is gone through from its beginning.
    pub fn new(style: PageStyle) -> Self {
        Self {
            style,
            backwards: false,
            seen: VecDeque::new(),
            empty: 0,
        }
    }

    /// Makes the machine for a list of this style that is gone through from a cursor on.
    ///
    /// From [`Cursor::Before`] it goes backwards, to the beginning of the list: each page is the one
    /// before. The list must take `before_id`, as its [`Op::query`](crate::Op::query) says; the
    /// items of a page are still in the list's own order.
    ///
    /// ```
    /// use qoder_types::{Cursor, Page, PageStyle, Paging};
    ///
    /// let mut paging = Paging::starting_at(PageStyle::Ids, &Cursor::Before("e".to_owned()));
    /// assert!(paging.is_backwards());
    /// let page: Page<String> =
    ///     serde_json::from_str(r#"{"data":["c","d"],"first_id":"c","has_more":true}"#).unwrap();
    /// assert_eq!(paging.next(&page), Ok(Some(Cursor::Before("c".to_owned()))));
    /// ```
    pub fn starting_at(style: PageStyle, start: &Cursor) -> Self {
        Self {
            backwards: matches!(start, Cursor::Before(_)),
            seen: VecDeque::from([start.to_string()]),
            ..Self::new(style)
        }
    }

    /// Returns whether each page is the one before.
    pub fn is_backwards(&self) -> bool {
        self.backwards
    }

    /// Returns where the page after this one begins, or `None` after the last.
    ///
    /// A page ends the list if it says `has_more: false`, or if it says nothing and gives no
    /// cursor, or if the list has no pages. `next_page` is preferred, then `last_id`; backwards it
    /// is `first_id`.
    ///
    /// # Errors
    ///
    /// [`PagingError`] if the list can't be gone through without losing items or going in circles.
    pub fn next<T>(&mut self, page: &Page<T>) -> Result<Option<Cursor>, PagingError> {
        if self.style == PageStyle::None || page.has_more == Some(false) {
            return Ok(None);
        }
        let given = |cursor: &Option<String>| cursor.clone().filter(|cursor| !cursor.is_empty());
        let more = page.has_more == Some(true);
        let cursor = if self.backwards {
            given(&page.first_id).filter(|_| more).map(Cursor::Before)
        } else {
            let next_page = given(&page.next_page).filter(|_| self.style == PageStyle::Pages);
            let last_id = given(&page.last_id).filter(|_| more);
            next_page.map(Cursor::Page).or(last_id.map(Cursor::After))
        };
        let Some(cursor) = cursor else {
            return if more {
                Err(PagingError::NoCursor)
            } else {
                Ok(None)
            };
        };
        self.empty = if page.data.is_empty() && page.invalid.is_empty() {
            self.empty + 1
        } else {
            0
        };
        if self.empty == EMPTY {
            return Err(PagingError::Empty);
        }
        let text = cursor.to_string();
        if self.seen.contains(&text) {
            return Err(PagingError::Repeated);
        }
        if self.seen.len() == REMEMBERED {
            self.seen.pop_front();
        }
        self.seen.push_back(text);
        Ok(Some(cursor))
    }
}

impl fmt::Display for PagingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoCursor => "the list says that there is more and gives no cursor for it, so the rest can't be read",
            Self::Repeated => "the list gave the same cursor twice, so it would go in circles",
            Self::Empty => "a thousand pages of the list in a row were empty, and there were to be more",
            Self::NotACursor => "the text is no stored cursor",
        })
    }
}

impl std::error::Error for PagingError {}
