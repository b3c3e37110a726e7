//! The content of messages and tool results: text, or a list of blocks.

mod read;

pub(crate) use read::{content, content_or_none};

use std::borrow::Cow;

use serde_json::Value;

use crate::Source;
use crate::wire::{Fit, Json, View, Wire, serialize_by_wire};

/// The content of a message or a tool result.
///
/// It is made of a text, a block, a list of either, or a tuple of both.
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
///
/// use qoder_types::{ContentBlock, FileId};
/// let asked = Content::from(("What is on it?", ContentBlock::image(FileId::new("file_1"))));
/// assert_eq!(asked.into_blocks().len(), 2);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// A plain text.
    Text(String),
    /// Blocks, in their order.
    Blocks(Vec<ContentBlock>),
}

serialize_by_wire!(Content);

impl Wire for Content {
    const WRITTEN_EMPTY: bool = true;

    fn fit(value: &Json<'_>) -> Fit {
        if matches!(value, Json::Text(_) | Json::List(_)) {
            Fit::Exact
        } else {
            Fit::No
        }
    }

    fn read(value: Json<'_>) -> Self {
        match value {
            Json::Text(text) => Self::Text(text.into_owned()),
            value => Self::Blocks(Wire::read(value)),
        }
    }

    fn view(&self) -> View<'_> {
        match self {
            Self::Text(text) => View::Text(text),
            Self::Blocks(blocks) => blocks.view(),
        }
    }

    #[cfg(test)]
    fn sample(choice: usize) -> Value {
        match choice % 3 {
            0 => String::sample(choice),
            _ => Vec::<ContentBlock>::sample(choice),
        }
    }
}

impl Content {
    /// Returns the text of all text blocks, one after another.
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

    /// Returns the blocks. A plain text becomes one text block.
    pub fn into_blocks(self) -> Vec<ContentBlock> {
        match self {
            Self::Text(text) => vec![ContentBlock::text(text)],
            Self::Blocks(blocks) => blocks,
        }
    }

    /// Returns the text if a plain text says the same: it is one, or it is a single text block
    /// with nothing else in it.
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

impl From<&String> for Content {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
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

/// A list of blocks, or of what becomes one, such as texts.
impl<T: Into<ContentBlock>> From<Vec<T>> for Content {
    fn from(blocks: Vec<T>) -> Self {
        Self::Blocks(blocks.into_iter().map(Into::into).collect())
    }
}

impl<T: Into<ContentBlock>, const N: usize> From<[T; N]> for Content {
    fn from(blocks: [T; N]) -> Self {
        Self::Blocks(blocks.into_iter().map(Into::into).collect())
    }
}

macro_rules! mixed {
    ($($block:ident)+) => {
        /// Texts and blocks, in their order.
        impl<$($block: Into<ContentBlock>),+> From<($($block,)+)> for Content {
            #[allow(non_snake_case, reason = "each block is named like its type")]
            fn from(blocks: ($($block,)+)) -> Self {
                let ($($block,)+) = blocks;
                Self::Blocks(vec![$($block.into()),+])
            }
        }
    };
}

mixed!(A B);
mixed!(A B C);
mixed!(A B C D);
mixed!(A B C D E);
mixed!(A B C D E F);

tagged! {
    /// A block of content.
    ContentBlock {
        /// A text.
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
    /// Makes a block of text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(TextBlock::new(text))
    }

    /// Makes an image: from a [`Source`] such as [`Source::bytes`], or an uploaded file or its id.
    pub fn image(source: impl Into<Source>) -> Self {
        Self::Image(Box::new(ImageBlock::new(source)))
    }

    /// Makes a document: from a [`Source`] such as [`Source::text`], or an uploaded file or its id.
    pub fn document(source: impl Into<Source>) -> Self {
        Self::Document(Box::new(DocumentBlock::new(source)))
    }

    /// Returns the text, if it is a block of text.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(block) => Some(&block.text),
            _ => None,
        }
    }
}

impl From<&str> for ContentBlock {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}

impl From<&String> for ContentBlock {
    fn from(text: &String) -> Self {
        Self::text(text)
    }
}

impl From<String> for ContentBlock {
    fn from(text: String) -> Self {
        Self::text(text)
    }
}

impl From<ImageBlock> for ContentBlock {
    fn from(block: ImageBlock) -> Self {
        Self::Image(Box::new(block))
    }
}

impl From<DocumentBlock> for ContentBlock {
    fn from(block: DocumentBlock) -> Self {
        Self::Document(Box::new(block))
    }
}

impl From<SearchResultBlock> for ContentBlock {
    fn from(block: SearchResultBlock) -> Self {
        Self::SearchResult(Box::new(block))
    }
}

body! {
    /// A block of text.
    TextBlock {
        /// The text.
        text: String,
    }
}

body! {
    /// An image.
    ImageBlock {
        /// Where the image is.
        source: Source,
    }
}

body! {
    /// A document.
    DocumentBlock {
        /// Where the document is.
        source: Source,
        ;
        /// The title.
        title: String,
        /// What the agent should know about the document.
        context: String,
    }
}

body! {
    /// A search result. Only in the results of tools.
    SearchResultBlock {
        /// Where it was found.
        source: String,
        /// The title.
        title: String,
        /// What was found: blocks of text.
        content: Vec<ContentBlock>,
        ;
        /// Whether the agent may cite it: `{"enabled":…}`.
        citations: Value,
    }
}

body! {
    /// What stands in the place of content that was taken out.
    RedactedBlock { ; }
}
