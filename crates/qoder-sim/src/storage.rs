//! The storage that links to files lead to.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};

use crate::body::ResponseBody;
use crate::damage::damaged;
use crate::fault::Fault;
use crate::request::Request;
use crate::resources::files::{Files, STORAGE, Stored};
use crate::response::{Answered, bytes};
use crate::state::account::Account;
use crate::state::world::World;

pub(crate) fn answer(world: &World, request: &Request, fault: &Fault) -> Answered {
    let refuse = |status, code: &str| {
        let text = format!("<?xml version=\"1.0\"?>\n<Error><Code>{code}</Code></Error>\n");
        Ok(bytes(status, "application/xml", text))
    };
    // Storage knows nobody: whoever says who they are has told a stranger.
    if request.headers.contains_key(header::AUTHORIZATION) {
        return refuse(400, "InvalidArgument");
    }
    if request.method != Method::GET {
        return refuse(405, "MethodNotAllowed");
    }
    let name = request.path.strip_prefix(STORAGE).unwrap_or_default();
    let query = request.query();
    let secret = query.get("sig").unwrap_or_default();
    let now = world.clock.now();
    let mut inner = world.lock();
    let mut accounts = inner.accounts().map(Account::part::<Files>);
    let Some((files, id)) =
        accounts.find_map(|files| files.linked(name, secret, now).map(|id| (files, id)))
    else {
        return refuse(403, "AccessDenied");
    };
    let Some(file) = files.get_mut(&id) else {
        return refuse(404, "NoSuchKey");
    };
    if *fault == Fault::EtagChanges {
        file.change();
    }
    Ok(sent(file, &request.headers, fault))
}

fn sent(file: &Stored, headers: &HeaderMap, fault: &Fault) -> Response<ResponseBody> {
    let (etag, length) = (file.etag(), file.content.len());
    let part = match fault {
        Fault::IgnoreRange => Part::Whole,
        _ => Part::asked(headers, &etag, length),
    };
    let (status, range, content) = match part {
        Part::Unsatisfiable => (416, Some(format!("bytes */{length}")), Bytes::new()),
        Part::Whole => (200, None, file.content.clone()),
        Part::Range(start, end) => {
            let said = start + usize::from(*fault == Fault::WrongRange);
            let range = format!("bytes {said}-{}/{length}", end - 1);
            (206, Some(range), file.content.slice(start..end))
        }
    };
    let mut response = damaged(content, file.object["mime_type"].text(), fault);
    if response.status() == StatusCode::OK {
        *response.status_mut() = StatusCode::from_u16(status).unwrap_or_default();
    }
    let headers = response.headers_mut();
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    for (name, value) in [(header::ETAG, Some(etag)), (header::CONTENT_RANGE, range)] {
        if let Some(Ok(value)) = value.map(HeaderValue::try_from) {
            headers.insert(name, value);
        }
    }
    response
}

/// The part of a content that a request asks for, or gets.
#[derive(Debug, PartialEq, Eq)]
enum Part {
    Whole,
    /// From this byte on, up to this one and without it.
    Range(usize, usize),
    Unsatisfiable,
}

impl Part {
    /// `Range: bytes=N-` and `bytes=N-M`, if `If-Range` names this version or none.
    fn asked(headers: &HeaderMap, etag: &str, length: usize) -> Self {
        let text = |name: &str| headers.get(name)?.to_str().ok();
        if text("if-range").is_some_and(|wanted| wanted != etag) {
            return Self::Whole;
        }
        let range = text("range").and_then(|range| range.strip_prefix("bytes="));
        let Some((start, end)) = range.and_then(|range| range.split_once('-')) else {
            return Self::Whole;
        };
        let Ok(start) = start.parse::<usize>() else {
            return Self::Whole;
        };
        let last = end.parse::<usize>().map_or(length, |end| end + 1);
        if start >= length {
            return Self::Unsatisfiable;
        }
        Self::Range(start, last.clamp(start, length))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read() {
        let asked = |pairs: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.insert(*name, http::HeaderValue::from_static(value));
            }
            Part::asked(&headers, "\"e\"", 10)
        };
        assert_eq!(asked(&[]), Part::Whole);
        assert_eq!(asked(&[("range", "bytes=3-")]), Part::Range(3, 10));
        assert_eq!(asked(&[("range", "bytes=3-5")]), Part::Range(3, 6));
        assert_eq!(asked(&[("range", "bytes=10-")]), Part::Unsatisfiable);
        assert_eq!(
            asked(&[("range", "bytes=3-"), ("if-range", "\"e\"")]),
            Part::Range(3, 10)
        );
        assert_eq!(
            asked(&[("range", "bytes=3-"), ("if-range", "\"f\"")]),
            Part::Whole
        );
        assert_eq!(asked(&[("range", "lines=3-")]), Part::Whole);
    }
}
