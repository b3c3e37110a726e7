//! Webhooks: what the platform posts to the caller's own server.

use crate::wire::deserialize_by_wire;
use crate::{SessionId, Timestamp};

object! {
    /// A delivery of a webhook.
    WebhookEvent {
        /// The id, the same for every delivery of the event.
        id!: String,
        /// When it happened.
        created_at: Timestamp,
        /// The event that is delivered. `None` in some of the events that only test an endpoint.
        data?: WebhookData,
    }
}

tagged! {
    /// The event that a webhook delivers. There are more types than are documented: one that this
    /// release doesn't know is kept whole, and [`type_name`](Self::type_name) returns it.
    ///
    /// ```
    /// use qoder_types::{WebhookData, WebhookEvent};
    ///
    /// let body = r#"{"id": "whevt_1", "data": {"type": "session.status_idled", "id": "sess_1"}}"#;
    /// let event: WebhookEvent = serde_json::from_str(body).unwrap();
    /// match event.data {
    ///     Some(WebhookData::SessionStatusIdled(session)) => assert_eq!(session.id.as_str(), "sess_1"),
    ///     other => panic!("{other:?}"),
    /// }
    /// ```
    WebhookData without From {
        /// A session was created.
        SessionCreated(WebhookSession) = "session.created",
        /// A session was changed.
        SessionUpdated(WebhookSession) = "session.updated",
        /// A session was archived.
        SessionArchived(WebhookSession) = "session.archived",
        /// A session was deleted.
        SessionDeleted(WebhookSession) = "session.deleted",
        /// A session began to work.
        SessionStatusRunStarted(WebhookSession) = "session.status_run_started",
        /// A session has ended its turn.
        SessionStatusIdled(WebhookSession) = "session.status_idled",
        /// A schedule was created.
        ForwardScheduleCreated(WebhookSchedule) = "forward.schedule.created",
        /// A run of a schedule has succeeded.
        ForwardScheduleRunSucceeded(WebhookScheduleRun) = "forward.schedule_run.succeeded",
        /// A run of a schedule has failed.
        ForwardScheduleRunFailed(WebhookScheduleRun) = "forward.schedule_run.failed",
    }
}

deserialize_by_wire!(WebhookData);

impl WebhookData {
    /// Returns the id of the resource that the event is about. `None` if there is none.
    pub fn id(&self) -> Option<&str> {
        match self {
            Self::SessionCreated(session)
            | Self::SessionUpdated(session)
            | Self::SessionArchived(session)
            | Self::SessionDeleted(session)
            | Self::SessionStatusRunStarted(session)
            | Self::SessionStatusIdled(session) => Some(session.id.as_str()),
            Self::ForwardScheduleCreated(schedule) => Some(&schedule.id),
            Self::ForwardScheduleRunSucceeded(run) | Self::ForwardScheduleRunFailed(run) => {
                Some(&run.id)
            }
            Self::Other(value) => value.get("id")?.as_str(),
        }
    }
}

object! {
    /// A session that something happened to. It says no more: what the session is now, the API
    /// tells.
    WebhookSession {
        /// The session.
        id: SessionId,
        /// The version of this form. `None` if the server doesn't say.
        schema_version?: u64,
    }
}

object! {
    /// A schedule that something happened to.
    WebhookSchedule {
        /// The schedule's id.
        id: String,
        /// The version of this form. `None` if the server doesn't say.
        schema_version?: u64,
    }
}

object! {
    /// A run of a schedule that is over.
    WebhookScheduleRun {
        /// The run's id.
        id: String,
        /// The version of this form. `None` if the server doesn't say.
        schema_version?: u64,
        /// The run's id.
        run_id: String,
        /// The schedule's id.
        schedule_id: String,
        /// The id of the identity that the run was for.
        identity_id: String,
        /// The id of the template that the run was made of.
        template_id: String,
        /// The result of the run: `completed` or `failed`.
        status: String,
        /// The trigger that started the run, such as `schedule`.
        trigger_type: String,
        /// The number of the attempt, from 1.
        attempt: u64,
        /// The result of the message to the identity's channel, such as `succeeded`. It says
        /// nothing about the run itself.
        push_status: String,
        /// The duration of the run, in milliseconds.
        duration_ms: u64,
        /// The origin of the run. `None` if the server doesn't say.
        source?: String,
        /// The session that the run came from. `None` if there is none.
        source_session_id?: SessionId,
    }
}
