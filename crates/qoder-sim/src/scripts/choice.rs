//! The choice of the script that a session's agent follows.
//!
//! A script that a test has set for the agent goes before the one that `simulate` names in the
//! metadata of the session or the agent, and this before the test's default. Without any, the
//! agent's tools decide: a custom tool is called, a tool that must ask asks, tools are used, and an
//! agent without any answers; if it has files, it delivers copies of them first.

use super::plays;
use super::script::{Script, Scripts};
use crate::json::Json;
use crate::state::session::Session;
use crate::state::world::World;

/// The script for the next turn of a session.
pub(crate) fn script(world: &World, session: &str) -> Script {
    let scripts = world.lock().part::<Scripts>().clone();
    let choose = |session: &mut Session| {
        let agent = &session.object["agent"];
        let own = scripts.of(agent["id"].text(), agent["name"].text());
        if let Some(script) = own {
            return script.clone();
        }
        for metadata in [&session.object["metadata"], &session.agent_metadata] {
            if let Some(name) = metadata["simulate"].as_str() {
                return plays::named(name).unwrap_or_else(|| plays::unknown(name));
            }
        }
        if let Some(script) = scripts.fallback() {
            return script.clone();
        }
        by_tools(session)
    };
    let chosen = world.any_session(session, choose);
    chosen.unwrap_or_else(|| Script::new(plays::answer))
}

fn by_tools(session: &Session) -> Script {
    let tools = session.object.at("agent.tools").items();
    let asks = |tool: &Json| tool.to_string().contains("always_ask");
    let mut resources = session.object["resources"].items().iter();
    match () {
        () if tools.iter().any(|tool| tool["type"] == "custom") => Script::new(plays::custom_tool),
        () if tools.iter().any(asks) => Script::new(plays::approval),
        () if !tools.is_empty() => Script::new(plays::tools),
        () if resources.any(|resource| resource["type"] == "file") => Script::new(plays::deliver),
        () => Script::new(plays::answer),
    }
}
