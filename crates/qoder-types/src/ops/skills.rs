//! Operations under `/skills`.

use super::row::operations;
use crate::{Deleted, Page, Skill, SkillCreate, SkillId, SkillUpdate, SkillUpload};

operations! { "skills" {
    /// Creates a skill and its first version. The request has a [form](crate::Request::form) for a
    /// body, and the contents of its files are for the sender to add.
    create() takes SkillCreate -> Skill = post "/skills";
    /// Lists skills.
    list() -> Page<Skill> = list "/skills"
        ? "source" "name" "display_title" "after_id" "before_id";
    /// Gets a skill.
    retrieve(skill_id: SkillId) -> Skill = get "/skills/{skill_id}";
    /// Changes a skill in place. It is documented as deprecated, and no official SDK has it.
    update(skill_id: SkillId) takes SkillUpdate -> Skill = put "/skills/{skill_id}";
    /// Deletes a skill, even if agents have it.
    delete(skill_id: SkillId) -> Deleted = delete "/skills/{skill_id}";
} }

/// Operations under `/skills/{skill_id}/versions`.
pub mod versions {
    use super::{Deleted, Page, SkillId, SkillUpload, operations};
    use crate::{SkillVersion, SkillVersionNumber};

    operations! { "skills.versions" {
        /// Makes a new version of a skill. The request has a [form](crate::Request::form) for a
        /// body, and the contents of its files are for the sender to add.
        create(skill_id: SkillId) takes SkillUpload -> SkillVersion
            = post "/skills/{skill_id}/versions";
        /// Lists the versions of a skill.
        list(skill_id: SkillId) -> Page<SkillVersion> = list "/skills/{skill_id}/versions";
        /// Gets what is known of a version.
        retrieve(skill_id: SkillId, version: SkillVersionNumber) -> SkillVersion
            = get "/skills/{skill_id}/versions/{version}";
        /// Downloads the files of a version. The response is the archive itself.
        download(skill_id: SkillId, version: SkillVersionNumber) -> ()
            = bytes "/skills/{skill_id}/versions/{version}/content";
        /// Deletes a version. The answer has the version's number for its id.
        delete(skill_id: SkillId, version: SkillVersionNumber) -> Deleted
            = delete "/skills/{skill_id}/versions/{version}";
    } }
}
