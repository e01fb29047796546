//! What this program was built from: `standings --version`.

use std::sync::LazyLock;

use standings_scalar::Zone;

/// The commit, as the build script found it (`build.rs`); empty in a build for development.
const COMMIT: &str = env!("STANDINGS_BUILT_FROM");
/// What it runs on, and how it was optimised.
const TARGET: &str = env!("STANDINGS_TARGET");
const PROFILE: &str = env!("STANDINGS_PROFILE");

static LONG: LazyLock<String> = LazyLock::new(|| {
    let commit = match COMMIT {
        "" => "not said: a build for development",
        commit => commit,
    };
    format!(
        "{}\ncommit: {commit}\nfeatures: {}\ntarget: {TARGET}, {PROFILE}\ntime zones: IANA {}",
        env!("CARGO_PKG_VERSION"),
        features(),
        Zone::version()
    )
});

/// The version, the commit, the features, the target, the database of zones; each on a line.
pub(super) fn long() -> &'static str {
    &LONG
}

/// What was built in that a release has not.
fn features() -> String {
    let all = [
        ("sabotage", cfg!(feature = "sabotage")),
        ("full", cfg!(feature = "full")),
        ("fixture", cfg!(feature = "fixture")),
    ];
    let on: Vec<&str> = all
        .iter()
        .filter(|(_, on)| *on)
        .map(|(name, _)| *name)
        .collect();
    match on.is_empty() {
        true => "none".to_owned(),
        false => on.join(", "),
    }
}
