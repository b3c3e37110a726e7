//! Ways to break following, to see that the simulation of faults notices each of them.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::shell::{cargo, output, read, root};

/// How many schedules a mutant has to survive. Each is caught by one of the first thousand or so.
const SEEDS: &str = "4000";

/// How long one of them may take, in seconds; a sound one takes milliseconds.
const ONE: &str = "4";

/// How long all of them may take before it is left open what they come to. A sound copy needs
/// some 15 s.
const PATIENCE: Duration = Duration::from_secs(240);

/// A change of one place in the code.
struct Mutant {
    /// The promise of docs/following.md that is broken then.
    breaks: &'static str,
    /// What is wrong.
    wrong: &'static str,
    file: &'static str,
    /// This stands there once …
    find: &'static str,
    /// … and becomes this.
    put: &'static str,
}

const MACHINE: &str = "crates/qoder-sse/src/resume/machine.rs";
const PARSER: &str = "crates/qoder-sse/src/parser/mod.rs";
const FOLLOWER: &str = "crates/qoder/src/follow/machine.rs";
const WALK: &str = "crates/qoder/src/follow/walk.rs";
const TURN: &str = "crates/qoder/src/turn/mod.rs";
const TURN_MACHINE: &str = "crates/qoder/src/turn/machine.rs";
const TURN_MEANING: &str = "crates/qoder/src/turn/meaning.rs";
const TURN_CHECKPOINT: &str = "crates/qoder/src/turn/checkpoint.rs";

