//! The form in which operations are written: rows.

/// The operations of a resource, a row each, and for each row a function to its request.
///
/// ```text
/// "memory_stores" {
///     /// Gets a memory store.
///     retrieve(memory_store_id: MemoryStoreId) -> MemoryStore = get "/memory_stores/{memory_store_id}";
///     /// Changes a memory store.
///     update(memory_store_id: MemoryStoreId) takes MemoryStoreUpdate -> MemoryStore = post "/memory_stores/{memory_store_id}";
///     /// Adds a file to a session, as the variant of a union: with its `type`.
///     add(session_id: SessionId) takes FileResource as SessionResource -> FileResource = post "/sessions/{session_id}/resources";
///     /// Lists memory stores, newest first.
///     list() -> Page<MemoryStore> = list "/memory_stores" ? "name" "include_archived";
/// }
/// ```
///
/// The word before the path is a constructor of [`Op`](crate::Op): `get`, `poll` (it may find
/// nothing), `list` (pages with cursors), `ids` (pages after an id), `stream`, `bytes`, `post`,
/// `act` (a `POST` of `{}`), `once` (a `POST` that is never repeated), `put`, `delete`. What follows
/// `?` are the query parameters beyond cursor and `limit`, what follows `head` the headers that only
/// this operation has. A row is held against the API's catalogue by the tests in `contract.rs`.
macro_rules! operations {
    ($resource:literal {$(
        $(#[$meta:meta])*
        $name:ident($($param:ident: $id:ty),*) $(takes $body:ident $(as $union:ident)?)? -> $output:ty
            = $kind:ident $path:literal $(? $($query:literal)+)? $(head $($header:literal)+)?;
    )*}) => {
        $(
            $(#[$meta])*
            #[inline]
            pub fn $name($($param: &$id,)* $(body: &$body)?) -> crate::Request<$output> {
                crate::Request::new(&rows::$name)
                    $(.path(stringify!($param), $param.as_str()))*
                    $(.with_body(crate::ops::row::body_of!(body: $body $(as $union)?)))?
            }
        )*

        /// The rows, by the names of their functions.
        #[allow(non_upper_case_globals, reason = "a row has the name of its function")]
        mod rows {
            use crate::Op;

            $(pub(super) static $name: Op =
                Op::$kind(concat!($resource, ".", stringify!($name)), $path)
                    .with(&[$($($query),+)?], &[$($($header),+)?]);)*
        }

        pub(in crate::ops) static ROWS: &[&crate::Op] = &[$(&rows::$name),*];

        #[cfg(test)]
        pub(in crate::ops) static CASES: &[crate::ops::contract::Case] = &[$(crate::ops::contract::Case {
            op: &rows::$name,
            request: |_id, _body| {
                $(let _body = <$body as crate::request::RequestBody>::of_json(_body)?;)?
                Some($name($(&<$id>::new(_id(stringify!($param))),)* $({
                    let body: &$body = &_body;
                    body
                })?).untyped())
            },
            again: |answer| serde_json::to_value(rows::$name.read::<$output>(answer)?),
            body: crate::ops::contract::first(&[$($body::REQUIRED)?]),
        }),*];
    };
}

pub(in crate::ops) use operations;

/// Expands to the body as it is sent: itself, or as a variant of a union.
macro_rules! body_of {
    ($body:ident: $ty:ident) => {
        $body
    };
    ($body:ident: $ty:ident as $union:ident) => {
        &$union::from(<$ty>::clone($body))
    };
}

pub(in crate::ops) use body_of;
