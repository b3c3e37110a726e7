//! The resources of a session: files, repositories and memory stores.

use crate::wire::deserialize_by_wire;
use crate::{FileId, MemoryStoreId, ResourceId, Secret, Timestamp};

tagged! {
    /// Something that a session is given.
    ///
    /// ```
    /// use qoder_types::{SessionCreate, SessionResource};
    ///
    /// let session = SessionCreate::new("agent_1", "env_1")
    ///     .resource(
    ///         SessionResource::github("https://github.com/example-org/widget")
    ///             .token("ghp_invented")
    ///             .branch("main"),
    ///     )
    ///     .resource(SessionResource::file("file_1").mount_path("/data/commits.txt"))
    ///     .resource(SessionResource::memory_store("memstore_1").read_only());
    /// assert!(!format!("{session:?}").contains("invented"));
    /// ```
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
    /// Gives the session an uploaded file.
    pub fn file(file_id: impl Into<FileId>) -> FileResource {
        FileResource::new(file_id)
    }

    /// Gives the session a repository on GitHub, such as `https://github.com/example-org/widget`.
    pub fn github(url: impl Into<String>) -> GithubRepositoryResource {
        GithubRepositoryResource::new(url)
    }

    /// Gives the session a git repository that isn't on GitHub.
    pub fn git(url: impl Into<String>) -> GitRepositoryResource {
        GitRepositoryResource::new(url)
    }

    /// Gives the session a memory store, which it can read and write.
    pub fn memory_store(memory_store_id: impl Into<MemoryStoreId>) -> MemoryStoreResource {
        MemoryStoreResource::new(memory_store_id)
    }

    /// Returns the id within the session. `None` in a request, and of what has none, such as a
    /// memory store.
    pub fn id(&self) -> Option<&ResourceId> {
        match self {
            Self::File(file) => file.id.as_ref(),
            Self::GithubRepository(repository) => repository.id.as_ref(),
            Self::GitRepository(repository) => repository.id.as_ref(),
            Self::MemoryStore(_) | Self::Other(_) => None,
        }
    }
}

body! {
    /// An uploaded file in a session. The same file can be given once.
    FileResource {
        /// The file.
        file_id: FileId,
        ;
        /// The file's path in the container. `/mnt/session/uploads/` and the file's id if left out.
        mount_path: String,
        /// The id within the session. Only in what the server sends.
        id: ResourceId,
        /// When the session was given it. Only in what the server sends.
        created_at: Timestamp,
        /// When it was last changed. Only in what the server sends.
        updated_at: Timestamp,
    }
}

body! {
    /// A repository on GitHub in a session. It can be given when the session is created.
    GithubRepositoryResource {
        /// The address of the repository.
        url: String,
        ;
        /// The token that may read the repository. The server never sends it back.
        token: Secret = "authorization_token",
        /// The repository's path in the container. The server chooses if left out.
        mount_path: String,
        /// The branch or commit that is checked out. The default branch if left out.
        checkout: Checkout,
        /// The id within the session. Only in what the server sends.
        id: ResourceId,
        /// When the session was given it. Only in what the server sends.
        created_at: Timestamp,
        /// When it was last changed. Only in what the server sends.
        updated_at: Timestamp,
    }
}

body! {
    /// A git repository in a session. It can be given when the session is created.
    GitRepositoryResource {
        /// The address of the repository.
        url: String,
        ;
        /// The password that may read the repository. The server never sends it back.
        password: Secret,
        /// The repository's path in the container. The server chooses if left out.
        mount_path: String,
        /// The branch or commit that is checked out. The default branch if left out.
        checkout: Checkout,
        /// The id within the session. Only in what the server sends.
        id: ResourceId,
        /// When the session was given it. Only in what the server sends.
        created_at: Timestamp,
        /// When it was last changed. Only in what the server sends.
        updated_at: Timestamp,
    }
}

macro_rules! checkouts {
    ($($name:ident)*) => {$(
        impl $name {
            /// Checks out the newest commit of a branch.
            pub fn branch(self, name: impl Into<String>) -> Self {
                self.checkout(Checkout::branch(name))
            }

            /// Checks out a commit.
            pub fn commit(self, sha: impl Into<String>) -> Self {
                self.checkout(Checkout::commit(sha))
            }
        }
    )*};
}

checkouts!(GithubRepositoryResource GitRepositoryResource);

tagged! {
    /// The branch or commit that is checked out of a repository.
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
    /// A memory store in a session. It can be given when the session is created.
    MemoryStoreResource {
        /// The memory store.
        memory_store_id: MemoryStoreId,
        ;
        /// The agent's access to the memories. Left out, it may read and write them.
        access: MemoryAccess,
        /// Instructions to the agent about the store.
        instructions: String,
        /// The store's name. Only in what the server sends.
        name: String,
        /// A description of the store's purpose. Only in what the server sends.
        description: String,
        /// The store's path in the container. Only in what the server sends.
        mount_path: String,
    }
}

impl MemoryStoreResource {
    /// Lets the agent read the memories, and not change them.
    pub fn read_only(self) -> Self {
        self.access(MemoryAccess::ReadOnly)
    }
}

open_enum! {
    /// An agent's access to the memories of a store.
    MemoryAccess {
        /// It may read and write them.
        ReadWrite = "read_write",
        /// It may read them.
        ReadOnly = "read_only",
    }
}

body! {
    /// Rotates the secret by which a session reads a repository.
    ///
    /// ```
    /// use qoder_types::SessionResourceUpdate;
    ///
    /// let update = SessionResourceUpdate::new().token("ghp_invented");
    /// assert_eq!(
    ///     serde_json::to_value(&update).unwrap(),
    ///     serde_json::json!({"authorization_token": "ghp_invented"}),
    /// );
    /// ```
    SessionResourceUpdate {
        ;
        /// The new token, of a repository on GitHub.
        token: Secret = "authorization_token",
        /// The new password, of a git repository elsewhere.
        password: Secret,
    }
}
