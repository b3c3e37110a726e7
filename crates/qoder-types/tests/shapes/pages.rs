//! Pages: what is odd in them spoils nothing else, and comes back.

use qoder_types::{Agent, Event, Op, Page, SentEvents, ops};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// An agent with all that today's server sends.
fn agent(id: &str) -> Value {
    json!({
        "id": id, "type": "agent", "name": "a", "description": "", "system": "", "model": "m",
        "tools": [], "mcp_servers": [], "skills": [], "metadata": {}, "version": 1,
    })
}

fn read<T: DeserializeOwned>(json: &str) -> T {
    serde_json::from_str(json).unwrap_or_else(|error| panic!("{error}: {json}"))
}

fn comes_back<T: Serialize + DeserializeOwned>(json: &Value) -> T {
    let value: T = read(&json.to_string());
    assert_eq!(&serde_json::to_value(&value).expect("JSON"), json);
    let again: T = serde_json::from_value(json.clone()).expect("the same from a value");
    assert_eq!(&serde_json::to_value(&again).expect("JSON"), json);
    value
}

#[test]
fn an_item_that_is_none_stays_in_its_place() {
    let odd = [
        json!(7),
        json!(null),
        json!("a"),
        json!([]),
        json!({}),
        json!({"id": "", "name": "x"}),
    ];
    for odd in &odd {
        for place in 0..3 {
            let mut items = vec![agent("a"), agent("b")];
            items.insert(place, odd.clone());
            let page: Page<Agent> = comes_back(&json!({"data": items, "has_more": false}));
            assert_eq!((page.data.len(), page.invalid.len()), (2, 1));
            assert_eq!(page.invalid[0].index(), place);
            assert_eq!(page.invalid[0].raw(), odd.to_string());
            let ids: Vec<Option<String>> = page
                .into_items()
                .map(|item| item.ok().map(|agent| agent.id.to_string()))
                .collect();
            assert_eq!(ids[place], None);
            assert_eq!(ids.iter().flatten().collect::<Vec<_>>(), ["a", "b"]);
        }
    }
    let page: Page<Agent> = comes_back(&json!({"data": odd}));
    assert_eq!((page.data.len(), page.invalid.len()), (0, odd.len()));
    assert_eq!(page.into_items().count(), odd.len());
}

#[test]
fn an_item_keeps_its_place_when_others_go() {
    let mut page: Page<Agent> = read(&json!({"data": [agent("a"), 7, agent("b"), 8]}).to_string());
    page.data.clear();
    assert_eq!(
        serde_json::to_value(&page).expect("JSON"),
        json!({"data": [7, 8]})
    );
}

#[test]
fn half_a_pair_in_an_item_spoils_neither_it_nor_the_page() {
    let item = agent("a")
        .to_string()
        .replace(r#""name":"a""#, r#""name":"\ud83d""#);
    let page: Page<Agent> = read(&format!(r#"{{"data":[{item},7]}}"#));
    assert_eq!(page.data[0].name, "\u{fffd}");
    assert_eq!(page.invalid.len(), 1);
}

#[test]
fn the_members_around_the_list_may_be_anything() {
    let whole = json!({
        "data": [agent("a")], "next_page": "c", "first_id": "a", "last_id": "a", "has_more": true,
    });
    let odd = [
        json!(null),
        json!(7),
        json!("x"),
        json!(false),
        json!([]),
        json!({}),
    ];
    for name in [
        "next_page",
        "first_id",
        "last_id",
        "has_more",
        "of tomorrow",
    ] {
        for odd in &odd {
            let mut page = whole.clone();
            page[name] = odd.clone();
            let page: Page<Agent> = comes_back(&page);
            assert_eq!(page.data.len(), 1);
        }
        let mut page = whole.clone();
        page.as_object_mut().expect("an object").remove(name);
        comes_back::<Page<Agent>>(&page);
        let twice = format!(r#"{{"data":7,"{name}":{{}},{}"#, &whole.to_string()[1..]);
        let page: Page<Agent> = read(&twice);
        assert_eq!((page.data.len(), page.last_id.as_deref()), (1, Some("a")));
    }
    let last: Page<Agent> = read(r#"{"data":[{"id":"a"}],"data":null}"#);
    assert!(last.data.is_empty(), "of two lists the last counts");
}

#[test]
fn a_list_that_is_null_is_empty_and_comes_back() {
    let page: Page<Agent> = comes_back(&json!({"data": null, "has_more": false}));
    assert!(page.data.is_empty() && page.has_more == Some(false));
    let mut events: SentEvents = comes_back(&json!({"data": null}));
    assert!(events.data.is_empty());
    events
        .data
        .push(Event::decode("", None, r#"{"type":"ping"}"#));
    let written = serde_json::to_value(&events).expect("JSON");
    assert_eq!(written, json!({"data": [{"type": "ping"}]}));
}

#[test]
fn what_has_no_list_is_no_page_but_may_be_an_acceptance() {
    for body in [
        json!({}),
        json!({"data": {}}),
        json!({"data": "x"}),
        json!({"has_more": false}),
    ] {
        let error = serde_json::from_value::<Page<Agent>>(body.clone()).expect_err("no page");
        assert!(error.to_string().contains("no list `data`"), "{error}");
        let events: SentEvents = read(&body.to_string());
        assert!(events.data.is_empty());
        for (name, value) in body.as_object().expect("an object") {
            assert_eq!(events.extra.get(name), Some(value));
        }
    }
    for body in ["7", "null", "[]", r#""x""#] {
        assert!(serde_json::from_str::<Page<Agent>>(body).is_err(), "{body}");
    }
}

#[test]
fn a_write_may_be_answered_without_a_body() {
    let writes: Vec<&Op> = ops::all()
        .filter(|op| op.method.as_str() != "GET")
        .collect();
    assert!(writes.len() > 10);
    for op in writes {
        for body in [&b""[..], b" \r\n", b"\xef\xbb\xbf"] {
            let agent: Agent = op.read(body).expect(op.name);
            assert!(agent.id.as_str().is_empty() && agent.extra.is_empty());
            assert!(op.read::<SentEvents>(body).expect(op.name).data.is_empty());
            assert_eq!(op.read::<Value>(body).expect(op.name), Value::Null);
            op.read::<()>(body).expect(op.name);
        }
        assert!(
            op.read::<Agent>(b"{}").is_err(),
            "{} with an object",
            op.name
        );
    }
    for op in ops::all().filter(|op| op.method.as_str() == "GET") {
        assert!(op.read::<Agent>(b"").is_err(), "{}", op.name);
    }
}

#[test]
fn a_byte_order_mark_is_skipped() {
    let list = ops::agents::list();
    let page: Page<Agent> = list
        .op()
        .read(b"\xef\xbb\xbf{\"data\":[]}")
        .expect("a page");
    assert!(page.data.is_empty());
    assert!(list.op().read::<Page<Agent>>(b"\xef\xbb\xbf").is_err());
}
