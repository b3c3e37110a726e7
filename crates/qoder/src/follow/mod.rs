//! The events of a session as they come: over one connection ([`EventStream`]), or losslessly over
//! as many as it takes ([`Follow`], which makes [`Events`] or [`Updates`]).

mod builder;
mod catch_up;
mod decoder;
mod driver;
mod event_log;
mod events;
mod machine;
mod notice;
mod previews;
mod start;
mod stream;
mod thinking;
mod trace;
mod update;

pub use builder::Follow;
pub(crate) use event_log::EventLog;
pub use events::{Events, Updates};
pub use notice::Notice;
pub use previews::{LiveText, PreviewStart};
pub use start::{Start, Via};
pub use stream::{Ending, EventStream, StreamOpening};
pub use update::Update;
#[cfg(feature = "turns")]
pub(crate) use update::poll_event;

pub use qoder_sse::resume::Cause;
