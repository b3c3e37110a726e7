//! Approvals of the platform's tools.

use std::fmt;
use std::sync::Arc;

use super::tool_use::{ToolKind, ToolUse};

/// The answer to a question for approval.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Decision {
    /// The tool may be used.
    Allow,
    /// The tool may not be used; the agent reads why.
    Deny(String),
    /// The caller decides.
    Ask,
}

/// A policy for the approvals that an agent asks for: by the name of a tool, by the MCP server it is
/// of, or by a closure.
///
/// Nothing is allowed that no rule allows: what no rule knows is [asked](Decision::Ask), and so
/// handed to the caller. Of the rules, a denial goes before an approval, and both before the
/// closure, whatever the order they were made in. Names are compared to the letter. Rules by name
/// are for built-in tools only: the tools of an MCP server have the names that the server gives
/// them, so that they are known by their server.
///
/// ```
/// use qoder::{Approvals, tools::Decision};
///
/// let approvals = Approvals::allow(["Read", "Grep"])
///     .deny(["Bash"], "there is no shell here")
///     .allow_server("tracker")
///     .decide(|asked| match asked.input()["path"].as_str() {
///         Some(path) if path.starts_with("/tmp/") => Decision::Allow,
///         _ => Decision::Ask,
///     });
/// ```
#[derive(Clone, Default)]
pub struct Approvals {
    allowed: Vec<Rule>,
    denied: Vec<(Rule, String)>,
    decide: Option<Decide>,
}

type Decide = Arc<dyn Fn(&ToolUse) -> Decision + Send + Sync>;

#[derive(Clone, Debug, PartialEq)]
enum Rule {
    Tool(String),
    Server(String),
}

impl Approvals {
    /// Hands every question to the caller.
    pub fn ask() -> Self {
        Self::default()
    }

    /// Allows the built-in tools of these names.
    pub fn allow<S: Into<String>>(tools: impl IntoIterator<Item = S>) -> Self {
        let allowed = tools.into_iter().map(|name| Rule::Tool(name.into()));
        Self {
            allowed: allowed.collect(),
            ..Self::default()
        }
    }

    /// Allows all tools of this MCP server.
    pub fn allow_server(mut self, server: impl Into<String>) -> Self {
        self.allowed.push(Rule::Server(server.into()));
        self
    }

    /// Denies the built-in tools of these names; the agent reads why.
    pub fn deny<S: Into<String>>(
        mut self,
        tools: impl IntoIterator<Item = S>,
        why: impl Into<String>,
    ) -> Self {
        let why = why.into();
        let denied = tools.into_iter();
        self.denied
            .extend(denied.map(|name| (Rule::Tool(name.into()), why.clone())));
        self
    }

    /// Denies all tools of this MCP server; the agent reads why.
    pub fn deny_server(mut self, server: impl Into<String>, why: impl Into<String>) -> Self {
        self.denied.push((Rule::Server(server.into()), why.into()));
        self
    }

    /// Decides what no rule knows. It is asked once for each tool use that the session waits for.
    /// A closure set before is replaced.
    pub fn decide(mut self, decide: impl Fn(&ToolUse) -> Decision + Send + Sync + 'static) -> Self {
        self.decide = Some(Arc::new(decide));
        self
    }

    /// Returns the decision about this tool use.
    pub fn decision(&self, asked: &ToolUse) -> Decision {
        if !matches!(asked.kind(), ToolKind::Builtin | ToolKind::Mcp) {
            // Nobody asks whether a custom tool may be used: it has to be run. And what is not
            // recognised is not allowed.
            return Decision::Ask;
        }
        let fits = |rule: &Rule| match rule {
            // What can't be read has an empty name, and no rule is meant for it.
            Rule::Tool(name) | Rule::Server(name) if name.is_empty() => false,
            Rule::Tool(name) => asked.kind() == ToolKind::Builtin && asked.name() == name,
            Rule::Server(name) => {
                asked.kind() == ToolKind::Mcp && asked.server() == Some(name.as_str())
            }
        };
        if let Some((_, why)) = self.denied.iter().find(|(rule, _)| fits(rule)) {
            return Decision::Deny(why.clone());
        }
        if self.allowed.iter().any(fits) {
            return Decision::Allow;
        }
        let decide = self.decide.as_ref();
        decide.map_or(Decision::Ask, |decide| decide(asked))
    }
}

impl fmt::Debug for Approvals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Approvals")
            .field("allowed", &self.allowed)
            .field("denied", &self.denied)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use qoder_types::Event;

    use super::*;

    fn asked(kind: &str, rest: &str) -> ToolUse {
        let json = format!(r#"{{"type":"agent.{kind}","id":"evt_1"{rest}}}"#);
        ToolUse::of(&Event::decode("", None, &json)).expect("a tool use")
    }

    #[test]
    fn nothing_is_allowed_that_no_rule_allows() {
        let no = || Decision::Deny("no".to_owned());
        let rules = Approvals::allow(["Read", "Bash", ""])
            .deny(["Bash"], "no")
            .allow_server("")
            .allow_server("tracker")
            .allow_server("shop")
            .deny_server("shop", "no");
        for (kind, rest, want) in [
            ("tool_use", r#","name":"Read""#, Decision::Allow),
            ("tool_use", r#","name":"read""#, Decision::Ask),
            ("tool_use", r#","name":"Bash""#, no()),
            ("tool_use", r#","name":"Write""#, Decision::Ask),
            ("tool_use", r#","name":7"#, Decision::Ask),
            ("tool_use", "", Decision::Ask),
            // A server may name its tools as it likes.
            (
                "mcp_tool_use",
                r#","name":"Read","mcp_server_name":"x""#,
                Decision::Ask,
            ),
            ("mcp_tool_use", r#","name":"Read""#, Decision::Ask),
            (
                "mcp_tool_use",
                r#","name":"Read","mcp_server_name":"""#,
                Decision::Ask,
            ),
            (
                "mcp_tool_use",
                r#","name":"x","mcp_server_name":"tracker""#,
                Decision::Allow,
            ),
            (
                "mcp_tool_use",
                r#","name":"x","mcp_server_name":"shop""#,
                no(),
            ),
            (
                "tool_use",
                r#","name":"x","mcp_server_name":"tracker""#,
                Decision::Ask,
            ),
            ("custom_tool_use", r#","name":"Read""#, Decision::Ask),
            ("browser_tool_use", r#","name":"Read""#, Decision::Ask),
        ] {
            assert_eq!(rules.decision(&asked(kind, rest)), want, "{kind} {rest}");
        }
        let read = asked("tool_use", r#","name":"Read""#);
        assert_eq!(Approvals::ask().decision(&read), Decision::Ask);
        assert_eq!(Approvals::default().decision(&read), Decision::Ask);
    }

    #[test]
    fn the_closure_decides_what_no_rule_knows() {
        let rules = Approvals::allow(["Read"])
            .deny(["Bash"], "no")
            .decide(|asked| match asked.name() {
                "Read" => Decision::Deny("never".to_owned()),
                _ => Decision::Allow,
            });
        let decision = |name: &str| rules.decision(&asked("tool_use", name));
        assert_eq!(decision(r#","name":"Read""#), Decision::Allow);
        assert_eq!(
            decision(r#","name":"Bash""#),
            Decision::Deny("no".to_owned())
        );
        assert_eq!(decision(r#","name":"Write""#), Decision::Allow);
        for no_question in ["custom_tool_use", "browser_tool_use"] {
            let asked = asked(no_question, r#","name":"Write""#);
            assert_eq!(rules.decision(&asked), Decision::Ask, "{no_question}");
        }
    }
}
