//! A small client, so that the tests see what is on the wire.
#![allow(dead_code, unreachable_pub, reason = "each test uses a part of it")]

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use qoder_sim::{Dialect, Sim};
use serde_json::{Map, Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(10);

pub type Headers<'a> = &'a [(&'a str, &'a str)];

/// A client of a simulator with a token; every request has a connection of its own.
pub struct Api<'a> {
    pub sim: &'a Sim,
    pub token: &'a str,
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    /// The names of the body's members, in the order in which they came.
    pub fn members(&self) -> Vec<String> {
        members(std::str::from_utf8(&self.body).expect("UTF-8"))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().expect("text"))
    }
}

/// An event as it came over a stream; heartbeats that are comments have no name.
#[derive(Debug, Default, PartialEq)]
pub struct Frame {
    pub id: String,
    pub event: String,
    pub data: Value,
}

#[derive(Debug)]
pub struct Stream {
    pub status: u16,
    pub headers: HeaderMap,
    body: Incoming,
    text: String,
}

#[derive(Debug, PartialEq)]
pub enum End {
    Ended,
    Broken,
    /// It broke off in the middle of a frame.
    Cut,
}

impl<'a> Api<'a> {
    pub fn new(sim: &'a Sim) -> Self {
        Self {
            sim,
            token: "pt-test",
        }
    }

    async fn open(
        &self,
        method: &str,
        path: &str,
        headers: Headers<'_>,
        body: Bytes,
    ) -> hyper::Result<http::Response<Incoming>> {
        let stream = TcpStream::connect(self.sim.addr())
            .await
            .expect("a connection");
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        let mut request = Request::builder()
            .method(method)
            .uri(if path.starts_with("/storage/") {
                path.to_owned()
            } else {
                format!("/api/v1/cloud{path}")
            })
            .header("host", self.sim.addr().to_string());
        if !self.token.is_empty() {
            request = request.header("authorization", format!("Bearer {}", self.token));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        sender
            .send_request(request.body(Full::new(body)).expect("a request"))
            .await
    }

    /// An answer read to its end; an error if it has none.
    pub async fn send(
        &self,
        method: &str,
        path: &str,
        headers: Headers<'_>,
        body: &Value,
    ) -> hyper::Result<Answer> {
        let body = if body.is_null() {
            Bytes::new()
        } else {
            body.to_string().into()
        };
        self.send_bytes(method, path, headers, body).await
    }

    /// As `send`, with a body of any kind.
    pub async fn send_bytes(
        &self,
        method: &str,
        path: &str,
        headers: Headers<'_>,
        body: Bytes,
    ) -> hyper::Result<Answer> {
        let answer = async {
            let response = self.open(method, path, headers, body).await?;
            let (head, body) = response.into_parts();
            let body = body.collect().await?.to_bytes();
            Ok(Answer {
                status: head.status.as_u16(),
                headers: head.headers,
                body,
            })
        };
        timeout(PATIENCE, answer).await.expect("an answer in time")
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], &Value::Null)
            .await
            .expect("an answer")
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send("POST", path, &[], &body)
            .await
            .expect("an answer")
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, &[], &Value::Null)
            .await
            .expect("an answer")
    }

    pub async fn stream(&self, path: &str, headers: Headers<'_>) -> Stream {
        let headers = [&[("accept", "text/event-stream")], headers].concat();
        let response = timeout(PATIENCE, self.open("GET", path, &headers, Bytes::new())).await;
        let (head, body) = response
            .expect("a stream in time")
            .expect("a stream")
            .into_parts();
        Stream {
            status: head.status.as_u16(),
            headers: head.headers,
            body,
            text: String::new(),
        }
    }

    pub async fn agent(&self, metadata: Value) -> Value {
        let agent = json!({"name": "tester", "model": "ultimate", "metadata": metadata});
        let answer = self.post("/agents", agent).await;
        assert!(answer.status < 300, "{answer:?}");
        answer.json()
    }

    pub async fn environment(&self) -> String {
        text(&self.get("/environments?limit=1").await.json()["data"][0]["id"])
    }

    /// The id of a session whose agent follows this script.
    pub async fn session(&self, script: &str) -> String {
        let agent = self.agent(json!({"simulate": script})).await;
        let environment = self.environment().await;
        let session = json!({"agent": agent["id"], "environment_id": environment});
        let answer = self.post("/sessions", session).await;
        assert!(answer.status < 300, "{answer:?}");
        text(&answer.json()["id"])
    }

    pub async fn events(&self, session: &str, events: Value) -> Answer {
        self.post(
            &format!("/sessions/{session}/events"),
            json!({"events": events}),
        )
        .await
    }

    pub async fn say(&self, session: &str, words: &str) -> Answer {
        self.events(session, json!([message(words)])).await
    }

    pub async fn status(&self, session: &str) -> String {
        text(&self.get(&format!("/sessions/{session}")).await.json()["status"])
    }
}

