//! Calls as values: an operation with its parameters, without calling it.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::Serialize;
use serde_json::Value;

use crate::{Extra, FileUpload, Form, Method, Op, SkillCreate, SkillUpload, wire};

/// A call that is described and not made: an operation with its parameters, giving a `T`.
///
/// ```
/// use qoder_types::ops;
///
/// let mut request = ops::sessions::events::list(&"sess_1".into());
/// request.set_query("limit", 20);
/// assert_eq!(request.op().method.as_str(), "GET");
/// assert_eq!(request.target().unwrap(), "/sessions/sess_1/events?limit=20");
/// ```
pub struct Request<T> {
    plain: Plain,
    output: PhantomData<fn() -> T>,
}

/// A request, whatever it returns: what is done with it is compiled once, and not for each type.
#[derive(Clone)]
pub(crate) struct Plain {
    op: &'static Op,
    path: Result<Cow<'static, str>, RequestError>,
    query: Vec<(Cow<'static, str>, String)>,
    headers: Vec<(&'static str, String)>,
    body: Result<Option<Vec<u8>>, RequestError>,
    form: Option<Form>,
}

/// The reason why a request can't be made.
///
/// ```
/// use qoder_types::{RequestError, ops};
///
/// let error = ops::sessions::retrieve(&"..".into()).target().unwrap_err();
/// assert!(matches!(error, RequestError::PathParameter { name: "session_id", .. }));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestError {
    /// A parameter of the path is empty, `.` or `..`: the request would go somewhere else.
    PathParameter {
        /// The name of the parameter.
        name: &'static str,
        /// The value that it was given.
        value: String,
    },
    /// The path doesn't start with `/`.
    Path(String),
    /// The body can't be written as JSON, or is no object where a member was to be added.
    Body(String),
}

/// Everything but what RFC 3986, section 2.3 calls unreserved.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

impl<T> Request<T> {
    /// Makes a call of an operation whose path has no parameters, or whose parameters are yet to be
    /// given.
    pub fn new(op: &'static Op) -> Self {
        Self::of(Plain::new(op))
    }

    /// Makes a call of an operation that this crate has no description of. `path` is used as it is:
    /// it starts with `/`, is percent-encoded, and may have a query.
    pub fn undocumented(method: Method, path: &str) -> Self {
        Self::of(Plain::undocumented(method, path))
    }

    fn of(plain: Plain) -> Self {
        Self {
            plain,
            output: PhantomData,
        }
    }

    /// Returns the same request, without the type of its response.
    pub fn untyped(self) -> Request<()> {
        Request::of(self.plain)
    }

    /// Fills a parameter of the path: one segment, percent-encoded whole. If it is empty, `.` or
    /// `..`, the request has no [`target`](Self::target).
    pub fn path(mut self, name: &'static str, value: &str) -> Self {
        self.plain.path(name, value);
        self
    }

    /// Sets the JSON body.
    pub fn json(mut self, body: &impl Serialize) -> Self {
        self.plain.json(serde_json::to_vec(body));
        self
    }

    /// Sets a form as the body, in place of JSON.
    pub fn form_body(mut self, form: Form) -> Self {
        self.plain.form_body(form);
        self
    }

    /// Sets the body that an operation takes.
    pub(crate) fn with_body<B: RequestBody>(mut self, body: &B) -> Self {
        body.put(&mut self.plain);
        self
    }

    /// Sets a header.
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.plain.headers.push((name, value.into()));
        self
    }

    /// Adds a query parameter, which may be there already.
    pub fn add_query(&mut self, name: impl Into<Cow<'static, str>>, value: impl fmt::Display) {
        self.plain.query.push((name.into(), value.to_string()));
    }

    /// Sets a query parameter, in place of those of the same name.
    ///
    /// ```
    /// use qoder_types::{Method, Request};
    ///
    /// let mut request = Request::<()>::undocumented(Method::Get, "/teams?sort=name&limit=5");
    /// request.set_query("limit", 20);
    /// assert_eq!(request.target().unwrap(), "/teams?sort=name&limit=20");
    /// ```
    pub fn set_query(&mut self, name: impl Into<Cow<'static, str>>, value: impl fmt::Display) {
        self.plain.set_query(name.into(), value.to_string());
    }

