//! Services in the place of hyper: middleware, other clients, doubles in tests.

use std::future::{Future, poll_fn};
use std::pin::Pin;

use bytes::Bytes;
use http::{Request, Response};
use tower_service::Service;

use crate::body::ResponseBody;
use crate::error::{BoxError, Error};
use crate::request::RequestBody;

/// The boxed future of an exchange.
pub(crate) type BoxFuture<T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send>>;

/// A response that is under way.
pub(crate) type ResponseFuture = BoxFuture<Response<ResponseBody>>;

/// A service in the shape that is kept.
pub(crate) type BoxService = Box<dyn Fn(Request<RequestBody>) -> ResponseFuture + Send + Sync>;

/// Makes a function of a service, which has its own clone for each request.
pub(crate) fn boxed<S, B>(service: S) -> BoxService
where
    S: Service<Request<RequestBody>, Response = Response<B>> + Clone + Send + Sync + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    Box::new(move |request| {
        let mut service = service.clone();
        Box::pin(async move {
            let failed = |error: S::Error| Error::from_service(error.into());
            poll_fn(|cx| service.poll_ready(cx)).await.map_err(failed)?;
            let response = service.call(request).await.map_err(failed)?;
            Ok(response.map(ResponseBody::other))
        })
    })
}
