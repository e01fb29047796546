//! The house, held to its own rules by reading its source: which room may know which, how long a function or a file may be,
//! that every file says what it is for and is part of a crate. What cargo itself refuses (a crate that knows one above it) is
//! not asked here.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Crates, the lowest first, with the others that each may know: docs/architecture.md.
const FLOORS: &[(&str, &str)] = &[
    ("model", ""),
    ("load", "model"),
    ("mask", "model"),
    ("process", "model"),
    ("observe", "model process"),
    ("scalar", "model"),
    ("protobuf", "model"),
    ("query", "model protobuf scalar"),
    ("decode", "model protobuf scalar"),
    ("engine", "decode model observe process query scalar"),
    ("commit", "engine model observe process"),
    ("postgres", "commit model process"),
    (
        "edge",
        "commit decode engine model observe postgres process scalar",
    ),
    ("ingest", "model query"),
    ("intake", "commit edge ingest mask model postgres process"),
    (
        "http",
        "commit engine ingest model observe postgres process",
    ),
];

/// What the rooms of the engine may know of each other.
const ENGINE: &[(&str, &str)] = &[
    ("event_time", ""),
    ("input", ""),
    ("pack", ""),
    ("combine", "event_time pack"),
    ("quality", "event_time"),
    ("rank", "event_time pack"),
    ("held", "pack"),
    ("relate", "combine event_time held pack rank"),
    ("nest", "combine pack rank"),
    ("fold", "combine event_time held pack quality rank relate"),
    ("snapshot", "held pack quality rank"),
    (
        "dataflow",
        "combine event_time held nest pack rank relate snapshot",
    ),
    ("driver", "dataflow event_time fold held pack rank snapshot"),
];

/// Lines that a function may have, and a file.
const FUNCTION: usize = 80;
const FILE: usize = 500;

/// Longer than that, from before there was this rule: each may only get shorter, and goes when it fits.
const LONG_FUNCTIONS: &[(&str, usize)] = &[];
const LONG_FILES: &[(&str, usize)] = &[];

/// Rooms that know each other all the same.
const TOGETHER: &[&str] = &[
    // A type and its one helper.
    "model::digits model::time",
    "observe::live observe::waiting",
    "commit::refused commit::sink",
    // What follows a database is shown as what is followed.
    "http::database http::watch",
    // The description of the API is made from its handlers, and one of them serves it.
    "http::api http::events http::openapi http::public",
];

/// A file of the source, or of the benches, without its tests.
#[derive(Clone)]
struct File {
    path: PathBuf,
    /// Crate and module, such as `engine::rank::totals`.
    module: Vec<String>,
    text: String,
}

/// Of the house.
fn files() -> Vec<File> {
    within("src")
}

/// Of the benches, which follow the same rules of length and heads.
fn benches() -> Vec<File> {
    let mut all = within("bench");
    all.retain(|f| !f.path.starts_with("bench/peers"));
    all
}

fn within(root: &str) -> Vec<File> {
    let mut found = Vec::new();
    let mut open = vec![PathBuf::from(root)];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                found.push(path);
            }
        }
    }
    // What is only a module of tests is no part of the house.
    found.retain(|p| p.file_name().is_some_and(|n| n != "tests.rs"));
    found.sort();
    let file = |path: PathBuf| {
        let text = fs::read_to_string(&path).unwrap();
        let inner = path.strip_prefix(root).unwrap().with_extension("");
        let mut module: Vec<String> = inner
            .components()
            .map(|c| c.as_os_str().to_str().unwrap().to_owned())
            .collect();
        if ["mod", "lib", "main"].contains(&module.last().unwrap().as_str()) {
            module.pop();
        }
        File { path, module, text }
    };
    found.into_iter().map(file).collect()
}

