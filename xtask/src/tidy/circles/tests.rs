//! Circles that are found, and imports that are none.

use super::*;

fn found(sources: &[(&str, &str)]) -> Vec<String> {
    let sources: Vec<(String, String)> = sources
        .iter()
        .map(|(file, text)| ((*file).to_owned(), (*text).to_owned()))
        .collect();
    circles("src/", &sources)
}

#[test]
fn three_files_are_a_circle() {
    let sources = [
        ("lib.rs", "mod a; mod b; mod c; pub use a::A;"),
        ("a.rs", "use crate::b::{B, self as other}; pub struct A;"),
        ("b.rs", "use super::c; pub struct B; fn f() { c::f(); }"),
        ("c.rs", "pub fn f() { let a = crate::A; }"),
    ];
    assert_eq!(
        found(&sources),
        [
            "src/: 3 files import each other in a circle (a.rs, b.rs, c.rs); it opens if one of these imports goes:\n    a.rs:1: crate::b::B (b.rs)\n    \
          a.rs:1: crate::b (b.rs)\n    b.rs:1: super::c (c.rs)\n    c.rs:1: crate::A (a.rs)"
        ]
    );
    assert!(found(&sources[..3]).is_empty());
}

#[test]
fn of_a_large_circle_the_import_that_closes_it_is_told() {
    let files = [
        ("lib.rs", "mod a; mod b; mod c; mod d; mod e; mod f; mod g;"),
        ("a.rs", "use crate::{b, c, d}; pub struct A;"),
        ("b.rs", "use crate::{c, d, e};"),
        ("c.rs", "use crate::{e, g};"),
        ("d.rs", "use crate::g;"),
        ("e.rs", "use crate::{f, g};"),
        ("f.rs", "use crate::g;"),
        ("g.rs", "use crate::a::A;"),
    ];
    let told = found(&files);
    let told: Vec<&str> = told.iter().flat_map(|told| told.lines()).collect();
    assert_eq!(
        told,
        [
            "src/: 7 files import each other in a circle (a.rs, b.rs, c.rs, d.rs, … g.rs); it opens if \
             one of these imports goes:",
            "    g.rs:1: crate::a::A (a.rs)",
        ]
    );
}

#[test]
fn two_files_may_know_each_other() {
    let sources = [
        ("lib.rs", "mod a; mod b;"),
        ("a/mod.rs", "mod c; use crate::b::B;"),
        ("b.rs", "use crate::a; pub struct B;"),
        ("a/c.rs", "pub struct C;"),
    ];
    assert!(found(&sources).is_empty());
}

#[test]
fn a_module_that_only_declares_and_re_exports_is_no_knot() {
    let sources = [
        ("lib.rs", "mod m;"),
        (
            "m/mod.rs",
            "mod a; mod b; pub use a::A; pub(crate) use b::*;",
        ),
        ("m/a.rs", "use super::B; use super::{}; pub struct A;"),
        ("m/b.rs", "pub struct B;"),
    ];
    assert!(found(&sources).is_empty());
    let mut knot = sources;
    knot[1].1 = "mod a; mod b; pub use a::A; pub(crate) use b::*; fn f(a: A) {} pub struct M;";
    assert!(found(&knot).is_empty());
    knot[3].1 = "use super::M; pub struct B;";
    assert_eq!(found(&knot).len(), 1);
}

#[test]
fn tests_and_modules_in_place_are_told_apart() {
    let sources = [
        ("lib.rs", "mod a; mod b; mod c;"),
        (
            "a.rs",
            "use crate::b::B; pub struct A; mod raw { use super::A; use super::super::c::C; }",
        ),
        ("b.rs", "use crate::c::C; pub struct B;"),
        (
            "c.rs",
            "pub struct C; #[cfg(test)] mod tests { use crate::a::A; }",
        ),
        ("c/tests.rs", "use crate::a::A;"),
    ];
    assert!(found(&sources).is_empty());
    let mut circle = sources;
    circle[3].1 = "pub struct C; mod raw { use super::super::a::A; }";
    assert_eq!(found(&circle).len(), 1);
}
