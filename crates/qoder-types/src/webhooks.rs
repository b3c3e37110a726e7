//! Webhooks: what the platform posts to the caller's own server.

use serde_json::Value;

use crate::Timestamp;

object! {
    /// What a webhook delivers.
    WebhookEvent {
        /// The id, the same for every delivery of the event.
        id!: String,
        /// When it happened.
        created_at: Timestamp,
        /// What happened.
        data: Value,
    }
}
