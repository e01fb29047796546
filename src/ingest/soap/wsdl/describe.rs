//! From documents to operations: service, port, binding, port type, message.

use std::collections::BTreeMap;

use super::schema::{Field, Schemas};
use super::{Documents, Operation, Qualified, WSDL, resolved};
use crate::soap::Version;
use crate::xml::Element;

const SOAP11: &str = "http://schemas.xmlsoap.org/wsdl/soap/";
const SOAP12: &str = "http://schemas.xmlsoap.org/wsdl/soap12/";

/// What of an element's name says that it asks for something that is not done.
const REFUSED: [(&str, &str); 9] = [
    ("AsymmetricBinding", "X.509 signatures"),
    ("SymmetricBinding", "signatures by a shared key"),
    ("EndorsingSupportingTokens", "X.509 signatures"),
    ("X509Token", "X.509 signatures"),
    ("SignedParts", "X.509 signatures"),
    ("EncryptedParts", "encryption"),
    ("SamlToken", "SAML tokens"),
    ("RMAssertion", "WS-ReliableMessaging"),
    ("OptimizedMimeSerialization", "MTOM"),
];

/// A binding's element, its scope, and the version that it speaks.
struct Binding<'a> {
    root: &'a Element,
    element: &'a Element,
    version: Version,
    is_rpc: bool,
}

/// The operations of all ports of SOAP.
pub(super) fn operations(documents: &Documents) -> Vec<Operation> {
    let schemas = Schemas::read(documents);
    let refused = refused(documents);
    let mut all = Vec::new();
    for (root, _) in documents.definitions() {
        for service in children(root, "service") {
            for port in children(service, "port") {
                let Some(url) = address(port) else { continue };
                let name = port.attribute("binding").unwrap_or("");
                let name = resolved(&[root, service, port], name);
                let Some(binding) = binding(documents, &name) else {
                    continue;
                };
                let port = port.attribute("name").unwrap_or("").to_owned();
                all.extend(
                    of_binding(documents, &schemas, &binding).map(|operation| Operation {
                        port: port.clone(),
                        url: url.to_owned(),
                        refused: operation.refused.clone().or_else(|| refused.clone()),
                        ..operation
                    }),
                );
            }
        }
    }
    all
}

fn children<'a>(element: &'a Element, local: &'a str) -> impl Iterator<Item = &'a Element> {
    element
        .children()
        .filter(move |child| child.name.is(WSDL, local))
}

/// The child of SOAP's own, of either version.
fn of_soap<'a>(element: &'a Element, local: &str) -> Option<(&'a Element, Version)> {
    element.children().find_map(
        |child| match (&*child.name.space, child.name.local == local) {
            (SOAP11, true) => Some((child, Version::V11)),
            (SOAP12, true) => Some((child, Version::V12)),
            _ => None,
        },
    )
}

fn address(port: &Element) -> Option<&str> {
    of_soap(port, "address")?.0.attribute("location")
}

/// What of a kind has a name.
fn named<'a>(
    documents: &'a Documents,
    kind: &'a str,
    name: &Qualified,
) -> Option<(&'a Element, &'a Element)> {
    documents.definitions().find_map(|(root, space)| {
        let found = children(root, kind).find(|e| e.attribute("name") == Some(&name.1));
        found
            .filter(|_| space == name.0)
            .map(|element| (root, element))
    })
}

fn binding<'a>(documents: &'a Documents, name: &Qualified) -> Option<Binding<'a>> {
    let (root, element) = named(documents, "binding", name)?;
    let (soap, version) = of_soap(element, "binding")?;
    Some(Binding {
        root,
        element,
        version,
        is_rpc: soap.attribute("style") == Some("rpc"),
    })
}

