//! Where the OpenSSL inside librdkafka comes from.
//!
//! ```text
//!  rdkafka-sys ──▶ openssl-sys, `vendored` ──▶ this crate ──▶ libssl.a and libcrypto.a of the system, 3.0 or later
//!                                                  └────────▶ openssl-src: compiled, a third of a cold build
//! ```
//!
//! A program that a stranger builds with git, rustup and a C toolchain must not ask for OpenSSL's headers; a machine that has them
//! must not wait minutes for a second OpenSSL. `openssl-sys` knows one of both, by a feature; this crate, in the place of the one that
//! compiles it (`[patch.crates-io]`, decision 0030), takes what is there.
//!
//! # Invariants
//!
//! - What is linked is static either way: the program needs no OpenSSL where it runs.
//! - The system's is taken only whole: both libraries, and headers of the same version, 3.0 or later. Anything else is compiled.
//! - A build for another machine than this one compiles: what `pkg-config` knows is of this one.
//! - `OPENSSL_NO_VENDOR=1` (the system's, dynamic) never gets here: `openssl-sys` sees it first. `STANDINGS_OPENSSL=source` compiles
//!   whatever there is.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What says that nothing of the system's is to be looked for: `source`.
pub const CHOICE: &str = "STANDINGS_OPENSSL";

/// The libraries that are linked, without what a file's name has around them.
const LIBRARIES: [&str; 2] = ["ssl", "crypto"];

/// How OpenSSL is to be had; the interface of the crate that this one stands before.
#[derive(Debug, Default)]
pub struct Build {
    /// Where a compiled one looks for its configuration at run time.
    openssl_dir: Option<PathBuf>,
}

/// Where it is.
#[derive(Debug)]
pub struct Artifacts {
    include_dir: PathBuf,
    lib_dir: PathBuf,
}

impl Artifacts {
    /// The folder in which `openssl/ssl.h` is.
    #[must_use]
    pub fn include_dir(&self) -> &Path {
        &self.include_dir
    }

    /// The folder of `libssl.a` and `libcrypto.a`, and of nothing else that could be linked instead.
    #[must_use]
    pub fn lib_dir(&self) -> &Path {
        &self.lib_dir
    }
}

impl Build {
    /// Nothing chosen.
    #[must_use]
    pub fn new() -> Build {
        Build::default()
    }

    /// Where a compiled one looks for its configuration at run time; the system's own knows that.
    pub fn openssl_dir<P: AsRef<Path>>(&mut self, path: P) -> &mut Build {
        self.openssl_dir = Some(path.as_ref().to_owned());
        self
    }

    /// The system's, else compiled. Called by a build script: it ends the process, with a message, when neither can be had.
    pub fn build(&mut self) -> Artifacts {
        println!("cargo:rerun-if-env-changed={CHOICE}");
        if let Some(found) = system() {
            return found;
        }
        let mut source = source::Build::new();
        if let Some(path) = &self.openssl_dir {
            source.openssl_dir(path);
        }
        let built = source.build();
        Artifacts {
            include_dir: built.include_dir().to_owned(),
            lib_dir: built.lib_dir().to_owned(),
        }
    }
}

/// The system's, as a build script may take it.
fn system() -> Option<Artifacts> {
    let here = env::var_os("HOST")? == env::var_os("TARGET")?;
    if !here || env::var_os(CHOICE).is_some_and(|choice| choice == "source") {
        return None;
    }
    let found = pkg_config::Config::new()
        .atleast_version("3.0")
        .cargo_metadata(false)
        .print_system_libs(true)
        .print_system_cflags(true)
        .probe("openssl")
        .ok()?;
    let out = PathBuf::from(env::var_os("OUT_DIR")?).join("openssl-system");
    let taken = take(
        &found.link_paths,
        &found.include_paths,
        &found.version,
        &out,
    );
    taken.ok().flatten()
}

/// Both libraries of one of `libraries`, alone in a folder below `out`, if one of `headers` has headers of `version`.
///
/// # Errors
/// The folder cannot be made.
fn take(
    libraries: &[PathBuf],
    headers: &[PathBuf],
    version: &str,
    out: &Path,
) -> io::Result<Option<Artifacts>> {
    let file = |name: &str| format!("lib{name}.a");
    let whole = |dir: &&PathBuf| LIBRARIES.iter().all(|name| dir.join(file(name)).is_file());
    let told = |dir: &&PathBuf| is_of(dir, version);
    let (Some(from), Some(include)) = (libraries.iter().find(whole), headers.iter().find(told))
    else {
        return Ok(None);
    };
    // Alone: where a folder has both kinds, `openssl-sys` would link the one that must be there at run time too.
    let lib_dir = out.join("lib");
    fs::create_dir_all(&lib_dir)?;
    for name in LIBRARIES {
        let (from, to) = (from.join(file(name)), lib_dir.join(file(name)));
        fs::copy(&from, &to)?;
        println!("cargo:rerun-if-changed={}", from.display());
    }
    Ok(Some(Artifacts {
        include_dir: include.clone(),
        lib_dir,
    }))
}

/// Whether the headers of a folder say that they are of a version.
fn is_of(headers: &Path, version: &str) -> bool {
    let line = format!("# define OPENSSL_VERSION_STR \"{version}\"");
    fs::read_to_string(headers.join("openssl/opensslv.h"))
        .is_ok_and(|text| text.lines().any(|found| found.trim_end() == line))
}

#[cfg(test)]
mod tests;
