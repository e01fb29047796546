//! Tells the program what it is built from: the commit, the target, the profile.
//!
//! 1. `STANDINGS_REVISION` says the commit where there is no repository: in a container, from a tarball.
//! 2. A build for development does not ask: it would be made anew after each commit.
//! 3. Nothing is asked of a repository that only holds this folder among others: its commits are not this program's.

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=src/standings/build.rs");
    println!("cargo::rerun-if-env-changed=STANDINGS_REVISION");
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    let profile = variable("PROFILE");
    let commit = match variable("STANDINGS_REVISION") {
        given if !given.is_empty() => given,
        _ if profile == "release" => of_repository(&variable("CARGO_MANIFEST_DIR")),
        _ => String::new(),
    };
    // It becomes a line of a text: nothing but what a commit's name is made of.
    let commit: String = commit
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || "-+._ ".contains(*c))
        .collect();
    println!("cargo::rustc-env=STANDINGS_BUILT_FROM={}", commit.trim());
    println!("cargo::rustc-env=STANDINGS_TARGET={}", variable("TARGET"));
    println!("cargo::rustc-env=STANDINGS_PROFILE={profile}");
}

/// The commit of the repository whose root this folder is, with a plus where files differ from it; else nothing.
fn of_repository(root: &str) -> String {
    let git = |words: &[&str]| {
        let out = Command::new("git").arg("-C").arg(root).args(words).output();
        let out = out.ok().filter(|out| out.status.success())?;
        Some(String::from_utf8_lossy(&out.stdout).trim().to_owned())
    };
    let own =
        |top: String| Path::new(&top).canonicalize().ok() == Path::new(root).canonicalize().ok();
    if !git(&["rev-parse", "--show-toplevel"]).is_some_and(own) {
        return String::new();
    }
    for file in ["HEAD", "logs/HEAD"] {
        if let Some(path) = git(&["rev-parse", "--git-path", file]) {
            println!("cargo::rerun-if-changed={path}");
        }
    }
    let Some(commit) = git(&["rev-parse", "--short=12", "HEAD"]) else {
        return String::new();
    };
    match git(&["status", "--porcelain", "--untracked-files=no"]) {
        Some(changes) if changes.is_empty() => commit,
        _ => format!("{commit}+"),
    }
}
