//! What may be in the place of any member.

use proptest::prelude::*;
use serde_json::{Value, json};

/// Values of every kind, some of which fit here and there.
pub(crate) fn odd_values() -> Vec<Value> {
    vec![
        json!(null),
        json!(true),
        json!(7),
        json!(3.0),
        json!("3"),
        json!(-1),
        json!(0.5),
        json!(""),
        json!("text"),
        json!([]),
        json!([7]),
        json!([null]),
        json!(["a", {}]),
        json!({}),
        json!({"a": null}),
        json!({"type": "of tomorrow"}),
        json!({"type": null}),
        json!({"id": "x"}),
    ]
}

/// Any JSON.
pub(crate) fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1000i32..1000).prop_map(|number| Value::from(f64::from(number) / 4.0)),
        "\\PC{0,6}".prop_map(Value::from),
        "[0-9]{1,3}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        let name = prop_oneof![Just("type".to_owned()), Just("id".to_owned()), "[a-z]{1,5}"];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::vec((name, inner), 0..3)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}
