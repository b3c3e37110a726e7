//! The builder of a simulator.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;

use crate::fault::Plan;
use crate::resources;
#[cfg(feature = "scripts")]
use crate::scripts::{self, ScriptsError};
use crate::scripts::{Script, Scripts, Turn};
use crate::server::accept;
use crate::settings::{Dialect, Heartbeat, Settings};
use crate::sim::Sim;
use crate::state::world::World;

/// Configures a simulator before it starts.
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `start` is called"]
pub struct Builder {
    listen: SocketAddr,
    settings: Settings,
    plan: Plan,
    scripts: Scripts,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            settings: Settings::default(),
            plan: Plan::new(),
            scripts: Scripts::default(),
        }
    }
}

impl Builder {
    /// Sets the address to listen at. Default: a free port of 127.0.0.1.
    pub fn listen(mut self, addr: SocketAddr) -> Self {
        self.listen = addr;
        self
    }

    /// Sets the generation of the API. Default: today's.
    pub fn dialect(mut self, dialect: Dialect) -> Self {
        self.settings.dialect = dialect;
        self
    }

    /// Sets what goes wrong. Default: nothing.
    pub fn faults(mut self, plan: Plan) -> Self {
        self.plan = plan;
        self
    }

    /// Sets how, and after how much silence, streams show that they are alive. Default: a comment
    /// after 15 s.
    pub fn heartbeat(mut self, kind: Heartbeat, every: Duration) -> Self {
        self.settings.heartbeat = kind;
        self.settings.beat_every = every;
        self
    }

    /// Sets the time between two events of a turn. Default: 10 ms.
    pub fn pace(mut self, pace: Duration) -> Self {
        self.settings.pace = pace;
        self
    }

    /// Sets whether each turn waits for [`Sim::release_turn`]. Default: no.
    pub fn hold_turns(mut self, hold: bool) -> Self {
        self.settings.hold_turns = hold;
        self
    }

    /// Sets whether accounts start without the one environment. Default: no.
    pub fn empty_environments(mut self, empty: bool) -> Self {
        self.settings.empty_environments = empty;
        self
    }

    /// Sets whether a missing token is answered in the flat form of a gateway. Default: no, in the
    /// API's own.
    pub fn flat_401(mut self, flat: bool) -> Self {
        self.settings.flat_401 = flat;
        self
    }

    /// Sets whether accepted events are answered without their ids. Default: no.
    pub fn anonymous_sends(mut self, anonymous: bool) -> Self {
        self.settings.anonymous_sends = anonymous;
        self
    }

    /// Limits how long the tokens of service accounts live, in whole seconds. Default: what is
    /// asked for.
    pub fn token_ttl(mut self, ttl: Duration) -> Self {
        self.settings.token_ttl = Some(ttl);
        self
    }

    /// Sets how long links to the contents of files hold. Default: 15 minutes.
    pub fn link_ttl(mut self, ttl: Duration) -> Self {
        self.settings.link_ttl = ttl;
        self
    }

    /// Sets the origin that links to files lead to, such as `https://localhost:8443`, for clients
    /// that reach the simulator through something else. Default: its own address.
    pub fn origin(mut self, origin: impl Into<String>) -> Self {
        self.settings.origin = origin.into();
        self
    }

    /// Sets what the agent with this name or id does in each of its turns. Default: as the metadata
    /// and the tools of the agent say.
    ///
    /// An id goes before a name; ids of agents that don't exist yet are set with [`Sim::set_agent`].
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> std::io::Result<()> {
    /// let sim = qoder_sim::Sim::builder()
    ///     .agent("weather-bot", |turn| async move {
    ///         let answer = turn
    ///             .custom_tool("weather", serde_json::json!({"city": "Berlin"}))
    ///             .await;
    ///         turn.reply(format!("In Berlin: {}", answer.text())).await;
    ///     })
    ///     .start()
    ///     .await?;
    /// # sim.shutdown().await; Ok(()) }
    /// ```
    pub fn agent<F, Fut>(mut self, name_or_id: impl Into<String>, script: F) -> Self
    where
        F: Fn(Turn) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.scripts.set(name_or_id.into(), Script::new(script));
        self
    }

    /// Sets what agents do that have no script of their own and name none by `simulate` in their
    /// metadata. Default: as their tools say.
    pub fn default_agent<F, Fut>(mut self, script: F) -> Self
    where
        F: Fn(Turn) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.scripts.set_default(Script::new(script));
        self
    }

    /// Adds the scripts of a file in JSON, whose text this is. The format is that of `qoder-sim
    /// --scripts`, which is described [in the README](crate#scripts-from-a-file).
    ///
    /// # Errors
    ///
    /// It is no JSON, or has a member, a step or the name of a script that there is not; the error
    /// says in which line.
    #[cfg(feature = "scripts")]
    pub fn scripts(mut self, json: &str) -> Result<Self, ScriptsError> {
        scripts::read(json, &mut self.scripts)?;
        Ok(self)
    }

    /// Starts the simulator on the current tokio runtime.
    ///
    /// # Errors
    ///
    /// The address can't be listened at.
    pub async fn start(mut self) -> io::Result<Sim> {
        let listener = TcpListener::bind(self.listen).await?;
        let addr = listener.local_addr()?;
        if self.settings.origin.is_empty() {
            let host = if addr.ip().is_unspecified() {
                SocketAddr::from((Ipv4Addr::LOCALHOST, addr.port()))
            } else {
                addr
            };
            self.settings.origin = format!("http://{host}");
        }
        let world = World::new(self.settings, self.plan, resources::furnish);
        *world.lock().part() = self.scripts;
        let accepting = tokio::spawn(accept(listener, Arc::clone(&world)));
        Ok(Sim::new(addr, world, accepting))
    }
}

impl Sim {
    /// Starts to configure a simulator.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Starts one of today's API, in which nothing goes wrong.
    ///
    /// # Errors
    ///
    /// There is no free port.
    pub async fn start() -> io::Result<Self> {
        Self::builder().start().await
    }
}
