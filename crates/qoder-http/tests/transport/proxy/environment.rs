//! Proxies that the environment names.

use std::ffi::OsString;

use super::servers::{Seen, connect_proxy, listen};
use super::{get, service};
use crate::pki::Authority;
use qoder_http::{Lane, Tls, Transport};

/// Runs the test below with proxies in its environment, which can't be changed safely here.
#[tokio::test]
async fn the_environment_is_the_default() {
    let authority = Authority::new();
    let service = service(&authority).await;
    let seen = Seen::default();
    let kept = seen.clone();
    let proxy =
        listen(move |client| connect_proxy(client, service, Some("dTpw"), kept.clone())).await;
    let url = format!("https://service.test:{}/", service.port());
    for (name, value, text) in [
        ("HTTPS_PROXY", format!("http://u:p@{proxy}"), "status 200"),
        ("https_proxy", format!("http://u:p@{proxy}"), "status 200"),
        (
            "all_proxy",
            format!("http://u:no@{proxy}"),
            "credentials (407)",
        ),
        (
            "HTTPS_PROXY",
            "gopher://u:p@p".to_owned(),
            "HTTPS_PROXY has a scheme",
        ),
        (
            "HTTP_PROXY",
            format!("http://u:p@{proxy}"),
            "could not be resolved",
        ),
        ("HTTPS_PROXY", "\u{ff}".to_owned(), "HTTPS_PROXY is no URL"),
        #[cfg(unix)]
        (
            "HTTPS_PROXY",
            "not UTF-8".to_owned(),
            "HTTPS_PROXY is not UTF-8",
        ),
        #[cfg(unix)]
        ("no_proxy", "not UTF-8".to_owned(), "no_proxy is not UTF-8"),
    ] {
        let value = OsString::from(value);
        #[cfg(unix)]
        let value = match value.to_str() {
            Some("not UTF-8") => {
                std::os::unix::ffi::OsStringExt::from_vec(b"http://p\xFF".to_vec())
            }
            _ => value,
        };
        let program = std::env::current_exe().expect("a path");
        let ran = tokio::process::Command::new(program)
            .args([
                "--exact",
                "proxy::environment::with_an_environment",
                "--ignored",
                "--nocapture",
            ])
            .env_clear()
            .env(name, value)
            .env("TEST_URL", &url)
            .env("TEST_ROOT", authority.pem())
            .output()
            .await
            .expect("a run");
        let said = String::from_utf8_lossy(&ran.stdout).into_owned();
        assert!(said.contains(text), "{name}: {said}");
    }
    assert_eq!(seen.text().matches("CONNECT service.test").count(), 3);
}

#[tokio::test]
#[ignore = "the test above runs it"]
#[allow(clippy::print_stdout, reason = "its caller reads it")]
async fn with_an_environment() {
    let url = std::env::var("TEST_URL").expect("a URL");
    let root = std::env::var("TEST_ROOT").expect("an authority");
    let tls = Tls::builder().add_root_pem(root).build();
    let built = Transport::builder()
        .tls(tls.expect("a configuration"))
        .build();
    let sent = match built {
        Ok(transport) => get(&transport, &url, Lane::Call).await,
        Err(error) => Err(error),
    };
    match sent {
        Ok(response) => println!("status {}", response.status().as_u16()),
        Err(error) => println!("{error}"),
    }
}
