object! {
    /// The answer to a deletion.
    Deleted {
        /// The id of what was deleted. Empty if the server answered without a body.
        id: String,
    }
}
