//! Memory stores, memories, and their versions.

use qoder::Client;
use qoder::types::{
    MemoryCreate, MemoryListItem, MemoryOperation, MemoryStoreCreate, MemoryStoreUpdate,
    MemoryUpdate, MemoryView, Patch,
};

use crate::Outcome;
use crate::pages::three_pages;

pub(crate) async fn walk(client: &Client) -> Outcome {
    let stores = client.memory_stores();
    let mut ids = Vec::new();
    for name in ["decisions", "people", "gone"] {
        let store = MemoryStoreCreate::new(name)
            .description("For tests.")
            .metadata("team", "build");
        ids.push(stores.create(store).await?.id);
    }
    let id = &ids[0];
    let update = MemoryStoreUpdate::new()
        .name("renamed")
        .description(Patch::Clear)
        .metadata("team", Patch::Clear);
    assert_eq!(stores.update(id, update).await?.name, "renamed");
    assert_eq!(stores.retrieve(id).await?.name, "renamed");
    three_pages(stores.list(), |store| store.id.to_string()).await?;
    assert_eq!(stores.list().name("renamed").await?.data.len(), 1);

    let memories = stores.memories();
    let mut last = None;
    for path in ["code/style.md", "code/tests.md", "people.md"] {
        let memory = MemoryCreate::new(path, "Tabs.").metadata("by", "test");
        let call = memories.create(id, memory).query("view", MemoryView::Full);
        let memory = call.await?;
        assert_eq!(memory.content.as_deref(), Some("Tabs."));
        last = Some(memory);
    }
    let memory = last.ok_or("no memory")?;
    let name = |item: &MemoryListItem| format!("{item:?}");
    three_pages(memories.list(id).view(MemoryView::Full), name).await?;
    let rolled_up = memories.list(id).depth(1).await?;
    assert!(
        rolled_up
            .data
            .iter()
            .any(|item| matches!(item, MemoryListItem::Prefix(_)))
    );
    assert_eq!(memories.list(id).path_prefix("code/").await?.data.len(), 2);

    let update = MemoryUpdate::new()
        .content("Spaces.")
        .path("folks.md")
        .metadata("by", Patch::Clear)
        .content_sha256(&memory.content_sha256);
    let call = memories.update(id, &memory.id, update.clone());
    let changed = call.query("view", MemoryView::Basic).await?;
    assert_eq!((changed.path.as_str(), changed.content), ("folks.md", None));
    let stale = memories
        .update(id, &memory.id, update.content("Both."))
        .await;
    assert!(
        stale.is_err_and(|error| error.is_conflict()),
        "its text is another by now"
    );
    let call = memories
        .retrieve(id, &memory.id)
        .query("view", MemoryView::Full);
    assert_eq!(call.await?.content.as_deref(), Some("Spaces."));

    let versions = stores.memory_versions();
    three_pages(versions.list(id), |version| version.id.to_string()).await?;
    let modified = versions
        .list(id)
        .memory_id(&memory.id)
        .operation(MemoryOperation::Modified)
        .view(MemoryView::Full)
        .created_at_gte("2020-01-01T00:00:00Z")
        .created_at_lte("2120-01-01T00:00:00Z")
        .await?;
    assert_eq!(modified.data.len(), 1);
    for none in [
        versions.list(id).session_id("sess_none"),
        versions.list(id).api_key_id("key_none"),
        versions.list(id).service_account_id("sa_none"),
    ] {
        assert!(none.await?.data.is_empty());
    }
    let version = &modified.data[0].id;
    let call = versions
        .retrieve(id, version)
        .query("view", MemoryView::Full);
    assert_eq!(call.await?.content.as_deref(), Some("Spaces."));
    let redacted = versions.redact(id, version).await?;
    assert!(redacted.redacted_at.is_some() && redacted.path.is_none());

    let call = memories.delete(id, &memory.id);
    call.query("expected_content_sha256", &changed.content_sha256)
        .await?;
    stores.archive(&ids[1]).await?;
    let live = stores.list().created_at_gte("2020-01-01T00:00:00Z").await?;
    assert!(live.data.iter().all(|store| store.id != ids[1]));
    let all = stores
        .list()
        .include_archived(true)
        .created_at_lte("2120-01-01T00:00:00Z")
        .await?;
    assert!(all.data.iter().any(|store| store.id == ids[1]));
    assert_eq!(stores.delete(&ids[2]).await?.id, ids[2].as_str());
    Ok(())
}
