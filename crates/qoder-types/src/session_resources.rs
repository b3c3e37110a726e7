//! What a session is given: files, repositories and memory stores.

use crate::wire::deserialize_by_wire;
use crate::{FileId, MemoryStoreId, Secret, Timestamp};

tagged! {
    /// Something that a session is given.
    SessionResource {
        /// An uploaded file.
        File(FileResource) = "file",
        /// A repository on GitHub.
        GithubRepository(GithubRepositoryResource) = "github_repository",
        /// A git repository elsewhere.
        GitRepository(GitRepositoryResource) = "git_repository",
        /// A memory store.
        MemoryStore(MemoryStoreResource) = "memory_store",
    }
}

deserialize_by_wire!(SessionResource);

impl SessionResource {
    /// Gives the session an uploaded file, at its default place.
    pub fn file(file_id: impl Into<FileId>) -> Self {
        FileResource::new(file_id).into()
    }

    /// Gives the session a memory store, which it can read and write.
    pub fn memory_store(memory_store_id: impl Into<MemoryStoreId>) -> Self {
        MemoryStoreResource::new(memory_store_id).into()
    }
}

body! {
    /// An uploaded file in a session.
    FileResource {
        /// The file.
        file_id: FileId,
        ;
        /// Where the file is in the container. `/mnt/session/uploads/` and the file's id if left
        /// out.
        mount_path: String,
        /// The id within the session. Only in what the server sends.
        id: String,
        /// When the session was given it. Only in what the server sends.
        created_at: Timestamp,
        /// When it was last changed. Only in what the server sends.
        updated_at: Timestamp,
    }
}

body! {
    /// A repository on GitHub in a session.
    ///
    /// ```
    /// use qoder_types::{Checkout, GithubRepositoryResource};
    ///
    /// let repository = GithubRepositoryResource::new("https://github.com/example-org/widget")
    ///     .authorization_token("ghp_invented")
    ///     .checkout(Checkout::branch("main"));
    /// assert!(!format!("{repository:?}").contains("invented"));
    /// ```
    GithubRepositoryResource {
        /// The address of the repository.
        url: String,
        ;
        /// The token that may read the repository. The server never sends it back.
        authorization_token: Secret,
        /// Where the repository is in the container. The server chooses if left out.
        mount_path: String,
        /// What is checked out. The default branch if left out.
        checkout: Checkout,
        /// The id within the session. Only in what the server sends.
        id: String,
        /// When the session was given it. Only in what the server sends.
        created_at: Timestamp,
        /// When it was last changed. Only in what the server sends.
        updated_at: Timestamp,
    }
}

body! {
    /// A git repository in a session.
    GitRepositoryResource {
        /// The address of the repository.
        url: String,
        ;
        /// The password that may read the repository. The server never sends it back.
        password: Secret,
        /// Where the repository is in the container. The server chooses if left out.
        mount_path: String,
        /// What is checked out. The default branch if left out.
        checkout: Checkout,
        /// The id within the session. Only in what the server sends.
        id: String,
        /// When the session was given it. Only in what the server sends.
        created_at: Timestamp,
        /// When it was last changed. Only in what the server sends.
        updated_at: Timestamp,
    }
}

tagged! {
    /// What is checked out of a repository.
    Checkout {
        /// A branch.
        Branch(BranchCheckout) = "branch",
        /// A commit.
        Commit(CommitCheckout) = "commit",
    }
}

deserialize_by_wire!(Checkout);

impl Checkout {
    /// Checks out the newest commit of a branch.
    pub fn branch(name: impl Into<String>) -> Self {
        BranchCheckout::new(name).into()
    }

    /// Checks out a commit.
    pub fn commit(sha: impl Into<String>) -> Self {
        CommitCheckout::new(sha).into()
    }
}

body! {
    /// A branch of a repository.
    BranchCheckout {
        /// The branch's name.
        name: String,
    }
}

body! {
    /// A commit of a repository.
    CommitCheckout {
        /// The commit's hash.
        sha: String,
    }
}

body! {
    /// A memory store in a session.
    MemoryStoreResource {
        /// The memory store.
        memory_store_id: MemoryStoreId,
        ;
        /// Whether the agent may change the memories: `read_write` or `read_only`. `read_write` if
        /// left out.
        access: String,
        /// What the agent is told about the store.
        instructions: String,
        /// The store's name. Only in what the server sends.
        name: String,
        /// What the store is for. Only in what the server sends.
        description: String,
        /// Where the store is in the container. Only in what the server sends.
        mount_path: String,
    }
}
