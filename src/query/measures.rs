//! The measures that there are, by name: of many rows, where a function is of one.

use standings_model::statistics::Spread;

/// What a measure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Count,
    Sum,
    Avg,
    Min,
    Max,
    First,
    Last,
    ArgMax,
    ArgMin,
    Spread(Spread),
    /// `PERCENTILE(x, p)`, and of rounded values.
    Percentile {
        rounded: bool,
    },
    /// `PERCENTILE_CONT(p) WITHIN GROUP (ORDER BY x)`.
    Within,
    Median,
    CountRoughly,
    /// None of ours: what is instead.
    Not(&'static str),
}

/// A measure.
pub struct Known {
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

const fn spread(name: &'static str, written: &'static str, sample: bool, root: bool) -> Known {
    known(name, written, Kind::Spread(Spread { sample, root }))
}

const fn not(name: &'static str, instead: &'static str) -> Known {
    known(name, "", Kind::Not(instead))
}

const LISTS: &str = "a row of a ranking holds single values: COUNT, COUNT(DISTINCT …), FIRST_VALUE, LAST_VALUE or ARG_MAX of \
                     what the list would hold";

/// All of them.
pub const MEASURES: &[Known] = &[
    known(
        "APPROX_COUNT_DISTINCT",
        "APPROX_COUNT_DISTINCT(x)",
        Kind::CountRoughly,
    ),
    known(
        "APPROX_PERCENTILE",
        "APPROX_PERCENTILE(x, 0.95)",
        Kind::Percentile { rounded: true },
    ),
    known("ARG_MAX", "ARG_MAX(x, by)", Kind::ArgMax),
    known("ARG_MIN", "ARG_MIN(x, by)", Kind::ArgMin),
    not("ARRAY_AGG", LISTS),
    known("AVG", "AVG(x)", Kind::Avg),
    not("COLLECT", LISTS),
    known(
        "COUNT",
        "COUNT(*), COUNT(x) or COUNT(DISTINCT x)",
        Kind::Count,
    ),
    known("FIRST_VALUE", "FIRST_VALUE(x)", Kind::First),
    not("JSON_ARRAYAGG", LISTS),
    not("JSON_OBJECTAGG", LISTS),
    known("LAST_VALUE", "LAST_VALUE(x)", Kind::Last),
    not("LISTAGG", LISTS),
    known("MAX", "MAX(x)", Kind::Max),
    known("MAX_BY", "MAX_BY(x, by)", Kind::ArgMax),
    known("MEDIAN", "MEDIAN(x)", Kind::Median),
    known("MIN", "MIN(x)", Kind::Min),
    known("MIN_BY", "MIN_BY(x, by)", Kind::ArgMin),
    known(
        "PERCENTILE",
        "PERCENTILE(x, 0.95)",
        Kind::Percentile { rounded: false },
    ),
    known(
        "PERCENTILE_CONT",
        "PERCENTILE_CONT(0.95) WITHIN GROUP (ORDER BY x)",
        Kind::Within,
    ),
    not(
        "PERCENTILE_DISC",
        "PERCENTILE(x, p) or PERCENTILE_CONT(p) WITHIN GROUP (ORDER BY x), which lie between two values where p does",
    ),
    spread("STDDEV", "STDDEV(x)", true, true),
    spread("STDDEV_POP", "STDDEV_POP(x)", false, true),
    spread("STDDEV_SAMP", "STDDEV_SAMP(x)", true, true),
    not("STRING_AGG", LISTS),
    known("SUM", "SUM(x)", Kind::Sum),
    spread("VARIANCE", "VARIANCE(x)", true, false),
    spread("VAR_POP", "VAR_POP(x)", false, false),
    spread("VAR_SAMP", "VAR_SAMP(x)", true, false),
];

/// The measure of a name, in capitals or not.
pub fn find(name: &str) -> Option<&'static Known> {
    MEASURES.iter().find(|m| m.name.eq_ignore_ascii_case(name))
}

/// How all of them are written.
pub fn list() -> String {
    let ours = MEASURES.iter().filter(|m| !matches!(m.kind, Kind::Not(_)));
    ours.map(|m| m.written).collect::<Vec<_>>().join(", ")
}
