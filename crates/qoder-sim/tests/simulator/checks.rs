//! What agents and environments must be like, and how they are answered.

use crate::common::{Api, joined, of, pairs, quick, refuses, text};
use qoder_sim::Dialect;
use serde_json::{Value, json};

/// An agent with these members beside its name and model.
fn agent(others: Value) -> Value {
    joined(json!({"name": "n", "model": "ultimate"}), others)
}

#[tokio::test]
async fn agents_are_checked() {
    let sim = quick().await;
    let api = Api::new(&sim);
    let toolset = |members: Value| {
        let tool = joined(json!({"type": "agent_toolset_20260401"}), members);
        json!({"tools": [tool]})
    };
    let server = json!({"type": "url", "name": "a", "url": "https://a.example/mcp"});
    for (others, param) in [
        (json!({"name": 7}), "name"),
        (json!({"name": "n".repeat(257)}), "name"),
        (json!({"model": 7}), "model"),
        (json!({"model": ""}), "model"),
        (json!({"model": {"effort": "high"}}), "model.id"),
        (json!({"model": {"id": "m", "effort": "huge"}}), "model"),
        (json!({"description": "d".repeat(2049)}), "description"),
        (json!({"description": ["d"]}), "description"),
        (json!({"system": "s".repeat(100_001)}), "system"),
        (json!({"metadata": pairs(17)}), "metadata"),
        (json!({"metadata": []}), "metadata"),
        (json!({"tools": "Bash"}), "tools"),
        (
            json!({"tools": vec![json!({"type": "agent_toolset_20260401"}); 129]}),
            "tools",
        ),
        (json!({"tools": [{"type": "shell"}]}), "tools"),
        (
            json!({"tools": [{"type": "browser_toolset_20260714"}]}),
            "tools",
        ),
        (
            toolset(json!({"enabled_tools": ["Bash", "Shell"]})),
            "tools",
        ),
        (toolset(json!({"disallowed_tools": ["bash"]})), "tools"),
        (
            toolset(json!({"enabled_tools": ["Bash"], "disallowed_tools": ["Bash"]})),
            "tools",
        ),
        (
            toolset(json!({"configs": [{"name": "Shell"}]})),
            "tools.configs.name",
        ),
        (
            toolset(json!({"configs": [{"name": "Bash", "permission_policy": {"type": "maybe"}}]})),
            "tools.configs.permission_policy",
        ),
        (
            toolset(json!({"default_config": {"enabled": "yes"}})),
            "tools.default_config.enabled",
        ),
        (
            json!({"tools": [{"type": "custom", "name": "a b"}]}),
            "tools.name",
        ),
        (
            json!({"tools": [{"type": "custom", "name": "n".repeat(129)}]}),
            "tools.name",
        ),
        (
            json!({"tools": [{"type": "mcp_toolset"}]}),
            "tools.mcp_server_name",
        ),
        (
            json!({"tools": [{"type": "mcp_toolset", "mcp_server_name": "a"}]}),
            "tools.mcp_server_name",
        ),
        (json!({"mcp_servers": [server, server]}), "mcp_servers"),
        (
            json!({"mcp_servers": [{"type": "url", "name": "a"}]}),
            "mcp_servers.url",
        ),
        (
            json!({"skills": [{"type": "own", "skill_id": "s"}]}),
            "skills.type",
        ),
        (
            json!({"multiagent": {"type": "coordinator", "agents": []}}),
            "multiagent",
        ),
        (
            json!({"multiagent": {"type": "choir", "agents": ["a"]}}),
            "multiagent",
        ),
        (
            json!({"multiagent": {"type": "coordinator", "agents": [{"type": "guest"}]}}),
            "multiagent",
        ),
    ] {
        refuses(&api, "/agents", agent(others.clone()), param).await;
        // An update is checked as a new one is.
        let made = api.post("/agents", agent(json!({}))).await.json();
        let path = format!("/agents/{}", text(&made["id"]));
        let mut update = others.clone();
        update["version"] = json!(1);
        refuses(&api, &path, update, param).await;
        assert_eq!(api.get(&path).await.json(), made);
    }
    let list = api.get("/agents?limit=100").await.json();
    assert!(
        list["data"]
            .as_array()
            .expect("a list")
            .iter()
            .all(|agent| agent["version"] == 1)
    );
}

