//! The form in which events are written: rows.

/// An event of each type: its struct and its variant, and the fields that it has beyond the common
/// ones, marked as in `object!`. The structs are read in one pass (`fill.rs`), since events are what
/// comes most; what is refused there is mended and read once more (`mend.rs`).
macro_rules! events {
    ($($(#[$meta:meta])* $variant:ident($name:ident) = $text:literal {
        $($(#[$fmeta:meta])* $field:ident $(? $(@ $opt:tt)*)? : $ty:ty $(= $wire:literal $(| $old:literal)*)?),* $(,)?
    })*) => {
        /// An event of a session.
        ///
        /// Types of tomorrow are [`Unknown`](Event::Unknown). A known type without a member that
        /// it is nothing without, or a frame that is no JSON, is [`Malformed`](Event::Malformed).
        /// A member in a shape that its field doesn't have leaves the field empty. All events have
        /// their [`raw`](Event::raw) text, so nothing is lost.
        ///
        /// ```
        /// use qoder_types::Event;
        ///
        /// for json in [
        ///     r#"{"type":"agent.message","content":[{"type":"text","text":"Good day."}]}"#,
        ///     r#"{"type":"agent.dance","steps":3}"#, // as of a later release
        /// ] {
        ///     match Event::decode("", None, json) {
        ///         Event::AgentMessage(message) => assert_eq!(message.text(), "Good day."),
        ///         Event::Unknown(event) => assert_eq!(&*event.type_name, "agent.dance"),
        ///         other => panic!("{}", other.raw()),
        ///     }
        /// }
        /// ```
        #[derive(Clone, Debug)]
        #[non_exhaustive]
        pub enum Event {
            $(#[doc = concat!("`", $text, "`: see [`", stringify!($name), "`].")] $variant($name),)*
            /// An event whose type this release doesn't know.
            Unknown(UnknownEvent),
            /// A frame that can't be read as what it says it is.
            Malformed(MalformedEvent),
        }

        $(
            $(#[$meta])*
            #[derive(Clone, Debug)]
            #[non_exhaustive]
            pub struct $name {
                /// The event's id: that of its JSON, or else that of its frame.
                pub id: Option<EventId>,
                /// When the server processed it. `None` if it doesn't say.
                pub processed_at: Option<Timestamp>,
                /// The thread that it belongs to. `None` if that is the session's first.
                pub session_thread_id: Option<ThreadId>,
                $(
                    $(#[$fmeta])*
                    pub $field: field!($ty $(, ? $($opt)*)?),
                )*
                raw: Box<str>,
            }

            impl $name {
                /// Returns the event's JSON, to the letter.
                pub fn raw(&self) -> &str {
                    &self.raw
                }

                fn read(own_id: Option<&str>, json: &str, raw: &str) -> serde_json::Result<Event> {
                    let mut event = Self {
                        id: None,
                        processed_at: None,
                        session_thread_id: None,
                        $($field: empty!($ty $(, ? $($opt)*)?),)*
                        raw: Box::default(),
                    };
                    fill(json, &mut [
                        Field::new(&["id"], &mut event.id),
                        Field::new(&["processed_at"], &mut event.processed_at),
                        Field::new(&["session_thread_id"], &mut event.session_thread_id),
                        $(Field::new(names!($field $($wire $(| $old)*)?), &mut event.$field),)*
                    ])?;
                    if event.id.is_none() {
                        event.id = own_id.map(EventId::from);
                    }
                    event.raw = raw.into();
                    Ok(Event::$variant(event))
                }
            }
        )*

        impl Event {
            /// Returns the type of the event, as it is on the wire.
            pub fn type_name(&self) -> &str {
                match self {
                    $(Self::$variant(_) => $text,)*
                    Self::Unknown(event) => &event.type_name,
                    Self::Malformed(event) => &event.type_name,
                }
            }

            /// The types that this release knows.
            pub const TYPES: &'static [&'static str] = &[$($text),*];

            /// Reads an event of a known type from this JSON; `raw` is what it was.
            pub(super) fn read(
                type_name: &str,
                own_id: Option<&str>,
                json: &str,
                raw: &str,
            ) -> serde_json::Result<Option<Self>> {
                match type_name {
                    $($text => $name::read(own_id, json, raw).map(Some),)*
                    _ => Ok(None),
                }
            }

            /// The members of a known type beyond the common ones.
            #[cold]
            pub(super) fn members(type_name: &str) -> &'static [Member] {
                match type_name {
                    $($text => const { &[$(Member::new::<$ty>(names!($field $($wire $(| $old)*)?))),*] },)*
                    _ => &[],
                }
            }

            /// Valid JSON of each known type, with every member.
            #[cfg(test)]
            pub(crate) fn samples(choice: usize) -> Vec<(&'static str, Extra)> {
                vec![$(($text, {
                    let mut object = Extra::new();
                    object.insert("id".to_owned(), "evt_1".into());
                    object.insert("type".to_owned(), $text.into());
                    object.insert("processed_at".to_owned(), "2026-09-21T08:01:00Z".into());
                    object.insert("session_thread_id".to_owned(), "sthr_1".into());
                    $(
                        let [name, ..] = *names!($field $($wire $(| $old)*)?);
                        object.insert(name.to_owned(), <$ty as crate::wire::Wire>::sample(choice));
                    )*
                    object
                })),*]
            }

            pub(super) fn common(&self) -> Common<'_> {
                match self {
                    $(Self::$variant(event) => Common {
                        id: event.id.as_ref(),
                        processed_at: event.processed_at.as_ref(),
                        session_thread_id: event.session_thread_id.as_ref(),
                        raw: &event.raw,
                    },)*
                    Self::Unknown(event) => Common {
                        id: event.id.as_ref(),
                        processed_at: event.processed_at.as_ref(),
                        session_thread_id: event.session_thread_id.as_ref(),
                        raw: &event.raw,
                    },
                    Self::Malformed(event) => Common {
                        id: event.id.as_ref(),
                        processed_at: None,
                        session_thread_id: None,
                        raw: &event.raw,
                    },
                }
            }
        }
    };
}

/// Expands to the value of a field before it is read.
macro_rules! empty {
    ($ty:ty) => {
        <$ty as crate::wire::Wire>::empty()
    };
    ($ty:ty, ?) => {
        None
    };
}

pub(super) use {empty, events};
