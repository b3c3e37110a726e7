//! Ways to break following, to see that the simulation of faults notices each of them.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::shell::{cargo, output, read, root};

/// A sound copy needs half a minute.
const PATIENCE: Duration = Duration::from_secs(180);

/// A change of one place in the code.
struct Mutant {
    /// What is wrong then.
    wrong: &'static str,
    file: &'static str,
    /// This stands there once …
    find: &'static str,
    /// … and becomes this.
    put: &'static str,
}

const MACHINE: &str = "crates/qoder-sse/src/resume/machine.rs";
const FOLLOWER: &str = "crates/qoder/src/follow/machine.rs";
const WALK: &str = "crates/qoder/src/follow/walk.rs";

const MUTANTS: &[Mutant] = &[
    Mutant {
        wrong: "previews move the cursor",
        file: MACHINE,
        find: "                    Class::Preview => true,\n",
        put: "                    Class::Preview => {\n                        self.core.entry(now, self.classify.id(&frame).as_deref());\n                        true\n                    }\n",
    },
    Mutant {
        wrong: "no anchor before the first connection",
        file: MACHINE,
        find: "                self.go(On::StartNow);\n                self.queue.push_back(Output::List(ListFrom::Newest));\n",
        put: "                self.go(On::StartAttach);\n                self.connect();\n",
    },
    Mutant {
        wrong: "repeated events are not dropped",
        file: MACHINE,
        find: "            if !self.seen.insert(&id) {\n",
        put: "            self.seen.insert(&id);\n            if id.is_empty() {\n",
    },
    Mutant {
        wrong: "half a frame of a lost connection is kept",
        file: MACHINE,
        find: "        self.parser.restart();\n",
        put: "",
    },
    Mutant {
        wrong: "a rejected cursor is sent again",
        file: MACHINE,
        find: "                self.rejected.clone_from(&self.cursor);\n",
        put: "",
    },
    Mutant {
        wrong: "silence is not noticed",
        file: MACHINE,
        find: ">= self.core.policy.idle =>",
        put: ">= self.core.policy.idle * 1_000_000 =>",
    },
    Mutant {
        wrong: "`Retry-After` is ignored",
        file: MACHINE,
        find: "        let delay = own.max(self.retry).max(hint);\n",
        put: "        let delay = own.max(self.retry).max(hint / 1000);\n",
    },
    Mutant {
        wrong: "a mere 200 is progress",
        file: MACHINE,
        find: "        self.opened_at = now;\n",
        put: "        self.opened_at = now;\n        self.progress(now);\n",
    },
    Mutant {
        wrong: "without a cursor the stream is read at once, and nothing listed",
        file: MACHINE,
        find: "        let park = !self.sent_cursor && self.start != Start::Attach;\n",
        put: "        let park = self.start == Start::Attach && !self.sent_cursor;\n",
    },
    Mutant {
        wrong: "a list that failed begins anew",
        file: MACHINE,
        find: "                    ListFrom::Beginning => self.rest_of_the_log(),\n                    from => from,\n                };\n                self.go(On::DueToList);",
        put: "                    ListFrom::Beginning => {\n                        self.seen = Seen { limit: 512, ..Seen::default() };\n                        ListFrom::Beginning\n                    }\n                    from => from,\n                };\n                self.go(On::DueToList);",
    },
    Mutant {
        wrong: "previews of a lost connection are added to",
        file: FOLLOWER,
        find: "                        self.previews.void();\n",
        put: "",
    },
    Mutant {
        wrong: "a gap is passed over",
        file: FOLLOWER,
        find: "                self.resume.list_gap();\n",
        put: "                self.resume.list_done(now);\n",
    },
    Mutant {
        wrong: "the next chunk is read before this one is handed over",
        file: FOLLOWER,
        find: "        self.chunk = chunk;\n",
        put: "        self.chunk = chunk;\n        let mut rest = self.chunk.clone();\n        while rest.len() > 64 {\n            rest.advance(64);\n        }\n        if rest.len() < 8 {\n            self.chunk = Bytes::new();\n        }\n",
    },
    Mutant {
        wrong: "only the first page of a list is read",
        file: WALK,
        find: "                self.request.set_cursor(name, value);\n                Stage::Wanted\n",
        put: "                self.request.set_cursor(name, value);\n                Stage::Over\n",
    },
    Mutant {
        wrong: "what lies between is delivered newest first",
        file: WALK,
        find: "                self.found.push_front(event);\n",
        put: "                self.found.push_back(event);\n",
    },
];

/// That each mutant still fits the code.
pub(crate) fn check() -> Result<(), String> {
    for mutant in MUTANTS {
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
    check()?;
    let copy = root().join("target/mutants");
    for part in ["Cargo.toml", "Cargo.lock", "crates", "tests", "xtask"] {
        replace(&root().join(part), &copy.join(part))?;
    }
    let mut survivors = Vec::new();
    for mutant in MUTANTS {
        let file = copy.join(mutant.file);
        let sound = read(&file)?;
        write(&file, &sound.replace(mutant.find, mutant.put))?;
        let outcome = simulate(&copy);
        write(&file, &sound)?;
        match outcome? {
            Some(how) => println!("caught: {}: {how}", mutant.wrong),
            None => survivors.push(mutant.wrong),
        }
    }
    if survivors.is_empty() {
        println!("all {} mutants were caught", MUTANTS.len());
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
    output(build.current_dir(copy).env("CARGO_TARGET_DIR", &target))?;
    let mut simulation = Command::new(Path::new(&target).join("debug/faults"))
        .args(["--seeds", "20000"])
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
                return Ok(Some("it goes in circles".to_owned()));
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
