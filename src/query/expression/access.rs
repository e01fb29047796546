//! Parts of nested values: `tags[1]`, `labels['a']`, `lines[1].sku`.

use sqlparser::ast::{AccessExpr, Expr as Sql, Subscript};
use standings_model::expr::{Expr, Function, Node};
use standings_model::types::Type;
use standings_model::value::Value;

use super::{Binder, Bound, place, shown};

impl Binder<'_> {
    pub(super) fn access(&self, root: &Sql, chain: &[AccessExpr]) -> Bound {
        // What is named by dots alone is a column: `orders.address.city`.
        let mut names = match root {
            Sql::Identifier(name) => vec![name.clone()],
            Sql::CompoundIdentifier(names) => names.clone(),
            _ => Vec::new(),
        };
        let mut rest = chain;
        while let ([AccessExpr::Dot(Sql::Identifier(name)), after @ ..], false) =
            (rest, names.is_empty())
        {
            names.push(name.clone());
            rest = after;
        }
        let mut expr = match names.is_empty() {
            true => self.expr(root)?,
            false => self.name(&names)?,
        };
        let mut of = shown(root);
        for step in rest {
            expr = match step {
                AccessExpr::Dot(Sql::Identifier(field)) => self.fields_of(expr, &of, field)?,
                AccessExpr::Subscript(Subscript::Index { index }) => {
                    self.element(expr, &of, index)?
                }
                AccessExpr::Dot(other) => {
                    return Err(self.refuse(other, "behind a dot comes the name of a field"));
                }
                AccessExpr::Subscript(slice) => {
                    return Err(self.error(
                        place(root),
                        format!("`{of}[{slice}]`"),
                        "one element is taken: tags[1], counted from 1",
                    ));
                }
            };
            of = format!("{of}{step}");
        }
        Ok(expr)
    }

    fn element(&self, of: Expr, name: &str, index_sql: &Sql) -> Bound {
        let index = self.expr(index_sql)?;
        let (kind, index) = match &of.kind {
            Type::Array(element) => {
                if !matches!(index.kind, Type::Integer(_)) {
                    return Err(self.error(
                        place(index_sql),
                        format!("`{}` is {}", shown(index_sql), index.kind),
                        "the number of an element, from 1",
                    ));
                }
                if matches!(&index.node, Node::Literal(Value::Integer(n)) if *n < 1) {
                    return Err(self.refuse(index_sql, "elements of arrays count from 1"));
                }
                ((**element).clone(), index)
            }
            Type::Map(entry) => {
                let key = match self.folded(&index, &entry.0) {
                    Some(folded) => folded,
                    None => index,
                };
                let whole = matches!((&key.kind, &entry.0), (Type::Integer(_), Type::Integer(_)));
                let is_text = key.kind.is_text() && entry.0.is_text();
                if !whole && !is_text {
                    return Err(self.error(
                        place(index_sql),
                        format!("`{}` is {}", shown(index_sql), key.kind),
                        format!(
                            "the keys of `{name}` are {}; texts and whole numbers are looked up",
                            entry.0
                        ),
                    ));
                }
                (entry.1.clone(), key)
            }
            other => {
                return Err(self.error(
                    place(index_sql),
                    format!("`{name}` is {other}"),
                    "`[…]` is for an ARRAY or a MAP; a member of a JSON text is x -> 'name' or JSON_VALUE(x, '$.name')",
                ));
            }
        };
        Ok(Expr::call(Function::Element, vec![of, index], kind))
    }
}
