//! Deployments: what is sent of them.

use qoder_types::{
    AgentRef, Budget, Content, DeploymentCreate, DeploymentUpdate, InitialEvents, InputEvent,
    Patch, Schedule, SessionResource, SystemMessage, UserDefineOutcome, UserMessage, VaultId,
};
use serde_json::json;

fn text(text: &str) -> serde_json::Value {
    json!([{"type": "text", "text": text}])
}

#[test]
fn a_deployment_is_sent_whole() {
    let events: Vec<InputEvent> = vec![
        UserMessage::new("Prepare tonight's notes.").into(),
        UserDefineOutcome::new("Notes", "They name every change.").into(),
        SystemMessage::new("It is late.").into(),
    ];
    let create = DeploymentCreate::new("nightly", AgentRef::version("agent_1", 3), "env_1", events)
        .description("Notes by night.")
        .schedule(Schedule::cron("15 2 * * *", "Europe/Berlin"))
        .environment_variables("TOKEN=hidden\nMODE=nightly")
        .resources(vec![SessionResource::file("file_1")])
        .vault_ids(vec![VaultId::new("vault_1")])
        .budget(Budget::limit("100.00"))
        .metadata("team", "build");
    assert_eq!(
        json!(create),
        json!({
            "name": "nightly",
            "agent": {"id": "agent_1", "type": "agent", "version": 3},
            "environment_id": "env_1",
            "initial_events": [
                {"type": "user.message", "content": text("Prepare tonight's notes.")},
                {
                    "type": "user.define_outcome", "description": "Notes",
                    "rubric": {"type": "text", "content": "They name every change."},
                },
                {"type": "system.message", "content": text("It is late.")},
            ],
            "description": "Notes by night.",
            "schedule": {
                "type": "cron", "expression": "15 2 * * *", "timezone": "Europe/Berlin",
            },
            "environment_variables": "TOKEN=hidden\nMODE=nightly",
            "resources": [{"type": "file", "file_id": "file_1"}],
            "vault_ids": ["vault_1"],
            "budget": {"type": "limit", "max_credit_cost": "100.00"},
            "metadata": {"team": "build"},
        })
    );
    assert!(!format!("{create:?}").contains("hidden"), "{create:?}");
}

#[test]
fn a_change_says_what_changes() {
    for (update, sent) in [
        (DeploymentUpdate::new(), json!({})),
        (
            DeploymentUpdate::new().agent("agent_1"),
            json!({"agent": "agent_1"}),
        ),
        (
            DeploymentUpdate::new()
                .schedule(Patch::Clear)
                .environment_variables("MODE=daily")
                .vault_ids(Patch::Clear)
                .metadata("team", Patch::Clear),
            json!({
                "schedule": null, "environment_variables": "MODE=daily", "vault_ids": null,
                "metadata": {"team": null},
            }),
        ),
        (
            DeploymentUpdate::new().initial_events(["Go on."]),
            json!({"initial_events": [{"type": "user.message", "content": text("Go on.")}]}),
        ),
    ] {
        assert_eq!(json!(update), sent);
    }
}

#[test]
fn what_sessions_begin_with_is_in_blocks() {
    let events = InitialEvents::from(["Go on."]);
    let [InputEvent::UserMessage(message)] = events.as_slice() else {
        panic!("{events:?}")
    };
    assert!(matches!(message.content, Content::Blocks(_)));
}
