//! The list of events, with its pages, orders and faults.

use std::ops::{ControlFlow, Range};

use http::{Request, Response, header};
use qoder_http::RequestBody;

use super::{Answer, AnyBody, answer, refusal, reset, unavailable};
use crate::faults::schedule::From;
use crate::faults::stream::Literal;
use crate::faults::world::{Shared, World, lock};

/// A request for a page.
struct Question<'a> {
    limit: usize,
    page: Option<usize>,
    after: Option<&'a str>,
    descending: bool,
}

/// The page that answers it.
struct Page {
    range: Range<usize>,
    /// The next page begins here.
    more: Option<usize>,
    descending: bool,
}

/// A fault that is an answer all the same.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Spoilt {
    No,
    /// It is cut.
    Cut,
    /// It has more pages, and no cursor for them.
    Broken,
}

impl<'a> Question<'a> {
    fn of(query: &'a str) -> Self {
        let value = |name: &str| {
            query
                .split('&')
                .filter_map(|pair| pair.split_once('='))
                .find_map(|(key, value)| (key == name).then_some(value))
        };
        let number = |name: &str| value(name).and_then(|number| number.parse().ok());
        Self {
            limit: number("limit").unwrap_or(20),
            page: number("page"),
            after: value("after_id"),
            descending: value("order") == Some("desc"),
        }
    }

    /// Whether what came newest first is in order: what comes after one of two events.
    fn is_check(&self) -> bool {
        self.after.is_some() && self.limit == 2
    }
}

/// Answers who lists.
pub(super) fn list(world: &Shared, request: &Request<RequestBody>) -> Option<Answer> {
    let query = request.uri().query().unwrap_or("");
    let question = Question::of(query);
    let mut w = lock(world);
    w.tell(|| format!("list {query}"));
    if w.schedule.thread && question.descending {
        w.complain("a thread's list has no order");
    }
    let spoilt = match fault(&mut w, &question) {
        ControlFlow::Continue(spoilt) => spoilt,
        ControlFlow::Break(answer) => return answer,
    };
    let published = w.listed().max(w.oldest());
    let page = match page(&mut w, &question, published) {
        ControlFlow::Continue(page) => page,
        ControlFlow::Break(answer) => return Some(answer),
    };
    if spoilt != Spoilt::Cut {
        tells_the_newest(&mut w, &question, &page, published);
        if question.descending {
            w.looks.push((question.page.is_none(), published));
        }
    }
    Some(written(&w, page, spoilt))
}

/// A fault, if there is one: an answer, none ever, or one that is spoilt.
fn fault(w: &mut World, question: &Question<'_>) -> ControlFlow<Option<Answer>, Spoilt> {
    w.lists += 1;
    let every = w.schedule.odd.list_faults;
    if every.is_some_and(|every| w.lists % every == 0) {
        w.fruitless += 1;
        w.tell(|| "  fails".to_owned());
        return ControlFlow::Break(Some(refusal(503, "overloaded_error", None)));
    }
    if !w.fault() {
        return ControlFlow::Continue(Spoilt::No);
    }
    // A list that heeds no cursor doesn't reject one that it just had.
    let ignores = question.is_check() && w.schedule.odd.ignores_after;
    match (w.chance.below(8), question.after) {
        (0, _) => ControlFlow::Break(Some(Err(reset()))),
        (1, _) => {
            w.tell(|| "  stalls".to_owned());
            ControlFlow::Break(None)
        }
        (2 | 3, _) => ControlFlow::Break(Some(unavailable(w))),
        (4, Some(after)) if !ignores => ControlFlow::Break(Some(does_not_know(w, after))),
        (5, _) => {
            w.tell(|| "  answers, but without a cursor".to_owned());
            ControlFlow::Continue(Spoilt::Broken)
        }
        (6, _) if w.chance.percent(10) => {
            w.refused = true;
            let kinds = [(401, "authentication_error"), (403, "permission_error")];
            let (status, kind) = w.chance.pick(&kinds);
            w.tell(|| format!("  refuses for good ({status})"));
            ControlFlow::Break(Some(refusal(status, kind, None)))
        }
        _ => {
            w.tell(|| "  answers, but cut".to_owned());
            ControlFlow::Continue(Spoilt::Cut)
        }
    }
}

