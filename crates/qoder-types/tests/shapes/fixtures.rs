//! Samples of the API, of every generation, are read and come back as they were.

use std::path::{Path, PathBuf};

use qoder_types::{
    Agent, AgentMember, AgentRef, Checkout, Credential, CredentialAuth, Deleted, Deployment,
    DeploymentErrorKind, DeploymentRun, DeploymentStatus, Environment, ErrorBody, Event, File,
    FileContent, Model, MultiagentMember, Page, PageStyle, Paging, PausedReasonKind, SentEvents,
    ServiceToken, Session, SessionCanceled, SessionResource, SessionStatus, Skill, SkillSource,
    SkillVersion, TriggerKind, WebhookData, WebhookEvent, Work, WorkState, ops,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/fixtures")
}

fn text(file: &str) -> String {
    std::fs::read_to_string(folder().join(file)).expect(file)
}

fn comes_back<T: Serialize + DeserializeOwned>(json: &str) -> T {
    let value: T = serde_json::from_str(json).expect(json);
    let before: Value = serde_json::from_str(json).expect(json);
    let mut after = serde_json::to_value(&value).expect("it can be written");
    as_silent(&mut after, &before);
    assert_eq!(after, before);
    value
}

/// Takes out what is empty here and missing there: of a member that today's server always sends,
/// an older one's silence is the empty value.
fn as_silent(value: &mut Value, other: &Value) {
    match (value, other) {
        (Value::Object(object), Value::Object(other)) => {
            let empty = [json!(""), json!([]), json!({}), json!(0)];
            object.retain(|name, value| other.contains_key(name) || !empty.contains(value));
            for (name, value) in object {
                as_silent(value, &other[name]);
            }
        }
        (Value::Array(items), Value::Array(others)) => {
            for (item, other) in items.iter_mut().zip(others) {
                as_silent(item, other);
            }
        }
        _ => {}
    }
}

/// The frames of a stream: (event, id, data). As much of the format as these samples use.
fn frames(stream: &str) -> Vec<(String, Option<String>, String)> {
    let mut frames = Vec::new();
    for block in stream.replace("\r\n", "\n").split("\n\n") {
        let field = |name: &str| -> Vec<String> {
            let lines = block
                .lines()
                .filter_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            lines
                .map(|value| value.strip_prefix(' ').unwrap_or(value).to_owned())
                .collect()
        };
        let data = field("data");
        if !data.is_empty() {
            let event = field("event").pop().unwrap_or_default();
            frames.push((event, field("id").pop(), data.join("\n")));
        }
    }
    frames
}

fn events(stream: &str) -> Vec<Event> {
    frames(stream)
        .iter()
        .map(|(name, id, data)| Event::decode(name, id.as_deref(), data))
        .collect()
}

#[test]
fn resources_come_back() {
    let agent: Agent = comes_back(&text("agent.json"));
    assert_eq!((agent.tools.len(), agent.version), (3, 3));
    assert!(agent.extra.contains_key("x_future_field"));
    assert!(agent.archived_at.is_none() && agent.multiagent.is_none());

    let page: Page<Environment> = comes_back(&text("environment_list.json"));
    let next = Paging::new(PageStyle::Pages)
        .next(&page)
        .expect("a cursor")
        .expect("more");
    assert_eq!(next.to_string(), "page=cGFnZTpvcGFxdWU=");

    let session: Session = comes_back(&text("session.json"));
    let [
        SessionResource::File(file),
        SessionResource::GithubRepository(repository),
    ] = session.resources.as_slice()
    else {
        panic!("{:?}", session.resources)
    };
    assert_eq!(file.mount_path.as_deref(), Some("/data/inputs/commits.txt"));
    assert_eq!(repository.checkout, Some(Checkout::branch("main")));
    assert!(repository.id.is_some() && repository.token.is_none());
    let legacy: Session = comes_back(&text("session_legacy.json"));
    assert_eq!(legacy.status, SessionStatus::Processing);
    comes_back::<Page<Model>>(&text("models_list.json"));
    let file: File = comes_back(&text("file.json"));
    assert_eq!(
        (file.filename.as_str(), file.size_bytes, file.downloadable),
        ("commits.txt", 2048, Some(false))
    );
    assert!(file.scope.is_none() && file.extra.contains_key("scope"));
    let deployment: Deployment = comes_back(&text("deployment.json"));
    assert!(matches!(
        deployment.agent,
        AgentRef::Version { version: 3, .. }
    ));
    assert_eq!(deployment.status, DeploymentStatus::Paused);
    let reason = deployment.paused_reason.as_ref().expect("a reason");
    assert_eq!(
        (&reason.kind, &reason.error),
        (&PausedReasonKind::Manual, &None)
    );
    let schedule = deployment.schedule.as_ref().expect("a schedule");
    assert_eq!(schedule.expression, "15 2 * * *");
    let upcoming = schedule.upcoming_runs_at.as_ref().expect("times");
    assert_eq!(upcoming.len(), 2);
    assert!(!format!("{deployment:?}").contains("LOG_LEVEL"));
    let delivered: WebhookEvent = comes_back(&text("webhook_body.json"));
    let Some(WebhookData::ForwardScheduleRunSucceeded(run)) = &delivered.data else {
        panic!("{delivered:?}")
    };
    assert_eq!((run.attempt, run.duration_ms), (1, 12044));
    let sent: SentEvents = comes_back(&text("send_events_response.json"));
    assert!(sent.data[0].id().is_some());
    let events: Page<Event> = comes_back(&text("events_list.json"));
    assert!(
        events
            .data
            .iter()
            .any(|event| matches!(event, Event::Unknown(_)))
    );
}

