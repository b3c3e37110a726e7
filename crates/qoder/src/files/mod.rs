//! The contents of files and skills on their way up, as an [`Upload`], and down, as a [`Download`].
//! The calls are those of [`Client::files`](crate::Client::files) and
//! [`Client::skills`](crate::Client::skills).

mod answer;
mod destination;
mod download;
mod driver;
mod form;
mod link;
mod machine;
mod origin;
mod progress;
mod reading;
mod skill;
mod source;
mod upload;

pub use download::{Download, FileStream};
pub(crate) use form::Form;
pub use skill::{NewSkill, SkillFiles};
pub use upload::Upload;
