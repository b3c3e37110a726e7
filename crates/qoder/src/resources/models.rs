use qoder_types::Model;
use qoder_types::ops::models;

use super::macros::{calls, list};

calls! {
    /// The calls under `/models`, from [`Client::models`](crate::Client::models).
    ///
    /// ```
    /// # async fn f(client: qoder::Client) -> qoder::Result<()> {
    /// for model in client.models().list().await?.data {
    ///     println!("{}", model.id);
    /// }
    /// # Ok(()) }
    /// ```
    Models: models {
        /// Lists the models that agents can use.
        list() -> ModelList,
    }
}

list! {
    /// Models; from [`Models::list`].
    ModelList of Model by String {}
}
