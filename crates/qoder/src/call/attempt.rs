//! The attempts of a call, and the waits between them.

use std::future::Future;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::pin::pin;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::HeaderMap;
use qoder_http::retry::{Action, Attempts};
use qoder_http::time::{deadline, timeout_at};
use qoder_http::{Departure, Phase, ResponseBody, Sent};
use tokio::time::{Instant, sleep};
use tracing::Instrument;

use super::failure::{Ending, Failure, refusal};
use super::prepared::Prepared;
use super::trace::{Seen, Trace};
use crate::error::{Error, ErrorKind, Result};
use crate::response::{Meta, request_id};
use crate::shared::Shared;

/// Makes attempts until one succeeds or the policy gives up, and has the value read out of the body.
pub(super) async fn run(
    shared: &Shared,
    prepared: &Prepared,
    read: &mut (dyn FnMut(&Meta, &Bytes) -> Result<()> + Send),
) -> Result<(Meta, Bytes)> {
    let mut trace = prepared.trace(shared);
    let span = trace.span();
    async {
        let received = attempts::<http::Response<Bytes>>(shared, prepared, &mut trace).await;
        let (response, attempts) = match received {
            Ok(received) => received,
            Err(error) => return trace.finish(Err(error), None),
        };
        let (parts, body) = response.into_parts();
        let meta = Meta {
            status: parts.status,
            headers: parts.headers,
            attempts,
            elapsed: trace.started().elapsed(),
        };
        let is_read = read(&meta, &body);
        trace.finish(is_read, Some(Seen::new(meta.status, Some(body.len()))))?;
        Ok((meta, body))
    }
    .instrument(span)
    .await
}

/// Opens a stream or a download: attempts as for a read, until a head arrives; the body is the
/// caller's. Returns the number of attempts too.
pub(crate) async fn open(
    shared: &Shared,
    prepared: &Prepared,
) -> Result<(http::Response<ResponseBody>, u32)> {
    let mut trace = prepared.trace(shared);
    let span = trace.span();
    async {
        match attempts::<http::Response<ResponseBody>>(shared, prepared, &mut trace).await {
            Ok(opened) => {
                let seen = Seen::new(opened.0.status(), None);
                trace.finish(Ok(opened), Some(seen))
            }
            Err(error) => trace.finish(Err(error), None),
        }
    }
    .instrument(span)
    .await
}

async fn attempts<T: Receive>(
    shared: &Shared,
    prepared: &Prepared,
    trace: &mut Trace<'_>,
) -> Result<(T, u32)> {
    // Luck for the waits need not be the system's, which is a call of it for each call of ours.
    let seed = RandomState::new().build_hasher().finish();
    let mut policy =
        Attempts::new(prepared.retry, prepared.class, seed).with_budget(shared.budget().clone());
    let ends = prepared
        .deadline
        .and_then(|limit| deadline(trace.started(), limit));
    let mut sent = Sent::No;
    loop {
        let attempt = trace.attempt();
        let mut leaving = false;
        let departure = Departure::default();
        // Pinned, or the future of the call would have room for it twice: here, and where it is awaited.
        let one = timeout_at(
            ends,
            pin!(async {
                let granted = shared.auth().authorize().await.map_err(Failure::no_token)?;
                leaving = true;
                let sent = shared
                    .transport()
                    .send(
                        prepared.request(shared, attempt, &granted, &departure),
                        prepared.lane,
                        prepared.timeouts,
                    )
                    .await;
                let response = sent.map_err(Failure::transport)?;
                let renewable = shared.auth().answered(&granted, response.status());
                if response.status().is_success() {
                    T::receive(prepared, response).await
                } else {
                    Err(refusal(shared, response, renewable).await)
                }
            }),
        )
        .await;
        let Ok(outcome) = one else {
            let made = if leaving { attempt } else { attempt - 1 };
            let sent = match departure.sent() {
                Sent::No => sent,
                left => left,
            };
            let error = too_late(prepared, made, sent).with_idempotency_key(prepared.key());
            trace.failed(&error, None);
            return Err(error);
        };
        let failure = match outcome {
            Ok(received) => {
                policy.succeeded();
                trace.received(received.seen(), received.id());
                return Ok((received, attempt));
            }
            Err(failure) => failure,
        };
        // A request that may have left isn't taken back by another that didn't.
        if failure.error.sent() != Sent::No {
            sent = failure.error.sent();
        }
        let made = if leaving { attempt } else { attempt - 1 };
        let error = failure
            .error
            .with_attempts(made)
            .with_sent(sent)
            .with_retryable(failure.end.is_retryable(prepared.class))
            .with_idempotency_key(prepared.key());
        let left = ends.map(|ends| ends.saturating_duration_since(Instant::now()));
        let next = if prepared.is_spent() {
            Action::GiveUp
        } else {
            policy.next(&failure.end.view(), left, SystemTime::now())
        };
        match next {
            Action::Retry { after } => {
                trace.failed(&error, Some(after));
                sleep(after).await;
                policy.begins();
            }
            Action::Renew if failure.renewable => {
                trace.failed(&error, Some(Duration::ZERO));
            }
            _ => {
                trace.failed(&error, None);
                return Err(error);
            }
        }
    }
}

fn too_late(prepared: &Prepared, attempts: u32, sent: Sent) -> Error {
    let deadline = prepared.deadline.unwrap_or_default();
    let end = Ending::Failed(qoder_http::ErrorKind::Timeout(Phase::Head), sent);
    Error::new(
        ErrorKind::Timeout,
        format!("the call's deadline of {deadline:?} passed"),
    )
    .with_attempts(attempts)
    .with_sent(sent)
    .with_retryable(end.is_retryable(prepared.class))
}

/// The form in which a caller receives a success, which tells how much of it belongs to the
/// attempt.
trait Receive: Sized {
    /// Returns the facts to report about it.
    fn seen(&self) -> Seen;

    /// The server's id of the request.
    fn id(&self) -> Option<&str>;

    fn receive(
        prepared: &Prepared,
        response: http::Response<ResponseBody>,
    ) -> impl Future<Output = std::result::Result<Self, Failure>> + Send;
}

/// A success with its body in memory: if it breaks, the attempt has failed.
impl Receive for http::Response<Bytes> {
    fn seen(&self) -> Seen {
        Seen::new(self.status(), Some(self.body().len()))
    }

    fn id(&self) -> Option<&str> {
        request_id(self.headers())
    }

    async fn receive(
        prepared: &Prepared,
        response: http::Response<ResponseBody>,
    ) -> std::result::Result<Self, Failure> {
        let (parts, body) = response.into_parts();
        match body.collect(prepared.max_response).await {
            Ok(body) => Ok(http::Response::from_parts(parts, body)),
            Err(error) => {
                let end = match error.kind() {
                    // The same answer would be as large again.
                    qoder_http::ErrorKind::TooLarge => {
                        Ending::Status(parts.status.as_u16(), HeaderMap::new())
                    }
                    _ => Ending::BodyBroke,
                };
                let id = request_id(&parts.headers).map(ToOwned::to_owned);
                Err(Failure {
                    error: Error::transport(error)
                        .with_status(parts.status)
                        .with_request_id(id),
                    end,
                    renewable: false,
                })
            }
        }
    }
}

/// A head; the body is the caller's to read.
impl Receive for http::Response<ResponseBody> {
    fn seen(&self) -> Seen {
        Seen::new(self.status(), None)
    }

    fn id(&self) -> Option<&str> {
        request_id(self.headers())
    }

    async fn receive(_: &Prepared, response: Self) -> std::result::Result<Self, Failure> {
        Ok(response)
    }
}
