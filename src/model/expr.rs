//! Expressions over the columns of one row, typed: what a query's `WHERE`, keys, measures and computed columns mean.
//!
//! This is the tree alone: what is allowed in it, and the types of what comes out, is decided where it is made
//! (`standings_query`); what it comes to for a row is `standings_scalar`'s.

use super::types::Type;
use super::value::Value;

/// A comparison operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Comparison {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

impl Comparison {
    /// As SQL writes it.
    pub fn sign(self) -> &'static str {
        match self {
            Comparison::Eq => "=",
            Comparison::Ne => "<>",
            Comparison::Lt => "<",
            Comparison::Le => "<=",
            Comparison::Gt => ">",
            Comparison::Ge => ">=",
        }
    }
}

/// An expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expr {
    /// What it does.
    pub node: Node,
    /// The type of what comes out.
    pub kind: Type,
    /// Whether NULL can come out.
    pub nullable: bool,
}

/// What an expression does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// A column of the row, by its number in the table.
    Column(usize),
    /// A value, of the expression's type.
    Literal(Value),
    /// All hold. SQL's three-valued logic, as of all conditions.
    And(Vec<Expr>),
    /// One holds.
    Or(Vec<Expr>),
    /// Does not hold.
    Not(Box<Expr>),
    /// `left op right`; both of types that compare.
    Compare {
        /// Left side.
        left: Box<Expr>,
        /// Operator.
        op: Comparison,
        /// Right side.
        right: Box<Expr>,
    },
    /// `of [NOT] IN (list)`.
    In {
        /// What is looked for.
        of: Box<Expr>,
        /// What it may be.
        list: Vec<Expr>,
        /// `NOT IN`.
        negated: bool,
    },
    /// `of [NOT] BETWEEN low AND high`, both ends included.
    Between {
        /// What is tested.
        of: Box<Expr>,
        /// Least.
        low: Box<Expr>,
        /// Greatest.
        high: Box<Expr>,
        /// `NOT BETWEEN`.
        negated: bool,
    },
    /// `of [NOT] LIKE 'pattern' [ESCAPE 'c']`.
    Like {
        /// A text.
        of: Box<Expr>,
        /// The compiled pattern.
        pattern: LikePattern,
        /// `NOT LIKE`.
        negated: bool,
    },
    /// `of IS [NOT] NULL`.
    IsNull {
        /// What is tested.
        of: Box<Expr>,
        /// `IS NOT NULL`.
        negated: bool,
    },
    /// `CASE WHEN … THEN … ELSE … END`; the branches are of the expression's type.
    Case {
        /// Condition and what then comes out, in order.
        branches: Vec<(Expr, Expr)>,
        /// What comes out of none; NULL where it is not said.
        otherwise: Option<Box<Expr>>,
    },
    /// `CAST(of AS kind)`.
    Cast {
        /// What is converted.
        of: Box<Expr>,
        /// `TRY_CAST`: NULL where it fails.
        attempt: bool,
    },
    /// A field of a `ROW`, by its number.
    Field {
        /// The row.
        of: Box<Expr>,
        /// Number of the field.
        field: usize,
    },
    /// A function or an operator.
    Call {
        /// Which.
        function: Function,
        /// Of what.
        arguments: Vec<Expr>,
    },
}

/// A part of a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum TimeUnit {
    Millennium,
    Century,
    Decade,
    Year,
    Quarter,
    Month,
    /// Of `EXTRACT` the week of ISO 8601; cut to it, its Monday.
    Week,
    Day,
    /// 1 is Sunday.
    DayOfWeek,
    /// 1 is Monday.
    IsoDayOfWeek,
    /// The year that the week of ISO 8601 is of.
    IsoYear,
    DayOfYear,
    Hour,
    Minute,
    Second,
    Millisecond,
    Microsecond,
    /// Seconds since 1970-01-01.
    Epoch,
}

