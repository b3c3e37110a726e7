//! Skills, and their versions.

use qoder::types::{SkillSource, SkillUpdate};
use qoder::{
    Client,
    files::{NewSkill, SkillFiles, Upload},
};

use crate::Outcome;
use crate::pages::three_pages;

fn files(name: &str) -> SkillFiles {
    let head = format!("---\nname: {name}\ndescription: For tests.\n---\nDo it well.\n");
    SkillFiles::new([
        (format!("{name}/SKILL.md"), Upload::bytes("SKILL.md", head)),
        (
            format!("{name}/bin/list.sh"),
            Upload::bytes("list.sh", "ls\n"),
        ),
    ])
}

pub(crate) async fn walk(client: &Client) -> Outcome {
    let skills = client.skills();
    let mut ids = Vec::new();
    for name in ["one", "two", "three"] {
        let skill = NewSkill::new(files(name))
            .display_title(name)
            .metadata("team", "build");
        ids.push(skills.create(skill).await?.id);
    }
    let id = &ids[0];
    assert_eq!(skills.retrieve(id).await?.display_title, "one");
    three_pages(skills.list().source(SkillSource::Custom), |skill| {
        skill.id.to_string()
    })
    .await?;
    assert_eq!(skills.list().name("two").await?.data.len(), 1);
    assert_eq!(skills.list().display_title("two").await?.data.len(), 1);
    skills.list().after(id).await?;
    skills.list().before(id).await?;
    skills
        .update(id, SkillUpdate::new().description("Changed."))
        .await?;

    let versions = skills.versions();
    let second = versions.create(id, files("one")).await?;
    versions.create(id, files("one")).await?;
    let all = three_pages(versions.list(id), |version| version.id.to_string()).await?;
    assert_eq!(all.len(), 3);
    let version = versions.retrieve(id, &second.version).await?;
    assert_eq!(
        (version.name.as_str(), version.description.as_str()),
        ("one", "For tests.")
    );
    let archive = versions.download(id, &second.version).bytes().await?;
    assert!(archive.starts_with(b"PK"), "a zip archive");
    versions.delete(id, &second.version).await?;
    assert_eq!(skills.delete(&ids[2]).await?.id, ids[2].as_str());

    // The archive goes up as it came down.
    let again = SkillFiles::zip(Upload::bytes("one.zip", archive).mime_type("application/zip"));
    assert_eq!(versions.create(id, again).await?.name, "one");
    Ok(())
}