impl Stream {
    /// What came and was no frame yet.
    pub fn unread(&self) -> &str {
        &self.text
    }

    /// All of it, as it is.
    pub async fn bytes(self) -> Bytes {
        let body = timeout(PATIENCE, self.body.collect())
            .await
            .expect("an end in time");
        body.expect("a whole body").to_bytes()
    }

    /// The next frame, or how the stream came to its end.
    pub async fn next(&mut self) -> Result<Frame, End> {
        timeout(PATIENCE, self.read())
            .await
            .expect("a frame in time")
    }

    async fn read(&mut self) -> Result<Frame, End> {
        loop {
            if let Some((frame, rest)) = self.text.split_once("\n\n") {
                let frame = parse(frame);
                self.text = String::from(rest);
                return Ok(frame);
            }
            match self.body.frame().await {
                None => return Err(End::Ended),
                Some(Err(_)) if self.text.is_empty() => return Err(End::Broken),
                Some(Err(_)) => return Err(End::Cut),
                Some(Ok(frame)) => {
                    let data = frame.into_data().unwrap_or_default();
                    self.text += std::str::from_utf8(&data).expect("UTF-8");
                }
            }
        }
    }

    /// All frames until one has this name, which is the last.
    pub async fn until(&mut self, event: &str) -> Vec<Frame> {
        let mut frames = Vec::new();
        loop {
            let frame = self.next().await.expect("another frame");
            let last = frame.event == event;
            frames.push(frame);
            if last {
                return frames;
            }
        }
    }

    /// All frames, and how it ended.
    pub async fn rest(&mut self) -> (Vec<Frame>, End) {
        let mut frames = Vec::new();
        loop {
            match self.next().await {
                Ok(frame) => frames.push(frame),
                Err(end) => return (frames, end),
            }
        }
    }
}

fn parse(text: &str) -> Frame {
    let mut frame = Frame::default();
    for line in text.lines() {
        match line.split_once(": ") {
            Some(("id", id)) => frame.id = String::from(id),
            Some(("event", event)) => frame.event = String::from(event),
            Some(("data", data)) => frame.data = serde_json::from_str(data).expect("JSON"),
            _ => {}
        }
    }
    frame
}

pub async fn quick() -> Sim {
    of(Dialect::Current).await
}

pub async fn of(dialect: Dialect) -> Sim {
    let builder = Sim::builder()
        .dialect(dialect)
        .pace(Duration::from_millis(1));
    builder.start().await.expect("a simulator")
}

/// The names of the members of a JSON object that is written without spaces, in their order.
pub fn members(object: &str) -> Vec<String> {
    let (mut names, mut depth, mut at) = (Vec::new(), 0, 0);
    while let Some(next) = object[at..].find(['"', '{', '}', '[', ']']) {
        at += next + 1;
        match object.as_bytes()[at - 1] {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            _ => {
                let mut end = at;
                while object.as_bytes()[end] != b'"' {
                    end += 1 + usize::from(object.as_bytes()[end] == b'\\');
                }
                if depth == 1 && object[end + 1..].starts_with(':') {
                    names.push(object[at..end].to_owned());
                }
                at = end + 1;
            }
        }
    }
    names
}

pub fn message(words: &str) -> Value {
    json!({"type": "user.message", "content": [{"type": "text", "text": words}]})
}

pub fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("a text in place of {value}"))
        .to_owned()
}

pub fn names(frames: &[Frame]) -> Vec<&str> {
    frames.iter().map(|frame| frame.event.as_str()).collect()
}

/// An object with the members of another as well.
pub fn joined(mut object: Value, others: Value) -> Value {
    let (Value::Object(members), Value::Object(others)) = (&mut object, others) else {
        panic!("{object} is no object, or what joins it");
    };
    members.extend(others);
    object
}

pub fn pairs(count: usize) -> Map<String, Value> {
    (0..count).map(|n| (n.to_string(), json!("x"))).collect()
}

/// The status, and what the error is about.
pub fn refused(answer: &Answer) -> (u16, String) {
    let param = answer.json()["error"]["param"].clone();
    (answer.status, param.as_str().unwrap_or_default().to_owned())
}

/// Sends what is refused because of one member, or of a part of it.
pub async fn refuses(api: &Api<'_>, path: &str, body: Value, param: &str) {
    let answer = api.post(path, body.clone()).await;
    assert_eq!(refused(&answer), (400, param.to_owned()), "{path} {body}");
}
