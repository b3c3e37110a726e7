//! A [`List`] is one page when it is awaited, and a stream of all [`Pages`] or [`Items`] when it is
//! read through.

use std::collections::VecDeque;
use std::fmt;
use std::future::{Future, IntoFuture, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;
use qoder_types::ops;
use qoder_types::{Cursor, InvalidItem, Method, Page, PageStyle, Paging, Request};
use serde::de::DeserializeOwned;

use crate::call::{Call, CallOptions, Pending, WithMeta};
use crate::error::{Error, ErrorKind, Result};
use crate::shared::Shared;

/// A list that can be narrowed down before it is read.
///
/// Awaited, it returns one [`Page`]. [`items`](Self::items) and [`pages`](Self::pages) go through
/// all of it, one request per page, when they are polled.
///
/// ```
/// # async fn f(client: qoder::Client) -> qoder::Result<()> {
/// let page = client.agents().list().limit(50).await?;
///
/// let mut agents = client.agents().list().items();
/// while let Some(agent) = agents.next().await {
///     println!("{}", agent?.id);
/// }
/// # Ok(()) }
/// ```
#[must_use = "a list does nothing until it is awaited, or its items or pages are"]
pub struct List<T> {
    call: Call<Page<T>>,
    style: PageStyle,
    start: Option<Cursor>,
    max_pages: Option<u32>,
}

impl<T> List<T> {
    pub(crate) fn new(shared: Shared, request: Request<Page<T>>) -> Self {
        let style = request.op().pages;
        Self::of(Call::new(shared, request), style)
    }

    /// A list that this crate has no description of.
    pub(crate) fn raw(shared: Shared, path: &str) -> Self {
        Self::of(Call::raw(shared, Method::Get, path), PageStyle::Pages)
    }

    fn of(call: Call<Page<T>>, style: PageStyle) -> Self {
        Self {
            call,
            style,
            start: None,
            max_pages: None,
        }
    }

    /// Fills a parameter in the path of a [raw list](crate::Client::list); see [`Call::path`].
    pub fn path(mut self, name: &'static str, value: impl fmt::Display) -> Self {
        self.call = self.call.path(name, value);
        self
    }

    /// Sets how many items a page has: 1 to 100. Default: 20.
    ///
    /// ```
    /// # async fn f(client: qoder::Client) -> qoder::Result<()> {
    /// let agents = client.agents().list().limit(50).await?;
    /// println!("{} agents, and more: {:?}", agents.data.len(), agents.has_more);
    /// # Ok(()) }
    /// ```
    pub fn limit(self, limit: u32) -> Self {
        self.query("limit", limit.to_string())
    }

    /// Sets how many pages [`pages`](Self::pages) and [`items`](Self::items) go through, at most: 1
    /// or more. It is no error if there are others: [`Pages::continuation`] and
    /// [`Items::continuation`] then return where they begin. Default: all of them.
    ///
    /// ```
    /// # async fn f(client: qoder::Client) -> qoder::Result<()> {
    /// let mut sessions = client.sessions().list().limit(100).max_pages(10).items();
    /// while let Some(session) = sessions.next().await {
    ///     println!("{}", session?.id);
    /// }
    /// if sessions.continuation().is_some() {
    ///     println!("and more, after the first 1,000");
    /// }
    /// # Ok(()) }
    /// ```
    pub fn max_pages(mut self, pages: u32) -> Self {
        if pages == 0 {
            let why = "a list of at most 0 pages returns nothing: make `max_pages` 1 or more";
            self.call.refuse(why.to_owned());
        }
        self.max_pages = Some(pages);
        self
    }

    /// Starts at a cursor: a [`Page::next_page`], or one that [`Pages::continuation`] returned. From
    /// [`Cursor::Before`] the list is gone through backwards, page by page and item by item; what
    /// is in one [`Page`] is in the list's own order.
    ///
    /// ```
    /// # async fn f(client: qoder::Client) -> qoder::Result<()> {
    /// use qoder::types::{Cursor, serde_json::Value};
    ///
    /// let before = Cursor::Before("team_9".to_owned());
    /// let mut teams = client.list::<Value>("/teams").from_cursor(&before).items();
    /// # Ok(()) }
    /// ```
    pub fn from_cursor(mut self, cursor: &Cursor) -> Self {
        let (name, value) = cursor.as_query();
        self.call.request_mut().set_cursor(name, value);
        self.start = Some(cursor.clone());
        self
    }

    /// Sets a query parameter by its name in the API, for filters that have no method here.
    ///
    /// ```
    /// # async fn f(client: qoder::Client) -> qoder::Result<()> {
    /// let agents = client.agents().list().query("filter_of_tomorrow", "x").await?;
    /// # Ok(()) }
    /// ```
    pub fn query(mut self, name: &'static str, value: impl fmt::Display) -> Self {
        self.call.request_mut().set_query(name, value);
        self
    }

    /// Adds one more value to a repeatable query parameter, such as `types[]`.
    pub(crate) fn also(mut self, name: &'static str, value: impl fmt::Display) -> Self {
        self.call.request_mut().add_query(name, value);
        self
    }

    /// Changes the options of the calls behind it, one per page.
    ///
    /// ```
    /// # async fn f(client: qoder::Client) -> qoder::Result<()> {
    /// let mut agents = client.agents().list().options(|o| o.retries(5)).items();
    /// # Ok(()) }
    /// ```
    pub fn options(mut self, change: impl FnOnce(CallOptions) -> CallOptions) -> Self {
        self.call = self.call.options(change);
        self
    }

    /// Makes it return one page along with the status and the headers of its response, as
    /// [`Call::with_meta`] does.
    ///
    /// ```
    /// # async fn f(client: qoder::Client) -> qoder::Result<()> {
    /// let agents = client.agents().list().with_meta().await?;
    /// println!("{:?}: {} agents", agents.meta.request_id(), agents.value.data.len());
    /// # Ok(()) }
    /// ```
    pub fn with_meta(self) -> WithMeta<Page<T>> {
        self.call.with_meta()
    }

    /// Returns every page from here on, as a stream.
    ///
    /// ```
    /// # async fn f(client: qoder::Client) -> qoder::Result<()> {
    /// let mut pages = client.files().list().limit(1000).pages();
    /// while let Some(page) = pages.next().await {
    ///     println!("{} files", page?.data.len());
    /// }
    /// # Ok(()) }
    /// ```
    pub fn pages(self) -> Pages<T> {
        let paging = match &self.start {
            Some(start) => Paging::starting_at(self.style, start),
            None => Paging::new(self.style),
        };
        Pages {
            call: self.call,
            paging,
            left: self.max_pages,
            state: State::Ready,
            continuation: None,
        }
    }

    /// Returns every item from here on, as a stream that asks for a page when the one before is
    /// used up.
    ///
    /// ```
    /// # async fn f(client: qoder::Client) -> qoder::Result<()> {
    /// let mut files = client.files().list().items();
    /// while let Some(file) = files.next().await {
    ///     println!("{}", file?.filename);
    /// }
    /// # Ok(()) }
    /// ```
    pub fn items(self) -> Items<T> {
        Items {
            pages: self.pages(),
            page: VecDeque::new(),
        }
    }
}

impl<T: DeserializeOwned + Send + 'static> List<T> {
    /// Returns the first item.
    ///
    /// ```
    /// # async fn f(client: qoder::Client) -> qoder::Result<()> {
    /// let environment = client.environments().list().limit(1).first().await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Empty`] if there is none, [`ErrorKind::Decode`] if it can't be read.
    pub async fn first(self) -> Result<T> {
        let operation = self.call.operation();
        let shared = self.call.shared().clone();
        let mut items = self.items();
        items.next().await.unwrap_or_else(|| {
            let why = format!(
                "the list is empty, so there is no first item{}",
                hint(&operation)
            );
            let error = Error::new(ErrorKind::Empty, why).with_operation(operation);
            Err(error.redacted(shared.auth()))
        })
    }
}

