use qoder_types::ops::memory_stores::{self, memories, memory_versions};
use qoder_types::{
    Deleted, Memory, MemoryCreate, MemoryId, MemoryListItem, MemoryOperation, MemoryStore,
    MemoryStoreCreate, MemoryStoreId, MemoryStoreUpdate, MemoryUpdate, MemoryVersion,
    MemoryVersionId, MemoryView, ServiceAccountId, SessionId, Timestamp,
};

use super::macros::{calls, list};
use crate::call::Call;

calls! {
    /// The calls under `/memory_stores`, from [`Client::memory_stores`](crate::Client::memory_stores).
    ///
    /// A memory store holds what agents remember from one session to the next: texts under paths,
    /// with a version for each change. Sessions are given stores when they are created.
    ///
    /// ```
    /// # async fn f(client: qoder::Client) -> qoder::Result<()> {
    /// use qoder::types::{MemoryCreate, MemoryStoreCreate};
    ///
    /// let stores = client.memory_stores();
    /// let store = stores.create(MemoryStoreCreate::new("decisions")).await?;
    /// let memory = MemoryCreate::new("style/tabs.md", "Tabs, since the linter wants them.");
    /// stores.memories().create(&store.id, memory).await?;
    /// # Ok(()) }
    /// ```
    MemoryStores: memory_stores {
        /// Creates a memory store. Others may have the same name.
        create(; store: MemoryStoreCreate) -> Call<MemoryStore>,
        /// Lists memory stores, newest first.
        list() -> MemoryStoreList,
        /// Retrieves a memory store.
        retrieve(id: MemoryStoreId) -> Call<MemoryStore>,
        /// Changes a memory store. What the update leaves out is kept.
        update(id: MemoryStoreId; update: MemoryStoreUpdate) -> Call<MemoryStore>,
        /// Archives a memory store: it can be read, and no session is given it any more.
        archive(id: MemoryStoreId) -> Call<MemoryStore>,
        /// Deletes a memory store and all that is in it.
        delete(id: MemoryStoreId) -> Call<Deleted>,
    }
}

impl MemoryStores {
    /// Returns the calls for the memories of stores.
    pub fn memories(&self) -> Memories {
        Memories::new(self.shared.clone())
    }

    /// Returns the calls for the versions of memories.
    pub fn memory_versions(&self) -> MemoryVersions {
        MemoryVersions::new(self.shared.clone())
    }
}

list! {
    /// Memory stores, newest first; from [`MemoryStores::list`].
    MemoryStoreList of MemoryStore {
        /// Lists only memory stores of this name.
        name: String,
        /// Sets whether archived memory stores are listed too. Default: they are not.
        include_archived: bool,
        /// Lists only memory stores that were created at this time or later.
        created_at_gte: Timestamp as "created_at[gte]",
        /// Lists only memory stores that were created at this time or earlier.
        created_at_lte: Timestamp as "created_at[lte]",
    }
}

calls! {
    /// The calls under `/memory_stores/{id}/memories`, from [`MemoryStores::memories`].
    ///
    /// Lists, creations and changes return memories without their texts, unless the query asks for
    /// the full [view](qoder_types::MemoryView):
    ///
    /// ```
    /// # async fn f(client: qoder::Client) -> qoder::Result<()> {
    /// use qoder::types::{MemoryUpdate, MemoryView};
    ///
    /// let memories = client.memory_stores().memories();
    /// let memory = memories.retrieve("memstore_1", "mem_1").await?;
    /// // Only if nobody has changed the text since: otherwise a conflict.
    /// let update = MemoryUpdate::new().content("Spaces.").content_sha256(&memory.content_sha256);
    /// let memory = memories.update("memstore_1", "mem_1", update).query("view", MemoryView::Full).await?;
    /// println!("{:?}", memory.content);
    /// # Ok(()) }
    /// ```
    Memories: memories {
        /// Creates a memory. A path that another memory has is a
        /// [conflict](crate::Error::is_conflict).
        create(store: MemoryStoreId; memory: MemoryCreate) -> Call<Memory>,
        /// Lists memories by their paths, however deep these are.
        list(store: MemoryStoreId) -> MemoryList,
        /// Retrieves a memory with its text.
        retrieve(store: MemoryStoreId, id: MemoryId) -> Call<Memory>,
        /// Changes a memory, which makes its next version. What the update leaves out is kept.
        update(store: MemoryStoreId, id: MemoryId; update: MemoryUpdate) -> Call<Memory>,
        /// Deletes a memory. Its versions stay.
        delete(store: MemoryStoreId, id: MemoryId) -> Call<Deleted>,
    }
}

