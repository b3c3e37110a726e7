//! The server: connections, and what every request meets first.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, Method, Response, header};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::body::ResponseBody;
use crate::fault::{Fault, Target};
use crate::recorded::Recorded;
use crate::refusal::Refusal;
use crate::request::Request;
use crate::resources::files::STORAGE;
use crate::response::{Answered, Denied};
use crate::settings::Dialect;
use crate::state::world::World;
use crate::{documents, resources, storage, streams, token_exchange};

/// Accepts connections until the server stops.
pub(crate) async fn accept(listener: TcpListener, world: Arc<World>) {
    let mut stopped = world.closing.subscribe();
    loop {
        let connection = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((connection, _)) => connection,
                // Out of descriptors, or the peer is gone already: neither is for ever.
                Err(_) => {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    continue;
                }
            },
            () = gone(&mut stopped) => return,
        };
        let _ = connection.set_nodelay(true);
        let number = {
            let mut inner = world.lock();
            inner.connections += 1;
            inner.connections
        };
        let world = Arc::clone(&world);
        tokio::spawn(serve(connection, number, world, stopped.clone()));
    }
}

async fn serve(
    connection: TcpStream,
    number: u64,
    world: Arc<World>,
    mut stopped: watch::Receiver<bool>,
) {
    let service = service_fn(move |request| respond(Arc::clone(&world), number, request));
    #[cfg(feature = "http2")]
    let builder =
        hyper_util::server::conn::auto::Builder::new(hyper_util::rt::TokioExecutor::new());
    #[cfg(not(feature = "http2"))]
    let builder = hyper::server::conn::http1::Builder::new();
    let serving = builder.serve_connection(TokioIo::new(connection), service);
    tokio::select! {
        // A connection that breaks is its client's to notice.
        _ = serving => {}
        () = gone(&mut stopped) => {}
    }
}

/// Waits until the simulator is stopped.
async fn gone(stopped: &mut watch::Receiver<bool>) {
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

/// No answer: the connection is closed.
#[derive(Debug)]
struct NoAnswer;

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no answer, on purpose")
    }
}

impl std::error::Error for NoAnswer {}

async fn respond(
    world: Arc<World>,
    connection: u64,
    request: http::Request<Incoming>,
) -> Result<Response<ResponseBody>, NoAnswer> {
    let dialect = world.settings.dialect;
    let target = target(&request);
    let request = Request::read(request, dialect).await;
    let fault = world.lock().plan.take(target);
    if matches!(fault, Fault::Stall) {
        record(&world, connection, target, &request, 0);
        return std::future::pending().await;
    }
    let answered = answer(&world, target, &request, fault).await;
    let response = answered.map_or_else(
        |denied| {
            if let Denied::Unknown = denied {
                let what = format!("{} {}", request.method, request.path);
                world.lock().unexpected.push(what);
            }
            let id = (dialect == Dialect::Current).then_some(request.id.as_str());
            denied.response(id)
        },
        Some,
    );
    let status = response
        .as_ref()
        .map_or(0, |response| response.status().as_u16());
    record(&world, connection, target, &request, status);
    let mut response = response.ok_or(NoAnswer)?;
    if let Ok(id) = HeaderValue::try_from(request.id) {
        response.headers_mut().insert("x-request-id", id);
    }
    Ok(response)
}

/// Returns the part of the server that a request is for.
fn target(request: &http::Request<Incoming>) -> Target {
    let path = request.uri().path();
    let accepts = request.headers().get(header::ACCEPT);
    let accepts = accepts.and_then(|accepts| accepts.to_str().ok());
    if path == token_exchange::PATH {
        Target::Exchange
    } else if path.starts_with(STORAGE) {
        Target::Storage
    } else if request.method() == Method::GET && streams::is_for(path, accepts.unwrap_or_default())
    {
        Target::Stream
    } else {
        Target::Call
    }
}

async fn answer(world: &Arc<World>, target: Target, request: &Request, fault: Fault) -> Answered {
    // What strikes before anything is done.
    match fault {
        Fault::Reset => return Err(Denied::Silently),
        Fault::Flat401 => return Err(Denied::Flatly),
        Fault::Status {
            status,
            retry_after,
        } => return Err(Denied::Refused(Refusal::of_status(status), retry_after)),
        _ => {}
    }
    match target {
        Target::Exchange => token_exchange::answer(world, request, &fault),
        Target::Storage => storage::answer(world, request, &fault),
        Target::Stream => streams::answer(world, request, &owner(world, request)?, fault),
        Target::Call | Target::Any => {
            documents::answer(world, request, &owner(world, request)?, &fault).await
        }
    }
}

/// Whose account the bearer token opens.
fn owner(world: &World, request: &Request) -> Result<String, Denied> {
    let now = world.clock.now();
    let opened = request
        .bearer()
        .ok_or_else(Refusal::unauthorized)
        .and_then(|token| {
            let inner = world.lock();
            inner.tokens.account(token, now).map(ToOwned::to_owned)
        });
    opened.map_err(|why| {
        if world.settings.flat_401 && why.status == 401 {
            Denied::Flatly
        } else {
            why.into()
        }
    })
}

fn record(world: &World, connection: u64, target: Target, request: &Request, status: u16) {
    let segments = request.segments();
    let method = request.method.as_str();
    let operation = match target {
        Target::Exchange => Some(format!("{method} {}", request.path)),
        Target::Stream => streams::find(&segments).map(|(path, _)| format!("GET {path}")),
        Target::Storage => None,
        Target::Call | Target::Any => {
            let found = resources::find(method, &segments, world.settings.dialect);
            found.map(|found| format!("{} {}", found.method, found.path))
        }
    };
    world.lock().requests.push(Recorded {
        operation,
        method: request.method.to_string(),
        path: request.path.clone(),
        query: request.query.clone(),
        headers: request.headers.clone(),
        body: request.body.clone().unwrap_or_default(),
        status,
        connection,
    });
}
