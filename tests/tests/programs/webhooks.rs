//! The program `webhook_receiver`: what is signed is printed once, and nothing else.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac_sha256::HMAC;
use qoder::types::serde_json::json;

use crate::common::programs::{Running, alone};
use crate::http::{address, request};

/// The old secret of the endpoint and the new one, as keys.
const KEYS: [&[u8; 24]; 2] = [b"0123456789abcdef01234567", b"another key of 24 bytes."];

fn secret(key: &[u8]) -> String {
    format!("whsec_{}", STANDARD.encode(key))
}

fn receiver() -> Running {
    let mut command = alone("webhook_receiver");
    let secrets = KEYS.map(|key| secret(key)).join(" ");
    command
        .arg("127.0.0.1:0")
        .env("QODER_WEBHOOK_SECRET", secrets);
    Running::start(command)
}

/// What the platform posts: the status that it gets.
async fn deliver(at: &str, key: &[u8], id: &str, spoilt: &str) -> u16 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.expect("a time").as_secs().to_string();
    let body = json!({
        "type": "event", "id": id, "created_at": "2026-11-26T12:00:00Z",
        "data": {"type": "session.status_idled", "id": "sess_1"},
    });
    let body = body.to_string();
    let signature = HMAC::mac(format!("{id}.{now}.{body}"), key);
    let signature = format!("v1,{}", STANDARD.encode(signature));
    let headers = [
        ("webhook-id", id),
        ("webhook-timestamp", &now),
        ("webhook-signature", &signature),
    ];
    let body = format!("{body}{spoilt}");
    request(at, "POST", "/webhooks", &headers, &body)
        .await
        .all()
        .await
        .0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_signed_is_printed_once_and_nothing_else() {
    let mut receiver = receiver();
    let at = address(&mut receiver).await;
    assert_eq!(deliver(&at, KEYS[0], "whe_1", "").await, 204);
    // Its answer may have been lost.
    assert_eq!(deliver(&at, KEYS[0], "whe_1", "").await, 204);
    assert_eq!(deliver(&at, KEYS[0], "whe_2", " ").await, 400);
    assert_eq!(
        deliver(&at, b"the key of somebody else", "whe_3", "").await,
        400
    );
    let (status, why) = request(&at, "POST", "/webhooks", &[], "{}")
        .await
        .all()
        .await;
    assert_eq!(status, 400);
    assert!(why.contains("webhook-id"), "{why}");
    assert_eq!(deliver(&at, KEYS[1], "whe_4", "").await, 204);
    receiver.prints("whe_4").await;
    let ended = receiver.kill().await;
    let lines: Vec<&str> = ended.out.lines().skip(1).collect();
    let printed = [
        "whe_1 session.status_idled sess_1",
        "whe_4 session.status_idled sess_1",
    ];
    assert_eq!(lines, printed);
    assert!(!format!("{ended:?}").contains("whsec_"));
}

#[tokio::test]
async fn without_a_secret_it_says_what_to_set() {
    for secret in ["", "whsec_short"] {
        let mut command = alone("webhook_receiver");
        command.env_remove("QODER_WEBHOOK_SECRET");
        let word = if secret.is_empty() {
            "QODER_WEBHOOK_SECRET"
        } else {
            command.env("QODER_WEBHOOK_SECRET", secret);
            "base64"
        };
        let ended = Running::start(command).end().await;
        assert!(!ended.status.success());
        assert!(ended.err.contains(word), "{ended:?}");
    }
}