impl Memories {
    /// Deletes a memory if its text still has this [hash](Memory::content_sha256), and is a
    /// [conflict](crate::Error::is_conflict) otherwise.
    pub fn delete_unchanged(
        &self,
        store: impl Into<MemoryStoreId>,
        id: impl Into<MemoryId>,
        content_sha256: &str,
    ) -> Call<Deleted> {
        self.delete(store, id)
            .query("expected_content_sha256", content_sha256)
    }
}

list! {
    /// The memories of a store, by their paths; from [`Memories::list`].
    ///
    /// ```
    /// # async fn f(client: qoder::Client) -> qoder::Result<()> {
    /// use qoder::types::MemoryListItem;
    ///
    /// // What is at the top of `style/`, as in a directory.
    /// let mut items = client.memory_stores().memories().list("memstore_1").path_prefix("style/").depth(1).items();
    /// while let Some(item) = items.next().await {
    ///     match item? {
    ///         MemoryListItem::Memory(memory) => println!("{}", memory.path),
    ///         MemoryListItem::Prefix(prefix) => println!("{} …", prefix.path),
    ///         _ => {}
    ///     }
    /// }
    /// # Ok(()) }
    /// ```
    MemoryList of MemoryListItem {
        /// Lists only memories whose paths begin so, with a `/` at the end.
        path_prefix: String,
        /// Sets how many levels of paths are listed. What is deeper is rolled up into prefixes.
        /// Default: 0, which is all of them.
        depth: u64,
        /// Sets how much of each memory is listed. Default: all but the text.
        view: MemoryView,
    }
}

calls! {
    /// The calls under `/memory_stores/{id}/memory_versions`, from
    /// [`MemoryStores::memory_versions`].
    ///
    /// Each change of a memory leaves a version, which stays when the memory is deleted. What must
    /// not be kept can be [redacted](Self::redact).
    MemoryVersions: memory_versions {
        /// Lists the versions of all memories of a store, newest first.
        list(store: MemoryStoreId) -> MemoryVersionList,
        /// Retrieves a version with its text.
        retrieve(store: MemoryStoreId, version: MemoryVersionId) -> Call<MemoryVersion>,
        /// Removes path and text from a version. That can't be undone.
        redact(store: MemoryStoreId, version: MemoryVersionId) -> Call<MemoryVersion>,
    }
}

list! {
    /// The versions of the memories of a store, newest first; from [`MemoryVersions::list`].
    MemoryVersionList of MemoryVersion {
        /// Lists only versions of this memory.
        memory_id: MemoryId,
        /// Lists only versions that such a change left.
        operation: MemoryOperation,
        /// Lists only versions that the agent of this session made.
        session_id: SessionId,
        /// Lists only versions that were made with this API key.
        api_key_id: String,
        /// Lists only versions that this service account made.
        service_account_id: ServiceAccountId,
        /// Sets how much of each version is listed. Default: all but the text.
        view: MemoryView,
        /// Lists only versions that were made at this time or later.
        created_at_gte: Timestamp as "created_at[gte]",
        /// Lists only versions that were made at this time or earlier.
        created_at_lte: Timestamp as "created_at[lte]",
    }
}
