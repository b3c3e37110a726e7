//! The state of the server. Resources that need more than documents keep it in parts of an account,
//! which only they know of.

pub(crate) mod account;
pub(crate) mod session;
pub(crate) mod tokens;
pub(crate) mod world;
