//! The functions that there are: what each takes and gives. And those that there will not be.

use standings_model::expr::{Function, TimeUnit};

/// What an argument is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Takes {
    Text,
    Whole,
    Number,
    Time,
}

/// The type of what comes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gives {
    Text,
    Int,
    Big,
    Date,
    /// That of the first argument.
    First,
}

/// How a call is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// By its arguments' types alone: at least so many of them.
    Plain(Function, &'static [Takes], usize, Gives),
    Coalesce,
    NullIf,
    Extreme(Function),
    If,
    Concat,
    Modulo,
    Round,
    ToWhole(Function),
    DateTrunc,
    DateFormat,
    ToTimestamp,
    ToInstant,
    Regexp,
    JsonValue,
    Cardinality,
    Position,
}

/// A function.
pub(super) struct Known {
    /// Its name, in capitals.
    pub name: &'static str,
    /// How it is written, for messages.
    pub written: &'static str,
    pub kind: Kind,
}

const fn known(name: &'static str, written: &'static str, kind: Kind) -> Known {
    Known {
        name,
        written,
        kind,
    }
}

const fn extract(name: &'static str, written: &'static str, unit: TimeUnit) -> Known {
    let kind = Kind::Plain(Function::Extract(unit), &[Takes::Time], 1, Gives::Big);
    known(name, written, kind)
}

use Kind::Plain;
use Takes::{Number, Text, Whole};

