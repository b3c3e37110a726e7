//! Events are read as tolerantly as objects: what one is nothing without has to be there and fit,
//! and nothing else.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::wire::odd::{any_json, odd_values};
use crate::{Content, Event, Extra, Page};

fn decode(object: &Extra) -> Event {
    Event::decode("", None, &Value::from(object.clone()).to_string())
}

fn is_known(event: &Event) -> bool {
    !matches!(event, Event::Unknown(_) | Event::Malformed(_))
}

/// The events of each type, with everything in them, and whether one is nothing without a member.
fn each(mut check: impl FnMut(&'static str, &Extra, &str, bool)) {
    for choice in 0..7 {
        for (kind, object) in Event::samples(choice) {
            assert!(is_known(&decode(&object)), "{kind}: {object:?}");
            for name in object.keys().filter(|name| *name != "type") {
                let mut without = object.clone();
                without.remove(name);
                check(kind, &object, name, !is_known(&decode(&without)));
            }
        }
    }
}

#[test]
fn a_member_may_be_anything() {
    let odd = odd_values();
    each(|kind, object, name, needed| {
        for odd in &odd {
            let mut object = object.clone();
            object.insert(name.to_owned(), odd.clone());
            let event = decode(&object);
            assert!(needed || is_known(&event), "{kind}: {object:?}");
            assert_eq!(event.type_name(), kind);
            assert_eq!(json!(event), json!(object));
            if name != "id" {
                assert_eq!(event.id().expect("an id"), "evt_1", "{object:?}");
            }
        }
    });
}

proptest! {
    #[test]
    fn several_members_may_be_anything(
        choice in 0usize..7,
        at in any::<prop::sample::Index>(),
        odd in prop::collection::vec((any::<prop::sample::Index>(), any_json()), 1..4),
    ) {
        let samples: Vec<_> = Event::samples(choice).into_iter().collect();
        let (kind, sample) = at.get(&samples);
        let names: Vec<&String> = sample.keys().filter(|name| *name != "type").collect();
        let mut object = sample.clone();
        for (name, odd) in &odd {
            let name = name.get(&names);
            object.insert((*name).clone(), odd.clone());
        }
        let event = decode(&object);
        prop_assert_eq!(event.type_name(), *kind);
        prop_assert_eq!(json!(event), json!(object));
    }
}

#[test]
fn a_member_may_be_there_twice_or_new() {
    each(|kind, object, name, _| {
        let json = Value::from(object.clone()).to_string();
        for first in ["[7]", "null"] {
            let twice = format!("{{{}:{first},\"of tomorrow\":1,{}", json!(name), &json[1..]);
            let event = Event::decode(kind, None, &twice);
            assert!(is_known(&event), "{twice}");
            assert_eq!(event.raw(), twice);
            let unnamed = Event::decode("", None, &twice);
            assert_eq!(unnamed.type_name(), kind, "{twice}");
        }
        let last = format!("{},{}:[7]}}", &json[..json.len() - 1], json!(name));
        assert_eq!(Event::decode(kind, None, &last).type_name(), kind);
    });
}

#[test]
fn half_a_surrogate_pair_is_replaced() {
    each(|kind, object, name, needed| {
        let mut object = object.clone();
        object.insert(name.to_owned(), json!("half \u{fffd}"));
        let whole = decode(&object);
        let json = Value::from(object)
            .to_string()
            .replace('\u{fffd}', "\\uD83D");
        let event = Event::decode(kind, None, &json);
        assert!(needed || is_known(&event), "{json}");
        assert_eq!(is_known(&event), is_known(&whole), "{json}");
        assert_eq!((event.raw(), event.id()), (json.as_str(), whole.id()));
    });
    let message = r#"{"type":"agent.message","content":[{"type":"text","text":"Hi \ud83d"}]}"#;
    let Event::AgentMessage(event) = Event::decode("", None, message) else {
        panic!("{message} is a message");
    };
    assert_eq!((&*event.text(), event.raw()), ("Hi \u{fffd}", message));
    let page = format!(r#"{{"data":[{message}],"next_page":"\ud83d"}}"#);
    let page: Page<Event> = crate::wire::read(page.as_bytes()).expect("a page");
    assert!(is_known(&page.data[0]) && page.invalid.is_empty());
}

#[test]
fn of_an_old_and_a_new_name_the_new_one_counts() {
    let content = |data: &str| match Event::decode("", None, data) {
        Event::AgentToolResult(event) => event.content,
        Event::AgentThinking(event) => event.content,
        other => panic!("{other:?}"),
    };
    for (kind, old) in [
        ("agent.tool_result", "output"),
        ("agent.thinking", "thinking"),
    ] {
        for (members, want) in [
            (format!(r#""content":"new","{old}":"old""#), Some("new")),
            (format!(r#""{old}":"old","content":"new""#), Some("new")),
            (format!(r#""{old}":"old","content":null"#), Some("old")),
            (format!(r#""{old}":"old","content":7"#), Some("old")),
            (format!(r#""{old}":7,"content":"new""#), Some("new")),
            (format!(r#""{old}":"old""#), Some("old")),
            (format!(r#""{old}":7"#), None),
        ] {
            let data = format!(r#"{{"type":"{kind}",{members}}}"#);
            assert_eq!(content(&data), want.map(Content::from), "{data}");
        }
    }
    for (members, want) in [
        (r#""custom_tool_use_id":"new","tool_use_id":"old""#, "new"),
        (r#""tool_use_id":"old","custom_tool_use_id":"new""#, "new"),
        (r#""tool_use_id":"old""#, "old"),
    ] {
        let data = format!(r#"{{"type":"user.custom_tool_result",{members}}}"#);
        let Event::UserCustomToolResult(event) = Event::decode("", None, &data) else {
            panic!("{data} is a result");
        };
        assert_eq!(event.custom_tool_use_id, want);
    }
}

#[test]
fn numbers_may_be_texts() {
    let data = r#"{"file_id":"file_1","size":"2048"}"#;
    let Event::AgentArtifactDelivered(event) =
        Event::decode("agent.artifact_delivered", None, data)
    else {
        panic!("{data} is a file");
    };
    assert_eq!(event.size, Some(2048));
    let data = r#"{"event_id":"evt_1","delta":{"index":1.0,"content":{"type":"text","text":"a"}}}"#;
    let Event::EventDelta(event) = Event::decode("event_delta", None, data) else {
        panic!("{data} is a piece");
    };
    assert_eq!((event.delta.index, event.delta.text()), (1, Some("a")));
}

#[test]
fn what_is_no_event_is_a_sign_of_life() {
    for (name, data) in [
        ("heartbeat", "{}"),
        ("ping", ""),
        ("", ""),
        ("agent.message", ""),
        ("message", " "),
    ] {
        assert!(Event::is_pulse(name, data), "{name} {data}");
    }
    for (name, data) in [("", "{}"), ("agent.message", "{"), ("error", "x")] {
        assert!(!Event::is_pulse(name, data), "{name} {data}");
    }
}

#[test]
fn each_member_of_the_catalogue_has_a_field() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/events.json");
    let text = std::fs::read_to_string(path).expect("the catalogue");
    let catalogue: Value = serde_json::from_str(&text).expect("JSON");
    let received = catalogue["managed"]["received"].as_array();
    let samples = Event::samples(0);
    let mut missing = Vec::new();
    for event in received.expect("a list") {
        let name = event["type"].as_str().expect("a type");
        let Some((_, sample)) = samples.iter().find(|(known, _)| *known == name) else {
            missing.push(format!("{name}: a row"));
            continue;
        };
        let fields = event["fields"].as_array().expect("fields").iter();
        missing.extend(
            fields
                .filter_map(|field| field["name"].as_str())
                .filter(|field| !sample.contains_key(*field))
                .map(|field| format!("{name}: the field {field}")),
        );
    }
    assert!(
        missing.is_empty(),
        "the catalogue has these, and src/event/kinds.rs lacks them:\n  {}",
        missing.join("\n  ")
    );
}
