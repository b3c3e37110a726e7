//! The content of messages and tool results: text, or a list of blocks.

use std::borrow::Cow;
use std::fmt;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::{Extra, FileId};

/// The content of a message or a tool result.
///
/// The first generation of the API writes a plain text where today's writes a list of blocks.
/// Both are read, and given back in the form that they came in.
///
/// ```
/// use qoder_types::Content;
///
/// let seed: Content = serde_json::from_str(r#""Hello!""#).unwrap();
/// let today: Content = serde_json::from_str(r#"[{"type":"text","text":"Hello!"}]"#).unwrap();
/// assert_eq!(seed.text(), today.text());
/// assert_eq!(seed.into_blocks(), today.into_blocks());
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Content {
    /// A plain text.
    Text(String),
    /// Blocks, in their order.
    Blocks(Vec<ContentBlock>),
}

impl Content {
    /// The text of all text blocks, one after another.
    pub fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Text(text) => Cow::Borrowed(text),
            Self::Blocks(blocks) => {
                let mut texts = blocks.iter().filter_map(ContentBlock::as_text);
                match (texts.next(), texts.next()) {
                    (None, _) => Cow::Borrowed(""),
                    (Some(text), None) => Cow::Borrowed(text),
                    (Some(first), Some(second)) => {
                        Cow::Owned([first, second].into_iter().chain(texts).collect())
                    }
                }
            }
        }
    }

    /// The blocks; a plain text is one text block.
    pub fn into_blocks(self) -> Vec<ContentBlock> {
        match self {
            Self::Text(text) => vec![ContentBlock::text(text)],
            Self::Blocks(blocks) => blocks,
        }
    }

    /// The text, if a plain text says the same: it is one, or it is a single text block with
    /// nothing else in it.
    pub fn as_plain_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Blocks(blocks) => match blocks.as_slice() {
                [ContentBlock::Text(block)] if block.extra.is_empty() => Some(&block.text),
                _ => None,
            },
        }
    }
}

impl From<&str> for Content {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Content {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<ContentBlock> for Content {
    fn from(block: ContentBlock) -> Self {
        Self::Blocks(vec![block])
    }
}

impl From<Vec<ContentBlock>> for Content {
    fn from(blocks: Vec<ContentBlock>) -> Self {
        Self::Blocks(blocks)
    }
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextOrBlocks;

        impl<'de> Visitor<'de> for TextOrBlocks {
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
                while let Some(block) = seq.next_element()? {
                    blocks.push(block);
                }
                Ok(Content::Blocks(blocks))
            }
        }

        deserializer.deserialize_any(TextOrBlocks)
    }
}

tagged! {
    /// A block of content.
    ContentBlock {
        /// Text.
        Text(TextBlock) = "text",
        /// An image.
        Image(Box<ImageBlock>) = "image",
        /// A document.
        Document(Box<DocumentBlock>) = "document",
        /// A search result, in the results of tools.
        SearchResult(Box<SearchResultBlock>) = "search_result",
        /// Something that was taken out.
        Redacted(RedactedBlock) = "redacted",
    }
}

impl ContentBlock {
    /// A block of text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(TextBlock {
            text: text.into(),
            extra: Extra::new(),
        })
    }

    /// An image from this source.
    pub fn image(source: impl Into<Source>) -> Self {
        Self::Image(Box::new(ImageBlock {
            source: source.into(),
            extra: Extra::new(),
        }))
    }

    /// A document from this source.
    pub fn document(source: impl Into<Source>) -> Self {
        Self::Document(Box::new(DocumentBlock {
            source: source.into(),
            title: None,
            context: None,
            extra: Extra::new(),
        }))
    }

    /// The text, if it is a block of text.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(block) => Some(&block.text),
            _ => None,
        }
    }
}

/// Text blocks are read as they come; the others by way of a map.
impl<'de> Deserialize<'de> for ContentBlock {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Block;

