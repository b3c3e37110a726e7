//! JSON in and out of bodies.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::body::ResponseBody;
use crate::error::{Error, ErrorKind, Sent};
use crate::request::RequestBody;

impl RequestBody {
    /// Returns a body of this value's JSON. The `content-type` is the request's.
    ///
    /// ```
    /// use http::{Request, header::CONTENT_TYPE};
    /// use qoder_http::RequestBody;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let body = RequestBody::json(&["a", "b"])?;
    /// assert_eq!(body.len(), Some(9));
    /// let request = Request::post("https://example.com/")
    ///     .header(CONTENT_TYPE, "application/json")
    ///     .body(body)?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Json`] if the value has no JSON, such as a map whose keys are no texts.
    pub fn json<T: Serialize + ?Sized>(value: &T) -> Result<Self, Error> {
        match serde_json::to_vec(value) {
            Ok(bytes) => Ok(bytes.into()),
            Err(error) => {
                let message = format!("the body of the request can't be written as JSON: {error}");
                Err(Error::new(ErrorKind::Json, Sent::No, message))
            }
        }
    }
}

impl ResponseBody {
    /// Reads the whole body, as [`collect`](Self::collect) does, and returns the value of its JSON.
    /// The `content-type` is not looked at.
    ///
    /// ```
    /// use http::Request;
    /// use qoder_http::{Lane, RequestBody, Timeouts, Transport};
    ///
    /// # async fn f(transport: Transport) -> Result<(), Box<dyn std::error::Error>> {
    /// let request = Request::get("https://example.com/names").body(RequestBody::empty())?;
    /// let response = transport.send(request, Lane::Call, Timeouts::default()).await?;
    /// let names: Vec<String> = response.into_body().json(1 << 20).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Json`] if the body is no JSON or has another shape; its text says where, and holds
    /// nothing of the body. Those of [`collect`](Self::collect).
    pub async fn json<T: DeserializeOwned>(self, limit: usize) -> Result<T, Error> {
        let bytes = self.collect(limit).await?;
        serde_json::from_slice(&bytes).map_err(|error| {
            let message = format!(
                "the body of the response is not the expected JSON: {}",
                why(&error)
            );
            Error::new(ErrorKind::Json, Sent::Yes, message)
        })
    }
}

/// Returns serde's message without its quotes of the body, which may be secret. Names of fields and
/// expected types are the program's own.
fn why(error: &serde_json::Error) -> String {
    let text = error.to_string();
    if error.is_syntax() || error.is_eof() || text.starts_with("missing field") {
        return text;
    }
    match text.rsplit_once(", expected ") {
        Some((_, expected)) => format!("expected {expected}"),
        None => format!(
            "another shape at line {} column {}",
            error.line(),
            error.column()
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    struct Order {
        id: u64,
    }

    async fn read(body: &'static str) -> Result<Order, Error> {
        let body = http_body_util::Full::new(bytes::Bytes::from(body));
        ResponseBody::other(body).json(100).await
    }

    #[tokio::test]
    async fn a_value_goes_out_and_comes_in() {
        assert_eq!(
            read(r#"{"id":7}"#).await.expect("an order"),
            Order { id: 7 }
        );
        let body = RequestBody::json(&HashMap::from([("id", 7)])).expect("a body");
        assert_eq!(body.len(), Some(8));
        let error = RequestBody::json(&HashMap::from([((1, 2), 3)])).expect_err("no text");
        assert_eq!((error.kind(), error.sent()), (ErrorKind::Json, Sent::No));
    }

    #[tokio::test]
    async fn an_error_says_where_and_quotes_nothing() {
        for (body, words) in [
            (r#"{"id":"secret"}"#, "expected u64 at line 1 column"),
            (
                r#"{"id":"secret, expected secret"}"#,
                "expected u64 at line 1 column",
            ),
            (r#"{"secret":1}"#, "missing field `id`"),
            ("secret", "expected value at line 1 column 1"),
            ("", "EOF while parsing"),
        ] {
            let error = read(body).await.expect_err(words);
            assert_eq!((error.kind(), error.sent()), (ErrorKind::Json, Sent::Yes));
            let text = error.to_string();
            assert!(text.contains(words) && !text.contains("secret"), "{text}");
        }
    }
}
