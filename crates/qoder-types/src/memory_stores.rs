//! Memory stores: what agents remember from one session to the next.

use crate::wire::deserialize_by_wire;
use crate::{
    Extra, MemoryId, MemoryStoreId, MemoryVersionId, ServiceAccountId, SessionId, Timestamp,
};

object! {
    /// A store of memories, which sessions are given as a resource.
    MemoryStore {
        /// The store's id.
        id!: MemoryStoreId,
        /// The name, which other stores may have too.
        name: String,
        /// A description of the store's purpose, which the agent reads. `None` if none was given.
        description?: String,
        /// Whether the store can be used. `None` if the server doesn't say.
        status?: MemoryStoreStatus,
        /// The number of memories in the store.
        entry_count?: u64,
        /// The size of all memories in bytes.
        total_size?: u64,
        /// The caller's own data: texts by key. `None` if there is none.
        metadata?: Extra,
        /// When the store was archived. `None` while it is live.
        archived_at?: Timestamp,
        /// When the store was created.
        created_at: Timestamp,
        /// When the store was last changed.
        updated_at: Timestamp,
    }
}

open_enum! {
    /// Whether a memory store can be used.
    MemoryStoreStatus {
        /// It can.
        Active = "active",
        /// It can be read, and no session is given it any more.
        Archived = "archived",
        /// It is being deleted.
        Deleted = "deleted",
    }
}

body! {
    /// Creates a memory store.
    ///
    /// ```
    /// use qoder_types::MemoryStoreCreate;
    ///
    /// let store = MemoryStoreCreate::new("decisions").description("Why the code is as it is.");
    /// assert_eq!(
    ///     serde_json::to_value(&store).unwrap(),
    ///     serde_json::json!({"name": "decisions", "description": "Why the code is as it is."}),
    /// );
    /// ```
    MemoryStoreCreate {
        /// The name: 1 to 255 characters.
        name: String,
        ;
        /// A description of the store's purpose, which the agent reads: at most 1,024 characters.
        description: String,
        /// The caller's own data: at most 16 entries, of keys with up to 64 and values with up to
        /// 512 characters.
        metadata{}: String,
    }
}

body! {
    /// Changes a memory store. What is left out stays as it is.
    MemoryStoreUpdate {
        ;
        /// The new name: 1 to 255 characters.
        name: String,
        /// A description of the store's purpose: at most 1,024 characters.
        description: String | null,
        /// Changes to single entries of the metadata; the others stay.
        metadata{}: String | null,
    }
}

object! {
    /// A memory: a text under a path.
    Memory {
        /// The memory's id.
        id!: MemoryId,
        /// The store that the memory is in.
        memory_store_id: MemoryStoreId = "memory_store_id" | "store_id",
        /// The version that this is. Each change makes a new one.
        memory_version_id: MemoryVersionId,
        /// The path: relative, and case-sensitive.
        path: String,
        /// The text. `None` in the basic view.
        content?: String,
        /// The SHA-256 of the text's UTF-8, as 64 hexadecimal digits in lower case.
        content_sha256: String,
        /// The size of the text in bytes.
        content_size_bytes: u64 = "content_size_bytes" | "size",
        /// The caller's own data: texts by key. `None` if there is none.
        metadata?: Extra,
        /// When the memory was created.
        created_at: Timestamp,
        /// When the memory was last changed.
        updated_at: Timestamp,
    }
}

tagged! {
    /// An item of a list of memories.
    MemoryListItem {
        /// A memory.
        Memory(Box<Memory>) = "memory",
        /// The memories below the depth of the list, rolled up into their prefix.
        Prefix(MemoryPrefix) = "memory_prefix",
    }
}

deserialize_by_wire!(MemoryListItem);

object! {
    /// The beginning of the paths of memories that are deeper than a list goes.
    MemoryPrefix {
        /// The beginning, which ends with `/`.
        path: String,
    }
}

body! {
    /// Creates a memory.
    ///
    /// ```
    /// use qoder_types::MemoryCreate;
    ///
    /// let memory = MemoryCreate::new("style/rust.md", "Tabs, since the linter wants them.")
    ///     .metadata("origin", "review");
    /// assert_eq!(memory.path, "style/rust.md");
    /// ```
    MemoryCreate {
        /// The path: at most 1,024 bytes, relative, and not that of another memory.
        path: String,
        /// The text: at most 100 kB. It may be empty.
        content: String,
        ;
        /// The caller's own data: at most 16 entries, of keys with up to 64 and values with up to
        /// 512 characters.
        metadata{}: String,
    }
}

