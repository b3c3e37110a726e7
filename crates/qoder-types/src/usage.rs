//! The cost and the duration of work, and budgets for it.

use crate::wire::Wire;
use crate::{Credits, Seconds};

object! {
    /// The time that a session or a thread has taken so far.
    SessionStats {
        /// The time at work.
        active_seconds?: Seconds,
        /// The time since the start.
        duration_seconds?: Seconds,
        /// The time until the container was ready. Only of threads.
        startup_seconds?: Seconds,
    }
}

object! {
    /// The usage of a session or a thread so far: a snapshot in place of the one before, not
    /// something to add to it.
    SessionUsage {
        /// All credits.
        total_credits?: Credits,
        /// Credits for models.
        model_credits?: Credits,
        /// Credits for the container.
        sandbox_runtime_credits?: Credits,
        /// The time at work.
        active_seconds?: Seconds,
        /// Tokens of input, in early generations.
        input_tokens?: u64,
        /// Tokens of input that came from a cache, in early generations.
        cache_read_input_tokens?: u64,
        /// Tokens of output, in early generations.
        output_tokens?: u64,
        /// Tokens of input that went into a cache. Only the official SDKs have it.
        cache_creation?: CacheCreation,
        /// The use of the server's tools. Only the official SDKs have it.
        server_tool_use?: ServerToolUse,
        /// The cost without discounts. Only the official SDKs have it.
        list_cost?: Money,
    }
}

object! {
    /// Tokens of input that went into a cache, by how long they stay there.
    CacheCreation {
        /// Tokens that stay for an hour.
        ephemeral_1h_input_tokens?: u64,
        /// Tokens that stay for five minutes.
        ephemeral_5m_input_tokens?: u64,
    }
}

object! {
    /// The use of the server's tools.
    ServerToolUse {
        /// The number of web pages fetched.
        web_fetch_requests?: u64,
        /// The number of web searches made.
        web_search_requests?: u64,
    }
}

object! {
    /// An amount of money.
    Money {
        /// The amount, as a decimal number in a text, such as `"0.25"`.
        amount: String,
        /// The currency (ISO 4217): `USD`.
        currency: String,
    }
}

impl Money {
    /// Returns the amount as a number, which may be rounded. `None` if it is no number.
    pub fn as_f64(&self) -> Option<f64> {
        number(&self.amount)
    }
}

object! {
    /// The usage of a request to a model, or of a step that takes several.
    ModelUsage {
        /// Credits, which may be 0 for a small request.
        credits?: Credits,
        /// Tokens of input.
        input_tokens?: u64,
        /// Tokens of input that came from a cache.
        cache_read_input_tokens?: u64,
        /// Tokens of input that went into a cache.
        cache_creation_input_tokens?: u64,
        /// Tokens of output.
        output_tokens?: u64,
    }
}

object! {
    /// The budget of a session.
    ///
    /// ```
    /// use qoder_types::Budget;
    ///
    /// let budget = Budget::limit("100.00");
    /// assert_eq!(budget.max_credits(), Some(100.0));
    /// assert_eq!(
    ///     serde_json::to_value(&budget).unwrap(),
    ///     serde_json::json!({"type": "limit", "max_credit_cost": "100.00"}),
    /// );
    /// ```
    Budget {
        /// The kind of budget: `limit`.
        kind: String = "type",
        /// The largest number of credits, as a decimal number in a text, such as `"100.00"`.
        max_credit_cost?: String,
    }
}

impl Budget {
    /// Limits the credits to a decimal number, such as `"100.00"`.
    pub fn limit(max_credit_cost: impl Into<String>) -> Self {
        Self {
            kind: "limit".to_owned(),
            max_credit_cost: Some(max_credit_cost.into()),
            ..Self::empty()
        }
    }

    /// Returns the largest number of credits as a number, which may be rounded. `None` if there is
    /// none.
    pub fn max_credits(&self) -> Option<f64> {
        number(self.max_credit_cost.as_deref()?)
    }
}

/// The number that a text is.
fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
}
