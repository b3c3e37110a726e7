//! The shell, against a double of the server, in virtual time.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::Frame;
use qoder_http::{RequestBody, Transport};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use tower::service_fn;

use super::{CancelReason, WorkerNotice};
use crate::client::Client;
use crate::error::ErrorKind;

/// A body that is there whole.
struct Whole(Option<Bytes>);

impl http_body::Body for Whole {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.take().map(|bytes| Ok(Frame::data(bytes))))
    }
}

#[derive(Clone, Default)]
struct Double(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    queue: VecDeque<Value>,
    /// The requests: their times, names and keys.
    log: Vec<(Duration, String, Option<String>)>,
    begun: Option<Instant>,
    beats: u32,
    /// The state that heartbeats tell, and the status that they are answered with.
    tells: &'static str,
    beat_status: u16,
    poll_status: u16,
    /// So many stops fail.
    stops_fail: u32,
    workers: Vec<String>,
}

impl Double {
    fn new(works: &[&str]) -> Self {
        let double = Self::default();
        let mut state = double.state();
        state.begun = Some(Instant::now());
        state.tells = "active";
        state.queue = works.iter().map(|id| work(id)).collect();
        drop(state);
        double
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no panic")
    }

    fn client(&self) -> Client {
        let double = self.clone();
        let service = service_fn(move |request: Request<RequestBody>| {
            let double = double.clone();
            async move { Ok::<_, Infallible>(double.answer(request).await) }
        });
        Client::builder()
            .token("pt-a-token-of-nobody")
            .base_url("https://api.example/v1")
            .transport(Transport::from_service(service))
            .build()
            .expect("a client")
    }

    /// The requests that end so: when each came, in whole seconds.
    fn times(&self, end: &str) -> Vec<u64> {
        let state = self.state();
        let these = state.log.iter().filter(|(_, what, _)| what.contains(end));
        these.map(|(when, _, _)| when.as_secs()).collect()
    }

    async fn answer(&self, request: Request<RequestBody>) -> Response<Whole> {
        let (parts, _) = request.into_parts();
        let what = parts.uri.path_and_query().expect("a path").to_string();
        let header = |name| {
            let value = parts.headers.get(name)?;
            value.to_str().ok().map(ToOwned::to_owned)
        };
        let waits = what.contains("/poll") && self.state().queue.is_empty();
        if waits {
            sleep(Duration::from_millis(999)).await;
        }
        let mut state = self.state();
        let when = state.begun.expect("begun").elapsed();
        state
            .log
            .push((when, what.clone(), header("idempotency-key")));
        let (status, body) = if what.contains("/poll") {
            state.workers.extend(header("worker-id"));
            let next = state.queue.pop_front().unwrap_or(Value::Null);
            (state.poll_status, next)
        } else if what.contains("/heartbeat") {
            state.beats += 1;
            let beat = json!({
                "type": "work_heartbeat", "last_heartbeat": format!("b{}", state.beats),
                "lease_extended": true, "state": state.tells, "ttl_seconds": 30,
            });
            (state.beat_status, beat)
        } else if what.contains("/stop") && state.stops_fail > 0 {
            state.stops_fail -= 1;
            (503, json!({}))
        } else {
            (200, work("work_1"))
        };
        let status = StatusCode::from_u16(status.max(200)).expect("a status");
        let mut response = Response::new(Whole(Some(body.to_string().into())));
        *response.status_mut() = status;
        response
    }
}

fn work(id: &str) -> Value {
    json!({
        "id": id, "type": "work", "environment_id": "env_1", "state": "queued",
        "data": {"type": "session", "id": "sess_1"}, "metadata": {},
        "created_at": "2026-07-01T00:00:00Z",
    })
}

/// The sink of notices.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<WorkerNotice>>>);

impl Told {
    fn tell(&self) -> impl FnMut(WorkerNotice) + Send + 'static {
        let told = self.clone();
        move |notice| told.0.lock().expect("no panic").push(notice)
    }

    fn all(&self) -> Vec<String> {
        let told = self.0.lock().expect("no panic");
        told.iter().map(ToString::to_string).collect()
    }

    fn has(&self, what: impl Fn(&WorkerNotice) -> bool) -> bool {
        self.0.lock().expect("no panic").iter().any(what)
    }
}

