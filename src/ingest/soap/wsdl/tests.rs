//! The captured WSDL of Apache CXF, and others that are made up: imports, both versions, policies, what is refused.

use std::collections::BTreeMap;

use super::*;

struct Made(BTreeMap<&'static str, String>);

impl Load for Made {
    fn load(&mut self, location: &str, _: &str) -> Result<(String, Vec<u8>), String> {
        let found = self
            .0
            .get(location)
            .ok_or_else(|| format!("there is no {location}"))?;
        Ok((location.to_owned(), found.clone().into_bytes()))
    }
}

fn captured() -> String {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/fixtures/soap/sales.wsdl"
    );
    std::fs::read_to_string(path).unwrap()
}

fn of(text: String) -> Result<Description, NoWsdl> {
    Description::read("a", &mut Made([("a", text)].into()))
}

#[test]
fn the_captured_one_and_what_is_proposed_of_it() {
    let found = of(captured()).unwrap();
    let operation = found.operation("list", None).unwrap();
    assert_eq!(
        (
            operation.action.as_str(),
            operation.url.as_str(),
            operation.version
        ),
        (
            "urn:sales/List",
            "http://127.0.0.1:28099/sales",
            Version::V11
        )
    );
    let proposal = propose(operation);
    assert_eq!(proposal.rows.as_deref(), Some("$.page.sale[*]"));
    assert_eq!(proposal.cursor.as_deref(), Some("$.page.next_cursor"));
    let names: Vec<&str> = proposal.columns.iter().map(|(n, _)| n.as_str()).collect();
    assert_eq!(
        names,
        [
            "sale_id",
            "event_time",
            "city",
            "salesman_id",
            "salesman_name",
            "amount"
        ]
    );
    let body =
        "    <q:list>\n      <cursor>{cursor}</cursor>\n      <limit>100</limit>\n    </q:list>";
    assert!(proposal.envelope.contains(body), "{}", proposal.envelope);
    // What is proposed is a template.
    let template =
        crate::soap::envelope::Template::parse(proposal.envelope.as_bytes(), None).unwrap();
    assert!(template.has("cursor") && template.version == Version::V11);
    for (path, may) in [
        ("$.page.sale[*]", true),
        ("listResponse/page/sale", true),
        ("//sale", true),
        ("$.page.next_cursor", true),
        ("$.pages.sale", false),
        ("$.page.sales", false),
        ("//sold", false),
        ("$.sale", false),
    ] {
        assert_eq!(
            operation.may_have(&Path::parse(path).unwrap()),
            may,
            "{path}"
        );
    }
    let none = found.operation("lists", None).unwrap_err().to_string();
    assert!(none.contains("there are list"), "{none}");
    let other = found
        .operation("list", Some(Version::V12))
        .unwrap_err()
        .to_string();
    assert!(other.contains("SOAP 1.1"), "{other}");
}

const MADE: &str = "<w:definitions xmlns:w='http://schemas.xmlsoap.org/wsdl/' xmlns:t='urn:t' xmlns:s='http://schemas.xmlsoap.org/wsdl/soap12/' \
    xmlns:x='http://www.w3.org/2001/XMLSchema' targetNamespace='urn:t'>MORE<w:types><x:schema targetNamespace='urn:t' elementFormDefault='qualified'>\
    <x:element name='ask'><x:complexType><x:sequence><x:element name='first' type='x:int'/><x:element name='nodes' type='t:node'/></x:sequence></x:complexType></x:element>\
    <x:complexType name='base'><x:sequence><x:element name='a' type='x:string'/></x:sequence><x:attribute name='id' type='x:int' use='required'/></x:complexType>\
    <x:complexType name='more'><x:complexContent><x:extension base='t:base'><x:choice maxOccurs='unbounded'><x:element name='b' type='t:word'/></x:choice></x:extension></x:complexContent></x:complexType>\
    <x:simpleType name='word'><x:restriction base='x:string'/></x:simpleType>\
    <x:complexType name='node'><x:sequence><x:element name='node' type='t:node' minOccurs='0'/><x:any/></x:sequence></x:complexType>\
    <x:element name='answer'><x:complexType><x:sequence><x:element name='items'><x:complexType><x:sequence><x:element ref='t:item' maxOccurs='9'/></x:sequence></x:complexType></x:element></x:sequence></x:complexType></x:element>\
    <x:element name='item' type='t:more'/></x:schema></w:types>\
    <w:message name='in'><w:part name='p' element='t:ask'/></w:message><w:message name='out'><w:part name='p' element='t:answer'/></w:message>\
    <w:portType name='pt'><w:operation name='op'><w:input message='t:in'/><w:output message='t:out'/></w:operation></w:portType>\
    <w:binding name='b' type='t:pt'><s:binding transport='h'/><w:operation name='op'><s:operation soapAction=''/><w:input><s:body use='literal'/></w:input></w:operation></w:binding>\
    <w:service name='sv'><w:port name='po' binding='t:b'><s:address location='https://h/x'/></w:port></w:service></w:definitions>";

