//! The page of the service example in a browser: the text grows, and survives a reload.

use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::browser::{Browser, Page};
use super::compare::reply;
use super::process::{Running, command, create};
use super::programs::Place;
use super::server::TOKEN;

/// A turn is over by then.
const PATIENCE: Duration = Duration::from_secs(30);

/// Whether its script has run. Before that it is another page, an empty one.
const LOADED: &str = "document.readyState == 'complete' && typeof form == 'object'";

/// Between two looks at the page.
const LOOK: Duration = Duration::from_millis(20);

/// Starts the service, asks by its page, loads the page again in the middle of the answer, and
/// waits for its end.
pub(super) fn run(place: &Place<'_>) -> Result<String, String> {
    let mut command = command(&place.bins.join("service"), place.folder);
    command
        .arg("127.0.0.1:0")
        .env("QODER_BASE_URL", place.base_url)
        .env("QODER_PAT", TOKEN)
        .envs(place.environment.iter().map(|(name, value)| (name, value)))
        .stdout(Stdio::piped())
        .stderr(create(&place.folder.join("service.log"))?);
    let mut service = Running::start("service", &mut command)?;
    let url = service.listening()?;

    let mut page = Browser::start(place.folder)?.open(&url)?;
    until(&mut page, LOADED)?;
    page.evaluate("form.message.value = 'Hello!'; form.requestSubmit()")?;
    let grown = grows(&mut page, 3)?;
    let at = page.evaluate("location.hash")?;

    page.evaluate("window.isOld = true")?;
    page.reload()?;
    until(&mut page, &format!("!window.isOld && {LOADED}"))?;
    until(&mut page, "state.textContent.startsWith('done')")?;
    let shown = page.evaluate("[...answer.children].map(shown => shown.textContent)")?;
    let log = place.server.events(&place.server.session()?)?;
    let logged = reply(&log)?;
    if shown != Value::from([logged]) {
        return Err(format!("in place of {logged:?} it shows {shown}"));
    }
    match shown[0].as_str() {
        Some(whole) if whole.starts_with(&grown) && whole.len() > grown.len() => {}
        _ => return Err(format!("{grown:?} was no part of {shown}")),
    }
    if page.evaluate("location.hash")? != at {
        return Err("the address has changed".to_owned());
    }
    Ok("the text grew, and went on after a reload".to_owned())
}

/// Waits until the text has grown so often; the text so far.
fn grows(page: &mut Page, times: usize) -> Result<String, String> {
    let begun = Instant::now();
    let (mut text, mut grew) = (String::new(), 0);
    while grew < times {
        let now = page.evaluate("answer.textContent")?;
        let now = now.as_str().unwrap_or_default();
        if !now.starts_with(&text) {
            return Err(format!("{text:?} became {now:?}"));
        }
        if now.len() > text.len() {
            grew += 1;
            now.clone_into(&mut text);
        }
        wait(begun, "a text that grows")?;
    }
    if page.evaluate("state.textContent.startsWith('done')")? == true {
        return Err("it was done before it could be loaded again".to_owned());
    }
    Ok(text)
}

/// Waits until this is true on the page.
fn until(page: &mut Page, condition: &str) -> Result<(), String> {
    let begun = Instant::now();
    // While it loads there is nothing to ask.
    while page.evaluate(condition) != Ok(Value::Bool(true)) {
        wait(begun, condition)?;
    }
    Ok(())
}

fn wait(begun: Instant, what: &str) -> Result<(), String> {
    thread::sleep(LOOK);
    if begun.elapsed() > PATIENCE {
        return Err(format!("the page waits in vain for {what}"));
    }
    Ok(())
}
