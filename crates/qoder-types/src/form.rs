//! Forms: bodies that have files in them beside text.

use serde_json::Value;

/// A form in place of a JSON body: text fields, and files whose contents its sender has.
///
/// It is `multipart/form-data` on the wire.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Form {
    /// The text fields in their order: name and value.
    pub fields: Vec<(String, String)>,
    /// The files. They come after the text fields.
    pub files: Vec<FormFile>,
}

/// The description of a file in a form.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FormFile {
    /// The name of the field.
    pub field: String,
    /// The file's name.
    pub filename: String,
    /// The media type.
    pub mime_type: String,
}

impl Form {
    /// Adds a text field, in place of one of the same name: a text as it is, any other value as
    /// JSON.
    pub fn field(&mut self, name: &str, value: &Value) {
        self.fields.retain(|(other, _)| other != name);
        let text = match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        self.fields.push((name.to_owned(), text));
    }

    /// Adds a file.
    pub fn file(&mut self, field: &str, filename: &str, mime_type: &str) {
        self.files.push(FormFile {
            field: field.to_owned(),
            filename: filename.to_owned(),
            mime_type: mime_type.to_owned(),
        });
    }
}
