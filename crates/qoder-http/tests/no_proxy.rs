//! Exceptions from proxies that mean nothing: somebody should know.
#![cfg(feature = "proxy")]

use std::fmt::{Debug, Write};
use std::sync::{Arc, Mutex};

use qoder_http::{Proxy, Transport};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// The warnings, as text.
#[derive(Clone, Default)]
struct Warnings(Arc<Mutex<Vec<String>>>);

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = write!(self.0, "{field}={value:?} ");
    }
}

impl Subscriber for Warnings {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::WARN
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut text = Text(String::new());
        event.record(&mut text);
        self.0.lock().expect("no panic").push(text.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[test]
fn what_means_nothing_is_warned_of_once() {
    for (entries, warned) in [
        ("one.test, 10.0.0.0/8 *", None),
        (
            "one.test,http://two.test,10.0.0.,u:secret@three.test",
            Some("3 of"),
        ),
    ] {
        let warnings = Warnings::default();
        tracing::subscriber::with_default(warnings.clone(), || {
            let proxy = Proxy::http("http://p:1")
                .expect("a proxy")
                .no_proxy(entries);
            Transport::builder()
                .proxy(proxy)
                .build()
                .expect("a transport");
        });
        let said = warnings.0.lock().expect("no panic").clone();
        assert_eq!(said.len(), usize::from(warned.is_some()), "{said:?}");
        if let (Some(text), [said]) = (warned, &said[..]) {
            assert!(said.contains(text), "{said}");
            assert!(
                said.contains("http://two.test") && said.contains("10.0.0."),
                "{said}"
            );
            assert!(
                !said.contains("one.test") && !said.contains("secret"),
                "{said}"
            );
        }
    }
}