/// Without what comes after `#[cfg(test)] mod … {`, and without comments.
fn code(text: &str) -> String {
    let is_tests = |at: usize| {
        let mut lines = text[at..]
            .lines()
            .skip(1)
            .skip_while(|l| l.starts_with("#["));
        lines.next().is_some_and(|l| l.contains("mod tests {"))
    };
    let end = text
        .match_indices("#[cfg(test)]\n")
        .find(|(at, _)| is_tests(*at));
    let text = end.map_or(text, |(at, _)| &text[..at]);
    let lines = text.lines().filter(|l| !l.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

/// The modules that a file names by `crate::…`, `super::…` or `standings_…::…`, as full names.
fn named(file: &File) -> BTreeSet<Vec<String>> {
    let code = code(&file.text);
    let mut all = BTreeSet::new();
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    for (at, _) in code.match_indices("::") {
        let head = code[..at].rfind(|c| !is_word(c)).map_or(0, |i| i + 1);
        let first = &code[head..at];
        if code[..head].ends_with("::") {
            continue;
        }
        let mut rest: Vec<String> = Vec::new();
        let mut tail = &code[at..];
        while let Some(next) = tail.strip_prefix("::") {
            let end = next.find(|c| !is_word(c)).unwrap_or(next.len());
            if end == 0 {
                break;
            }
            rest.push(next[..end].to_owned());
            tail = &next[end..];
        }
        let mut base = match first {
            "crate" => file.module[..1].to_vec(),
            "super" => {
                let own = file.module.len() - 1;
                let up = rest.iter().take_while(|r| *r == "super").count();
                rest.drain(..up);
                file.module[..own.saturating_sub(up).max(1)].to_vec()
            }
            other => match other.strip_prefix("standings_") {
                Some(of) => vec![of.to_owned()],
                None => continue,
            },
        };
        base.extend(rest);
        all.insert(base);
    }
    all
}

fn words(text: &str) -> BTreeSet<&str> {
    text.split_whitespace().collect()
}

#[test]
fn a_floor_knows_those_below_it_alone() {
    for (floor, allowed) in FLOORS {
        let manifest = fs::read_to_string(format!("src/{floor}/Cargo.toml")).unwrap();
        let needs = manifest.split("[dependencies]").nth(1).unwrap();
        let needs = needs.split("\n[").next().unwrap();
        let found: BTreeSet<&str> = needs
            .lines()
            .filter_map(|l| l.strip_prefix("standings-")?.split('.').next())
            .collect();
        assert_eq!(found, words(allowed), "what {floor} knows");
    }
    let bare = [
        "rdkafka",
        "tokio-postgres",
        "axum",
        "reqwest",
        "object_store",
    ];
    for floor in [
        "../bench/stages",
        "model",
        "load",
        "mask",
        "process",
        "observe",
        "scalar",
        "query",
        "decode",
        "engine",
        "commit",
        "ingest",
    ] {
        let manifest = fs::read_to_string(format!("src/{floor}/Cargo.toml")).unwrap();
        for client in bare {
            let names = manifest.contains(&format!("\n{client}."));
            assert!(!names, "{floor} knows {client}, which is the edge's");
        }
    }
}

#[test]
fn rooms_of_the_engine_look_one_way() {
    let allowed: BTreeMap<&str, BTreeSet<&str>> =
        ENGINE.iter().map(|(room, of)| (*room, words(of))).collect();
    for file in files()
        .iter()
        .filter(|f| f.module[0] == "engine" && f.module.len() > 1)
    {
        let room = file.module[1].as_str();
        let Some(may) = allowed.get(room) else {
            panic!(
                "{}: a room that nobody has said what it may know",
                file.path.display()
            );
        };
        for name in named(file) {
            if name.len() > 1 && name[0] == "engine" && allowed.contains_key(name[1].as_str()) {
                let to = name[1].as_str();
                let fine = to == room || may.contains(to);
                assert!(
                    fine,
                    "{} knows {to}, which {room} may not",
                    file.path.display()
                );
            }
        }
    }
}

#[test]
fn one_room_imports_differential_dataflow() {
    let import = ["differential", "dataflow"].join("_");
    let users: BTreeSet<String> = files()
        .into_iter()
        .filter(|file| file.text.contains(&import))
        .map(|file| file.module[..2.min(file.module.len())].join("::"))
        .collect();
    assert_eq!(users, BTreeSet::from(["engine::relate".to_owned()]));
}

#[test]
fn no_two_folders_know_each_other() {
    let mut arrows: BTreeMap<String, BTreeMap<String, PathBuf>> = BTreeMap::new();
    let all = files();
    let rooms: BTreeSet<String> = all
        .iter()
        .filter(|f| f.module.len() > 1)
        .map(|f| f.module[..2].join("::"))
        .collect();
    for file in all.iter().filter(|f| f.module.len() > 1) {
        let from = file.module[..2].join("::");
        for name in named(file)
            .into_iter()
            .filter(|n| n.len() > 1 && n[0] == file.module[0])
        {
            let to = name[..2].join("::");
            let together = |all: &&str| words(all).is_superset(&[&*from, &*to].into());
            if to != from && rooms.contains(&to) && !TOGETHER.iter().any(together) {
                let known = arrows.entry(from.clone()).or_default();
                known.entry(to).or_insert_with(|| file.path.clone());
            }
        }
    }
    // From every room along the arrows: never back to it.
    for room in &rooms {
        let (mut seen, mut open) = (BTreeSet::new(), vec![(room.clone(), vec![room.clone()])]);
        while let Some((at, way)) = open.pop() {
            for to in arrows.get(&at).into_iter().flat_map(BTreeMap::keys) {
                assert!(to != room, "a circle: {} ──► {room}", way.join(" ──► "));
                if seen.insert(to.clone()) {
                    open.push((to.clone(), [&way[..], std::slice::from_ref(to)].concat()));
                }
            }
        }
    }
}

/// Functions with the number of their lines.
fn functions(code: &str) -> Vec<(String, usize)> {
    let lines: Vec<&str> = code.lines().collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let body = line.trim_start();
        let indent = &line[..line.len() - body.len()];
        let words: Vec<&str> = body
            .split(|c: char| !(c.is_alphanumeric() || c == '_'))
            .collect();
        let Some(is) = words.iter().position(|w| *w == "fn") else {
            continue;
        };
        let before = [
            "pub", "const", "async", "unsafe", "extern", "crate", "super", "in", "C", "",
        ];
        if !words[..is].iter().all(|w| before.contains(w)) {
            continue;
        }
        let close = format!("{indent}}}");
        // One without a body ends with its signature.
        let ends = |l: &str| {
            l == close
                || (l.starts_with(indent)
                    && l.ends_with(';')
                    && !l[indent.len()..].starts_with(' '))
        };
        let Some(length) = lines[at..].iter().position(|l| ends(l)) else {
            continue;
        };
        found.push((words[is + 1].to_owned(), length + 1));
    }
    found
}

#[test]
fn functions_and_files_are_short() {
    let (mut long, mut large) = (BTreeMap::new(), BTreeMap::new());
    for file in files().into_iter().chain(benches()) {
        let path = file.path.display().to_string();
        let lines = file.text.lines().count();
        if lines > FILE {
            large.insert(path.clone(), lines);
        }
        for (name, lines) in functions(&code(&file.text)) {
            if lines > FUNCTION {
                long.insert(format!("{path} {name}"), lines);
            }
        }
    }
    let held = |found: &BTreeMap<String, usize>, known: &[(&str, usize)], most: usize| {
        let known: BTreeMap<&str, usize> = known.iter().copied().collect();
        let more: Vec<_> = found
            .iter()
            .filter(|(name, lines)| known.get(name.as_str()).is_none_or(|k| *lines > k))
            .collect();
        assert!(
            more.is_empty(),
            "more than {most} lines, or more than before: {more:#?}"
        );
        let gone: Vec<_> = known.keys().filter(|n| !found.contains_key(**n)).collect();
        assert!(
            gone.is_empty(),
            "no longer too long; take them off the list: {gone:#?}"
        );
    };
    held(&long, LONG_FUNCTIONS, FUNCTION);
    held(&large, LONG_FILES, FILE);
}

#[test]
fn every_file_says_what_it_is_for_and_is_part_of_a_crate() {
    for file in &[files(), benches()].concat() {
        let head = file
            .text
            .lines()
            .find(|l| !l.starts_with("#!"))
            .unwrap_or("");
        assert!(
            head.starts_with("//!"),
            "{} does not begin with what it is for",
            file.path.display()
        );
        let name = file.path.file_stem().unwrap().to_str().unwrap();
        if ["lib", "main"].contains(&name) {
            continue;
        }
        let (folder, name) = match name {
            "mod" => {
                let own = file.path.parent().unwrap();
                (
                    own.parent().unwrap(),
                    own.file_name().unwrap().to_str().unwrap(),
                )
            }
            name => (file.path.parent().unwrap(), name),
        };
        let declared = parents(folder)
            .iter()
            .any(|p| fs::read_to_string(p).is_ok_and(|t| t.lines().any(|l| declares(l, name))))
            || is_target(&file.path);
        assert!(declared, "{} is in no crate", file.path.display());
    }
}

/// Whether a manifest names it as a program, a test or a bench, or as what runs before a build.
fn is_target(path: &Path) -> bool {
    let of = |folder: &Path| {
        let inner = path.strip_prefix(folder).unwrap().display().to_string();
        let manifest = fs::read_to_string(folder.join("Cargo.toml"));
        let keys = ["path", "build"];
        manifest.is_ok_and(|m| {
            let named = |key: &&str| m.contains(&format!("\n{key} = \"{inner}\"\n"));
            keys.iter().any(named)
        })
    };
    path.ancestors().skip(1).any(of)
}

/// A file that nobody declares is not compiled, and says nothing: each of `tests` is named in the manifest, each of `tests/it` and of
/// `tests/support` in their roots.
#[test]
fn every_file_of_tests_is_run() {
    let roots = [
        ("tests", None),
        ("tests/it", Some("tests/it/main.rs")),
        ("tests/support", Some("tests/support/mod.rs")),
    ];
    for (folder, root) in roots {
        let declared = root.map(|r| fs::read_to_string(r).unwrap());
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let is_module = path.join("mod.rs").exists();
            let is_file = path.extension().is_some_and(|e| e == "rs");
            if !(is_file || is_module) || root.is_some_and(|r| Path::new(r) == path) {
                continue;
            }
            let name = path.file_stem().unwrap().to_str().unwrap();
            let is_run = match &declared {
                Some(text) => text.lines().any(|l| declares(l, name)),
                None => is_module || is_target(&path),
            };
            assert!(is_run, "{} is in no test: nobody runs it", path.display());
        }
    }
}

