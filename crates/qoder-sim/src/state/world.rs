//! All that the server knows, behind one lock.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

use http::Extensions;
use tokio::sync::watch;

use crate::clock::Clock;
use crate::fault::Plan;
use crate::recorded::Recorded;
use crate::settings::Settings;
use crate::state::account::Account;
use crate::state::session::Session;
use crate::state::tokens::Tokens;

/// All of it. The lock is never held across a wait, and an operation is done under it from its
/// start to its end: two requests never see each other half-done.
pub(crate) struct World {
    pub(crate) settings: Settings,
    pub(crate) clock: Clock,
    inner: Mutex<Inner>,
    /// Fills an account that is new.
    furnish: Furnish,
    /// The number of turns that may go on; see `hold_turns`.
    pub(crate) released: watch::Sender<usize>,
    /// The server stops.
    pub(crate) closing: watch::Sender<bool>,
}

type Furnish = fn(&Settings, &mut Account);

#[derive(Default)]
pub(crate) struct Inner {
    accounts: HashMap<String, Account>,
    pub(crate) tokens: Tokens,
    pub(crate) plan: Plan,
    pub(crate) requests: Vec<Recorded>,
    pub(crate) unexpected: Vec<String>,
    pub(crate) connections: u64,
    turns: usize,
    parts: Extensions,
}

impl Inner {
    /// The number of a turn that starts now, from 0.
    pub(crate) fn turns_started(&mut self) -> usize {
        self.turns += 1;
        self.turns - 1
    }

    /// Returns the state that another part of the simulator keeps, in a type of its own.
    pub(crate) fn part<T: Clone + Default + Send + Sync + 'static>(&mut self) -> &mut T {
        self.parts.get_or_insert_default()
    }

    pub(crate) fn accounts(&mut self) -> impl Iterator<Item = &mut Account> {
        self.accounts.values_mut()
    }
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
    pub(crate) fn new(settings: Settings, plan: Plan, furnish: Furnish) -> Arc<Self> {
        let inner = Mutex::new(Inner {
            plan,
            ..Inner::default()
        });
        Arc::new(Self {
            settings,
            clock: Clock::default(),
            inner,
            furnish,
            released: watch::Sender::new(0),
            closing: watch::Sender::new(false),
        })
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic elsewhere leaves nothing half-done that could be worse than stopping.
        self.inner
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Works on an account, which is made when it is first seen.
    pub(crate) fn account<T>(&self, owner: &str, work: impl FnOnce(&mut Account) -> T) -> T {
        let mut inner = self.lock();
        let account = inner.accounts.entry(owner.to_owned()).or_insert_with(|| {
            let mut account = Account::new(owner, &self.clock);
            (self.furnish)(&self.settings, &mut account);
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
        let mut accounts = inner.accounts();
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
        let mut sessions = inner.accounts().flat_map(|account| &mut account.sessions);
        sessions.find(|session| session.id == id).map(work)
    }
}
