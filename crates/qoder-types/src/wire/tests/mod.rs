//! Whatever becomes of a member, its object is read, nothing of it is lost, and it is written as it
//! was: for every type that there is.

mod types;

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::odd::{any_json, odd_values};
use super::{Fit, nothing, read};
use crate::*;
use types::{TYPES, Type};

/// How many samples of a type are looked at: enough for every variant of its unions to be in one.
const SAMPLES: usize = 10;

/// The names of an object's members; those of objects within it are theirs to test.
fn names(value: &Value) -> Vec<String> {
    let members = value.as_object().into_iter().flatten();
    members.map(|(name, _)| name.clone()).collect()
}

/// The places of all members in a value.
fn places(value: &Value) -> Vec<String> {
    let mut places = Vec::new();
    let mut open = vec![(String::new(), value)];
    while let Some((place, value)) = open.pop() {
        match value {
            Value::Object(object) => {
                for (name, member) in object {
                    let place = format!("{place}/{}", name.replace('~', "~0").replace('/', "~1"));
                    places.push(place.clone());
                    open.push((place, member));
                }
            }
            Value::Array(items) => {
                let items = items.iter().enumerate();
                open.extend(items.map(|(at, item)| (format!("{place}/{at}"), item)));
            }
            _ => {}
        }
    }
    places
}

/// Equal, but for a member that is missing here and empty there.
fn same(one: &Value, other: &Value) -> bool {
    let is_empty = |value: &Value| match value {
        Value::Object(object) => object.values().all(|value| value == &json!("")),
        _ => [json!(""), json!([]), json!(0), json!(false)].contains(value),
    };
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            let names: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
            names
                .into_iter()
                .all(|name| match (one.get(name), other.get(name)) {
                    (Some(one), Some(other)) => same(one, other),
                    (Some(only), None) | (None, Some(only)) => is_empty(only),
                    (None, None) => true,
                })
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        _ => one == other,
    }
}

/// Reads and writes a value that has everything it must have.
fn comes_back(kind: &Type, value: &Value) {
    let written = (kind.again)(value.to_string().as_bytes());
    let written = written.unwrap_or_else(|error| panic!("{}: {error}\n{value}", kind.name));
    assert!(
        same(&written, value),
        "{}:\nread    {value}\nwritten {written}",
        kind.name
    );
}

/// The samples of a type, one of each variant and of each set of members: what stands beside an odd
/// member has no other part in how that is read.
fn shapes(kind: &Type) -> Vec<Value> {
    let mut shapes: Vec<Value> = Vec::new();
    for sample in (0..SAMPLES).map(kind.sample) {
        let alike =
            |other: &Value| other["type"] == sample["type"] && names(other) == names(&sample);
        if !shapes.iter().any(alike) {
            shapes.push(sample);
        }
    }
    shapes
}

/// Whether a type is nothing without this member.
fn needs(kind: &Type, name: &str) -> bool {
    name == "id" && (kind.fit)(&json!({})) == Fit::No && (kind.fit)(&json!({"id": "x"})) != Fit::No
}

#[test]
fn a_sample_comes_back_to_the_letter() {
    for kind in TYPES {
        for choice in 0..SAMPLES {
            let sample = (kind.sample)(choice);
            let written = (kind.again)(sample.to_string().as_bytes()).expect(kind.name);
            assert_eq!(written, sample, "{}", kind.name);
        }
    }
}

#[test]
fn a_member_may_be_anything() {
    let odd = odd_values();
    for kind in TYPES {
        for sample in shapes(kind) {
            for name in names(&sample) {
                for odd in &odd {
                    if needs(kind, &name) && odd.as_str().is_none_or(str::is_empty) {
                        continue;
                    }
                    let mut value = sample.clone();
                    value[&name] = odd.clone();
                    comes_back(kind, &value);
                }
            }
        }
    }
}

#[test]
fn a_member_may_be_missing_or_new() {
    for kind in TYPES {
        for choice in 0..SAMPLES {
            let sample = (kind.sample)(choice);
            for name in names(&sample) {
                let mut object = sample.as_object().expect("an object").clone();
                object.insert("of tomorrow".to_owned(), json!([null]));
                if !needs(kind, &name) {
                    object.remove(&name);
                }
                let value = Value::Object(object);
                comes_back(kind, &value);
            }
        }
    }
}

