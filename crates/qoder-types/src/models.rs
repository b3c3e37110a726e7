//! Models, and how an agent uses one.

use serde_json::Number;

use crate::{Extra, Timestamp};

object! {
    /// A model that agents can use. Which of the optional fields there are depends on the model.
    Model {
        /// The id that agents name it by, such as `ultimate`.
        id!: String,
        /// The name for people.
        display_name?: String,
        /// The model's origin, such as `system`.
        source?: String,
        /// Whether agents can use it now.
        is_enabled?: bool,
        /// Whether it was added not long ago.
        is_new?: bool,
        /// Whether it can see images.
        is_vl?: bool,
        /// The model's price relative to that of the others.
        price_factor?: Number,
        /// The efforts that it can be told. `None` if it can't be told any.
        efforts?: Vec<Effort>,
        /// The effort that it makes if it is told none.
        default_effort?: Effort,
        /// The size of the largest input, in tokens.
        max_input_tokens?: u64,
        /// The context window that it has if it is told none, in tokens.
        default_context_window?: u64,
        /// The context windows that it can be told, in tokens.
        available_context_windows?: Vec<u64>,
        /// The size of the largest output, in tokens.
        max_tokens?: u64,
        /// The models that may take its place while it is overloaded.
        allowed_fallback_models?: Vec<String>,
        /// The model's capabilities, under names such as `image_input`. Only the official SDKs have
        /// it.
        capabilities?: Extra,
        /// When the model was added.
        created_at?: Timestamp,
    }
}

body! {
    /// The model of an agent: its id, or an object that says how it is used.
    ///
    /// ```
    /// use qoder_types::{Effort, ModelRef};
    ///
    /// let short: ModelRef = "ultimate".into();
    /// let long = ModelRef::new("ultimate").effort(Effort::High);
    /// assert_eq!(serde_json::to_string(&short).unwrap(), r#""ultimate""#);
    /// assert_eq!(serde_json::to_string(&long).unwrap(), r#"{"id":"ultimate","effort":"high"}"#);
    /// ```
    ModelRef short id {
        /// The id, from the list of models.
        id: String,
        ;
        /// The effort that the model spends on thinking. Its own default if left out; the list of
        /// models says what each offers.
        effort: Effort,
        /// The size of the model's context, in tokens. Its own default if left out; the list of
        /// models says what each offers.
        context_window as u64,
        /// The speed at which the model answers. Only the official SDKs have it.
        speed: Speed,
        /// The region where the model runs. Only the official SDKs have it.
        inference_geo: String,
    }
}

impl<S: Into<String>> From<S> for ModelRef {
    fn from(id: S) -> Self {
        Self::new(id)
    }
}

open_enum! {
    /// The speed at which a model answers.
    Speed {
        /// As fast as it is by default.
        Standard = "standard",
        /// Faster, where the model offers it.
        Fast = "fast",
    }
}

open_enum! {
    /// The effort that a model spends on thinking. The API accepts `{"type":"high"}` in place of
    /// `"high"`.
    Effort {
        /// The least that there is.
        Low = "low",
        /// Less than a hard question needs.
        Medium = "medium",
        /// Enough for hard questions.
        High = "high",
        /// More than `High`.
        XHigh = "xhigh",
        /// The most that there is.
        Max = "max",
    }
}
