//! What both ways of fuzzing do with answers of services of SOAP, and with what describes them.

use std::collections::BTreeSet;

use standings_ingest::soap::Version;
use standings_ingest::soap::envelope::Template;
use standings_ingest::soap::fault::Fault;
use standings_ingest::soap::wsdl::{Description, Load, propose};
use standings_ingest::xml::path::Path;
use standings_ingest::xml::{Bounds, Element, encoding, json, read};

/// Any bytes, as an answer: what is read of it stands where it says, and becomes JSON.
pub fn answer(bytes: &[u8]) {
    let Ok(text) = encoding::text(bytes, None) else {
        return;
    };
    let bounds = Bounds::default();
    let root = match read(&text, &bounds) {
        Ok(root) => root,
        Err(e) => return assert!(!e.to_string().is_empty()),
    };
    let mut left = bounds.elements;
    whole(&root, &text, &mut left);
    let made = json::text(&root, &BTreeSet::new());
    assert!(
        serde_json::from_str::<serde_json::Value>(&made).is_ok(),
        "{made}"
    );
    for path in ["$.page.sale[*]", "//sale", "$.page.next_cursor"] {
        if let Ok(path) = Path::parse(path) {
            let _ = path.find(&root);
        }
    }
    for version in [Version::V11, Version::V12] {
        if let Some(fault) = root
            .child(version.space(), "Body")
            .and_then(|body| Fault::of(version, body))
        {
            let said = fault.trouble("s3cret", None);
            assert!(!said.why().contains("s3cret"), "{said:?}");
        }
    }
    if let Ok(template) = Template::parse(bytes, None) {
        // What is filled in stays a text, whatever it is.
        let made = template.filled(
            &[("cursor", "</x><&\"'"), ("since", ""), ("limit", "]]>")],
            "",
        );
        assert!(read(&made, &bounds).is_ok(), "{made}");
    }
}

/// Elements lie in each other, in their order.
fn whole(element: &Element, text: &str, left: &mut usize) {
    *left -= 1;
    let own = text.get(element.span.clone());
    assert!(own.is_some_and(|own| own.starts_with('<') && own.ends_with('>')));
    let mut at = element.span.start;
    for child in element.children() {
        assert!(
            child.span.start > at && child.span.end < element.span.end || child.span.start >= at
        );
        assert!(child.span.end <= element.span.end);
        at = child.span.end;
        whole(child, text, left);
    }
}

struct Alone<'a>(&'a [u8]);

impl Load for Alone<'_> {
    fn load(&mut self, location: &str, _: &str) -> Result<(String, Vec<u8>), String> {
        match location {
            "a" => Ok(("a".to_owned(), self.0.to_vec())),
            other => Err(format!("there is no {other}")),
        }
    }
}

/// Any bytes, as a WSDL: what is proposed of it is a template.
pub fn wsdl(bytes: &[u8]) {
    let Ok(found) = Description::read("a", &mut Alone(bytes)) else {
        return;
    };
    for operation in &found.operations {
        let proposal = propose(operation);
        if let Some(rows) = &proposal.rows
            && let Ok(path) = Path::parse(rows)
        {
            assert!(operation.may_have(&path), "{rows}");
        }
    }
}
