//! Home of the tests that span the workspace's crates: see the files under `tests/`.
