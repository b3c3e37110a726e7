//! Operations under `/models`.

use crate::{Model, Op, Page, Request};

pub(super) static LIST: Op = Op::get("models.list", "/models");

/// Lists the models, all at once.
pub fn list() -> Request<Page<Model>> {
    Request::new(&LIST)
}
