use qoder_types::ops::skills::{self, versions};
use qoder_types::{
    Deleted, Skill, SkillId, SkillSource, SkillUpdate, SkillVersion, SkillVersionNumber,
};

use super::macros::{calls, list};
use crate::call::Call;
use crate::files::{Download, NewSkill, SkillFiles};

calls! {
    /// The calls under `/skills`, from [`Client::skills`](crate::Client::skills).
    ///
    /// A skill is instructions and files that agents are given, under versions. Its files go up as
    /// [`SkillFiles`].
    ///
    /// ```
    /// # async fn f(client: qoder::Client) -> qoder::Result<()> {
    /// use qoder::files::{NewSkill, SkillFiles};
    ///
    /// let files = SkillFiles::directory("skills/release-notes")?;
    /// let skill = client.skills().create(NewSkill::new(files).display_title("Release notes")).await?;
    /// println!("{}", skill.id);
    /// # Ok(()) }
    /// ```
    Skills: skills {
        /// Lists skills, those of the platform among them.
        list() -> SkillList,
        /// Retrieves a skill.
        retrieve(id: SkillId) -> Call<Skill>,
        /// Changes a skill in place. The vendor calls this deprecated: new content belongs in a
        /// [new version](SkillVersions::create).
        update(id: SkillId; update: SkillUpdate) -> Call<Skill>,
        /// Deletes a skill, even if agents have it.
        delete(id: SkillId) -> Call<Deleted>,
    }
}

impl Skills {
    /// Creates a skill, and its first version of the files.
    pub fn create(&self, skill: impl Into<NewSkill>) -> Call<Skill> {
        let (about, uploads) = skill.into().into_parts();
        Call::new(self.shared.clone(), skills::create(&about)).with_uploads(uploads)
    }

    /// Returns the calls for the versions of skills.
    pub fn versions(&self) -> SkillVersions {
        SkillVersions::new(self.shared.clone())
    }
}

list! {
    /// Skills; from [`Skills::list`].
    SkillList of Skill by SkillId, 1000 a page {
        /// Lists only skills from there.
        source: SkillSource,
        /// Lists only skills that agents know by this name.
        name: String,
        /// Lists only skills with this name for people.
        display_title: String,
    }
}

calls! {
    /// The calls under `/skills/{id}/versions`, from [`Skills::versions`].
    SkillVersions: versions {
        /// Lists the versions of a skill.
        list(skill: SkillId) -> SkillVersionList,
        /// Retrieves what is known of a version.
        retrieve(skill: SkillId, version: SkillVersionNumber) -> Call<SkillVersion>,
        /// Deletes a version.
        delete(skill: SkillId, version: SkillVersionNumber) -> Call<Deleted>,
    }
}

impl SkillVersions {
    /// Makes a new version of a skill of these files.
    pub fn create(&self, skill: impl Into<SkillId>, files: SkillFiles) -> Call<SkillVersion> {
        let (about, uploads) = files.into_parts();
        let request = versions::create(&skill.into(), &about);
        Call::new(self.shared.clone(), request).with_uploads(uploads)
    }

    /// Downloads the files of a version as an archive, which the API sends itself: there is no link
    /// and no storage. Nothing documents that it takes ranges; if it doesn't, an archive that breaks
    /// off is asked for again as a whole, and a [stream](Download::stream) of it is an error.
    ///
    /// ```
    /// # async fn f(client: qoder::Client) -> qoder::Result<()> {
    /// let versions = client.skills().versions();
    /// versions.download("skill_1", "2").to_path("release-notes.zip").await?;
    /// # Ok(()) }
    /// ```
    pub fn download(
        &self,
        skill: impl Into<SkillId>,
        version: impl Into<SkillVersionNumber>,
    ) -> Download {
        Download::skill(self.shared.clone(), skill.into(), version.into())
    }
}

list! {
    /// The versions of a skill; from [`SkillVersions::list`].
    SkillVersionList of SkillVersion, 1000 a page {}
}
