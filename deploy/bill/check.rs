//! Whether a bill is right, independently of how it was made: from the lock file's own graph.

use std::collections::{BTreeMap, BTreeSet};

use crate::bill::{Bill, Component};
use crate::cargo::{Lock, Name};

/// What is wrong with it. `tree` is what cargo says is built in.
pub fn faults(bill: &Bill, lock: &Lock, tree: &BTreeSet<Name>) -> Vec<String> {
    let mut faults = Vec::new();
    let parts: BTreeMap<Name, &Component> = bill.components.iter().map(|c| (name(c), c)).collect();
    if parts.len() != bill.components.len() {
        faults.push("a component stands twice".to_owned());
    }
    for ((name, version), part) in &parts {
        let shown = format!("{name} {version}");
        match lock.get(&(name.clone(), version.clone())) {
            None => faults.push(format!("{shown} is not in Cargo.lock")),
            // A crate of this workspace has none.
            Some(checksum) if part.hashes.iter().map(|h| &h.content).ne(checksum) => {
                faults.push(format!("{shown}: not the checksum of Cargo.lock"));
            }
            Some(_) => {}
        }
        if part.licenses.is_empty() {
            faults.push(format!("{shown} has no licence"));
        }
    }
    let root = &bill.metadata.component;
    let missing = tree
        .iter()
        .filter(|n| **n != name(root) && !parts.contains_key(n));
    faults.extend(
        missing.map(|(name, version)| format!("{name} {version} is built in, and not listed")),
    );
    // What the lock file has beyond the bill must be for tests or other platforms alone.
    let all = bill
        .components
        .iter()
        .chain([root])
        .map(|c| c.bom_ref.as_str());
    let refs: BTreeSet<&str> = all.collect();
    for entry in &bill.dependencies {
        let unknown = entry
            .depends_on
            .iter()
            .filter(|d| !refs.contains(d.as_str()));
        faults.extend(unknown.map(|d| format!("{} needs {d}, which is not listed", entry.of)));
    }
    if bill
        .dependencies
        .iter()
        .map(|d| d.of.as_str())
        .collect::<BTreeSet<_>>()
        != refs
    {
        faults.push("dependencies are not given for every component".to_owned());
    }
    faults
}

fn name(component: &Component) -> Name {
    (component.name.clone(), component.version.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bill::tests::{lock, of};

    fn tree(names: &[&str]) -> BTreeSet<Name> {
        names
            .iter()
            .map(|n| ((*n).to_owned(), "1.0.0".to_owned()))
            .collect()
    }

    #[test]
    fn a_right_bill_has_no_fault_and_each_wrong_one_its_own() {
        let all = tree(&["top", "linked", "built"]);
        let right = || of(&lock()).unwrap();
        assert!(faults(&right(), &lock(), &all).is_empty());
        let more = tree(&["top", "linked", "built", "tested"]);
        assert_eq!(
            faults(&right(), &lock(), &more),
            ["tested 1.0.0 is built in, and not listed"]
        );
        let mut other = lock();
        other.insert(
            ("built".to_owned(), "1.0.0".to_owned()),
            Some("00".to_owned()),
        );
        assert_eq!(
            faults(&right(), &other, &all),
            ["built 1.0.0: not the checksum of Cargo.lock"]
        );
        let mut bill = right();
        bill.components[0].licenses.clear();
        assert_eq!(faults(&bill, &lock(), &all), ["built 1.0.0 has no licence"]);
        let mut bill = right();
        bill.components.remove(0);
        let found = faults(&bill, &lock(), &all);
        assert_eq!(found.len(), 3, "{found:?}");
        let mut bill = right();
        bill.dependencies.pop();
        assert_eq!(
            faults(&bill, &lock(), &all),
            ["dependencies are not given for every component"]
        );
    }
}