/// Returns advice about an empty list, if there is any.
fn hint(operation: &str) -> String {
    let create = operation.replace(".list", ".create");
    let creates = ops::all().any(|op| op.name == create);
    if creates && create != operation {
        format!(": create one first (see `{create}`)")
    } else {
        String::new()
    }
}

impl<T: DeserializeOwned + Send + 'static> IntoFuture for List<T> {
    type Output = Result<Page<T>>;
    type IntoFuture = Pending<Page<T>>;

    fn into_future(self) -> Self::IntoFuture {
        self.call.into_future()
    }
}

impl<T> fmt::Debug for List<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("List").field(&self.call).finish()
    }
}

/// The pages of a list, made by [`List::pages`].
///
/// Fused; an `Err` is the last item. Dropping the future of [`next`](Self::next) loses nothing.
///
/// ```
/// # async fn f(client: qoder::Client) -> qoder::Result<()> {
/// // A hundred files at a time; the next run goes on where this one stopped.
/// let mut pages = client.files().list().limit(100).max_pages(1).pages();
/// while let Some(page) = pages.next().await {
///     println!("{} files", page?.data.len());
/// }
/// println!("go on from {:?}", pages.continuation());
/// # Ok(()) }
/// ```
#[must_use = "streams do nothing unless polled"]
pub struct Pages<T> {
    call: Call<Page<T>>,
    paging: Paging,
    /// The number of pages that may still come.
    left: Option<u32>,
    state: State<T>,
    continuation: Option<Cursor>,
}

enum State<T> {
    Ready,
    Fetching(Pending<Page<T>>),
    /// The page before was delivered; that it doesn't say where to go on comes after it.
    Failed(Error),
    Done,
}

impl<T> Pages<T> {
    /// Returns where the next page begins: store it, and go on with [`List::from_cursor`] in another
    /// process. `None` before the first page and after the last one of the list; after the last one
    /// that [`List::max_pages`] allows, it tells that there are more.
    pub fn continuation(&self) -> Option<&Cursor> {
        self.continuation.as_ref()
    }
}

