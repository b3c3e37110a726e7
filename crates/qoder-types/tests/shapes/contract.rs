//! Events, forms and pages against the API's own description of them. The operations have their
//! test beside their rows, in `src/ops/contract.rs`.

use std::collections::BTreeSet;

use proptest::prelude::*;
use qoder_types::ops;
use qoder_types::{
    AgentCreate, AgentId, Content, Cursor, Event, FileResource, FileUpload, Form, InputEvent, Page,
    PageStyle, Paging, PagingError, Request, RequestError, SessionResource, SkillCreate,
    SkillUpdate, SkillUpload, SystemMessage, UserCustomToolResult, UserDefineOutcome,
    UserInterrupt, UserMessage, UserToolConfirmation, UserToolResult, Work, WorkState,
};
use serde_json::{Map, Value, json};

fn data(file: &str) -> Value {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(file);
    serde_json::from_str(&std::fs::read_to_string(path).expect(file)).expect(file)
}

fn body<T>(request: &Request<T>) -> Value {
    let body = request.body().expect("a body").expect("one that is there");
    serde_json::from_slice(body).expect("JSON")
}

#[test]
fn an_upload_is_a_form() {
    let least = ops::files::upload(&FileUpload::new("a.txt"));
    let form = least.form().expect("a form");
    assert!(form.fields.is_empty());
    assert_eq!(form.files.len(), 1);
    assert_eq!(
        (
            form.files[0].field.as_str(),
            form.files[0].filename.as_str(),
            form.files[0].mime_type.as_str()
        ),
        ("file", "a.txt", "application/octet-stream")
    );

    let all = FileUpload::new("a.txt")
        .mime_type("text/plain")
        .name("notes")
        .metadata("origin", "ci \"nightly\"")
        .expires_in_seconds(3600);
    let mut all = ops::files::upload(&all);
    let form = all.form().expect("a form");
    let known = data("operations.json");
    let known = known.as_array().expect("a list");
    let upload = known.iter().find(|known| {
        known["mode"] == "managed" && known["resource"] == "files" && known["name"] == "upload"
    });
    let documented = upload.expect("the operation")["body"]
        .as_array()
        .expect("fields");
    let documented: BTreeSet<&str> = documented
        .iter()
        .filter_map(|field| field["name"].as_str())
        .collect();
    let mut sent: BTreeSet<&str> = form.fields.iter().map(|(name, _)| name.as_str()).collect();
    sent.extend(form.files.iter().map(|file| file.field.as_str()));
    assert_eq!(sent, documented, "every field, and no other");

    all.extra("purpose", json!("user_upload"));
    all.extra("name", json!("other"));
    all.extra("tags", json!(["a"]));
    let fields: Vec<(&str, &str)> = all.form().expect("a form").fields[..]
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    assert_eq!(
        fields,
        [
            ("metadata", r#"{"origin":"ci \"nightly\""}"#),
            ("expires_in_seconds", "3600"),
            ("purpose", "user_upload"),
            ("name", "other"),
            ("tags", r#"["a"]"#),
        ]
    );
    assert_eq!(all.body(), Ok(None));
    assert!(all.json(&json!({})).form().is_none());
}

#[test]
fn a_skill_is_a_form_of_many_files_or_of_one_archive() {
    let paths = ["notes/SKILL.md", "notes/bin/list.sh"];
    let all = SkillCreate::new(SkillUpload::files(paths))
        .display_title("Notes")
        .metadata("team", "build");
    let request = ops::skills::create(&all);
    let form = request.form().expect("a form");
    let fields: Vec<(&str, &str)> = form
        .fields
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    assert_eq!(
        fields,
        [
            ("display_title", "Notes"),
            ("metadata", r#"{"team":"build"}"#)
        ]
    );
    let files = |form: &Form| -> Vec<(String, String)> {
        let files = form.files.iter();
        files
            .map(|file| (file.field.clone(), file.filename.clone()))
            .collect()
    };
    let many = paths.map(|path| ("files".to_owned(), path.to_owned()));
    assert_eq!(files(form), many);

    let mut version = SkillUpload::files(paths);
    version.extra.insert("type".to_owned(), json!("custom"));
    let request = ops::skills::versions::create(&"skill_1".into(), &version);
    let form = request.form().expect("a form");
    assert_eq!(form.fields, [("type".to_owned(), "custom".to_owned())]);
    assert_eq!(files(form), many);

    let archive = SkillCreate::new(SkillUpload::zip("notes.zip"));
    let request = ops::skills::create(&archive);
    let form = request.form().expect("a form");
    assert!(form.fields.is_empty());
    assert_eq!(files(form), [("file".to_owned(), "notes.zip".to_owned())]);
    assert_eq!(form.files[0].mime_type, "application/zip");
}

#[test]
fn a_skill_can_be_changed_in_place() {
    let update = SkillUpdate::new()
        .name("notes")
        .description("Writes them.")
        .content("UEsDBA==")
        .content_encoding("base64")
        .metadata("team", "build");
    let request = ops::skills::update(&"skill_1".into(), &update);
    assert_eq!(request.op().method.as_str(), "PUT");
    assert_eq!(request.target(), Ok("/skills/skill_1".to_owned()));
    assert_eq!(
        body(&request),
        json!({
            "name": "notes", "description": "Writes them.", "content": "UEsDBA==",
            "content_encoding": "base64", "metadata": {"team": "build"},
        })
    );
}

#[test]
fn every_sent_event_has_its_form() {
    let known = &data("events.json")["managed"];
    let events: Vec<InputEvent> = vec![
        UserMessage::new("x").into(),
        UserInterrupt::new().session_thread_id("t").into(),
        UserToolConfirmation::deny("e").deny_message("no").into(),
        UserCustomToolResult::error("e", "x").into(),
        UserDefineOutcome::new("d", "r").max_iterations(3).into(),
        UserToolResult::new("e", "x").into(),
        SystemMessage::new("x").into(),
    ];
    for (known, event) in known["sent"].as_array().expect("a list").iter().zip(events) {
        let json = serde_json::to_value(event.for_current()).expect("JSON");
        assert_eq!(json["type"], known["type"]);
        let fields: BTreeSet<&str> = known["fields"]
            .as_array()
            .expect("fields")
            .iter()
            .filter_map(|field| field["name"].as_str())
            .collect();
        for (name, value) in json.as_object().expect("an object") {
            assert!(
                fields.contains(name.as_str()),
                "{} has no {name}",
                known["type"]
            );
            assert!(
                name != "content" || value.is_array(),
                "today's content is blocks"
            );
        }
        for field in known["fields"]
            .as_array()
            .expect("fields")
            .iter()
            .filter(|field| field["required"] == true)
        {
            assert!(
                json.get(field["name"].as_str().expect("a name")).is_some(),
                "{} lacks {field}",
                known["type"]
            );
        }
    }
    let other = json!({"type": "user.wave", "hand": "left"});
    let event: InputEvent = serde_json::from_value(other.clone()).expect("an event");
    assert!(matches!(&event, InputEvent::Other(_)) && event.type_name() == "user.wave");
    assert_eq!(serde_json::to_value(event).expect("JSON"), other);
}

/// A value of a type in the words of the description.
fn sample(kind: &str, name: &str) -> Value {
    match kind {
        "string" => json!("text"),
        "datetime" => json!("2026-09-21T08:01:00.188169337Z"),
        "integer" => json!(3),
        "number" => json!(0.25),
        "boolean" => json!(true),
        _ if kind.starts_with("list<") => {
            json!([{"type": "text", "text": "x"}, {"type": "hologram", "y": 1}])
        }
        _ if kind.starts_with("map<") => json!({"key": "value"}),
        _ if kind.starts_with("enum<") => json!(kind[5..].trim_end_matches('>').split('|').next()),
        _ if name == "stop_reason" => json!({"type": "requires_action", "event_ids": ["evt_1"]}),
        _ if name == "error" => {
            json!({"type": "unknown_error", "message": "m", "retry_status": {"type": "retrying"}})
        }
        _ if name == "event" => json!({"id": "evt_1", "type": "agent.message"}),
        _ if name == "delta" => {
            json!({"type": "content_delta", "index": 0, "content": {"type": "text", "text": "x"}})
        }
        _ => json!({"type": "text", "content": "x"}),
    }
}

#[test]
fn every_received_event_is_known() {
    let known = &data("events.json")["managed"];
    let received = known["received"].as_array().expect("a list");
    assert!(received.len() >= 38, "the catalogue has lost events");
    for known in received {
        let name = known["type"].as_str().expect("a type");
        assert!(
            Event::TYPES.contains(&name),
            "{name} is in the catalogue and has no row in src/event/kinds.rs"
        );
        let fields = known["fields"].as_array().expect("fields");
        for maximal in [false, true] {
            let mut object = Map::new();
            for field in fields
                .iter()
                .filter(|field| maximal || field["required"] == true)
            {
                let field_name = field["name"].as_str().expect("a name");
                object.insert(
                    field_name.to_owned(),
                    sample(field["type"].as_str().expect("a type"), field_name),
                );
            }
            object.insert("type".to_owned(), name.into());
            if maximal {
                object.insert("field_of_tomorrow".to_owned(), json!({"kept": [1, null]}));
            }
            let json = Value::Object(object);
            for event in [
                Event::decode("", None, &json.to_string()),
                serde_json::from_value(json.clone()).expect("an event"),
            ] {
                assert!(
                    !matches!(event, Event::Unknown(_) | Event::Malformed(_)),
                    "{name}: {event:?}"
                );
                assert_eq!(event.type_name(), name);
                assert_eq!(serde_json::to_value(&event).expect("JSON"), json);
            }
        }
    }
}

#[test]
fn what_is_not_understood_is_kept() {
    let unknown = Event::decode("", Some("evt_9"), r#"{"type":"agent.dreams","of":"sheep"}"#);
    assert!(matches!(&unknown, Event::Unknown(event) if &*event.type_name == "agent.dreams"));
    assert_eq!(unknown.id().expect("an id"), &"evt_9");
    for (name, data) in [
        ("agent.message", r#"{"id":"evt_9","content":7}"#),
        ("agent.message", r#"{"id":"evt_9"}"#),
        ("agent.message", "{\"id\":\"evt_9\""),
        ("agent.message", r#"["evt_9"]"#),
        ("agent.message", ""),
        ("", "not JSON"),
        ("some.new_event", "not JSON"),
    ] {
        let event = Event::decode(name, Some("evt_9"), data);
        assert!(
            matches!(event, Event::Malformed(_)),
            "{name} {data}: {event:?}"
        );
        assert_eq!((event.raw(), event.id()), (data, Some(&"evt_9".into())));
    }
}

#[test]
fn a_list_with_one_bad_event_is_a_list() {
    let page: Page<Event> = serde_json::from_str(
        r#"{"data":[{"type":"agent.message","content":7},{"type":"session.deleted"},5]}"#,
    )
    .expect("a page");
    assert!(matches!(page.data[0], Event::Malformed(_)));
    assert!(page.data[1].is_final());
    assert!(matches!(page.data[2], Event::Malformed(_)));
}

#[test]
fn pages_end_or_fail_and_never_circle() {
    let page = |json: &str| serde_json::from_str::<Page<Value>>(json).expect(json);
    let next = |json: &str| Paging::new(PageStyle::Pages).next(&page(json));
    assert_eq!(next(r#"{"data":[]}"#), Ok(None));
    assert_eq!(
        next(r#"{"data":[],"has_more":false,"next_page":"c","last_id":"a"}"#),
        Ok(None)
    );
    assert_eq!(
        next(r#"{"data":[],"has_more":true,"next_page":null,"last_id":"a"}"#),
        Ok(Some(Cursor::After("a".into())))
    );
    assert_eq!(
        next(r#"{"data":[],"last_id":"a"}"#),
        Ok(None),
        "an id alone promises nothing"
    );
    assert_eq!(
        next(r#"{"data":[],"next_page":"c"}"#),
        Ok(Some(Cursor::Page("c".into())))
    );
    assert_eq!(
        next(r#"{"data":[],"has_more":true}"#),
        Err(PagingError::NoCursor)
    );
    assert_eq!(
        next(r#"{"data":[],"has_more":true,"next_page":""}"#),
        Err(PagingError::NoCursor)
    );
    let ids = |json: &str| Paging::new(PageStyle::Ids).next(&page(json));
    assert_eq!(
        ids(r#"{"data":[],"has_more":true,"next_page":"c","last_id":"a"}"#),
        Ok(Some(Cursor::After("a".into())))
    );
    let start = Cursor::Before("z".into());
    let back = |json: &str| Paging::starting_at(PageStyle::Pages, &start).next(&page(json));
    assert_eq!(
        back(r#"{"data":[],"has_more":true,"next_page":"c","first_id":"b","last_id":"a"}"#),
        Ok(Some(Cursor::Before("b".into())))
    );
    assert_eq!(back(r#"{"data":[],"first_id":"b"}"#), Ok(None));
    assert_eq!(
        back(r#"{"data":[],"has_more":true,"next_page":"c"}"#),
        Err(PagingError::NoCursor)
    );
    assert_eq!(
        back(r#"{"data":[],"has_more":true,"first_id":"z"}"#),
        Err(PagingError::Repeated)
    );
    let mut paging = Paging::new(PageStyle::Pages);
    for cursor in ["a", "b", "c"] {
        assert!(
            paging
                .next(&page(&format!(r#"{{"data":[],"next_page":"{cursor}"}}"#)))
                .is_ok()
        );
    }
    assert_eq!(
        paging.next(&page(r#"{"data":[],"next_page":"a"}"#)),
        Err(PagingError::Repeated)
    );
    let mut paging = Paging::new(PageStyle::Pages);
    for n in 1..2500 {
        // One item in between is enough.
        let item = if n == 700 { "1" } else { "" };
        let given = paging.next(&page(&format!(r#"{{"data":[{item}],"next_page":"{n}"}}"#)));
        if n == 1700 {
            assert_eq!(given, Err(PagingError::Empty));
            break;
        }
        assert!(given.is_ok(), "{n}");
    }
}

#[test]
fn cursors_exclude_each_other() {
    let mut request = ops::sessions::list();
    request.set_query("limit", 5);
    request.set_cursor("after_id", "a");
    request.set_cursor("page", "c=/");
    assert_eq!(
        request.target().expect("a target"),
        "/sessions?limit=5&page=c%3D%2F"
    );
}

#[test]
fn a_poll_may_find_nothing_and_no_other_read_may() {
    let poll = ops::environments::work::poll(&"env_1".into());
    let retrieve = ops::environments::work::retrieve(&"env_1".into(), &"work_1".into());
    let list = ops::environments::work::list(&"env_1".into());
    for nothing in [
        &b""[..],
        b" \r\n",
        b"\xef\xbb\xbf",
        b"null",
        b"\xef\xbb\xbfnull\n",
    ] {
        let polled: Option<Work> = poll.op().read(nothing).expect("nothing to do");
        assert_eq!(polled, None);
        assert!(retrieve.op().read::<Work>(nothing).is_err());
        assert!(list.op().read::<Page<Work>>(nothing).is_err());
    }
    for half in [&b"{"[..], b"{}", br#"{"id":""}"#, b"[]", b"<p>"] {
        assert!(poll.op().read::<Option<Work>>(half).is_err());
    }
    let work = br#"{"id":"work_1","data":{"type":"session","id":"sess_1"},"state":"queued"}"#;
    let polled: Option<Work> = poll.op().read(work).expect("work");
    let work = polled.expect("work");
    assert_eq!(work.session_id(), Some(&"sess_1".into()));
    assert_eq!(work.state, WorkState::Queued);
}

#[test]
fn a_variant_has_one_type_wherever_it_comes_from() {
    let given = r#"{"id":"sesr_1","type":"file","file_id":"file_1"}"#;
    let alone: FileResource = serde_json::from_str(given).expect("a file");
    assert_eq!(alone.id, Some("sesr_1".into()));
    for file in [SessionResource::file("file_1"), alone] {
        let add = ops::sessions::resources::add(&"sess_1".into(), &file);
        assert_eq!(body(&add)["file_id"], "file_1");
        let sent = add.body().expect("a body").expect("JSON");
        let sent = std::str::from_utf8(sent).expect("a text");
        assert_eq!(sent.matches(r#""type":"file""#).count(), 1, "{sent}");
    }
}

#[test]
fn extra_members_join_the_body() {
    let mut request = ops::agents::create(&AgentCreate::new("a", "m"));
    request.extra("x", json!(1));
    assert_eq!(body(&request), json!({"name": "a", "model": "m", "x": 1}));
    let mut request = ops::agents::archive(&"a".into());
    request.extra("x", json!(1));
    assert_eq!(body(&request), json!({"x": 1}));
    let mut request = Request::<()>::new(ops::all().next().expect("an operation")).json(&[1]);
    request.extra("x", json!(1));
    assert!(matches!(request.body(), Err(RequestError::Body(_))));
}

#[test]
fn ids_stay_in_their_segment() {
    for id in ["", ".", ".."] {
        let error = ops::agents::retrieve(&id.into()).target().expect_err(id);
        assert!(
            matches!(
                error,
                RequestError::PathParameter {
                    name: "agent_id",
                    ..
                }
            ),
            "{error}"
        );
    }
    let target = |id: &str| ops::agents::retrieve(&id.into()).target().expect(id);
    assert_eq!(target("a/b"), "/agents/a%2Fb");
    assert_eq!(target("../x?y#z"), "/agents/..%2Fx%3Fy%23z");
    assert_eq!(target("{agent_id}"), "/agents/%7Bagent_id%7D");
    assert_eq!(target("a\r\nHost: x"), "/agents/a%0D%0AHost%3A%20x");
}

proptest! {
    #[test]
    fn an_id_comes_out_of_its_path(id in "\\PC{1,40}") {
        prop_assume!(id != "." && id != "..");
        let target = ops::agents::retrieve(&AgentId::from(id.as_str())).target().expect("a target");
        let segment = target.strip_prefix("/agents/").expect("the path");
        prop_assert!(segment.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~%".contains(&b)));
        let decoded: Vec<u8> = percent_encoding::percent_decode_str(segment).collect();
        prop_assert_eq!(decoded, id.into_bytes());
    }

    #[test]
    fn decode_takes_anything(name in "\\PC{0,20}", data in "\\PC{0,80}") {
        let event = Event::decode(&name, None, &data);
        prop_assert_eq!(event.raw(), data);
    }

    #[test]
    fn decode_takes_any_object_under_any_known_name(at in 0..Event::TYPES.len(), key in "id|content|error|input|event|delta|stop_reason", value in "null|1|\"x\"|\\[\\]|\\{\\}|\\[1\\]") {
        let data = format!("{{\"{key}\":{value}}}");
        let event = Event::decode(Event::TYPES[at], None, &data);
        prop_assert_eq!(event.type_name(), Event::TYPES[at]);
        prop_assert!(!matches!(event, Event::Unknown(_)));
    }

    #[test]
    fn content_comes_back(text in "\\PC{0,40}", other in "[a-z]{1,8}") {
        for json in [json!(text), json!([]), json!([{"type": "text", "text": text}, {"type": other, "text": text, "n": null}]),
            json!([{"text": text}, {"type": "text", "text": null}, {"type": 7, "text": text}, {"type": "text", "text": 7}, {"type": "image", "source": {"type": "url", "url": text, "x": null}}])] {
            let content: Content = serde_json::from_value(json.clone()).expect("content");
            prop_assert_eq!(serde_json::to_value(&content).expect("JSON"), json);
        }
    }
}
