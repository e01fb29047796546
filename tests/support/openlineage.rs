//! OpenLineage's published schemas (`tests/openlineage`, as they are at openlineage.io), and a validator of the keywords
//! that they use. A keyword that it does not know fails the test: nothing is passed over.

use std::collections::BTreeMap;

use serde_json::Value;

/// The schemas by their `$id`.
pub struct Schemas(BTreeMap<String, Value>);

impl Schemas {
    pub fn load() -> Self {
        let mut all = BTreeMap::new();
        for entry in std::fs::read_dir("tests/openlineage").unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|e| e == "json") {
                let text = std::fs::read_to_string(path).unwrap();
                let schema: Value = serde_json::from_str(&text).unwrap();
                all.insert(schema["$id"].as_str().unwrap().to_owned(), schema);
            }
        }
        assert!(all.len() > 10, "schemas are missing");
        Schemas(all)
    }

    /// What is wrong with a run event: by the schema that it names, and each facet by the one that it names.
    pub fn problems(&self, event: &Value) -> Vec<String> {
        let mut wrong = Vec::new();
        let url = event["schemaURL"].as_str().unwrap_or_default();
        self.check(event, url, "", "$", &mut wrong);
        self.facets(event, "$", &mut wrong);
        wrong
    }

    /// Every member of a member `facets`, `inputFacets` or `outputFacets`.
    fn facets(&self, value: &Value, at: &str, wrong: &mut Vec<String>) {
        match value {
            Value::Array(all) => all
                .iter()
                .enumerate()
                .for_each(|(i, v)| self.facets(v, &format!("{at}[{i}]"), wrong)),
            Value::Object(members) => {
                for (name, member) in members {
                    let at = format!("{at}.{name}");
                    if ["facets", "inputFacets", "outputFacets"].contains(&name.as_str()) {
                        for (facet, value) in member.as_object().into_iter().flatten() {
                            let at = format!("{at}.{facet}");
                            let url = value["_schemaURL"].as_str().unwrap_or_default();
                            match self.0.get(url) {
                                // The document says which member it is about.
                                Some(schema) if schema["properties"][facet].is_object() => {
                                    let holder = serde_json::json!({ facet: value });
                                    self.check(&holder, url, "", &at, wrong);
                                }
                                _ => wrong.push(format!("{at}: `{url}` has no facet {facet}")),
                            }
                        }
                    } else {
                        self.facets(member, &at, wrong);
                    }
                }
            }
            _ => {}
        }
    }

    /// By the schema at `reference`, an URL with a pointer, relative to the document `base`.
    fn check(&self, value: &Value, reference: &str, base: &str, at: &str, wrong: &mut Vec<String>) {
        let (document, pointer) = reference.split_once('#').unwrap_or((reference, ""));
        let document = if document.is_empty() { base } else { document };
        match self.0.get(document).and_then(|d| d.pointer(pointer)) {
            Some(schema) => self.by(value, schema, document, at, wrong),
            None => wrong.push(format!("{at}: no schema `{reference}`")),
        }
    }

    fn by(&self, value: &Value, schema: &Value, base: &str, at: &str, wrong: &mut Vec<String>) {
        let Some(schema) = schema.as_object() else {
            assert_eq!(schema, &Value::Bool(true), "a schema: {schema}");
            return;
        };
        for (keyword, rule) in schema {
            match keyword.as_str() {
                "$schema" | "$id" | "$defs" | "description" | "example" | "deprecated"
                | "title" => {}
                "$ref" => self.check(value, rule.as_str().unwrap(), base, at, wrong),
                "type" => {
                    let is = match rule.as_str().unwrap() {
                        "object" => value.is_object(),
                        "array" => value.is_array(),
                        "string" => value.is_string(),
                        "boolean" => value.is_boolean(),
                        "integer" => value.is_i64() || value.is_u64(),
                        "number" => value.is_number(),
                        other => panic!("an unknown type: {other}"),
                    };
                    if !is {
                        wrong.push(format!("{at}: {value} is no {rule}"));
                    }
                }
                "format" => {
                    if let Some(text) = value.as_str()
                        && !has_format(text, rule.as_str().unwrap())
                    {
                        wrong.push(format!("{at}: `{text}` is no {rule}"));
                    }
                }
                "enum" => {
                    if !rule.as_array().unwrap().contains(value) {
                        wrong.push(format!("{at}: {value} is none of {rule}"));
                    }
                }
                "minimum" => {
                    if value.as_f64().is_some_and(|v| v < rule.as_f64().unwrap()) {
                        wrong.push(format!("{at}: {value} is less than {rule}"));
                    }
                }
                "required" => {
                    for name in rule.as_array().unwrap() {
                        if value.is_object() && value.get(name.as_str().unwrap()).is_none() {
                            wrong.push(format!("{at}: {name} is missing"));
                        }
                    }
                }
                "properties" => {
                    for (name, rule) in rule.as_object().unwrap() {
                        if let Some(member) = value.get(name) {
                            self.by(member, rule, base, &format!("{at}.{name}"), wrong);
                        }
                    }
                }
                "additionalProperties" => {
                    let known = schema.get("properties").and_then(Value::as_object);
                    for (name, member) in value.as_object().into_iter().flatten() {
                        if known.is_some_and(|k| k.contains_key(name)) {
                            continue;
                        }
                        match rule {
                            Value::Bool(true) => {}
                            Value::Bool(false) => wrong.push(format!("{at}: {name} is unknown")),
                            rule => self.by(member, rule, base, &format!("{at}.{name}"), wrong),
                        }
                    }
                }
                "items" => {
                    for (i, item) in value.as_array().into_iter().flatten().enumerate() {
                        self.by(item, rule, base, &format!("{at}[{i}]"), wrong);
                    }
                }
                "allOf" => {
                    for rule in rule.as_array().unwrap() {
                        self.by(value, rule, base, at, wrong);
                    }
                }
                "anyOf" | "oneOf" => {
                    let fits = |rule: &&Value| {
                        let mut wrong = Vec::new();
                        self.by(value, rule, base, at, &mut wrong);
                        wrong.is_empty()
                    };
                    let fit = rule.as_array().unwrap().iter().filter(fits).count();
                    if fit == 0 || keyword == "oneOf" && fit > 1 {
                        wrong.push(format!("{at}: fits {fit} of {keyword}"));
                    }
                }
                "not" => {
                    let mut otherwise = Vec::new();
                    self.by(value, rule, base, at, &mut otherwise);
                    if otherwise.is_empty() {
                        wrong.push(format!("{at}: is what it must not be"));
                    }
                }
                other => panic!("an unknown keyword: {other}"),
            }
        }
    }
}

fn has_format(text: &str, format: &str) -> bool {
    match format {
        "uuid" => {
            let parts: Vec<usize> = text.split('-').map(str::len).collect();
            parts == [8, 4, 4, 4, 12] && text.chars().all(|c| c == '-' || c.is_ascii_hexdigit())
        }
        "date-time" => {
            let digits: String = text
                .chars()
                .map(|c| if c.is_ascii_digit() { '0' } else { c })
                .collect();
            digits.starts_with("0000-00-00T00:00:00") && digits.ends_with('Z')
        }
        "uri" => text.split_once(':').is_some_and(|(scheme, rest)| {
            !scheme.is_empty() && !rest.is_empty() && !text.contains(' ')
        }),
        other => panic!("an unknown format: {other}"),
    }
}
