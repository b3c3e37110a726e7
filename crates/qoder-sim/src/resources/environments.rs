//! Environments.

use std::collections::HashSet;

use crate::json::{Json, object};
use crate::refusal::Refusal;
use crate::resources::context::Context;
use crate::resources::field::{Field, text};
use crate::resources::kind::Kind;
use crate::resources::resource::Resource;
use crate::settings::Dialect;
use crate::state::account::{Account, Document};

pub(crate) const RESOURCE: Resource = Resource {
    kinds: &[&ENVIRONMENTS],
    ..Resource::NONE
};

const ENVIRONMENTS: Kind = Kind {
    path: "/environments/{environment_id}",
    name: "environment",
    prefix: "env",
    fields: &[
        Field::text("name", 256).required(),
        Field::text("description", 2048),
        Field::read("config", config).or(limited_cloud).not_null(),
        Field::metadata().empty_deletes(),
        Field::one_of("scope", &["organization", "account"]).if_sent(),
    ],
    newest_first: false,
    in_use,
    ..Kind::PLAIN
};

const MANAGERS: [&str; 6] = ["apt", "cargo", "gem", "go", "npm", "pip"];

fn in_use(account: &mut Account, id: &str) -> Option<Refusal> {
    // Deleted sessions count.
    let mut sessions = account.sessions.iter();
    let is_used = sessions.any(|session| session.object["environment_id"] == id);
    let why = "environment is in use by a session; archive it instead";
    is_used.then(|| Refusal::conflict(why))
}

fn limited_cloud() -> Json {
    object! {
        "type": "cloud", "networking": object! {"type": "limited"}, "packages": no_packages(),
    }
}

fn no_packages() -> Json {
    let mut packages = object! {"type": "packages"};
    for manager in MANAGERS {
        packages.set(manager, Json::empty_list());
    }
    packages
}

fn config(cx: &Context<'_>, _: &str, value: &Json) -> Result<Json, Refusal> {
    let kind = value["type"].text();
    if !matches!(kind, "cloud" | "self_hosted") {
        let why = "config.type must be cloud or self_hosted.";
        return Err(Refusal::invalid("config.type", why));
    }
    let mut config = object! {"type": kind};
    if kind == "cloud" {
        config.set("networking", networking(cx, &value["networking"])?);
        config.set("packages", packages(cx, &value["packages"])?);
    }
    for (name, value) in value.members() {
        match name.as_str() {
            "type" => {}
            "networking" | "packages" if kind == "cloud" => {}
            "setup_script" if value.is_null() => {}
            "setup_script" => {
                text("config.setup_script", value, 0, usize::MAX)?;
                config.set(name, value);
            }
            _ if kind == "self_hosted" => {
                let why = "A self-hosted environment has a setup_script and nothing else.";
                return Err(Refusal::invalid(&format!("config.{name}"), why));
            }
            _ => config.set(name, value),
        }
    }
    Ok(config)
}

fn networking(cx: &Context<'_>, value: &Json) -> Result<Json, Refusal> {
    let wrong = |why: &str| Refusal::invalid("config.networking", why);
    match value {
        Json::Null => Ok(object! {"type": "limited"}),
        // The first generation had words for it.
        Json::Text(_) if cx.dialect() == Dialect::Seed => Ok(value.clone()),
        Json::Object(_) => match value["type"].text() {
            "unrestricted" | "limited" => Ok(value.clone()),
            "allowed_hosts" if !value["allowed_hosts"].items().is_empty() => Ok(value.clone()),
            "allowed_hosts" => Err(wrong("allowed_hosts must not be empty.")),
            _ => Err(wrong("networking.type must be unrestricted or limited.")),
        },
        _ => Err(wrong("networking must be an object.")),
    }
}

fn packages(cx: &Context<'_>, value: &Json) -> Result<Json, Refusal> {
    let wrong = |why: String| Refusal::invalid("config.packages", why);
    let mut packages = no_packages();
    match value {
        Json::Null => {}
        // The first generation had those of one manager.
        Json::List(_) if cx.dialect() == Dialect::Seed => packages.set("apt", value),
        Json::Object(members) => {
            for (name, specs) in members {
                match specs {
                    Json::Text(_) if name == "type" => {}
                    Json::List(specs) if MANAGERS.contains(&name.as_str()) => {
                        if specs.iter().any(|spec| spec.as_str().is_none()) {
                            return Err(wrong(format!("{name} must be an array of strings.")));
                        }
                        packages.set(name, specs.clone());
                    }
                    _ => return Err(wrong(format!("Unknown or ill-typed packages '{name}'."))),
                }
            }
        }
        _ => return Err(wrong("packages must be an object.".to_owned())),
    }
    Ok(packages)
}

/// Whether sessions in this environment run on machines of its owner, where workers serve them.
pub(crate) fn is_self_hosted(account: &mut Account, id: &str) -> bool {
    let environment = account.object(ENVIRONMENTS.path, id);
    environment.is_some_and(|environment| environment["config"]["type"] == "self_hosted")
}

/// Checks that there is an environment with this id that takes sessions.
pub(crate) fn check_open(account: &mut Account, id: &str) -> Result<(), Refusal> {
    let environment = account.object(ENVIRONMENTS.path, id);
    let environment = environment.ok_or_else(|| ENVIRONMENTS.not_found())?;
    if environment["archived_at"].is_null() {
        return Ok(());
    }
    let why = "The environment is archived.";
    Err(Refusal::invalid("environment_id", why))
}

/// The ids of the environments whose workers are the caller's own.
pub(crate) fn self_hosted(account: &mut Account) -> HashSet<String> {
    let environments = account.documents(ENVIRONMENTS.path).iter();
    let environments = environments.map(|document| &document.object);
    let hosted = environments.filter(|object| *object.at("config.type") == "self_hosted");
    hosted
        .map(|object| object["id"].text().to_owned())
        .collect()
}

/// The environment that every account has at first.
pub(crate) fn furnish(dialect: Dialect, account: &mut Account) {
    let now = account.clock.text();
    let environment = match dialect {
        Dialect::Seed => object! {
            "id": "env_default", "type": "environment", "name": "default",
            "config": object! {"type": "cloud", "networking": "unrestricted"},
            "status": "ready", "created_at": &now, "updated_at": &now,
        },
        Dialect::Current => object! {
            "id": crate::ids::new_id(ENVIRONMENTS.prefix), "type": "environment",
            "name": "default", "description": "",
            "config": object! {
                "type": "cloud", "networking": object! {"type": "unrestricted"},
                "packages": no_packages(),
            },
            "metadata": object! {}, "archived_at": Json::Null,
            "created_at": &now, "updated_at": &now,
        },
    };
    let environments = account.documents(ENVIRONMENTS.path);
    environments.push(Document::new(environment));
}
