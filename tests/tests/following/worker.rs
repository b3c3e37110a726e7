//! The worker loop over sockets: who does which piece of work, and what becomes of it when a lease
//! is lost, a worker dies, or is told to end.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::common::queue::Queue;
use crate::common::{client, current, start};
use qoder::Worker;
use qoder::types::{WorkHeartbeat, WorkId, WorkState};
use qoder::worker::{CancelReason, Job, WorkerNotice};
use qoder_sim::Sim;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{Semaphore, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// The lease of a worker that says nothing of it.
const LEASE: Duration = Duration::from_secs(60);

/// A simulator whose agents wait for a worker for ever, and a queue.
async fn set_up() -> (Sim, Queue) {
    let sim = start(current().agent("operator", |_| pending())).await;
    let queue = Queue::new(client(&sim)).await;
    (sim, queue)
}

/// What workers tell, and how they are told to end.
struct Told {
    stop: watch::Sender<bool>,
    send: UnboundedSender<WorkerNotice>,
    notices: UnboundedReceiver<WorkerNotice>,
}

impl Told {
    fn new() -> Self {
        let (send, notices) = unbounded_channel();
        Self {
            stop: watch::Sender::new(false),
            send,
            notices,
        }
    }

    /// A worker that tells it here.
    fn worker(&self, queue: &Queue) -> Worker {
        let (send, mut stop) = (self.send.clone(), self.stop.subscribe());
        queue
            .client
            .worker(&queue.environment)
            .on_notice(move |notice| {
                let _ = send.send(notice);
            })
            .shutdown_on(async move { stop.wait_for(|stop| *stop).await.is_ok() })
    }

    /// The next notice that this is something of.
    async fn until<T>(&mut self, of: impl Fn(&WorkerNotice) -> Option<T>) -> T {
        let mut before = Vec::new();
        loop {
            let notice = timeout(Duration::from_secs(60), self.notices.recv()).await;
            let Ok(Some(notice)) = notice else {
                panic!("only {before:?}");
            };
            if let Some(of) = of(&notice) {
                return of;
            }
            before.push(notice);
        }
    }

    async fn started(&mut self) -> WorkId {
        self.until(|notice| match notice {
            WorkerNotice::Started { work, .. } => Some(work.clone()),
            _ => None,
        })
        .await
    }

    async fn finished(&mut self) -> WorkId {
        self.until(|notice| match notice {
            WorkerNotice::Finished { work } => Some(work.clone()),
            _ => None,
        })
        .await
    }

    async fn canceled(&mut self) -> (WorkId, CancelReason) {
        self.until(|notice| match notice {
            WorkerNotice::Canceled { work, reason } => Some((work.clone(), *reason)),
            _ => None,
        })
        .await
    }

    fn shut_down(&self) {
        self.stop.send_replace(true);
    }
}

async fn ended(worker: JoinHandle<qoder::Result<()>>) {
    let ended = timeout(Duration::from_secs(60), worker).await;
    ended.expect("in time").expect("no panic").expect("an end");
}

/// Says that a handler was dropped.
struct Dropped(UnboundedSender<WorkId>, WorkId);

impl Drop for Dropped {
    fn drop(&mut self) {
        let _ = self.0.send(self.1.clone());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_workers_share_a_queue() {
    let (sim, queue) = set_up().await;
    let sessions = queue.fill(12).await;
    let mut told = Told::new();
    let done: Arc<Mutex<HashMap<String, Vec<usize>>>> = Arc::default();
    // Nobody goes on before each worker has something to do.
    let all = Arc::new(tokio::sync::Barrier::new(3));
    let workers: Vec<_> = (0..3)
        .map(|number| {
            let (done, all) = (Arc::clone(&done), Arc::clone(&all));
            let worker = told.worker(&queue).worker_id(format!("host-{number}"));
            tokio::spawn(worker.run(move |job| {
                let (done, all) = (Arc::clone(&done), Arc::clone(&all));
                async move {
                    let session = job.session().id().to_string();
                    let is_first = {
                        let mut done = done.lock().expect("what is done");
                        let is_first = !done.values().any(|by| by.contains(&number));
                        done.entry(session).or_default().push(number);
                        is_first
                    };
                    if is_first {
                        all.wait().await;
                    }
                    Ok::<_, Infallible>(())
                }
            }))
        })
        .collect();
    for _ in &sessions {
        told.finished().await;
    }
    told.shut_down();
    for worker in workers {
        ended(worker).await;
    }
    let done = done.lock().expect("what is done").clone();
    assert_eq!(done.len(), sessions.len());
    for session in &sessions {
        assert_eq!(done[session.as_str()].len(), 1, "{done:?}");
    }
    for number in 0..3 {
        assert!(done.values().any(|by| by.contains(&number)), "{done:?}");
    }
    assert_eq!(queue.states().await, vec![WorkState::Stopped; 12]);
    assert!(sim.unexpected().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_is_done_at_a_time_than_was_asked_for() {
    let (_sim, queue) = set_up().await;
    queue.fill(6).await;
    let mut told = Told::new();
    let (now, most) = (Arc::new(Mutex::new(0)), Arc::new(Mutex::new(0)));
    let gate = Arc::new(Semaphore::new(0));
    let worker = {
        let (now, most, gate) = (Arc::clone(&now), Arc::clone(&most), Arc::clone(&gate));
        let worker = told.worker(&queue).concurrency(2);
        tokio::spawn(worker.run(move |_| {
            let (now, most, gate) = (Arc::clone(&now), Arc::clone(&most), Arc::clone(&gate));
            async move {
                {
                    let mut now = now.lock().expect("a count");
                    *now += 1;
                    let mut most = most.lock().expect("a count");
                    *most = (*most).max(*now);
                }
                gate.acquire().await.expect("a gate").forget();
                *now.lock().expect("a count") -= 1;
                Ok::<_, Infallible>(())
            }
        }))
    };
    for _ in 0..2 {
        told.started().await;
    }
    // What waits beside the two was given to nobody.
    let stats = queue.client.environments().work();
    let stats = stats.stats(&queue.environment).await.expect("an account");
    assert_eq!((stats.depth, stats.pending), (4, 0));
    gate.add_permits(6);
    for _ in 0..6 {
        told.finished().await;
    }
    told.shut_down();
    ended(worker).await;
    assert_eq!(*most.lock().expect("a count"), 2);
}

/// A worker whose handlers never end, and say when they are dropped.
fn endless(worker: Worker) -> (JoinHandle<qoder::Result<()>>, UnboundedReceiver<WorkId>) {
    let (send, dropped) = unbounded_channel();
    let running = tokio::spawn(worker.run(move |job: Job| {
        let dropped = Dropped(send.clone(), job.id().clone());
        async move {
            pending::<()>().await;
            drop(dropped);
            Ok::<_, Infallible>(())
        }
    }));
    (running, dropped)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_that_ran_out_cancels_the_handler() {
    let (sim, queue) = set_up().await;
    queue.fill(1).await;
    let mut told = Told::new();
    // A heartbeat a second.
    let worker = told.worker(&queue).lease(Duration::from_secs(3));
    let (worker, mut dropped) = endless(worker);
    let work = told.started().await;
    assert_eq!(queue.work(&work).await.state, WorkState::Active);
    // To the server, the worker has been silent for an hour.
    sim.advance(Duration::from_secs(3600));
    assert_eq!(queue.work(&work).await.state, WorkState::Queued);
    assert_eq!(
        told.canceled().await,
        (work.clone(), CancelReason::LeaseLost)
    );
    assert_eq!(dropped.recv().await, Some(work.clone()));
    // Whoever asks next has it, and that may be the same worker.
    assert_eq!(told.started().await, work);
    worker.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_heartbeat_with_the_wrong_last_value_is_a_lost_lease() {
    let (_sim, queue) = set_up().await;
    queue.fill(1).await;
    let mut told = Told::new();
    let worker = told.worker(&queue).lease(Duration::from_secs(3));
    let (worker, mut dropped) = endless(worker);
    let work = told.started().await;
    // Somebody else takes part in its lease. The worker may have been quicker; then once more.
    let calls = queue.client.environments().work();
    let stale = loop {
        let last = queue.work(&work).await.latest_heartbeat_at;
        let last = last.expect("a heartbeat").to_string();
        let beat = calls
            .heartbeat(&queue.environment, &work)
            .query("expected_last_heartbeat", &last)
            .query("desired_ttl_seconds", 300);
        match beat.await {
            Ok(_) => break last,
            Err(error) => assert_eq!(error.status().map(|status| status.as_u16()), Some(412)),
        }
    };
    for expected in [stale.as_str(), WorkHeartbeat::NONE] {
        let beat = calls
            .heartbeat(&queue.environment, &work)
            .query("expected_last_heartbeat", expected);
        let error = beat.await.expect_err("not the last one");
        assert_eq!(error.status().map(|status| status.as_u16()), Some(412));
    }
    assert_eq!(
        told.canceled().await,
        (work.clone(), CancelReason::LeaseLost)
    );
    assert_eq!(dropped.recv().await, Some(work.clone()));
    // It is the other one's: nothing more is said of it, and least of all that it is over.
    told.shut_down();
    ended(worker).await;
    assert_eq!(queue.work(&work).await.state, WorkState::Active);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_that_somebody_stops_ends_its_handler() {
    let (_sim, queue) = set_up().await;
    queue.fill(1).await;
    let mut told = Told::new();
    let worker = told.worker(&queue).lease(Duration::from_secs(3));
    let worker = tokio::spawn(worker.run(|job| async move {
        job.stopping().await;
        Ok::<_, Infallible>(())
    }));
    let work = told.started().await;
    let calls = queue.client.environments().work();
    let stop = qoder::types::WorkStop::new();
    let stopping = calls.stop(&queue.environment, &work, stop).await;
    assert_eq!(stopping.expect("accepted").state, WorkState::Stopping);
    assert_eq!(told.finished().await, work);
    told.shut_down();
    ended(worker).await;
    assert_eq!(queue.work(&work).await.state, WorkState::Stopped);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shutdown_ends_what_is_held_and_leaves_the_rest() {
    let (_sim, queue) = set_up().await;
    queue.fill(4).await;
    let mut told = Told::new();
    let (begins, mut began) = unbounded_channel();
    let worker = told
        .worker(&queue)
        .concurrency(2)
        .grace(Duration::from_millis(200));
    let worker = tokio::spawn(worker.run(move |job: Job| {
        let begins = begins.clone();
        async move {
            let (heeds, heed) = oneshot::channel();
            let _ = begins.send((job.id().clone(), heeds));
            // One is told that it is not to look.
            if heed.await.is_ok_and(|heed| heed) {
                job.stopping().await;
            } else {
                pending::<()>().await;
            }
            Ok::<_, Infallible>(())
        }
    }));
    let mut held = Vec::new();
    for heeds in [false, true] {
        let (work, answer) = began.recv().await.expect("a handler");
        answer.send(heeds).expect("it waits");
        held.push(work);
    }
    told.shut_down();
    // The one that looks ends, and the other one is canceled after the grace.
    assert_eq!(told.finished().await, held[1]);
    let canceled = (held[0].clone(), CancelReason::ShutDown);
    assert_eq!(told.canceled().await, canceled);
    ended(worker).await;
    for work in &held {
        assert_eq!(queue.work(work).await.state, WorkState::Stopped);
    }
    let queued = queue.states().await;
    let queued = queued.iter().filter(|state| **state == WorkState::Queued);
    assert_eq!(queued.count(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_dead_worker_held_is_done_by_another_one() {
    let (sim, queue) = set_up().await;
    queue.fill(2).await;
    let mut told = Told::new();
    let (worker, mut dropped) = endless(told.worker(&queue).concurrency(2));
    let mut held = [told.started().await, told.started().await];
    worker.abort();
    let mut lost = [dropped.recv().await, dropped.recv().await].map(|work| work.expect("an id"));
    held.sort();
    lost.sort();
    assert_eq!(held, lost);
    // Nothing was said of it: the server learns it when the leases run out, and not before.
    assert_eq!(queue.states().await, vec![WorkState::Active; 2]);
    let another = told.worker(&queue);
    let done: Arc<Mutex<Vec<WorkId>>> = Arc::default();
    let another = {
        let done = Arc::clone(&done);
        tokio::spawn(another.run(move |job| {
            done.lock().expect("what is done").push(job.id().clone());
            async { Ok::<_, Infallible>(()) }
        }))
    };
    sim.advance(LEASE + Duration::from_secs(1));
    for _ in &held {
        told.finished().await;
    }
    told.shut_down();
    ended(another).await;
    let mut done = done.lock().expect("what is done").clone();
    done.sort();
    assert_eq!(done, held);
    assert_eq!(queue.states().await, vec![WorkState::Stopped; 2]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_handler_says_in_its_session_is_the_sessions() {
    let sim = start(current().agent("operator", |turn| async move {
        let answer = turn
            .custom_tool("health", qoder::types::serde_json::json!({}))
            .await;
        turn.reply(answer.text()).await;
    }))
    .await;
    let queue = Queue::new(client(&sim)).await;
    let session = queue.put().await;
    let mut told = Told::new();
    let worker = tokio::spawn(
        told.worker(&queue)
            .run(|job| async move { answer(&job).await }),
    );
    told.finished().await;
    told.shut_down();
    ended(worker).await;
    let log = sim.log(session.as_str());
    let said = log.iter().find(|event| event["type"] == "agent.message");
    assert_eq!(said.expect("a message")["content"][0]["text"], "well");
    assert_eq!(queue.states().await, [WorkState::Stopped]);
}

/// Answers the first question of the agent, and waits for the end of its turn.
async fn answer(job: &Job) -> qoder::Result<()> {
    use qoder::{Event, Start};
    let session = job.session();
    let mut events = session.follow().from(Start::Beginning).events();
    while let Some(event) = events.next().await {
        match event? {
            Event::AgentCustomToolUse(asked) => {
                session.answer(asked.id.expect("an id"), "well").await?;
            }
            Event::SessionStatusIdle(idle)
                if idle.stop_reason == Some(qoder::types::StopReason::EndTurn) =>
            {
                break;
            }
            _ => {}
        }
    }
    Ok(())
}
