//! Lists, gone through forwards, backwards, and up to a ceiling.

use std::convert::Infallible;
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::common::{TOKEN, client, current, session, start};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use qoder::files::{SkillFiles, Upload};
use qoder::list::Items;
use qoder::transport::{RequestBody, Transport};
use qoder::types::serde_json::{Value, json};
use qoder::types::{
    AgentCreate, Credential, CredentialAuth, CredentialCreate, Deployment, DeploymentCreate,
    DeploymentRun, EnvironmentConfig, EnvironmentCreate, Event, File, FileResource,
    SessionResource, Skill, Vault, VaultCreate, Work,
};
use qoder::{Client, ErrorKind};
use serde::de::DeserializeOwned;
use tower::service_fn;

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// The ids of what is listed.
async fn ids<T>(mut items: Items<T>, id: impl Fn(&T) -> String) -> Outcome<Vec<String>>
where
    T: DeserializeOwned + Send + 'static,
{
    let mut ids = Vec::new();
    while let Some(item) = items.next().await {
        ids.push(id(&item?));
    }
    Ok(ids)
}

/// Goes through a list from before its last item to its beginning, in pages of one and of two.
macro_rules! goes_back {
    ($list:expr, $id:expr) => {{
        let all = ids($list.items(), $id).await?;
        let (last, others) = all.split_last().ok_or("no item")?;
        assert!(others.len() >= 3, "{all:?}");
        let nearest_first: Vec<_> = others.iter().rev().cloned().collect();
        for limit in [1, 2, 100] {
            let back = $list.before(last.as_str()).limit(limit);
            assert_eq!(
                ids(back.items(), $id).await?,
                nearest_first,
                "{limit} a page"
            );
        }
        // A page has the list's own order.
        let mut pages = $list.before(last.as_str()).limit(2).pages();
        let page = pages.next().await.ok_or("a page")??;
        let page: Vec<String> = page.data.iter().map($id).collect();
        assert_eq!(page, others[others.len() - 2..]);
        // Another process goes on, in the same direction.
        let cursor = pages.continuation().ok_or("there is more")?.to_string();
        let rest = $list.from_cursor(&cursor.parse()?).limit(2).items();
        assert_eq!(ids(rest, $id).await?, nearest_first[2..]);
        assert_eq!(
            $list
                .before(last.as_str())
                .first()
                .await
                .map(|item| $id(&item))?,
            nearest_first[0]
        );
        // And forwards there are those after an item.
        let rest = $list.after(all[0].as_str()).limit(1).items();
        assert_eq!(ids(rest, $id).await?, all[1..]);
    }};
}

#[tokio::test]
async fn events_files_and_resources_go_back() -> Outcome {
    let sim = start(current()).await;
    let client = &client(&sim);
    let id = &session(client, "answer").await;
    client.session(id).ask("Hello!").await?;
    let event = |event: &Event| event.id().map(ToString::to_string).unwrap_or_default();
    goes_back!(client.session(id).events(), event);
    let thread = &client.session(id).threads().first().await?.id;
    goes_back!(client.session(id).thread(thread).events(), event);

    let resources = client.sessions().resources();
    for n in 0..4 {
        let upload = Upload::bytes(format!("{n}.txt"), "content");
        let file = client.files().upload(upload).await?;
        resources.add(id, FileResource::new(file.id)).await?;
    }
    goes_back!(client.files().list(), |file: &File| file.id.to_string());
    let resource = |one: &SessionResource| one.id().map(ToString::to_string).unwrap_or_default();
    goes_back!(resources.list(id), resource);
    Ok(())
}

#[tokio::test]
async fn vaults_credentials_and_skills_go_back() -> Outcome {
    let sim = start(current()).await;
    let client = &client(&sim);
    let vaults = client.vaults();
    let mut vault = None;
    for n in 0..4 {
        let name = format!("vault {n}");
        vault = Some(vaults.create(VaultCreate::new(name)).await?.id);
        let name = format!("skill-{n}");
        let text = format!("---\nname: {name}\ndescription: For tests.\n---\nDo it well.\n");
        let files = SkillFiles::new([(format!("{name}/SKILL.md"), Upload::bytes("a", text))]);
        client.skills().create(files).await?;
    }
    goes_back!(vaults.list(), |vault: &Vault| vault.id.to_string());
    goes_back!(client.skills().list(), |skill: &Skill| skill.id.to_string());
    let vault = &vault.ok_or("a vault")?;
    for n in 0..4 {
        let auth = CredentialAuth::bearer(format!("https://host-{n}.example/mcp"), "invented");
        let credential = CredentialCreate::new(auth);
        vaults.credentials().create(vault, credential).await?;
    }
    let list = || vaults.credentials().list(vault);
    goes_back!(list(), |credential: &Credential| credential.id.to_string());
    Ok(())
}

