//! Scripts, and whose they are.

use std::collections::HashMap;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use super::turn::Turn;

/// The behaviour of an agent in a turn.
#[derive(Clone)]
pub(crate) struct Script(Arc<Play>);

type Play = dyn Fn(Turn) -> Playing + Send + Sync;

/// A turn that is being played.
pub(crate) type Playing = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Script {
    pub(crate) fn new<F, Fut>(play: F) -> Self
    where
        F: Fn(Turn) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        Self(Arc::new(move |turn| Box::pin(play(turn))))
    }

    pub(crate) fn play(&self, turn: Turn) -> Playing {
        (self.0)(turn)
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Script")
    }
}

/// The scripts of a test.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scripts {
    agents: HashMap<String, Script>,
    default: Option<Script>,
}

impl Scripts {
    /// Sets the script of the agent with this name or id.
    pub(crate) fn set(&mut self, agent: String, script: Script) {
        self.agents.insert(agent, script);
    }

    pub(crate) fn set_default(&mut self, script: Script) {
        self.default = Some(script);
    }

    /// The script of an agent; an id goes before a name.
    pub(crate) fn of(&self, id: &str, name: &str) -> Option<&Script> {
        self.agents.get(id).or_else(|| self.agents.get(name))
    }

    pub(crate) fn fallback(&self) -> Option<&Script> {
        self.default.as_ref()
    }
}