#[test]
fn a_coordinator_comes_back() {
    let agent: Agent = comes_back(
        r#"{"id":"agent_1","version":2,"name":"lead","multiagent":{"type":"coordinator","agents":[
            {"type":"agent","id":"agent_2","version":3},{"type":"agent","id":"agent_3","version":"latest"},
            {"type":"self"},{"type":"advisor","model":"ultimate"},{"type":"of tomorrow","x":1},"agent_4"]}}"#,
    );
    let members = agent.multiagent.expect("a coordinator").agents;
    assert_eq!(members[0], AgentMember::new("agent_2").version(3).into());
    assert!(matches!(
        members[1..4],
        [
            MultiagentMember::Agent(_),
            MultiagentMember::Itself(_),
            MultiagentMember::Advisor(_)
        ]
    ));
    let session: Session = comes_back(
        r#"{"id":"sess_1","agent":{"id":"agent_1","version":2,"name":"lead","multiagent":{"type":"coordinator",
            "agents":[{"type":"agent","id":"agent_2","name":"tester","version":3,"system":"Test."}]}}}"#,
    );
    let snapshot = session.agent.snapshot().expect("a snapshot");
    let members = &snapshot.multiagent.as_ref().expect("a coordinator").agents;
    let [MultiagentMember::Snapshot(tester)] = members.as_slice() else {
        panic!("{members:?}")
    };
    assert_eq!((tester.name.as_str(), tester.version), ("tester", 3));
}

