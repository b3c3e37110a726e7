use qoder_types::ops::dreams;
use qoder_types::{Dream, DreamCreate, DreamId, DreamStatus, Timestamp};

use super::macros::{calls, list};
use crate::call::Call;

calls! {
    /// The calls under `/dreams`, from [`Client::dreams`](crate::Client::dreams).
    ///
    /// A dream goes through sessions and memories and writes down what is worth remembering: a job
    /// that takes minutes, in which a memory store is made or changed.
    ///
    /// ```
    /// # async fn f(client: qoder::Client) -> qoder::Result<()> {
    /// use qoder::types::{DreamCreate, DreamInput};
    ///
    /// let inputs = [DreamInput::memory_store("memstore_1"), DreamInput::sessions(["sess_1", "sess_2"])];
    /// let mut dream = client.dreams().create(DreamCreate::new(inputs, "ultimate")).await?;
    /// while !dream.has_ended() {
    ///     tokio::time::sleep(std::time::Duration::from_secs(30)).await;
    ///     dream = client.dreams().retrieve(&dream.id).await?;
    /// }
    /// println!("{}", dream.status);
    /// # Ok(()) }
    /// ```
    Dreams: dreams {
        /// Starts a dream.
        create(; dream: DreamCreate) -> Call<Dream>,
        /// Lists dreams.
        list() -> DreamList,
        /// Retrieves a dream, to see how far it is.
        retrieve(id: DreamId) -> Call<Dream>,
        /// Cancels a dream that has not ended.
        cancel(id: DreamId) -> Call<Dream>,
        /// Archives a dream.
        archive(id: DreamId) -> Call<Dream>,
    }
}

list! {
    /// Dreams; from [`Dreams::list`].
    DreamList of Dream {
        /// Lists only dreams in this state; call it again for further states.
        status+: DreamStatus as "statuses[]",
        /// Sets whether archived dreams are listed too. Default: they are not.
        include_archived: bool,
        /// Lists only dreams that were created after this time.
        created_at_gt: Timestamp as "created_at[gt]",
        /// Lists only dreams that were created before this time.
        created_at_lt: Timestamp as "created_at[lt]",
    }
}
