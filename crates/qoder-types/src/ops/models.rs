//! Operations under `/models`.

use super::row::operations;
use crate::{Model, Page};

operations! { "models" {
    /// Lists the models. Servers have given all of them at once so far.
    list() -> Page<Model> = ids "/models" ? "before_id";
} }