#[tokio::test]
async fn deployments_runs_and_work_go_back() -> Outcome {
    let sim = start(current()).await;
    let client = &client(&sim);
    let agent = &client
        .agents()
        .create(AgentCreate::new("a", "ultimate"))
        .await?
        .id;
    let own = EnvironmentCreate::new("own").config(EnvironmentConfig::self_hosted());
    let environment = &client.environments().create(own).await?.id;
    let deployments = client.deployments();
    let mut deployment = None;
    for n in 0..4 {
        let name = format!("deployment {n}");
        let created = DeploymentCreate::new(name, agent, environment, ["Write notes."]);
        deployment = Some(deployments.create(created).await?.id);
    }
    let deployment = &deployment.ok_or("a deployment")?;
    for _ in 0..4 {
        // It makes a session, whose work is queued.
        deployments.run(deployment).await?;
    }
    goes_back!(deployments.list(), |it: &Deployment| it.id.to_string());
    let run = |run: &DeploymentRun| run.id.to_string();
    goes_back!(deployments.runs().list(deployment), run);
    goes_back!(client.deployment_runs().list(), run);
    let queue = client.environments().work();
    goes_back!(queue.list(environment), |work: &Work| work.id.to_string());
    Ok(())
}

/// A client of a server that answers so, as its number and its query have it, and how often it was
/// asked.
fn answering(
    answer: impl Fn(usize, &str) -> Value + Clone + Send + Sync + 'static,
) -> (Client, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let service = service_fn(move |request: Request<RequestBody>| {
        let before = count.fetch_add(1, Ordering::Relaxed);
        let page = answer(before, request.uri().query().unwrap_or_default());
        let body = Full::new(Bytes::from(page.to_string()));
        async { Ok::<_, Infallible>(Response::new(body)) }
    });
    let client = Client::builder()
        .token(TOKEN)
        .base_url("http://localhost/api/v1/cloud")
        .transport(Transport::from_service(service))
        .build();
    (client.expect("a client"), asked)
}

/// The items up to the error that ends them, and what the error says.
async fn until_it_fails(mut items: Items<File>) -> Outcome<(Vec<String>, String)> {
    let mut ids = Vec::new();
    loop {
        match items.next().await.ok_or("it ended without an error")? {
            Ok(file) => ids.push(file.id.to_string()),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Pagination, "{error}");
                assert!(items.next().await.is_none(), "an error is the last item");
                return Ok((ids, error.to_string()));
            }
        }
    }
}

#[tokio::test]
async fn lists_that_contradict_themselves_are_errors_backwards_too() -> Outcome {
    // There is more, and nothing to ask for it with.
    let (client, _) = answering(
        |_, _| json!({"data": [{"id": "a"}, {"id": "b"}], "last_id": "b", "next_page": "p", "has_more": true}),
    );
    let (ids, why) = until_it_fails(client.files().list().before("c").items()).await?;
    assert_eq!(ids, ["b", "a"], "what it gave comes first");
    assert!(why.contains("gives no cursor"), "{why}");

    // The server overlooks `before_id`, and gives the page that it was asked to go back from.
    let (client, asked) =
        answering(|_, _| json!({"data": [{"id": "a"}], "first_id": "a", "has_more": true}));
    let (ids, why) = until_it_fails(client.files().list().before("a").items()).await?;
    assert_eq!((ids.len(), asked.load(Ordering::Relaxed)), (1, 1));
    assert!(why.contains("the same cursor twice"), "{why}");
    // And so it is forwards.
    let (client, asked) =
        answering(|_, _| json!({"data": [{"id": "a"}], "last_id": "a", "has_more": true}));
    until_it_fails(client.files().list().after("a").items()).await?;
    assert_eq!(asked.load(Ordering::Relaxed), 1);
    let (client, _) = answering(
        |_, _| json!({"data": [{"id": "a"}, {"id": "b"}], "first_id": "a", "has_more": true}),
    );
    let (ids, why) = until_it_fails(client.files().list().items()).await?;
    assert_eq!(ids, ["a", "b"], "what it gave comes first");
    assert!(why.contains("gives no cursor"), "{why}");

    // In a circle, over a few pages.
    let (client, asked) = answering(|n, _| {
        let id = ["c", "b", "a"][n % 3];
        json!({"data": [{"id": id}], "first_id": id, "has_more": true})
    });
    let (ids, why) = until_it_fails(client.files().list().before("d").items()).await?;
    assert_eq!(ids, ["c", "b", "a", "c"]);
    assert!(why.contains("the same cursor twice"), "{why}");
    assert_eq!(asked.load(Ordering::Relaxed), 4);

    // On and on, without an item.
    let (client, asked) =
        answering(|n, _| json!({"data": [], "first_id": format!("file_{n}"), "has_more": true}));
    let (ids, why) = until_it_fails(client.files().list().before("d").items()).await?;
    assert!(ids.is_empty() && why.contains("a thousand pages"), "{why}");
    assert_eq!(asked.load(Ordering::Relaxed), 1000);
    Ok(())
}

