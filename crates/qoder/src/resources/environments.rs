use qoder_types::ops::environments as ops;
use qoder_types::{Deleted, Environment, EnvironmentCreate, EnvironmentId, EnvironmentUpdate};

use super::resource;
use crate::call::Call;
use crate::list::List;

resource! {
    /// The calls under `/environments`, from [`Client::environments`](crate::Client::environments).
    Environments
}

impl Environments {
    /// Creates an environment. Without a config it is a cloud container with limited network.
    pub fn create(&self, environment: EnvironmentCreate) -> Call<Environment> {
        self.call(ops::create(&environment))
    }

    /// Lists environments; archived ones only if [asked for](List::include_archived).
    ///
    /// An account may have none: [`List::first`] then gives an error that says so.
    ///
    /// ```no_run
    /// # async fn f(client: qoder::Client) -> qoder::Result<()> {
    /// let environment = client.environments().list().limit(1).first().await?;
    /// println!("{}", environment.id);
    /// # Ok(()) }
    /// ```
    pub fn list(&self) -> List<Environment> {
        self.pages(ops::list())
    }

    /// Retrieves an environment.
    pub fn retrieve(&self, id: impl Into<EnvironmentId>) -> Call<Environment> {
        self.call(ops::retrieve(&id.into()))
    }

    /// Changes an environment. What the update leaves out is kept; a config is replaced whole.
    pub fn update(
        &self,
        id: impl Into<EnvironmentId>,
        update: EnvironmentUpdate,
    ) -> Call<Environment> {
        self.call(ops::update(&id.into(), &update))
    }

    /// Archives an environment: no session can be started in it any more.
    pub fn archive(&self, id: impl Into<EnvironmentId>) -> Call<Environment> {
        self.call(ops::archive(&id.into()))
    }

    /// Deletes an environment, which is a [conflict](crate::Error::is_conflict) while a session
    /// refers to it, a deleted one included; archive it then.
    pub fn delete(&self, id: impl Into<EnvironmentId>) -> Call<Deleted> {
        self.call(ops::delete(&id.into()))
    }
}

/// Filters of [`Environments::list`].
impl List<Environment> {
    /// Sets whether archived environments are listed too. They aren't by default.
    pub fn include_archived(self, include: bool) -> Self {
        self.query("include_archived", include)
    }
}
