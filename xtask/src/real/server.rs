//! The simulator as a process, asked directly: what it says is the truth.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};

use super::process::{PATIENCE, Running, command, create};

/// The account of all that is done here.
pub(crate) const TOKEN: &str = "pt-real";

/// Below the origin.
pub(crate) const BASE: &str = "/api/v1/cloud";

/// Between two events of a turn, in milliseconds: slow enough that what strikes a stream strikes
/// it in the middle of a turn.
const PACE: &str = "100";

#[derive(Debug)]
pub(crate) struct Server {
    address: String,
    _running: Running,
}

impl Server {
    /// Starts it with this plan of faults, for clients that come to this origin, or directly.
    pub(crate) fn start(
        program: &Path,
        folder: &Path,
        faults: &str,
        origin: Option<&str>,
    ) -> Result<Self, String> {
        let mut command = command(program, folder);
        command.args(["--pace", PACE, "--faults", faults]);
        if let Some(origin) = origin {
            command.args(["--origin", origin]);
        }
        command
            .stdout(Stdio::piped())
            .stderr(create(&folder.join("qoder-sim.log"))?);
        let mut running = Running::start("qoder-sim", &mut command)?;
        let url = running.listening()?;
        let address = url
            .strip_prefix("http://")
            .and_then(|url| url.strip_suffix(BASE))
            .ok_or_else(|| format!("qoder-sim is at {url}"))?;
        Ok(Self {
            address: address.to_owned(),
            _running: running,
        })
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// The events of a session, oldest first.
    pub(crate) fn events(&self, session: &str) -> Result<Vec<Value>, String> {
        self.list(&format!("/sessions/{session}/events"))
    }

    /// The first session of the account.
    pub(crate) fn session(&self) -> Result<String, String> {
        let sessions = self.list("/sessions")?;
        id(sessions.first().ok_or("there is no session")?)
    }

    /// A new session with this metadata.
    pub(crate) fn create_session(&self, metadata: &Value) -> Result<String, String> {
        let agent = self.post("/agents", &json!({"name": "real", "model": "ultimate"}))?;
        let environments = self.list("/environments")?;
        let environment = environments.first().ok_or("there is no environment")?;
        id(&self.post(
            "/sessions",
            &json!({"agent": id(&agent)?, "environment_id": id(environment)?, "metadata": metadata}),
        )?)
    }

    pub(crate) fn send(&self, session: &str, event: &Value) -> Result<(), String> {
        let path = format!("/sessions/{session}/events");
        self.post(&path, &json!({"events": [event]})).map(drop)
    }

    /// A list that has no second page.
    fn list(&self, path: &str) -> Result<Vec<Value>, String> {
        let mut page = self.exchange("GET", &format!("{path}?limit=100"), "")?;
        match (page["data"].take(), &page["has_more"]) {
            (Value::Array(items), Value::Bool(false)) => Ok(items),
            _ => Err(format!("GET {path}: no list, or a long one")),
        }
    }

    fn post(&self, path: &str, body: &Value) -> Result<Value, String> {
        self.exchange("POST", path, &body.to_string())
    }

    fn exchange(&self, method: &str, path: &str, body: &str) -> Result<Value, String> {
        let answer = self
            .answer(method, path, body)
            .map_err(|error| format!("{method} {path}: {error}"))?;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        if !head.starts_with("HTTP/1.1 2") {
            return Err(format!("{method} {path}: {answer}"));
        }
        serde_json::from_str(body).map_err(|error| format!("{method} {path}: {error}"))
    }

    fn answer(&self, method: &str, path: &str, body: &str) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(&self.address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let (address, length) = (&self.address, body.len());
        let request = format!(
            "{method} {BASE}{path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {TOKEN}\r\n\
             content-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }
}

fn id(object: &Value) -> Result<String, String> {
    let id = object["id"].as_str();
    Ok(id.ok_or_else(|| format!("no id in {object}"))?.to_owned())
}
