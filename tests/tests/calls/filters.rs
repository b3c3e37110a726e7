//! The filters of each list: all that the API has, under its names, and no others.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use qoder::Client;
use qoder::transport::{RequestBody, Transport};
use qoder::types::{Cursor, MemoryOperation, MemoryView, Order, SessionStatus, Timestamp};
use tower::service_fn;

/// A client whose lists are empty, and the last query that one of them was asked with.
fn client() -> (Client, Arc<Mutex<String>>) {
    let query = Arc::new(Mutex::new(String::new()));
    let seen = Arc::clone(&query);
    let double = service_fn(move |request: Request<RequestBody>| {
        let query = request.uri().query().unwrap_or_default();
        *seen.lock().expect("no panic") = query.replace("%5B", "[").replace("%5D", "]");
        async {
            let page = Bytes::from_static(br#"{"data":[],"has_more":false}"#);
            Ok::<_, Infallible>(Response::new(Full::new(page)))
        }
    });
    let client = Client::builder()
        .token("pt-token")
        .base_url("https://api.example/v1")
        .transport(Transport::from_service(double))
        .build()
        .expect("a client");
    (client, query)
}

/// Asks for each list, and compares the query.
macro_rules! queries {
    ($client:ident, $query:ident: $($list:expr => $want:literal,)*) => {
        $(
            let page = $list.await.expect("a page");
            assert!(page.data.is_empty());
            assert_eq!(*$query.lock().expect("no panic"), $want);
        )*
    };
}

#[tokio::test]
async fn filters_have_the_names_of_the_api() {
    let (client, query) = client();
    let c = &client;
    let second = SystemTime::UNIX_EPOCH + Duration::from_secs(1);
    let text = "2026-09-21T08:01:00Z";
    queries! { client, query:
        c.agents().list() => "",
        c.agents().list().include_archived(true).limit(3) => "include_archived=true&limit=3",
        c.agents().list().created_at_gte(second).created_at_lte(Timestamp::from(text))
            => "created_at[gte]=1970-01-01T00%3A00%3A01Z&created_at[lte]=2026-09-21T08%3A01%3A00Z",
        c.agents().versions().list("a").limit(3) => "limit=3",
        c.environments().list().include_archived(false).created_at_gte("x").created_at_lte("y")
            => "include_archived=false&created_at[gte]=x&created_at[lte]=y",
        c.files().list().name("n").scope_id("s").id("f1").id("f2")
            => "name=n&scope_id=s&ids[]=f1&ids[]=f2",
        c.files().list().after("f1") => "after_id=f1",
        c.files().list().after("f1").before("f2") => "before_id=f2",
        c.models().list().after("m").limit(1) => "after_id=m&limit=1",
        c.models().list().before("m") => "before_id=m",
        c.memory_stores().list().name("n").include_archived(true) => "name=n&include_archived=true",
        c.memory_stores().memories().list("s").path_prefix("a/").depth(1).view(MemoryView::Full)
            => "path_prefix=a%2F&depth=1&view=full",
        c.memory_stores().memory_versions().list("s").operation(MemoryOperation::Created).memory_id("m")
            => "operation=created&memory_id=m",
        c.sessions().list().agent_id("a").agent_version(2).deployment_id("d").memory_store_id("m")
            => "agent_id=a&agent_version=2&deployment_id=d&memory_store_id=m",
        c.sessions().list().status(SessionStatus::Idle).status(SessionStatus::Running)
            => "statuses[]=idle&statuses[]=running",
        c.sessions().list().include_archived(true).order(Order::Asc)
            => "include_archived=true&order=asc",
        c.sessions().list().created_at_gt("a").created_at_gte("b").created_at_lt("c").created_at_lte("d")
            => "created_at[gt]=a&created_at[gte]=b&created_at[lt]=c&created_at[lte]=d",
        c.session("s").events().event_type("agent.message").event_type("user.message")
            => "types[]=agent.message&types[]=user.message",
        c.sessions().events().list("s").order(Order::Desc).after("e") => "order=desc&after_id=e",
        c.sessions().events().list("s").before("e").query("new", 1) => "before_id=e&new=1",
        c.session("s").events().created_at_gt("a").created_at_gte("b").created_at_lt("c").created_at_lte("d")
            => "created_at[gt]=a&created_at[gte]=b&created_at[lt]=c&created_at[lte]=d",
        c.session("s").threads().from_cursor(&Cursor::Page("p".to_owned())) => "page=p",
        c.sessions().threads().events().list("s", "t").after("e") => "after_id=e",
        c.session("s").thread("t").events().before("e").limit(7) => "before_id=e&limit=7",
    }
}

#[tokio::test]
async fn a_filter_that_is_set_again_is_set_anew() {
    let (client, query) = client();
    queries! { client, query:
        client.agents().list().include_archived(true).include_archived(false) => "include_archived=false",
    }
}

#[tokio::test]
async fn an_empty_list_says_what_to_do_about_it() {
    let (client, _) = client();
    let error = client.agents().list().first().await.expect_err("nothing");
    assert_eq!(
        error.to_string(),
        "agents.list: the list is empty, so there is no first item: create one first (see `agents.create`)"
    );
    // Nothing creates these.
    let error = client.models().list().first().await.expect_err("nothing");
    assert_eq!(
        error.to_string(),
        "models.list: the list is empty, so there is no first item"
    );
}