impl<T: DeserializeOwned + Send + 'static> Pages<T> {
    /// Returns the next page, or `None` after the last.
    pub async fn next(&mut self) -> Option<Result<Page<T>>> {
        poll_fn(|cx| self.poll_page(cx)).await
    }

    pub(crate) fn poll_page(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Page<T>>>> {
        loop {
            match std::mem::replace(&mut self.state, State::Done) {
                State::Done => return Poll::Ready(None),
                State::Failed(error) => return Poll::Ready(Some(Err(error))),
                State::Ready => self.state = State::Fetching(self.call.clone().into_future()),
                State::Fetching(mut fetching) => {
                    let Poll::Ready(page) = Pin::new(&mut fetching).poll(cx) else {
                        self.state = State::Fetching(fetching);
                        return Poll::Pending;
                    };
                    if let Ok(page) = &page {
                        self.advance(page);
                    }
                    return Poll::Ready(Some(page));
                }
            }
        }
    }

    /// The error that an item is which can't be read.
    fn invalid(&self, item: &InvalidItem) -> Error {
        let raw = item.raw().as_bytes();
        let body = Bytes::copy_from_slice(&raw[..raw.len().min(64 << 10)]);
        Error::new(ErrorKind::Decode, item.to_string())
            .with_operation(self.call.operation())
            .with_sent(crate::Sent::Yes)
            .with_body(body)
            .redacted(self.call.shared().auth())
    }

    /// Points the call at the page after `page`.
    fn advance(&mut self, page: &Page<T>) {
        let next = self.paging.next(page);
        self.continuation = next.as_ref().ok().cloned().flatten();
        self.state = match next {
            Ok(Some(cursor)) => {
                let (name, value) = cursor.as_query();
                self.call.request_mut().set_cursor(name, value);
                self.left = self.left.map(|left| left.saturating_sub(1));
                if self.left == Some(0) {
                    State::Done
                } else {
                    State::Ready
                }
            }
            Ok(None) => State::Done,
            Err(error) => State::Failed(
                Error::new(ErrorKind::Pagination, error.to_string())
                    .with_operation(self.call.operation())
                    .with_sent(crate::Sent::Yes)
                    .redacted(self.call.shared().auth()),
            ),
        };
    }
}

impl<T> Unpin for Pages<T> {}

impl<T: DeserializeOwned + Send + 'static> Stream for Pages<T> {
    type Item = Result<Page<T>>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_page(cx)
    }
}

impl<T> fmt::Debug for Pages<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pages")
            .field("continuation", &self.continuation)
            .finish_non_exhaustive()
    }
}

/// The items of a list, made by [`List::items`].
///
/// An item that can't be read is an `Err` in its place, of the kind
/// [`Decode`](ErrorKind::Decode) and with the item's JSON as its [body](Error::body); the items
/// after it follow. Any other `Err` is the last item. Fused. Dropping the future of
/// [`next`](Self::next) loses nothing.
///
/// Of a list that is gone through [backwards](List::from_cursor), the item that is nearest to its
/// start comes first.
///
/// ```
/// # async fn f(client: qoder::Client) -> qoder::Result<()> {
/// let mut sessions = client.sessions().list().items();
/// while let Some(session) = sessions.next().await {
///     match session {
///         Ok(session) => println!("{}: {}", session.id, session.status),
///         Err(error) if error.kind() == qoder::ErrorKind::Decode => eprintln!("left out: {error}"),
///         Err(error) => return Err(error),
///     }
/// }
/// # Ok(()) }
/// ```
#[must_use = "streams do nothing unless polled"]
pub struct Items<T> {
    pages: Pages<T>,
    page: VecDeque<std::result::Result<T, InvalidItem>>,
}

impl<T> Items<T> {
    /// Returns where to go on after the items of the page that was returned last, as
    /// [`Pages::continuation`] does. `None` as long as items of it are still to come.
    pub fn continuation(&self) -> Option<&Cursor> {
        let used_up = self.page.is_empty();
        self.pages.continuation().filter(|_| used_up)
    }
}

impl<T: DeserializeOwned + Send + 'static> Items<T> {
    /// Returns the next item, or `None` after the last.
    pub async fn next(&mut self) -> Option<Result<T>> {
        poll_fn(|cx| self.poll_item(cx)).await
    }

    fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T>>> {
        loop {
            let next = if self.pages.paging.is_backwards() {
                self.page.pop_back()
            } else {
                self.page.pop_front()
            };
            if let Some(item) = next {
                return Poll::Ready(Some(item.map_err(|item| self.pages.invalid(&item))));
            }
            match ready!(self.pages.poll_page(cx)) {
                // An empty page in the middle is skipped, not taken for the end.
                Some(Ok(page)) => self.page = page.into_items().collect(),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
    }
}

impl<T> Unpin for Items<T> {}

impl<T: DeserializeOwned + Send + 'static> Stream for Items<T> {
    type Item = Result<T>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_item(cx)
    }
}

impl<T> fmt::Debug for Items<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Items")
            .field("buffered", &self.page.len())
            .field("pages", &self.pages)
            .finish()
    }
}