#[tokio::test]
async fn agents_at_their_limits_are_taken() {
    let sim = quick().await;
    let api = Api::new(&sim);
    let member = text(&api.agent(json!({})).await["id"]);
    let body = json!({
        "name": "ä".repeat(256), "model": {"id": "ultimate", "effort": "xhigh"},
        "description": "d".repeat(2048), "system": "s".repeat(100_000), "metadata": pairs(16),
        "tools": [
            {
                "type": "agent_toolset_20260401", "enabled_tools": ["Bash", "WebFetch"],
                "disallowed_tools": ["Grep"],
                "configs": [{"name": "Bash", "permission_policy": {"type": "always_deny"}},
                            {"name": "web_fetch", "enabled": false}],
            },
            {"type": "mcp_toolset", "mcp_server_name": "a"},
            {"type": "custom", "name": "look-up_1", "description": "d", "input_schema": {"type": "object"}},
        ],
        "mcp_servers": [{"type": "url", "name": "a", "url": "https://a.example/mcp"}],
        "skills": [{"type": "custom", "skill_id": "skill_x", "version": "1"}],
        "multiagent": {"type": "coordinator", "agents": [member, {"type": "self"}, {"type": "advisor", "model": "auto"}]},
    });
    let answer = api.post("/agents", body.clone()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let made = answer.json();
    for name in [
        "name",
        "model",
        "description",
        "system",
        "metadata",
        "tools",
        "skills",
    ] {
        assert_eq!(made[name], body[name], "{name}");
    }
    // The version of a member is what it was when the roster was saved.
    let first = &made["multiagent"]["agents"][0];
    assert_eq!(*first, json!({"type": "agent", "id": member, "version": 1}));
    let path = format!("/agents/{}", text(&made["id"]));
    let cleared = json!({"version": 1, "description": null, "tools": [], "multiagent": null});
    let cleared = api.post(&path, cleared).await.json();
    assert_eq!(
        (
            &cleared["description"],
            &cleared["tools"],
            &cleared["multiagent"]
        ),
        (&json!(""), &json!([]), &Value::Null)
    );
    // Its server is gone, and the tool that names it stays.
    let late = json!({"version": 2, "tools": [{"type": "mcp_toolset", "mcp_server_name": "a"}]});
    assert_eq!(api.post(&path, late).await.status, 200);
    let torn = json!({"version": 3, "mcp_servers": []});
    assert_eq!(api.post(&path, torn).await.status, 400);
    assert_eq!(
        api.post(&path, json!({"version": 3, "name": null}))
            .await
            .status,
        400
    );
    assert_eq!(api.post(&path, json!({"version": "3"})).await.status, 400);
    let stranger = json!({"multiagent": {"type": "coordinator", "agents": ["agent_none"]}});
    assert_eq!(api.post("/agents", agent(stranger)).await.status, 404);
}

#[tokio::test]
async fn browser_tools_need_their_beta() {
    let sim = quick().await;
    let api = Api::new(&sim);
    let body = agent(json!({"tools": [{"type": "browser_toolset_20260714"}]}));
    for (beta, status) in [
        ("browser-use-2026-07-14", 200),
        ("other, browser-use-2026-07-14", 200),
        ("browser-use", 400),
    ] {
        let sent = api
            .send("POST", "/agents", &[("x-qoder-beta", beta)], &body)
            .await;
        assert_eq!(sent.expect("an answer").status, status, "{beta}");
    }
}

#[tokio::test]
async fn environments_are_checked_and_completed() {
    let sim = quick().await;
    let api = Api::new(&sim);
    let named = |config: Value| json!({"name": "e", "config": config});
    for (body, param) in [
        (json!({"name": 7}), "name"),
        (json!({"name": "e".repeat(257)}), "name"),
        (
            json!({"name": "e", "description": "d".repeat(2049)}),
            "description",
        ),
        (json!({"name": "e", "metadata": pairs(17)}), "metadata"),
        (json!({"name": "e", "scope": "world"}), "scope"),
        (named(json!(null)), "config"),
        (named(json!({})), "config.type"),
        (
            named(json!({"type": "cloud", "networking": "unrestricted"})),
            "config.networking",
        ),
        (
            named(json!({"type": "cloud", "networking": {"type": "wide"}})),
            "config.networking",
        ),
        (
            named(json!({"type": "cloud", "networking": {"type": "allowed_hosts"}})),
            "config.networking",
        ),
        (
            named(json!({"type": "cloud", "packages": ["jq"]})),
            "config.packages",
        ),
        (
            named(json!({"type": "cloud", "packages": {"brew": []}})),
            "config.packages",
        ),
        (
            named(json!({"type": "cloud", "packages": {"apt": [1]}})),
            "config.packages",
        ),
        (
            named(json!({"type": "cloud", "setup_script": 7})),
            "config.setup_script",
        ),
        (
            named(json!({"type": "self_hosted", "packages": {}})),
            "config.packages",
        ),
    ] {
        refuses(&api, "/environments", body, param).await;
    }
    let config =
        json!({"type": "cloud", "packages": {"npm": ["typescript@5"]}, "setup_script": "x"});
    let made = api.post("/environments", named(config)).await.json();
    assert_eq!(
        made["config"],
        json!({
            "type": "cloud", "networking": {"type": "limited"}, "setup_script": "x",
            "packages": {
                "type": "packages", "apt": [], "cargo": [], "gem": [], "go": [],
                "npm": ["typescript@5"], "pip": [],
            },
        })
    );
    let path = format!("/environments/{}", text(&made["id"]));
    assert_eq!(api.post(&path, json!({"config": null})).await.status, 400);
    let self_hosted = json!({"config": {"type": "self_hosted"}, "metadata": {"a": "b"}});
    let changed = api.post(&path, self_hosted).await.json();
    assert_eq!(changed["config"], json!({"type": "self_hosted"}));
    let changed = api.post(&path, json!({"metadata": {"a": ""}})).await.json();
    assert_eq!(
        (&changed["metadata"], &changed["name"]),
        (&json!({}), &json!("e"))
    );
}

#[tokio::test]
async fn paths_are_decoded_as_paths_and_queries_as_forms() {
    let sim = quick().await;
    let api = Api::new(&sim);
    api.post("/memory_stores", json!({"name": "a b"})).await;
    for query in ["name=a+b", "name=a%20b"] {
        let list = api.get(&format!("/memory_stores?{query}")).await.json();
        assert_eq!(list["data"].as_array().map(Vec::len), Some(1), "{query}");
    }
    let store = api
        .post("/memory_stores", json!({"name": "x"}))
        .await
        .json();
    let encoded = text(&store["id"]).replace('_', "%5F");
    assert_eq!(
        api.get(&format!("/memory_stores/{encoded}")).await.status,
        200
    );
}

#[tokio::test]
async fn the_first_generation_is_checked_in_its_own_forms() {
    let sim = of(Dialect::Seed).await;
    let api = Api::new(&sim);
    let config = json!({"type": "cloud", "networking": "unrestricted", "packages": ["jq"]});
    let made = api
        .post("/environments", json!({"name": "e", "config": config}))
        .await;
    assert_eq!(made.status, 201);
    assert_eq!(made.json()["config"]["networking"], "unrestricted");
    refuses(&api, "/agents", json!({"name": 7, "model": "m"}), "name").await;
}
