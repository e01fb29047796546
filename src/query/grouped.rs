//! The columns of the table that nobody declared: those that are grouped by are there in every row.

use standings_model::plan::Ranking;
use standings_model::table::Table;

/// Says so of the table, and of what the rankings read of it.
pub fn are_there(number: usize, table: &mut Table, rankings: &mut [Ranking]) {
    for ranking in rankings.iter() {
        for input in ranking.inputs.iter().filter(|i| i.table == number) {
            for key in &ranking.keys {
                let column = input.columns[key.column];
                if column < table.declared {
                    table.columns[column].nullable = false;
                }
            }
        }
    }
    for ranking in rankings.iter_mut() {
        for input in ranking.inputs.iter().filter(|i| i.table == number) {
            for (column, of) in ranking.row.iter_mut().zip(&input.columns) {
                column.nullable = table.columns[*of].nullable;
            }
        }
    }
}
