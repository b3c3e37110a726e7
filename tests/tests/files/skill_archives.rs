//! Archives of skills, which the API sends itself: with all that a download has but for the link.

use std::error::Error;

use bytes::Bytes;
use qoder::files::{Download, SkillFiles, Upload};
use qoder::{Client, ErrorKind};
use qoder_tests::wire::{Act, Step, Wire};

use crate::common::{TOKEN, client, current, plan, start};
use crate::{Folder, content, raw, told};

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// The download of a skill with a file of so many bytes.
async fn skill(client: &Client, length: usize) -> Outcome<Download> {
    let head = "---\nname: notes\ndescription: For tests.\n---\nDo it well.\n";
    let files = SkillFiles::new([
        ("notes/SKILL.md", Upload::bytes("SKILL.md", head)),
        ("notes/data.bin", Upload::bytes("data.bin", content(length))),
    ]);
    let skill = client.skills().create(files).await?;
    let version = skill.latest_version.ok_or("a version")?;
    Ok(client.skills().versions().download(skill.id, version))
}

async fn streamed(download: Download) -> qoder::Result<Bytes> {
    let mut stream = download.stream();
    let mut got = Vec::new();
    while let Some(piece) = stream.next().await {
        got.extend_from_slice(&piece?);
    }
    Ok(got.into())
}

#[tokio::test]
async fn an_archive_is_bytes_a_stream_or_a_file() -> Outcome {
    let folder = Folder::new("skills");
    let path = folder.path("notes.zip");
    let sim = start(current()).await;
    let download = skill(&client(&sim), 100_000).await?;
    let (told, tell) = told();
    let archive = download.clone().progress(tell).bytes().await?;
    assert!(archive.starts_with(b"PK") && archive.len() > 100_000);
    let length = archive.len() as u64;
    let last = told.lock().expect("no panic").last().copied();
    assert_eq!(last, Some((length, Some(length))));
    assert_eq!(streamed(download.clone()).await?, archive);
    assert_eq!(download.clone().to_path(&path).await?, length);
    assert_eq!(std::fs::read(&path)?, archive);
    assert_eq!(folder.names(), ["notes.zip"]);

    // Each is one request of the API, with the token, for bytes that are not compressed.
    let requests = sim.requests().into_iter();
    let requests: Vec<_> = requests
        .filter(|it| it.path.ends_with("/content"))
        .collect();
    assert_eq!(requests.len(), 3);
    for request in requests {
        assert_eq!(
            request.header("authorization"),
            Some(&*format!("Bearer {TOKEN}"))
        );
        assert_eq!(request.header("accept-encoding"), Some("identity"));
    }

    // Its limits are those of any download.
    let small = download.clone().max_bytes(1000);
    for error in [
        small.clone().bytes().await.expect_err("too large"),
        streamed(small.clone()).await.expect_err("too large"),
        small.to_path(&path).await.expect_err("too large"),
    ] {
        assert_eq!(error.kind(), ErrorKind::TooLarge);
        let text = error.to_string();
        let want = "skills.versions.download: the archive is larger than the limit of 1000 bytes";
        assert!(text.starts_with(want), "{text}");
    }
    let error = download
        .length(7)
        .bytes()
        .await
        .expect_err("another length");
    assert_eq!(error.kind(), ErrorKind::Decode, "{error}");
    assert_eq!(std::fs::read(&path)?, archive, "it stays as it was");
    Ok(())
}

#[tokio::test]
async fn what_the_api_says_instead_is_the_error() -> Outcome {
    let folder = Folder::new("skills-refused");
    let path = folder.path("notes.zip");
    let sim = start(current()).await;
    let client = client(&sim);
    let versions = client.skills().versions();
    let missing = versions.download("skill_none", "7");
    let error = missing.to_path(&path).await.expect_err("no such skill");
    assert!(error.is_not_found() && error.request_id().is_some());
    let text = error.to_string();
    let want = "skills.versions.download: 404 not_found_error: ";
    assert!(text.starts_with(want), "{text}");

    let download = skill(&client, 1000).await?;
    for (fault, kind) in [
        ("call:html", ErrorKind::Decode),
        ("call:no-content", ErrorKind::Api),
        ("call:status=403", ErrorKind::Api),
        ("call:status=503*3", ErrorKind::Api),
    ] {
        sim.inject(plan(fault));
        let error = download.clone().to_path(&path).await.expect_err(fault);
        assert_eq!(error.kind(), kind, "{fault}: {error}");
    }
    assert!(folder.names().is_empty());
    sim.inject(plan("call:status=503*2"));
    assert!(download.clone().bytes().await?.starts_with(b"PK"));
    let impatient = download.options(|o| o.retries(0));
    sim.inject(plan("call:status=503"));
    let error = impatient.bytes().await.expect_err("one attempt");
    assert_eq!(error.status().map(|it| it.as_u16()), Some(503));
    Ok(())
}

