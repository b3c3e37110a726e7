//! Operations under `/memory_stores`.

use super::row::operations;
use crate::{Deleted, MemoryStore, MemoryStoreCreate, MemoryStoreId, MemoryStoreUpdate, Page};

operations! { "memory_stores" {
    /// Creates a memory store.
    create() takes MemoryStoreCreate -> MemoryStore = post "/memory_stores";
    /// Lists memory stores, newest first.
    list() -> Page<MemoryStore> = list "/memory_stores"
        ? "name" "created_at[gte]" "created_at[lte]" "include_archived";
    /// Gets a memory store.
    retrieve(memory_store_id: MemoryStoreId) -> MemoryStore
        = get "/memory_stores/{memory_store_id}";
    /// Changes a memory store.
    update(memory_store_id: MemoryStoreId) takes MemoryStoreUpdate -> MemoryStore
        = post "/memory_stores/{memory_store_id}";
    /// Archives a memory store.
    archive(memory_store_id: MemoryStoreId) -> MemoryStore
        = act "/memory_stores/{memory_store_id}/archive";
    /// Deletes a memory store and all that is in it.
    delete(memory_store_id: MemoryStoreId) -> Deleted = delete "/memory_stores/{memory_store_id}";
} }

/// Operations under `/memory_stores/{memory_store_id}/memories`.
pub mod memories {
    use super::{Deleted, MemoryStoreId, Page, operations};
    use crate::{Memory, MemoryCreate, MemoryId, MemoryListItem, MemoryUpdate};

    operations! { "memory_stores.memories" {
        /// Creates a memory.
        create(memory_store_id: MemoryStoreId) takes MemoryCreate -> Memory
            = post "/memory_stores/{memory_store_id}/memories" ? "view";
        /// Lists memories by their paths.
        list(memory_store_id: MemoryStoreId) -> Page<MemoryListItem>
            = list "/memory_stores/{memory_store_id}/memories" ? "depth" "path_prefix" "view";
        /// Gets a memory.
        retrieve(memory_store_id: MemoryStoreId, memory_id: MemoryId) -> Memory
            = get "/memory_stores/{memory_store_id}/memories/{memory_id}" ? "view";
        /// Changes a memory.
        update(memory_store_id: MemoryStoreId, memory_id: MemoryId) takes MemoryUpdate -> Memory
            = post "/memory_stores/{memory_store_id}/memories/{memory_id}" ? "view";
        /// Deletes a memory. Its versions stay.
        delete(memory_store_id: MemoryStoreId, memory_id: MemoryId) -> Deleted
            = delete "/memory_stores/{memory_store_id}/memories/{memory_id}"
            ? "expected_content_sha256";
    } }
}

/// Operations under `/memory_stores/{memory_store_id}/memory_versions`.
pub mod memory_versions {
    use super::{MemoryStoreId, Page, operations};
    use crate::{MemoryVersion, MemoryVersionId};

    operations! { "memory_stores.memory_versions" {
        /// Lists the versions of memories, newest first.
        list(memory_store_id: MemoryStoreId) -> Page<MemoryVersion>
            = list "/memory_stores/{memory_store_id}/memory_versions"
            ? "api_key_id" "created_at[gte]" "created_at[lte]" "memory_id" "operation"
              "service_account_id" "session_id" "view";
        /// Gets a version.
        retrieve(memory_store_id: MemoryStoreId, memory_version_id: MemoryVersionId) -> MemoryVersion
            = get "/memory_stores/{memory_store_id}/memory_versions/{memory_version_id}" ? "view";
        /// Removes path and text from a version, permanently.
        redact(memory_store_id: MemoryStoreId, memory_version_id: MemoryVersionId) -> MemoryVersion
            = act "/memory_stores/{memory_store_id}/memory_versions/{memory_version_id}/redact";
    } }
}
