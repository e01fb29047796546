//! What a server gives, and what it must not: OpenSSH's, by `deploy/sftp/run`, and one of our own that lies.

use std::path::{Path, PathBuf};

use standings_ingest::config::SecretAt;

use super::*;

mod lies;
mod openssh;

fn table() -> Table {
    let mut table = Table::new("files", Vec::new());
    (table.is_named, table.is_declared) = (true, true);
    table
}

fn place(server: &Server, after: After) -> Sftp {
    Sftp::new("inbox", server, after, table(), None).unwrap()
}

fn names(place: &mut Sftp) -> Vec<String> {
    place.list().unwrap().into_iter().map(|s| s.path).collect()
}

fn text(opened: &mut Opened) -> Vec<String> {
    let mut all = Vec::new();
    while let Some(some) = opened.rows.next().unwrap() {
        all.extend(
            some.into_iter()
                .map(|r| String::from_utf8(r.bytes).unwrap()),
        );
    }
    all
}

fn taken(opened: &Opened, marker: Option<&str>) -> Taken {
    Taken {
        seen: opened.seen.clone(),
        hash: opened.hash.clone(),
        marker: marker.map(str::to_owned),
    }
}

fn broken<T>(found: Result<T, Trouble>) -> String {
    match found {
        Err(Trouble::Broken(why)) => why,
        Err(later) => panic!("not broken: {later:?}"),
        Ok(_) => panic!("it is well"),
    }
}

fn later<T>(found: Result<T, Trouble>) -> String {
    match found {
        Err(Trouble::Later { why, .. }) => why,
        Err(broken) => panic!("broken: {broken:?}"),
        Ok(_) => panic!("it is well"),
    }
}

fn of_open(found: Result<Opened, RowsTrouble>) -> Result<(), Trouble> {
    match found {
        Ok(_) => Ok(()),
        Err(RowsTrouble::Trouble(trouble)) => Err(trouble),
        Err(damaged) => panic!("{damaged:?}"),
    }
}
