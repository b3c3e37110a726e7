//! The loop around a service that the machine leaves to its caller, as a `tower` layer.

use std::future::poll_fn;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::mem;
use std::task::{Context, Poll};
use std::time::SystemTime;

use http::request::Parts;
use http::{Request, Response};
use tower_layer::Layer;
use tower_service::Service;

use super::{Action, AttemptEnding, Attempts, Class, RetryBudget, RetryPolicy};
use crate::departure::Departure;
use crate::error::{BoxError, Error};
use crate::request::RequestBody;
use crate::service::BoxFuture;

/// A `tower` layer that makes further attempts, as the [table](super) and a [`RetryPolicy`] allow.
///
/// What a request does is the [`Class`] among its extensions, and without one that of its method:
/// [`Class::of`]. Between two attempts it waits as [`Attempts`] says, `Retry-After` included. All
/// requests share one [`RetryBudget`], as do clones of the layer and of its services.
///
/// One attempt is all that a request has whose body is a [stream](RequestBody::stream), since it can
/// be read once. So has one whose response has begun: a body that breaks off is the caller's to deal
/// with. A 401 is returned, as nothing here could renew a credential. What is returned in the end is
/// the last response, whatever its status, or the last error.
///
/// There is no limit for all attempts together. A layer around this one, such as `tower`'s timeout,
/// sets it, and dropping the future ends the wait.
///
/// ```
/// use http::Request;
/// use qoder_http::retry::{Class, RetryLayer, RetryPolicy};
/// use qoder_http::{RequestBody, Transport};
/// use tower::{Service, ServiceBuilder, ServiceExt};
///
/// # async fn f() -> Result<(), Box<dyn std::error::Error>> {
/// let mut service = ServiceBuilder::new()
///     .layer(RetryLayer::new(RetryPolicy::default()))
///     .service(Transport::builder().build()?);
///
/// let request = Request::post("https://example.com/search")
///     .extension(Class::Read) // a search changes nothing
///     .body(RequestBody::from("q=tower"))?;
/// let response = service.ready().await?.call(request).await?;
/// println!("{}", response.status());
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Default)]
pub struct RetryLayer {
    policy: RetryPolicy,
    budget: RetryBudget,
}

impl RetryLayer {
    /// Returns a layer with this policy and a budget of its own.
    pub fn new(policy: RetryPolicy) -> Self {
        Self {
            policy,
            budget: RetryBudget::default(),
        }
    }

    /// Draws its retries from this budget, which others may share.
    pub fn budget(mut self, budget: RetryBudget) -> Self {
        self.budget = budget;
        self
    }
}

impl<S> Layer<S> for RetryLayer {
    type Service = Retry<S>;

    fn layer(&self, inner: S) -> Retry<S> {
        Retry {
            inner,
            with: self.clone(),
        }
    }
}

/// A service that makes further attempts; what a [`RetryLayer`] makes of another one.
#[derive(Clone, Debug)]
pub struct Retry<S> {
    inner: S,
    with: RetryLayer,
}

impl<S, B> Service<Request<RequestBody>> for Retry<S>
where
    S: Service<Request<RequestBody>, Response = Response<B>> + Clone + Send + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send,
    B: Send + 'static,
{
    type Response = Response<B>;
    type Error = Error;
    type Future = BoxFuture<Response<B>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx).map_err(failed)
    }

    fn call(&mut self, request: Request<RequestBody>) -> Self::Future {
        // The one that is ready makes the attempts.
        let next = self.inner.clone();
        let inner = mem::replace(&mut self.inner, next);
        let class = request.extensions().get().copied();
        let class = class.unwrap_or_else(|| Class::of(&request));
        let seed = RandomState::new().build_hasher().finish();
        let attempts = Attempts::new(self.with.policy, class, seed);
        let attempts = attempts.with_budget(self.with.budget.clone());
        Box::pin(run(inner, request, attempts))
    }
}

async fn run<S, B>(
    mut service: S,
    request: Request<RequestBody>,
    mut attempts: Attempts,
) -> Result<Response<B>, Error>
where
    S: Service<Request<RequestBody>, Response = Response<B>>,
    S::Error: Into<BoxError>,
{
    let (mut parts, mut body) = request.into_parts();
    loop {
        let again = body.try_clone();
        let sent = service.call(Request::from_parts(parts.clone(), body));
        let sent = sent.await.map_err(failed);
        let ending = match &sent {
            Ok(response) if response.status().is_success() => {
                attempts.succeeded();
                return sent;
            }
            Ok(response) => AttemptEnding::Status {
                status: response.status().as_u16(),
                headers: response.headers(),
            },
            Err(error) => AttemptEnding::Failed {
                kind: error.kind(),
                sent: error.sent(),
            },
        };
        let Some(again) = again else { return sent };
        let Action::Retry { after } = attempts.next(&ending, None, SystemTime::now()) else {
            return sent;
        };
        // Its connection is free for others, or closed, while this waits.
        drop(sent);
        tokio::time::sleep(after).await;
        attempts.begins();
        body = again;
        forget_departure(&mut parts);
        poll_fn(|cx| service.poll_ready(cx)).await.map_err(failed)?;
    }
}

/// It tells of one attempt. From the second on, some attempt may have left.
fn forget_departure(parts: &mut Parts) {
    if let Some(departure) = parts.extensions.remove::<Departure>() {
        departure.left();
    }
}

fn failed(error: impl Into<BoxError>) -> Error {
    Error::from_service(error.into())
}
