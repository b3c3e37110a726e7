//! The API's catalogue, which the crate `qoder-types` keeps for its tests.

use serde_json::Value;

use crate::shell::{read, root};

/// The operations and schemas of the managed API.
pub(crate) struct Catalogue {
    operations: Vec<Value>,
    schemas: Vec<Value>,
}

impl Catalogue {
    pub(crate) fn read() -> Result<Self, String> {
        let file = |name: &str| -> Result<Value, String> {
            let path = root().join("crates/qoder-types/tests/data").join(name);
            serde_json::from_str(&read(&path)?).map_err(|error| format!("{name}: {error}"))
        };
        let managed = |list: &Value| -> Vec<Value> {
            let list = list.as_array().into_iter().flatten();
            let managed = list.filter(|item| item["mode"] == "managed");
            managed.cloned().collect()
        };
        Ok(Self {
            operations: managed(&file("operations.json")?),
            schemas: managed(&file("schemas.json")?["schemas"]),
        })
    }

    pub(crate) fn operations(&self) -> impl Iterator<Item = &Value> {
        self.operations.iter()
    }

    pub(crate) fn schema(&self, name: &str) -> Option<&Value> {
        self.schemas.iter().find(|schema| schema["name"] == name)
    }
}

/// A text of the catalogue; empty if there is none.
pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// The items of a list of the catalogue; none if there is no list.
pub(crate) fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}
