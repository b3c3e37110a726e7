//! Faults: what the server does wrong, on purpose and in order.

use std::collections::VecDeque;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// The requests that a fault is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// Requests for an event stream.
    Stream,
    /// Exchanges of a service account's key for a token.
    Exchange,
    /// Requests to the storage that links to files lead to.
    Storage,
    /// All other requests.
    Call,
    /// Any request.
    Any,
}

/// Something that goes wrong with the answer to one request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Nothing: the request is answered as it should be.
    None,
    /// The connection is closed without an answer.
    Reset,
    /// There is never an answer.
    Stall,
    /// The body breaks off after so many bytes.
    Cut(usize),
    /// The body of a document or a file falls silent after so many bytes.
    StallAfter(usize),
    /// A stream breaks off after so many events.
    CutFrames(usize),
    /// A stream ends, as it should in HTTP, after so many events.
    EndFrames(usize),
    /// A stream stops saying anything after so many events, heartbeats included.
    StallFrames(usize),
    /// The body comes a byte at a time.
    Split,
    /// The body comes a byte at a time, with this between them.
    Drip(Duration),
    /// Success, and no body.
    Empty,
    /// 204.
    NoContent,
    /// The body says that it is of this type.
    ContentType(String),
    /// A web page, with success.
    Html,
    /// A JSON document in place of an event stream.
    Json,
    /// The document ends half-way, as if that were all of it.
    Truncate,
    /// A body of so many bytes.
    Oversize(usize),
    /// A body that is not UTF-8.
    NotUtf8,
    /// The stream begins so many events before its cursor.
    Replay(usize),
    /// 400, as for a cursor that is not known.
    RejectCursor,
    /// Storage sends the whole, whatever range is asked for.
    IgnoreRange,
    /// Storage says that its range begins a byte later than it does.
    WrongRange,
    /// From this request on storage has another content, of the same length.
    EtagChanges,
    /// The flat form of a 401, as a gateway answers.
    Flat401,
    /// An error status.
    Status {
        /// The status.
        status: u16,
        /// `Retry-After`, if it is to be said.
        retry_after: Option<String>,
    },
}

/// The faults of a server, in the order in which requests meet them.
///
/// Each request takes the first fault left that is for it; when none is left, all is well. As
/// text, a plan is a list with commas: a target, a colon, a fault, and how often.
///
/// ```
/// use qoder_sim::{Fault, Plan, Target};
///
/// let plan: Plan = "stream:cut-frames=3*2,call:status=503;retry-after=1".parse().unwrap();
/// assert_eq!(plan, Plan::new()
///     .then(Target::Stream, Fault::CutFrames(3))
///     .then(Target::Stream, Fault::CutFrames(3))
///     .then(Target::Call, Fault::Status { status: 503, retry_after: Some("1".into()) }));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan(VecDeque<(Target, Fault)>);

/// A plan that can't be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanError(String);

impl Plan {
    /// No faults.
    pub fn new() -> Self {
        Self::default()
    }

    /// And then this one.
    pub fn then(mut self, target: Target, fault: Fault) -> Self {
        self.0.push_back((target, fault));
        self
    }

    /// And then this one, so many times.
    pub fn then_times(mut self, target: Target, fault: &Fault, times: usize) -> Self {
        self.0
            .extend(std::iter::repeat_n((target, fault.clone()), times));
        self
    }

    /// The fault for a request of this kind.
    pub(crate) fn take(&mut self, kind: Target) -> Fault {
        let fits = |target: Target| target == Target::Any || target == kind;
        let at = self.0.iter().position(|(target, _)| fits(*target));
        at.and_then(|at| self.0.remove(at))
            .map_or(Fault::None, |(_, fault)| fault)
    }
}

impl FromStr for Plan {
    type Err = PlanError;

