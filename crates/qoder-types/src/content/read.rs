//! How content is read: as it comes, since events have it and it may be large. What is neither a
//! text nor a block of text is read by way of a map.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::{Content, ContentBlock, TextBlock};
use crate::wire::{Json, Member, Name, Wire, extra, last_of_each, unescaped, visit_json};

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(TextOrBlocks::<Json<'de>>(PhantomData))
    }
}

impl<'de> Deserialize<'de> for ContentBlock {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Block::<Json<'de>>(PhantomData))
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
    fn text<E: Error>(self) -> Result<Result<String, Json<'de>>, E>;
}

impl<'de> Met<'de> for Json<'de> {
    fn text<E: Error>(self) -> Result<Result<String, Self>, E> {
        Ok(match self {
            Self::Text(text) => Ok(text.into_owned()),
            other => Err(other),
        })
    }
}

impl<'de> Met<'de> for &'de RawValue {
    fn text<E: Error>(self) -> Result<Result<String, Json<'de>>, E> {
        match unescaped(self.get()) {
            Some(text) => Ok(Ok(text)),
            None => serde_json::from_str::<Json<'de>>(self.get())
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
        let mut others = Vec::new();
        while let Some(key) = map.next_key::<Key<'de>>()? {
            match key {
                Key::Type => {
                    forget(&mut others, "type");
                    let kind = map.next_value()?;
                    is_text = matches!(kind, Kind::Text);
                    if let Kind::Other(kind) = kind {
                        others.push(("type".into(), kind));
                    }
                }
                Key::Text => {
                    forget(&mut others, "text");
                    text = match map.next_value::<M>()?.text()? {
                        Ok(found) => Some(found),
                        Err(other) => {
                            others.push(("text".into(), other));
                            None
                        }
                    };
                }
                Key::Other(key) => others.push((key, map.next_value()?)),
            }
        }
        Ok(match (is_text, text) {
            (true, Some(text)) => ContentBlock::Text(TextBlock {
                text,
                extra: extra(others),
            }),
            (_, text) => {
                if is_text {
                    others.push(("type".into(), Json::Text("text".into())));
                }
                if let Some(text) = text {
                    others.push(("text".into(), text.into()));
                }
                ContentBlock::read(Json::Object(last_of_each(others)))
            }
        })
    }

    visit_json!(ContentBlock::read; bool i64 u64 f64 str unit seq);
}

/// Of a member that is there twice the last counts.
fn forget(members: &mut Vec<Member<'_>>, name: &str) {
    members.retain(|(other, _)| other != name);
}

/// A key of a content block.
enum Key<'a> {
    Type,
    Text,
    Other(Cow<'a, str>),
}

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let Name(name) = Name::deserialize(from)?;
        Ok(match &*name {
            "type" => Key::Type,
            "text" => Key::Text,
            _ => Key::Other(name),
        })
    }
}

/// The type of a content block. The usual one is not copied.
enum Kind<'a> {
    Text,
    Other(Json<'a>),
}

impl<'de> Deserialize<'de> for Kind<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(match Json::deserialize(from)? {
            Json::Text(text) if text == "text" => Kind::Text,
            other => Kind::Other(other),
        })
    }
}
