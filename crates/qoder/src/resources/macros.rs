//! Calls and lists as rows: a call is a line of prose and a line of names and types.

/// A handle on a resource, whose calls are the operations of the same names in a module of
/// `qoder_types::ops`.
///
/// ```text
/// calls! {
///     /// What the resource is.
///     Things: things {                                         // the module of operations
///         /// Creates a thing.
///         create(; thing: ThingCreate) -> Call<Thing>,         // behind the semicolon: the body
///         /// Lists things.
///         list() -> ThingList,
///         /// Retrieves a thing.
///         retrieve(id: ThingId) -> Call<Thing>,
///     }
/// }
/// ```
///
/// What is more than a call of an operation stands beside it, in an `impl` of its own.
macro_rules! calls {
    ($(#[$doc:meta])* $name:ident: $ops:ident {
        $($(#[$call_doc:meta])* $call:ident($($arg:ident: $id:ty),* $(; $body:ident: $content:ty)?) -> $out:ty,)*
    }) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $name {
            shared: crate::shared::Shared,
        }

        impl $name {
            pub(crate) fn new(shared: crate::shared::Shared) -> Self {
                Self { shared }
            }

            $(
                $(#[$call_doc])*
                pub fn $call(&self, $($arg: impl Into<$id>,)* $($body: $content)?) -> $out {
                    let request = $ops::$call($(&$arg.into(),)* $(&$body)?);
                    <$out>::new(self.shared.clone(), request)
                }
            )*
        }
    };
}

/// A list with the filters that its operation has; all else is that of [`List`](crate::List).
///
/// ```text
/// list! {
///     /// Things, from [`Things::list`].
///     ThingList of Thing by ThingId, 1000 a page {             // `by`: can start at an item
///         /// Sets whether archived things are listed too. Default: they are not.
///         include_archived: bool,
///         /// Lists only things created at this time or later.
///         created_at_gte: Timestamp as "created_at[gte]",      // its name in the API
///         /// Lists only things in this state; call it again for further states.
///         status+: ThingStatus as "statuses[]",                // `+`: adds a value
///     }
/// }
/// ```
macro_rules! list {
    ($(#[$doc:meta])* $name:ident of $item:ident $(by $id:ident)? $(, $most:literal a page)? {
        $($(#[$filter_doc:meta])* $filter:ident $(+ $(@$many:tt)?)?: $value:ident $(as $wire:literal)?,)*
    }) => {
        $(#[$doc])*
        ///
        /// Awaited, it returns one [`Page`](crate::types::Page); [`items`](Self::items) and
        /// [`pages`](Self::pages) go through all of it.
        #[derive(Debug)]
        #[must_use = "a list does nothing until it is awaited, or its items or pages are"]
        pub struct $name(crate::list::List<$item>);

        impl $name {
            /// The query parameters that it has methods for.
            #[cfg(test)]
            pub(super) const FILTERS: &[&str] = &[
                $(crate::resources::macros::filter!(@name $filter $($wire)?),)*
                $(crate::resources::macros::filter!(@cursors $id "after_id"),
                crate::resources::macros::filter!(@cursors $id "before_id"),)?
            ];

            pub(crate) fn new(
                shared: crate::shared::Shared,
                request: qoder_types::Request<qoder_types::Page<$item>>,
            ) -> Self {
                Self(crate::list::List::new(shared, request))
            }

            $(
                $(#[$filter_doc])*
                #[inline]
                pub fn $filter(self, $filter: crate::resources::macros::argument!($value)) -> Self {
                    let name = crate::resources::macros::filter!(@name $filter $($wire)?);
                    Self(crate::resources::macros::filter!(@set self, name, $value, $filter $(+ $($many)?)?))
                }
            )*

            $(
                /// Lists only what comes after the item with this id, in the order of the list, in
                /// place of any other start.
                #[inline]
                pub fn after(self, id: impl Into<$id>) -> Self {
                    let id: $id = id.into();
                    self.from_cursor(&qoder_types::Cursor::After(id.to_string()))
                }

                /// Lists only what comes before the item with this id, in the order of the list, in
                /// place of any other start. [`items`](Self::items) and [`pages`](Self::pages) then
                /// go backwards, from that item to the beginning; what is in one page is in the
                /// list's own order.
                #[inline]
                pub fn before(self, id: impl Into<$id>) -> Self {
                    let id: $id = id.into();
                    self.from_cursor(&qoder_types::Cursor::Before(id.to_string()))
                }
            )?

            #[doc = concat!(
                "Sets how many items a page has: 1 to ",
                crate::resources::macros::most!($($most)?),
                ". Default: the server's, which is 20 for most lists."
            )]
            #[inline]
            pub fn limit(self, limit: u32) -> Self {
                Self(self.0.limit(limit))
            }

            /// Sets how many pages [`pages`](Self::pages) and [`items`](Self::items) go through, at
            /// most: 1 or more. It is no error if there are others:
            /// [`Pages::continuation`](crate::list::Pages::continuation) and
            /// [`Items::continuation`](crate::list::Items::continuation) then return where they
            /// begin. Default: all of them.
            #[inline]
            pub fn max_pages(self, pages: u32) -> Self {
                Self(self.0.max_pages(pages))
            }

            /// Starts at a cursor: that of a [`Page::next_page`](crate::types::Page::next_page), or
            /// one that [`Pages::continuation`](crate::list::Pages::continuation) returned, which
            /// goes on in the same direction.
            #[inline]
            pub fn from_cursor(self, cursor: &qoder_types::Cursor) -> Self {
                Self(self.0.from_cursor(cursor))
            }

            /// Sets a query parameter by its name in the API, for filters that have no method here.
            #[inline]
            pub fn query(self, name: &'static str, value: impl std::fmt::Display) -> Self {
                Self(self.0.query(name, value))
            }

            /// Changes the options of the calls behind it, one per page.
            #[inline]
            pub fn options(
                self,
                change: impl FnOnce(crate::call::CallOptions) -> crate::call::CallOptions,
            ) -> Self {
                Self(self.0.options(change))
            }

            /// Makes it return one page along with the status and the headers of its response, as
            /// [`Call::with_meta`](crate::Call::with_meta) does.
            #[inline]
            pub fn with_meta(self) -> crate::call::WithMeta<qoder_types::Page<$item>> {
                self.0.with_meta()
            }

            /// Returns every item from here on, page by page.
            #[inline]
            pub fn items(self) -> crate::list::Items<$item> {
                self.0.items()
            }

            /// Returns every page from here on.
            #[inline]
            pub fn pages(self) -> crate::list::Pages<$item> {
                self.0.pages()
            }

            /// Returns the first item.
            ///
            /// # Errors
            ///
            /// [`ErrorKind::Empty`](crate::ErrorKind::Empty) if there is none,
            /// [`ErrorKind::Decode`](crate::ErrorKind::Decode) if it can't be read.
            #[inline]
            pub async fn first(self) -> crate::error::Result<$item> {
                self.0.first().await
            }
        }

        impl IntoFuture for $name {
            type Output = crate::error::Result<qoder_types::Page<$item>>;
            type IntoFuture = crate::call::Pending<qoder_types::Page<$item>>;

            #[inline]
            fn into_future(self) -> Self::IntoFuture {
                self.0.into_future()
            }
        }

        impl From<$name> for crate::list::List<$item> {
            #[inline]
            fn from(list: $name) -> Self {
                list.0
            }
        }
    };
}

/// The type of a filter's argument.
macro_rules! argument {
    (bool) => { bool };
    (u64) => { u64 };
    (Order) => { qoder_types::Order };
    ($value:ident) => { impl Into<$value> };
}

/// The largest page, in items.
macro_rules! most {
    () => {
        "100"
    };
    ($most:literal) => {
        $most
    };
}

/// Expands to the way a filter is sent.
macro_rules! filter {
    (@cursors $id:ident $name:literal) => { $name };
    (@name $filter:ident) => { stringify!($filter) };
    (@name $filter:ident $wire:literal) => { $wire };
    (@set $list:ident, $name:ident, $value:ident, $filter:ident) => {
        $list.0.query($name, crate::resources::macros::filter!(@value $value $filter))
    };
    (@set $list:ident, $name:ident, $value:ident, $filter:ident +) => {
        $list.0.also($name, crate::resources::macros::filter!(@value $value $filter))
    };
    (@value bool $filter:ident) => { $filter };
    (@value u64 $filter:ident) => { $filter };
    (@value Order $filter:ident) => { $filter };
    (@value $value:ident $filter:ident) => {{
        let value: $value = $filter.into();
        value
    }};
}

pub(super) use {argument, calls, filter, list, most};
