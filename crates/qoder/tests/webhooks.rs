//! Deliveries of webhooks: the vector of the API's facts, and every way to spoil it.
#![cfg(feature = "webhooks")]

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::{HeaderMap, HeaderName, HeaderValue};
use qoder::types::WebhookData;
use qoder::webhooks::{Verifier, VerifyError};
use serde_json::Value;

const BODY: &[u8] = include_bytes!("data/webhook_body.json");
const OTHER: &str = "whsec_HxwdHhoZGBcWFRQTEhEQDw4NDAsKCQgHBgUEAwIBAAA=";

fn vector() -> Value {
    serde_json::from_str(include_str!("data/webhook_signature.json")).expect("JSON")
}

fn secret() -> String {
    vector()["secret"].as_str().expect("a secret").to_owned()
}

fn headers() -> HeaderMap {
    let vector = vector();
    let headers = vector["headers"].as_object().expect("headers").iter();
    let headers = headers.map(|(name, value)| {
        let name = HeaderName::try_from(name).expect("a name");
        (
            name,
            HeaderValue::try_from(value.as_str().expect("a value")).expect("a value"),
        )
    });
    headers.collect()
}

fn with(name: &'static str, value: &str) -> HeaderMap {
    let mut headers = headers();
    headers.insert(name, HeaderValue::try_from(value).expect("a value"));
    headers
}

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

fn times(name: &str) -> Vec<u64> {
    let times = vector()[name].clone();
    times
        .as_array()
        .expect("times")
        .iter()
        .filter_map(Value::as_u64)
        .collect()
}

#[test]
fn the_vector_is_accepted_in_its_time() -> Result<(), VerifyError> {
    let verifier = Verifier::new(&secret())?;
    for now in times("accept_now") {
        let delivery = verifier.verify_at(&headers(), BODY, at(now))?;
        assert_eq!(delivery.id, "whe_01kxinventedexample");
        assert_eq!(delivery.event.id, delivery.id);
        assert_eq!(delivery.event_type(), "forward.schedule_run.succeeded");
        assert_eq!(delivery.resource_id(), Some("srun_01kxinvented"));
        let Some(WebhookData::ForwardScheduleRunSucceeded(run)) = &delivery.event.data else {
            panic!("{delivery:?}");
        };
        assert_eq!(run.duration_ms, 12_044);
        assert_eq!(delivery.sent_at, 1_790_899_540);
    }
    for now in times("reject_now") {
        let error = verifier
            .verify_at(&headers(), BODY, at(now))
            .expect_err("too far");
        assert_eq!(error, VerifyError::Time);
        let patient = verifier.clone().tolerance(Duration::from_secs(301));
        patient.verify_at(&headers(), BODY, at(now))?;
    }
    assert_eq!(
        verifier.verify(&headers(), BODY).expect_err("now"),
        VerifyError::Time
    );
    Ok(())
}

#[test]
fn nothing_else_is() -> Result<(), VerifyError> {
    let verifier = Verifier::new(&secret())?;
    let now = at(times("accept_now")[1]);
    let refused = |headers: &HeaderMap, body: &[u8]| {
        verifier.verify_at(headers, body, now).expect_err("refused")
    };
    for place in 0..BODY.len() {
        let mut body = BODY.to_vec();
        body[place] ^= 1;
        assert_eq!(
            refused(&headers(), &body),
            VerifyError::Signature,
            "byte {place}"
        );
    }
    for (name, values) in [
        ("webhook-id", ["", "whe.1", "wh\u{e9}"]),
        (
            "webhook-timestamp",
            ["", "+1790899540", "17908995400000000000"],
        ),
    ] {
        for value in values {
            assert_eq!(
                refused(&with(name, value), BODY),
                VerifyError::Header(name),
                "{value}"
            );
        }
    }
    for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        let mut twice = headers();
        let value = twice[name].clone();
        twice.append(name, value);
        assert_eq!(refused(&twice, BODY), VerifyError::Header(name));
        let mut without = headers();
        without.remove(name);
        assert_eq!(refused(&without, BODY), VerifyError::Header(name));
    }
    assert_eq!(
        refused(&with("webhook-id", "whe_2"), BODY),
        VerifyError::Signature
    );
    let late = with("webhook-timestamp", "1790899541");
    assert_eq!(refused(&late, BODY), VerifyError::Signature);
    for signature in [
        "",
        "v1,",
        "v1,!",
        "v2,TokHUvLTdlDHp7fOLGeiLAqyATKpu0tiw4DMlbkUHAk=",
        "v1,TokH",
    ] {
        assert_eq!(
            refused(&with("webhook-signature", signature), BODY),
            VerifyError::Signature
        );
    }
    assert!(!format!("{verifier:?}").contains("AAECAw"));
    Ok(())
}

#[test]
fn secrets_are_rotated() -> Result<(), VerifyError> {
    let now = at(times("accept_now")[1]);
    let old = Verifier::new(OTHER)?;
    let error = old
        .verify_at(&headers(), BODY, now)
        .expect_err("another secret");
    assert_eq!(error, VerifyError::Signature);
    old.or(&secret())?.verify_at(&headers(), BODY, now)?;

    let several = with(
        "webhook-signature",
        "v2,x v1,AAAA  v1,TokHUvLTdlDHp7fOLGeiLAqyATKpu0tiw4DMlbkUHAk=",
    );
    Verifier::new(&secret())?.verify_at(&several, BODY, now)?;
    Ok(())
}

#[test]
fn a_secret_has_its_form() {
    for secret in [
        "",
        "whsec_",
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
        "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRY=",
        "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9=",
    ] {
        assert_eq!(
            Verifier::new(secret).expect_err(secret),
            VerifyError::Secret
        );
    }
    let long = format!("whsec_{}", "A".repeat(88));
    assert_eq!(
        Verifier::new(&long).expect_err("66 bytes"),
        VerifyError::Secret
    );
}

/// A recording that is played again within the tolerance is genuine, and has been handled.
#[test]
fn what_was_handled_is_not_handled_again() -> Result<(), VerifyError> {
    let done = Arc::new(Mutex::new(Vec::<String>::new()));
    let asked = Arc::new(Mutex::new(0));
    let (known, times_asked) = (done.clone(), asked.clone());
    let verifier = Verifier::new(&secret())?.handled(move |delivery| {
        *times_asked.lock().expect("no panic") += 1;
        known.lock().expect("no panic").contains(&delivery.id)
    });
    let now = at(times("accept_now")[0]);
    // Its handling failed, so that it is delivered again, and again.
    for _ in 0..2 {
        verifier.verify_at(&headers(), BODY, now)?;
    }
    let delivery = verifier.verify_at(&headers(), BODY, now)?;
    done.lock().expect("no panic").push(delivery.id.clone());
    let again = verifier.verify_at(&headers(), BODY, now);
    assert_eq!(
        again.expect_err("a replay"),
        VerifyError::Replay(delivery.id)
    );

    // Of what isn't genuine, nobody is asked.
    let before = *asked.lock().expect("no panic");
    let forged = with("webhook-id", "whe_2");
    let error = verifier.verify_at(&forged, BODY, now).expect_err("forged");
    assert_eq!(error, VerifyError::Signature);
    assert_eq!(*asked.lock().expect("no panic"), before);
    Ok(())
}
