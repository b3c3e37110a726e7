//! The replies of operations.

use bytes::Bytes;

use crate::json::Json;
use crate::refusal::Refusal;

/// An answer that is no error.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) mime_type: String,
    pub(crate) body: Bytes,
}

pub(crate) type Answer = Result<Reply, Refusal>;

impl Reply {
    /// A document, with 202: it is not done yet.
    pub(crate) fn accepted(body: Json) -> Self {
        Self {
            status: 202,
            ..body.into()
        }
    }

    /// Whether there is nothing to answer with.
    pub(crate) fn is_null(&self) -> bool {
        self.body == "null"
    }
}

impl From<Json> for Reply {
    fn from(body: Json) -> Self {
        Self {
            status: 200,
            mime_type: "application/json".to_owned(),
            body: body.to_string().into(),
        }
    }
}
