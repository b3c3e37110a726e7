//! The models that there are, all at once.

use crate::json::{list, object};
use crate::reply::Answer;
use crate::resources::context::Context;
use crate::resources::resource::{Operation, Resource};
use crate::state::account::Account;

pub(crate) const RESOURCE: Resource = Resource {
    operations: &[Operation::get("/models", all)],
    ..Resource::NONE
};

#[expect(clippy::unnecessary_wraps, reason = "as every operation")]
fn all(_: &Context<'_>, _: &mut Account) -> Answer {
    let auto = object! {
        "id": "auto", "type": "model", "display_name": "Auto", "is_enabled": true, "is_new": false,
        "price_factor": 0.5, "max_input_tokens": 180_000,
    };
    let ultimate = object! {
        "id": "ultimate", "type": "model", "display_name": "Ultimate", "source": "system",
        "is_enabled": true, "is_new": false, "price_factor": 1.6,
        "efforts": list!["low", "medium", "high", "xhigh", "max"], "default_effort": "high",
        "max_input_tokens": 1_000_000, "default_context_window": 200_000,
        "available_context_windows": list![200_000, 400_000, 1_000_000],
    };
    Ok(object! {"data": list![auto, ultimate], "has_more": false}.into())
}
