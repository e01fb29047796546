//! An expression as SQL, for messages: what a dead letter says has failed.

use standings_model::expr::{Expr, Function, LikeStep, Node, TimeUnit};
use standings_model::types::Type;
use standings_model::value::Value;

/// The most characters of a text.
const MOST: usize = 200;

/// As SQL; `name` is that of a column.
pub fn sql(expr: &Expr, name: &dyn Fn(usize) -> String) -> String {
    let whole = Writer { name }.expr(expr, 0);
    match whole.char_indices().nth(MOST) {
        Some((at, _)) => format!("{}…", &whole[..at]),
        None => whole,
    }
}

struct Writer<'a> {
    name: &'a dyn Fn(usize) -> String,
}

/// Deeper nothing is written: the text would be cut all the same.
const DEEPEST: usize = 24;

impl Writer<'_> {
    fn expr(&self, expr: &Expr, depth: usize) -> String {
        if depth > DEEPEST {
            return "…".to_owned();
        }
        let one = |e: &Expr| self.operand(e, depth + 1);
        let all = |all: &[Expr], between: &str| {
            let all: Vec<String> = all.iter().take(MOST).map(one).collect();
            all.join(between)
        };
        let not = |negated: &bool| if *negated { "NOT " } else { "" };
        match &expr.node {
            Node::Column(n) => (self.name)(*n),
            Node::Literal(value) => literal(value, &expr.kind),
            Node::And(parts) => all(parts, " AND "),
            Node::Or(parts) => all(parts, " OR "),
            Node::Not(of) => format!("NOT {}", one(of)),
            Node::Compare { left, op, right } => {
                format!("{} {} {}", one(left), op.sign(), one(right))
            }
            Node::In { of, list, negated } => {
                format!("{} {}IN ({})", one(of), not(negated), all(list, ", "))
            }
            Node::Between {
                of,
                low,
                high,
                negated,
            } => {
                let (of, low, high) = (one(of), one(low), one(high));
                format!("{of} {}BETWEEN {low} AND {high}", not(negated))
            }
            Node::Like {
                of,
                pattern,
                negated,
            } => {
                let steps = pattern.0.iter().map(|step| match step {
                    LikeStep::Any => '%',
                    LikeStep::One => '_',
                    LikeStep::Char(c) => *c,
                });
                let pattern: String = steps.collect();
                format!("{} {}LIKE {}", one(of), not(negated), quoted(&pattern))
            }
            Node::IsNull { of, negated } => format!("{} IS {}NULL", one(of), not(negated)),
            Node::Case {
                branches,
                otherwise,
            } => self.case(branches, otherwise.as_deref(), depth + 1),
            Node::Cast { of, attempt } => {
                let word = if *attempt { "TRY_CAST" } else { "CAST" };
                format!("{word}({} AS {})", self.expr(of, depth + 1), expr.kind)
            }
            Node::Field { of, field } => {
                let names = match &of.kind {
                    Type::Row(fields) => fields.get(*field).map(|f| f.name.clone()),
                    _ => None,
                };
                format!("{}.{}", one(of), names.unwrap_or_default())
            }
            Node::Call {
                function,
                arguments,
            } => self.call(*function, arguments, depth + 1),
        }
    }

    /// In parentheses where it is an operator's.
    fn operand(&self, expr: &Expr, depth: usize) -> String {
        let text = self.expr(expr, depth);
        let is_operator = match &expr.node {
            Node::Column(_)
            | Node::Literal(_)
            | Node::Cast { .. }
            | Node::Case { .. }
            | Node::Field { .. } => false,
            Node::Call { function, .. } => operator(*function).is_some(),
            _ => true,
        };
        if is_operator {
            format!("({text})")
        } else {
            text
        }
    }

    fn case(&self, branches: &[(Expr, Expr)], otherwise: Option<&Expr>, depth: usize) -> String {
        let mut out = "CASE".to_owned();
        for (when, then) in branches.iter().take(MOST) {
            let (when, then) = (self.expr(when, depth), self.expr(then, depth));
            out.push_str(&format!(" WHEN {when} THEN {then}"));
        }
        if let Some(otherwise) = otherwise {
            out.push_str(&format!(" ELSE {}", self.expr(otherwise, depth)));
        }
        out + " END"
    }

    fn call(&self, function: Function, arguments: &[Expr], depth: usize) -> String {
        let operands = || arguments.iter().map(|a| self.operand(a, depth));
        let plain = || {
            let all: Vec<String> = arguments.iter().map(|a| self.expr(a, depth)).collect();
            all
        };
        if let Some(word) = operator(function) {
            let all: Vec<String> = operands().collect();
            return match &all[..] {
                [one] if function == Function::Negate => format!("-{one}"),
                [one] => format!("{one} {word}"),
                _ => all.join(&format!(" {word} ")),
            };
        }
        let all = plain();
        match (function, &all[..]) {
            (Function::Extract(unit), [of]) => format!("EXTRACT({} FROM {of})", unit_name(unit)),
            (Function::FloorTo(unit), [of]) => format!("FLOOR({of} TO {})", unit_name(unit)),
            (Function::CeilTo(unit), [of]) => format!("CEIL({of} TO {})", unit_name(unit)),
            (Function::Element, [of, at]) => format!("{of}[{at}]"),
            (Function::Position, [what, within]) => format!("POSITION({what} IN {within})"),
            _ => format!("{}({})", name(function), all.join(", ")),
        }
    }
}