#[tokio::test]
async fn filters_and_the_limit_stay_whatever_the_cursor_is() -> Outcome {
    let (client, asked) = answering(|n, query| {
        let mut pairs: Vec<&str> = query.split('&').collect();
        pairs.sort_unstable();
        let want: [&[&str]; 3] = [
            &["limit=1", "name=n"],
            &["limit=1", "name=n", "page=p"],
            &["after_id=b", "limit=1", "name=n"],
        ];
        assert_eq!(pairs, want[n]);
        [
            json!({"data": [{"id": "a"}], "last_id": "a", "next_page": "p", "has_more": true}),
            json!({"data": [{"id": "b"}], "last_id": "b", "has_more": true}),
            json!({"data": [{"id": "c"}], "last_id": "c", "has_more": false}),
        ][n]
            .clone()
    });
    let list = client.files().list().name("n").limit(1).items();
    assert_eq!(
        ids(list, |file| file.id.to_string()).await?,
        ["a", "b", "c"]
    );
    assert_eq!(asked.load(Ordering::Relaxed), 3);
    Ok(())
}

#[tokio::test]
async fn filters_and_the_limit_stay_on_the_way_back() -> Outcome {
    let (client, asked) = answering(|n, query| {
        let mut pairs: Vec<&str> = query.split('&').collect();
        pairs.sort_unstable();
        let cursor = ["before_id=d", "before_id=c", "before_id=b"][n];
        assert_eq!(pairs, [cursor, "limit=1", "name=n"]);
        let id = ["c", "b", "a"][n];
        json!({"data": [{"id": id}], "first_id": id, "next_page": "p", "has_more": n < 2})
    });
    let list = client.files().list().name("n").limit(1).after("x");
    let back = list.before("d").items();
    let back = ids(back, |file| file.id.to_string()).await?;
    assert_eq!(back, ["c", "b", "a"]);
    assert_eq!(asked.load(Ordering::Relaxed), 3);
    Ok(())
}

#[tokio::test]
async fn a_ceiling_is_no_error_and_says_where_to_go_on() -> Outcome {
    let sim = start(current()).await;
    let client = client(&sim);
    for n in 0..7 {
        let upload = Upload::bytes(format!("{n}.txt"), "content");
        client.files().upload(upload).await?;
    }
    let id = |file: &File| file.id.to_string();
    let list = || client.files().list().limit(2);
    let all = ids(list().items(), id).await?;
    let asked = sim.requests().len();

    let mut some = list().max_pages(2).items();
    let mut got = Vec::new();
    while let Some(file) = some.next().await {
        got.push(id(&file?));
        // In the middle of a page there is no cursor for what comes next.
        assert_eq!(some.continuation().is_some(), got.len() % 2 == 0);
    }
    assert!(some.next().await.is_none());
    assert_eq!(got, all[..4]);
    assert_eq!(sim.requests().len() - asked, 2);
    let rest = some.continuation().ok_or("there is more")?;
    let rest = ids(list().from_cursor(rest).items(), id).await?;
    assert_eq!(rest, all[4..]);

    let mut pages = list().max_pages(1).pages();
    assert!(pages.continuation().is_none(), "nothing was asked yet");
    assert_eq!(pages.next().await.ok_or("a page")??.data.len(), 2);
    assert!(pages.next().await.is_none() && pages.continuation().is_some());

    // Where the list ends first, or at the same time, there is no more.
    for most in [4, 5, u32::MAX] {
        let mut pages = list().max_pages(most).pages();
        let mut count = 0;
        while let Some(page) = pages.next().await {
            page?;
            count += 1;
        }
        assert_eq!((count, pages.continuation()), (4, None), "{most}");
    }
    // Backwards too, and for lists that have no type.
    let back = list().before(all[6].as_str()).max_pages(2);
    let want: Vec<_> = all[2..6].iter().rev().cloned().collect();
    assert_eq!(ids(back.items(), id).await?, want);
    let raw = client.list::<Value>("/files").limit(3).max_pages(1);
    assert_eq!(
        ids(raw.items(), |file| file["id"].to_string()).await?.len(),
        3
    );

    let asked = sim.requests().len();
    let error = list().max_pages(0).pages().next().await;
    let error = error.ok_or("an error")?.expect_err("no page is allowed");
    assert_eq!(error.kind(), ErrorKind::Input, "{error}");
    assert_eq!(sim.requests().len(), asked, "nothing was sent");
    Ok(())
}

#[tokio::test]
async fn a_page_comes_with_its_response() -> Outcome {
    let sim = start(current()).await;
    let client = client(&sim);
    let typed = client.environments().list().limit(1).with_meta().await?;
    let raw = client
        .list::<Value>("/environments")
        .limit(1)
        .with_meta()
        .await?;
    assert_eq!(typed.value.data.len(), 1);
    assert_eq!(typed.value.data[0].id.as_str(), raw.value.data[0]["id"]);
    for meta in [typed.meta, raw.meta] {
        assert_eq!((meta.status.as_u16(), meta.attempts), (200, 1));
        assert!(meta.request_id().is_some());
    }
    Ok(())
}
