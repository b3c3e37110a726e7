use super::*;
use crate::ErrorKind;

fn authorization(client: &Client) -> String {
    let Auth::Static(token) = client.shared.auth() else {
        return "renewed".to_owned();
    };
    token.header().to_str().expect("text").to_owned()
}

fn env(vars: &[(&str, &str)]) -> Result<Client> {
    Client::builder()
        .env_from(&|name| {
            vars.iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| value.into())
        })
        .build()
}

#[test]
fn the_environment_of_both_generations_is_read() {
    let client = env(&[("QODER_PAT", "pt-a")]).expect("a client");
    assert_eq!(client.dialect(), Dialect::Seed);
    assert_eq!(
        client.shared.base().join("/agents"),
        "https://openapi.qoder.sh/api/v1/cloud/agents"
    );

    let client = env(&[
        ("QODER_PAT", "pt-a"),
        ("QODER_ACCESS_TOKEN", "sat-b"),
        ("QODER_BASE_URL", "http://127.0.0.1:1/x"),
        ("QODER_DIALECT", "seed"),
    ])
    .expect("a client");
    assert_eq!(authorization(&client), "Bearer sat-b");
    assert_eq!(
        (client.dialect(), client.shared.base().join("/y")),
        (Dialect::Seed, "http://127.0.0.1:1/x/y".to_owned())
    );
}

#[test]
fn what_is_missing_or_wrong_is_named() {
    for (vars, words) in [
        (&[][..], "set QODER_PAT"),
        (&[("QODER_PAT", "")], "set QODER_PAT"),
        (&[("QODER_PAT", "a\nb")], "line break"),
        (
            &[("QODER_PAT", "a"), ("QODER_BASE_URL", "agents")],
            "QODER_BASE_URL: base URL \"agents\": it is relative",
        ),
        (
            &[("QODER_PAT", "a"), ("QODER_BASE_URL", "")],
            "QODER_BASE_URL is empty",
        ),
        (
            &[("QODER_PAT", "a"), ("QODER_MANAGED_BASE_URL", " ")],
            "QODER_MANAGED_BASE_URL is empty",
        ),
        (
            &[("QODER_PAT", "a"), ("QODER_DIALECT", "old")],
            "QODER_DIALECT: unknown dialect \"old\": use `seed` or `current`",
        ),
    ] {
        let error = env(vars).expect_err(words);
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_not_utf_8_is_set_all_the_same() {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;

    let names = [
        "QODER_ACCESS_TOKEN",
        "QODER_PAT",
        "QODER_BASE_URL",
        "QODER_MANAGED_BASE_URL",
        "QODER_DIALECT",
    ];
    for bad in names {
        let builder = Client::builder().env_from(&|name| match name {
            _ if name == bad => Some(OsString::from_vec(b"https://api\xff".to_vec())),
            "QODER_PAT" => Some("pt-a".into()),
            _ => None,
        });
        let error = builder.build().expect_err(bad);
        assert_eq!(error.kind(), ErrorKind::Config);
        let want = format!("{bad} is not UTF-8: set it again, or unset it");
        assert_eq!(error.to_string(), want);
    }
    // What the builder was given, before or after, is not looked up.
    let given = Client::builder()
        .env_from(&|_| Some(OsString::from_vec(vec![0xFF])))
        .token("pt-mine")
        .gateway(Gateway::China)
        .dialect(Dialect::Seed)
        .build();
    assert_eq!(authorization(&given.expect("a client")), "Bearer pt-mine");
}

#[test]
fn the_builder_beats_the_environment() {
    let client = Client::builder()
        .token("pt-mine")
        .gateway(Gateway::China)
        .dialect(Dialect::Seed)
        .env_from(&|_| Some("theirs".into()))
        .build()
        .expect("a client");
    assert_eq!(authorization(&client), "Bearer pt-mine");
    assert_eq!(client.shared.base().join(""), Gateway::China.base_url());
    assert_eq!(client.dialect(), Dialect::Seed);
}

#[test]
fn headers_are_checked() {
    for (name, value) in [
        ("a b", "x"),
        ("x", "a\r\nb: c"),
        ("authorization", "Bearer other"),
        ("Host", "elsewhere.example"),
        ("content-length", "3"),
        ("Transfer-Encoding", "chunked"),
    ] {
        assert!(
            Client::builder()
                .token("pt-a")
                .header(name, value)
                .build()
                .is_err(),
            "{name}"
        );
    }
}

#[test]
fn nothing_shows_the_token() {
    let builder = Client::builder().token("pt-secret");
    assert!(!format!("{builder:?}").contains("secret"));
    // URLs with credentials are refused, but only when the client is built.
    for url in [
        "https://user:secret@api.example/",
        "https://user:p@ss-secret@api.example/",
        "https://api.example/?key=secret",
    ] {
        let account = ServiceAccount::new("sak-secret").exchange_origin(url);
        let shown = format!(
            "{account:?} {:?} {:?}",
            Client::builder().base_url(url),
            Client::builder().service_account(account.clone()),
        );
        assert!(shown.contains("api.example"), "{shown}");
        assert!(!shown.contains("secret"), "{shown}");
    }
    let client = builder.build().expect("a client");
    assert!(!format!("{client:?}").contains("secret"));
}

#[test]
fn a_transport_that_cannot_reach_the_base_url_is_refused() {
    let refused = |base: &str| {
        let transport = Transport::builder().build().expect("a transport");
        let builder = Client::builder().token("pt-a").allow_plain_http(true);
        builder.base_url(base).transport(transport).build()
    };
    refused("http://127.0.0.1:1/").expect("loopback is reached");
    let error = refused("http://gateway.example/").expect_err("the transport refuses plain http");
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(
        error.to_string().contains("plain http to gateway.example"),
        "{error}"
    );
}