/// 400, for a cursor that the list doesn't know either.
fn does_not_know(w: &mut World, after: &str) -> Answer {
    w.tell(|| "  rejects the cursor".to_owned());
    w.is_not_listed(after);
    refusal(400, "invalid_request_error", None)
}

fn page(w: &mut World, question: &Question<'_>, published: usize) -> ControlFlow<Answer, Page> {
    let oldest = w.oldest();
    let take = question.limit.min(w.schedule.page);
    if question.descending && !w.schedule.odd.ignores_order {
        let end = question.page.unwrap_or(published).clamp(oldest, published);
        let begin = end.saturating_sub(take).max(oldest);
        return ControlFlow::Continue(Page {
            range: begin..end,
            more: (begin > oldest).then_some(begin),
            descending: true,
        });
    }
    let after = question.after.filter(|_| !w.schedule.odd.ignores_after);
    let begin = match (question.page, after) {
        // What lay between is gone, and may not be passed over in silence.
        (Some(page), _) if page < oldest => {
            // Whoever has no cursor yet can't go on from it.
            w.refused |= w.schedule.from == From::Now && w.anchor.is_none();
            return ControlFlow::Break(refusal(400, "invalid_request_error", None));
        }
        (Some(page), _) => page,
        (None, Some(id)) => match w.after(id, published) {
            Some(begin) => begin,
            None => return ControlFlow::Break(does_not_know(w, id)),
        },
        (None, None) => oldest,
    };
    let end = (begin + take).min(published).max(begin);
    ControlFlow::Continue(Page {
        range: begin..end,
        more: (end < published).then_some(end),
        descending: false,
    })
}

/// Whether it is clear by this page, which is whole, what the newest event is: that is where a
/// follower of what comes from now on begins.
fn tells_the_newest(w: &mut World, question: &Question<'_>, page: &Page, published: usize) {
    if w.schedule.turn.is_some() && !w.opened && page.descending && question.page.is_none() {
        // Where a message without a name is looked for from.
        w.anchor = Some(published);
    }
    if w.schedule.from != From::Now {
        return;
    }
    if question.is_check() {
        // One of two events doesn't tell whether it comes after the other.
        let odd = &w.schedule.odd;
        let is_half = odd.ignores_after && w.newest == 2 && page.range.len() == 1;
        if !odd.ignores_order && !is_half {
            w.settle_anchor();
        }
    } else if !question.descending {
        // Without an order, the newest event is the last one of all pages.
        if question.after.is_none() && page.more.is_none() {
            w.newest = published;
            w.settle_anchor();
        }
    } else if question.limit == 2 {
        if question.page.is_none() {
            w.newest = published;
            w.given = 0;
        }
        w.given += page.range.len();
        // Two events don't tell whether the order is heeded: that is asked next.
        if w.given < 2 && page.more.is_none() {
            w.settle_anchor();
        }
    }
}

fn written(w: &World, page: Page, spoilt: Spoilt) -> Answer {
    let entries = w.schedule.entries[page.range].iter();
    let mut data: Vec<&str> = entries.map(|entry| entry.json.as_str()).collect();
    if page.descending {
        data.reverse();
    }
    let has_more = page.more.is_some();
    w.tell(|| format!("  {} events, more: {has_more}", data.len()));
    let next = match page.more {
        Some(more) if spoilt != Spoilt::Broken => format!("\"{more}\""),
        _ => "null".to_owned(),
    };
    let data = data.join(",");
    let text = format!(r#"{{"data":[{data}],"next_page":{next},"has_more":{has_more}}}"#);
    if spoilt != Spoilt::Cut {
        return answer(200, "application/json", text, None);
    }
    let half = text.len() / 2;
    let body: AnyBody = Box::pin(Literal::cut(text, half));
    let mut response = Response::new(body);
    let kind = header::HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    Ok(response)
}
