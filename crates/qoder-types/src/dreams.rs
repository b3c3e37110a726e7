//! Dreams: jobs that turn what sessions went through into memories.

use crate::wire::deserialize_by_wire;
use crate::{DreamId, MemoryStoreId, ModelRef, SessionId, Timestamp};

object! {
    /// A dream: a job that reads memories and sessions and writes a memory store from them.
    Dream {
        /// The dream's id.
        id!: DreamId,
        /// The dream's status.
        status: DreamStatus,
        /// The inputs of the dream.
        inputs: Vec<DreamInput>,
        /// The destination of what the dream writes.
        output_behavior: DreamOutputBehavior,
        /// The outputs of the dream. Empty before that.
        outputs: Vec<DreamOutput>,
        /// The model that dreams.
        model: ModelRef,
        /// The instructions that the dream was given. Empty if none were.
        instructions: String,
        /// The session that the dream runs in. `None` before it has one.
        session_id?: SessionId,
        /// The dream's usage so far.
        usage: DreamUsage,
        /// The reason why the dream failed. `None` if it didn't.
        error?: DreamError,
        /// When the dream was archived. `None` while it is live.
        archived_at?: Timestamp,
        /// When the dream was created.
        created_at: Timestamp,
        /// When the dream was completed, failed or was cancelled. `None` before that.
        ended_at?: Timestamp,
    }
}

open_enum! {
    /// The status of a dream.
    DreamStatus {
        /// It waits for its turn.
        Pending = "pending",
        /// It is at work.
        Running = "running",
        /// It is over, and its outputs are there.
        Completed = "completed",
        /// It is over, and [`Dream::error`] says why.
        Failed = "failed",
        /// It was cancelled.
        Canceled = "canceled",
    }
}

impl Dream {
    /// Returns whether the dream is over, in whatever way.
    pub fn has_ended(&self) -> bool {
        use DreamStatus::{Canceled, Completed, Failed};
        matches!(self.status, Completed | Failed | Canceled)
    }
}

tagged! {
    /// An input of a dream.
    DreamInput {
        /// The memories of a store.
        MemoryStore(DreamMemoryStore) = "memory_store",
        /// The events of sessions.
        Sessions(DreamSessions) = "sessions",
    }
}

deserialize_by_wire!(DreamInput);

impl DreamInput {
    /// Reads the memories of a store.
    pub fn memory_store(memory_store_id: impl Into<MemoryStoreId>) -> Self {
        DreamMemoryStore::new(memory_store_id).into()
    }

    /// Reads what happened in these sessions.
    pub fn sessions<I: Into<SessionId>>(session_ids: impl IntoIterator<Item = I>) -> Self {
        let ids: Vec<SessionId> = session_ids.into_iter().map(Into::into).collect();
        DreamSessions::new(ids).into()
    }
}

body! {
    /// A memory store that a dream reads.
    DreamMemoryStore {
        /// The store.
        memory_store_id: MemoryStoreId,
    }
}

body! {
    /// Sessions that a dream reads.
    DreamSessions {
        /// The sessions.
        session_ids: Vec<SessionId>,
    }
}

tagged! {
    /// The destination of what a dream writes.
    DreamOutputBehavior {
        /// Into a new memory store.
        CreateNew(DreamIntoNew) = "create_new",
        /// Into a memory store that there is.
        UpdateExisting(DreamIntoExisting) = "update_existing",
    }
}

deserialize_by_wire!(DreamOutputBehavior);

impl DreamOutputBehavior {
    /// Writes into a new memory store, which is then among the outputs.
    pub fn create_new() -> Self {
        DreamIntoNew::new().into()
    }

    /// Writes into this memory store.
    pub fn update_existing(memory_store_id: impl Into<MemoryStoreId>) -> Self {
        DreamIntoExisting::new(memory_store_id).into()
    }
}

body! {
    /// A dream writes into a new memory store.
    DreamIntoNew { ; }
}

body! {
    /// A dream writes into a memory store that there is.
    DreamIntoExisting {
        /// The store.
        memory_store_id: MemoryStoreId,
    }
}

object! {
    /// An output of a dream.
    DreamOutput {
        /// The kind of output: `memory_store`.
        kind: String = "type",
        /// The store that the dream wrote into.
        memory_store_id: MemoryStoreId,
        /// The paths of the memories that the dream wrote. `None` if the server doesn't say.
        files_touched?: Vec<String>,
    }
}

object! {
    /// A dream's usage so far, in tokens.
    DreamUsage {
        /// Tokens of input.
        input_tokens: u64,
        /// Tokens of input that came from a cache.
        cache_read_input_tokens: u64,
        /// Tokens of input that went into a cache.
        cache_creation_input_tokens: u64,
        /// Tokens of output.
        output_tokens: u64,
    }
}

object! {
    /// The reason why a dream failed.
    DreamError {
        /// The kind of error.
        kind: String = "type",
        /// The error in words.
        message: String,
    }
}

body! {
    /// Starts a dream.
    ///
    /// ```
    /// use qoder_types::{DreamCreate, DreamInput};
    ///
    /// let inputs = [DreamInput::memory_store("memstore_1"), DreamInput::sessions(["sess_1"])];
    /// let dream = DreamCreate::new(inputs, "ultimate").instructions("Keep what was decided, and why.");
    /// assert_eq!(
    ///     serde_json::to_value(&dream).unwrap(),
    ///     serde_json::json!({
    ///         "inputs": [
    ///             {"type": "memory_store", "memory_store_id": "memstore_1"},
    ///             {"type": "sessions", "session_ids": ["sess_1"]},
    ///         ],
    ///         "model": "ultimate",
    ///         "instructions": "Keep what was decided, and why.",
    ///     }),
    /// );
    /// ```
    DreamCreate {
        /// The inputs of the dream.
        inputs: Vec<DreamInput>,
        /// The model that dreams: its id, or a [`ModelRef`] with its id and speed.
        model: ModelRef,
        ;
        /// Instructions on what to look for. The server's own if left out.
        instructions: String,
        /// The destination of what the dream writes. A new memory store if left out.
        output_behavior: DreamOutputBehavior,
    }
}

impl From<&Dream> for DreamId {
    fn from(dream: &Dream) -> Self {
        dream.id.clone()
    }
}
