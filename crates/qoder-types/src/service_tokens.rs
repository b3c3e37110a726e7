//! The short-lived tokens of service accounts.

use crate::{Secret, Timestamp};

object! {
    /// A short-lived token of a service account.
    ServiceToken {
        /// The token.
        access_token: Secret,
        /// The kind of token: `Bearer`.
        token_type: String,
        /// The token's lifetime in seconds: 1 to 43,200.
        expires_in: u64,
        /// Until when the token can be used. `None` if the server doesn't say.
        expires_at?: Timestamp,
    }
}
