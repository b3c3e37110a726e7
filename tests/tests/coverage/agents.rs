//! Agents, their versions, and models.

use qoder::Client;
use qoder::types::{
    AgentCreate, AgentUpdate, Effort, McpServer, ModelRef, Multiagent, Patch, SkillRef, Tool,
};

use crate::Outcome;
use crate::pages::three_pages;

pub(crate) async fn walk(client: &Client) -> Outcome {
    let agents = client.agents();
    let member = agents
        .create(AgentCreate::new("member", "ultimate"))
        .await?;
    let whole = AgentCreate::new("whole", ModelRef::new("ultimate").effort(Effort::High))
        .system("Reply concisely.")
        .description("For tests.")
        .tool(Tool::builtin().ask("Bash"))
        .tool(Tool::mcp("tracker"))
        .mcp_server(McpServer::new("tracker", "https://mcp.example.com/mcp"))
        .skill(SkillRef::custom("skill_1"))
        .metadata("team", "build")
        .multiagent(Multiagent::coordinator().agent(&member.id));
    let agent = agents.create(whole).await?;
    assert_eq!(agent.version, 1);
    let update = AgentUpdate::of(&agent)
        .name("renamed")
        .model("ultimate")
        .system("Reply in one sentence.")
        .description(Patch::Clear)
        .tool(Tool::builtin())
        .mcp_servers(Patch::Clear)
        .skills(Patch::Clear)
        .metadata("team", Patch::Clear)
        .multiagent(Patch::Clear);
    let agent = agents.update(&agent.id, update).await?;
    assert_eq!((agent.version, agent.name.as_str()), (2, "renamed"));
    let agent = agents
        .update(&agent.id, AgentUpdate::of(&agent).system("x"))
        .await?;
    assert_eq!(agents.retrieve(&agent.id).await?.system, "x");
    assert_eq!(agents.retrieve_version(&agent.id, 1).await?.name, "whole");
    let versions = three_pages(agents.versions().list(&agent.id), |agent| {
        agent.version.to_string()
    });
    assert_eq!(versions.await?.len(), 3);

    let gone = agents.create(AgentCreate::new("gone", "ultimate")).await?;
    three_pages(agents.list(), |agent| agent.id.to_string()).await?;
    assert!(agents.archive(&gone.id).await?.archived_at.is_some());
    let live = agents.list().created_at_gte("2020-01-01T00:00:00Z").await?;
    assert!(live.data.iter().all(|agent| agent.id != gone.id));
    let all = agents
        .list()
        .include_archived(true)
        .created_at_lte("2120-01-01T00:00:00Z")
        .await?;
    assert!(all.data.iter().any(|agent| agent.id == gone.id));
    assert_eq!(agents.delete(&gone.id).await?.id, gone.id.as_str());

    let models = client.models().list().limit(50).await?;
    assert!(models.data.iter().any(|model| model.id == "ultimate"));
    let first = &models.data[0].id;
    client.models().list().after(first.as_str()).await?;
    client.models().list().before(first.as_str()).await?;
    Ok(())
}
