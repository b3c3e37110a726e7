//! Environments.

use qoder::Client;
use qoder::types::{
    EnvironmentConfig, EnvironmentCreate, EnvironmentScope, EnvironmentUpdate, Patch,
};

use crate::Outcome;
use crate::pages::three_pages;

pub(crate) async fn walk(client: &Client) -> Outcome {
    let environments = client.environments();
    let mut ids = Vec::new();
    for name in ["one", "two", "three"] {
        let environment = EnvironmentCreate::new(name)
            .description("For tests.")
            .config(EnvironmentConfig::cloud())
            .scope(EnvironmentScope::Account)
            .metadata("team", "build");
        ids.push(environments.create(environment).await?.id);
    }
    let id = &ids[0];
    let update = EnvironmentUpdate::new()
        .name("renamed")
        .description(Patch::Clear)
        .config(EnvironmentConfig::cloud())
        .scope(EnvironmentScope::Organization)
        .metadata("team", Patch::Clear);
    assert_eq!(environments.update(id, update).await?.name, "renamed");
    assert_eq!(environments.retrieve(id).await?.name, "renamed");
    three_pages(environments.list(), |environment| {
        environment.id.to_string()
    })
    .await?;
    environments.archive(id).await?;
    let live = environments
        .list()
        .created_at_gte("2020-01-01T00:00:00Z")
        .await?;
    assert!(live.data.iter().all(|environment| environment.id != *id));
    let all = environments
        .list()
        .include_archived(true)
        .created_at_lte("2120-01-01T00:00:00Z")
        .await?;
    assert!(all.data.iter().any(|environment| environment.id == *id));
    assert_eq!(environments.delete(id).await?.id, id.as_str());
    Ok(())
}
