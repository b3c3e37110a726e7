use std::fmt;

use serde_json::Value;

use crate::Extra;

/// Shows what has no field, but for texts under names that secrets have.
pub(crate) struct Redacted<'a, T>(pub(crate) &'a T);

/// What is in the names of members that hold secrets, in this API and in others.
const SECRET: &[&str] = &[
    "token",
    "secret",
    "password",
    "authorization",
    "credential",
    "api_key",
    "private_key",
    "environment_variables",
];

impl fmt::Debug for Redacted<'_, Extra> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let members = self.0.iter().map(|(name, value)| {
            let hidden = SECRET.iter().any(|part| name.contains(part));
            (name, Member { value, hidden })
        });
        f.debug_map().entries(members).finish()
    }
}

impl fmt::Debug for Redacted<'_, Value> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Member {
            value: self.0,
            hidden: false,
        }
        .fmt(f)
    }
}

struct Member<'a> {
    value: &'a Value,
    hidden: bool,
}

impl fmt::Debug for Member<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hidden = self.hidden;
        match self.value {
            Value::String(_) if hidden => f.write_str("Secret(…)"),
            Value::Object(object) if hidden => f
                .debug_map()
                .entries(
                    object
                        .iter()
                        .map(|(name, value)| (name, Member { value, hidden })),
                )
                .finish(),
            Value::Object(object) => Redacted(object).fmt(f),
            Value::Array(items) => f
                .debug_list()
                .entries(items.iter().map(|value| Member { value, hidden }))
                .finish(),
            other => other.fmt(f),
        }
    }
}
