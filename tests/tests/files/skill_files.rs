//! The files of a skill on their way up: several with their paths, or one archive.

use std::error::Error;

use bytes::Bytes;
use qoder::files::{NewSkill, SkillFiles, Upload};
use qoder::{Client, ErrorKind};
use qoder_sim::{Recorded, Sim};

use crate::common::{client, current, plan, start};
use crate::{Folder, content, find, pieces};

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

const HEAD: &str = "---\nname: notes\ndescription: For tests.\n---\nDo it well.\n";

/// The creations of skills that were received.
fn created(sim: &Sim) -> Vec<Recorded> {
    let requests = sim.requests().into_iter();
    requests
        .filter(|request| request.method == "POST" && request.path == "/skills")
        .collect()
}

/// The fields and the names of the files in a form, in their order.
fn files_in(request: &Recorded) -> Vec<String> {
    let body = String::from_utf8_lossy(&request.body).into_owned();
    let lines = body.lines().filter_map(|line| {
        let rest = line.strip_prefix("Content-Disposition: form-data; name=\"")?;
        let (field, rest) = rest.split_once('"')?;
        let name = rest.strip_prefix("; filename=\"")?.strip_suffix('"')?;
        Some(format!("{field}: {name}"))
    });
    lines.collect()
}

/// A directory with a skill in it, and a large file.
fn skill_in(folder: &Folder) -> Outcome<std::path::PathBuf> {
    let skill = folder.path("notes");
    std::fs::create_dir_all(skill.join("bin"))?;
    std::fs::write(skill.join("SKILL.md"), HEAD)?;
    std::fs::write(skill.join("bin").join("list.sh"), "ls\n")?;
    std::fs::write(skill.join("data.bin"), content(200_000))?;
    Ok(skill)
}

async fn archive(client: &Client, skill: &qoder::types::Skill) -> Outcome<Bytes> {
    let version = skill.latest_version.clone().ok_or("a version")?;
    let download = client.skills().versions().download(&skill.id, version);
    Ok(download.bytes().await?)
}

#[tokio::test]
async fn a_directory_goes_up_with_its_paths_and_a_known_length() -> Outcome {
    let folder = Folder::new("skill-directory");
    let path = skill_in(&folder)?;
    let sim = start(current()).await;
    let client = client(&sim);
    let files = SkillFiles::directory(&path)?;
    let paths: Vec<&str> = files.paths().collect();
    assert_eq!(
        paths,
        ["notes/SKILL.md", "notes/bin/list.sh", "notes/data.bin"]
    );
    let skill = NewSkill::new(files)
        .display_title("Notes")
        .metadata("a", "b");
    let skill = client.skills().create(skill).await?;
    assert_eq!(skill.display_title, "Notes");

    let request = created(&sim).pop().ok_or("a request")?;
    let length = request.header("content-length").ok_or("a length")?;
    assert_eq!(length.parse::<usize>()?, request.body.len());
    assert_eq!(request.header("transfer-encoding"), None);
    assert_eq!(
        files_in(&request),
        [
            "files: notes/SKILL.md",
            "files: notes/bin/list.sh",
            "files: notes/data.bin"
        ]
    );
    assert!(find(&request.body, &content(200_000)).is_some());

    // An archive of it goes up as one file.
    let zip = archive(&client, &skill).await?;
    sim.clear_requests();
    let zip = SkillFiles::zip(Upload::bytes("notes.zip", zip));
    client.skills().create(zip).await?;
    assert_eq!(files_in(&created(&sim)[0]), ["file: notes.zip"]);
    Ok(())
}

#[tokio::test]
async fn all_files_go_up_again_with_the_same_key_and_bytes() -> Outcome {
    let folder = Folder::new("skill-repeated");
    let path = skill_in(&folder)?;
    let sim = start(current()).await;
    let client = client(&sim);
    for faults in ["call:status=503*2", "call:reset,call:cut=5"] {
        sim.clear_requests();
        sim.inject(plan(faults));
        let call = client.skills().create(SkillFiles::directory(&path)?);
        assert_eq!(call.with_meta().await?.meta.attempts, 3, "{faults}");
        let requests = created(&sim);
        assert_eq!(requests.len(), 3);
        for request in &requests {
            let key = request.header("idempotency-key");
            assert!(key.is_some() && key == requests[0].header("idempotency-key"));
            assert_eq!(request.body, requests[0].body, "{faults}");
        }
    }
    assert_eq!(client.skills().list().await?.data.len(), 2, "each once");

    // One of the files can be read but once, so that the whole can be sent but once.
    let once = || {
        SkillFiles::new([
            ("notes/SKILL.md", Upload::bytes("SKILL.md", HEAD)),
            (
                "notes/a.txt",
                Upload::stream("a.txt", 5, pieces(&["hel", "lo"])),
            ),
        ])
    };
    client.skills().create(once()).await?;
    sim.clear_requests();
    sim.inject(plan("call:status=503"));
    let error = client.skills().create(once()).await.expect_err("once");
    assert_eq!((error.attempts(), created(&sim).len()), (1, 1), "{error}");

    // Without the length of each there is none of the whole.
    sim.clear_requests();
    let unknown = SkillFiles::new([
        ("notes/SKILL.md", Upload::bytes("SKILL.md", HEAD)),
        (
            "notes/a.txt",
            Upload::stream_with("a.txt", None, || pieces(&["hello"])),
        ),
    ]);
    client.skills().create(unknown).await?;
    assert_eq!(created(&sim)[0].header("content-length"), None);
    Ok(())
}

#[tokio::test]
async fn a_directory_that_is_no_skill_is_an_error_before_anything_is_sent() -> Outcome {
    let folder = Folder::new("skill-refused");
    let missing = SkillFiles::directory(folder.path("missing")).expect_err("it isn't there");
    assert_eq!(missing.kind(), ErrorKind::File, "{missing}");

    let sim = start(current()).await;
    let client = client(&sim);
    let path = skill_in(&folder)?;
    let files = SkillFiles::directory(&path)?;
    std::fs::remove_file(path.join("data.bin"))?;
    let error = client.skills().create(files).await.expect_err("it is gone");
    assert_eq!(error.kind(), ErrorKind::File, "{error}");
    assert!(error.to_string().contains("data.bin"), "{error}");
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("SKILL.md", path.join("link.md"))?;
        let error = SkillFiles::directory(&path).expect_err("a link");
        let text = error.to_string();
        assert!(
            text.contains("link.md is neither a file nor a directory"),
            "{text}"
        );
    }
    assert!(sim.requests().is_empty());

    // What the server says of files that are no skill.
    let files = SkillFiles::new([("notes/README.md", Upload::bytes("README.md", "Hello."))]);
    let error = client
        .skills()
        .create(files)
        .await
        .expect_err("no SKILL.md");
    assert_eq!(error.status().map(|it| it.as_u16()), Some(400), "{error}");
    Ok(())
}
