//! How a ranking's row lies in its table: names, types, order.

use standings_model::plan::{Field, FieldType, Ranking};
use standings_model::schema::Schema;

/// Quotes a name.
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A field's column type.
pub fn sql_type(ranking: &Ranking, schema: &Schema, field: Field) -> &'static str {
    use standings_model::plan::Aggregate;
    match (ranking.field_type(field, schema), field) {
        (FieldType::Text, _) => "text",
        (FieldType::Time, _) => "timestamptz",
        (FieldType::Decimal, _) => "numeric(38,2)",
        (FieldType::Integer, Field::Measure(i))
            if matches!(ranking.measures[i].aggregate, Aggregate::Sum(_)) =>
        {
            "numeric(38,0)"
        }
        (FieldType::Integer, _) => "bigint",
    }
}

/// Keys, then measures.
pub fn fields(ranking: &Ranking) -> Vec<Field> {
    let keys = (0..ranking.keys.len()).map(Field::Key);
    keys.chain((0..ranking.measures.len()).map(Field::Measure))
        .collect()
}
