// What both ways of fuzzing do with queries.

use standings_model::table::Table;

/// Any text is a query, or refused with a word.
pub fn check(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let mut tables = [Table::sales()];
    if let Err(refused) = standings_query::parse_ranking("fuzzed", "fuzzed.sql", &text, &mut tables)
    {
        assert!(!refused.to_string().is_empty());
    }
    let _ = standings_query::parse_table("sales.sql", &text);
    // Statements of a file, explained as they are taken, or refused one by one.
    match standings_query::load_texts(&[("fuzzed", &text)]) {
        Ok(loaded) => {
            let _ = standings_query::explain(&loaded.plan);
            let all = loaded.plan.rankings.iter();
            all.for_each(|r| assert!(!standings_query::meaning(&loaded.plan, r).is_empty()));
        }
        Err(refused) => assert!(!refused.render().is_empty()),
    }
}
