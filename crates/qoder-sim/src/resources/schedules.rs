//! Schedules of deployments.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::cron::Cron;
use crate::json::{Json, object};
use crate::refusal::Refusal;
use crate::resources::context::Context;
use crate::resources::field::text;

/// The number of upcoming times that are told.
const TOLD: usize = 5;

/// Reads the schedule that is sent for a deployment.
pub(crate) fn read(cx: &Context<'_>, name: &str, value: &Json) -> Result<Json, Refusal> {
    if value["type"] != "cron" {
        let why = format!("{name}.type must be cron.");
        return Err(Refusal::invalid(&format!("{name}.type"), why));
    }
    let mut schedule = object! {"type": "cron"};
    for member in ["expression", "timezone"] {
        let param = format!("{name}.{member}");
        if value[member].is_null() {
            return Err(Refusal::missing(&param));
        }
        text(&param, &value[member], 1, 256)?;
        schedule.set(member, &value[member]);
    }
    let wrong = |member: &str, why: &str| {
        let param = format!("{name}.{member}");
        Refusal::invalid(&param, format!("{param} {why}."))
    };
    if TimeZone::get(schedule["timezone"].text()).is_err() {
        return Err(wrong("timezone", "must be the IANA name of a time zone"));
    }
    if Cron::parse(schedule["expression"].text()).is_none() {
        return Err(wrong(
            "expression",
            "must be a cron expression of five fields",
        ));
    }
    if next(&schedule, cx.world.clock.now()).is_none() {
        return Err(wrong("expression", "must have a time that comes"));
    }
    Ok(schedule)
}

/// The first time of a schedule after this one; `None` if it has none, or if there is no schedule.
pub(crate) fn next(schedule: &Json, after: Timestamp) -> Option<Timestamp> {
    let cron = Cron::parse(schedule["expression"].text())?;
    let zone = TimeZone::get(schedule["timezone"].text()).ok()?;
    cron.next(after, &zone)
}

/// A schedule as it is shown, with the times that come next, unless it has ended.
pub(crate) fn shown(mut schedule: Json, now: Timestamp, ended: bool) -> Json {
    let last = schedule.remove("last_run_at");
    let mut upcoming = Vec::new();
    let mut after = now;
    while upcoming.len() < TOLD && !ended {
        let Some(time) = next(&schedule, after) else {
            break;
        };
        after = time;
        upcoming.push(time.to_string());
    }
    schedule.set("upcoming_runs_at", upcoming);
    if !last.is_null() {
        schedule.set("last_run_at", last);
    }
    schedule
}
