//! Where things lie: the checkout, what cargo builds, what the benches keep.

use std::env;
use std::path::{Path, PathBuf};

/// The checkout that this was built from.
pub fn root() -> &'static Path {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own)
}

/// A path in the checkout, as text.
pub fn in_root(path: &str) -> String {
    root().join(path).display().to_string()
}

/// Cargo's folder.
pub fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |d| absolute(d.as_ref()))
}

/// Cargo's profile of all that is measured: release, unless `STANDINGS_BENCH_PROFILE` says otherwise.
pub fn profile() -> String {
    env::var("STANDINGS_BENCH_PROFILE").unwrap_or_else(|_| "release".to_owned())
}

/// A program that cargo built in a profile.
pub fn built_in(profile: &str, name: &str) -> PathBuf {
    target().join(profile).join(name)
}

/// A program that is measured.
pub fn built(name: &str) -> PathBuf {
    built_in(&profile(), name)
}

/// The binary that is measured: `STANDINGS_BENCH_BINARY`, or the build of this checkout.
pub fn standings() -> PathBuf {
    given().unwrap_or_else(|| built("standings"))
}

/// The binary that somebody else has built.
pub fn given() -> Option<PathBuf> {
    env::var_os("STANDINGS_BENCH_BINARY").map(|b| absolute(b.as_ref()))
}

/// What the benches keep: generated sales, results.
pub fn work() -> PathBuf {
    target().join("bench")
}

/// From the folder that the person is in.
pub fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