pub(super) const FUNCTIONS: &[Known] = &[
    known(
        "ABS",
        "ABS(number)",
        Plain(Function::Abs, &[Number], 1, Gives::First),
    ),
    known(
        "BTRIM",
        "BTRIM(text[, characters])",
        Plain(Function::Trim, &[Text, Text], 1, Gives::Text),
    ),
    known(
        "CARDINALITY",
        "CARDINALITY(array or map)",
        Kind::Cardinality,
    ),
    known("CEIL", "CEIL(number)", Kind::ToWhole(Function::Ceil)),
    known("CEILING", "CEILING(number)", Kind::ToWhole(Function::Ceil)),
    known(
        "CHARACTER_LENGTH",
        "CHARACTER_LENGTH(text)",
        Plain(Function::CharLength, &[Text], 1, Gives::Int),
    ),
    known(
        "CHAR_LENGTH",
        "CHAR_LENGTH(text)",
        Plain(Function::CharLength, &[Text], 1, Gives::Int),
    ),
    known("COALESCE", "COALESCE(a, b, …)", Kind::Coalesce),
    known("CONCAT", "CONCAT(text, text, …)", Kind::Concat),
    known(
        "DATE_FORMAT",
        "DATE_FORMAT(time, 'yyyy-MM-dd')",
        Kind::DateFormat,
    ),
    known("DATE_TRUNC", "DATE_TRUNC('day', time)", Kind::DateTrunc),
    extract("DAYOFMONTH", "DAYOFMONTH(time)", TimeUnit::Day),
    extract("DAYOFWEEK", "DAYOFWEEK(time)", TimeUnit::DayOfWeek),
    extract("DAYOFYEAR", "DAYOFYEAR(time)", TimeUnit::DayOfYear),
    known("FLOOR", "FLOOR(number)", Kind::ToWhole(Function::Floor)),
    known(
        "GREATEST",
        "GREATEST(a, b, …)",
        Kind::Extreme(Function::Greatest),
    ),
    extract("HOUR", "HOUR(time)", TimeUnit::Hour),
    known("IF", "IF(condition, a, b)", Kind::If),
    known("IFNULL", "IFNULL(a, b)", Kind::Coalesce),
    known(
        "INITCAP",
        "INITCAP(text)",
        Plain(Function::Initcap, &[Text], 1, Gives::Text),
    ),
    known(
        "JSON_VALUE",
        "JSON_VALUE(text, '$.path' [RETURNING type] [DEFAULT x ON EMPTY] [DEFAULT x ON ERROR])",
        Kind::JsonValue,
    ),
    known("LEAST", "LEAST(a, b, …)", Kind::Extreme(Function::Least)),
    known(
        "LEFT",
        "LEFT(text, number)",
        Plain(Function::Left, &[Text, Whole], 2, Gives::Text),
    ),
    known(
        "LENGTH",
        "LENGTH(text)",
        Plain(Function::CharLength, &[Text], 1, Gives::Int),
    ),
    known(
        "LOWER",
        "LOWER(text)",
        Plain(Function::Lower, &[Text], 1, Gives::Text),
    ),
    known(
        "LPAD",
        "LPAD(text, length, with)",
        Plain(Function::PadLeft, &[Text, Whole, Text], 2, Gives::Text),
    ),
    known(
        "LTRIM",
        "LTRIM(text[, characters])",
        Plain(Function::TrimStart, &[Text, Text], 1, Gives::Text),
    ),
    extract("MINUTE", "MINUTE(time)", TimeUnit::Minute),
    known("MOD", "MOD(number, number)", Kind::Modulo),
    extract("MONTH", "MONTH(time)", TimeUnit::Month),
    known("NULLIF", "NULLIF(a, b)", Kind::NullIf),
    known("POSITION", "POSITION(text IN text)", Kind::Position),
    extract("QUARTER", "QUARTER(time)", TimeUnit::Quarter),
    known(
        "REGEXP_EXTRACT",
        "REGEXP_EXTRACT(text, 'pattern'[, group])",
        Kind::Regexp,
    ),
    known(
        "REPEAT",
        "REPEAT(text, number)",
        Plain(Function::Repeat, &[Text, Whole], 2, Gives::Text),
    ),
    known(
        "REPLACE",
        "REPLACE(text, what, with)",
        Plain(Function::Replace, &[Text, Text, Text], 3, Gives::Text),
    ),
    known(
        "REVERSE",
        "REVERSE(text)",
        Plain(Function::Reverse, &[Text], 1, Gives::Text),
    ),
    known(
        "RIGHT",
        "RIGHT(text, number)",
        Plain(Function::Right, &[Text, Whole], 2, Gives::Text),
    ),
    known("ROUND", "ROUND(number[, digits])", Kind::Round),
    known(
        "RPAD",
        "RPAD(text, length, with)",
        Plain(Function::PadRight, &[Text, Whole, Text], 2, Gives::Text),
    ),
    known(
        "RTRIM",
        "RTRIM(text[, characters])",
        Plain(Function::TrimEnd, &[Text, Text], 1, Gives::Text),
    ),
    extract("SECOND", "SECOND(time)", TimeUnit::Second),
    known(
        "SIGN",
        "SIGN(number)",
        Plain(Function::Sign, &[Number], 1, Gives::First),
    ),
    known(
        "SPLIT_INDEX",
        "SPLIT_INDEX(text, separator, number from 0)",
        Plain(Function::SplitIndex, &[Text, Text, Whole], 3, Gives::Text),
    ),
    known(
        "SUBSTRING",
        "SUBSTRING(text, start[, length])",
        Plain(Function::Substring, &[Text, Whole, Whole], 2, Gives::Text),
    ),
    known(
        "TO_DATE",
        "TO_DATE(text[, 'yyyy-MM-dd'])",
        Plain(Function::ToDate, &[Text, Text], 1, Gives::Date),
    ),
    known(
        "TO_TIMESTAMP",
        "TO_TIMESTAMP(text[, 'yyyy-MM-dd HH:mm:ss'])",
        Kind::ToTimestamp,
    ),
    known(
        "TO_TIMESTAMP_LTZ",
        "TO_TIMESTAMP_LTZ(number, digits of a second from 0 to 9)",
        Kind::ToInstant,
    ),
    known(
        "TRIM",
        "TRIM([BOTH 'x' FROM] text)",
        Plain(Function::Trim, &[Text], 1, Gives::Text),
    ),
    known(
        "UPPER",
        "UPPER(text)",
        Plain(Function::Upper, &[Text], 1, Gives::Text),
    ),
    extract("WEEK", "WEEK(time)", TimeUnit::Week),
    extract("YEAR", "YEAR(time)", TimeUnit::Year),
];

/// What reads the clock of the machine.
pub(super) const CLOCKS: &[&str] = &[
    "CURRENT_DATE",
    "CURRENT_TIME",
    "CURRENT_TIMESTAMP",
    "CURRENT_ROW_TIMESTAMP",
    "CURRENT_WATERMARK",
    "LOCALTIME",
    "LOCALTIMESTAMP",
    "NOW",
    "PROCTIME",
    "UNIX_TIMESTAMP",
];

/// What throws dice.
pub(super) const DICE: &[&str] = &["RAND", "RAND_INTEGER", "RANDOM", "UUID"];
