//! The fields of a line.

use core::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Data,
    Event,
    Id,
    Retry,
    Comment,
    Unknown,
}

/// The field of a line that is not empty, and where its value begins.
pub(super) fn split(line: &[u8]) -> (Field, usize) {
    let (field, name) = match line[0] {
        b'd' => (Field::Data, &b"data"[..]),
        b'e' => (Field::Event, &b"event"[..]),
        b'i' => (Field::Id, &b"id"[..]),
        b'r' => (Field::Retry, &b"retry"[..]),
        b':' => return (Field::Comment, 1),
        _ => return (Field::Unknown, 0),
    };
    match line.strip_prefix(name) {
        Some([b':', b' ', ..]) => (field, name.len() + 2),
        Some([b':', ..]) => (field, name.len() + 1),
        Some([]) => (field, name.len()),
        _ => (Field::Unknown, 0),
    }
}

/// The same of a line that begins so, once it can be no other.
pub(super) fn begun(head: &[u8]) -> Option<(Field, usize)> {
    let name = match head[0] {
        b'd' => &b"data:"[..],
        b'e' => b"event:",
        b'i' => b"id:",
        b'r' => b"retry:",
        _ => return Some(split(head)),
    };
    let open = head.len() < name.len() && name.starts_with(head);
    (!open).then(|| split(head))
}

/// Digits only; what doesn't fit 64 bits is no time.
pub(super) fn milliseconds(digits: &[u8]) -> Option<Duration> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    core::str::from_utf8(digits)
        .ok()?
        .parse()
        .ok()
        .map(Duration::from_millis)
}

pub(super) fn common_prefix(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}
