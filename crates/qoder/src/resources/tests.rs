//! The lists, held against the operations that they are of.

use std::collections::BTreeSet;

use qoder_types::{Op, PageStyle, ops};

use super::*;

/// Each list: its operation, and the query parameters that it has methods for.
fn lists() -> Vec<(&'static Op, &'static [&'static str])> {
    let (session, thread) = (&"sess_1".into(), &"thr_1".into());
    vec![
        (ops::agents::list().op(), AgentList::FILTERS),
        (
            ops::agents::versions::list(&"agent_1".into()).op(),
            AgentVersionList::FILTERS,
        ),
        (ops::deployments::list().op(), DeploymentList::FILTERS),
        (
            ops::deployments::runs::list(&"dep_1".into()).op(),
            DeploymentScopedRunList::FILTERS,
        ),
        (
            ops::deployment_runs::list().op(),
            DeploymentRunList::FILTERS,
        ),
        (ops::dreams::list().op(), DreamList::FILTERS),
        (ops::environments::list().op(), EnvironmentList::FILTERS),
        (
            ops::environments::work::list(&"env_1".into()).op(),
            EnvironmentWorkList::FILTERS,
        ),
        (ops::files::list().op(), FileList::FILTERS),
        (ops::memory_stores::list().op(), MemoryStoreList::FILTERS),
        (
            ops::memory_stores::memories::list(&"memstore_1".into()).op(),
            MemoryList::FILTERS,
        ),
        (
            ops::memory_stores::memory_versions::list(&"memstore_1".into()).op(),
            MemoryVersionList::FILTERS,
        ),
        (ops::models::list().op(), ModelList::FILTERS),
        (ops::sessions::list().op(), SessionList::FILTERS),
        (
            ops::sessions::events::list(session).op(),
            SessionEventList::FILTERS,
        ),
        (
            ops::sessions::resources::list(session).op(),
            SessionResourceList::FILTERS,
        ),
        (
            ops::sessions::threads::list(session).op(),
            SessionThreadList::FILTERS,
        ),
        (
            ops::sessions::threads::events::list(session, thread).op(),
            ThreadEventList::FILTERS,
        ),
        (ops::skills::list().op(), SkillList::FILTERS),
        (
            ops::skills::versions::list(&"skill_1".into()).op(),
            SkillVersionList::FILTERS,
        ),
        (ops::vaults::list().op(), VaultList::FILTERS),
        (
            ops::vaults::credentials::list(&"vault_1".into()).op(),
            VaultCredentialList::FILTERS,
        ),
    ]
}

#[test]
fn a_list_has_the_filters_of_its_operation() {
    for (op, filters) in lists() {
        let of_list: BTreeSet<&str> = filters.iter().copied().collect();
        let mut of_operation: BTreeSet<&str> = op.query.iter().copied().collect();
        // Whatever starts at an item can be started before or after it.
        if op.pages == PageStyle::Ids {
            of_operation.extend(["after_id", "before_id"]);
        }
        assert_eq!(
            of_list, of_operation,
            "{}: the list's filters (left), and the query of the operation's row (right)",
            op.name
        );
    }
}

#[test]
fn each_list_has_a_type() {
    let typed: BTreeSet<&str> = lists().iter().map(|(op, _)| op.name).collect();
    let all = ops::all().filter(|op| op.pages != PageStyle::None);
    for op in all {
        assert!(typed.contains(op.name), "{} has no list", op.name);
    }
}