fn of_binding<'a>(
    documents: &'a Documents,
    schemas: &'a Schemas<'a>,
    binding: &'a Binding<'a>,
) -> impl Iterator<Item = Operation> + 'a {
    let name = resolved(
        &[binding.root, binding.element],
        binding.element.attribute("type").unwrap_or(""),
    );
    let port_type = named(documents, "portType", &name);
    children(binding.element, "operation").filter_map(move |operation| {
        let name = operation.attribute("name")?;
        let (root, port_type) = port_type?;
        let own = children(port_type, "operation").find(|o| o.attribute("name") == Some(name))?;
        let message = |direction: &'static str| {
            let part = children(own, direction).next()?;
            let scope = [root, port_type, own, part];
            Some(resolved(&scope, part.attribute("message")?))
        };
        let soap = of_soap(operation, "operation").map(|(element, _)| element);
        let is_rpc = match soap.and_then(|e| e.attribute("style")) {
            Some(style) => style == "rpc",
            None => binding.is_rpc,
        };
        let encoded = children(operation, "input").any(|input| {
            of_soap(input, "body").is_some_and(|(body, _)| body.attribute("use") == Some("encoded"))
        });
        let wrapper = |direction: &'static str, suffix: &str| {
            let body = children(operation, direction).find_map(|e| of_soap(e, "body"));
            let space = body
                .and_then(|(body, _)| body.attribute("namespace"))
                .unwrap_or("");
            (space.to_owned(), format!("{name}{suffix}"))
        };
        let element = |direction, suffix| {
            let message = message(direction)?;
            match is_rpc {
                true => of_rpc(documents, schemas, &message, wrapper(direction, suffix)),
                false => of_document(documents, schemas, &message),
            }
        };
        Some(Operation {
            name: name.to_owned(),
            port: String::new(),
            version: binding.version,
            url: String::new(),
            action: soap
                .and_then(|e| e.attribute("soapAction"))
                .unwrap_or("")
                .to_owned(),
            input: element("input", ""),
            output: element("output", "Response"),
            refused: encoded.then(|| "encoded messages (use=\"encoded\")".to_owned()),
        })
    })
}

/// The element of a message's one part.
fn of_document(
    documents: &Documents,
    schemas: &Schemas<'_>,
    message: &Qualified,
) -> Option<(Qualified, Vec<Field>)> {
    let (root, message) = named(documents, "message", message)?;
    let part = children(message, "part").find(|part| part.attribute("element").is_some())?;
    let name = resolved(&[root, message, part], part.attribute("element")?);
    let fields = schemas.of_element(&name);
    Some((name, fields))
}

/// The element of an operation, which holds its message's parts.
fn of_rpc(
    documents: &Documents,
    schemas: &Schemas<'_>,
    message: &Qualified,
    wrapper: Qualified,
) -> Option<(Qualified, Vec<Field>)> {
    let (root, message) = named(documents, "message", message)?;
    let parts = children(message, "part").filter_map(|part| {
        let name = part.attribute("name")?;
        let kind = resolved(&[root, message, part], part.attribute("type")?);
        Some(schemas.of_part(name, &kind))
    });
    Some((wrapper, parts.collect()))
}

/// What the policies of the documents ask for that is not done; what is optional is not asked for.
fn refused(documents: &Documents) -> Option<String> {
    fn look(element: &Element, found: &mut BTreeMap<usize, &'static str>) {
        let is_optional = element
            .attributes
            .iter()
            .any(|(name, value)| name.local == "Optional" && matches!(value.trim(), "true" | "1"));
        if is_optional {
            return;
        }
        let space = &*element.name.space;
        let is_policy = ["policy", "ws-rx", "/ws-sx/", "/rm/", "wsrm"]
            .iter()
            .any(|word| space.contains(word));
        let at = REFUSED
            .iter()
            .position(|(local, _)| *local == element.name.local);
        if let Some(at) = at.filter(|_| is_policy) {
            found.insert(at, REFUSED[at].1);
        }
        element.children().for_each(|child| look(child, found));
    }
    let mut found = BTreeMap::new();
    documents
        .all
        .iter()
        .for_each(|(_, root)| look(root, &mut found));
    found.into_values().next().map(str::to_owned)
}
