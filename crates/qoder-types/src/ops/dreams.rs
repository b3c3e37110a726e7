//! Operations under `/dreams`.

use super::row::operations;
use crate::{Dream, DreamCreate, DreamId, Page};

operations! { "dreams" {
    /// Starts a dream.
    create() takes DreamCreate -> Dream = post "/dreams";
    /// Lists dreams.
    list() -> Page<Dream> = list "/dreams"
        ? "created_at[gt]" "created_at[lt]" "include_archived" "statuses[]";
    /// Gets a dream.
    retrieve(dream_id: DreamId) -> Dream = get "/dreams/{dream_id}";
    /// Cancels a dream.
    cancel(dream_id: DreamId) -> Dream = act "/dreams/{dream_id}/cancel";
    /// Archives a dream.
    archive(dream_id: DreamId) -> Dream = act "/dreams/{dream_id}/archive";
} }
