//! Runs a turn, from its message to the event that says how it ended.

use std::any::Any;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Poll;

use super::choice::script;
use super::failure::Failure;
use super::script::Script;
use super::stage::{End, Stage};
use super::turn::Turn;
use crate::json::object;
use crate::settings::Dialect;
use crate::state::world::World;

/// Plays the turn that the last message of the session starts. `cancelled` is how often the
/// session had been cancelled then.
pub(crate) async fn play(world: Arc<World>, session: String, cancelled: u64) {
    let mut closing = world.closing.subscribe();
    tokio::select! {
        () = to_its_end(world, session, cancelled) => {}
        _ = closing.wait_for(|closing| *closing) => {}
    }
}

async fn to_its_end(world: Arc<World>, session: String, cancelled: u64) {
    let number = world.lock().turns_started();
    let Some(stage) = Stage::new(world, session, cancelled) else {
        return;
    };
    let stage = Arc::new(stage);
    let mut ended = stage.ended.subscribe();
    let stopped = |reason: &str| End::Stop(object! {"type": reason});
    let end = tokio::select! {
        biased;
        () = stage.cancelled() => stopped("cancelled"),
        Ok(end) = ended.wait_for(Option::is_some) => {
            (*end).clone().unwrap_or(End::Terminated)
        }
        played = acted(&stage, number) => match played {
            Ok(()) => stopped("end_turn"),
            Err(panicked) => {
                complain(&stage, &panicked);
                stopped("retries_exhausted")
            }
        },
    };
    stage.finish(&end);
}

/// Returns the message of a script's panic.
struct Panicked(String);

async fn acted(stage: &Arc<Stage>, number: usize) -> Result<(), Panicked> {
    let world = &stage.world;
    if world.settings.hold_turns {
        let mut released = world.released.subscribe();
        let _ = released.wait_for(|released| *released > number).await;
    }
    let turn = Turn {
        voice: stage.main(),
        stage: Arc::clone(stage),
    };
    turn.pause().await;
    if world.settings.dialect == Dialect::Seed {
        turn.emit(object! {"type": "session.status_rescheduled"})
            .await;
    }
    let script = script(world, &stage.session);
    guarded(&script, turn).await
}

/// Plays a script, and survives its panic.
async fn guarded(script: &Script, turn: Turn) -> Result<(), Panicked> {
    let begun = catch_unwind(AssertUnwindSafe(|| script.play(turn)));
    let mut playing = begun.map_err(|panic| said(&*panic))?;
    poll_fn(
        |cx| match catch_unwind(AssertUnwindSafe(|| playing.as_mut().poll(cx))) {
            Ok(polled) => polled.map(Ok),
            Err(panic) => Poll::Ready(Err(said(&*panic))),
        },
    )
    .await
}

fn said(panic: &(dyn Any + Send)) -> Panicked {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    Panicked(text.unwrap_or_else(|| "no text".to_owned()))
}

/// Says in the log, and to the test, that a script panicked.
fn complain(stage: &Stage, Panicked(text): &Panicked) {
    let main = stage.main();
    let what = format!(
        "the script of agent {:?} panicked in session {}: {text}",
        main.agent, stage.session,
    );
    stage.world.lock().unexpected.push(what);
    let failure = Failure::exhausted(format!("the script panicked: {text}"));
    stage.publish(&main, failure.kind("unknown_error").event());
}
