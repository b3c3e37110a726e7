//! Cutting secrets out of what a server said, should it have repeated one.

use bytes::Bytes;
use qoder_types::ErrorBody;

/// A keeper of secrets, which cuts them out of texts.
pub(crate) trait Redact {
    /// The text without the secrets, if one is in it.
    fn cut(&self, text: &str) -> Option<String>;

    /// The text without the secrets.
    fn redact(&self, text: String) -> String {
        self.cut(&text).unwrap_or(text)
    }

    /// The same for bytes; they become text only if a secret is found in them.
    fn redact_bytes(&self, bytes: Bytes) -> Bytes {
        let cut = self.cut(&String::from_utf8_lossy(&bytes));
        cut.map_or(bytes, Bytes::from)
    }

    /// The same for what a server said of an error.
    fn redact_api(&self, mut api: ErrorBody) -> ErrorBody {
        for text in [
            &mut api.error_type,
            &mut api.message,
            &mut api.param,
            &mut api.code,
            &mut api.request_id,
            &mut api.feature,
            &mut api.available_from,
        ] {
            *text = text.take().map(|text| self.redact(text));
        }
        api.raw = self.redact(api.raw);
        api
    }
}
