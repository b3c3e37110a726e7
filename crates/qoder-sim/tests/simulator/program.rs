//! The program.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};

fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_qoder-sim"))
}

#[test]
fn it_says_where_it_listens_and_answers_there() {
    let mut child = program()
        .args(["--dialect", "seed", "--faults", "call:status=503"])
        .args(["--pace", "20", "--origin", "https://localhost:8443"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("a process");
    let mut line = String::new();
    let stdout = child.stdout.take().expect("output");
    BufReader::new(stdout).read_line(&mut line).expect("a line");
    let address = line
        .trim_end()
        .strip_prefix("listening on http://")
        .expect("an address");
    let address = address
        .strip_suffix("/api/v1/cloud")
        .expect("the base path");
    let mut stream = TcpStream::connect(address).expect("a connection");
    let request = "GET /api/v1/cloud/models HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).expect("a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    child.kill().expect("a process");
    child.wait().expect("its end");
}

#[test]
fn what_is_wrong_in_a_file_of_scripts_is_said_with_its_place() {
    let directory = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    let file = directory.join("scripts.json");
    std::fs::write(&file, "{\"agents\": {\"a\": [\n{\"say\": \"x\"}]}}").expect("a file");
    for (file, why) in [
        (&file, "unknown variant `say`, expected one of `reply`"),
        (&file, "line 2 column 6"),
        (&directory.join("none.json"), "none.json: "),
    ] {
        let refused = program().arg("--scripts").arg(file).output();
        let refused = refused.expect("output");
        assert_eq!(refused.status.code(), Some(2));
        let said = String::from_utf8_lossy(&refused.stderr);
        assert!(said.contains(why) && said.contains(".json: "), "{said}");
    }
}

#[test]
fn it_helps_and_refuses() {
    let help = program().arg("--help").output().expect("output");
    assert!(help.status.success());
    assert!(String::from_utf8_lossy(&help.stdout).contains("--faults"));
    for arguments in [
        ["--dialect", "old"],
        ["--faults", "boom"],
        ["--listen", "here"],
        ["--pace", "slow"],
        ["--x", "y"],
    ] {
        let refused = program().args(arguments).output().expect("output");
        assert_eq!(refused.status.code(), Some(2), "{arguments:?}");
        assert!(refused.stdout.is_empty() && !refused.stderr.is_empty());
    }
}