    /// Returns whether a query parameter of this name is set, or is in the path of an
    /// [undocumented](Self::undocumented) operation.
    pub fn has_query(&self, name: &str) -> bool {
        self.plain.has_query(name)
    }

    /// Sets the cursor of a list, in place of any other kind of cursor; filters stay.
    pub fn set_cursor(&mut self, name: &'static str, value: &str) {
        self.plain.set_cursor(name, value);
    }

    /// Adds a member to the JSON body, which must be an object or not be there yet; or a field to
    /// the form.
    pub fn extra(&mut self, field: &str, value: Value) {
        self.plain.extra(field, value);
    }

    /// Returns the operation.
    pub fn op(&self) -> &'static Op {
        self.plain.op
    }

    /// Returns the query parameters, not encoded, but for those in the path of an
    /// [undocumented](Self::undocumented) operation.
    pub fn query(&self) -> &[(Cow<'static, str>, String)] {
        &self.plain.query
    }

    /// Returns the headers beyond those that every request has.
    pub fn headers(&self) -> &[(&'static str, String)] {
        &self.plain.headers
    }

    /// Returns the path and query below the base URL, percent-encoded.
    ///
    /// # Errors
    ///
    /// [`RequestError::PathParameter`], [`RequestError::Path`].
    pub fn target(&self) -> Result<String, RequestError> {
        self.plain.target()
    }

    /// Returns the JSON body, if there is one.
    ///
    /// # Errors
    ///
    /// [`RequestError::Body`].
    pub fn body(&self) -> Result<Option<&[u8]>, RequestError> {
        match &self.plain.body {
            Ok(body) => Ok(body.as_deref()),
            Err(error) => Err(error.clone()),
        }
    }

    /// Returns the form, if the body is one.
    pub fn form(&self) -> Option<&Form> {
        self.plain.form.as_ref()
    }
}

impl Plain {
    fn new(op: &'static Op) -> Self {
        Self {
            op,
            path: Ok(op.path.into()),
            query: Vec::new(),
            headers: Vec::new(),
            body: Ok(op.sends_empty_object.then(|| b"{}".to_vec())),
            form: None,
        }
    }

    fn undocumented(method: Method, path: &str) -> Self {
        static GET: Op = Op::get("get", "(undocumented)");
        static POST: Op = Op::post("post", "(undocumented)");
        static PUT: Op = Op::put("put", "(undocumented)");
        static DELETE: Op = Op {
            sends_empty_object: false,
            ..Op::delete("delete", "(undocumented)")
        };
        let mut request = Self::new(match method {
            Method::Get => &GET,
            Method::Post => &POST,
            Method::Put => &PUT,
            Method::Delete => &DELETE,
        });
        request.path = if path.starts_with('/') {
            Ok(path.to_owned().into())
        } else {
            Err(RequestError::Path(path.to_owned()))
        };
        request
    }

    fn path(&mut self, name: &'static str, value: &str) {
        if let Ok(path) = &self.path {
            self.path = if matches!(value, "" | "." | "..") {
                Err(RequestError::PathParameter {
                    name,
                    value: value.to_owned(),
                })
            } else {
                Ok(filled(path, name, value).into())
            };
        }
    }

    fn json(&mut self, body: serde_json::Result<Vec<u8>>) {
        self.form = None;
        self.body = body
            .map(Some)
            .map_err(|error| RequestError::Body(error.to_string()));
    }

    fn form_body(&mut self, form: Form) {
        self.body = Ok(None);
        self.form = Some(form);
    }

    fn set_query(&mut self, name: Cow<'static, str>, value: String) {
        self.remove_query(|other| other == name);
        self.query.push((name, value));
    }

    fn has_query(&self, name: &str) -> bool {
        let path = self.path.as_deref().unwrap_or_default();
        let written = path.split_once('?').map_or("", |(_, query)| query);
        let mut written = written.split('&').map(name_in);
        self.query.iter().any(|(other, _)| other == name) || written.any(|other| other == name)
    }

    fn remove_query(&mut self, is_meant: impl Fn(&str) -> bool) {
        self.query.retain(|(name, _)| !is_meant(name));
        let Ok(path) = &mut self.path else { return };
        let Some((before, query)) = path.split_once('?') else {
            return;
        };
        let kept = query.split('&').filter(|pair| !is_meant(&name_in(pair)));
        let kept = kept.collect::<Vec<_>>().join("&");
        // What names nothing of these stays as it was written.
        if kept.len() < query.len() {
            let separator = if kept.is_empty() { "" } else { "?" };
            *path = format!("{before}{separator}{kept}").into();
        }
    }

    fn set_cursor(&mut self, name: &'static str, value: &str) {
        self.remove_query(|other| matches!(other, "page" | "after_id" | "before_id"));
        self.query.push((name.into(), value.to_owned()));
    }

    fn extra(&mut self, field: &str, value: Value) {
        if let Some(form) = &mut self.form {
            form.field(field, &value);
            return;
        }
        let body = std::mem::replace(&mut self.body, Ok(None));
        self.body = body.and_then(|body| {
            let mut object: Extra = match body {
                Some(bytes) => serde_json::from_slice(&bytes).map_err(|_| {
                    RequestError::Body(format!("{field:?} can only be added to a JSON object"))
                })?,
                None => Extra::new(),
            };
            object.insert(field.to_owned(), value);
            serde_json::to_vec(&object)
                .map(Some)
                .map_err(|error| RequestError::Body(error.to_string()))
        });
    }

    fn target(&self) -> Result<String, RequestError> {
        let mut target = self.path.clone()?.into_owned();
        let mut separator = if target.contains('?') { '&' } else { '?' };
        for (name, value) in &self.query {
            target.push(separator);
            target.extend(utf8_percent_encode(name, ENCODED));
            target.push('=');
            target.extend(utf8_percent_encode(value, ENCODED));
            separator = '&';
        }
        Ok(target)
    }
}

/// A path whose parameter of this name has a value.
fn filled(path: &str, name: &str, value: &str) -> String {
    let rest = |start: &str| {
        let found = start.strip_prefix('{')?.strip_prefix(name)?;
        found.strip_prefix('}').map(str::len)
    };
    let mut starts = path.match_indices('{').map(|(at, _)| path.split_at(at));
    let found = starts.find_map(|(before, start)| Some((before, rest(start)?)));
    let Some((before, rest)) = found else {
        return path.to_owned();
    };
    let mut filled = String::with_capacity(path.len() + value.len());
    filled.push_str(before);
    filled.extend(utf8_percent_encode(value, ENCODED));
    filled.push_str(&path[path.len() - rest..]);
    filled
}

/// The name of a query parameter as it is in a URL.
fn name_in(pair: &str) -> Cow<'_, str> {
    let name = pair.split('=').next().unwrap_or_default();
    percent_decode_str(name).decode_utf8_lossy()
}