const MUTANTS: &[Mutant] = &[
    Mutant {
        breaks: "2",
        wrong: "previews move the cursor",
        file: MACHINE,
        find: "                    Class::Preview => true,\n",
        put: "                    Class::Preview => {\n                        self.core.entry(now, self.classify.id(&frame).as_deref());\n                        true\n                    }\n",
    },
    Mutant {
        breaks: "3",
        wrong: "no anchor before the first connection",
        file: MACHINE,
        find: "                self.go(On::StartNow);\n                self.queue.push_back(Output::List(ListFrom::Newest));\n",
        put: "                self.go(On::StartAttach);\n                self.connect();\n",
    },
    Mutant {
        breaks: "4",
        wrong: "repeated events are not dropped",
        file: MACHINE,
        find: "            if !self.seen.insert(&id) {\n",
        put: "            self.seen.insert(&id);\n            if id.is_empty() {\n",
    },
    Mutant {
        breaks: "1",
        wrong: "half a frame of a lost connection is kept",
        file: PARSER,
        find: "        self.carry.clear();\n        self.unfinished = Unfinished::Nothing;\n        self.kept = Kept::default();\n        self.skip_lf",
        put: "        self.skip_lf",
    },
    Mutant {
        breaks: "5",
        wrong: "a rejected cursor is sent again",
        file: MACHINE,
        find: "                self.rejected.clone_from(&self.cursor);\n",
        put: "",
    },
    Mutant {
        breaks: "7",
        wrong: "silence is not noticed",
        file: MACHINE,
        find: ">= self.core.policy.idle =>",
        put: ">= self.core.policy.idle * 1_000_000 =>",
    },
    Mutant {
        breaks: "8",
        wrong: "`Retry-After` is ignored",
        file: MACHINE,
        find: "        let delay = own.max(self.retry).max(hint);\n",
        put: "        let delay = own.max(self.retry).max(hint / 1000);\n",
    },
    Mutant {
        breaks: "8",
        wrong: "a mere 200 is progress",
        file: MACHINE,
        find: "        self.opened_at = now;\n",
        put: "        self.opened_at = now;\n        self.progress(now);\n",
    },
    Mutant {
        breaks: "1",
        wrong: "without a cursor the stream is read at once, and nothing listed",
        file: MACHINE,
        find: "        let park = !self.sent_cursor && self.start != Start::Attach;\n",
        put: "        let park = self.start == Start::Attach && !self.sent_cursor;\n",
    },
    Mutant {
        breaks: "4",
        wrong: "a list that failed begins anew",
        file: MACHINE,
        find: "                    ListFrom::Beginning => self.rest_of_the_log(),\n                    from => from,\n                };\n                self.go(On::DueToList);",
        put: "                    ListFrom::Beginning => {\n                        self.seen = Seen { limit: 512, ..Seen::default() };\n                        ListFrom::Beginning\n                    }\n                    from => from,\n                };\n                self.go(On::DueToList);",
    },
    Mutant {
        breaks: "6",
        wrong: "previews of a lost connection are added to",
        file: FOLLOWER,
        find: "                        self.previews.void();\n",
        put: "",
    },
    Mutant {
        breaks: "1",
        wrong: "a gap is passed over",
        file: FOLLOWER,
        find: "                self.resume.list_gap();\n",
        put: "                self.resume.list_done(now);\n",
    },
    Mutant {
        breaks: "1",
        wrong: "the next chunk is read before this one is handed over",
        file: FOLLOWER,
        find: "        self.chunk = chunk;\n",
        put: "        self.chunk = chunk;\n        let mut rest = self.chunk.clone();\n        while rest.len() > 64 {\n            rest.advance(64);\n        }\n        if rest.len() < 8 {\n            self.chunk = Bytes::new();\n        }\n",
    },
    Mutant {
        breaks: "5",
        wrong: "only the first page of a list is read",
        file: WALK,
        find: "                self.request.set_cursor(name, value);\n                Stage::Wanted\n",
        put: "                self.request.set_cursor(name, value);\n                Stage::Over\n",
    },
    Mutant {
        breaks: "1",
        wrong: "what lies between is delivered newest first",
        file: WALK,
        find: "                self.found.push_front(event);\n",
        put: "                self.found.push_back(event);\n",
    },
    Mutant {
        breaks: "turns",
        wrong: "the idling of a thread ends the turn",
        file: TURN_MEANING,
        find: "            \"session.status_idle\" => Self::Idle(stop(event)),\n",
        put: "            \"session.status_idle\" | \"session.thread_status_idle\" => Self::Idle(stop(event)),\n",
    },
    Mutant {
        breaks: "turns",
        wrong: "what was before its message ends the turn",
        file: TURN_MACHINE,
        find: "            (meaning, State::Running | State::Paused(_)) => self.step(meaning),\n",
        put: "            (meaning, _) => self.step(meaning),\n",
    },
    Mutant {
        breaks: "turns",
        wrong: "what is answered stays awaited",
        file: TURN_MACHINE,
        find: "            ids.retain(|id| *id != answer);\n",
        put: "            ids.retain(|id| *id == answer || !id.as_str().is_empty());\n",
    },
    Mutant {
        breaks: "turns",
        wrong: "a turn that ended with anything but success goes on",
        file: TURN_MACHINE,
        find: "        matches!(self.state, State::Over(_))\n",
        put: "        matches!(self.state, State::Over(Stop::EndTurn))\n",
    },
    Mutant {
        breaks: "turns",
        wrong: "a turn that is over keeps its connection",
        file: TURN,
        find: "            if self.machine.is_over() {\n                // What",
        put: "            if self.machine.is_over() && self.message.is_none() {\n                // What",
    },
    Mutant {
        breaks: "2, turns",
        wrong: "the checkpoint of a turn forgets what is awaited",
        file: TURN_CHECKPOINT,
        find: "            machine: machine.clone(),\n",
        put: "            machine: if machine.is_over() { machine.clone() } else { Machine::anchored() },\n",
    },
    Mutant {
        breaks: "turns",
        wrong: "the caller's idempotency key is not used",
        file: TURN,
        find: "            Some(key) => options.idempotency_key(key),\n",
        put: "            Some(_) => options,\n",
    },
];

/// That each mutant still fits the code, and is listed in the docs with the promise that it breaks.
pub(crate) fn check() -> Result<(), String> {
    let docs = read(&root().join("docs/following.md"))?;
    for mutant in MUTANTS {
        let row = format!("| {} | {} | ", mutant.wrong, mutant.breaks);
        if !docs.contains(&row) {
            return Err(format!(
                "docs/following.md has no row that begins with {row:?}"
            ));
        }
        let found = read(&root().join(mutant.file))?
            .matches(mutant.find)
            .count();
        if found != 1 {
            return Err(format!(
                "{}: {found} places fit the mutant {:?}",
                mutant.file, mutant.wrong
            ));
        }
    }
    Ok(())
}

