// What both ways of fuzzing do with queries.

use standings::model::schema::Schema;
use standings::query;

/// Any text is a query, or refused with a word.
pub fn check(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    if let Err(refused) = query::parse_ranking("fuzzed", "fuzzed.sql", &text, &Schema::sales()) {
        assert!(!refused.to_string().is_empty());
    }
    let _ = query::parse_schema("sales.sql", &text);
}
