//! Files.

use qoder::{Client, files::Upload};

use crate::Outcome;
use crate::pages::three_pages;

pub(crate) async fn walk(client: &Client) -> Outcome {
    let files = client.files();
    let mut ids = Vec::new();
    for name in ["one.txt", "two.txt", "three.txt"] {
        let upload = Upload::bytes(name, "content")
            .name(name)
            .metadata("origin", "ci")
            .expires_in_seconds(3600);
        ids.push(files.upload(upload).await?.id);
    }
    three_pages(files.list(), |file| file.id.to_string()).await?;
    let named = files.list().name("two.txt").await?;
    assert_eq!(named.data.len(), 1);
    let some = files.list().id(&ids[0]).id(&ids[1]).await?;
    assert_eq!(some.data.len(), 2);
    assert!(files.list().scope_id("sess_none").await?.data.is_empty());
    // Newest first: the first that was uploaded is the last.
    assert!(files.list().after(&ids[0]).await?.data.is_empty());
    assert_eq!(files.list().before(&ids[0]).await?.data.len(), 2);
    assert_eq!(files.retrieve(&ids[0]).await?.size_bytes, 7);
    let uploaded = files.content(&ids[0]).await;
    assert!(uploaded.is_err(), "what was uploaded can't be downloaded");
    assert_eq!(files.delete(&ids[0]).await?.id, ids[0].as_str());
    Ok(())
}
