//! Skills: what agents can learn. Their files are in their versions.

use crate::ids::new_id;
use crate::json::{Json, object};
use crate::page::Limits;
use crate::refusal::Refusal;
use crate::reply::Answer;
use crate::resources::context::Context;
use crate::resources::field::{Field, text};
use crate::resources::filter::Filter;
use crate::resources::kind::{Kind, Verb};
use crate::resources::plain;
use crate::resources::resource::{Operation, Resource};
use crate::resources::skill_content::{Content, display_title};
use crate::resources::skill_versions;
use crate::state::account::Account;

pub(crate) const RESOURCE: Resource = Resource {
    kinds: &[&SKILLS],
    operations: &[
        Operation::post("/skills", create),
        Operation::put(SKILLS.path, update),
        Operation::delete(SKILLS.path, delete),
    ],
    ..Resource::NONE
};

const SKILLS: Kind = Kind {
    path: "/skills/{skill_id}",
    name: "skill",
    prefix: "skill",
    verbs: &[Verb::List, Verb::Retrieve],
    fields: &[
        Field::read("display_title", display_title),
        Field::server("source", || "custom".into()),
        Field::server("latest_version", || Json::Null),
        Field::metadata(),
        // Beside what is shown: the name that is in the latest version, and how many versions
        // there ever were.
        Field::server("name", Json::empty_text),
        Field::server("made", || 0.into()),
    ],
    times: &["created_at", "updated_at"],
    filters: &[
        Filter::Equal("source", "source"),
        Filter::Equal("name", "name"),
        Filter::Equal("display_title", "display_title"),
    ],
    limits: Limits::up_to(1000),
    show: |_, _, skill| Ok(shown(skill)),
    ..Kind::PLAIN
};

fn create(cx: &Context<'_>, account: &mut Account) -> Answer {
    let content = Content::sent(cx)?;
    let mut body = Json::empty_object();
    let form = cx.form;
    if let Some(title) = form.and_then(|form| form.text("display_title")) {
        body.set("display_title", title);
    }
    if let Some(metadata) = form.and_then(|form| form.text("metadata")) {
        let wrong = || Refusal::invalid("metadata", "metadata must be a JSON object of strings.");
        body.set(
            "metadata",
            Json::parse(metadata.as_bytes()).ok_or_else(wrong)?,
        );
    }
    let mut skill = SKILLS.new_object(&cx.with_body(&body), account)?;
    if skill["display_title"].is_null() {
        skill.set("display_title", &content.name);
    }
    let id = skill["id"].text().to_owned();
    SKILLS.add(account, skill);
    add_version(cx, account, &id, content)?;
    let skill = account.object(SKILLS.path, &id).cloned();
    Ok(shown(skill.unwrap_or_default()).into())
}

/// Changes a skill in place, with its latest version.
fn update(cx: &Context<'_>, account: &mut Account) -> Answer {
    let mut skill = SKILLS.find(cx, account)?.object.clone();
    let texts = ["name", "description"].into_iter();
    let mut change = Json::empty_object();
    for name in texts {
        if let Some(value) = cx.body.get(name).filter(|value| !value.is_null()) {
            text(name, value, 1, 4096)?;
            change.set(name, value);
        }
    }
    Field::metadata().change(cx, &mut skill)?;
    let content = Content::encoded(&cx.body["content"], &cx.body["content_encoding"])?;
    let id = skill["id"].text().to_owned();
    if content.is_some() || !change.members().is_empty() {
        skill_versions::change(account, &skill, content, &change)?;
    }
    SKILLS.touch(cx, &mut skill);
    SKILLS.find(cx, account)?.object = skill;
    note_latest(account, &id);
    let skill = &SKILLS.find(cx, account)?.object;
    Ok(shown(skill.clone()).into())
}

/// Deletes a skill with its versions, also one that agents have.
fn delete(cx: &Context<'_>, account: &mut Account) -> Answer {
    let id = SKILLS.find(cx, account)?.object["id"].text().to_owned();
    skill_versions::forget(account, &id);
    account.remove(SKILLS.path, &id);
    Ok(plain::deleted(&SKILLS, &id).into())
}

/// Checks that the skills that an agent names are there, in the versions that it names. Those of the
/// service itself are not looked up: there are none here.
pub(crate) fn check_known(account: &mut Account, named: &Json) -> Result<(), Refusal> {
    let custom = named
        .items()
        .iter()
        .filter(|named| named["type"] == "custom");
    for named in custom {
        let id = named["skill_id"].text();
        if account.object(SKILLS.path, id).is_none() {
            return Err(SKILLS.not_found());
        }
        let version = match &named["version"] {
            // Earlier generations counted them.
            version @ Json::Number(_) => version.to_string(),
            version => version.text().to_owned(),
        };
        if !matches!(version.as_str(), "" | "latest") {
            skill_versions::check_known(account, id, &version)?;
        }
    }
    Ok(())
}

/// Adds a version to a skill.
pub(crate) fn add_version(
    cx: &Context<'_>,
    account: &mut Account,
    id: &str,
    content: Content,
) -> Result<Json, Refusal> {
    let now = cx.now();
    let skill = account.object(SKILLS.path, id);
    let skill = skill.ok_or_else(|| SKILLS.not_found())?;
    // The number of a version that was deleted isn't given again.
    let number = skill["made"].as_u64().unwrap_or_default() + 1;
    skill.set("made", number);
    // The first is part of making the skill.
    if number > 1 {
        skill.set("updated_at", &now);
    }
    let version = object! {
        "id": new_id("skillver"), "type": "skill_version", "skill_id": id,
        "version": number.to_string(), "name": &content.name,
        "description": &content.description, "directory": &content.directory, "created_at": now,
    };
    skill_versions::add(account, version.clone(), content.archive);
    note_latest(account, id);
    Ok(version)
}

/// Notes in a skill which version is the latest now.
pub(crate) fn note_latest(account: &mut Account, id: &str) {
    let latest = skill_versions::latest(account, id).unwrap_or_default();
    if let Some(skill) = account.object(SKILLS.path, id) {
        skill.set("latest_version", &latest["version"]);
        skill.set("name", latest["name"].text());
    }
}

fn shown(mut skill: Json) -> Json {
    skill.remove("name");
    skill.remove("made");
    skill
}