#[test]
fn extensions_references_and_types_that_hold_themselves() {
    let found = of(MADE.replace("MORE", "")).unwrap();
    let operation = found.operation("op", Some(Version::V12)).unwrap();
    let proposal = propose(operation);
    assert_eq!(proposal.rows.as_deref(), Some("$.items.item[*]"));
    let names: Vec<&str> = proposal.columns.iter().map(|(n, _)| n.as_str()).collect();
    assert_eq!(
        (names, proposal.lists),
        (vec!["a", "@id", "b"], vec!["b".to_owned()])
    );
    assert!(
        proposal.envelope.contains("<q:first>"),
        "{}",
        proposal.envelope
    );
    assert!(
        crate::soap::envelope::Template::parse(proposal.envelope.as_bytes(), None).is_ok(),
        "{}",
        proposal.envelope
    );
    assert!(operation.may_have(&Path::parse("$.items.item.@id").unwrap()));
    assert!(!operation.may_have(&Path::parse("$.items.item.c").unwrap()));
}

#[test]
fn imports_are_read_once_and_what_is_not_done_is_named() {
    let circle = "<x:schema xmlns:x='http://www.w3.org/2001/XMLSchema'><x:include schemaLocation='a'/><x:import schemaLocation='b'/></x:schema>";
    let text = MADE.replace("MORE", "<w:import location='b' namespace='u'/>");
    let mut load = Made([("a", text.clone()), ("b", circle.to_owned())].into());
    assert!(Description::read("a", &mut load).is_ok());
    let said = of(text).unwrap_err().to_string();
    assert!(said.contains("there is no b"), "{said}");
    for (policy, word) in [
        (
            "<p:AsymmetricBinding xmlns:p='http://docs.oasis-open.org/ws-sx/ws-securitypolicy/200702'/>",
            "X.509",
        ),
        (
            "<p:RMAssertion xmlns:p='http://docs.oasis-open.org/ws-rx/wsrmp/200702'/>",
            "WS-ReliableMessaging",
        ),
        (
            "<p:OptimizedMimeSerialization xmlns:p='http://schemas.xmlsoap.org/ws/2004/09/policy/optimizedmimeserialization'/>",
            "MTOM",
        ),
    ] {
        let found = of(MADE.replace("MORE", policy)).unwrap();
        let said = found.operation("op", None).unwrap_err().to_string();
        assert!(said.contains(word), "{policy}: {said}");
        // Who may leave it out is not refused.
        let optional = policy.replace("/>", " w:Optional='true'/>");
        let found = of(MADE.replace("MORE", &optional)).unwrap();
        assert!(found.operation("op", None).is_ok(), "{optional}");
    }
    for (text, word) in [
        ("<a/>", "no WSDL"),
        (
            "<d:description xmlns:d='http://www.w3.org/ns/wsdl'/>",
            "2.0",
        ),
        ("<!DOCTYPE a><a/>", "document type"),
        (
            "<w:definitions xmlns:w='http://schemas.xmlsoap.org/wsdl/'/>",
            "no operation",
        ),
    ] {
        let said = of(text.to_owned()).unwrap_err().to_string();
        assert!(said.contains(word), "{said}");
    }
}

/// Documents without end.
struct Endless(u64);

impl Load for Endless {
    fn load(&mut self, _: &str, _: &str) -> Result<(String, Vec<u8>), String> {
        self.0 += 1;
        let text = format!(
            "<w:definitions xmlns:w='http://schemas.xmlsoap.org/wsdl/'><w:import location='{}'/></w:definitions>",
            self.0
        );
        Ok((self.0.to_string(), text.into_bytes()))
    }
}

#[test]
fn documents_have_a_bound() {
    let mut endless = Endless(0);
    let said = Description::read("a", &mut endless)
        .unwrap_err()
        .to_string();
    assert!(
        said.contains("more than 100 documents") && endless.0 < 110,
        "{said}"
    );
}
