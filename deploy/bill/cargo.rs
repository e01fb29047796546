//! What cargo says: its metadata, its tree, and the lock file.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde::Deserialize;

use crate::Problem;

/// What the bill is of.
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// Name and version.
pub type Name = (String, String);

/// `cargo metadata`, as far as it is wanted.
#[derive(Deserialize)]
pub struct Metadata {
    /// All packages.
    pub packages: Vec<Package>,
    /// Who needs whom.
    pub resolve: Resolve,
}

/// A package.
#[derive(Deserialize)]
pub struct Package {
    /// Cargo's own.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// As it says itself.
    pub license: Option<String>,
}

/// Who needs whom.
#[derive(Deserialize)]
pub struct Resolve {
    /// The program.
    pub root: String,
    /// A package each.
    pub nodes: Vec<Node>,
}

/// What a package needs.
#[derive(Deserialize)]
pub struct Node {
    /// The package.
    pub id: String,
    /// The others.
    pub deps: Vec<Need>,
}

/// One that is needed.
#[derive(Deserialize)]
pub struct Need {
    /// Which.
    pub pkg: String,
    /// What for.
    pub dep_kinds: Vec<Kind>,
}

/// What one is needed for; nothing: to be linked.
#[derive(Deserialize)]
pub struct Kind {
    /// `dev` or `build`.
    pub kind: Option<String>,
}

/// Packages of the lock file, and the checksum of each that was fetched.
pub type Lock = BTreeMap<Name, Option<String>>;

/// The checkout that this was built from.
fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

fn said(what: &'static str, args: &[&str]) -> Result<String, Problem> {
    let done = Command::new("cargo")
        .arg(what)
        .args(args)
        .current_dir(root())
        .output();
    let done = done.map_err(|source| Problem::Cargo { what, source })?;
    if done.status.success() {
        return Ok(String::from_utf8_lossy(&done.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&done.stderr).trim().to_owned();
    Err(Problem::Failed { what, said })
}

/// Packages, and who needs whom.
pub fn metadata() -> Result<Metadata, Problem> {
    let args = [
        "--format-version",
        "1",
        "--locked",
        "--filter-platform",
        TARGET,
    ];
    Ok(serde_json::from_str(&said("metadata", &args)?)?)
}

/// What is built in. `cargo tree` resolves by itself; build scripts' needs are parts too.
pub fn tree() -> Result<BTreeSet<Name>, Problem> {
    let args = [
        "--locked",
        "--edges",
        "normal,build",
        "--target",
        TARGET,
        "--prefix",
        "none",
        "--format",
        "{p}",
    ];
    Ok(listed(&said("tree", &args)?))
}

fn listed(text: &str) -> BTreeSet<Name> {
    let name = |line: &str| {
        let mut words = line.split_whitespace();
        let (name, version) = (words.next()?, words.next()?);
        Some((name.to_owned(), version.trim_start_matches('v').to_owned()))
    };
    text.lines().filter_map(name).collect()
}

/// The lock file.
pub fn lock() -> Result<Lock, Problem> {
    let text = std::fs::read_to_string(root().join("Cargo.lock"));
    locked(&text.map_err(|e| Problem::Lock(e.to_string()))?)
}

fn locked(text: &str) -> Result<Lock, Problem> {
    let wrong = |what: &str| Problem::Lock(what.to_owned());
    let file = toml_edit::Document::parse(text).map_err(|e| Problem::Lock(e.to_string()))?;
    let packages = file.get("package").and_then(|p| p.as_array_of_tables());
    let packages = packages.ok_or_else(|| wrong("it has no packages"))?;
    let one = |table: &toml_edit::Table| {
        let text = |key: &str| table.get(key).and_then(|v| v.as_str()).map(str::to_owned);
        let name = text("name").zip(text("version"));
        Ok((
            name.ok_or_else(|| wrong("a package has no name or no version"))?,
            text("checksum"),
        ))
    };
    packages.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_file_and_the_tree_are_read() {
        let text = "version = 4\n\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nchecksum = \"ff\"\n\n[[package]]\nname = \"b\"\nversion = \"0.1.0\"\ndependencies = [\n \"a\",\n]\n";
        let lock = locked(text).unwrap();
        let name = |n: &str, v: &str| (n.to_owned(), v.to_owned());
        assert_eq!(lock[&name("a", "1.0.0")].as_deref(), Some("ff"));
        assert_eq!(lock[&name("b", "0.1.0")], None);
        assert!(locked("version = 4\n").is_err());
        let tree = listed("b v0.1.0 (/somewhere)\na v1.0.0\na v1.0.0 (*)\n\n");
        assert_eq!(tree, [name("a", "1.0.0"), name("b", "0.1.0")].into());
    }
}