        impl<'de> Visitor<'de> for Block {
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
                            Kind::Text => is_text = true,
                            Kind::Other(kind) => {
                                is_text = false;
                                extra.insert("type".to_owned(), kind);
                            }
                        },
                        Key::Text => match map.next_value()? {
                            Value::String(found) => text = Some(found),
                            other => {
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
                        ContentBlock::from_object(extra)
                    }
                })
            }
        }

        deserializer.deserialize_map(Block)
    }
}

/// A key of a content block; the common ones are not copied.
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

/// The type of a content block; the usual one is not copied.
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

            fn visit_unit<E>(self) -> Result<Kind, E> {
                Ok(Kind::Other(Value::Null))
            }

            fn visit_bool<E>(self, value: bool) -> Result<Kind, E> {
                Ok(Kind::Other(value.into()))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Kind, E> {
                Ok(Kind::Other(value.into()))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Kind, E> {
                Ok(Kind::Other(value.into()))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Kind, E> {
                Ok(Kind::Other(value.into()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Kind, A::Error> {
                Value::deserialize(SeqAccessDeserializer::new(seq)).map(Kind::Other)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Kind, A::Error> {
                Value::deserialize(MapAccessDeserializer::new(map)).map(Kind::Other)
            }
        }

        deserializer.deserialize_any(Type)
    }
}

/// A block of text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub struct TextBlock {
    /// The text.
    pub text: String,
    /// Everything else.
    #[serde(flatten)]
    pub extra: Extra,
}

/// An image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub struct ImageBlock {
    /// Where it is.
    pub source: Source,
    /// Everything else.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub struct DocumentBlock {
    /// Where it is.
    pub source: Source,
    /// Its title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What the agent should know about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    /// Everything else.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A search result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub struct SearchResultBlock {
    /// Where it was found.
    pub source: String,
    /// Its title.
    pub title: String,
    /// What was found.
    pub content: Vec<ContentBlock>,
    /// Everything else, `citations` included.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Something that was taken out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub struct RedactedBlock {
    /// What is there instead.
    #[serde(flatten)]
    pub extra: Extra,
}

tagged! {
    /// Where an image or a document is.
    Source {
        /// In the message itself.
        Base64(Base64Source) = "base64",
        /// On the web.
        Url(UrlSource) = "url",
        /// Among the uploaded files.
        File(FileSource) = "file",
        /// In the message itself, as plain text; for documents.
        Text(TextSource) = "text",
    }
}

/// Data in the message itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub struct Base64Source {
    /// Its media type, such as `image/png`.
    pub media_type: String,
    /// The data, in standard base64.
    pub data: String,
    /// Everything else.
    #[serde(flatten)]
    pub extra: Extra,
}

/// An address on the web.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub struct UrlSource {
    /// The address.
    pub url: String,
    /// Everything else.
    #[serde(flatten)]
    pub extra: Extra,
}

/// An uploaded file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub struct FileSource {
    /// The file.
    pub file_id: FileId,
    /// Everything else.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Plain text as a document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub struct TextSource {
    /// Its media type: `text/plain`.
    pub media_type: String,
    /// The text.
    pub data: String,
    /// Everything else.
    #[serde(flatten)]
    pub extra: Extra,
}

impl Source {
    /// An address on the web.
    pub fn url(url: impl Into<String>) -> Self {
        Self::Url(UrlSource {
            url: url.into(),
            extra: Extra::new(),
        })
    }

    /// Data in standard base64.
    pub fn base64(media_type: impl Into<String>, data: impl Into<String>) -> Self {
        Self::Base64(Base64Source {
            media_type: media_type.into(),
            data: data.into(),
            extra: Extra::new(),
        })
    }
}

impl From<FileId> for Source {
    fn from(file_id: FileId) -> Self {
        Self::File(FileSource {
            file_id,
            extra: Extra::new(),
        })
    }
}

deserialize_tagged!(Source);
lossless!(
    TextBlock,
    ImageBlock,
    DocumentBlock,
    SearchResultBlock,
    RedactedBlock,
    Base64Source,
    UrlSource,
    FileSource,
    TextSource,
);
