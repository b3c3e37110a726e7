//! Downloads that break off and go on: the rest must be of the same file, and all of it.

use bytes::Bytes;
use qoder::{Error, ErrorKind};
use qoder_tests::wire::{Act, Step, Wire};

use crate::raw::{self, LINK};

const OLD: &str = "the old content, which is cut off";
const NEW: &str = "THE NEW CONTENT, WHICH IS COMPLETE";

/// The first answer of the storage, which breaks off after so many bytes of this body.
fn cut(headers: &str, body: &str, at: usize) -> Act {
    let head = format!("HTTP/1.1 200 OK\r\n{headers}\r\n");
    let sent = head + &body[..at];
    Act::new([Step::Read, Step::Send(sent.into()), Step::Close])
}

/// What comes of a storage that gives these answers, one after the other and then the new content:
/// as bytes, and as a stream.
fn downloaded(answers: impl Fn() -> Vec<Act>) -> [Result<Bytes, Error>; 2] {
    [true, false].map(|whole| {
        let link = raw::answer("200 OK", "", LINK.as_bytes());
        let script = [vec![link], answers()].concat();
        let new = raw::answer("200 OK", "ETag: \"new\"\r\n", NEW.as_bytes());
        let wire = Wire::new(script, new);
        let client = raw::client(&wire);
        raw::run(async move {
            let download = client.files().download("file_1");
            if whole {
                return download.bytes().await;
            }
            let mut stream = download.stream();
            let mut got = Vec::new();
            while let Some(piece) = stream.next().await {
                got.extend_from_slice(&piece?);
            }
            Ok(got.into())
        })
    })
}

/// That what has changed is begun anew where it can be, and an error where it can't.
fn changes(why: &str, answers: impl Fn() -> Vec<Act>) {
    let [bytes, stream] = downloaded(answers);
    assert_eq!(bytes.expect(why), NEW, "{why}");
    let error = stream.expect_err(why);
    assert_eq!(error.kind(), ErrorKind::Decode, "{why}: {error}");
}

#[test]
fn the_rest_of_another_file_is_not_appended() {
    let length = OLD.len();
    let tagged = format!("ETag: \"old\"\r\nContent-Length: {length}\r\n");
    let dated = format!(
        "Last-Modified: Tue, 24 Nov 2026 08:00:00 GMT\r\nDate: Wed, 25 Nov 2026 08:00:00 GMT\r\n\
         Content-Length: {length}\r\n"
    );
    let rest = |headers: &str, first: usize, last: usize, body: &str| {
        let headers = format!("Content-Range: bytes {first}-{last}/{length}\r\n{headers}");
        raw::answer("206 Partial Content", &headers, body.as_bytes())
    };
    let last = length - 1;
    // It would be of the same file if the storage heeds `If-Range`, and it doesn't say so.
    changes("no tag", || {
        vec![cut(&tagged, OLD, 8), rest("", 8, last, &NEW[8..length])]
    });
    changes("another tag", || {
        let headers = "ETag: \"new\"\r\n";
        vec![
            cut(&tagged, OLD, 8),
            rest(headers, 8, last, &NEW[8..length]),
        ]
    });
    changes("another date", || {
        let headers = "Last-Modified: Wed, 25 Nov 2026 07:00:00 GMT\r\n";
        vec![cut(&dated, OLD, 8), rest(headers, 8, last, &NEW[8..length])]
    });
    // Of this file, but not the bytes that it says.
    let same = "ETag: \"old\"\r\n";
    changes("a range that is longer than it says", || {
        vec![cut(&tagged, OLD, 8), rest(same, 8, last - 1, &OLD[8..])]
    });
    // And what must work.
    for (headers, first) in [(same, &tagged), ("", &dated)] {
        let both = downloaded(|| vec![cut(first, OLD, 8), rest(headers, 8, last, &OLD[8..])]);
        for got in both {
            assert_eq!(got.expect("whole"), OLD);
        }
        // A part of the rest, and the rest of that.
        let both = downloaded(|| {
            let two = [(8, 15), (16, last)];
            let two = two.map(|(a, b)| rest(headers, a, b, &OLD[a..=b]));
            [vec![cut(first, OLD, 8)], two.to_vec()].concat()
        });
        for got in both {
            assert_eq!(got.expect("whole"), OLD);
        }
    }
}

#[test]
fn the_end_of_a_file_must_be_known() {
    // Nobody has said how long it is: neither the first answer nor the second.
    let chunked = "ETag: \"old\"\r\nTransfer-Encoding: chunked\r\n";
    let first = || cut(chunked, &format!("8\r\n{OLD}"), 3 + 8);
    changes("a range of a file of any length", || {
        let headers = "ETag: \"old\"\r\nContent-Range: bytes 8-15/*\r\n";
        let part = raw::answer("206 Partial Content", headers, &OLD.as_bytes()[8..16]);
        vec![first(), part]
    });
    // It ends with its connection, as it would if that had broken.
    let open = || {
        let head = "HTTP/1.1 200 OK\r\nETag: \"old\"\r\n\r\n";
        let sent = [head, &OLD[..20]].concat();
        vec![Act::new([Step::Read, Step::Send(sent.into()), Step::Close])]
    };
    for got in downloaded(open) {
        let error = got.expect_err("no end");
        assert_eq!(error.kind(), ErrorKind::Decode, "{error}");
        assert!(error.to_string().contains("Download::length"), "{error}");
    }
    // If its length is known, it is whole with its last byte, and not before.
    for (length, want) in [(20, Ok(&OLD[..20])), (21, Err(ErrorKind::Decode))] {
        let link = raw::answer("200 OK", "", LINK.as_bytes());
        let wire = Wire::new([link], open().remove(0));
        let client = raw::client(&wire);
        let got = raw::run(async move {
            let download = client.files().download("file_1");
            download.length(length).bytes().await
        });
        match want {
            Ok(want) => assert_eq!(got.expect("whole"), want),
            Err(_) => assert!(got.expect_err("short").to_string().contains("20 of 21")),
        }
    }
}
