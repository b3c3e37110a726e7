//! How JSON of the API is read and written.

use super::{By, Mutant};

const JSON: &str = "crates/qoder-types/src/wire/json.rs";
const MEMBERS: &str = "crates/qoder-types/src/wire/members.rs";

/// The tests of every type, with whatever may stand in their members.
const fn wire() -> By {
    By::Tests {
        package: "qoder-types",
        file: None,
        words: "wire::",
    }
}

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant {
        breaks: "reading",
        wrong: "of equal names the first value counts",
        file: JSON,
        find: "            std::mem::swap(later, first);\n",
        put: "",
        by: wire(),
    },
    Mutant {
        breaks: "reading",
        wrong: "equal names are both kept where there are few",
        file: JSON,
        find: "        if self.met & kind != 0 && !self.repeat {\n",
        put: "        if self.met & kind != 0 && before.len() >= Self::FEW {\n",
        by: wire(),
    },
    Mutant {
        breaks: "reading",
        wrong: "a member that would be written differently isn't kept as it was",
        file: MEMBERS,
        find: "                Some(Fit::Exact | Fit::Near) => return member.clone(),\n",
        put: "                Some(Fit::Exact | Fit::Near) => return member.take(),\n",
        by: wire(),
    },
    Mutant {
        breaks: "reading",
        wrong: "a member that fits is kept beside its field",
        file: MEMBERS,
        find: "                Some(Fit::Exact) if is_only => return member.take(),\n",
        put: "",
        by: wire(),
    },
    Mutant {
        breaks: "reading",
        wrong: "an empty id is one",
        file: MEMBERS,
        find: "    id.is_some_and(|id| !id.is_empty())\n",
        put: "    id.is_some()\n",
        by: wire(),
    },
];
