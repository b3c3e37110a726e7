use bytes::Bytes;

use super::*;

type Headers = &'static [(&'static str, &'static str)];

/// An event of a download.
enum Now {
    /// A head of this status with these headers.
    Decision(u16, Headers),
    /// The words of a 400.
    Words(&'static str),
    /// So many bytes.
    Data(usize),
    End,
    Broke,
    Failed,
}
use Now::{Broke, Data, End, Failed, Words};

const WHOLE: Headers = &[("content-length", "10"), ("etag", "\"v1\"")];
const REST: Headers = &[("content-range", "bytes 4-9/10"), TAG];
// As it should be, but for one thing.
const OTHER: Headers = &[("content-range", "bytes 4-9/10"), ("etag", "\"v2\"")];
const UNTAGGED: Headers = &[("content-range", "bytes 4-9/10")];
const SHORTER: Headers = &[("content-range", "bytes 4-8/9"), TAG];
const OF_ANY: Headers = &[("content-range", "bytes 4-9/*"), TAG];
const PART: Headers = &[("content-range", "bytes 4-5/10"), TAG];
const LAST: Headers = &[("content-range", "bytes 6-9/10"), TAG];
const MORE: Headers = &[
    ("content-range", "bytes 4-5/10"),
    TAG,
    ("content-length", "6"),
];
const LATER: Headers = &[("content-range", "bytes 5-9/10"), TAG];
const ALL: Headers = &[("content-range", "bytes 0-9/10"), TAG];
const BEYOND: Headers = &[("content-range", "bytes 4-12/10"), TAG];
const TAG: (&str, &str) = ("etag", "\"v1\"");

fn headers(pairs: Headers) -> HeaderMap {
    let value = |value| HeaderValue::from_static(value);
    pairs
        .iter()
        .map(|(name, text)| (http::HeaderName::from_static(name), value(text)))
        .collect()
}

fn machine(rewinds: bool) -> Machine {
    let policy = RetryPolicy::default().waits(Duration::ZERO, Duration::ZERO);
    Machine::new(policy, RetryBudget::default(), 1, rewinds)
}

/// Returns the machine's answer to each of these, as text: `read`, `restart`, `rest` (a request
/// with a range), `anew` (one without), `link`, `done`, or why it gives up.
fn said(mut machine: Machine, script: &[Now]) -> Vec<String> {
    let now = SystemTime::UNIX_EPOCH;
    let next = |machine: &Machine, next: Action| match next {
        Action::Request(_) => match machine.headers().get("range") {
            Some(range) => {
                assert!(machine.headers().contains_key("if-range"));
                range.to_str().expect("text").to_owned()
            }
            None => "anew".to_owned(),
        },
        Action::Link => "link".to_owned(),
        Action::Done => "done".to_owned(),
        Action::GiveUp(why) => format!("{why:?}"),
    };
    let mut said = Vec::new();
    for event in script {
        let word = match event {
            Now::Decision(status, pairs) => {
                let status = StatusCode::from_u16(*status).expect("a status");
                let headers = headers(pairs);
                let length = headers.get("content-length");
                let extent = match length.map(|value| value.to_str().expect("text").parse()) {
                    Some(length) => Extent::Length(length.expect("a length")),
                    None => Extent::Marked,
                };
                match machine.head(status, &headers, extent, now) {
                    Decision::Read { restart: false } => "read".to_owned(),
                    Decision::Read { restart: true } => "restart".to_owned(),
                    Decision::Words => "words".to_owned(),
                    Decision::Then(then) => next(&machine, then),
                }
            }
            Words(words) => {
                let then = machine.refused(words.as_bytes());
                next(&machine, then)
            }
            Data(length) => match machine.take(Bytes::from(vec![0; *length])) {
                Ok(new) => new.len().to_string(),
                Err(why) => format!("{why:?}"),
            },
            End => {
                let then = machine.end(now);
                next(&machine, then)
            }
            Broke => {
                let then = machine.broke(now);
                next(&machine, then)
            }
            Failed => {
                let kind = qoder_http::ErrorKind::Reset;
                let then = machine.failed(kind, Sent::Maybe, now);
                next(&machine, then)
            }
        };
        said.push(word);
    }
    said
}

#[test]
fn the_table() {
    let head = Now::Decision;
    let cut = || vec![head(200, WHOLE), Data(4), Broke];
    let rest = "read 4 bytes=4-";
    // What happens after 4 of 10 bytes; what is said if it can start anew, and if it can't.
    let table: Vec<(Vec<Now>, String, String)> = [
        (
            vec![head(206, REST), Data(6), End],
            "read 6 done",
            "read 6 done",
        ),
        // Cut after the last byte: that is all of it.
        (
            vec![head(206, REST), Data(6), Broke],
            "read 6 done",
            "read 6 done",
        ),
        (vec![head(206, REST), Data(7)], "read Long", "read Long"),
        (
            vec![head(206, REST), Data(5), End],
            "read 5 bytes=9-",
            "read 5 bytes=9-",
        ),
        (
            vec![head(200, WHOLE), Data(10), End],
            "restart 10 done",
            "read 6 done",
        ),
        (
            vec![head(200, WHOLE), Data(3), Data(3), Data(4), End],
            "restart 3 3 4 done",
            "read 0 2 4 done",
        ),
        (
            vec![
                head(200, &[("content-length", "9"), ("etag", "\"v2\"")]),
                Data(9),
                End,
            ],
            "restart 9 done",
            "Changed",
        ),
        (
            vec![head(200, &[("content-length", "10")])],
            "restart",
            "Changed",
        ),
        (
            vec![head(206, OTHER), head(200, WHOLE)],
            "anew restart",
            "Changed",
        ),
        (vec![head(206, UNTAGGED)], "anew", "Changed"),
        (vec![head(206, SHORTER)], "anew", "Changed"),
        (
            vec![head(206, OF_ANY), Data(6), End],
            "read 6 done",
            "read 6 done",
        ),
        (
            vec![head(206, PART), Data(2), End, head(206, LAST), Data(4), End],
            "read 2 bytes=6- read 4 done",
            "read 2 bytes=6- read 4 done",
        ),
        (vec![head(206, PART), Data(3)], "read Range", "read Range"),
        (vec![head(206, MORE)], "anew", "Range"),
        (vec![head(206, LATER)], "anew", "Range"),
        (vec![head(206, ALL)], "anew", "Range"),
        (vec![head(206, BEYOND)], "Range", "Range"),
        (vec![head(206, &[])], "Range", "Range"),
        (
            vec![head(416, &[("content-range", "bytes */10")])],
            "anew",
            "Changed",
        ),
        (
            vec![head(416, &[("content-range", "bytes */4")])],
            "anew",
            "Changed",
        ),
        (vec![head(416, &[])], "anew", "Changed"),
        (
            vec![head(403, &[]), head(206, REST)],
            "link read",
            "link read",
        ),
        (vec![head(404, &[])], "link", "link"),
        (
            vec![head(410, &[]), head(401, &[]), head(403, &[])],
            "link link Status",
            "link link Status",
        ),
        (
            vec![head(503, &[]), head(206, REST)],
            "bytes=4- read",
            "bytes=4- read",
        ),
        (
            vec![Failed, head(206, REST)],
            "bytes=4- read",
            "bytes=4- read",
        ),
        (vec![head(204, &[])], "Status", "Status"),
        (vec![head(302, &[])], "Status", "Status"),
        (
            vec![head(400, &[]), Words("<Code>ExpiredToken</Code>")],
            "words link",
            "words link",
        ),
        (
            vec![head(400, &[]), Words("<Code>InvalidArgument</Code>")],
            "words Status",
            "words Status",
        ),
        (vec![head(501, &[])], "Status", "Status"),
    ]
    .into_iter()
    .map(|(events, a, b)| (events, format!("{rest} {a}"), format!("{rest} {b}")))
    .collect();
    for (events, anew, on) in table {
        let script: Vec<Now> = cut().into_iter().chain(events).collect();
        assert_eq!(said(machine(true), &script).join(" "), anew);
        // Once it has given up, nothing counts any more.
        let mut told = said(machine(false), &script);
        told.truncate(on.split(' ').count());
        assert_eq!(told.join(" "), on);
    }
}

#[test]
fn nothing_given_is_nothing_to_resume() {
    let start = |events: &[Now]| said(machine(false), events).join(" ");
    assert_eq!(start(&[Failed, Now::Decision(200, WHOLE)]), "anew read");
    assert_eq!(start(&[Now::Decision(200, WHOLE), Broke]), "read anew");
    assert_eq!(start(&[Now::Decision(416, &[])]), "Status");
    assert_eq!(
        start(&[Now::Decision(200, &[("content-length", "0")]), End]),
        "read done"
    );
    assert_eq!(
        start(&[Now::Decision(200, &[]), Data(3), End]),
        "read 3 done"
    );
    assert_eq!(start(&[Failed, Failed, Failed]), "anew anew Broke");
    let sized = machine(true).expect(Some(9));
    assert_eq!(said(sized, &[Now::Decision(200, WHOLE)]), ["Length(10)"]);
    // The rest of what has no end.
    let endless = [
        Now::Decision(200, &[TAG]),
        Data(4),
        Broke,
        Now::Decision(206, OF_ANY),
    ];
    assert_eq!(
        said(machine(true), &endless).join(" "),
        "read 4 bytes=4- anew"
    );
    assert_eq!(
        said(machine(false), &endless).join(" "),
        "read 4 bytes=4- Changed"
    );
    let (ok, none) = (StatusCode::OK, HeaderMap::new());
    let unmarked =
        |mut machine: Machine| machine.head(ok, &none, Extent::Unmarked, SystemTime::UNIX_EPOCH);
    assert_eq!(
        unmarked(machine(true)),
        Decision::Then(Action::GiveUp(Cause::Endless))
    );
    assert_eq!(
        unmarked(machine(true).expect(Some(9))),
        Decision::Read { restart: false }
    );
    let sized = machine(true).expect(Some(9));
    let short = [Now::Decision(200, &[("etag", "\"e\"")]), Data(8), End];
    assert_eq!(said(sized, &short).join(" "), "read 8 bytes=8-");
}

#[test]
fn without_a_version_there_is_no_going_on() {
    for weak in [
        &[("content-length", "10")][..],
        &[("content-length", "10"), ("etag", "W/\"v1\"")],
        &[
            ("content-length", "10"),
            ("last-modified", "Tue, 24 Nov 2026 08:00:00 GMT"),
        ],
        &[
            ("last-modified", "Tue, 24 Nov 2026 08:00:00 GMT"),
            ("date", "Tue, 24 Nov 2026 08:00:00 GMT"),
        ],
    ] {
        let script = [
            Now::Decision(200, weak),
            Data(4),
            Broke,
            Now::Decision(200, weak),
        ];
        assert_eq!(
            said(machine(true), &script).join(" "),
            "read 4 anew restart"
        );
        assert_eq!(
            said(machine(false), &script[..3]).join(" "),
            "read 4 NoVersion"
        );
    }
    let dated: Headers = &[
        ("content-length", "10"),
        ("last-modified", "Tue, 24 Nov 2026 08:00:00 GMT"),
        ("date", "Tue, 24 Nov 2026 08:00:01 GMT"),
    ];
    let script = [Now::Decision(200, dated), Data(4), Broke];
    assert_eq!(said(machine(false), &script).join(" "), "read 4 bytes=4-");
}

#[test]
fn progress_gives_tries_back_and_bounds_hold_all_the_same() {
    let now = SystemTime::UNIX_EPOCH;
    let ok = |machine: &mut Machine| {
        let (at, _) = machine.progress();
        let (status, headers) = if at == 0 {
            (
                200,
                headers(&[("content-length", "100000"), ("etag", "\"v\"")]),
            )
        } else {
            let mut map = headers(&[("etag", "\"v\"")]);
            let range = format!("bytes {at}-99999/100000");
            map.insert("content-range", range.parse().expect("a value"));
            (206, map)
        };
        let status = StatusCode::from_u16(status).expect("a status");
        machine.head(status, &headers, Extent::Marked, now)
    };
    // A byte each time: as often as there may be requests.
    let mut slow = machine(true);
    let mut requests = 1;
    let why = loop {
        assert_eq!(ok(&mut slow), Decision::Read { restart: false });
        slow.take(Bytes::from_static(b"x")).expect("a byte");
        match slow.broke(now) {
            Action::Request(_) => requests += 1,
            other => break other,
        }
    };
    assert_eq!((requests, why), (REQUESTS, Action::GiveUp(Cause::TooMany)));
    // A content that changes all the time.
    let mut changing = machine(true);
    let mut starts = 0;
    let why = loop {
        ok(&mut changing);
        changing.take(Bytes::from_static(b"x")).expect("a byte");
        changing.broke(now);
        let status = StatusCode::RANGE_NOT_SATISFIABLE;
        match changing.head(status, &HeaderMap::new(), Extent::Length(0), now) {
            Decision::Then(Action::Request(_)) => starts += 1,
            other => break other,
        }
    };
    assert_eq!(
        (starts, why),
        (STARTS - 1, Decision::Then(Action::GiveUp(Cause::TooMany)))
    );
}
