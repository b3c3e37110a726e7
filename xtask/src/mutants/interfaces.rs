//! Workers, webhooks, what is sent, and lists.

use super::{By, Mutant, client};

const WORKER: &str = "crates/qoder/src/worker/machine.rs";
const WEBHOOKS: &str = "crates/qoder/src/webhooks.rs";
const INPUT: &str = "crates/qoder/src/input.rs";
const PAGING: &str = "crates/qoder-types/src/paging.rs";

/// The tests of deliveries.
const fn webhooks() -> By {
    By::Tests {
        package: "qoder",
        file: Some("webhooks"),
        words: "",
    }
}

/// The tests of cursors.
const fn paging() -> By {
    By::Tests {
        package: "qoder-types",
        file: Some("shapes"),
        words: "pages_end_or_fail_and_never_circle",
    }
}

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant {
        breaks: "worker",
        wrong: "a handler starts before the first heartbeat",
        file: WORKER,
        find: "                item.step = Step::Claiming;\n                item.beat.due = Some(now);\n",
        put: "                item.step = Step::Running;\n                item.beat.due = Some(now);\n                self.actions.push_back(Action::Start { slot });\n",
        by: client("worker::"),
    },
    Mutant {
        breaks: "worker",
        wrong: "work whose lease ended is gone on with",
        file: WORKER,
        find: "        if item.ends <= now {\n",
        put: "        if item.ends <= now && item.told.is_some() {\n",
        by: client("worker::"),
    },
    Mutant {
        breaks: "worker",
        wrong: "a lease counts from the answer to its heartbeat",
        file: WORKER,
        find: "        let began = item.beat.began.unwrap_or(now);\n",
        put: "        let began = now;\n",
        by: client("worker::"),
    },
    Mutant {
        breaks: "worker",
        wrong: "every heartbeat says that it is the first",
        file: WORKER,
        find: "        item.expected = beat.last;\n",
        put: "        item.expected = WorkHeartbeat::NONE.to_owned();\n",
        by: client("worker::"),
    },
    Mutant {
        breaks: "worker",
        wrong: "work that is under way here is taken again",
        file: WORKER,
        find: "        if self.items.values().any(|item| item.work == work) {\n",
        put: "        if self.items.values().any(|item| item.work == work && item.told.is_some()) {\n",
        by: client("worker::"),
    },
    Mutant {
        breaks: "worker",
        wrong: "a worker that shuts down takes work",
        file: WORKER,
        find: "        let work = work.filter(|_| !self.closing)?;\n",
        put: "        let work = work?;\n",
        by: client("worker::"),
    },
    Mutant {
        breaks: "webhooks",
        wrong: "any signature is right",
        file: WEBHOOKS,
        find: "                is_signed |= mac.finalize_verify(&signature);\n",
        put: "                is_signed |= mac.finalize_verify(&signature) || !signature.is_empty();\n",
        by: webhooks(),
    },
    Mutant {
        breaks: "webhooks",
        wrong: "the body is not signed",
        file: WEBHOOKS,
        find: "                mac.update(body);\n",
        put: "                mac.update(&body[..body.len().min(1)]);\n",
        by: webhooks(),
    },
    Mutant {
        breaks: "webhooks",
        wrong: "the second secret never fits",
        file: WEBHOOKS,
        find: "            for key in &self.keys {\n",
        put: "            for key in self.keys.iter().take(1) {\n",
        by: webhooks(),
    },
    Mutant {
        breaks: "webhooks",
        wrong: "what was recorded an hour ago is accepted",
        file: WEBHOOKS,
        find: "        if now.abs_diff(sent_at) > self.tolerance.as_secs() {\n",
        put: "        if now.abs_diff(sent_at) > self.tolerance.as_secs() * 12 {\n",
        by: webhooks(),
    },
    Mutant {
        breaks: "webhooks",
        wrong: "the end of the tolerance is too late",
        file: WEBHOOKS,
        find: "        if now.abs_diff(sent_at) > self.tolerance.as_secs() {\n",
        put: "        if now.abs_diff(sent_at) >= self.tolerance.as_secs() {\n",
        by: webhooks(),
    },
    Mutant {
        breaks: "webhooks",
        wrong: "a header may be there twice",
        file: WEBHOOKS,
        find: "        (Some(value), None) => value.to_str()",
        put: "        (Some(value), _) => value.to_str()",
        by: webhooks(),
    },
    Mutant {
        breaks: "sending",
        wrong: "things of several kinds change places",
        file: INPUT,
        find: "    (@ events $pieces:ident) => { $pieces.end_message() };\n",
        put: "    (@ events $pieces:ident) => {};\n",
        by: client("input::"),
    },
    Mutant {
        breaks: "sending",
        wrong: "of many things the last is left out",
        file: INPUT,
        find: "for [T; N] {\n    fn add_to(self, pieces: &mut Pieces) {\n        for item in self {\n",
        put: "for [T; N] {\n    fn add_to(self, pieces: &mut Pieces) {\n        for item in self.into_iter().take(N.max(1) - 1) {\n",
        by: client("input::"),
    },
    Mutant {
        breaks: "lists",
        wrong: "a list that is read backwards goes on after its last item",
        file: PAGING,
        find: "            given(&page.first_id).filter(|_| more).map(Cursor::Before)\n",
        put: "            given(&page.last_id).filter(|_| more).map(Cursor::Before)\n",
        by: paging(),
    },
    Mutant {
        breaks: "lists",
        wrong: "a list that is read backwards turns round",
        file: PAGING,
        find: "            given(&page.first_id).filter(|_| more).map(Cursor::Before)\n",
        put: "            given(&page.first_id).filter(|_| more).map(Cursor::After)\n",
        by: paging(),
    },
];
