// What both ways of fuzzing do with queries.

use standings_model::schema::Schema;

/// Any text is a query, or refused with a word.
pub fn check(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    if let Err(refused) =
        standings_query::parse_ranking("fuzzed", "fuzzed.sql", &text, &Schema::sales())
    {
        assert!(!refused.to_string().is_empty());
    }
    let _ = standings_query::parse_schema("sales.sql", &text);
}