/// Breaks a copy of the workspace in each way, and runs the simulation on it.
pub(crate) fn run() -> Result<(), String> {
    run_only("")
}

/// The same for the ways that have these words.
pub(crate) fn run_only(words: &str) -> Result<(), String> {
    check()?;
    let copy = root().join("target/mutants");
    for part in ["Cargo.toml", "Cargo.lock", "crates", "tests", "xtask"] {
        replace(&root().join(part), &copy.join(part))?;
    }
    if let Some(how) = simulate(&copy)? {
        return Err(format!("the copy as it is: {how}"));
    }
    let mut survivors = Vec::new();
    let (chosen, started) = (MUTANTS.iter(), Instant::now());
    let chosen = chosen.filter(|mutant| mutant.wrong.contains(words));
    for mutant in chosen.clone() {
        let file = copy.join(mutant.file);
        let sound = read(&file)?;
        write(&file, &sound.replace(mutant.find, mutant.put))?;
        let started = Instant::now();
        let outcome = simulate(&copy);
        write(&file, &sound)?;
        match outcome? {
            Some(how) => println!(
                "caught in {:.1} s: {}: {how}",
                started.elapsed().as_secs_f64(),
                mutant.wrong
            ),
            None => survivors.push(mutant.wrong),
        }
    }
    if survivors.is_empty() {
        println!(
            "all {} mutants were caught, in {} s",
            chosen.count(),
            started.elapsed().as_secs()
        );
        Ok(())
    } else {
        Err(format!("not noticed: {}", survivors.join("; ")))
    }
}

/// What the simulation says of a broken copy.
fn simulate(copy: &Path) -> Result<Option<String>, String> {
    // What the workspace depends on is compiled once for both.
    let target = std::env::var_os("CARGO_TARGET_DIR").unwrap_or(root().join("target").into());
    let words = ["--quiet", "--package", "qoder-tests", "--bin", "faults"];
    let mut build = cargo(&["build"]);
    build.args(words);
    build.current_dir(copy).env("CARGO_TARGET_DIR", &target);
    // Nobody looks into it with a debugger, and it is linked once for each mutant.
    output(build.env("CARGO_PROFILE_DEV_DEBUG", "0"))?;
    let mut simulation = Command::new(Path::new(&target).join("debug/faults"))
        .args(["--seeds", SEEDS, "--patience", ONE])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("faults: {error}"))?;
    let started = Instant::now();
    let status = loop {
        match simulation.try_wait().map_err(|error| error.to_string())? {
            Some(status) => break status,
            None if started.elapsed() > PATIENCE => {
                simulation.kill().map_err(|error| error.to_string())?;
                return Err(format!(
                    "undecided: {SEEDS} schedules took more than {PATIENCE:?}"
                ));
            }
            None => std::thread::sleep(Duration::from_millis(50)),
        }
    };
    let mut said = String::new();
    if let Some(mut stdout) = simulation.stdout.take() {
        stdout
            .read_to_string(&mut said)
            .map_err(|error| error.to_string())?;
    }
    let how = said.lines().next().unwrap_or("it crashed").to_owned();
    Ok((!status.success()).then_some(how))
}

/// Makes `to` the same as `from`; files that are the same already keep their time, so that they
/// are not compiled again.
fn replace(from: &Path, to: &Path) -> Result<(), String> {
    let wrong = |error: std::io::Error| format!("{}: {error}", from.display());
    if from.is_file() {
        let text = fs::read(from).map_err(wrong)?;
        if fs::read(to).ok().as_deref() == Some(&text) {
            return Ok(());
        }
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent).map_err(wrong)?;
        }
        return fs::write(to, text).map_err(wrong);
    }
    for entry in fs::read_dir(from).map_err(wrong)? {
        let name = entry.map_err(wrong)?.file_name();
        if name != "target" {
            replace(&from.join(&name), &to.join(&name))?;
        }
    }
    Ok(())
}

fn write(file: &Path, text: &str) -> Result<(), String> {
    fs::write(file, text).map_err(|error| format!("{}: {error}", file.display()))
}
