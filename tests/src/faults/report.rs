//! Reports of runs.

use std::time::Duration;

/// The course of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Events that were handed over.
    pub events: usize,
    /// Previews that were compared.
    pub previews: usize,
    /// Turns that came to their end.
    pub turns: usize,
    /// Answers to tool uses that were accepted.
    pub answers: usize,
    /// Followers that ended, or were ended, and had a successor.
    pub restarts: usize,
    /// The number of times that the futures were polled, where one of them was to be dropped.
    pub polls: usize,
    /// The most requests, reads and updates between two events.
    pub steps: u64,
    /// Streams that were opened.
    pub connections: usize,
    /// Simulated time.
    pub took: Duration,
}

impl Report {
    /// The sum of two.
    pub fn add(&mut self, other: Self) {
        self.events += other.events;
        self.previews += other.previews;
        self.turns += other.turns;
        self.answers += other.answers;
        self.polls += other.polls;
        self.steps = self.steps.max(other.steps);
        self.restarts += other.restarts;
        self.connections += other.connections;
        self.took += other.took;
    }
}
