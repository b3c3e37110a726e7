//! The schema of a tool's arguments, from their type.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value;

/// The schema of a type as the API takes it: an object that refers to nothing outside of itself, and
/// says neither which draft of JSON Schema it follows nor what the type is called.
pub(super) fn of<A: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let mut schema = settings.into_generator().into_root_schema_for::<A>();
    schema.remove("title");
    schema.to_value()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::Toolbox;

    #[derive(serde::Deserialize, schemars::JsonSchema)]
    #[allow(dead_code, reason = "only its schema matters")]
    struct LookUp {
        /// The number on the receipt.
        order: String,
        place: Option<Place>,
    }

    #[derive(serde::Deserialize, schemars::JsonSchema)]
    #[serde(rename_all = "lowercase")]
    #[allow(dead_code, reason = "only its schema matters")]
    enum Place {
        Shop,
        Road,
    }

    #[test]
    fn the_arguments_describe_the_tool() {
        let handler = |_: LookUp| async { Ok::<_, String>("") };
        let toolbox = Toolbox::new().described_tool("look_up", "Says where it is.", handler);
        let [tool] = toolbox.definitions().try_into().expect("one tool");
        let schema = serde_json::to_value(&tool).expect("JSON")["input_schema"].clone();
        assert_eq!(schema["type"], "object");
        assert_eq!(schema["required"], json!(["order"]));
        let order = json!({"type": "string", "description": "The number on the receipt."});
        assert_eq!(schema["properties"]["order"], order);
        let text = schema.to_string();
        assert!(text.contains(r#""shop""#), "{text}");
        for no in ["$ref", "$defs", "$schema", "LookUp"] {
            assert!(!text.contains(no), "{no} in {text}");
        }
    }
}