#[test]
fn webhooks_of_every_kind_come_back() {
    let idled: WebhookEvent = comes_back(
        r#"{"type":"event","id":"whe_1","created_at":"2026-10-02T00:15:40Z","data":{"type":"session.status_idled","id":"sess_1"}}"#,
    );
    let idled = idled.data.expect("data");
    assert!(matches!(idled, WebhookData::SessionStatusIdled(_)));
    assert_eq!(
        (idled.id(), idled.type_name()),
        (Some("sess_1"), "session.status_idled")
    );
    let test: WebhookEvent = comes_back(r#"{"type":"event","id":"whe_2"}"#);
    assert!(test.data.is_none());
    let unknown: WebhookEvent =
        comes_back(r#"{"id":"whe_3","data":{"type":"agent.archived","id":"agent_1","x":null}}"#);
    let unknown = unknown.data.expect("data");
    assert_eq!(
        (unknown.id(), unknown.type_name()),
        (Some("agent_1"), "agent.archived")
    );
}

#[test]
fn files_of_every_generation_come_back() {
    let delivered: File = comes_back(
        r#"{"id":"file_1","type":"file","filename":"out.csv","size_bytes":3,"downloadable":true,
            "scope":{"type":"session","id":"sess_1","since":null},"expires_at":"2026-10-01T00:00:00Z","x":[1]}"#,
    );
    let scope = delivered.scope.as_ref().expect("a scope");
    assert_eq!(
        (scope.kind.as_deref(), scope.id.as_str()),
        (Some("session"), "sess_1")
    );
    let early: File = comes_back(
        r#"{"id":"file_2","name":"in.txt","size":7,"purpose":"user_upload","status":"ready","updated_at":"2026-05-20T10:00:00Z"}"#,
    );
    assert_eq!((early.filename.as_str(), early.size_bytes), ("in.txt", 7));
}

#[test]
fn the_small_ones_come_back() {
    let samples: Value = serde_json::from_str(&text("misc.json")).expect("JSON");
    for (name, sample) in samples.as_object().expect("an object") {
        let json = sample.to_string();
        match name.as_str() {
            "agent_seed" => drop(comes_back::<Agent>(&json)),
            "environment_list_seed" => drop(comes_back::<Page<Environment>>(&json)),
            "list_empty" => drop(comes_back::<Page<Session>>(&json)),
            "session_cancel" => drop(comes_back::<SessionCanceled>(&json)),
            "session_deleted" => drop(comes_back::<Deleted>(&json)),
            "file_content" => {
                let content: FileContent = comes_back(&json);
                assert!(!format!("{content:?}").contains("storage.example"));
            }
            "deployment_run" => {
                let run: DeploymentRun = comes_back(&json);
                assert_eq!(run.session_id, None);
                assert_eq!(run.trigger_context.kind, TriggerKind::Schedule);
                assert!(run.trigger_context.scheduled_at.is_some());
                let error = run.error.expect("an error");
                assert_eq!(error.kind, DeploymentErrorKind::EnvironmentArchived);
                assert_eq!(error.message.as_deref(), Some("environment is archived"));
            }
            "credential" => {
                let credential: Credential = comes_back(&json);
                let CredentialAuth::StaticBearer(auth) = &credential.auth else {
                    panic!("{:?}", credential.auth)
                };
                assert_eq!(
                    (auth.mcp_server_url.as_str(), &auth.token),
                    ("https://mcp.tracker.example/mcp", &None)
                );
            }
            "work_poll" => {
                let work: Work = comes_back(&json);
                let session = work.session_id().expect("a session");
                assert_eq!(
                    (session.as_str().len(), work.state),
                    (37, WorkState::Queued)
                );
                assert!(work.acknowledged_at.is_none());
            }
            "sat_exchange" => {
                let token: ServiceToken = comes_back(&json);
                assert!(!format!("{token:?}").contains("invented"));
            }
            "error_400" | "error_403" | "error_404" | "error_500" => {
                let body = ErrorBody::parse(json.as_bytes());
                assert!(
                    body.kind().is_some() && body.request_id.is_some() && body.summary().is_some(),
                    "{name}"
                );
            }
            "session_error_terminal_sse" | "cancelled_sse" | "g3_incremental_sse" => {
                for event in events(sample.as_str().expect("a stream")) {
                    assert!(
                        !matches!(event, Event::Unknown(_) | Event::Malformed(_)),
                        "{name}: {event:?}"
                    );
                }
            }
            other => panic!("{other}: a sample that no test reads"),
        }
    }
}

#[test]
fn errors_are_read_in_every_shape() {
    for (file, kind, message) in [
        (
            "error_401.json",
            "authentication_error",
            "Invalid API key or token.",
        ),
        (
            "error_401_flat.json",
            "TOKEN_INVALID",
            "missing authorization token",
        ),
        ("error_409.json", "conflict_error", "Version conflict"),
        ("error_429.json", "rate_limit_error", "Too many requests."),
    ] {
        let body = ErrorBody::parse(text(file).as_bytes());
        assert_eq!(
            (body.kind(), body.message.as_deref()),
            (Some(kind), Some(message)),
            "{file}"
        );
    }
    let seed = ErrorBody::parse(text("error_501_seed.json").as_bytes());
    assert_eq!(
        (seed.feature.as_deref(), seed.available_from.as_deref()),
        (Some("skills"), Some("skills-2026-05"))
    );

    let marked = [b"\xef\xbb\xbf", text("error_409.json").as_bytes()].concat();
    assert_eq!(ErrorBody::parse(&marked).kind(), Some("conflict_error"));

    for (body, summary) in [
        (&b""[..], None),
        (b"\xef\xbb\xbf", None),
        (
            br#"{"error":{"message":"half \ud83d"}}"#,
            Some("half \u{fffd}"),
        ),
        (b"upstream  timed\nout", Some("upstream timed out")),
        (b"\xff\xfe", Some("\u{fffd}\u{fffd}")),
        (
            br#"{"error":"sandbox failed","code":"E_1"}"#,
            Some("sandbox failed"),
        ),
        (
            br#"{"error":{"type":"x"}}"#,
            Some(r#"{"error":{"type":"x"}}"#),
        ),
        (
            br#"{"error":{"message":"no","param":"name"}}"#,
            Some("no (parameter name)"),
        ),
        (b"[]", Some("[]")),
    ] {
        assert_eq!(ErrorBody::parse(body).summary().as_deref(), summary);
    }
}

#[test]
fn streams_are_read_event_by_event() {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder())
        .expect("the folder")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.retain(|path| path.extension().is_some_and(|ending| ending == "sse"));
    assert_eq!(files.len(), 8);
    for file in files {
        let stream = std::fs::read_to_string(&file).expect("a stream");
        for ((name, id, data), event) in frames(&stream).iter().zip(events(&stream)) {
            let place = format!("{}: {name} {data}", file.display());
            assert_eq!(event.raw(), data, "{place}");
            if name != "some.new_event" && data != "[DONE]" && id.as_deref() != Some("evt_cut") {
                assert!(
                    !matches!(event, Event::Unknown(_) | Event::Malformed(_)),
                    "{place}"
                );
                assert_eq!(event.type_name(), name, "{place}");
                assert_eq!(
                    event.id().map(qoder_types::EventId::as_str),
                    id.as_deref(),
                    "{place}"
                );
            }
            if let Ok(value) = serde_json::from_str::<Value>(data) {
                assert_eq!(
                    serde_json::to_value(&event).expect("it can be written"),
                    value,
                    "{place}"
                );
            }
        }
    }
}

#[test]
fn legacy_forms_say_what_they_said() {
    let events = events(&text("seed_legacy_forms.sse"));
    let Event::AgentMessage(message) = &events[2] else {
        panic!("{:?}", events[2])
    };
    assert_eq!(
        (message.text().as_ref(), message.delta),
        ("Hello, ", Some(true))
    );
    let Event::AgentToolResult(result) = &events[3] else {
        panic!("{:?}", events[3])
    };
    assert_eq!(result.content.as_ref().expect("content").text(), "ok");
    let Event::SessionError(error) = &events[4] else {
        panic!("{:?}", events[4])
    };
    assert_eq!(
        (error.message(), error.code.as_deref()),
        ("sandbox failed", Some("E_SANDBOX"))
    );
    assert!(events[6].is_final());
}

#[test]
fn skills_of_every_generation_come_back() {
    let skill: Skill = comes_back(
        r#"{"id":"skill_1","type":"skill","display_title":"Release notes","source":{"type":"custom"},
            "latest_version":null,"metadata":{},"created_at":"2026-09-01T00:00:00Z","updated_at":"2026-09-01T00:00:00Z"}"#,
    );
    assert_eq!(
        (skill.source, skill.latest_version),
        (SkillSource::Custom, None)
    );
    let early: Skill = comes_back(
        r#"{"id":"skill_2","name":"release-notes","description":"Writes them.","skill_type":"qoder",
            "version":"3","status":"ready","content":"...","content_size":3,"content_sha256":"ab5df6"}"#,
    );
    assert_eq!(early.source, SkillSource::Qoder);
    assert_eq!(early.latest_version.expect("a version"), "3");
    let version: SkillVersion = comes_back(
        r#"{"id":"skillver_1","type":"skill_version","skill_id":"skill_1","version":"1","name":"release-notes",
            "description":"Writes them.","directory":"release-notes","created_at":"2026-09-01T00:00:00Z"}"#,
    );
    let version = ops::skills::versions::download(&version.skill_id, &(&version).into());
    assert_eq!(
        version.target().expect("a path"),
        "/skills/skill_1/versions/1/content"
    );
    let deleted: Deleted = comes_back(r#"{"id":"1","type":"skill_version_deleted"}"#);
    assert_eq!(deleted.id, "1");
}
