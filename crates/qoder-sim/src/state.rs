//! What the server knows: accounts, and in them agents, environments, sessions and their logs.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::sync::watch;

use crate::exchange::Tokens;
use crate::fault::Plan;
use crate::files::{Link, Stored};
use crate::recorded::Recorded;
use crate::scripts;
use crate::{Dialect, Heartbeat};

/// What is set when the server starts.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) dialect: Dialect,
    pub(crate) heartbeat: Heartbeat,
    pub(crate) beat_every: Duration,
    /// Between two events of a turn.
    pub(crate) pace: Duration,
    pub(crate) hold_turns: bool,
    pub(crate) empty_environments: bool,
    pub(crate) flat_401: bool,
    /// Accepted events are answered without their ids, as an early generation may have.
    pub(crate) anonymous_sends: bool,
    /// What tokens of service accounts live at most.
    pub(crate) token_ttl: Option<Duration>,
    /// How long links to files hold.
    pub(crate) link_ttl: Duration,
    /// Where the server is.
    pub(crate) origin: String,
}

/// All of it. The lock is never held across a wait.
pub(crate) struct World {
    pub(crate) settings: Settings,
    inner: Mutex<Inner>,
    /// How many turns may go on; see `hold_turns`.
    pub(crate) released: watch::Sender<usize>,
    /// The server stops.
    pub(crate) closing: watch::Sender<bool>,
    /// Held while something changes, so that a repeated idempotency key can't slip past.
    pub(crate) writing: Mutex<()>,
}

#[derive(Default)]
pub(crate) struct Inner {
    accounts: HashMap<String, Account>,
    pub(crate) tokens: Tokens,
    /// Links to files, by the name in their paths.
    pub(crate) links: HashMap<String, Link>,
    pub(crate) plan: Plan,
    pub(crate) requests: Vec<Recorded>,
    pub(crate) unexpected: Vec<String>,
    pub(crate) connections: u64,
    turns: usize,
}

impl Inner {
    /// The number of a turn that starts now, from 0.
    pub(crate) fn turns_started(&mut self) -> usize {
        self.turns += 1;
        self.turns - 1
    }
}

/// What belongs to one bearer token.
#[derive(Debug, Default)]
pub(crate) struct Account {
    /// All versions of each agent, oldest first.
    pub(crate) agents: BTreeMap<String, Vec<Value>>,
    /// In the order of their creation.
    pub(crate) agent_order: Vec<String>,
    pub(crate) environments: Vec<Value>,
    pub(crate) sessions: Vec<Session>,
    /// In the order of their creation.
    pub(crate) files: Vec<Stored>,
    /// Environments that a session refers to, deleted ones included.
    pub(crate) referenced: Vec<String>,
    /// What was answered to each idempotency key, and for which request.
    pub(crate) answered: HashMap<String, (String, u16, Value)>,
}

/// A session: what can be read of it, and its log.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) id: String,
    pub(crate) object: Value,
    /// The metadata of the agent, which the session's snapshot of it does not show.
    pub(crate) agent_metadata: Value,
    /// Gone, but for streams that have not said so yet.
    pub(crate) deleted: bool,
    /// Everything streams say, previews included, in order.
    pub(crate) feed: Vec<Entry>,
    /// Tells streams that the feed has grown.
    pub(crate) grown: watch::Sender<usize>,
    /// Counts cancellations: a turn of an earlier count is over.
    pub(crate) cancelled: u64,
    /// What the agent waits for: ids of tool uses, and the answers that came.
    pub(crate) pending: Vec<String>,
    pub(crate) answers: Vec<(String, Value)>,
    /// When threads were archived.
    pub(crate) archived_threads: BTreeMap<String, String>,
}

