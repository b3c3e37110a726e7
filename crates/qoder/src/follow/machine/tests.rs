use std::time::Duration;

use http::StatusCode;

use super::*;

/// A follower, and the time.
struct Run {
    follower: Follower,
    now: Tick,
}

/// The request that it ends with.
#[derive(Debug, PartialEq, Eq)]
enum Asks {
    Stream,
    Page,
    /// Nothing for now.
    Bytes,
    Nothing,
}

impl Run {
    fn after(id: &str) -> Self {
        Self::from(Start::After(id.to_owned()))
    }

    fn from(start: Start) -> Self {
        let settings = Settings {
            log: EventLog::session("sess_1".into()),
            dialect: Dialect::default(),
            start,
            previews: vec![PreviewType::AgentMessage],
            policy: Policy::default(),
            held: 100,
        };
        Self {
            follower: Follower::new(settings, 7),
            now: Tick::ZERO,
        }
    }

    /// One that reads its first stream.
    fn live() -> Self {
        let mut run = Self::after("e0");
        run.opens();
        run
    }

    /// All it does until something has to happen, or time to pass.
    fn goes_on(&mut self) -> (Vec<Update>, Asks) {
        let mut updates = Vec::new();
        loop {
            match self.follower.poll(self.now) {
                Action::Update(update) => updates.push(update),
                Action::Release => {}
                Action::Open(_) => return (updates, Asks::Stream),
                Action::List(_) => return (updates, Asks::Page),
                Action::Wait(_) => return (updates, Asks::Bytes),
                Action::Done(_) => return (updates, Asks::Nothing),
            }
        }
    }

    fn opens(&mut self) {
        while self.goes_on().1 != Asks::Stream {
            self.now += Duration::from_secs(10);
            self.follower.tick(self.now);
        }
        self.follower.opened(self.now);
        self.goes_on();
    }

    /// Returns what it hands over of these frames, which are given by their names and data.
    fn reads(&mut self, frames: &[(&str, &str)]) -> Vec<Update> {
        let text = |(name, data): &(&str, &str)| format!("event: {name}\ndata: {data}\n\n");
        let text: String = frames.iter().map(text).collect();
        self.follower.bytes(text.into());
        self.goes_on().0
    }

    /// The stream ends: how long it waits for the next.
    fn ends(&mut self) -> Duration {
        self.follower.ended(self.now);
        let updates = self.goes_on().0;
        let wait = updates.iter().find_map(|update| match update {
            Update::Notice(Notice::Waiting { delay, .. }) => Some(*delay),
            _ => None,
        });
        wait.expect("a wait")
    }
}

const BEGUN: (&str, &str) = (
    "event_start",
    r#"{"type":"event_start","event":{"id":"e1","type":"agent.message"}}"#,
);
const HEL: (&str, &str) = (
    "event_delta",
    r#"{"type":"event_delta","event_id":"e1","delta":{"index":0,"content":{"type":"text","text":"Hel"}}}"#,
);
const LO: (&str, &str) = (
    "event_delta",
    r#"{"type":"event_delta","event_id":"e1","delta":{"index":0,"content":{"type":"text","text":"lo"}}}"#,
);
const SPOILT: (&str, &str) = (
    "event_delta",
    r#"{"type":"event_delta","event_id":"e1","delta":7}"#,
);
const MESSAGE: (&str, &str) = (
    "agent.message",
    r#"{"type":"agent.message","id":"e1","content":[{"type":"text","text":"Hello"}]}"#,
);

/// The pieces of text.
fn pieces(updates: &[Update]) -> Vec<&str> {
    let mut pieces = Vec::new();
    for update in updates {
        if let Update::Text(preview) = update {
            pieces.push(preview.new());
        }
    }
    pieces
}

#[test]
fn the_id_of_an_event_goes_before_that_of_its_frame() {
    let mut run = Run::live();
    let frame = "id: 17\nevent: session.status_running\ndata: {\"type\":\"session.status_running\",\"id\":\"e1\"}\n\n";
    run.follower.bytes(frame.into());
    assert_eq!(run.goes_on().0.len(), 1);
    assert_eq!(run.follower.cursor(), Some("e1"));
    run.follower
        .bytes("id: 18\ndata: {\"type\":\"x\"}\n\n".into());
    assert_eq!(run.goes_on().0.len(), 1);
    assert_eq!(run.follower.cursor(), Some("18"), "one without its own");
}

