use super::*;
use crate::ErrorKind;

#[test]
fn answers_are_checked() {
    for (answer, want) in [
        (
            r#"{"access_token":"t","token_type":"Bearer","expires_in":3600,"expires_at":"2026-01-01T00:00:00Z","scope":"x"}"#,
            Ok(3600),
        ),
        // What is not needed may be anything.
        (
            r#"{"scope":"\ud800","limit":1e999,"access_token":"t","token_type":"Bearer","expires_in":60}"#,
            Ok(60),
        ),
        (
            r#"{"access_token":"t","token_type":"bearer","expires_in":"900","expires_at":null}"#,
            Ok(900),
        ),
        (
            r#"{"access_token":"t","token_type":"BEARER","expires_in":1}"#,
            Ok(1),
        ),
        (
            r#"{"access_token":"t","token_type":"Bearer","expires_in":43200}"#,
            Ok(43_200),
        ),
        (
            r#"{"access_token":"t","token_type":"Bearer","expires_in":43201}"#,
            Err("expires_in"),
        ),
        (
            r#"{"access_token":"t","token_type":"Bearer","expires_in":0}"#,
            Err("expires_in"),
        ),
        (
            r#"{"access_token":"t","token_type":"Bearer","expires_in":-1}"#,
            Err("expires_in"),
        ),
        (
            r#"{"access_token":"t","token_type":"Bearer","expires_in":3600.5}"#,
            Err("expires_in"),
        ),
        (
            r#"{"access_token":"t","token_type":"Bearer","expires_in":true}"#,
            Err("expires_in"),
        ),
        (
            r#"{"access_token":"t","token_type":"Bearer","expires_in":""}"#,
            Err("expires_in"),
        ),
        (
            r#"{"access_token":"t","token_type":"Bearer","expires_in":"+60"}"#,
            Err("expires_in"),
        ),
        (
            r#"{"access_token":"t","token_type":"Bearer","expires_in":"60 "}"#,
            Err("expires_in"),
        ),
        (
            r#"{"access_token":"t","token_type":"Bearer","expires_in":"99999999999999999999"}"#,
            Err("expires_in"),
        ),
        (
            r#"{"access_token":"t","token_type":"Bearer"}"#,
            Err("expires_in"),
        ),
        (
            r#"{"access_token":"t","token_type":"MAC","expires_in":60}"#,
            Err("token_type"),
        ),
        (r#"{"access_token":"t","expires_in":60}"#, Err("token_type")),
        (
            r#"{"access_token":"","token_type":"Bearer","expires_in":60}"#,
            Err("empty"),
        ),
        (
            r#"{"token_type":"Bearer","expires_in":60}"#,
            Err("access_token"),
        ),
        (
            r#"{"access_token":7,"token_type":"Bearer","expires_in":60}"#,
            Err("JSON"),
        ),
        ("[]", Err("JSON")),
        ("", Err("JSON")),
        ("<html>", Err("JSON")),
        ("{\"access_token\":\"\u{0}\"", Err("JSON")),
    ] {
        match (read(answer.as_bytes()), want) {
            (Ok(token), Ok(seconds)) => {
                assert_eq!(token.secret.expose(), "t");
                assert_eq!(
                    token.expires_in,
                    Some(Duration::from_secs(seconds)),
                    "{answer}"
                );
            }
            (Err(what), Err(word)) => assert!(what.contains(word), "{answer}: {what}"),
            (got, _) => panic!("{answer}: {got:?}"),
        }
    }
}

fn exchange(account: ServiceAccount, base: &str) -> Result<Exchange> {
    let transport = Transport::builder().build().map_err(Error::transport)?;
    account.exchange(
        &BaseUrl::parse(base, false)?,
        transport,
        HeaderMap::new(),
        Timeouts::default(),
    )
}

#[test]
fn a_key_goes_to_its_region() {
    use Region::{China, Global};
    let global = "https://openapi.qoder.sh/api/v1/serviceToken/exchange";
    let china = "https://openapi.qoder.com.cn/api/v1/serviceToken/exchange";
    // (base URL, region, origin, where to or what is wrong)
    for (base, region, origin, want) in [
        ("https://api.qoder.com/api/v1/cloud", None, None, Ok(global)),
        ("https://API.qoder.com./x", None, None, Ok(global)),
        (
            "https://openapi.qoder.sh/api/v1/cloud",
            None,
            None,
            Ok(global),
        ),
        (
            "https://api.qoder.com.cn/api/v1/cloud",
            None,
            None,
            Ok(china),
        ),
        ("https://api.qoder.com.cn/x", Some(China), None, Ok(china)),
        ("https://proxy.example/x", Some(China), None, Ok(china)),
        (
            "https://api.qoder.com.evil.example/",
            Some(China),
            None,
            Ok(china),
        ),
        (
            "https://api.qoder.com/x",
            Some(China),
            None,
            Err("one region"),
        ),
        (
            "https://api.qoder.com.cn/x",
            Some(Global),
            None,
            Err("one region"),
        ),
        ("https://proxy.example/x", None, None, Err("region(..)")),
        (
            "https://api.qoder.com.evil.example/",
            None,
            None,
            Err("region(..)"),
        ),
        (
            "https://proxy.example/x",
            None,
            Some("https://openapi.qoder.com.cn/"),
            Ok(china),
        ),
        (
            "https://api.qoder.com/x",
            None,
            Some("https://openapi.qoder.com.cn"),
            Err("one region"),
        ),
        (
            "https://proxy.example/x",
            Some(Global),
            Some("https://openapi.qoder.com.cn"),
            Err("one region"),
        ),
        (
            "https://proxy.example/x",
            None,
            Some("http://127.0.0.1:9"),
            Ok("http://127.0.0.1:9/api/v1/serviceToken/exchange"),
        ),
        (
            "https://proxy.example/x",
            None,
            Some("http://keys.example"),
            Err("https"),
        ),
        (
            "https://proxy.example/x",
            None,
            Some("https://keys.example/path"),
            Err("a path"),
        ),
        (
            "https://proxy.example/x",
            None,
            Some("https://me:secret@keys.example"),
            Err("credentials"),
        ),
        (
            "https://proxy.example/x",
            None,
            Some("keys.example"),
            Err("relative"),
        ),
    ] {
        let mut account = ServiceAccount::new("sak-0123456789");
        account.region = region;
        account.origin = origin.map(ToOwned::to_owned);
        match (exchange(account, base), want) {
            (Ok(exchange), Ok(uri)) => assert_eq!(exchange.uri.to_string(), uri, "{base}"),
            (Err(error), Err(words)) => {
                assert_eq!(error.kind(), ErrorKind::Config);
                assert!(error.to_string().contains(words), "{error}");
                assert!(!error.to_string().contains("secret"), "{error}");
            }
            (got, _) => panic!("{base} {region:?} {origin:?}: {:?}", got.map(|_| ()).err()),
        }
    }
}

#[test]
fn an_account_that_wont_do_is_named() {
    let account = || ServiceAccount::new("sak-0123456789").region(Region::Global);
    for (account, words) in [
        (
            ServiceAccount::new(""),
            "key of the service account is empty",
        ),
        (ServiceAccount::new("a\nb"), "line break"),
        (account().scope(" "), "scope"),
        (account().ttl(Duration::ZERO), "1 s"),
        (account().ttl(Duration::from_millis(900)), "1 s"),
        (account().ttl(Duration::from_secs(43_201)), "43200 s"),
    ] {
        let error = exchange(account, "https://api.qoder.com")
            .map(|_| ())
            .expect_err(words);
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains(words), "{error}");
    }
    let account = account();
    assert!(!format!("{account:?}").contains("sak-"), "{account:?}");
}

#[test]
fn the_request_is_the_documented_one() {
    let account = ServiceAccount::new("sak-0123456789").ttl(Duration::from_secs(900));
    let exchange = exchange(account, "https://api.qoder.com").expect("an exchange");
    let body: Value = serde_json::from_slice(&exchange.body).expect("JSON");
    assert_eq!(
        body,
        json!({"grant_type": "client_credentials", "audience": "qoder", "scope": "qca.access", "ttl_seconds": 900})
    );
    let header = &exchange.headers[header::AUTHORIZATION];
    assert!(header.is_sensitive());
    assert_eq!(header.as_bytes(), b"Bearer sak-0123456789");
}

#[test]
fn words_of_the_server_are_repeated_if_they_are_harmless() {
    let account = ServiceAccount::new("sak-0123456789");
    let exchange = exchange(account, "https://api.qoder.com").expect("an exchange");
    for (word, harmless) in [
        ("TOKEN_INVALID", true),
        ("3f0c2a9e-7c1d-4b1e", true),
        ("", false),
        ("two words", false),
        ("got:sak-0123456789", false),
        ("line\nbreak", false),
        (&"x".repeat(129), false),
    ] {
        assert_eq!(exchange.harmless(word).is_some(), harmless, "{word}");
    }
}
