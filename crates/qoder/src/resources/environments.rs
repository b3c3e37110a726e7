use qoder_types::ops::environments;
use qoder_types::{
    Deleted, Environment, EnvironmentCreate, EnvironmentId, EnvironmentUpdate, Timestamp,
};

use super::macros::{calls, list};
use crate::call::Call;

calls! {
    /// The calls under `/environments`, from [`Client::environments`](crate::Client::environments).
    ///
    /// An environment says what the containers are like that sessions run in: packages, variables,
    /// access to the network. An account may have none at first.
    ///
    /// ```no_run
    /// # async fn f(client: qoder::Client) -> qoder::Result<()> {
    /// let environment = client.environments().list().limit(1).first().await?;
    /// println!("{}", environment.id);
    /// # Ok(()) }
    /// ```
    Environments: environments {
        /// Creates an environment. Without a config it is a cloud container with limited network.
        create(; environment: EnvironmentCreate) -> Call<Environment>,
        /// Lists environments.
        list() -> EnvironmentList,
        /// Retrieves an environment.
        retrieve(id: EnvironmentId) -> Call<Environment>,
        /// Changes an environment. What the update leaves out is kept; a config is replaced as a
        /// whole.
        update(id: EnvironmentId; update: EnvironmentUpdate) -> Call<Environment>,
        /// Archives an environment: no session can be started in it any more.
        archive(id: EnvironmentId) -> Call<Environment>,
        /// Deletes an environment. While a session refers to it, a deleted one included, that is a
        /// [conflict](crate::Error::is_conflict): [archive](Self::archive) it instead.
        delete(id: EnvironmentId) -> Call<Deleted>,
    }
}

list! {
    /// Environments; from [`Environments::list`].
    EnvironmentList of Environment {
        /// Sets whether archived environments are listed too. Default: they are not.
        include_archived: bool,
        /// Lists only environments that were created at this time or later.
        created_at_gte: Timestamp as "created_at[gte]",
        /// Lists only environments that were created at this time or earlier.
        created_at_lte: Timestamp as "created_at[lte]",
    }
}
