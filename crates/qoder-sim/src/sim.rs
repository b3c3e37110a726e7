//! A simulator that is running.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use tokio::task::JoinHandle;

use crate::fault::Plan;
use crate::json::object;
use crate::recorded::Recorded;
use crate::request::BASE;
use crate::resources;
use crate::resources::files::{self, Files};
use crate::scripts::{Script, Scripts, Turn, text_of};
use crate::state::world::World;
use crate::streams;

/// A simulator that is running. Dropping it stops it.
///
/// ```
/// use qoder_sim::Sim;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let sim = Sim::start().await?;
/// // A client with `sim.base_url()` and any token runs here.
/// assert_eq!(sim.requests_for("DELETE /agents/{agent_id}").len(), 0);
/// assert!(sim.unexpected().is_empty(), "{:?}", sim.unexpected());
/// sim.shutdown().await;
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Sim {
    addr: SocketAddr,
    world: Arc<World>,
    accepting: JoinHandle<()>,
}

impl Sim {
    pub(crate) fn new(addr: SocketAddr, world: Arc<World>, accepting: JoinHandle<()>) -> Self {
        Self {
            addr,
            world,
            accepting,
        }
    }

    /// Returns the base URL for clients.
    pub fn base_url(&self) -> String {
        format!("http://{}{BASE}", self.addr)
    }

    /// Returns the origin at which keys of service accounts are exchanged for tokens.
    pub fn exchange_origin(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Makes all tokens of service accounts that were issued so far invalid. Open streams stay
    /// open.
    pub fn revoke_tokens(&self) {
        self.world.lock().tokens.revoke();
    }

    /// Counts the tokens that were issued to service accounts.
    pub fn tokens_issued(&self) -> usize {
        self.world.lock().tokens.issued()
    }

    /// Returns the address that it listens at.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Returns the requests received so far, in the order of their answers.
    pub fn requests(&self) -> Vec<Recorded> {
        self.world.lock().requests.clone()
    }

    /// Returns the requests received so far for one operation, such as `POST /agents/{agent_id}`,
    /// in the order of their answers.
    pub fn requests_for(&self, operation: &str) -> Vec<Recorded> {
        let is = |request: &Recorded| request.operation.as_deref() == Some(operation);
        let mut requests = self.requests();
        requests.retain(is);
        requests
    }

    /// Forgets the requests received so far.
    pub fn clear_requests(&self) {
        self.world.lock().requests.clear();
    }

    /// Returns everything that should not have happened: requests for operations that don't exist,
    /// as method and path, scripts that panicked, with what they said, and names of scripts that
    /// there are not. A test does well to end with a check that there is nothing.
    pub fn unexpected(&self) -> Vec<String> {
        self.world.lock().unexpected.clone()
    }

    /// Moves the simulator's clock ahead: links, tokens and files end, deployments run on their
    /// schedules, and whatever else happens as time goes by. Sessions work in the tokio runtime
    /// that this is called in; outside of one, they begin with the next request.
    pub fn advance(&self, by: Duration) {
        self.world.clock.advance(by);
        for account in self.world.lock().accounts() {
            resources::tick(&self.world, account);
        }
    }

    /// Lists all operations that are simulated, as a method and the template of a path, such as
    /// `("GET", "/agents/{agent_id}")`.
    pub fn operations() -> Vec<(&'static str, String)> {
        let documents = resources::operations().map(|(method, path, _)| (method, path));
        let streams = streams::PATHS
            .iter()
            .map(|path| ("GET", (*path).to_owned()));
        documents.chain(streams).collect()
    }

    /// Replaces the rest of the plan of faults.
    ///
    /// ```
    /// use qoder_sim::{Fault, Plan, Sim, Target};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let sim = Sim::start().await?;
    /// let busy = Fault::Status { status: 429, retry_after: Some("1".into()) };
    /// sim.inject(Plan::new().then_times(Target::Call, &busy, 2)); // the next two calls
    /// # Ok(()) }
    /// ```
    pub fn inject(&self, plan: Plan) {
        self.world.lock().plan = plan;
    }

    /// Sets what the agent with this name or id does in each turn that begins from now on, as
    /// [`Builder::agent`](crate::Builder::agent) does.
    ///
    /// ```
    /// use qoder_sim::Sim;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let sim = Sim::start().await?;
    /// sim.set_agent("my-assistant", |turn| async move {
    ///     turn.reply(format!("You said: {}", turn.message())).await;
    /// });
    /// # Ok(()) }
    /// ```
    pub fn set_agent<F, Fut>(&self, name_or_id: impl Into<String>, script: F)
    where
        F: Fn(Turn) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let mut inner = self.world.lock();
        let scripts = inner.part::<Scripts>();
        scripts.set(name_or_id.into(), Script::new(script));
    }

