//! Names as SQL takes them.

use standings_query::RESERVED;

/// Words that are no name without quotes.
const WORDS: &[&str] = &[
    "all",
    "and",
    "any",
    "array",
    "as",
    "asc",
    "at",
    "avg",
    "between",
    "bigint",
    "binary",
    "boolean",
    "both",
    "by",
    "bytes",
    "call",
    "case",
    "cast",
    "catalog",
    "char",
    "character",
    "check",
    "close",
    "collect",
    "column",
    "comment",
    "commit",
    "condition",
    "connect",
    "constraint",
    "count",
    "create",
    "cross",
    "cube",
    "current",
    "cursor",
    "cycle",
    "data",
    "date",
    "day",
    "decimal",
    "declare",
    "default",
    "delete",
    "desc",
    "describe",
    "distinct",
    "double",
    "drop",
    "each",
    "element",
    "else",
    "end",
    "escape",
    "except",
    "exec",
    "execute",
    "exists",
    "explain",
    "extract",
    "false",
    "fetch",
    "filter",
    "first",
    "float",
    "for",
    "foreign",
    "from",
    "full",
    "function",
    "get",
    "global",
    "grant",
    "group",
    "grouping",
    "having",
    "hour",
    "identity",
    "in",
    "inner",
    "insert",
    "int",
    "integer",
    "interval",
    "into",
    "is",
    "item",
    "join",
    "key",
    "language",
    "last",
    "left",
    "like",
    "limit",
    "local",
    "map",
    "match",
    "max",
    "member",
    "merge",
    "metadata",
    "method",
    "min",
    "minute",
    "mod",
    "module",
    "month",
    "multiset",
    "natural",
    "new",
    "no",
    "none",
    "not",
    "null",
    "number",
    "numeric",
    "of",
    "offset",
    "old",
    "on",
    "only",
    "open",
    "or",
    "order",
    "out",
    "outer",
    "over",
    "parameter",
    "partition",
    "percent",
    "period",
    "position",
    "power",
    "precision",
    "primary",
    "procedure",
    "qualify",
    "quarter",
    "range",
    "rank",
    "raw",
    "read",
    "real",
    "ref",
    "references",
    "release",
    "reset",
    "result",
    "return",
    "right",
    "rollback",
    "rollup",
    "row",
    "rows",
    "second",
    "select",
    "session",
    "session_user",
    "set",
    "show",
    "similar",
    "size",
    "smallint",
    "some",
    "source",
    "start",
    "state",
    "static",
    "status",
    "string",
    "sum",
    "system",
    "table",
    "temporary",
    "then",
    "time",
    "timestamp",
    "timezone",
    "tinyint",
    "to",
    "trigger",
    "trim",
    "true",
    "type",
    "uescape",
    "union",
    "unique",
    "unknown",
    "unnest",
    "update",
    "upper",
    "use",
    "user",
    "using",
    "value",
    "values",
    "varbinary",
    "varchar",
    "varying",
    "view",
    "watermark",
    "week",
    "when",
    "where",
    "window",
    "with",
    "within",
    "without",
    "year",
    "zone",
];

/// Whether every row of a ranking has such a name already, or those that are proposed.
fn is_ours(name: &str) -> bool {
    name == "rownum" || RESERVED.contains(&name)
}

/// A name as it stands in SQL; none for one that cannot.
pub(super) fn quoted(name: &str) -> Option<String> {
    if name.is_empty() || name.contains(['`', '\0', '\n', '\r']) || name.len() > 200 {
        return None;
    }
    let is_plain = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && !WORDS.contains(&name.to_ascii_lowercase().as_str());
    Some(match is_plain {
        true => name.to_owned(),
        false => format!("`{name}`"),
    })
}

/// A name of ours, made of any text: small letters, digits, underscores.
pub(super) fn plain(text: &str, otherwise: &str) -> String {
    let mut all = words(text);
    for word in &mut all {
        word.retain(|c| c.is_ascii_alphanumeric());
    }
    all.retain(|word| !word.is_empty());
    let name = all.join("_");
    let name = &name[..name.len().min(48)];
    let is_bad = name.is_empty() || WORDS.contains(&name) || is_ours(name);
    match name.starts_with(|c: char| c.is_ascii_digit()) || is_bad {
        true => format!("{otherwise}_{name}")
            .trim_end_matches('_')
            .to_owned(),
        false => name.to_owned(),
    }
}

/// A name for a column of a ranking: as it is where that can be, else made of it.
pub(super) fn shown(name: &str) -> String {
    let fits = name.len() <= 48 && !name.contains(['"', '`', '\0', ' ', '.']) && !name.is_empty();
    match fits && !is_ours(&name.to_ascii_lowercase()) {
        true => name.to_owned(),
        false => plain(name, "key"),
    }
}

/// A text in quotes.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The words of a name, in small letters: `orderDate` is `order`, `date`.
pub(super) fn words(name: &str) -> Vec<String> {
    let mut all = vec![String::new()];
    let mut before = ' ';
    for c in name.chars() {
        let begins = !c.is_alphanumeric() || (c.is_uppercase() && before.is_lowercase());
        if begins && all.last().is_some_and(|w| !w.is_empty()) {
            all.push(String::new());
        }
        if c.is_alphanumeric()
            && let Some(word) = all.last_mut()
        {
            word.extend(c.to_lowercase());
        }
        before = c;
    }
    all.retain(|w| !w.is_empty());
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        assert_eq!(quoted("city").as_deref(), Some("city"));
        assert_eq!(quoted("Order").as_deref(), Some("`Order`"));
        assert_eq!(quoted("post code").as_deref(), Some("`post code`"));
        assert_eq!(quoted("a`b"), None);
        assert_eq!(plain("Order Items (2026)", "t"), "order_items_2026");
        assert_eq!(plain("SalesAmount", "t"), "sales_amount");
        assert_eq!(plain("2026", "t"), "t_2026");
        assert_eq!(plain("order", "t"), "t_order");
        assert_eq!(plain("§", "t"), "t");
        assert_eq!(
            (shown("rank"), shown("Sub Category")),
            ("key_rank".to_owned(), "sub_category".to_owned())
        );
        assert_eq!(words("orderDate_UTC at"), ["order", "date", "utc", "at"]);
        assert_eq!(words("UnitPrice"), ["unit", "price"]);
        assert_eq!(literal("it's"), "'it''s'");
    }
}