#[test]
fn new_preview_text_is_progress_and_repeated_text_is_not() {
    let short = Duration::from_millis(100);
    let mut run = Run::live();
    assert_eq!(pieces(&run.reads(&[BEGUN, HEL])), ["Hel"]);
    assert!(run.ends() <= short);
    run.opens();
    assert_eq!(pieces(&run.reads(&[BEGUN, HEL])), ["Hel"]);
    assert!(run.ends() > short);
    run.opens();
    assert_eq!(pieces(&run.reads(&[BEGUN, HEL, LO])), ["Hel", "lo"]);
    assert!(run.ends() <= short);
}

#[test]
fn what_was_handed_over_is_not_previewed() {
    let mut run = Run::live();
    assert_eq!(run.reads(&[BEGUN, HEL, MESSAGE]).len(), 3);
    assert!(run.reads(&[BEGUN, HEL, LO]).is_empty());
}

#[test]
fn nothing_is_added_behind_a_piece_that_can_t_be_read() {
    let mut run = Run::live();
    assert_eq!(pieces(&run.reads(&[BEGUN, HEL, SPOILT, LO])), ["Hel"]);
    assert_eq!(run.follower.preview_text(&"e1".into(), 0), None);
}

#[test]
fn a_cursor_that_is_no_header_is_repaired_from_the_list() {
    let mut run = Run::after("e\n0");
    assert_eq!(run.goes_on().1, Asks::Page);
}

#[test]
fn a_cursor_may_be_refused_in_any_words() {
    for status in [400, 404, 410, 416, 422] {
        let mut run = Run::after("e0");
        assert_eq!(run.goes_on().1, Asks::Stream);
        let status = StatusCode::from_u16(status).expect("a status");
        let error = Error::new(ErrorKind::Api, "no").with_status(status);
        run.follower.not_opened(run.now, error);
        assert_eq!(run.goes_on().1, Asks::Page, "{status}");
    }
}

/// The time of bytes that wait for a list is not that of what happens meanwhile.
#[test]
fn bytes_that_wait_for_the_list_do_not_stop_the_clock() {
    let nothing = || serde_json::from_str(r#"{"data":[],"has_more":false}"#).expect("a page");
    let mut run = Run::from(Start::Beginning);
    assert_eq!(run.goes_on().1, Asks::Page);
    run.follower.page(run.now, nothing());
    run.opens();
    assert_eq!(run.goes_on().1, Asks::Bytes, "behind the list");
    run.follower.page(run.now, nothing());
    run.goes_on();
    run.reads(&[MESSAGE]);
    assert!(!run.follower.reads(), "the list may have more");
    assert!(!run.follower.has_bytes());
}

#[test]
fn no_access_is_no_answer_about_the_order_of_a_list() {
    for (status, asks) in [
        (401, Asks::Nothing),
        (403, Asks::Nothing),
        (404, Asks::Page),
    ] {
        let mut run = Run::from(Start::Now);
        assert_eq!(run.goes_on().1, Asks::Page);
        let page = r#"{"data":[{"type":"a","id":"e1"},{"type":"a","id":"e2"}],"has_more":true}"#;
        let page = serde_json::from_str(page).expect("a page");
        run.follower.page(run.now, page);
        assert_eq!(run.goes_on().1, Asks::Page, "is e2 before e1, or after it");
        let status = StatusCode::from_u16(status).expect("a status");
        let error = Error::new(ErrorKind::Api, "no").with_status(status);
        run.follower.no_page(run.now, error);
        assert_eq!(run.goes_on().1, asks, "{status}");
    }
}

#[test]
fn a_stream_may_reject_its_cursor() {
    let mut run = Run::live();
    let error = r#"{"type":"error","error":{"type":"invalid_request_error","message":"unknown Last-Event-ID"}}"#;
    run.follower
        .bytes(format!("event: error\ndata: {error}\n\n").into());
    assert_eq!(run.goes_on().1, Asks::Page);
}
