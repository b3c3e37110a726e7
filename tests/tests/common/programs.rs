//! The example programs, as processes.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use qoder_sim::Sim;
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::TOKEN;

/// A program that does nothing for so long hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// Packages of their own among the programs; the others are examples of one.
const PACKAGES: [&str; 3] = ["batch", "service", "webhook_receiver"];

/// Where a program is. Cargo builds examples for the tests of their own package only, so it is
/// asked for them, for all at once: with the profile and the folder of this test, and with the
/// features that the whole workspace has, so that little or nothing is left to do.
fn path(program: &str) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let test = std::env::current_exe().expect("this test");
        let folder = |levels| test.ancestors().nth(levels).expect("a folder");
        let profile = folder(2).file_name().expect("a profile");
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| env!("CARGO").into());
        let mut build = Command::new(cargo);
        // What cargo told this test of its own package: a build script that looks at it would run
        // anew, and all that depends on it be built anew, here and by whoever builds next.
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy();
            if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
                build.env_remove(&*name);
            }
        }
        build.args(["build", "--quiet", "--workspace", "--examples"]);
        for package in PACKAGES {
            build.args(["--bin", package]);
        }
        build
            .arg("--profile")
            .arg(if profile == "debug" {
                "test".as_ref()
            } else {
                profile
            })
            .arg("--target-dir")
            .arg(folder(3))
            .arg("--manifest-path")
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml"));
        let done = build.status().expect("cargo runs");
        assert!(done.success(), "{done}");
        folder(2).to_owned()
    });
    let name = format!("{program}{}", std::env::consts::EXE_SUFFIX);
    if PACKAGES.contains(&program) {
        folder.join(name)
    } else {
        folder.join("examples").join(name)
    }
}

/// A program that knows of no service, whatever this process knows.
pub(crate) fn alone(program: &str) -> Command {
    let mut command = Command::new(path(program));
    for name in [
        "QODER_ACCESS_TOKEN",
        "QODER_BASE_URL",
        "QODER_DIALECT",
        "QODER_MANAGED_BASE_URL",
        "QODER_PAT",
    ] {
        command.env_remove(name);
    }
    command
}

/// A program whose service is this simulator.
pub(crate) fn program(program: &str, sim: &Sim) -> Command {
    let mut command = alone(program);
    command
        .env("QODER_BASE_URL", sim.base_url())
        .env("QODER_PAT", TOKEN);
    command
}

/// A program at work. It doesn't outlive its test.
pub(crate) struct Running {
    child: Child,
    stdin: Option<ChildStdin>,
    out: Printed,
    err: Printed,
}

/// How a program ended, and all that it printed.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// What a program has printed so far, in bytes, as a character may still be incomplete.
type Printed = watch::Receiver<Vec<u8>>;

impl Running {
    pub(crate) fn start(mut command: Command) -> Self {
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program runs");
        Self {
            stdin: child.stdin.take(),
            out: printed(child.stdout.take().expect("a pipe")),
            err: printed(child.stderr.take().expect("a pipe")),
            child,
        }
    }

    /// Waits until this is on the standard output.
    pub(crate) async fn prints(&mut self, what: &str) {
        self.until(|out| out.contains(what)).await;
    }

    /// Waits until the standard output is like this.
    pub(crate) async fn until(&mut self, like: impl Fn(&str) -> bool) {
        let waited = wait(&mut self.out, like).await;
        assert!(waited, "it printed {:?} and {:?}", self.out(), self.err());
    }

    /// Waits until this is on the standard error.
    pub(crate) async fn says(&mut self, what: &str) {
        let waited = wait(&mut self.err, |err| err.contains(what)).await;
        assert!(waited, "{what:?}: {:?} and {:?}", self.out(), self.err());
    }

    pub(crate) fn out(&self) -> String {
        text(&self.out.borrow())
    }

    pub(crate) fn err(&self) -> String {
        text(&self.err.borrow())
    }

    /// Writes a line to its standard input.
    pub(crate) fn enter(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().expect("it is open");
        writeln!(stdin, "{line}").expect("it reads");
    }

    /// Sends a signal, such as `INT`.
    pub(crate) fn signal(&self, signal: &str) {
        let mut kill = Command::new("kill");
        kill.arg(format!("-{signal}"))
            .arg(self.child.id().to_string());
        assert!(kill.status().expect("kill runs").success());
    }

    /// Kills it, as a power failure does.
    pub(crate) async fn kill(mut self) -> Ended {
        self.child.kill().expect("it runs");
        self.end().await
    }

    /// Closes its standard input, and waits until it ends by itself.
    pub(crate) async fn end(mut self) -> Ended {
        self.stdin = None;
        // What it prints ends with it.
        let ended = async {
            while self.out.changed().await.is_ok() {}
            while self.err.changed().await.is_ok() {}
        };
        let ended = timeout(PATIENCE, ended).await;
        assert!(ended.is_ok(), "{:?} and {:?}", self.out(), self.err());
        let (out, err) = (self.out(), self.err());
        let status = spawn_blocking(move || self.child.wait().expect("it ends"));
        let status = status.await.expect("no panic");
        Ended { status, out, err }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads all that comes.
fn printed(mut from: impl Read + Send + 'static) -> Printed {
    let (send, printed) = watch::channel(Vec::new());
    thread::spawn(move || {
        let mut piece = [0; 4096];
        while let Ok(length @ 1..) = from.read(&mut piece) {
            send.send_modify(|all| all.extend_from_slice(&piece[..length]));
        }
    });
    printed
}

/// Whether it becomes like this, before it ends and in time.
async fn wait(printed: &mut Printed, like: impl Fn(&str) -> bool) -> bool {
    let waited = timeout(PATIENCE, printed.wait_for(|all| like(&text(all))));
    matches!(waited.await, Ok(Ok(_)))
}

fn text(printed: &[u8]) -> String {
    String::from_utf8_lossy(printed).into_owned()
}

/// A folder that doesn't outlive its test.
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// The name tells it from those of other tests.
    pub(crate) fn new(name: &str) -> Self {
        let name = format!("qoder-tests-{}-{name}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).expect("a folder");
        Self(path)
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
