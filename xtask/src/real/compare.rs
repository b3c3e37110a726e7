//! The comparison of what the programs printed with what the server says.

use std::collections::BTreeSet;

use serde_json::Value;

/// The events that `quickstart` printed: their names and ids are those of their data.
pub(crate) fn printed_by_quickstart(lines: &[String]) -> Result<Vec<Value>, String> {
    let mut events = Vec::new();
    let (mut id, mut name) = (None, None);
    for line in lines {
        if let Some(text) = line.strip_prefix("id: ") {
            id = Some(text);
        } else if let Some(text) = line.strip_prefix("event: ") {
            name = Some(text);
        } else if let Some(text) = line.strip_prefix("data: ") {
            let event = json(text)?;
            if (event["id"].as_str(), event["type"].as_str()) != (id, name) {
                return Err(format!("printed as {name:?} with the id {id:?}: {event}"));
            }
            events.push(event);
            (id, name) = (None, None);
        }
    }
    Ok(events)
}

/// The events that `follow` printed, and the previews.
pub(crate) fn printed_by_follow(lines: &[String]) -> Result<(Vec<Value>, Vec<Value>), String> {
    let (mut events, mut previews) = (Vec::new(), Vec::new());
    for line in lines {
        let mut value = json(line)?;
        match value.get_mut("preview") {
            Some(preview) => previews.push(preview.take()),
            None => events.push(value),
        }
    }
    Ok((events, previews))
}

/// Every event of the log came, once and in order, and nothing else did.
pub(crate) fn same(came: &[Value], log: &[Value]) -> Result<(), String> {
    let mut ids = BTreeSet::new();
    if let Some(again) = came
        .iter()
        .find(|event| !ids.insert(event["id"].to_string()))
    {
        return Err(format!("came twice: {again}"));
    }
    if let Some((came, logged)) = came.iter().zip(log).find(|(came, logged)| came != logged) {
        return Err(format!("came in place of {logged}: {came}"));
    }
    if came.len() != log.len() {
        return Err(format!("{} events came of {}", came.len(), log.len()));
    }
    Ok(())
}

/// Every preview is how a text of the log begins.
pub(crate) fn begin(previews: &[Value], log: &[Value]) -> Result<(), String> {
    let begins = |preview: &&Value| {
        let event = log.iter().find(|event| event["id"] == preview["event_id"]);
        let block = preview["index"]
            .as_u64()
            .and_then(|n| usize::try_from(n).ok());
        let whole = event
            .zip(block)
            .and_then(|(event, block)| event["content"][block]["text"].as_str());
        let shown = preview["text"].as_str();
        whole
            .zip(shown)
            .is_some_and(|(whole, shown)| whole.starts_with(shown))
    };
    match previews.iter().find(|preview| !begins(preview)) {
        Some(preview) => Err(format!("begins no text of the log: {preview}")),
        None => Ok(()),
    }
}

/// The text of the only message of the agent's.
pub(crate) fn reply(log: &[Value]) -> Result<&str, String> {
    let mut messages = log.iter().filter(|event| event["type"] == "agent.message");
    match (messages.next(), messages.next()) {
        (Some(message), None) => message["content"][0]["text"].as_str(),
        _ => None,
    }
    .ok_or_else(|| "the log has not one message of the agent's".to_owned())
}

fn json(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| format!("printed as JSON: {text:?}: {error}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    fn log() -> Vec<Value> {
        vec![
            json!({"id": "e1", "type": "user.message", "content": [{"type": "text", "text": "Hello!"}]}),
            json!({"id": "e2", "type": "agent.message", "content": [{"type": "text", "text": "Good day."}]}),
        ]
    }

    #[test]
    fn quickstart_prints_frames() {
        let text = "Session: s\n--- Event stream ---\nid: e1\nevent: a\ndata: {\"id\":\"e1\",\"type\":\"a\"}\n\n\
                    id: e2\nevent: b\ndata: {\"id\":\"e2\",\"type\":\"b\"}\n";
        let events = printed_by_quickstart(&lines(text)).expect("events");
        assert_eq!(
            events,
            [
                json!({"id": "e1", "type": "a"}),
                json!({"id": "e2", "type": "b"})
            ]
        );
        for wrong in [
            "id: e1\nevent: a\ndata: {\"id\":\"e2\",\"type\":\"a\"}",
            "id: e1\nevent: b\ndata: {\"id\":\"e1\",\"type\":\"a\"}",
            "event: a\ndata: {\"id\":\"e1\",\"type\":\"a\"}",
            "id: e1\nevent: a\ndata: {\"id\":\"e1\",",
        ] {
            assert!(printed_by_quickstart(&lines(wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn follow_prints_lines() {
        let text = "{\"id\":\"e1\"}\n{\"preview\":{\"event_id\":\"e2\",\"index\":0,\"text\":\"G\"}}\n{\"id\":\"e2\"}";
        let (events, previews) = printed_by_follow(&lines(text)).expect("lines");
        assert_eq!(events, [json!({"id": "e1"}), json!({"id": "e2"})]);
        assert_eq!(
            previews,
            [json!({"event_id": "e2", "index": 0, "text": "G"})]
        );
        assert!(printed_by_follow(&lines("gone on after 0.5 s")).is_err());
    }

    #[test]
    fn every_event_comes_once_and_in_order() {
        let log = log();
        let [first, second] = [&log[..1], &log[1..]];
        assert_eq!(same(&log, &log), Ok(()));
        let mut other = log.clone();
        other[1]["content"] = json!([]);
        for (came, why) in [
            (first.to_vec(), "1 events came of 2"),
            (second.to_vec(), "in place of"),
            ([second, first].concat(), "in place of"),
            ([&log[..], second].concat(), "twice"),
            ([&log[..], &[json!({"id": "e3"})]].concat(), "3 events"),
            (other, "in place of"),
        ] {
            let error = same(&came, &log).expect_err(why);
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn previews_begin_a_text() {
        let of = |id: &str, index: u64, text: &str| json!({"event_id": id, "index": index, "text": text});
        let good = [
            of("e2", 0, ""),
            of("e2", 0, "Good "),
            of("e2", 0, "Good day."),
        ];
        assert_eq!(begin(&good, &log()), Ok(()));
        for wrong in [
            of("e2", 0, "ood"),
            of("e2", 1, ""),
            of("e3", 0, ""),
            json!({}),
        ] {
            assert!(
                begin(std::slice::from_ref(&wrong), &log()).is_err(),
                "{wrong}"
            );
        }
    }

    #[test]
    fn a_turn_has_one_reply() {
        assert_eq!(reply(&log()), Ok("Good day."));
        assert!(reply(&log()[..1]).is_err());
        assert!(reply(&[log(), log()].concat()).is_err());
    }
}