/// A function in a word that no other one has; it does not change between versions.
pub fn word(function: Function) -> String {
    match function {
        Function::Extract(unit) => format!("EXTRACT_{}", unit_name(unit)),
        Function::FloorTo(unit) => format!("FLOOR_{}", unit_name(unit)),
        Function::CeilTo(unit) => format!("CEIL_{}", unit_name(unit)),
        Function::Negate => "NEGATE".to_owned(),
        Function::Element => "ELEMENT".to_owned(),
        Function::Position => "POSITION".to_owned(),
        other => operator(other)
            .unwrap_or_else(|| name(other))
            .replace(' ', "_"),
    }
}

/// Of what is written between or behind its arguments.
fn operator(function: Function) -> Option<&'static str> {
    Some(match function {
        Function::Add => "+",
        Function::Subtract | Function::Negate => "-",
        Function::Multiply => "*",
        Function::Divide => "/",
        Function::Modulo => "%",
        Function::Distinct => "IS DISTINCT FROM",
        Function::NotDistinct => "IS NOT DISTINCT FROM",
        Function::IsTrue => "IS TRUE",
        Function::IsFalse => "IS FALSE",
        Function::JsonGet => "->",
        Function::JsonGetText => "->>",
        _ => return None,
    })
}

fn name(function: Function) -> &'static str {
    match function {
        Function::Coalesce => "COALESCE",
        Function::NullIf => "NULLIF",
        Function::Greatest => "GREATEST",
        Function::Least => "LEAST",
        Function::Upper => "UPPER",
        Function::Lower => "LOWER",
        Function::Initcap => "INITCAP",
        Function::Trim => "TRIM",
        Function::TrimStart => "LTRIM",
        Function::TrimEnd => "RTRIM",
        Function::Substring => "SUBSTRING",
        Function::Replace => "REPLACE",
        Function::CharLength => "CHAR_LENGTH",
        Function::Concat => "CONCAT",
        Function::Left => "LEFT",
        Function::Right => "RIGHT",
        Function::PadLeft => "LPAD",
        Function::PadRight => "RPAD",
        Function::SplitIndex => "SPLIT_INDEX",
        Function::Repeat => "REPEAT",
        Function::Reverse => "REVERSE",
        Function::RegexpExtract => "REGEXP_EXTRACT",
        Function::Abs => "ABS",
        Function::Round => "ROUND",
        Function::Floor => "FLOOR",
        Function::Ceil => "CEIL",
        Function::Sign => "SIGN",
        Function::DateFormat => "DATE_FORMAT",
        Function::ToDate => "TO_DATE",
        Function::ToTimestamp => "TO_TIMESTAMP",
        Function::ToInstant => "TO_TIMESTAMP_LTZ",
        Function::JsonValue => "JSON_VALUE",
        Function::Cardinality => "CARDINALITY",
        // Those that are written otherwise.
        _ => "",
    }
}

fn unit_name(unit: TimeUnit) -> &'static str {
    match unit {
        TimeUnit::Millennium => "MILLENNIUM",
        TimeUnit::Century => "CENTURY",
        TimeUnit::Decade => "DECADE",
        TimeUnit::Year => "YEAR",
        TimeUnit::Quarter => "QUARTER",
        TimeUnit::Month => "MONTH",
        TimeUnit::Week => "WEEK",
        TimeUnit::Day => "DAY",
        TimeUnit::DayOfWeek => "DOW",
        TimeUnit::IsoDayOfWeek => "ISODOW",
        TimeUnit::IsoYear => "ISOYEAR",
        TimeUnit::DayOfYear => "DOY",
        TimeUnit::Hour => "HOUR",
        TimeUnit::Minute => "MINUTE",
        TimeUnit::Second => "SECOND",
        TimeUnit::Millisecond => "MILLISECOND",
        TimeUnit::Microsecond => "MICROSECOND",
        TimeUnit::Epoch => "EPOCH",
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn literal(value: &Value, kind: &Type) -> String {
    let typed = match kind {
        Type::Date => "DATE ",
        Type::Time => "TIME ",
        Type::Timestamp(_) => "TIMESTAMP ",
        Type::Instant(_) => "TIMESTAMP_LTZ ",
        Type::Months => return format!("INTERVAL {value} MONTH"),
        Type::Span => return format!("INTERVAL {value} MICROSECOND"),
        Type::Boolean => return value.to_string().to_uppercase(),
        kind if kind.is_text() => "",
        _ => return value.to_string(),
    };
    match value {
        Value::Null => "NULL".to_owned(),
        value => format!("{typed}{}", quoted(&value.to_string())),
    }
}
