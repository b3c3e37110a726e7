//! All types of the API that are objects.

use std::collections::BTreeSet;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::wire::{Fit, Wire, nothing, read};
use crate::*;

/// A type, by what the tests need of it.
pub(super) struct Type {
    pub(super) name: &'static str,
    pub(super) sample: fn(usize) -> Value,
    pub(super) fit: fn(&Value) -> Fit,
    /// Reads a document as the type, and writes it again.
    pub(super) again: fn(&[u8]) -> serde_json::Result<Value>,
    /// What the type is without a body.
    pub(super) nothing: fn() -> serde_json::Result<Value>,
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
            fit: |value| <$name as Wire>::fit(&value.into()),
            again: again::<$name>,
            nothing: of_nothing::<$name>,
        }),*]
    };
}

pub(super) const TYPES: &[Type] = types![
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
    assert!(found.len() > 60, "only {} types were found", found.len());
    assert!(
        forgotten.is_empty(),
        "a line in the list of types above is missing: {forgotten:?}"
    );
}
