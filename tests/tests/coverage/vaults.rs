//! Vaults, and the credentials in them.

use qoder::Client;
use qoder::types::{
    CredentialAuth, CredentialAuthUpdate, CredentialCreate, CredentialUpdate, VaultCreate,
};

use crate::Outcome;
use crate::pages::three_pages;

pub(crate) async fn walk(client: &Client) -> Outcome {
    let vaults = client.vaults();
    let mut ids = Vec::new();
    for name in ["one", "two", "three"] {
        ids.push(
            vaults
                .create(VaultCreate::new(name).metadata("team", "build"))
                .await?
                .id,
        );
    }
    let id = &ids[0];
    assert_eq!(vaults.retrieve(id).await?.display_name, "one");
    three_pages(vaults.list(), |vault| vault.id.to_string()).await?;
    assert_eq!(vaults.list().name("two").await?.data.len(), 1);
    let around =
        vaults.list().after(id).await?.data.len() + vaults.list().before(id).await?.data.len();
    assert_eq!(around, vaults.list().await?.data.len() - 1);

    credentials(client, id.as_str()).await?;

    assert!(vaults.archive(&ids[1]).await?.archived_at.is_some());
    let all = vaults.list().include_archived(true).await?;
    assert!(all.data.iter().any(|vault| vault.id == ids[1]));
    assert_eq!(vaults.delete(&ids[2]).await?.id, ids[2].as_str());
    Ok(())
}

async fn credentials(client: &Client, vault: &str) -> Outcome {
    let credentials = client.vaults().credentials();
    let auths: [CredentialAuth; 3] = [
        CredentialAuth::bearer("https://one.example/mcp", "invented").into(),
        CredentialAuth::oauth("https://two.example/mcp", "invented").into(),
        CredentialAuth::environment_variable("API_KEY", "invented").into(),
    ];
    let mut ids = Vec::new();
    for (n, auth) in auths.into_iter().enumerate() {
        let credential = CredentialCreate::new(auth)
            .display_name(format!("c{n}"))
            .metadata("a", "b");
        let credential = credentials.create(vault, credential).await?;
        assert!(!format!("{credential:?}").contains("invented"));
        ids.push(credential.id);
    }
    three_pages(credentials.list(vault), |credential| {
        credential.id.to_string()
    })
    .await?;
    assert_eq!(credentials.list(vault).name("c1").await?.data.len(), 1);
    let id = &ids[0];
    let after = credentials.list(vault).after(id).await?.data.len();
    assert_eq!(
        after + credentials.list(vault).before(id).await?.data.len(),
        2
    );
    let update = CredentialUpdate::new()
        .auth(CredentialAuthUpdate::bearer("other"))
        .metadata("a", "c");
    assert_eq!(
        credentials.update(vault, id, update).await?.metadata["a"],
        "c"
    );
    assert_eq!(credentials.retrieve(vault, id).await?.id, *id);
    let validation = credentials.mcp_oauth_validate(vault, &ids[1]).await?;
    assert_eq!(validation.credential_id, ids[1]);
    credentials.archive(vault, &ids[1]).await?;
    let all = credentials.list(vault).include_archived(true).await?;
    assert_eq!(all.data.len(), 3);
    assert_eq!(
        credentials.delete(vault, &ids[2]).await?.id,
        ids[2].as_str()
    );
    Ok(())
}
