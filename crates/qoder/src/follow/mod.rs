//! Event streams: one connection ([`EventStream`]), or a session followed over as many connections
//! as it takes ([`Events`], [`Updates`]).

mod builder;
mod driver;
mod events;
mod feed;
mod machine;
mod notice;
mod previews;
mod start;
mod stream;
mod trace;
mod update;
mod walk;

pub use builder::Follow;
pub use events::{Events, Updates};
pub(crate) use feed::Feed;
pub use notice::Notice;
pub use previews::{Preview, PreviewStart};
pub use start::{Start, Via};
pub use stream::{Ending, EventStream, StreamOpening};
pub use update::Update;
