//! How content is read: as it comes, since events have it and it may be large. What is neither a
//! text nor a block of text is read by way of a map.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;

use super::{Content, ContentBlock, TextBlock};
use crate::Extra;
use crate::wire::{Wire, unescaped, visit_json};

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(TextOrBlocks::<Value>(PhantomData))
    }
}

impl<'de> Deserialize<'de> for ContentBlock {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Block::<Value>(PhantomData))
    }
}

/// Reads content from a text that `serde_json` reads, and from nothing else: there the text of a
/// block, which may be long, is unescaped once into its own place. `serde_json` does it into a
/// buffer that grows, and copies that.
pub(crate) fn content<'de, D: Deserializer<'de>>(from: D) -> Result<Content, D::Error> {
    from.deserialize_any(TextOrBlocks::<&RawValue>(PhantomData))
}

/// The same for content that may be `null`.
pub(crate) fn content_or_none<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<Content>, D::Error> {
    struct InText(Content);

    impl<'de> Deserialize<'de> for InText {
        fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
            content(from).map(Self)
        }
    }

    let found = Option::<InText>::deserialize(from)?;
    Ok(found.map(|InText(content)| content))
}

/// How the text of a block is met: as a value, wherever it comes from, or as what stands in a text.
trait Met<'de>: Deserialize<'de> {
    /// The text, or the value that is none.
    fn text<E: Error>(self) -> Result<Result<String, Value>, E>;
}

impl Met<'_> for Value {
    fn text<E: Error>(self) -> Result<Result<String, Value>, E> {
        Ok(match self {
            Value::String(text) => Ok(text),
            other => Err(other),
        })
    }
}

impl<'de> Met<'de> for &'de RawValue {
    fn text<E: Error>(self) -> Result<Result<String, Value>, E> {
        match unescaped(self.get()) {
            Some(text) => Ok(Ok(text)),
            None => serde_json::from_str::<Value>(self.get())
                .map_err(E::custom)?
                .text(),
        }
    }
}

struct TextOrBlocks<M>(PhantomData<M>);

impl<'de, M: Met<'de>> Visitor<'de> for TextOrBlocks<M> {
    type Value = Content;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or a list of content blocks")
    }

    fn visit_str<E>(self, text: &str) -> Result<Content, E> {
        Ok(Content::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Content, E> {
        Ok(Content::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Content, A::Error> {
        // Nearly always one block; a `Vec` would start with room for four large ones.
        let mut blocks = Vec::with_capacity(1);
        while let Some(InList(block, _)) = seq.next_element::<InList<M>>()? {
            blocks.push(block);
        }
        Ok(Content::Blocks(blocks))
    }
}

struct InList<M>(ContentBlock, PhantomData<M>);

impl<'de, M: Met<'de>> Deserialize<'de> for InList<M> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let block = from.deserialize_any(Block::<M>(PhantomData))?;
        Ok(Self(block, PhantomData))
    }
}

struct Block<M>(PhantomData<M>);

impl<'de, M: Met<'de>> Visitor<'de> for Block<M> {
    type Value = ContentBlock;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a content block")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ContentBlock, A::Error> {
        let mut is_text = false;
        let mut text = None;
        let mut extra = Extra::new();
        while let Some(key) = map.next_key::<Key>()? {
            match key {
                Key::Type => match map.next_value()? {
                    Kind::Text => {
                        is_text = true;
                        forget(&mut extra, "type");
                    }
                    Kind::Other(kind) => {
                        is_text = false;
                        extra.insert("type".to_owned(), kind);
                    }
                },
                Key::Text => match map.next_value::<M>()?.text()? {
                    Ok(found) => {
                        text = Some(found);
                        forget(&mut extra, "text");
                    }
                    Err(other) => {
                        text = None;
                        extra.insert("text".to_owned(), other);
                    }
                },
                Key::Other(key) => {
                    extra.insert(key, map.next_value()?);
                }
            }
        }
        Ok(match (is_text, text) {
            (true, Some(text)) => ContentBlock::Text(TextBlock { text, extra }),
            (_, text) => {
                if is_text {
                    extra.insert("type".to_owned(), "text".into());
                }
                if let Some(text) = text {
                    extra.insert("text".to_owned(), text.into());
                }
                ContentBlock::read(extra.into())
            }
        })
    }

    visit_json!(ContentBlock::read; bool i64 u64 f64 str unit seq);
}

/// Of a member that is there twice the last counts.
fn forget(extra: &mut Extra, name: &str) {
    if !extra.is_empty() {
        extra.remove(name);
    }
}

/// A key of a content block. The common ones are not copied.
enum Key {
    Type,
    Text,
    Other(String),
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Name;

        impl Visitor<'_> for Name {
            type Value = Key;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_str<E>(self, name: &str) -> Result<Key, E> {
                Ok(match name {
                    "type" => Key::Type,
                    "text" => Key::Text,
                    other => Key::Other(other.to_owned()),
                })
            }
        }

        deserializer.deserialize_identifier(Name)
    }
}

/// The type of a content block. The usual one is not copied.
enum Kind {
    Text,
    Other(Value),
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Type;

        impl<'de> Visitor<'de> for Type {
            type Value = Kind;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a type")
            }

            fn visit_str<E>(self, name: &str) -> Result<Kind, E> {
                Ok(match name {
                    "text" => Kind::Text,
                    other => Kind::Other(other.into()),
                })
            }

            visit_json!(Kind::Other; bool i64 u64 f64 unit seq map);
        }

        deserializer.deserialize_any(Type)
    }
}
