//! Tools, the ledger and approvals.

use super::{By, Mutant, client, whole};

const MACHINE: &str = "crates/qoder/src/tools/machine.rs";
const DRIVER: &str = "crates/qoder/src/tools/driver.rs";
const APPROVALS: &str = "crates/qoder/src/tools/approvals.rs";

/// The first schedules of the simulation of tools.
const fn under_faults() -> By {
    whole("tools_simulated", "the_first_schedules")
}

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant {
        breaks: "tools",
        wrong: "a call that another client answered is run all the same",
        file: MACHINE,
        find: "        let before = self.calls.insert(id.clone(), State::Answered);\n",
        put: "        let before = self.calls.get(id).cloned();\n",
        by: client("tools::machine"),
    },
    Mutant {
        breaks: "tools",
        wrong: "a run that was cut short is repeated",
        file: MACHINE,
        find: "            (State::Recalled, Some(Record::Begun)) if repeatable => Some(State::Ready),\n",
        put: "            (State::Recalled, Some(Record::Begun)) => Some(State::Ready),\n",
        by: under_faults(),
    },
    Mutant {
        breaks: "tools",
        wrong: "a result that is kept is made again",
        file: MACHINE,
        find: "            (State::Recalled, Some(Record::Ended(result))) => {\n                Some(owe(now, Given::Result(result)))\n            }\n",
        put: "            (State::Recalled, Some(Record::Ended(_))) => Some(State::Ready),\n",
        by: under_faults(),
    },
    Mutant {
        breaks: "tools",
        wrong: "a call runs although the ledger has no record that it began",
        file: MACHINE,
        find: "                if let Err(why) = wrote {\n",
        put: "                if let (Err(why), true) = (wrote, self.finished) {\n",
        by: client("tools::machine"),
    },
    Mutant {
        breaks: "tools",
        wrong: "an answer that was refused ends the turn at once",
        file: MACHINE,
        find: "                until: now + REFUSED_FOR,\n",
        put: "                until: now,\n",
        by: under_faults(),
    },
    Mutant {
        breaks: "tools",
        wrong: "an answer that may be lost is not sent again",
        file: MACHINE,
        find: "                State::Owed(owed)\n            }\n        };\n        self.calls.insert(id.clone(), next);\n",
        put: "                drop(owed);\n                State::Sent\n            }\n        };\n        self.calls.insert(id.clone(), next);\n",
        by: client("tools::machine"),
    },
    Mutant {
        breaks: "tools",
        wrong: "all handlers run at once",
        file: MACHINE,
        find: "        if self.calls.values().filter(|state| busy(state)).count() >= self.limits.concurrency {\n",
        put: "        if self.calls.values().filter(|state| busy(state)).count() == usize::MAX {\n",
        by: client("tools::machine"),
    },
    Mutant {
        breaks: "tools",
        wrong: "what no pause names is run",
        file: MACHINE,
        find: "        let new: Vec<EventId> = ids\n            .into_iter()\n            .filter(|id| !self.calls.contains_key(id))\n",
        put: "        let seen: Vec<EventId> = self.kinds.keys().cloned().collect();\n        let new: Vec<EventId> = ids\n            .into_iter()\n            .chain(seen)\n            .filter(|id| !self.calls.contains_key(id))\n",
        by: client("tools::machine"),
    },
    Mutant {
        breaks: "tools",
        wrong: "a call begins although the turn is over",
        file: MACHINE,
        find: "    pub(crate) fn over(&mut self) {\n        self.finish();\n",
        put: "    pub(crate) fn over(&mut self) {\n",
        by: client("tools::machine"),
    },
    Mutant {
        breaks: "tools",
        wrong: "what no rule knows is allowed",
        file: APPROVALS,
        find: "        decide.map_or(Decision::Ask, |decide| decide(asked))\n",
        put: "        decide.map_or(Decision::Allow, |decide| decide(asked))\n",
        by: client("tools::approvals"),
    },
    Mutant {
        breaks: "tools",
        wrong: "what is allowed can't be denied",
        file: APPROVALS,
        find: "        if let Some((_, why)) = self.denied.iter().find(|(rule, _)| fits(rule)) {\n",
        put: "        let denied = self.denied.iter().find(|(rule, _)| fits(rule));\n        if let Some((_, why)) = denied.filter(|_| !self.allowed.iter().any(fits)) {\n",
        by: client("tools::approvals"),
    },
    Mutant {
        breaks: "tools",
        wrong: "a server names its tools as the built-in ones",
        file: APPROVALS,
        find: "            Rule::Tool(name) => asked.kind() == ToolKind::Builtin && asked.name() == name,\n",
        put: "            Rule::Tool(name) => asked.name() == name,\n",
        by: client("tools::approvals"),
    },
    Mutant {
        breaks: "tools",
        wrong: "what is denied in the simulation is allowed",
        file: DRIVER,
        find: "            Decision::Deny(why) => Some(Given::Deny(why)),\n",
        put: "            Decision::Deny(_) => Some(Given::Allow),\n",
        by: under_faults(),
    },
];
