//! An element becomes JSON.
//!
//! | XML | JSON |
//! | --- | --- |
//! | `<a>10.50</a>` | `"10.50"`: the text as it is; no number is made of it |
//! | `<a/>` | `""` |
//! | `<a xsi:nil="true"/>` | `null` |
//! | `<a><b>1</b><c>2</c></a>` | `{"b":"1","c":"2"}` |
//! | `<a><b>1</b><b>2</b></a>` | `{"b":["1","2"]}`; of `lists` one alone too |
//! | `<a x="1"><b>2</b></a>` | `{"@x":"1","b":"2"}` |
//! | `<a x="1">text</a>` | `{"@x":"1","#text":"text"}` |
//!
//! 1. Prefixes and namespaces are dropped; so are attributes of `xsi`, and spaces between elements.
//! 2. What there is keeps the order in which it came first.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Element, INSTANCE};

/// The JSON of an element. `lists`: names of elements that are lists, also where there is one.
pub fn text(element: &Element, lists: &BTreeSet<String>) -> String {
    let mut out = String::new();
    write(element, lists, &mut out);
    out
}

/// Whether an element becomes an object.
pub fn is_object(element: &Element) -> bool {
    !element.is_nil() && (element.children().next().is_some() || own(element).next().is_some())
}

/// The attributes that are not about XML.
fn own(element: &Element) -> impl Iterator<Item = (&str, &str)> {
    let all = element.attributes.iter();
    let all = all.filter(|(name, _)| &*name.space != INSTANCE);
    all.map(|(name, value)| (name.local.as_str(), value.as_str()))
}

fn string(text: &str) -> String {
    Value::from(text).to_string()
}

fn write(element: &Element, lists: &BTreeSet<String>, out: &mut String) {
    if element.is_nil() {
        return out.push_str("null");
    }
    let text = element.text();
    if !is_object(element) {
        return out.push_str(&string(&text));
    }
    out.push('{');
    let mut is_first = true;
    let mut key = |name: &str, out: &mut String| {
        if !std::mem::take(&mut is_first) {
            out.push(',');
        }
        out.push_str(&string(name));
        out.push(':');
    };
    for (name, value) in own(element) {
        key(&format!("@{name}"), out);
        out.push_str(&string(value));
    }
    for (name, all) in grouped(element) {
        key(name, out);
        if let ([one], false) = (&all[..], lists.contains(name)) {
            write(one, lists, out);
            continue;
        }
        out.push('[');
        for (n, one) in all.into_iter().enumerate() {
            if n > 0 {
                out.push(',');
            }
            write(one, lists, out);
        }
        out.push(']');
    }
    let has_children = element.children().next().is_some();
    let is_said = match has_children {
        true => !text.trim().is_empty(),
        false => !text.is_empty(),
    };
    if is_said {
        key("#text", out);
        out.push_str(&string(&text));
    }
    out.push('}');
}

/// The elements that it holds, by name, in the order in which the names came.
fn grouped(element: &Element) -> Vec<(&str, Vec<&Element>)> {
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    let mut all: Vec<(&str, Vec<&Element>)> = Vec::new();
    for child in element.children() {
        let name = child.name.local.as_str();
        let at = *places.entry(name).or_insert(all.len());
        match all.get_mut(at) {
            Some((_, found)) => found.push(child),
            None => all.push((name, vec![child])),
        }
    }
    all
}
