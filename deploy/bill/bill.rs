//! The bill, as CycloneDX 1.6 writes it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::Problem;
use crate::cargo::{Lock, Metadata, Package};

/// All of it. The order of the fields is that of the file.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Bill {
    bom_format: &'static str,
    spec_version: &'static str,
    version: u32,
    /// What the bill is of.
    pub metadata: About,
    /// What that is built from.
    pub components: Vec<Component>,
    /// Who needs whom, of all of them.
    pub dependencies: Vec<Dependency>,
}

/// What the bill is of.
#[derive(Serialize)]
pub struct About {
    /// The program.
    pub component: Component,
}

/// A crate.
#[derive(Serialize)]
pub struct Component {
    #[serde(rename = "type")]
    kind: &'static str,
    /// By which the bill names it.
    #[serde(rename = "bom-ref")]
    pub bom_ref: String,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    purl: String,
    /// What it may be used by.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub licenses: Vec<License>,
    /// Of its file, where it was fetched.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hashes: Vec<Hash>,
}

/// An SPDX expression.
#[derive(Serialize)]
pub struct License {
    expression: String,
}

/// A checksum.
#[derive(Serialize)]
pub struct Hash {
    alg: &'static str,
    /// In hexadecimal.
    pub content: String,
}

/// What a crate needs.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Dependency {
    /// The crate.
    #[serde(rename = "ref")]
    pub of: String,
    /// The others.
    pub depends_on: BTreeSet<String>,
}

fn purl(package: &Package) -> String {
    format!("pkg:cargo/{}@{}", package.name, package.version)
}

fn component(package: &Package, kind: &'static str, lock: &Lock) -> Result<Component, Problem> {
    let name = (package.name.clone(), package.version.clone());
    let checksum = lock
        .get(&name)
        .ok_or_else(|| Problem::NotLocked(purl(package)))?;
    // The old way to write OR.
    let license = package.license.iter().map(|text| text.replace('/', " OR "));
    let hash = |content: &String| Hash {
        alg: "SHA-256",
        content: content.clone(),
    };
    Ok(Component {
        kind,
        bom_ref: purl(package),
        name: package.name.clone(),
        version: package.version.clone(),
        purl: purl(package),
        licenses: license.map(|expression| License { expression }).collect(),
        hashes: checksum.iter().map(hash).collect(),
    })
}

/// Packages that are linked or run while building, and what each needs of them.
fn needed(metadata: &Metadata) -> BTreeMap<&str, Vec<&str>> {
    let nodes: BTreeMap<&str, _> = metadata
        .resolve
        .nodes
        .iter()
        .map(|n| (n.id.as_str(), n))
        .collect();
    let (mut needs, mut open) = (BTreeMap::new(), vec![metadata.resolve.root.as_str()]);
    while let Some(id) = open.pop() {
        if needs.contains_key(id) {
            continue;
        }
        let of = nodes.get(id).into_iter().flat_map(|n| &n.deps);
        let built = of.filter(|d| d.dep_kinds.iter().any(|k| k.kind.as_deref() != Some("dev")));
        let built: Vec<&str> = built.map(|d| d.pkg.as_str()).collect();
        open.extend(&built);
        needs.insert(id, built);
    }
    needs
}

/// Of the program.
pub fn bill(metadata: &Metadata, lock: &Lock) -> Result<Bill, Problem> {
    let packages: BTreeMap<&str, &Package> = metadata
        .packages
        .iter()
        .map(|p| (p.id.as_str(), p))
        .collect();
    let package = |id: &str| {
        packages
            .get(id)
            .copied()
            .ok_or_else(|| Problem::NotLocked(id.to_owned()))
    };
    let root = package(&metadata.resolve.root)?;
    let needs = needed(metadata);
    let mut parts = Vec::new();
    for id in needs.keys().filter(|id| **id != root.id) {
        parts.push(component(package(id)?, "library", lock)?);
    }
    parts.sort_by(|a, b| (&a.name, &a.version).cmp(&(&b.name, &b.version)));
    let mut dependencies = Vec::new();
    for (id, of) in &needs {
        let depends_on = of
            .iter()
            .map(|d| package(d).map(purl))
            .collect::<Result<_, _>>()?;
        dependencies.push(Dependency {
            of: purl(package(id)?),
            depends_on,
        });
    }
    dependencies.sort_by(|a, b| a.of.cmp(&b.of));
    Ok(Bill {
        bom_format: "CycloneDX",
        spec_version: "1.6",
        version: 1,
        metadata: About {
            component: component(root, "application", lock)?,
        },
        components: parts,
        dependencies,
    })
}

