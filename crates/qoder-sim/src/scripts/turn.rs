//! A turn, from its message to the event that says how it ended.

use std::sync::Arc;

use super::choice::{last_message, script, words};
use super::plays;
use super::stage::{Over, Stage};
use crate::json::{Json, object};
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
    let start = world.session(&session, |session| {
        let grown = session.grown.subscribe();
        let message = last_message(session);
        (grown, script(session), message, words(session))
    });
    let Some((grown, script, message, words)) = start else {
        return;
    };
    let number = world.lock().turns_started();
    let mut stage = Stage {
        world,
        session,
        grown,
        cancelled,
        words,
    };
    let reason = match acted(&mut stage, &script, &message, number).await {
        Ok(reason) => reason,
        Err(Over) => object! {"type": "cancelled"},
    };
    stage.finish(&reason);
}

async fn acted(
    stage: &mut Stage,
    script: &str,
    message: &str,
    number: usize,
) -> Result<Json, Over> {
    if stage.world.settings.hold_turns {
        let mut released = stage.world.released.subscribe();
        loop {
            tokio::select! {
                _ = released.wait_for(|released| *released > number) => break,
                changed = stage.changed() => changed?,
            }
        }
    }
    stage.pause().await?;
    if stage.world.settings.dialect == Dialect::Seed {
        stage.publish(object! {"type": "session.status_rescheduled"});
    }
    plays::play(stage, script, message).await
}
