//! The sources of an error.

use std::error::Error as StdError;

pub(super) fn chain<'e>(
    error: &'e (dyn StdError + 'static),
) -> impl Iterator<Item = &'e (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |error| below(*error))
}

fn below<'e>(error: &'e (dyn StdError + 'static)) -> Option<&'e (dyn StdError + 'static)> {
    // An I/O error hides what it carries from `source`.
    match error
        .downcast_ref::<std::io::Error>()
        .and_then(std::io::Error::get_ref)
    {
        Some(carried) => Some(carried),
        None => error.source(),
    }
}

pub(crate) fn find<'e, E: StdError + 'static>(
    error: &'e (dyn StdError + 'static),
) -> Option<&'e E> {
    chain(error).find_map(|cause| cause.downcast_ref())
}

/// The text of the cause of all.
pub(crate) fn innermost(error: &(dyn StdError + 'static)) -> String {
    if let Some(reason) = words_of_goaway(error) {
        return format!("the server ended the connection (GOAWAY): {reason}");
    }
    chain(error)
        .last()
        .map_or_else(String::new, ToString::to_string)
}

/// The reason of a GOAWAY, if the server sent one and may have said more with it.
pub(super) fn words_of_goaway(error: &(dyn StdError + 'static)) -> Option<String> {
    #[cfg(feature = "http2")]
    {
        let error: &h2::Error = find(error)?;
        let said = error.is_go_away() && error.is_remote();
        error
            .reason()
            .filter(|_| said)
            .map(|reason| reason.to_string())
    }
    #[cfg(not(feature = "http2"))]
    {
        let _ = error;
        None
    }
}
