//! The variables of the environment. One that can't be read is not one that isn't set: the token
//! would go elsewhere than was meant.

use std::ffi::OsString;

use crate::error::{Error, Result};
use crate::gateway::{Dialect, Gateway};

/// A variable, and what it says.
type Found<T> = Option<(&'static str, T)>;

/// Looks a variable up: [`std::env::var_os`], but for tests.
pub(crate) type Lookup<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// The access token. One that is empty counts as not set.
pub(crate) fn token(var: Lookup<'_>) -> Result<Found<String>> {
    for name in ["QODER_ACCESS_TOKEN", "QODER_PAT"] {
        if let Some(token) = text(name, var)?.filter(|token| !token.is_empty()) {
            return Ok(Some((name, token)));
        }
    }
    Ok(None)
}

pub(crate) fn base_url(var: Lookup<'_>) -> Result<Found<String>> {
    for name in ["QODER_BASE_URL", "QODER_MANAGED_BASE_URL"] {
        let Some(url) = text(name, var)? else {
            continue;
        };
        if url.trim().is_empty() {
            let example = Gateway::Global.base_url();
            return Err(Error::config(format!(
                "{name} is empty: unset it, or set it to a base URL such as {example}"
            )));
        }
        return Ok(Some((name, url)));
    }
    Ok(None)
}

/// The dialect. One that is empty counts as not set.
pub(crate) fn dialect(var: Lookup<'_>) -> Result<Option<Dialect>> {
    let name = "QODER_DIALECT";
    let dialect = text(name, var)?.filter(|dialect| !dialect.is_empty());
    let parsed = dialect.map(|dialect| dialect.parse()).transpose();
    parsed.map_err(|error: Error| Error::config(format!("{name}: {error}")))
}

/// The key of a service account.
pub(crate) fn account_key(var: Lookup<'_>) -> Result<String> {
    let name = "QODER_SA_KEY";
    let key = text(name, var)?.filter(|key| !key.is_empty());
    key.ok_or_else(|| Error::config(format!("no service account: set {name} to the key of one")))
}

fn text(name: &'static str, var: Lookup<'_>) -> Result<Option<String>> {
    let text = var(name).map(OsString::into_string).transpose();
    // What it says is not shown: it may be a secret.
    text.map_err(|_| Error::config(format!("{name} is not UTF-8: set it again, or unset it")))
}
