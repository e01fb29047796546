//! Documents of strangers: what is read of them, and what is refused.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::path::{Found, Path};
use super::*;

fn of(text: &str) -> Element {
    read(text, &Bounds::default()).unwrap()
}

fn refused(text: &str, bounds: &Bounds) -> String {
    read(text, bounds).unwrap_err().to_string()
}

fn json(text: &str) -> String {
    json::text(&of(text), &BTreeSet::from(["many".to_owned()]))
}

#[test]
fn what_becomes_of_elements() {
    for (xml, want) in [
        ("<r><a>10.50</a><b/></r>", r#"{"a":"10.50","b":""}"#),
        (
            "<r><a>1</a><b>2</b><a>3</a></r>",
            r#"{"a":["1","3"],"b":"2"}"#,
        ),
        ("<r><many>1</many></r>", r#"{"many":["1"]}"#),
        ("<r x='1'>t</r>", r##"{"@x":"1","#text":"t"}"##),
        ("<r x='1'> <b>2</b> </r>", r#"{"@x":"1","b":"2"}"#),
        ("<r>a<b>2</b>c</r>", r##"{"b":"2","#text":"ac"}"##),
        (
            "<r xmlns:i='http://www.w3.org/2001/XMLSchema-instance'><a i:nil='true'/><b i:nil='false'>x</b><c i:type='t'>1</c></r>",
            r#"{"a":null,"b":"x","c":"1"}"#,
        ),
        (
            "<p:r xmlns:p='u'><p:a>&lt;&#x53;&#227;o&gt;&amp;<![CDATA[<&]]></p:a></p:r>",
            r#"{"a":"<São>&<&"}"#,
        ),
        ("<r><a>\r\nx\ry</a></r>", r#"{"a":"\nx\ny"}"#),
        (
            "<r><a>\u{feff}\u{10ffff}\"\\</a></r>",
            "{\"a\":\"\u{feff}\u{10ffff}\\\"\\\\\"}",
        ),
        (
            "<r><!-- c --><?p i?><a><b><c>1</c></b></a></r>",
            r#"{"a":{"b":{"c":"1"}}}"#,
        ),
    ] {
        assert_eq!(json(xml), want, "{xml}");
    }
}

#[test]
fn no_entity_expands_and_nothing_outside_is_opened() {
    let bounds = Bounds::default();
    for text in [
        "<!DOCTYPE r><r/>",
        "<!DOCTYPE r [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><r>&e;</r>",
        "<!DOCTYPE r SYSTEM 'http://127.0.0.1:9/x.dtd'><r/>",
        "<!DOCTYPE l [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;'><!ENTITY c '&b;&b;'>]><l>&c;</l>",
        "<?xml version='1.0'?>\n<!DOCTYPE r [<!ENTITY % p SYSTEM 'http://h/x'> %p;]><r/>",
    ] {
        assert_eq!(read(text, &bounds), Err(NotRead::DocType), "{text}");
    }
    // What nobody declared spoils the element that it is in, and none beside.
    let found = of("<r><a>1&nbsp;2</a><b>3</b><c x='&e;'/><d>&#0;</d><e>\u{1}</e></r>");
    let wrong: Vec<bool> = found.children().map(|c| c.wrong.is_some()).collect();
    assert_eq!(wrong, [true, false, true, true, true]);
    assert!(found.wrong.is_some());
}

#[test]
fn each_bound_holds() {
    let bounds = Bounds {
        bytes: 400,
        depth: 3,
        elements: 5,
        attributes: 2,
        name: 8,
        namespaces: 4,
    };
    for (text, word) in [
        (format!("<r>{}</r>", "x".repeat(400)), "400 bytes"),
        (
            "<a><a><a><a/></a></a></a>".to_owned(),
            "3 elements in each other",
        ),
        (format!("<a>{}</a>", "<b/>".repeat(5)), "5 elements"),
        ("<a x='1' y='2' z='3'/>".to_owned(), "2 attributes"),
        ("<abcdefghi/>".to_owned(), "8 bytes of a name"),
        ("<a abcdefghi='1'/>".to_owned(), "8 bytes of a name"),
        (
            "<a xmlns='u' xmlns:b='v'><c xmlns:d='w' xmlns:e='x'/></a>".to_owned(),
            "4 namespaces",
        ),
    ] {
        assert!(
            refused(&text, &bounds).contains(word),
            "{text}: {}",
            refused(&text, &bounds)
        );
    }
    assert!(read("<a><a><a/></a><b/><b x='1' y='2'/></a>", &bounds).is_ok());
    // As deep as a stranger likes: refused before the stack is.
    let deep = "<a>".repeat(1_000_000);
    assert!(refused(&deep, &Bounds::default()).contains("in each other"));
}

#[test]
fn what_is_not_well_formed() {
    for text in [
        "",
        " ",
        "x",
        "<a>",
        "</a>",
        "<a></b>",
        "<a/><b/>",
        "<a/>x",
        "x<a/>",
        "<a b='1' b='2'/>",
        "<a b=1/>",
        "<a b/>",
        "<p:a/>",
        "<a p:b='1'/>",
        "<1a/>",
        "<a:b:c xmlns:a='u'/>",
        "<a>&</a>",
        "<a><![CDATA[x</a>",
        "<a><!-- -- --></a>",
        "&lt;",
        "<a/>&lt;",
        "<![CDATA[x]]><a/>",
        "<a xmlns:p='u' xmlns:q='u' p:b='1' q:b='2'/>",
        "<a/><?xml version='1.0'?>",
        "<a",
        "<a b='",
        "<!",
        "<?",
        "<!--",
        "<a>\u{0}",
        "\u{feff}<a/>",
        "<a/>\u{feff}",
        "{\"a\":1}",
    ] {
        let said = refused(text, &Bounds::default());
        assert!(said.contains("no XML at byte"), "{text}: {said}");
    }
}

#[test]
fn paths_in_each_form() {
    let text = "<s:Envelope xmlns:s='e'><s:Header><page><x>no</x></page></s:Header><s:Body><n:listResponse xmlns:n='u'><page at='7'>\
                <sale><id>1</id><l><id>9</id></l></sale><sale><id>2</id></sale><next>c</next></page></n:listResponse></s:Body></s:Envelope>";
    let root = of(text);
    let count = |path: &str| Path::parse(path).unwrap().find(&root).len();
    for path in [
        "$.page.sale[*]",
        "$.page.sale",
        "page/sale",
        "/page/sale",
        "listResponse/page/sale",
        "n:listResponse/page/sale",
        "$.Body.listResponse.page.sale",
        "/s:Envelope/s:Body/n:listResponse/page/sale",
        "//sale",
        "$..sale[*]",
        "page//sale",
        "//page/sale",
    ] {
        assert_eq!(count(path), 2, "{path}");
    }
    // Not as deep as that: a column of a row would be taken for what is beside the rows.
    assert_eq!(count("$.sale") + count("$.id"), 0);
    assert_eq!(count("//id"), 3);
    assert_eq!(count("$.page.sale.id"), 2);
    assert_eq!(count("$.sale.none"), 0);
    assert_eq!(
        Path::parse("$.page.@at").unwrap().find(&root),
        [Found::Attribute("7")]
    );
    for wrong in [
        "", "$", "/", "//", "$.a..", "a//", "@a", "$.@a", "a/@b/c", "a[1]", "$.a b", "a///b",
        "$['a']", "//@a",
    ] {
        assert!(Path::parse(wrong).is_err(), "{wrong}");
    }
}

/// A tree, and how somebody wrote it who shares nothing with the reader.
#[derive(Clone, Debug)]
enum Tree {
    Text(String),
    Element(String, Vec<(String, String)>, Vec<Tree>),
}

fn is_known(c: char) -> bool {
    matches!(c, '\t' | '\n') || (c >= ' ' && c != '\u{fffe}' && c != '\u{ffff}')
}

fn trees() -> impl Strategy<Value = Tree> {
    let text = proptest::collection::vec(
        any::<char>().prop_filter("a character of XML", |c| is_known(*c)),
        1..8,
    );
    let text = text.prop_map(|all| Tree::Text(all.into_iter().collect()));
    let name = "[a-c][a-c0-9_.-]{0,2}";
    let leaf = prop_oneof![
        text,
        name.prop_map(|n| Tree::Element(n, Vec::new(), Vec::new()))
    ];
    let tree = leaf.prop_recursive(4, 40, 5, move |inner| {
        let attributes = proptest::collection::btree_map("[d-f]{1,2}", "[ -~]{0,5}", 0..3);
        let nodes = proptest::collection::vec(inner, 0..5);
        (name, attributes, nodes)
            .prop_map(|(n, a, nodes)| Tree::Element(n, a.into_iter().collect(), nodes))
    });
    ("[a-c]{1,3}", proptest::collection::vec(tree, 0..6))
        .prop_map(|(n, nodes)| Tree::Element(n, Vec::new(), nodes))
}

/// Each character in one of the ways that XML has.
fn written(text: &str, dice: &mut u64, is_attribute: bool) -> String {
    let mut out = String::new();
    for c in text.chars() {
        *dice = dice
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let must = "<&>\"'".contains(c) || (is_attribute && c.is_whitespace() && c != ' ');
        match (*dice >> 60, must) {
            (0..=3, _) => out.push_str(&format!("&#{};", u32::from(c))),
            (4..=6, _) => out.push_str(&format!("&#x{:x};", u32::from(c))),
            (_, true) => out.push_str(match c {
                '<' => "&lt;",
                '>' => "&gt;",
                '&' => "&amp;",
                '"' => "&quot;",
                '\'' => "&apos;",
                '\n' => "&#10;",
                _ => "&#9;",
            }),
            (7, false) if !is_attribute && c != ']' => out.push_str(&format!("<![CDATA[{c}]]>")),
            _ => out.push(c),
        }
    }
    out
}

fn write(tree: &Tree, dice: &mut u64, out: &mut String) {
    match tree {
        Tree::Text(text) => out.push_str(&written(text, dice, false)),
        Tree::Element(name, attributes, nodes) => {
            out.push_str(&format!("<{name}"));
            for (n, v) in attributes {
                out.push_str(&format!(" {n}=\"{}\"", written(v, dice, true)));
            }
            if nodes.is_empty() && *dice & 1 == 0 {
                return out.push_str("/>");
            }
            out.push('>');
            nodes.iter().for_each(|node| write(node, dice, out));
            out.push_str(&format!("</{name} >"));
        }
    }
}

/// The same, without what XML does not keep apart: two texts in a row are one.
fn same(tree: &Tree, element: &Element) -> bool {
    let Tree::Element(name, attributes, nodes) = tree else {
        return false;
    };
    let own: Vec<(String, String)> = element
        .attributes
        .iter()
        .map(|(n, v)| (n.local.clone(), v.clone()))
        .collect();
    let mut joined: Vec<Tree> = Vec::new();
    for node in nodes {
        match (joined.last_mut(), node) {
            (Some(Tree::Text(before)), Tree::Text(text)) => before.push_str(text),
            _ => joined.push(node.clone()),
        }
    }
    *name == element.name.local
        && *attributes == own
        && joined.len() == element.nodes.len()
        && joined.iter().zip(&element.nodes).all(|pair| match pair {
            (Tree::Text(a), Node::Text(b)) => a == b,
            (tree, Node::Element(element)) => same(tree, element),
            _ => false,
        })
}

proptest! {
    #[test]
    fn what_was_written_is_read(tree in trees(), seed in any::<u64>()) {
        let (mut text, mut dice) = (String::new(), seed);
        write(&tree, &mut dice, &mut text);
        let found = read(&text, &Bounds::default()).map_err(|e| TestCaseError::fail(format!("{e}: {text}")))?;
        prop_assert!(same(&tree, &found) && found.wrong.is_none(), "{text}\n{found:?}");
        prop_assert_eq!(found.span.clone(), 0..text.len());
        // What is made of it is JSON.
        let made = json::text(&found, &BTreeSet::new());
        prop_assert!(serde_json::from_str::<serde_json::Value>(&made).is_ok(), "{}", made);
    }

    #[test]
    fn nothing_that_is_sent_makes_it_panic(tree in trees(), seed in any::<u64>(), cuts in proptest::collection::vec((any::<prop::sample::Index>(), "[<>&;/='\"\\[\\]!?a-z:#x \u{0}\u{1}é-]{0,4}"), 1..5)) {
        let (mut text, mut dice) = (String::new(), seed);
        write(&tree, &mut dice, &mut text);
        let mut chars: Vec<char> = text.chars().collect();
        for (at, piece) in cuts {
            let at = at.index(chars.len() + 1);
            let end = (at + piece.len()).min(chars.len());
            chars.splice(at..end, piece.chars());
        }
        let text: String = chars.into_iter().collect();
        if let Ok(found) = read(&text, &Bounds::default()) {
            // What is read stands where it says, and is of the characters that XML has unless it says so.
            prop_assert!(text.get(found.span.clone()).is_some_and(|own| own.starts_with('<') && own.ends_with('>')), "{text}");
            let made = json::text(&found, &BTreeSet::new());
            prop_assert!(serde_json::from_str::<serde_json::Value>(&made).is_ok(), "{}", made);
        }
        let _ = encoding::text(text.as_bytes(), None);
    }

    #[test]
    fn what_is_escaped_comes_back(text in "\\PC{0,20}") {
        let found = of(&format!("<a b=\"{0}\">{0}</a>", write::escaped(&text)));
        prop_assert_eq!(found.attribute("b"), Some(text.as_str()));
        prop_assert_eq!(found.text(), text);
    }
}
