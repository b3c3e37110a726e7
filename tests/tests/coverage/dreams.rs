//! Dreams.

use std::time::Duration;

use qoder::Client;
use qoder::types::{DreamCreate, DreamInput, DreamOutputBehavior, DreamStatus, MemoryStoreCreate};
use qoder_sim::Sim;

use crate::Outcome;
use crate::pages::three_pages;

pub(crate) async fn walk(sim: &Sim, client: &Client) -> Outcome {
    let store = client
        .memory_stores()
        .create(MemoryStoreCreate::new("m"))
        .await?;
    let dreams = client.dreams();
    let mut ids = Vec::new();
    for _ in 0..3 {
        let dream = DreamCreate::new([DreamInput::memory_store(&store.id)], "ultimate")
            .instructions("Be brief.")
            .output_behavior(DreamOutputBehavior::update_existing(&store.id));
        ids.push(dreams.create(dream).await?.id);
    }
    assert_eq!(dreams.cancel(&ids[1]).await?.status, DreamStatus::Canceled);
    sim.advance(Duration::from_secs(60));
    let dream = dreams.retrieve(&ids[0]).await?;
    assert!(
        dream.has_ended() && dream.status == DreamStatus::Completed,
        "{dream:?}"
    );
    three_pages(dreams.list(), |dream| dream.id.to_string()).await?;
    let some = dreams
        .list()
        .status(DreamStatus::Canceled)
        .status(DreamStatus::Failed)
        .await?;
    assert_eq!(some.data.len(), 1);
    assert!(dreams.archive(&ids[2]).await?.archived_at.is_some());
    let all = dreams
        .list()
        .include_archived(true)
        .created_at_gt("2020-01-01T00:00:00Z")
        .created_at_lt("2120-01-01T00:00:00Z")
        .await?;
    assert_eq!(all.data.len(), 3);
    Ok(())
}
