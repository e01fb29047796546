//! The event time of a table, and how far out of order it is.

use sqlparser::ast::{BinaryOperator, Expr, Spanned};

use crate::error::{QueryError, Text};
use crate::interval;
use crate::statement::Declaration;
use standings_model::table::Table;

/// The column of `WATERMARK FOR`, or else one named `event_time`.
pub(super) fn find(
    text: Text<'_>,
    declared: &Declaration,
    table: &mut Table,
) -> Result<(), QueryError> {
    let Some((column, delay)) = &declared.watermark else {
        // A computed one has its type now.
        let named = table.find("event_time");
        table.event_time = named.filter(|c| table.columns[*c].kind.is_event_time());
        return Ok(());
    };
    let number = super::declared_column(text, column, table)?;
    let name = &table.columns[number].name;
    let kind = &table.columns[number].kind;
    if !kind.is_event_time() {
        let found = format!("WATERMARK FOR `{name}`, a {kind}");
        let allowed = "a column of type TIMESTAMP, TIMESTAMP_LTZ or DATE; of a number TO_TIMESTAMP_LTZ(n, 3), of text \
                       TO_TIMESTAMP(s, 'dd/MM/yyyy HH:mm') in a computed column";
        return Err(text.error(column.span, found, allowed));
    }
    let is_column = |e: &Expr| matches!(e, Expr::Identifier(of) if of.value == column.value);
    let late = match delay {
        of if is_column(of) => 0,
        Expr::BinaryOp {
            left,
            op: BinaryOperator::Minus,
            right,
        } if is_column(left) && matches!(&**right, Expr::Interval(_)) => {
            let late = interval::fixed(text, right)?;
            if late < 0 {
                let found = format!("a watermark of {late} ms");
                return Err(text.error(right.span(), found, "an interval of nothing or more"));
            }
            late
        }
        other => {
            let name = &column.value;
            let allowed =
                format!("`{name}` - INTERVAL '1' MINUTE, of fixed length, or `{name}` alone");
            return Err(text.error(other.span(), format!("`{other}` as a watermark"), allowed));
        }
    };
    table.event_time = Some(number);
    table.out_of_orderness = Some(late);
    Ok(())
}
