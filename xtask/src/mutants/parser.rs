//! The parser.

use super::{By, Mutant, sse};

const PARSER: &str = "crates/qoder-sse/src/parser/mod.rs";
const BLOCK: &str = "crates/qoder-sse/src/parser/block.rs";
const CUT: &str = "crates/qoder-sse/src/parser/cut.rs";
const LINE: &str = "crates/qoder-sse/src/parser/line.rs";
const SHAPE: &str = "crates/qoder-sse/src/parser/shape.rs";
const TEXT: &str = "crates/qoder-sse/src/parser/text.rs";
const WAYS: &str = "crates/qoder-sse/src/parser/ways.rs";

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant {
        breaks: "parser",
        wrong: "a character that is cut after three bytes is not whole",
        file: TEXT,
        find: ".rev().take(3))",
        put: ".rev().take(2))",
        by: sse("reference", "a_character_may_be_cut_anywhere"),
    },
    Mutant {
        breaks: "parser",
        wrong: "buffers double",
        file: TEXT,
        find: "more.max(text.capacity() / 3)",
        put: "more.max(text.capacity())",
        by: sse("memory", ""),
    },
    Mutant {
        breaks: "parser",
        wrong: "the end of one connection leaves a byte order mark out of the next",
        file: PARSER,
        find: "        self.mark = 0;\n",
        put: "",
        by: sse("vectors", ""),
    },
    Mutant {
        breaks: "parser",
        wrong: "a skipped block that is cut ends cleanly",
        file: PARSER,
        find: "            && !self.skip_block\n            && [0",
        put: "            && [0",
        by: sse("reference", "every_end"),
    },
    Mutant {
        breaks: "parser",
        wrong: "a byte order mark may come behind the first line",
        file: WAYS,
        find: "        self.mark = MARK.len();\n        if before",
        put: "        if before",
        by: sse("limits", "a_mark_behind_"),
    },
    Mutant {
        breaks: "parser",
        wrong: "the rest of a line end counts for the next block",
        file: WAYS,
        find: "if start == from && self.bytes == 0 {",
        put: "if false {",
        by: sse("reference", "every_end"),
    },
    Mutant {
        breaks: "parser",
        wrong: "a line may be too long for the frame until it ends",
        file: CUT,
        find: ".min(self.limits.line).min(room)",
        put: ".min(self.limits.line)",
        by: sse("limits", "a_limit_is_told_"),
    },
    Mutant {
        breaks: "parser",
        wrong: "a cut line has the room of the whole frame",
        file: CUT,
        find: "self.limits.frame.saturating_sub(data)",
        put: "self.limits.frame",
        by: sse("reference", "every_small_limit_"),
    },
    Mutant {
        breaks: "parser",
        wrong: "one limit is told in place of the other",
        file: CUT,
        find: "if frame { Limit::Frame } else",
        put: "if !frame { Limit::Frame } else",
        by: sse("limits", "a_limit_is_told_"),
    },
    Mutant {
        breaks: "parser",
        wrong: "an id that was cut is taken for the last one",
        file: CUT,
        find: "                self.kept.last = false;\n",
        put: "",
        by: sse("reference", "every_cut_in_two_"),
    },
    Mutant {
        breaks: "parser",
        wrong: "the line feed between two lines is no part of a frame",
        file: BLOCK,
        find: "self.text.bytes() + 1,",
        put: "self.text.bytes(),",
        by: sse("limits", "a_limit_is_told_"),
    },
    Mutant {
        breaks: "parser",
        wrong: "an id may have a NUL",
        file: BLOCK,
        find: "!has_nul(chunk, value)",
        put: "true",
        by: sse("vectors", ""),
    },
    Mutant {
        breaks: "parser",
        wrong: "a repeated id is forgotten between two chunks",
        file: BLOCK,
        find: "last: matches!(block.id, Place::Last)",
        put: "last: false",
        by: sse("vectors", ""),
    },
    Mutant {
        breaks: "parser",
        wrong: "the rest of a block that is too large is another",
        file: BLOCK,
        find: "self.skip_line();\n        self.skip_block = true;",
        put: "self.skip_line();",
        by: sse("limits", "what_is_too_large_"),
    },
    Mutant {
        breaks: "parser",
        wrong: "a line whose field is not known yet has none",
        file: LINE,
        find: "name.starts_with(head)",
        put: "false",
        by: sse("limits", "a_limit_is_told_"),
    },
    Mutant {
        breaks: "parser",
        wrong: "a block that repeats has the id of before, whatever came since",
        file: SHAPE,
        find: "        self.head_length = 0;\n",
        put: "",
        by: sse("repeated", "what_repeats_"),
    },
    Mutant {
        breaks: "parser",
        wrong: "an id before the data of a block that repeats may be another",
        file: SHAPE,
        find: "(Place::Absent | Place::Last, Place::Absent | Place::Last)",
        put: "(_, Place::Absent | Place::Last)",
        by: sse("repeated", "what_repeats_"),
    },
    Mutant {
        breaks: "1",
        wrong: "half a frame of a lost connection is kept",
        file: PARSER,
        find: "        self.carry.clear();\n        self.unfinished = Unfinished::Nothing;\n        self.kept = Kept::default();\n        self.skip_lf",
        put: "        self.skip_lf",
        by: By::Simulation,
    },
];
