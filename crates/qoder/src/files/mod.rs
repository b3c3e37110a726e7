//! The contents of files, on their way up and down.

mod answer;
mod destination;
mod download;
mod driver;
mod form;
mod link;
mod machine;
mod progress;
mod reading;
mod skill;
mod source;
mod upload;

pub use download::{Download, FileStream};
pub(crate) use form::Form;
pub use skill::{NewSkill, SkillFiles};
pub use upload::Upload;
