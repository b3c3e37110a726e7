//! Whatever becomes of a member, its object is read, nothing of it is lost, and it is written as it
//! was: for every type that there is.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{Fit, Wire, nothing, read};
use crate::*;

/// A type, by what the tests need of it.
struct Type {
    name: &'static str,
    sample: fn(usize) -> Value,
    fit: fn(&Value) -> Fit,
    /// Reads a document as the type, and writes it again.
    again: fn(&[u8]) -> serde_json::Result<Value>,
    /// What the type is without a body.
    nothing: fn() -> serde_json::Result<Value>,
}

fn again<T: Serialize + DeserializeOwned>(json: &[u8]) -> serde_json::Result<Value> {
    serde_json::to_value(read::<T>(json)?)
}

fn of_nothing<T: Serialize + DeserializeOwned>() -> serde_json::Result<Value> {
    serde_json::to_value(nothing::<T>()?)
}

macro_rules! types {
    ($($name:ident),* $(,)?) => {
        &[$(Type {
            name: stringify!($name),
            sample: <$name as Wire>::sample,
            fit: <$name as Wire>::fit,
            again: again::<$name>,
            nothing: of_nothing::<$name>,
        }),*]
    };
}

const TYPES: &[Type] = types![
    Actor,
    Advisor,
    Agent,
    AgentCreate,
    AgentMember,
    AgentOverrides,
    AgentRef,
    AgentUpdate,
    AgentVersion,
    ApiActor,
    Base64Source,
    BranchCheckout,
    BrowserToolset,
    Budget,
    CacheCreation,
    Checkout,
    CommitCheckout,
    Credential,
    CredentialAuth,
    CredentialAuthUpdate,
    CredentialCreate,
    CredentialUpdate,
    CredentialValidation,
    CustomTool,
    Deleted,
    Deployment,
    DeploymentCreate,
    DeploymentError,
    DeploymentRun,
    DeploymentUpdate,
    DocumentBlock,
    Dream,
    DreamCreate,
    DreamError,
    DreamInput,
    DreamIntoExisting,
    DreamIntoNew,
    DreamMemoryStore,
    DreamOutput,
    DreamOutputBehavior,
    DreamSessions,
    DreamUsage,
    Environment,
    EnvironmentConfig,
    EnvironmentCreate,
    EnvironmentUpdate,
    EnvironmentVariableAuth,
    EnvironmentVariableUpdate,
    File,
    FileContent,
    FileResource,
    FileRubric,
    FileScope,
    FileSource,
    GitRepositoryResource,
    GithubRepositoryResource,
    ImageBlock,
    InjectionLocation,
    InputEvent,
    Itself,
    McpOauth,
    McpOauthUpdate,
    McpProbe,
    McpServer,
    McpToolset,
    Memory,
    MemoryCreate,
    MemoryListItem,
    MemoryPrefix,
    MemoryStore,
    MemoryStoreCreate,
    MemoryStoreResource,
    MemoryStoreUpdate,
    MemoryUpdate,
    MemoryVersion,
    Model,
    ModelRef,
    ModelUsage,
    Money,
    Multiagent,
    MultiagentMember,
    Networking,
    OauthRefresh,
    OauthRefreshUpdate,
    OutcomeEvaluation,
    Packages,
    PausedReason,
    PermissionPolicy,
    ProbeResponse,
    RedactedBlock,
    RefreshAttempt,
    Rubric,
    Schedule,
    SearchResultBlock,
    SendEvents,
    ServerToolUse,
    ServiceAccountActor,
    ServiceToken,
    Session,
    SessionActor,
    SessionAgent,
    SessionCanceled,
    SessionCreate,
    SessionError,
    SessionResource,
    SessionResourceUpdate,
    SessionStats,
    SessionThread,
    SessionUpdate,
    SessionUsage,
    SessionWork,
    Skill,
    SkillRef,
    SkillUpdate,
    SkillVersion,
    Source,
    StaticBearer,
    StaticBearerUpdate,
    SystemMessage,
    TextBlock,
    TextRubric,
    TextSource,
    ThreadAgent,
    TokenEndpointAuth,
    Tool,
    ToolConfig,
    ToolDefaults,
    Toolset,
    TriggerContext,
    UrlSource,
    UserActor,
    UserCustomToolResult,
    UserDefineOutcome,
    UserInterrupt,
    UserLocation,
    UserMessage,
    UserToolConfirmation,
    UserToolResult,
    Vault,
    VaultCreate,
    WebhookData,
    WebhookEvent,
    WebhookSchedule,
    WebhookScheduleRun,
    WebhookSession,
    Work,
    WorkData,
    WorkHeartbeat,
    WorkStats,
    WorkStop,
    WorkUpdate,
];

/// How many samples of a type are looked at: enough for every variant of its unions to be in one.
const SAMPLES: usize = 10;

#[test]
fn no_type_is_forgotten() {
    let source = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = BTreeSet::new();
    let mut folders = vec![source];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).expect("a text");
            let mut lines = text.lines();
            while let Some(line) = lines.next() {
                if matches!(line, "object! {" | "body! {" | "tagged! {") {
                    let name = lines.find(|line| !line.trim_start().starts_with("///"));
                    let name = name.and_then(|line| line.split_whitespace().next());
                    found.insert(name.expect("a name").to_owned());
                }
            }
        }
    }
    // It is read by another way, and is in messages and results.
    found.remove("ContentBlock");
    let tested: BTreeSet<String> = TYPES.iter().map(|kind| kind.name.to_owned()).collect();
    let forgotten: Vec<_> = found.difference(&tested).collect();
    assert!(found.len() > 60 && forgotten.is_empty(), "{forgotten:?}");
}

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
    let odd = [
        json!(null),
        json!(true),
        json!(7),
        json!(3.0),
        json!("3"),
        json!(-1),
        json!(0.5),
        json!(""),
        json!("text"),
        json!([]),
        json!([7]),
        json!([null]),
        json!(["a", {}]),
        json!({}),
        json!({"a": null}),
        json!({"type": "of tomorrow"}),
        json!({"type": null}),
        json!({"id": "x"}),
    ];
    for kind in TYPES {
        for choice in 0..SAMPLES {
            let sample = (kind.sample)(choice);
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
        odd in prop::collection::vec((any::<prop::sample::Index>(), json()), 1..4),
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

/// Any JSON.
fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1000i32..1000).prop_map(|number| Value::from(f64::from(number) / 4.0)),
        "\\PC{0,6}".prop_map(Value::from),
        "[0-9]{1,3}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        let name = prop_oneof![Just("type".to_owned()), Just("id".to_owned()), "[a-z]{1,5}"];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::vec((name, inner), 0..3)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}
