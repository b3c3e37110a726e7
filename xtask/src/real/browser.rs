//! A headless Chromium, told what to do in the `DevTools` protocol over a pipe: JSON messages, each
//! ended by a zero byte.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use serde_json::{Value, json};

use super::process::{PATIENCE, Running, command, create, find};

/// The names of the program in Debian and elsewhere.
const NAMES: [&str; 2] = ["chromium", "chromium-browser"];

#[derive(Debug)]
pub(crate) struct Browser {
    input: ChildStdin,
    messages: Receiver<Value>,
    sent: u64,
    _running: Running,
}

impl Browser {
    pub(crate) fn find() -> Option<PathBuf> {
        NAMES.into_iter().find_map(find)
    }

    pub(crate) fn start(folder: &Path) -> Result<Self, String> {
        let program = Self::find().ok_or("there is no Chromium")?;
        let mut command = command(Path::new("/bin/sh"), folder);
        // The pipe is expected at 3 and 4. Containers have no place for its sandbox, and it visits
        // nothing but the page.
        command
            .args(["-c", "exec \"$0\" \"$@\" 3<&0 4>&1 </dev/null >/dev/null"])
            .arg(program)
            .args(["--headless", "--no-sandbox", "--disable-gpu"])
            .args(["--disable-dev-shm-usage", "--no-first-run"])
            .arg("--remote-debugging-pipe")
            .arg(format!(
                "--user-data-dir={}",
                folder.join("profile").display()
            ))
            .env("HOME", folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(create(&folder.join("chromium.log"))?);
        let mut running = Running::start("chromium", &mut command)?;
        let output = BufReader::new(running.stdout()?);
        let (sender, messages) = channel();
        // It ends with the process.
        thread::spawn(move || {
            for message in output.split(0).map_while(Result::ok) {
                let message = serde_json::from_slice(&message).unwrap_or_default();
                if sender.send(message).is_err() {
                    break;
                }
            }
        });
        Ok(Self {
            input: running.stdin()?,
            messages,
            sent: 0,
            _running: running,
        })
    }

    /// A new page, at this address.
    pub(crate) fn open(mut self, url: &str) -> Result<Page, String> {
        let target = self.call("", "Target.createTarget", &json!({"url": url}))?;
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let attached = self.call("", "Target.attachToTarget", &attach)?;
        let session = attached["sessionId"].as_str().ok_or("no session")?;
        Ok(Page {
            session: session.to_owned(),
            browser: self,
        })
    }

    fn call(&mut self, session: &str, method: &str, params: &Value) -> Result<Value, String> {
        self.sent += 1;
        let mut message = json!({"id": self.sent, "method": method, "params": params});
        if !session.is_empty() {
            message["sessionId"] = session.into();
        }
        let wrong = |error: &dyn std::fmt::Display| format!("chromium: {method}: {error}");
        let message = format!("{message}\0");
        let wrote = self.input.write_all(message.as_bytes());
        wrote.map_err(|error| wrong(&error))?;
        loop {
            let came = self.messages.recv_timeout(PATIENCE);
            let mut came = came.map_err(|error| wrong(&error))?;
            // What it tells by itself has no id.
            if came["id"] == self.sent {
                return match came.get("error") {
                    Some(error) => Err(wrong(error)),
                    None => Ok(came["result"].take()),
                };
            }
        }
    }
}

/// A page that is open.
#[derive(Debug)]
pub(crate) struct Page {
    session: String,
    browser: Browser,
}

impl Page {
    /// Returns the value of this JavaScript, as JSON. Promises are waited for.
    pub(crate) fn evaluate(&mut self, script: &str) -> Result<Value, String> {
        let params = json!({"expression": script, "awaitPromise": true, "returnByValue": true});
        let mut came = self.call("Runtime.evaluate", &params)?;
        match came.get("exceptionDetails") {
            Some(details) => Err(format!("{script}: {details}")),
            None => Ok(came["result"]["value"].take()),
        }
    }

    pub(crate) fn reload(&mut self) -> Result<(), String> {
        self.call("Page.reload", &json!({})).map(drop)
    }

    fn call(&mut self, method: &str, params: &Value) -> Result<Value, String> {
        self.browser.call(&self.session, method, params)
    }
}