/// A type that an operation takes for its body.
pub(crate) trait RequestBody: Sized {
    /// Sets it as the body of a request.
    fn put(&self, request: &mut Plain);

    /// The body that this JSON stands for. `None` if its kind is no JSON.
    #[cfg(test)]
    fn of_json(json: Value) -> Option<Self>;
}

impl<B: wire::Wire> RequestBody for B {
    fn put(&self, request: &mut Plain) {
        request.json(serde_json::to_vec(&self.view()));
    }

    #[cfg(test)]
    fn of_json(json: Value) -> Option<Self> {
        Some(Self::read((&json).into()))
    }
}

/// Bodies that are forms.
macro_rules! forms {
    ($($name:ident),*) => {$(
        impl RequestBody for $name {
            fn put(&self, request: &mut Plain) {
                request.form_body(self.form());
            }

            #[cfg(test)]
            fn of_json(_: Value) -> Option<Self> {
                None
            }
        }
    )*};
}

forms!(FileUpload, SkillCreate, SkillUpload);

impl<T> Clone for Request<T> {
    fn clone(&self) -> Self {
        Self::of(self.plain.clone())
    }
}

/// Shows neither values nor the body, which may be secret.
impl<T> fmt::Debug for Request<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("op", &self.plain.op.name)
            .field("path", &self.plain.path)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PathParameter { name, value } if value.is_empty() => {
                write!(f, "{name} is empty: the request would go somewhere else")
            }
            Self::PathParameter { name, value } => {
                write!(
                    f,
                    "{name} is {value:?}, which is no id: the request would go somewhere else"
                )
            }
            Self::Path(path) => write!(f, "the path {path:?} doesn't start with /"),
            Self::Body(why) => write!(f, "the body can't be written: {why}"),
        }
    }
}

impl std::error::Error for RequestError {}
