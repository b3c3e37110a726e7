//! The answers that a caller gives to what a turn waits for.

use std::collections::HashSet;

use qoder::tools::ToolKind;
use qoder::{Answer, ToolUse};

use super::chance::Chance;

/// The answers so far, and how much of what waits they are.
pub(super) struct Responding {
    chance: Chance,
    /// Of a hundred pauses, so many are answered.
    rate: u64,
    /// The answers that the server has accepted, as far as the caller knows.
    answered: HashSet<String>,
    /// Answers that were given before.
    given: Vec<Answer>,
}

impl Responding {
    pub(super) fn new(seed: u64) -> Self {
        let mut chance = Chance::new(seed ^ 0x4E59);
        Self {
            rate: chance.pick(&[0, 20, 60, 100]),
            chance,
            answered: HashSet::new(),
            given: Vec::new(),
        }
    }

    /// Whether this tool use is answered.
    pub(super) fn has(&self, id: &str) -> bool {
        self.answered.contains(id)
    }

    pub(super) fn accepted(&mut self, ids: Vec<String>) {
        self.answered.extend(ids);
    }

    /// Answers to all of it, to a part, or to none; in any order, with some that were given before.
    pub(super) fn choose(&mut self, pending: &[ToolUse]) -> Vec<Answer> {
        if !self.chance.percent(self.rate) {
            return Vec::new();
        }
        let part = self.chance.pick(&[50, 100, 100]);
        let mut answers = Vec::new();
        for asked in pending {
            if !self.chance.percent(part) {
                continue;
            }
            answers.push(match asked.kind() {
                ToolKind::Builtin | ToolKind::Mcp => asked.allow(),
                _ => asked.result("done"),
            });
        }
        if self.chance.percent(50) {
            answers.reverse();
        }
        let before = self
            .given
            .iter()
            .filter(|given| self.answered.contains(given.id().as_str()));
        let again: Vec<Answer> = before.cloned().collect();
        self.given.extend(answers.iter().cloned());
        if !answers.is_empty() && self.chance.percent(30) {
            answers.extend(again);
        }
        answers
    }
}
