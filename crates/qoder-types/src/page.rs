//! Pages of lists.

use std::fmt;

use serde::de::value::SeqAccessDeserializer;
use serde::de::{DeserializeOwned, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::wire::{
    Json, Member, Members, Name, Object, Slot, extra, last_of_each, read_text, visit_json,
};
use crate::{Event, Extra};

/// One page of a list.
///
/// An item that can't be read is not in `data` but among the `invalid`: it spoils neither its
/// neighbours nor the page. What has no list `data` is no page, and an error; `null` is an empty
/// list.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Page<T> {
    /// The items, in the server's order.
    pub data: Vec<T>,
    /// The items that can't be read, in the server's order.
    pub invalid: Vec<InvalidItem>,
    /// The cursor of the next page. `None` on the last page, and in early generations.
    pub next_page: Option<String>,
    /// The id of the first item. `None` if there is none, or the server doesn't say.
    pub first_id: Option<String>,
    /// The id of the last item. `None` if there is none, or the server doesn't say.
    pub last_id: Option<String>,
    /// Whether there are more pages. `None` if the server doesn't say.
    pub has_more: Option<bool>,
    /// The members that no field was read from: those without a field, and those that are `null` or
    /// have another shape than their field.
    pub extra: Extra,
}

impl<T> Page<T> {
    /// Returns all items in the server's order, those that can't be read as errors.
    ///
    /// ```
    /// use qoder_types::{Agent, Page};
    ///
    /// let page: Page<Agent> = serde_json::from_str(r#"{"data":[{"id":"a"},7,{"id":"b"}]}"#).unwrap();
    /// let items: Vec<_> = page.into_items().collect();
    /// assert_eq!(items[0].as_ref().unwrap().id, "a");
    /// assert_eq!(items[1].as_ref().unwrap_err().raw(), "7");
    /// assert_eq!(items[2].as_ref().unwrap().id, "b");
    /// ```
    pub fn into_items(self) -> impl Iterator<Item = Result<T, InvalidItem>> {
        let indices: Vec<usize> = self.invalid.iter().map(InvalidItem::index).collect();
        in_order(self.data.into_iter(), self.invalid.into_iter(), indices)
    }
}

/// An item of a page that can't be read: it is no object, or has no id.
#[derive(Clone)]
pub struct InvalidItem {
    index: usize,
    error: Box<str>,
    raw: Box<RawValue>,
}

impl InvalidItem {
    #[cold]
    fn new(index: usize, error: &serde_json::Error, raw: Box<RawValue>) -> Self {
        Self {
            index,
            error: error.to_string().into(),
            raw,
        }
    }

    /// Returns the item's place in its page, from 0.
    pub fn index(&self) -> usize {
        self.index
    }

    /// Returns the item's JSON, to the letter.
    pub fn raw(&self) -> &str {
        self.raw.get()
    }
}

/// Items are equal if they are the same text in the same place.
impl PartialEq for InvalidItem {
    fn eq(&self, other: &Self) -> bool {
        self.index == other.index && self.raw() == other.raw()
    }
}

impl fmt::Display for InvalidItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { index, error, .. } = self;
        write!(
            f,
            "item {index} of the page, from 0, can't be read: {error}"
        )
    }
}

/// Doesn't show the JSON, which may be anything.
impl fmt::Debug for InvalidItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InvalidItem")
            .field("index", &self.index)
            .field("error", &self.error)
            .finish_non_exhaustive()
    }
}

impl std::error::Error for InvalidItem {}

/// The events as they were accepted, with their ids.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SentEvents {
    /// The events, in the order that they were sent. Empty if the server accepted them without
    /// saying what it made of them.
    pub data: Vec<Event>,
    /// The members that no field was read from, and a `data` that is `null` or no list.
    pub extra: Extra,
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Page<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Sheet::deserialize(from).map(Sheet::read)
    }
}

/// A page whose items are still text: what is the same for each type of them.
struct Sheet {
    items: Vec<Box<RawValue>>,
    around: Page<()>,
}

impl Sheet {
    fn read<T: DeserializeOwned>(self) -> Page<T> {
        let mut page = Page {
            data: Vec::with_capacity(self.items.len()),
            invalid: Vec::new(),
            next_page: self.around.next_page,
            first_id: self.around.first_id,
            last_id: self.around.last_id,
            has_more: self.around.has_more,
            extra: self.around.extra,
        };
        for (index, raw) in self.items.into_iter().enumerate() {
            match read_text(raw.get()) {
                Ok(item) => page.data.push(item),
                Err(error) => page.invalid.push(InvalidItem::new(index, &error, raw)),
            }
        }
        page
    }
}