body! {
    /// Changes a memory, which gives it a new version. What is left out stays as it is.
    ///
    /// ```
    /// # use qoder_types::Memory;
    /// use qoder_types::MemoryUpdate;
    ///
    /// # let memory: Memory = serde_json::from_str(r#"{"id":"mem_1","content_sha256":"9f86d0"}"#).unwrap();
    /// let update = MemoryUpdate::new()
    ///     .content("Tabs, since the linter wants them.")
    ///     .content_sha256(&memory.content_sha256); // only if nobody has changed it since
    /// # assert_eq!(serde_json::to_value(&update).unwrap()["content_sha256"], "9f86d0");
    /// ```
    MemoryUpdate {
        ;
        /// The new text: at most 100 kB. It may be empty.
        content: String,
        /// The new path: at most 1,024 bytes, and not that of another memory.
        path: String,
        /// The [`Memory::content_sha256`] of the text that is replaced. If it is another by now,
        /// the call fails with a conflict, unless the memory is already as it is to be. Left out,
        /// whatever is there is replaced.
        content_sha256: String,
        /// Changes to single entries of the metadata; the others stay.
        metadata{}: String | null,
    }
}

object! {
    /// A memory as it was after a change of it.
    ///
    /// A [redacted](Self::redacted_at) version has neither path nor text, nor what tells of it.
    MemoryVersion {
        /// The version's id.
        id!: MemoryVersionId,
        /// The memory.
        memory_id: MemoryId,
        /// The store that the memory is or was in.
        memory_store_id: MemoryStoreId,
        /// The kind of the change.
        operation: MemoryOperation,
        /// The path. `None` if the version is redacted.
        path?: String,
        /// The text. `None` in the basic view, of a deletion, and if the version is redacted.
        content?: String,
        /// The SHA-256 of the text's UTF-8, as 64 hexadecimal digits in lower case. `None` if the
        /// version is redacted.
        content_sha256?: String,
        /// The size of the text in bytes. `None` if the version is redacted.
        content_size_bytes?: u64,
        /// The actor who made the change. `None` if the server doesn't say.
        created_by?: Actor,
        /// When the change was made.
        created_at: Timestamp,
        /// When the version was redacted. `None` if it wasn't.
        redacted_at?: Timestamp,
        /// The actor who redacted the version. `None` if it wasn't.
        redacted_by?: Actor,
    }
}

open_enum! {
    /// The kind of a change of a memory.
    MemoryOperation {
        /// It was created.
        Created = "created",
        /// Its text or its path was changed.
        Modified = "modified",
        /// It was deleted.
        Deleted = "deleted",
    }
}

open_enum! {
    /// The part of a memory that is returned.
    MemoryView {
        /// All but the text. The default of lists, creations and changes.
        Basic = "basic",
        /// The text too. The default where one memory is retrieved. A list has at most 20 to a
        /// page then.
        Full = "full",
    }
}

tagged! {
    /// The actor behind a change: an agent, an API key, a user or a service account.
    Actor {
        /// An agent, in a session.
        Session(SessionActor) = "session_actor",
        /// Whoever has an API key.
        Api(ApiActor) = "api_actor",
        /// A user.
        User(UserActor) = "user_actor",
        /// A service account.
        ServiceAccount(ServiceAccountActor) = "service_account_actor",
    }
}

deserialize_by_wire!(Actor);

object! {
    /// An agent that did something in a session.
    SessionActor {
        /// The session.
        session_id: SessionId,
    }
}

object! {
    /// Whoever did something with an API key.
    ApiActor {
        /// The key's id.
        api_key_id: String,
    }
}

object! {
    /// A user who did something.
    UserActor {
        /// The user's id.
        user_id: String,
    }
}

object! {
    /// A service account that did something.
    ServiceAccountActor {
        /// The account's id.
        service_account_id: ServiceAccountId,
    }
}

impl From<&MemoryStore> for MemoryStoreId {
    fn from(store: &MemoryStore) -> Self {
        store.id.clone()
    }
}

impl From<&Memory> for MemoryId {
    fn from(memory: &Memory) -> Self {
        memory.id.clone()
    }
}

impl From<&MemoryVersion> for MemoryVersionId {
    fn from(version: &MemoryVersion) -> Self {
        version.id.clone()
    }
}