#[tokio::test]
async fn an_archive_that_breaks_off_is_begun_anew_where_it_has_no_version() -> Outcome {
    let sim = start(current()).await;
    let download = skill(&client(&sim), 1000).await?;
    let archive = download.clone().bytes().await?;
    sim.clear_requests();
    sim.inject(plan("call:cut=100,call:cut=500"));
    assert_eq!(download.clone().bytes().await?, archive);
    assert_eq!(sim.requests().len(), 3);
    assert!(sim.requests().iter().all(|it| it.header("range").is_none()));
    // What a stream has given can't be taken back.
    sim.inject(plan("call:cut=100"));
    let error = streamed(download).await.expect_err("a cut");
    let text = error.to_string();
    assert!(text.contains("the server names no version"), "{text}");
    Ok(())
}

const ARCHIVE: &str = "the archive, which is whole with its last byte";

/// The first answer of the API, which breaks off after so many bytes.
fn cut(headers: &str, at: usize) -> Act {
    let length = ARCHIVE.len();
    let head = format!("HTTP/1.1 200 OK\r\n{headers}Content-Length: {length}\r\n\r\n");
    let sent = head + &ARCHIVE[..at];
    Act::new([Step::Read, Step::Send(sent.into()), Step::Close])
}

/// What comes of an API that answers so, as bytes and as a stream, and what it was asked.
fn downloaded(script: &[Act], after: &Act) -> [(qoder::Result<Bytes>, Wire); 2] {
    [true, false].map(|whole| {
        let wire = Wire::new(script.to_vec(), after.clone());
        let client = raw::client(&wire);
        let got = raw::run(async move {
            let download = client.skills().versions().download("skill_1", "2");
            if whole {
                download.bytes().await
            } else {
                streamed(download).await
            }
        });
        (got, wire)
    })
}

#[test]
fn an_archive_that_breaks_off_is_continued_where_the_api_takes_ranges() {
    let (tag, last) = ("ETag: \"one\"\r\n", ARCHIVE.len() - 1);
    let headers = format!("{tag}Content-Range: bytes 8-{last}/{}\r\n", last + 1);
    let rest = raw::answer("206 Partial Content", &headers, &ARCHIVE.as_bytes()[8..]);
    for (got, wire) in downloaded(&[cut(tag, 8)], &rest) {
        assert_eq!(got.expect("whole"), ARCHIVE);
        let requests = wire.requests();
        assert_eq!(requests.len(), 2);
        assert_eq!(requests[0].line, requests[1].line);
        assert_eq!(requests[0].header("range"), None);
        let second = |name| requests[1].header(name);
        assert_eq!(second("range"), Some("bytes=8-"));
        assert_eq!(second("if-range"), Some("\"one\""));
        assert_eq!(second("authorization"), Some(&*format!("Bearer {TOKEN}")));
    }

    // It takes none, and sends the same version as a whole: what is there is skipped.
    let whole = raw::answer("200 OK", tag, ARCHIVE.as_bytes());
    for (got, _) in downloaded(&[cut(tag, 8)], &whole) {
        assert_eq!(got.expect("whole"), ARCHIVE);
    }

    // It has become another one, or doesn't say what it sends.
    let other = raw::answer("200 OK", "ETag: \"two\"\r\n", b"another");
    let unknown = raw::answer("416 Range Not Satisfiable", "", b"");
    for (script, want) in [
        (vec![cut(tag, 8)], "another"),
        (vec![cut(tag, 8), unknown], "another"),
    ] {
        let [(bytes, _), (stream, _)] = downloaded(&script, &other);
        assert_eq!(bytes.expect("begun anew"), want);
        let error = stream.expect_err("it can't be taken back");
        let text = error.to_string();
        assert!(text.contains("the archive changed while"), "{text}");
    }
}

#[test]
fn a_server_that_always_breaks_off_is_given_up() {
    for (got, wire) in downloaded(&[], &cut("ETag: \"one\"\r\n", 8)) {
        let error = got.expect_err("never whole");
        assert!(error.is_retryable(), "{error}");
        assert!(wire.requests().len() <= 5, "{}", wire.requests().len());
    }
}
