//! Has nothing but a test, that of `qoder-http`'s features, and what it needs.