    /// Returns the ids of all sessions, oldest first within an account, deleted ones too.
    pub fn sessions(&self) -> Vec<String> {
        let mut inner = self.world.lock();
        let sessions = inner.accounts().flat_map(|account| &account.sessions);
        sessions.map(|session| session.id.clone()).collect()
    }

    /// Returns the texts of the messages that a client has sent to a session, oldest first.
    pub fn messages(&self, session: &str) -> Vec<String> {
        let messages = self.world.any_session(session, |session| {
            let log = session.log().filter(|entry| entry.name == "user.message");
            log.map(|entry| text_of(&entry.data["content"])).collect()
        });
        messages.unwrap_or_default()
    }

    /// Returns the events of a session, oldest first; none if there was no such session. A session
    /// that was deleted still has them.
    pub fn log(&self, session: &str) -> Vec<Value> {
        let log = self.world.any_session(session, |session| {
            session
                .log()
                .map(|entry| entry.data.clone().into())
                .collect()
        });
        log.unwrap_or_default()
    }

    /// Returns the events of a session as [`log`](Self::log) does, to the letter of what the server
    /// writes.
    pub fn log_text(&self, session: &str) -> Vec<String> {
        let log = self.world.any_session(session, |session| {
            session.log().map(|entry| entry.data.to_string()).collect()
        });
        log.unwrap_or_default()
    }

    /// Adds an event to a session, completed with an id and a time, and returns it; `None` if there
    /// is no such session.
    pub fn publish(&self, session: &str, event: Value) -> Option<Value> {
        let published = self
            .world
            .session(session, |session| session.publish(event.into()));
        published.map(Into::into)
    }

    /// Delivers a file of a session's agent, which can be downloaded, and publishes the event that
    /// says so. Returns the file's id; `None` if there is no such session.
    pub fn deliver(
        &self,
        session: &str,
        filename: &str,
        mime_type: &str,
        content: impl Into<Bytes>,
    ) -> Option<String> {
        files::deliver(&self.world, session, filename, mime_type, content.into())
    }

    /// Makes all links to files that were given so far invalid.
    pub fn expire_links(&self) {
        for account in self.world.lock().accounts() {
            account.part::<Files>().expire_links();
        }
    }

    /// Terminates a session, as the service may do. Returns whether there is such a session.
    pub fn terminate(&self, session: &str) -> bool {
        let terminated = self.world.session(session, |session| {
            session.set_status("terminated");
            session.cancel();
            session.publish(object! {"type": "session.status_terminated"});
        });
        terminated.is_some()
    }

    /// Lets one more turn go on, if turns are held.
    pub fn release_turn(&self) {
        self.world
            .released
            .send_modify(|released| *released = released.saturating_add(1));
    }

    /// Stops accepting, and closes what is open.
    pub async fn shutdown(mut self) {
        self.stop();
        let _ = (&mut self.accepting).await;
    }

    fn stop(&self) {
        self.world.closing.send_replace(true);
        self.world.released.send_replace(usize::MAX);
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        self.stop();
        self.accepting.abort();
    }
}