/// As it is written: a space for each level.
pub fn text(bill: &Bill) -> Result<Vec<u8>, Problem> {
    let mut out = Vec::new();
    let form = serde_json::ser::PrettyFormatter::with_indent(b" ");
    bill.serialize(&mut serde_json::Serializer::with_formatter(&mut out, form))?;
    Ok(out)
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::cargo::Name;

    /// `top` needs `linked`, which needs `built`; `tested` is only for tests.
    pub fn of(lock: &Lock) -> Result<Bill, Problem> {
        let package = |name: &str| {
            format!(
                "{{\"id\":\"{name} 1\",\"name\":\"{name}\",\"version\":\"1.0.0\",\"license\":\"MIT/Apache-2.0\"}}"
            )
        };
        let need = |name: &str, kind: &str| {
            format!("{{\"pkg\":\"{name} 1\",\"dep_kinds\":[{{\"kind\":{kind}}}]}}")
        };
        let node = |name: &str, deps: &[String]| {
            format!("{{\"id\":\"{name} 1\",\"deps\":[{}]}}", deps.join(","))
        };
        let packages = ["top", "linked", "built", "tested"].map(package).join(",");
        let nodes = [
            node("top", &[need("linked", "null"), need("tested", "\"dev\"")]),
            node("linked", &[need("built", "\"build\"")]),
            node("built", &[]),
            node("tested", &[]),
        ];
        let text = format!(
            "{{\"packages\":[{packages}],\"resolve\":{{\"root\":\"top 1\",\"nodes\":[{}]}}}}",
            nodes.join(",")
        );
        bill(&serde_json::from_str(&text).unwrap(), lock)
    }

    pub fn lock() -> Lock {
        let one = |name: &str, sum: Option<&str>| -> (Name, Option<String>) {
            (
                (name.to_owned(), "1.0.0".to_owned()),
                sum.map(str::to_owned),
            )
        };
        [
            one("top", None),
            one("linked", Some("aa")),
            one("built", Some("bb")),
            one("tested", Some("cc")),
        ]
        .into()
    }

    #[test]
    fn a_bill_has_what_is_built_in_and_not_what_tests_need() {
        let bill = of(&lock()).unwrap();
        let names: Vec<&str> = bill.components.iter().map(|c| c.name.as_str()).collect();
        assert_eq!(names, ["built", "linked"]);
        let text = String::from_utf8(text(&bill).unwrap()).unwrap();
        let wanted = " {
   \"type\": \"library\",
   \"bom-ref\": \"pkg:cargo/built@1.0.0\",
   \"name\": \"built\",
   \"version\": \"1.0.0\",
   \"purl\": \"pkg:cargo/built@1.0.0\",
   \"licenses\": [
    {
     \"expression\": \"MIT OR Apache-2.0\"
    }
   ],
   \"hashes\": [
    {
     \"alg\": \"SHA-256\",
     \"content\": \"bb\"
    }
   ]
  }";
        assert!(text.contains(wanted), "{text}");
        assert!(
            text.contains("   \"ref\": \"pkg:cargo/built@1.0.0\",\n   \"dependsOn\": []\n"),
            "{text}"
        );
        assert!(!text.contains("tested"));
    }

    #[test]
    fn what_is_not_locked_has_no_bill() {
        let mut lock = lock();
        lock.remove(&("built".to_owned(), "1.0.0".to_owned()));
        let wrong = of(&lock).err().unwrap();
        assert_eq!(
            wrong.to_string(),
            "Cargo.lock does not have pkg:cargo/built@1.0.0"
        );
    }
}
