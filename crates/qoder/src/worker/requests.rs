//! The requests of a worker, and the meaning of their results.

use std::future::IntoFuture;
use std::time::Duration;

use qoder_types::{WorkHeartbeat, WorkState};
use serde::de::DeserializeOwned;

use super::machine::{Beat, BeatState};
use super::tasks::Running;
use crate::call::{Call, CallOptions};
use crate::error::{Error, ErrorKind, Result};

/// The meaning of a failed request for the machine.
pub(super) enum Failure {
    Transient(Option<Duration>),
    Refused,
}

/// Sends a request once: attempts are the machine's to count.
pub(super) fn send<T: DeserializeOwned + Send + 'static, N: 'static>(
    call: Call<T>,
    key: Option<String>,
    limit: Duration,
    news: fn(Result<T>) -> N,
) -> Running<'static, N> {
    let call = call.options(|options: CallOptions| {
        let options = options.retries(0).timeout(limit);
        match key {
            Some(key) => options.idempotency_key(key),
            None => options,
        }
    });
    let sent = call.into_future();
    Box::pin(async move { news(sent.await) })
}

pub(super) fn beat_of(beat: WorkHeartbeat) -> Beat {
    Beat {
        state: match beat.state {
            WorkState::Stopping => BeatState::Stopping,
            WorkState::Stopped => BeatState::Stopped,
            _ => BeatState::Active,
        },
        ttl: Duration::from_secs(beat.ttl_seconds),
        extended: beat.lease_extended,
        last: beat.last_heartbeat,
    }
}

/// Returns the meaning of an error. A heartbeat is refused only by an error that says that the work
/// is not this worker's; any other may pass while the lease lasts, and the handler goes on.
pub(super) fn failure(error: &Error, of_heartbeat: bool) -> Failure {
    let transient = Failure::Transient(error.retry_after());
    match error.kind() {
        ErrorKind::Api => {}
        ErrorKind::Input => return Failure::Refused,
        ErrorKind::Config | ErrorKind::Credentials if !of_heartbeat && !error.is_transient() => {
            return Failure::Refused;
        }
        _ => return transient,
    }
    match error.status().map(|status| status.as_u16()) {
        Some(404 | 409 | 410 | 412) if of_heartbeat => Failure::Refused,
        _ if !of_heartbeat && error.is_refusal() => Failure::Refused,
        _ => transient,
    }
}
