//! The work queue of a self-hosted environment.

use qoder::Client;
use qoder::types::{
    AgentCreate, EnvironmentConfig, EnvironmentCreate, SessionCreate, WorkHeartbeat, WorkState,
    WorkStop, WorkUpdate,
};

use crate::Outcome;
use crate::pages::three_pages;

pub(crate) async fn walk(client: &Client) -> Outcome {
    let agent = client
        .agents()
        .create(AgentCreate::new("a", "ultimate"))
        .await?;
    let own = EnvironmentCreate::new("own").config(EnvironmentConfig::self_hosted());
    let environment = client.environments().create(own).await?.id;
    for _ in 0..3 {
        let session = client
            .sessions()
            .create(SessionCreate::new(&agent.id, &environment))
            .await?;
        client.session(&session.id).send(["Hello!"]).await?;
    }
    let queue = client.environments().work();
    assert_eq!(queue.stats(&environment).await?.depth, 3);
    let all = three_pages(queue.list(&environment), |work| work.id.to_string()).await?;
    queue.list(&environment).after(&all[1].id).await?;
    queue.list(&environment).before(&all[1].id).await?;

    let poll = queue
        .poll(&environment)
        .query("block_ms", 1)
        .query("reclaim_older_than_ms", 5000)
        .options(|options| options.header("worker-id", "host-7"));
    let work = poll.await?.ok_or("no work")?.id;
    assert_eq!(
        queue.ack(&environment, &work).await?.state,
        WorkState::Starting
    );
    let beat = queue
        .heartbeat(&environment, &work)
        .query("expected_last_heartbeat", WorkHeartbeat::NONE)
        .query("desired_ttl_seconds", 60)
        .await?;
    assert!(beat.lease_extended);
    assert_eq!(
        queue.retrieve(&environment, &work).await?.state,
        WorkState::Active
    );
    let stale = queue
        .heartbeat(&environment, &work)
        .query("expected_last_heartbeat", WorkHeartbeat::NONE)
        .await;
    assert!(stale.is_err_and(|error| error.status().is_some_and(|status| status == 412)));
    let update = WorkUpdate::new().metadata("machine", "host-7");
    assert_eq!(
        queue.update(&environment, &work, update).await?.metadata["machine"],
        "host-7"
    );
    let stopped = queue
        .stop(&environment, &work, WorkStop::new().force(true))
        .await?;
    assert_eq!(stopped.state, WorkState::Stopped);
    Ok(())
}
