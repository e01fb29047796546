use super::take;
use std::fs;
use std::path::PathBuf;

struct System {
    _dir: tempfile::TempDir,
    libraries: PathBuf,
    headers: PathBuf,
    out: PathBuf,
}

/// A system with these files, and headers that say a version.
fn system(files: &[&str], version: &str) -> System {
    let dir = tempfile::tempdir().unwrap();
    let (libraries, headers) = (dir.path().join("lib"), dir.path().join("include"));
    fs::create_dir_all(&libraries).unwrap();
    fs::create_dir_all(headers.join("openssl")).unwrap();
    for file in files {
        fs::write(libraries.join(file), file).unwrap();
    }
    let text = format!("/* of a test */\n# define OPENSSL_VERSION_STR \"{version}\"\n");
    fs::write(headers.join("openssl/opensslv.h"), text).unwrap();
    let out = dir.path().join("out");
    System {
        _dir: dir,
        libraries,
        headers,
        out,
    }
}

fn taken(system: &System, version: &str) -> Option<super::Artifacts> {
    let folders = |path: &PathBuf| vec![path.join("elsewhere"), path.clone()];
    take(
        &folders(&system.libraries),
        &folders(&system.headers),
        version,
        &system.out,
    )
    .unwrap()
}

#[test]
fn what_is_whole_is_taken_and_can_only_be_linked_statically() {
    let all = ["libssl.a", "libcrypto.a", "libssl.so", "libcrypto.so"];
    let system = system(&all, "3.0.19");
    let found = taken(&system, "3.0.19").unwrap();
    assert_eq!(found.include_dir(), system.headers);
    let mut names: Vec<_> = fs::read_dir(found.lib_dir())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["libcrypto.a", "libssl.a"]);
    // A build script runs again.
    assert!(taken(&system, "3.0.19").is_some());
}

#[test]
fn what_is_not_whole_is_compiled() {
    let halves: [&[&str]; 3] = [&["libssl.a"], &["libcrypto.a", "libssl.so"], &[]];
    for files in halves {
        assert!(
            taken(&system(files, "3.0.19"), "3.0.19").is_none(),
            "{files:?}"
        );
    }
    let of_another = system(&["libssl.a", "libcrypto.a"], "1.1.1w");
    assert!(taken(&of_another, "3.0.19").is_none());
}
