//! Walks of lists that change meanwhile: nothing that stays is repeated or left out.

use std::collections::HashSet;

use crate::common::{Api, quick, text};
use serde_json::{Value, json};

/// What a list is of.
struct Kind {
    list: &'static str,
    /// The items, in the order in which the list has them.
    newest_first: bool,
    /// A body that makes the item of this number.
    make: fn(usize) -> Value,
}

const KINDS: [Kind; 3] = [
    Kind {
        list: "/agents",
        newest_first: true,
        make: |n| json!({"name": format!("a{n}"), "model": "ultimate"}),
    },
    Kind {
        list: "/environments",
        newest_first: false,
        make: |n| json!({"name": format!("e{n}")}),
    },
    Kind {
        list: "/memory_stores/{store}/memories",
        newest_first: false,
        make: |n| json!({"path": format!("{:03}/é?.md", n * 37 % 101), "content": "x"}),
    },
];

async fn make(api: &Api<'_>, list: &str, kind: &Kind, n: usize) -> String {
    let answer = api.post(list, (kind.make)(n)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    text(&answer.json()["id"])
}

#[tokio::test]
async fn a_walk_of_a_list_that_changes_is_whole() {
    let sim = quick().await;
    let api = Api::new(&sim);
    let store = api
        .post("/memory_stores", json!({"name": "m"}))
        .await
        .json();
    for kind in &KINDS {
        let list = kind
            .list
            .replace("{store}", store["id"].as_str().expect("an id"));
        let mut ids = Vec::new();
        for n in 0..20 {
            ids.push(make(&api, &list, kind, n).await);
        }
        let (mut seen, mut gone, mut cursor) = (Vec::new(), HashSet::new(), None::<String>);
        for n in 20.. {
            let page = cursor.as_ref().map_or_else(String::new, |cursor| {
                format!(
                    "&page={}",
                    cursor.replace('é', "%C3%A9").replace('?', "%3F")
                )
            });
            let page = api.get(&format!("{list}?limit=2{page}")).await.json();
            let items: Vec<String> = page["data"]
                .as_array()
                .expect("a list")
                .iter()
                .map(|item| text(&item["id"]))
                .collect();
            seen.extend(items.clone());
            let Some(next) = page["next_page"].as_str() else {
                break;
            };
            cursor = Some(next.to_owned());
            // One more, the last of this page is deleted, and one that was to come.
            make(&api, &list, kind, n).await;
            let ahead = ids
                .iter()
                .find(|id| !seen.contains(id) && !gone.contains(*id));
            for id in items.last().into_iter().chain(ahead) {
                gone.insert(id.clone());
            }
            for id in &gone {
                api.delete(&format!("{list}/{id}")).await;
            }
        }
        let once: HashSet<&String> = seen.iter().collect();
        assert_eq!(once.len(), seen.len(), "{list}: {seen:?}");
        let missing: Vec<&String> = ids
            .iter()
            .filter(|id| !once.contains(id) && !gone.contains(*id))
            .collect();
        assert!(
            missing.is_empty(),
            "{list}: {missing:?} are not in {seen:?}"
        );
        let of_then: Vec<&String> = seen.iter().filter(|id| ids.contains(id)).collect();
        let mut order: Vec<&String> = ids.iter().filter(|id| once.contains(id)).collect();
        if kind.newest_first {
            order.reverse();
            assert_eq!(
                seen.len(),
                of_then.len(),
                "what is new comes before the first page"
            );
        }
        if !list.contains("memories") {
            assert_eq!(of_then, order, "{list}");
        }
    }
}

#[tokio::test]
async fn a_cursor_outlives_what_is_archived_and_filtered_out() {
    let sim = quick().await;
    let api = Api::new(&sim);
    let mut ids = Vec::new();
    for n in 0..4 {
        ids.push(text(&api.agent(json!({"n": n.to_string()})).await["id"]));
    }
    let first = api.get("/agents?limit=2").await.json();
    let path = format!("/agents/{}/archive", ids[2]);
    assert_eq!(api.post(&path, json!({})).await.status, 200);
    let next = format!("/agents?limit=2&page={}", text(&first["next_page"]));
    let next = api.get(&next).await.json();
    let got: Vec<String> = next["data"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|item| text(&item["id"]))
        .collect();
    assert_eq!(got, [ids[1].as_str(), ids[0].as_str()]);
}

#[tokio::test]
async fn a_cursor_of_nothing_is_refused() {
    let sim = quick().await;
    let api = Api::new(&sim);
    for page in ["x", "p_", "p_1", "p_agent_0123456789abcdef0123456789abcdef"] {
        let answer = api.get(&format!("/agents?page={page}")).await;
        assert_eq!(
            (answer.status, &answer.json()["error"]["param"]),
            (400, &json!("page"))
        );
    }
}
