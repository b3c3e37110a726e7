//! Models.

use serde::{Deserialize, Serialize};
use serde_json::Number;

use crate::{Effort, Extra};

/// A model that agents can use.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
#[non_exhaustive]
pub struct Model {
    /// Its id, such as `ultimate`.
    pub id: String,
    /// Its name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// Whose it is, such as `system`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Whether it can be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_enabled: Option<bool>,
    /// Whether it is new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_new: Option<bool>,
    /// What it costs, relative to the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_factor: Option<Number>,
    /// How hard it can think.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub efforts: Option<Vec<Effort>>,
    /// How hard it thinks by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_effort: Option<Effort>,
    /// How many tokens it takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_input_tokens: Option<u64>,
    /// How many tokens it sees by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_context_window: Option<u64>,
    /// How many tokens it can be told to see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub available_context_windows: Option<Vec<u64>>,
    /// Everything else.
    #[serde(flatten)]
    pub extra: Extra,
}

lossless!(Model);
