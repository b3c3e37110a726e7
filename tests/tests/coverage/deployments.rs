//! Deployments, and their runs.

use std::time::Duration;

use qoder::Client;
use qoder::types::{
    AgentCreate, Budget, DeploymentCreate, DeploymentRun, DeploymentStatus, DeploymentUpdate,
    EnvironmentCreate, MemoryStoreCreate, Patch, Schedule, SessionResource, TriggerKind,
    VaultCreate,
};
use qoder_sim::Sim;

use crate::Outcome;
use crate::pages::three_pages;

pub(crate) async fn walk(sim: &Sim, client: &Client) -> Outcome {
    let agent = client
        .agents()
        .create(AgentCreate::new("a", "ultimate"))
        .await?;
    let environment = client
        .environments()
        .create(EnvironmentCreate::new("e"))
        .await?;
    let store = client
        .memory_stores()
        .create(MemoryStoreCreate::new("m"))
        .await?;
    let vault = client.vaults().create(VaultCreate::new("v")).await?;
    let deployments = client.deployments();
    let mut ids = Vec::new();
    for name in ["nightly", "weekly", "never"] {
        let deployment = DeploymentCreate::new(name, &agent.id, &environment.id, ["Write notes."])
            .description("For tests.")
            .schedule(Schedule::cron("15 2 * * *", "Europe/Berlin"))
            .environment_variables("MODE=nightly")
            .resource(SessionResource::memory_store(&store.id))
            .vault_ids([vault.id.clone()])
            .budget(Budget::limit("100.00"))
            .metadata("team", "build");
        ids.push(deployments.create(deployment).await?.id);
    }
    let id = &ids[0];
    let update = DeploymentUpdate::new()
        .name("renamed")
        .agent(&agent.id)
        .environment_id(&environment.id)
        .initial_events(["Write better notes."])
        .description(Patch::Clear)
        .schedule(Schedule::cron("0 * * * *", "UTC"))
        .environment_variables(Patch::Clear)
        .resources(Patch::Clear)
        .vault_ids(Patch::Clear)
        .budget(Patch::Clear)
        .metadata("team", Patch::Clear);
    assert_eq!(deployments.update(id, update).await?.name, "renamed");
    assert_eq!(
        deployments.pause(id).await?.status,
        DeploymentStatus::Paused
    );
    assert_eq!(
        deployments.unpause(id).await?.status,
        DeploymentStatus::Active
    );
    let run = deployments.run(id).await?;
    assert!(run.session_id.is_some());
    // On the hour, twice.
    sim.advance(Duration::from_secs(7200));
    runs(client, id.as_str(), &run).await?;

    three_pages(deployments.list(), |deployment| deployment.id.to_string()).await?;
    for some in [
        deployments.list().agent_id(&agent.id),
        deployments.list().status(DeploymentStatus::Active),
        deployments.list().include_archived(true),
        deployments
            .list()
            .created_at_gte("2020-01-01T00:00:00Z")
            .created_at_lte("2120-01-01T00:00:00Z"),
    ] {
        assert!(
            some.await?
                .data
                .iter()
                .any(|deployment| deployment.id == *id)
        );
    }
    let after = deployments.list().after(id).await?.data.len();
    assert_eq!(after + deployments.list().before(id).await?.data.len(), 2);
    assert_eq!(deployments.retrieve(id).await?.id, *id);
    assert!(deployments.archive(id).await?.archived_at.is_some());
    Ok(())
}

async fn runs(client: &Client, deployment: &str, run: &DeploymentRun) -> Outcome {
    let id = |run: &DeploymentRun| run.id.to_string();
    let scoped = client.deployments().runs();
    let all = three_pages(scoped.list(deployment), id).await?;
    let after = scoped.list(deployment).after(&run.id).await?.data.len();
    assert_eq!(
        after + scoped.list(deployment).before(&run.id).await?.data.len(),
        all.len() - 1
    );
    let between = scoped
        .list(deployment)
        .triggered_after("2020-01-01T00:00:00Z")
        .triggered_before("2120-01-01T00:00:00Z");
    assert_eq!(between.await?.data.len(), all.len());
    assert_eq!(scoped.retrieve(deployment, &run.id).await?.id, run.id);

    let every = client.deployment_runs();
    three_pages(every.list(), id).await?;
    for some in [
        every.list().deployment_id(deployment).has_error(false),
        every.list().trigger_type(TriggerKind::Manual),
        every
            .list()
            .created_at_gt("2020-01-01T00:00:00Z")
            .created_at_gte("2020-01-01T00:00:00Z"),
        every
            .list()
            .created_at_lt("2120-01-01T00:00:00Z")
            .created_at_lte("2120-01-01T00:00:00Z"),
    ] {
        assert!(some.await?.data.iter().any(|other| other.id == run.id));
    }
    every.list().after(&run.id).await?;
    every.list().before(&run.id).await?;
    assert_eq!(every.retrieve(&run.id).await?.id, run.id);
    Ok(())
}
