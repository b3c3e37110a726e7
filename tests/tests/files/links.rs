//! The links that downloads go through.

use std::time::Duration;

use qoder::{Dialect, Timeouts};

use crate::common::{self, builder, current, plan, start};
use crate::{content, deliver, storage};

#[tokio::test]
async fn a_link_that_has_ended_is_replaced() {
    let want = content(1000);
    // Its time is over: the storage isn't even asked.
    let sim = start(current().link_ttl(Duration::from_millis(300))).await;
    let quick = Timeouts::default().body_idle(Duration::from_millis(1500));
    let client = builder(&sim.base_url(), Dialect::Current)
        .timeouts(quick)
        .build()
        .expect("a client");
    let id = deliver(&sim, &client, &want).await;
    sim.clear_requests();
    sim.inject(plan("storage:stall-after=400"));
    let got = client.files().download(&id).bytes().await.expect("bytes");
    assert_eq!(got, want);
    let links = sim
        .requests()
        .iter()
        .filter(|request| request.path.ends_with("/content"))
        .count();
    let statuses: Vec<u16> = storage(&sim).iter().map(|request| request.status).collect();
    assert_eq!((links, statuses), (2, vec![200, 206]));
    // The storage says so.
    let sim = start(current()).await;
    let client = common::client(&sim);
    let id = deliver(&sim, &client, &want).await;
    let mut stream = client.files().download(&id).stream();
    sim.inject(plan("storage:cut=400"));
    let mut got = stream
        .next()
        .await
        .expect("a piece")
        .expect("bytes")
        .to_vec();
    sim.expire_links();
    while let Some(piece) = stream.next().await {
        got.extend_from_slice(&piece.expect("bytes"));
    }
    assert_eq!(got, want);
    let statuses: Vec<u16> = storage(&sim).iter().map(|request| request.status).collect();
    assert_eq!(statuses, [200, 403, 206]);
}