#[test]
fn of_a_member_that_is_there_twice_the_last_counts() {
    for kind in TYPES {
        for choice in 0..SAMPLES {
            let sample = (kind.sample)(choice);
            for name in names(&sample) {
                let json = sample.to_string();
                let twice = format!("{{{}:[7],{}", json!(name), &json[1..]);
                let written = (kind.again)(twice.as_bytes()).expect(kind.name);
                assert_eq!(written, sample, "{}", kind.name);
            }
        }
    }
}

#[test]
fn half_a_surrogate_pair_is_replaced_and_a_byte_order_mark_skipped() {
    for kind in TYPES {
        for choice in 0..SAMPLES {
            let sample = (kind.sample)(choice);
            for name in names(&sample) {
                let mut value = sample.clone();
                value[name] = json!("half \u{fffd}");
                let json = value.to_string().replace('\u{fffd}', "\\ud83d");
                let marked = [b"\xef\xbb\xbf", json.as_bytes()].concat();
                let written = (kind.again)(&marked).expect(kind.name);
                assert_eq!(written, value, "{}", kind.name);
            }
        }
    }
}

#[test]
fn without_a_body_everything_is_empty() {
    for kind in TYPES {
        let empty = (kind.nothing)();
        let empty = empty.unwrap_or_else(|error| panic!("{}: {error}", kind.name));
        assert!(
            !empty.is_object() || same(&empty, &json!({})),
            "{}: {empty}",
            kind.name
        );
    }
    assert_eq!(nothing::<Value>().expect("null"), Value::Null);
    nothing::<()>().expect("nothing");
    assert_eq!(nothing::<Option<Agent>>().expect("none"), None);
    assert!(nothing::<Page<Agent>>().expect("a page").data.is_empty());
    assert!(nothing::<SentEvents>().expect("no events").data.is_empty());
    assert!(nothing::<u32>().is_err());
}

#[test]
fn a_resource_without_an_id_is_none() {
    for (json, why) in [
        ("{}", "Session: the object has no `id`"),
        (r#"{"id":""}"#, "Session: the object has no `id`"),
        (r#"{"id":null}"#, "Session: the object has no `id`"),
        (r#"{"id":7}"#, "Session: the object has no `id`"),
        ("null", "Session: null is no object"),
        ("7", "Session: a number is no object"),
        ("true", "Session: a boolean is no object"),
        (r#""sess_1""#, "Session: a text is no object"),
        (r#"["sess_1"]"#, "Session: a list is no object"),
    ] {
        let error = read::<Session>(json.as_bytes()).expect_err(json);
        assert!(error.to_string().starts_with(why), "{error}");
    }
}

#[test]
fn secrets_are_not_shown() {
    let session = SessionCreate::new("a", "e")
        .environment_variable("API_KEY", "hidden")
        .resource(GithubRepositoryResource::new("https://example.org").token("hidden"))
        .resource(GitRepositoryResource::new("https://example.org").password("hidden"));
    assert_eq!(
        json!(session)["resources"][1]["password"],
        "hidden",
        "they are sent"
    );
    let samples = [
        format!("{session:?}"),
        format!(
            "{:?}",
            SessionUpdate::new().environment_variable("API_KEY", "hidden")
        ),
        format!(
            "{:?}",
            read::<FileContent>(br#"{"url":"hidden"}"#).expect("a link")
        ),
        format!(
            "{:?}",
            read::<ServiceToken>(br#"{"access_token":"hidden"}"#).expect("a token")
        ),
        // Where they have no field, or not this one.
        format!(
            "{:?}",
            read::<Session>(br#"{"id":"s","environment_variables":"A=hidden"}"#)
                .expect("a session")
        ),
        format!(
            "{:?}",
            read::<Session>(br#"{"id":"s","environment_variables":{"A":["hidden"]}}"#)
                .expect("a session")
        ),
        format!(
            "{:?}",
            read::<SessionResource>(br#"{"type":"svn","auth":[{"access_token":"hidden"}]}"#)
                .expect("one")
        ),
    ];
    for shown in samples {
        assert!(!shown.contains("hidden"), "{shown}");
    }
}

proptest! {
    #[test]
    fn several_members_may_be_anything(
        kind in 0..TYPES.len(),
        choice in 0usize..40,
        odd in prop::collection::vec((any::<prop::sample::Index>(), any_json()), 1..4),
    ) {
        let kind = &TYPES[kind];
        let mut value = (kind.sample)(choice);
        for (place, odd) in odd {
            let places = places(&value);
            if places.is_empty() {
                break;
            }
            let place = place.get(&places);
            if !needs(kind, &place[1..]) {
                *value.pointer_mut(place).expect("a place") = odd;
            }
        }
        comes_back(kind, &value);
    }
}