/// The files that can declare a module of this folder.
fn parents(folder: &Path) -> Vec<PathBuf> {
    let mut all = vec![
        folder.join("mod.rs"),
        folder.join("lib.rs"),
        folder.join("main.rs"),
    ];
    all.push(folder.with_extension("rs"));
    all
}

fn declares(line: &str, name: &str) -> bool {
    let (before, rest) = line.split_once("mod ").unwrap_or((line, ""));
    (before.trim().is_empty() || before.trim_start().starts_with("pub"))
        && rest.trim_end_matches([';', '{', ' ']) == name
}

#[test]
fn every_invariant_names_what_holds_it() {
    let page = fs::read_to_string("docs/architecture.md").unwrap();
    let section = page.split("\n## Invariants\n").nth(1).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let invariants = section.split("\n").filter(|l| l.contains(". **")).count();
    assert!(invariants > 4, "{invariants} invariants");
    let held: Vec<&str> = section.split("Held by ").skip(1).collect();
    assert_eq!(held.len(), invariants, "each says by what it is held");
    for by in held {
        let by = by.split("\n   ").take(2).collect::<Vec<_>>().join(" ");
        let named: Vec<&str> = by.split('`').skip(1).step_by(2).collect();
        assert!(
            named.len() >= 2 && named.len().is_multiple_of(2),
            "{named:?}"
        );
        for pair in named.chunks(2) {
            let text = fs::read_to_string(pair[0]).unwrap_or_else(|e| panic!("{}: {e}", pair[0]));
            let known = text.split(|c: char| !(c.is_alphanumeric() || c == '_'));
            assert!(
                known.into_iter().any(|w| w == pair[1]),
                "{pair:?} is not there"
            );
        }
    }
    // Those of the simulator have numbers of their own.
    let page = fs::read_to_string("docs/simulator.md").unwrap();
    let mut world = String::new();
    let mut folders = vec![PathBuf::from("tests/sim")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => world.push_str(&fs::read_to_string(path).unwrap()),
            }
        }
    }
    for number in 1..=13 {
        let name = format!("I{number}");
        let is_in = |text: &str| {
            let mut words = text.split(|c: char| !c.is_alphanumeric());
            words.any(|w| w == name)
        };
        assert!(is_in(&world), "the simulator has no {name}");
        assert!(
            number == 1 || is_in(&page),
            "docs/simulator.md does not say {name}"
        );
    }
}
