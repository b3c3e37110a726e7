use qoder_types::Event;

use super::notice::Notice;
use super::previews::{Preview, PreviewStart};

/// What following brings.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Update {
    /// The next event.
    Event(Event),
    /// An event begins to be written, such as thinking: reason for a spinner.
    PreviewStart(PreviewStart),
    /// A piece of an event that is still being written.
    Preview(Preview),
    /// What happened to the connection; it heals by itself.
    Notice(Notice),
}
