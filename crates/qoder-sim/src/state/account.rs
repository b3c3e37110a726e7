//! An account: the state that belongs to one bearer token.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use http::Extensions;

use crate::clock::Clock;
use crate::json::Json;
use crate::reply::Reply;
use crate::state::session::Session;

/// An account: documents by their kind, sessions, and whatever else a resource keeps.
pub(crate) struct Account {
    /// The token, or the key of a service account that its tokens were issued for.
    pub(crate) owner: String,
    pub(crate) clock: Clock,
    pub(crate) sessions: Vec<Session>,
    /// The answer to each idempotency key, and its request.
    pub(crate) answered: HashMap<String, (String, Reply)>,
    documents: BTreeMap<&'static str, Vec<Document>>,
    parts: Extensions,
}

/// An object of a kind.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    pub(crate) object: Json,
    /// The earlier versions, oldest first, if its kind has versions.
    pub(crate) before: Vec<Json>,
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").finish_non_exhaustive()
    }
}

impl Account {
    pub(crate) fn new(owner: &str, clock: &Clock) -> Self {
        Self {
            owner: owner.to_owned(),
            clock: clock.clone(),
            sessions: Vec::new(),
            answered: HashMap::new(),
            documents: BTreeMap::new(),
            parts: Extensions::new(),
        }
    }

    /// The documents that are at a path such as `/agents/{agent_id}`, in the order of their
    /// creation.
    pub(crate) fn documents(&mut self, path: &'static str) -> &mut Vec<Document> {
        self.documents.entry(path).or_default()
    }

    /// The object with this id.
    pub(crate) fn object(&mut self, path: &'static str, id: &str) -> Option<&mut Json> {
        let mut documents = self.documents(path).iter_mut();
        let document = documents.find(|document| document.object["id"] == id)?;
        Some(&mut document.object)
    }

    /// Deletes a document and all that is below it, which names it by the parameter of its path.
    pub(crate) fn remove(&mut self, path: &'static str, id: &str) {
        self.documents(path)
            .retain(|document| document.object["id"] != id);
        let below = format!("{path}/");
        let parameter = path.rsplit('/').next().unwrap_or_default();
        let parameter = parameter.trim_matches(['{', '}']);
        for (path, documents) in &mut self.documents {
            if path.starts_with(&below) {
                documents.retain(|document| document.object[parameter] != id);
            }
        }
    }

    /// Returns the state that a resource keeps beside its documents, in a type of its own.
    pub(crate) fn part<T: Clone + Default + Send + Sync + 'static>(&mut self) -> &mut T {
        self.parts.get_or_insert_default()
    }

    pub(crate) fn session(&mut self, id: &str) -> Option<&mut Session> {
        let mut sessions = self.sessions.iter_mut();
        sessions.find(|session| session.id == id && !session.deleted)
    }
}

impl Document {
    pub(crate) fn new(object: Json) -> Self {
        Self {
            object,
            before: Vec::new(),
        }
    }
}
