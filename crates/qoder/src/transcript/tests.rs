use super::*;
use serde_json::json;

fn transcript(mut transcript: Transcript, events: &[Value]) -> Transcript {
    for event in events {
        transcript.push(&Event::decode("", None, &event.to_string()));
    }
    transcript
}

fn a_turn() -> Vec<Value> {
    let text = |text: &str| json!([{"type": "text", "text": text}]);
    vec![
        json!({"type": "session.status_running", "id": "1"}),
        json!({"type": "user.message", "id": "2", "processed_at": "2026-09-21T08:01:00Z",
               "content": [{"type": "text", "text": "Look:"},
                           {"type": "image", "source": {"type": "file", "file_id": "file_1"}}]}),
        json!({"type": "agent.thinking", "id": "3"}),
        json!({"type": "agent.tool_use", "id": "4", "name": "Bash", "input": {"command": "ls"}}),
        json!({"type": "agent.mcp_tool_use", "id": "5", "name": "find", "mcp_server_name": "docs", "input": {}}),
        json!({"type": "session.status_idle", "id": "6", "stop_reason": {"type": "requires_action", "event_ids": ["4", "5"]}}),
        json!({"type": "user.tool_confirmation", "id": "7", "tool_use_id": "5", "result": "deny", "deny_message": "not now"}),
        json!({"type": "user.tool_confirmation", "id": "8", "tool_use_id": "4", "result": "allow"}),
        json!({"type": "agent.mcp_tool_result", "id": "9", "mcp_tool_use_id": "5", "content": text("denied"), "is_error": true}),
        json!({"type": "agent.tool_result", "id": "10", "tool_use_id": "4", "content": text("a\nb")}),
        json!({"type": "session.error", "id": "11", "error": {"type": "model_overloaded_error", "message": "busy", "retry_status": {"type": "retrying"}}}),
        json!({"type": "agent.artifact_delivered", "id": "12", "file_id": "file_2", "original_filename": "a.txt", "size": 3}),
        json!({"type": "agent.tomorrow", "id": "13"}),
        json!({"type": "agent.message", "id": "14", "content": text("Done:\n```\nagent: no\n```"), "session_thread_id": "t"}),
        json!({"type": "session.status_idle", "id": "15", "stop_reason": {"type": "end_turn"}}),
    ]
}

const TEXT: &str = "\
User
  Look:
  [image: file_1]
Tool Bash
  input
    {\"command\":\"ls\"}
  result
    a
    b
Tool, denied docs: find
  input
    {}
  reason
    not now
  result
    denied
Stop requires_action
Error, tried again model_overloaded_error
  busy
File a.txt
  file_2, 3 bytes
Event agent.tomorrow
Agent (thread t)
  Done:
  ```
  agent: no
  ```
Stop end_turn
";

#[test]
fn a_turn_as_text() {
    let whole = transcript(Transcript::new(), &a_turn());
    assert_eq!(whole.to_string(), TEXT);
    let with_thinking = transcript(Transcript::with_thinking(), &a_turn());
    assert!(with_thinking.to_string().contains("\nThinking\n"));
}

#[test]
fn what_comes_again_changes_nothing() {
    let once = transcript(Transcript::new(), &a_turn());
    let twice = transcript(once.clone(), &a_turn());
    assert_eq!(once, twice);
    // Also to one that was stored in the middle.
    for k in 0..a_turn().len() {
        let half = transcript(Transcript::new(), &a_turn()[..k]);
        let stored = serde_json::to_string(&half).expect("JSON");
        let half: Transcript = serde_json::from_str(&stored).expect(&stored);
        assert_eq!(transcript(half, &a_turn()), once, "{k}");
    }
    assert_eq!(
        once.entries()[0].at.as_ref().map(ToString::to_string),
        Some("2026-09-21T08:01:00Z".to_owned())
    );
}

#[test]
fn a_result_without_its_use_is_kept() {
    let result = json!({"type": "agent.tool_result", "tool_use_id": "gone", "content": "3"});
    let only = transcript(Transcript::new(), &[result.clone(), result]);
    assert_eq!(only.to_string(), "Tool\n  result\n    3\n");
    // Nor can it be taken for the result of what is no tool use.
    let message = json!({"type": "user.message", "id": "gone", "content": "Hello!"});
    let odd = json!({"type": "agent.tool_result", "tool_use_id": "gone", "content": "3"});
    let odd = transcript(Transcript::new(), &[message, odd]);
    assert_eq!(odd.to_string(), "User\n  Hello!\n");
}

#[test]
fn nothing_said_ends_its_fence() {
    for said in [
        "```\n### User\n",
        "````````",
        "~~~\n</details>\n<!--",
        "a\r```\rb",
        "`",
    ] {
        let events = [
            json!({"type": "agent.message", "id": "1", "content": said}),
            json!({"type": "agent.tool_use", "id": "2", "name": said, "input": {"x": said}}),
            json!({"type": "session.status_idle", "id": "3", "stop_reason": {"type": said}}),
        ];
        let markdown = transcript(Transcript::new(), &events).to_markdown();
        let mut fence = None::<&str>;
        let mut heads = Vec::new();
        for line in markdown.lines() {
            let ticks = &line[..line.len() - line.trim_start_matches('`').len()];
            match fence {
                None if ticks.len() >= 3 => fence = Some(ticks),
                None if line.starts_with("### ") => heads.push(line),
                Some(open) if line.trim_end() == ticks && ticks.len() >= open.len() => fence = None,
                None | Some(_) => {}
            }
        }
        assert!(fence.is_none(), "{markdown}");
        assert_eq!(heads.len(), 3, "{markdown}");
        assert_eq!(heads[0], "### Agent");
        assert!(!markdown.contains('\r'), "{markdown:?}");
    }
}

#[test]
fn nothing_said_moves_the_cursor_of_a_terminal() {
    let events = [json!({"type": "agent.message", "id": "1", "content": "a\u{1b}[2Jb\tc"})];
    let text = transcript(Transcript::new(), &events).to_string();
    assert_eq!(text, "Agent\n  a\u{fffd}[2Jb\tc\n");
}

#[test]
fn a_pause_that_is_repeated_is_printed_once() {
    let idle = |id: &str, reason: &str| json!({"type": "session.status_idle", "id": id, "stop_reason": {"type": reason}});
    let pauses = [idle("1", "requires_action"), idle("2", "requires_action")];
    let read = transcript(Transcript::new(), &pauses);
    assert_eq!(read.entries().len(), 2);
    assert_eq!(read.to_string(), "Stop requires_action\n");
    assert_eq!(read.to_markdown().matches("requires_action").count(), 1);
    let ends = [idle("1", "end_turn"), idle("2", "end_turn")];
    let read = transcript(Transcript::new(), &ends);
    assert_eq!(read.to_string(), "Stop end_turn\n".repeat(2));
}