#[tokio::test(start_paused = true)]
async fn each_piece_of_work_has_its_handler_and_ends_with_a_stop() {
    let double = Double::new(&["work_1", "work_2", "work_3"]);
    double.state().stops_fail = 1;
    let told = Told::default();
    double
        .client()
        .worker("env_1")
        .concurrency(3)
        .worker_id("host-7")
        .shutdown_on(sleep(Duration::from_secs(45)))
        .on_notice(told.tell())
        .run(|job| async move {
            assert_eq!(job.session().id().as_str(), "sess_1");
            match job.id().as_str() {
                "work_1" => sleep(Duration::from_secs(25)).await,
                "work_2" => return Err("it did not work\nout"),
                _ => panic!("no way"),
            }
            Ok(())
        })
        .await
        .expect("a shutdown");
    let all = told.all();
    for expected in [
        "work_1: started, for sess_1",
        "work_1: finished",
        "work_2: failed: it did not work out",
        "work_3: panicked: no way",
        "shutting down",
    ] {
        assert!(all.iter().any(|told| told == expected), "{all:#?}");
    }
    assert_eq!(double.times("work_1/heartbeat"), [0, 10, 20]);
    assert_eq!(double.times("work_1/ack"), [0]);
    assert_eq!(double.times("work_1/stop"), [25]);
    let polls = double.times("/poll").len();
    assert!((40..60).contains(&polls), "{polls}");

    let state = double.state();
    assert!(state.workers.iter().all(|worker| worker == "host-7"));
    let beats = state
        .log
        .iter()
        .filter(|(_, what, _)| what.contains("work_1/heartbeat"));
    let beats: Vec<&str> = beats.map(|(_, what, _)| what.as_str()).collect();
    assert!(beats[0].contains("expected_last_heartbeat=NO_HEARTBEAT"));
    assert!(beats[0].contains("desired_ttl_seconds=60"));
    assert!(beats[1].contains("expected_last_heartbeat=b"), "{beats:?}");
    // A stop that failed is repeated under its key, and no two others have one in common.
    let keys = state.log.iter().filter_map(|(_, _, key)| key.as_ref());
    let mut keys: Vec<&String> = keys.collect();
    let writes = keys.len();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), writes - 1);
}

#[tokio::test(start_paused = true)]
async fn a_lost_lease_cancels_the_handler_and_nothing_is_sent_for_it() {
    let double = Double::new(&["work_1"]);
    let told = Told::default();
    let server = double.clone();
    double
        .client()
        .worker("env_1")
        .shutdown_on(sleep(Duration::from_secs(60)))
        .on_notice(told.tell())
        .run(|job| {
            server.state().beat_status = 412;
            async move {
                job.stopping().await;
                Ok::<_, Infallible>(())
            }
        })
        .await
        .expect("a shutdown");
    assert_eq!(double.times("/heartbeat"), [0, 10]);
    assert!(double.times("/stop").is_empty());
    assert!(told.has(|notice| matches!(
        notice,
        WorkerNotice::Canceled {
            reason: CancelReason::LeaseLost,
            ..
        }
    )));
}

#[tokio::test(start_paused = true)]
async fn handlers_are_told_to_stop_and_canceled_after_the_grace() {
    for heeds in [true, false] {
        let double = Double::new(&["work_1"]);
        let told = Told::default();
        let server = double.clone();
        double
            .client()
            .worker("env_1")
            .grace(Duration::from_secs(7))
            .shutdown_on(sleep(Duration::from_secs(60)))
            .on_notice(told.tell())
            .run(|job| {
                server.state().tells = "stopping";
                async move {
                    job.stopping().await;
                    assert!(job.is_stopping());
                    if !heeds {
                        std::future::pending::<()>().await;
                    }
                    Ok::<_, Infallible>(())
                }
            })
            .await
            .expect("a shutdown");
        let stopped = if heeds { 10 } else { 17 };
        assert_eq!(double.times("/stop"), [stopped], "{:?}", told.all());
        let canceled = told.has(|notice| matches!(notice, WorkerNotice::Canceled { .. }));
        assert_eq!(canceled, !heeds);
    }
}

#[tokio::test(start_paused = true)]
async fn a_poll_that_is_refused_ends_the_worker_with_its_error() {
    let double = Double::new(&[]);
    double.state().poll_status = 404;
    let worker = double.client().worker("env_1");
    // As a task of its own, which needs a future that can be sent.
    let running = tokio::spawn(worker.run(|_| async { Ok::<_, Infallible>(()) }));
    let error = running
        .await
        .expect("no panic")
        .expect_err("no environment");
    assert!(error.is_not_found(), "{error}");
    assert_eq!(error.operation(), Some("environments.work.poll"));
    assert_eq!(double.times("/poll").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn work_of_an_unknown_kind_is_left_to_others() {
    let double = Double::new(&[]);
    let mut odd = work("work_9");
    odd["data"] = json!({"type": "healthcheck", "id": "hc_1"});
    double.state().queue.push_back(odd);
    let told = Told::default();
    double
        .client()
        .worker("env_1")
        .shutdown_on(sleep(Duration::from_secs(3)))
        .on_notice(told.tell())
        .run(|_| async { Ok::<_, Infallible>(()) })
        .await
        .expect("a shutdown");
    assert!(told.has(|notice| matches!(notice, WorkerNotice::UnknownKind { .. })));
    assert!(double.times("/work_9/").is_empty());
}

#[tokio::test]
async fn settings_that_do_nothing_are_refused() {
    let client = Double::new(&[]).client();
    let idle = client.worker("env_1").concurrency(0);
    let brief = client.worker("env_1").lease(Duration::ZERO);
    for worker in [idle, brief] {
        let ended = worker.run(|_| async { Ok::<_, Infallible>(()) }).await;
        assert_eq!(ended.expect_err("refused").kind(), ErrorKind::Input);
    }
}
