//! A request that has been read.

use bytes::Bytes;
use http::{HeaderMap, Method, header};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;

use crate::form::{self, Form};
use crate::query::{Query, segments};
use crate::settings::Dialect;

/// The prefix of all paths of the API.
pub(crate) const BASE: &str = "/api/v1/cloud";

#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: Method,
    /// The path, below the base if it begins with it.
    pub(crate) path: String,
    pub(crate) query: Option<String>,
    pub(crate) headers: HeaderMap,
    /// `None` if it was too large.
    pub(crate) body: Option<Bytes>,
    /// The id of the request, in the answer and in the logs of both sides.
    pub(crate) id: String,
}

impl Request {
    pub(crate) async fn read(request: http::Request<Incoming>, dialect: Dialect) -> Self {
        let (parts, body) = request.into_parts();
        let mut headers = parts.headers;
        if let Some(token) = headers.get_mut(header::AUTHORIZATION) {
            token.set_sensitive(true);
        }
        let limit = match dialect {
            _ if Form::is(text(&headers, "content-type")) => form::LONGEST,
            Dialect::Seed => 32 << 20,
            Dialect::Current => 4 << 20,
        };
        let body = Limited::new(body, limit).collect().await.ok();
        let path = parts.uri.path();
        let id = match text(&headers, "x-request-id") {
            "" => uuid::Uuid::new_v4().to_string(),
            given => given.to_owned(),
        };
        Self {
            method: parts.method,
            path: path.strip_prefix(BASE).unwrap_or(path).to_owned(),
            query: parts.uri.query().map(ToOwned::to_owned),
            headers,
            body: body.map(http_body_util::Collected::to_bytes),
            id,
        }
    }

    /// The value of a header; empty if there is none that is text.
    pub(crate) fn header(&self, name: &str) -> &str {
        text(&self.headers, name)
    }

    pub(crate) fn bearer(&self) -> Option<&str> {
        let token = self.header("authorization").strip_prefix("Bearer ")?.trim();
        Some(token).filter(|token| !token.is_empty())
    }

    pub(crate) fn query(&self) -> Query {
        Query::parse(self.query.as_deref())
    }

    pub(crate) fn segments(&self) -> Vec<String> {
        segments(&self.path)
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    value.unwrap_or_default()
}
