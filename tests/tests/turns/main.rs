//! Turns, and what is made of them: batches, transcripts, a service of one's own.

#[path = "../common/mod.rs"]
mod common;

mod answers_by_id;
mod batch;
mod desk;
mod life_cycles;
mod seed;
mod server;
mod transcripts;
mod turn_answers;
mod turn_checkpoints;
mod turn_pauses;
mod turn_replies;
mod turn_starts;
mod turn_updates;
mod turns;
mod turns_in_memory;
