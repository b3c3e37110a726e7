//! Scripts from a file, for the program.
//!
//! The format is described in the README, under "Scripts of your own".

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::plays;
use super::script::{Script, Scripts};
use super::steps;

/// The reason why a file of scripts can't be used; says where in it, and what is possible there.
#[derive(Debug)]
pub struct ScriptsError(serde_json::Error);

impl fmt::Display for ScriptsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for ScriptsError {}

/// Reads a file, and adds its scripts to those that there are.
pub(crate) fn read(text: &str, scripts: &mut Scripts) -> Result<(), ScriptsError> {
    let file: File = serde_json::from_str(text).map_err(ScriptsError)?;
    for (agent, part) in file.agents {
        scripts.set(agent, part.script());
    }
    if let Some(part) = file.default {
        scripts.set_default(part.script());
    }
    Ok(())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    agents: BTreeMap<String, Part>,
    default: Option<Part>,
}

/// The steps of an agent.
enum Part {
    BuiltIn(Script),
    /// The steps of each turn; those of the last one are for all that come after it.
    Turns(Vec<Vec<Step>>),
}

impl Part {
    fn script(self) -> Script {
        match self {
            Self::BuiltIn(script) => script,
            Self::Turns(turns) => steps::script(turns),
        }
    }
}

/// Reads the name of a script that is built in, a list of steps, or `{"turns": [[…], …]}`.
impl<'de> Deserialize<'de> for Part {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyPart)
    }
}

struct AnyPart;

impl<'de> Visitor<'de> for AnyPart {
    type Value = Part;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of steps, the name of a script, or an object with turns")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<Part, E> {
        let script = plays::named(name);
        script.map(Part::BuiltIn).ok_or_else(|| {
            let known = plays::NAMES.join(", ");
            E::custom(format_args!("there is no script {name:?}, but {known}"))
        })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, steps: A) -> Result<Part, A::Error> {
        let steps = Deserialize::deserialize(de::value::SeqAccessDeserializer::new(steps))?;
        Ok(Part::Turns(vec![steps]))
    }

    fn visit_map<A: MapAccess<'de>>(self, turns: A) -> Result<Part, A::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Turns {
            turns: Vec<Vec<Step>>,
        }
        let part = Turns::deserialize(de::value::MapAccessDeserializer::new(turns))?;
        if part.turns.is_empty() {
            return Err(de::Error::custom("turns must not be empty"));
        }
        Ok(Part::Turns(part.turns))
    }
}

/// One thing that an agent does.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Step {
    Reply(String),
    Deltas(Vec<String>),
    Thinking,
    ToolUse(Used),
    CustomTool(Custom),
    AskApproval(Approval),
    AskAll(Vec<Question>),
    Error(Trouble),
    DelayMs(u64),
    Deliver(Artifact),
    Thread(Thread),
    Event(Map<String, Value>),
    Stop(String),
    Terminate,
}

/// A use of a tool that asks nobody.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Used {
    pub(super) name: String,
    #[serde(default)]
    pub(super) input: Map<String, Value>,
    pub(super) mcp_server: Option<String>,
    #[serde(default)]
    pub(super) result: String,
    #[serde(default)]
    pub(super) is_error: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Custom {
    pub(super) name: String,
    #[serde(default)]
    pub(super) input: Map<String, Value>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Approval {
    pub(super) name: String,
    #[serde(default)]
    pub(super) input: Map<String, Value>,
    pub(super) mcp_server: Option<String>,
    /// The tool's output if it is allowed.
    #[serde(default)]
    pub(super) result: String,
    #[serde(default)]
    pub(super) allowed: Vec<Step>,
    #[serde(default)]
    pub(super) denied: Vec<Step>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Question {
    CustomTool(Custom),
    AskApproval(Approval),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Trouble {
    pub(super) message: String,
    pub(super) retry_status: Option<RetryStatus>,
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    pub(super) code: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum RetryStatus {
    Retrying,
    Exhausted,
    Terminal,
}

/// A file that is delivered.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Artifact {
    pub(super) filename: String,
    #[serde(default = "plain")]
    pub(super) mime_type: String,
    pub(super) text: String,
}

fn plain() -> String {
    "text/plain".to_owned()
}

/// Another agent's work.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Thread {
    pub(super) agent: String,
    /// The message that it is sent.
    pub(super) message: String,
    #[serde(default)]
    pub(super) steps: Vec<Step>,
    /// The message that it sends back.
    pub(super) answer: Option<String>,
}