    fn from_str(text: &str) -> Result<Self, PlanError> {
        let mut plan = Self::new();
        for entry in text.split(',').filter(|entry| !entry.is_empty()) {
            let wrong = |why: &str| PlanError(format!("{entry:?}: {why}"));
            let (target, rest) = entry.split_once(':').unwrap_or(("any", entry));
            let target = match target {
                "stream" => Target::Stream,
                "exchange" => Target::Exchange,
                "storage" => Target::Storage,
                "call" => Target::Call,
                "any" => Target::Any,
                _ => {
                    return Err(wrong(
                        "the target is stream, exchange, storage, call or any",
                    ));
                }
            };
            let (fault, times) = match rest.rsplit_once('*') {
                Some((fault, times)) => {
                    (fault, times.parse().map_err(|_| wrong("* takes a number"))?)
                }
                None => (rest, 1),
            };
            plan = plan.then_times(target, &fault.parse()?, times);
        }
        Ok(plan)
    }
}

impl FromStr for Fault {
    type Err = PlanError;

    fn from_str(text: &str) -> Result<Self, PlanError> {
        let mut words = text.split(';');
        let first = words.next().unwrap_or_default();
        let (name, value) = first.split_once('=').unwrap_or((first, ""));
        let number = || {
            value
                .parse()
                .map_err(|_| PlanError(format!("{text:?}: {name}= takes a number")))
        };
        Ok(match name {
            "none" => Self::None,
            "reset" => Self::Reset,
            "stall" => Self::Stall,
            "cut" => Self::Cut(number()?),
            "stall-after" => Self::StallAfter(number()?),
            "cut-frames" => Self::CutFrames(number()?),
            "end-frames" => Self::EndFrames(number()?),
            "stall-frames" => Self::StallFrames(number()?),
            "split" => Self::Split,
            "drip" => Self::Drip(Duration::from_millis(number()? as u64)),
            "empty" => Self::Empty,
            "no-content" => Self::NoContent,
            "content-type" => Self::ContentType(value.to_owned()),
            "html" => Self::Html,
            "json" => Self::Json,
            "truncate" => Self::Truncate,
            "oversize" => Self::Oversize(number()?),
            "not-utf8" => Self::NotUtf8,
            "replay" => Self::Replay(number()?),
            "reject-cursor" => Self::RejectCursor,
            "ignore-range" => Self::IgnoreRange,
            "wrong-range" => Self::WrongRange,
            "etag-changes" => Self::EtagChanges,
            "flat-401" => Self::Flat401,
            "status" => {
                let status = u16::try_from(number()?)
                    .ok()
                    .filter(|status| (200..=999).contains(status));
                let retry_after = words.find_map(|word| word.strip_prefix("retry-after="));
                Self::Status {
                    status: status.ok_or_else(|| PlanError(format!("{text:?}: no such status")))?,
                    retry_after: retry_after.map(ToOwned::to_owned),
                }
            }
            _ => return Err(PlanError(format!("{text:?}: there is no such fault"))),
        })
    }
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for PlanError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_take_the_first_fault_that_is_theirs() {
        let mut plan: Plan = "call:reset,stream:cut=5*2,any:stall,exchange:html,storage:cut=1"
            .parse()
            .expect("a plan");
        assert_eq!(plan.take(Target::Stream), Fault::Cut(5));
        assert_eq!(plan.take(Target::Call), Fault::Reset);
        assert_eq!(plan.take(Target::Call), Fault::Stall);
        assert_eq!(plan.take(Target::Stream), Fault::Cut(5));
        assert_eq!(plan.take(Target::Stream), Fault::None);
        assert_eq!(plan.take(Target::Call), Fault::None);
        assert_eq!(plan.take(Target::Exchange), Fault::Html);
        assert_eq!(plan.take(Target::Storage), Fault::Cut(1));
    }

    #[test]
    fn every_fault_has_a_text() {
        for text in [
            "none",
            "reset",
            "stall",
            "cut=1",
            "stall-after=1",
            "cut-frames=1",
            "end-frames=1",
            "stall-frames=1",
            "split",
            "drip=5",
            "empty",
            "no-content",
            "content-type=text/plain",
            "html",
            "json",
            "truncate",
            "oversize=9",
            "not-utf8",
            "replay=2",
            "reject-cursor",
            "ignore-range",
            "wrong-range",
            "etag-changes",
            "flat-401",
            "status=429",
            "status=503;retry-after=2",
        ] {
            assert!(text.parse::<Fault>().is_ok(), "{text}");
        }
        for text in ["boom", "cut=x", "status=5", "stream:cut=1*x", "tcp:reset"] {
            assert!(text.parse::<Plan>().is_err(), "{text}");
        }
    }
}
