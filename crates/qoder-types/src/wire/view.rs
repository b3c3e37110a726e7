use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Number, Value};

/// JSON that borrows its texts from what it shows, with members in the order of their fields.
#[derive(Clone, Debug)]
pub(crate) enum View<'a> {
    Null,
    Bool(bool),
    Whole(u64),
    Number(&'a Number),
    Text(&'a str),
    List(Vec<View<'a>>),
    Object(Vec<(&'a str, View<'a>)>),
    Json(&'a Value),
    Extra(&'a crate::Extra),
}

impl<'a> View<'a> {
    /// Whether there is nothing in it that was read: whatever `extra` has was.
    pub(crate) fn is_hollow(&self) -> bool {
        match self {
            Self::Null | Self::Bool(false) | Self::Whole(0) | Self::Text("") => true,
            Self::Json(value) => value.is_null(),
            Self::List(items) => items.is_empty(),
            Self::Object(members) => members
                .iter()
                .all(|(_, member)| !matches!(member, Self::Json(_)) && member.is_hollow()),
            Self::Extra(object) => object.is_empty(),
            Self::Bool(true) | Self::Whole(_) | Self::Text(_) | Self::Number(_) => false,
        }
    }

    /// An object under its type, which it may have among its own members if it was read alone.
    pub(crate) fn tagged(kind: &'a str, object: Self) -> Self {
        let mut members = vec![("type", Self::Text(kind))];
        if let Self::Object(others) = object {
            members.extend(others.into_iter().filter(|(name, _)| *name != "type"));
        }
        Self::Object(members)
    }
}

impl Serialize for View<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => to.serialize_unit(),
            Self::Bool(value) => to.serialize_bool(*value),
            Self::Whole(value) => to.serialize_u64(*value),
            Self::Number(value) => value.serialize(to),
            Self::Text(text) => to.serialize_str(text),
            Self::List(items) => to.collect_seq(items),
            Self::Object(members) => {
                let mut map = to.serialize_map(Some(members.len()))?;
                for (name, value) in members {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
            Self::Json(value) => value.serialize(to),
            Self::Extra(object) => object.serialize(to),
        }
    }
}