/// Functions and operators. What each takes and gives is with its implementation; but for those that say otherwise here,
/// NULL comes out where an argument is NULL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Function {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Negate,
    /// `a IS DISTINCT FROM b`: never NULL.
    Distinct,
    /// `a IS NOT DISTINCT FROM b`: never NULL.
    NotDistinct,
    /// `a IS TRUE`: never NULL.
    IsTrue,
    /// `a IS FALSE`: never NULL.
    IsFalse,
    /// The first that is not NULL; what is behind it is not evaluated.
    Coalesce,
    /// NULL where both are equal, else the first.
    NullIf,
    Greatest,
    Least,
    Upper,
    Lower,
    Initcap,
    /// Text, and the characters that are cut from both ends.
    Trim,
    TrimStart,
    TrimEnd,
    Substring,
    /// What is looked for, and where.
    Position,
    Replace,
    CharLength,
    Concat,
    Left,
    Right,
    PadLeft,
    PadRight,
    /// Text, separator, number from 0.
    SplitIndex,
    Repeat,
    Reverse,
    /// Text, pattern (a literal), group.
    RegexpExtract,
    Abs,
    Round,
    Floor,
    Ceil,
    Sign,
    Extract(TimeUnit),
    FloorTo(TimeUnit),
    CeilTo(TimeUnit),
    DateFormat,
    ToDate,
    ToTimestamp,
    ToInstant,
    /// Document, path (a literal), and what comes out where there is nothing, and where it is no JSON or no scalar.
    JsonValue,
    /// `->`: a member or an element (from 0) of a document, as JSON.
    JsonGet,
    /// `->>`: as text.
    JsonGetText,
    /// Of an array by its number from 1, of a map by its key; NULL where there is none.
    Element,
    /// How many elements.
    Cardinality,
}

impl Expr {
    /// A column.
    pub fn column(number: usize, kind: Type, nullable: bool) -> Self {
        Expr {
            node: Node::Column(number),
            kind,
            nullable,
        }
    }

    /// A value.
    pub fn literal(value: Value, kind: Type) -> Self {
        Expr {
            nullable: value.is_null(),
            node: Node::Literal(value),
            kind,
        }
    }

    /// A call; NULL can come out where it can go in, unless the function never gives it, or gives it of itself.
    pub fn call(function: Function, arguments: Vec<Expr>, kind: Type) -> Self {
        let nullable = match function {
            Function::Distinct | Function::NotDistinct | Function::IsTrue | Function::IsFalse => {
                false
            }
            Function::Coalesce => arguments.iter().all(|a| a.nullable),
            Function::NullIf
            | Function::Substring
            | Function::PadLeft
            | Function::PadRight
            | Function::SplitIndex
            | Function::RegexpExtract
            | Function::ToDate
            | Function::ToTimestamp
            | Function::ToInstant
            | Function::JsonValue
            | Function::JsonGet
            | Function::JsonGetText
            | Function::Element => true,
            _ => arguments.iter().any(|a| a.nullable),
        };
        Expr {
            node: Node::Call {
                function,
                arguments,
            },
            kind,
            nullable,
        }
    }

    /// Calls `f` with each expression right below this one.
    pub fn each_child<'a>(&'a self, f: &mut dyn FnMut(&'a Expr)) {
        match &self.node {
            Node::Column(_) | Node::Literal(_) => {}
            Node::And(all) | Node::Or(all) => all.iter().for_each(f),
            Node::Call { arguments, .. } => arguments.iter().for_each(f),
            Node::Not(of)
            | Node::Like { of, .. }
            | Node::IsNull { of, .. }
            | Node::Cast { of, .. }
            | Node::Field { of, .. } => f(of),
            Node::Compare { left, right, .. } => [left, right].into_iter().for_each(|e| f(e)),
            Node::In { of, list, .. } => {
                f(of);
                list.iter().for_each(f);
            }
            Node::Between { of, low, high, .. } => {
                [of, low, high].into_iter().for_each(|e| f(e));
            }
            Node::Case {
                branches,
                otherwise,
            } => {
                for (when, then) in branches {
                    f(when);
                    f(then);
                }
                otherwise.iter().for_each(|e| f(e));
            }
        }
    }

