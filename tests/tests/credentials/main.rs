//! Service accounts and other sources of tokens.

#[path = "../common/mod.rs"]
mod common;

mod exchange;
mod following;
mod in_memory;

use common::builder;
use qoder::{Client, ClientBuilder, Dialect, Error, ServiceAccount};
use qoder_sim::{Recorded, Sim};

const KEY: &str = "sak-0123456789abcdef";

const EXCHANGE: &str = "/api/v1/serviceToken/exchange";

fn account(sim: &Sim) -> ServiceAccount {
    ServiceAccount::new(KEY).exchange_origin(sim.exchange_origin())
}

fn with_account(sim: &Sim) -> ClientBuilder {
    builder(&sim.base_url(), Dialect::Current).service_account(account(sim))
}

fn client(sim: &Sim) -> Client {
    with_account(sim).build().expect("a client")
}

fn exchanges(sim: &Sim) -> Vec<Recorded> {
    let requests = sim.requests().into_iter();
    requests
        .filter(|request| request.path == EXCHANGE)
        .collect()
}

fn statuses(sim: &Sim) -> Vec<u16> {
    sim.requests()
        .iter()
        .map(|request| request.status)
        .collect()
}

fn all_of(error: &Error) -> String {
    let source = std::error::Error::source(error);
    format!(
        "{error} {error:?} {:?} {source:?} {:?}",
        error.api(),
        error.body()
    )
}