/// Something that a stream says.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// The id of the event; of the event that is previewed, for a preview.
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) data: Value,
    /// For a preview, the type of the event that it is of.
    pub(crate) preview: Option<&'static str>,
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Accounts go by their tokens, which are nobody's business.
        f.debug_struct("World")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl World {
    pub(crate) fn new(settings: Settings, plan: Plan) -> Arc<Self> {
        let inner = Mutex::new(Inner {
            plan,
            ..Inner::default()
        });
        Arc::new(Self {
            settings,
            inner,
            released: watch::Sender::new(0),
            closing: watch::Sender::new(false),
            writing: Mutex::new(()),
        })
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic elsewhere leaves nothing half-done that could be worse than stopping.
        self.inner
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Works on an account, which is made when it is first seen.
    pub(crate) fn account<T>(&self, token: &str, work: impl FnOnce(&mut Account) -> T) -> T {
        let mut inner = self.lock();
        let account = inner.accounts.entry(token.to_owned()).or_insert_with(|| {
            let mut account = Account::default();
            if !self.settings.empty_environments {
                account
                    .environments
                    .push(first_environment(self.settings.dialect));
            }
            account
        });
        work(account)
    }

    /// Works on a session, whose account it finds.
    pub(crate) fn session<T>(&self, id: &str, work: impl FnOnce(&mut Session) -> T) -> Option<T> {
        self.any_session(id, |session| (!session.deleted).then(|| work(session)))
            .flatten()
    }

    /// Works on the account that has this session.
    pub(crate) fn account_of<T>(
        &self,
        session: &str,
        work: impl FnOnce(&mut Account) -> T,
    ) -> Option<T> {
        let mut inner = self.lock();
        let mut accounts = inner.accounts.values_mut();
        let has = |account: &Account| {
            let mut sessions = account.sessions.iter();
            sessions.any(|other| other.id == session && !other.deleted)
        };
        accounts.find(|account| has(account)).map(work)
    }

    /// Works on a session that may have been deleted.
    pub(crate) fn any_session<T>(
        &self,
        id: &str,
        work: impl FnOnce(&mut Session) -> T,
    ) -> Option<T> {
        let mut inner = self.lock();
        let mut sessions = inner
            .accounts
            .values_mut()
            .flat_map(|account| &mut account.sessions);
        sessions.find(|session| session.id == id).map(work)
    }
}

fn first_environment(dialect: Dialect) -> Value {
    let now = now();
    match dialect {
        Dialect::Seed => json!({
            "id": "env_default", "type": "environment", "name": "default",
            "config": {"type": "cloud", "networking": "unrestricted"},
            "status": "ready", "created_at": now, "updated_at": now,
        }),
        Dialect::Current => json!({
            "id": id("env"), "type": "environment", "name": "default", "description": "",
            "config": {"type": "cloud", "networking": {"type": "unrestricted"}},
            "metadata": {}, "archived_at": null, "created_at": now, "updated_at": now,
        }),
    }
}

impl Account {
    pub(crate) fn session(&mut self, id: &str) -> Option<&mut Session> {
        self.sessions
            .iter_mut()
            .find(|session| session.id == id && !session.deleted)
    }

    /// The latest version of an agent.
    pub(crate) fn agent(&self, id: &str) -> Option<&Value> {
        self.agents.get(id)?.last()
    }
}

impl Session {
    pub(crate) fn new(id: String, object: Value, agent_metadata: Value) -> Self {
        Self {
            id,
            object,
            agent_metadata,
            deleted: false,
            feed: Vec::new(),
            grown: watch::Sender::new(0),
            cancelled: 0,
            pending: Vec::new(),
            answers: Vec::new(),
            archived_threads: BTreeMap::new(),
        }
    }

    pub(crate) fn status(&self) -> &str {
        self.object["status"].as_str().unwrap_or_default()
    }

    pub(crate) fn set_status(&mut self, status: &str) {
        self.object["status"] = json!(status);
        self.object["updated_at"] = json!(now());
    }

    /// Adds an event to the log, completed with an id and a time, and gives it back.
    pub(crate) fn publish(&mut self, mut event: Value) -> Value {
        if event["id"].is_null() {
            event["id"] = json!(self::id("evt"));
        }
        if event["processed_at"].is_null() {
            event["processed_at"] = json!(now());
        }
        self.feed.push(Entry {
            id: event["id"].as_str().unwrap_or_default().to_owned(),
            name: event["type"].as_str().unwrap_or_default().to_owned(),
            data: event.clone(),
            preview: None,
        });
        self.tell();
        event
    }

    /// Says something that is not in the log.
    pub(crate) fn preview(&mut self, of: &'static str, id: &str, data: Value) {
        let name = data["type"].as_str().unwrap_or_default().to_owned();
        self.feed.push(Entry {
            id: id.to_owned(),
            name,
            data,
            preview: Some(of),
        });
        self.tell();
    }

    /// The threads: the first one, and those whose creation is in the log.
    pub(crate) fn threads(&self) -> Vec<(String, String)> {
        let created = self
            .log()
            .filter(|entry| entry.name == "session.thread_created");
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let others = created.map(|entry| {
            (
                text(&entry.data["session_thread_id"]),
                text(&entry.data["agent_name"]),
            )
        });
        std::iter::once(scripts::thread(&self.object))
            .chain(others)
            .collect()
    }

    pub(crate) fn has_thread(&self, thread: &str) -> bool {
        self.threads().iter().any(|(id, _)| id == thread)
    }

    /// Whether an event is of this thread. Those that name none are of the first one; the end of
    /// the session is for all.
    pub(crate) fn is_of_thread(&self, entry: &Entry, thread: &str) -> bool {
        let (first, _) = scripts::thread(&self.object);
        let of = entry.data["session_thread_id"].as_str().unwrap_or(&first);
        of == thread
            || matches!(
                entry.name.as_str(),
                "session.status_terminated" | "session.deleted"
            )
    }

    /// Ends the turn that is under way.
    pub(crate) fn cancel(&mut self) {
        self.cancelled += 1;
        self.grown.send_modify(|_| {});
    }

    fn tell(&self) {
        self.grown.send_replace(self.feed.len());
    }

    /// The events, without previews.
    pub(crate) fn log(&self) -> impl Iterator<Item = &Entry> {
        self.feed.iter().filter(|entry| entry.preview.is_none())
    }
}

/// A new id with this prefix.
pub(crate) fn id(prefix: &str) -> String {
    format!("{prefix}_{}", uuid::Uuid::new_v4().simple())
}

/// The time, as the API writes it.
pub(crate) fn now() -> String {
    jiff::Timestamp::now().to_string()
}

/// Changes entries of `metadata`: `null` deletes one.
pub(crate) fn patch_metadata(object: &mut Value, patch: &Map<String, Value>) {
    if !object["metadata"].is_object() {
        object["metadata"] = json!({});
    }
    let Some(metadata) = object["metadata"].as_object_mut() else {
        return;
    };
    for (key, value) in patch {
        if value.is_null() {
            metadata.remove(key);
        } else {
            metadata.insert(key.clone(), value.clone());
        }
    }
}