impl<'de> Deserialize<'de> for Sheet {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let Envelope { items, rest } = Envelope::deserialize(from)?;
        let Some(items) = items else {
            return Err(D::Error::custom("the page has no list `data`"));
        };
        let mut object = Object::new(last_of_each(rest));
        let around = Page {
            data: Vec::new(),
            invalid: Vec::new(),
            next_page: Slot::take_from(&mut object, &["next_page"]),
            first_id: Slot::take_from(&mut object, &["first_id"]),
            last_id: Slot::take_from(&mut object, &["last_id"]),
            has_more: Slot::take_from(&mut object, &["has_more"]),
            extra: object.rest(),
        };
        Ok(Self { items, around })
    }
}

impl<T: Serialize> Serialize for Page<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let indices = self.invalid.iter().map(InvalidItem::index).collect();
        let items = in_order(self.data.iter(), self.invalid.iter(), indices);
        let items = items.map(|item| match item {
            Ok(item) => Item::Valid(item),
            Err(invalid) => Item::Invalid(&invalid.raw),
        });
        let mut members = Members::new(&self.extra);
        self.next_page.put(&["next_page"], &mut members);
        self.first_id.put(&["first_id"], &mut members);
        self.last_id.put(&["last_id"], &mut members);
        self.has_more.put(&["has_more"], &mut members);
        envelope(items.collect(), members, to)
    }
}

/// An item, as it is written.
enum Item<'a, T> {
    Valid(&'a T),
    Invalid(&'a RawValue),
}

impl<T: Serialize> Serialize for Item<'_, T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Valid(item) => item.serialize(to),
            Self::Invalid(raw) => raw.serialize(to),
        }
    }
}

impl<'de> Deserialize<'de> for SentEvents {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let Envelope { items, rest } = Envelope::deserialize(from)?;
        let items = items.unwrap_or_default();
        Ok(Self {
            data: items
                .iter()
                .map(|raw| Event::decode("", None, raw.get()))
                .collect(),
            extra: extra(rest),
        })
    }
}

impl Serialize for SentEvents {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let members = Members::new(&self.extra);
        envelope(self.data.iter().collect(), members, to)
    }
}

/// An object around a list `data`, whose items are still text.
struct Envelope<'a> {
    /// `None` if there is no such list; whatever is in its place is in the rest.
    items: Option<Vec<Box<RawValue>>>,
    rest: Vec<Member<'a>>,
}

impl<'de> Deserialize<'de> for Envelope<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Envelope<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with a list `data`")
            }

            /// There was no body.
            fn visit_none<E>(self) -> Result<Self::Value, E> {
                Ok(Envelope {
                    items: Some(Vec::new()),
                    rest: Vec::new(),
                })
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut items = None;
                let mut rest = Vec::new();
                while let Some(Name(name)) = map.next_key()? {
                    if name != "data" {
                        rest.push((name, map.next_value()?));
                        continue;
                    }
                    rest.retain(|(other, _)| *other != name);
                    match map.next_value()? {
                        Data::List(list) => items = Some(list),
                        Data::Other(other) => {
                            items = other.is_null().then(Vec::new);
                            rest.push((name, other));
                        }
                    }
                }
                Ok(Envelope { items, rest })
            }
        }

        from.deserialize_any(Members)
    }
}

/// The list of an envelope, or whatever is in its place.
enum Data<'a> {
    List(Vec<Box<RawValue>>),
    Other(Json<'a>),
}

impl<'de> Deserialize<'de> for Data<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct List;

        impl<'de> Visitor<'de> for List {
            type Value = Data<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(list)).map(Data::List)
            }

            visit_json!(Data::Other; bool i64 u64 f64 str unit map);
        }

        from.deserialize_any(List)
    }
}

/// Writes a list `data`, and the other members.
fn envelope<I: Serialize, S: Serializer>(
    items: Vec<I>,
    mut members: Members<'_>,
    to: S,
) -> Result<S::Ok, S::Error> {
    let mut map = to.serialize_map(None)?;
    if members.supersedes("data", !items.is_empty()) {
        map.serialize_entry("data", &items)?;
    }
    for (name, value) in members.finish() {
        map.serialize_entry(name, &value)?;
    }
    map.end()
}

/// Valid and invalid items in the order that they had; `indices` are those of the invalid.
fn in_order<T, I>(
    mut valid: impl Iterator<Item = T>,
    mut invalid: impl Iterator<Item = I>,
    indices: Vec<usize>,
) -> impl Iterator<Item = Result<T, I>> {
    let mut next_invalid = 0;
    let mut place = 0;
    std::iter::from_fn(move || {
        let due = indices
            .get(next_invalid)
            .is_some_and(|index| *index <= place);
        place += 1;
        if !due {
            if let Some(item) = valid.next() {
                return Some(Ok(item));
            }
        }
        next_invalid += 1;
        invalid.next().map(Err)
    })
}
