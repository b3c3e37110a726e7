//! Operations as values: what is the same for all calls of one.

use serde::de::DeserializeOwned;

use crate::wire;

/// The description of an operation, which is the same for all its calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Op {
    /// The name of the operation, such as `sessions.events.list`.
    pub name: &'static str,
    /// The HTTP method.
    pub method: Method,
    /// The path below the base URL, with its parameters in braces, such as
    /// `/sessions/{session_id}/events`.
    pub path: &'static str,
    /// The query parameters by their names on the wire, without the cursor and the `limit` that
    /// [`pages`](Self::pages) stands for.
    pub query: &'static [&'static str],
    /// The headers that only this operation has, in lower case.
    pub headers: &'static [&'static str],
    /// Whether the body is `{}` where there is nothing to say.
    pub sends_empty_object: bool,
    /// Whether the operation can be repeated.
    pub retry: Retry,
    /// The style of paging, if the operation is a list.
    pub pages: PageStyle,
    /// The kind of the response.
    pub accept: Accept,
    /// Whether there may be nothing to return. A response without a body is `null` then, and what
    /// is read from it is an `Option`.
    pub optional: bool,
}

/// The method of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Method {
    /// Reads, and changes nothing.
    Get,
    /// Creates, changes, or does something.
    Post,
    /// Replaces, in early generations.
    Put,
    /// Deletes.
    Delete,
}

impl Method {
    /// Returns the method as it is on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }
}

/// Whether an operation can be repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Retry {
    /// Whenever it may help: it changes nothing.
    Read,
    /// With the same `Idempotency-Key`, which such a write honours: it is done once.
    Write,
    /// Never: it rotates a secret, or issues one.
    Never,
}

/// The style in which a list is paged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PageStyle {
    /// Not at all: it is no list.
    None,
    /// `page` with the `next_page` of the page before, or else `after_id` with its `last_id`.
    Pages,
    /// `after_id` with the `last_id` of the page before.
    Ids,
}

/// The kind of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Accept {
    /// A JSON document.
    Json,
    /// An event stream.
    EventStream,
    /// Bytes of any kind.
    Bytes,
}

impl Op {
    /// Reads the body of a response that is a success.
    ///
    /// A byte order mark is skipped, and half a surrogate pair becomes U+FFFD. A write may be
    /// answered without a body: what is returned then is as empty as its type can be, and an object
    /// has no id. To answer a read so is an error, unless it is [optional](Self::optional).
    ///
    /// ```
    /// use qoder_types::{Deleted, ops};
    ///
    /// let delete = ops::files::delete(&"file_1".into());
    /// let deleted: Deleted = delete.op().read(b"").unwrap();
    /// assert_eq!(deleted.id, "");
    /// ```
    ///
    /// # Errors
    ///
    /// If the body is not JSON, or not what a `T` is read from.
    pub fn read<T: DeserializeOwned>(&self, body: &[u8]) -> serde_json::Result<T> {
        if !wire::unmarked(body).trim_ascii().is_empty() {
            return wire::read(body);
        }
        match self.method {
            Method::Get if self.optional => wire::read(b"null"),
            Method::Get => wire::read(body),
            _ => wire::nothing(),
        }
    }

    pub(crate) const fn get(name: &'static str, path: &'static str) -> Self {
        Self {
            name,
            method: Method::Get,
            path,
            query: &[],
            headers: &[],
            sends_empty_object: false,
            retry: Retry::Read,
            pages: PageStyle::None,
            accept: Accept::Json,
            optional: false,
        }
    }

    /// A read that may find nothing.
    pub(crate) const fn poll(name: &'static str, path: &'static str) -> Self {
        Self {
            optional: true,
            ..Self::get(name, path)
        }
    }

    /// A list whose pages have cursors.
    pub(crate) const fn list(name: &'static str, path: &'static str) -> Self {
        Self {
            pages: PageStyle::Pages,
            ..Self::get(name, path)
        }
    }

    /// A list that goes on after an id.
    pub(crate) const fn ids(name: &'static str, path: &'static str) -> Self {
        Self {
            pages: PageStyle::Ids,
            ..Self::get(name, path)
        }
    }

    pub(crate) const fn stream(name: &'static str, path: &'static str) -> Self {
        Self {
            accept: Accept::EventStream,
            ..Self::get(name, path)
        }
    }

    /// A `GET` whose answer is bytes of any kind.
    pub(crate) const fn bytes(name: &'static str, path: &'static str) -> Self {
        Self {
            accept: Accept::Bytes,
            ..Self::get(name, path)
        }
    }

    pub(crate) const fn post(name: &'static str, path: &'static str) -> Self {
        Self {
            method: Method::Post,
            retry: Retry::Write,
            ..Self::get(name, path)
        }
    }

    /// A `POST` that says all by its path.
    pub(crate) const fn act(name: &'static str, path: &'static str) -> Self {
        Self {
            sends_empty_object: true,
            ..Self::post(name, path)
        }
    }

    /// A `POST` that is never repeated.
    pub(crate) const fn once(name: &'static str, path: &'static str) -> Self {
        Self {
            retry: Retry::Never,
            ..Self::post(name, path)
        }
    }

    pub(crate) const fn put(name: &'static str, path: &'static str) -> Self {
        Self {
            method: Method::Put,
            ..Self::post(name, path)
        }
    }

    pub(crate) const fn delete(name: &'static str, path: &'static str) -> Self {
        Self {
            method: Method::Delete,
            ..Self::act(name, path)
        }
    }

    /// The same, with these query parameters and headers.
    pub(crate) const fn with(
        self,
        query: &'static [&'static str],
        headers: &'static [&'static str],
    ) -> Self {
        Self {
            query,
            headers,
            ..self
        }
    }
}