    /// Calls `f` with each expression right below this one, to be changed.
    pub fn each_child_mut(&mut self, f: &mut dyn FnMut(&mut Expr)) {
        match &mut self.node {
            Node::Column(_) | Node::Literal(_) => {}
            Node::And(all) | Node::Or(all) => all.iter_mut().for_each(f),
            Node::Call { arguments, .. } => arguments.iter_mut().for_each(f),
            Node::Not(of)
            | Node::Like { of, .. }
            | Node::IsNull { of, .. }
            | Node::Cast { of, .. }
            | Node::Field { of, .. } => f(of),
            Node::Compare { left, right, .. } => [left, right].into_iter().for_each(|e| f(e)),
            Node::In { of, list, .. } => {
                f(of);
                list.iter_mut().for_each(f);
            }
            Node::Between { of, low, high, .. } => {
                [of, low, high].into_iter().for_each(|e| f(e));
            }
            Node::Case {
                branches,
                otherwise,
            } => {
                for (when, then) in branches {
                    f(when);
                    f(then);
                }
                otherwise.iter_mut().for_each(|e| f(e));
            }
        }
    }

    /// Gives each column that it reads another number.
    pub fn renumber(&mut self, number: &dyn Fn(usize) -> usize) {
        if let Node::Column(n) = &mut self.node {
            *n = number(*n);
        }
        self.each_child_mut(&mut |child| child.renumber(number));
    }

    /// How many expressions it is made of, and how deep they lie.
    pub fn size(&self) -> (usize, usize) {
        let (mut parts, mut deepest) = (1, 0);
        self.each_child(&mut |child| {
            let (some, deep) = child.size();
            parts += some;
            deepest = deepest.max(deep);
        });
        (parts, deepest + 1)
    }

    /// The columns that it reads, each once, in order.
    pub fn columns(&self) -> Vec<usize> {
        fn collect(expr: &Expr, into: &mut Vec<usize>) {
            if let Node::Column(n) = &expr.node {
                into.push(*n);
            }
            expr.each_child(&mut |child| collect(child, into));
        }
        let mut columns = Vec::new();
        collect(self, &mut columns);
        columns.sort_unstable();
        columns.dedup();
        columns
    }
}

/// One step of a `LIKE` pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LikeStep {
    /// `%`: any run of characters, also none.
    Any,
    /// `_`: exactly one character.
    One,
    /// This character.
    Char(char),
}

/// A compiled `LIKE` pattern; case-sensitive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LikePattern(pub Vec<LikeStep>);

impl LikePattern {
    /// Whether the whole of `text` matches. Linear in `text` times the number of `%`, without recursion.
    pub fn matches(&self, text: &str) -> bool {
        let steps = &self.0;
        let mut chars = text.chars();
        let mut at = 0;
        // Where to go back to after a mismatch: the step after the last `%`, and the text it was tried at.
        let mut back: Option<(usize, std::str::Chars<'_>)> = None;
        loop {
            if let Some(LikeStep::Any) = steps.get(at) {
                at += 1;
                back = Some((at, chars.clone()));
                continue;
            }
            let rest = chars.clone();
            match (steps.get(at), chars.next()) {
                (None, None) => return true,
                (Some(LikeStep::One), Some(_)) => at += 1,
                (Some(LikeStep::Char(want)), Some(have)) if *want == have => at += 1,
                (_, have) => match &mut back {
                    Some((step, from)) => {
                        if have.is_none() && rest.as_str().is_empty() && from.as_str().is_empty() {
                            return false;
                        }
                        if from.next().is_none() {
                            return false;
                        }
                        at = *step;
                        chars = from.clone();
                    }
                    None => return false,
                },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    fn like(pattern: &str) -> LikePattern {
        LikePattern(
            pattern
                .chars()
                .map(|c| match c {
                    '%' => LikeStep::Any,
                    '_' => LikeStep::One,
                    c => LikeStep::Char(c),
                })
                .collect(),
        )
    }

    #[test]
    fn like_matches_whole_text() {
        for (pattern, text, want) in [
            ("", "", true),
            ("", "a", false),
            ("%", "", true),
            ("a%", "abc", true),
            ("%c", "abc", true),
            ("%b%", "abc", true),
            ("a_c", "abc", true),
            ("a_c", "ac", false),
            ("%a%a%", "aa", true),
            ("%ab", "aab", true),
            ("%_", "", false),
            ("%_", "é", true),
            ("São%", "São Paulo", true),
            ("%ab%cd", "abxabcd", true),
            ("%ab%cd", "abxabc", false),
        ] {
            assert_eq!(like(pattern).matches(text), want, "{pattern:?} on {text:?}");
        }
    }
}
