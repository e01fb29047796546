//! Event-time windows: each family that a query can name is a file here, and a line in [`FAMILIES`].
//!
//! Time is cut into panes of one length, aligned to the Unix epoch, UTC. A window is some panes in a row.
//!
//! ```text
//! panes        |    |    |    |    |    |
//! TUMBLE       [----)[----)[----)               one pane each
//! HOP          [---------)                      as long as ever, one begins with each pane
//!                   [---------)
//! CUMULATE     [----)                           begins with the others, and ends a pane later
//!              [---------)
//!              [--------------)
//! ```
//!
//! 1. A window is named by its end: of one family no two windows end together.
//! 2. The windows that hold a pane end one pane after the other, the first with the pane itself: what a pane's sales come
//!    to is computed once, and counts in each of them.
//! 3. What is outside of a process (keys of rows, paths) names a window by its start, where that is enough:
//!    [`Family::is_named_by_start`].

mod cumulate;
mod hop;
mod tumble;

use std::fmt;

/// The families that there are, by the names that they have in SQL.
pub const FAMILIES: &[&dyn Family] = &[&tumble::Tumble, &hop::Hop, &cumulate::Cumulate];

/// Lengths of a family's windows, ms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Length of a pane; divides `size`.
    pub pane: i64,
    /// Length of the longest window.
    pub size: i64,
}

/// Start and end (exclusive) of a window, ms since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bounds {
    /// Start.
    pub start: i64,
    /// End.
    pub end: i64,
}

impl Bounds {
    /// The first bounds after these.
    pub fn after(self) -> Self {
        Bounds {
            end: self.end.saturating_add(1),
            ..self
        }
    }
}

/// Why intervals make no windows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// Which of the intervals, from 0.
    pub interval: usize,
    /// What it is.
    pub found: String,
    /// What would do.
    pub allowed: String,
}

/// What the windows of one kind have in common.
pub trait Family: Sync {
    /// Its name in SQL, in capitals.
    fn name(&self) -> &'static str;

    /// What its intervals are, in the order of SQL: `slide`, `size`.
    fn intervals(&self) -> &'static [&'static str];

    /// A source of a ranking with such windows, for messages.
    fn example(&self) -> &'static str;

    /// The lengths that come of its intervals (ms, each more than 0): a pane's, then the longest window's, which is some of
    /// them.
    fn shape(&self, intervals: &[i64]) -> Result<Shape, Misfit> {
        let (pane, size) = (intervals[0], intervals[1]);
        if size % pane == 0 {
            return Ok(Shape { pane, size });
        }
        let (name, what) = (self.name(), self.intervals()[0]);
        Err(Misfit {
            interval: 1,
            found: format!("a size of {size} ms that is no multiple of the {what} of {pane} ms"),
            allowed: format!("{name} takes the {what}, then the size, a multiple of it"),
        })
    }

    /// Where the window that ends at `end` begins: as long before as ever.
    fn start(&self, shape: Shape, end: i64) -> i64 {
        end.saturating_sub(shape.size)
    }

    /// Where the last window ends that holds the pane that begins at `pane`: the one that begins with it.
    fn last(&self, shape: Shape, pane: i64) -> i64 {
        pane.saturating_add(shape.size)
    }

    /// Whether a start alone says which window it is.
    fn is_named_by_start(&self) -> bool {
        true
    }

    /// In words, the lengths as they are shown.
    fn words(&self, pane: &str, size: &str) -> String;
}

/// The windows of one ranking.
#[derive(Clone, Copy)]
pub struct Window {
    family: &'static dyn Family,
    shape: Shape,
}

/// The windows that hold one time: they end at `first`, a pane later, and so on to `last`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cover {
    /// End of the first window, which is that of the pane.
    pub first: i64,
    /// End of the last window.
    pub last: i64,
    /// How many there are.
    pub windows: u32,
}

impl Window {
    /// Windows of a family, by the name that it has in SQL in any case; `None` if there is none of that name.
    pub fn family(name: &str) -> Option<&'static dyn Family> {
        let mut all = FAMILIES.iter();
        all.find(|f| f.name().eq_ignore_ascii_case(name)).copied()
    }

    /// Windows of these intervals (ms). More than 10,000 windows over one sale are refused.
    pub fn new(family: &'static dyn Family, intervals: &[i64]) -> Result<Self, Misfit> {
        let shape = family.shape(intervals)?;
        let most = 10_000;
        if shape.size / shape.pane > most {
            return Err(Misfit {
                interval: 0,
                found: format!("more than {most} windows over each sale"),
                allowed: format!("a larger {}", family.intervals()[0]),
            });
        }
        Ok(Window { family, shape })
    }

    /// Windows of one length, one after the other.
    pub fn tumbling(size: i64) -> Self {
        let shape = Shape { pane: size, size };
        let family = &tumble::Tumble;
        Window { family, shape }
    }

    /// Windows of one length, one beginning with each pane; a pane's length divides theirs.
    pub fn hopping(pane: i64, size: i64) -> Self {
        let shape = Shape { pane, size };
        let family = &hop::Hop;
        Window { family, shape }
    }

    /// The family's name in SQL.
    pub fn name(&self) -> &'static str {
        self.family.name()
    }

    /// Length of a pane, ms.
    pub fn pane(&self) -> i64 {
        self.shape.pane
    }

    /// Length of the longest window, ms.
    pub fn size(&self) -> i64 {
        self.shape.size
    }

    /// Where the window that ends at `end` begins.
    pub fn start(&self, end: i64) -> i64 {
        self.family.start(self.shape, end)
    }

    /// The windows that hold a time.
    pub fn cover(&self, time: i64) -> Cover {
        let pane = time.div_euclid(self.shape.pane) * self.shape.pane;
        let first = pane.saturating_add(self.shape.pane);
        let last = self.family.last(self.shape, pane);
        Cover {
            first,
            last,
            windows: 1 + u32::try_from((last - first) / self.shape.pane).unwrap_or(0),
        }
    }

    /// Whether a start alone says which window it is.
    pub fn is_named_by_start(&self) -> bool {
        self.family.is_named_by_start()
    }

    /// The columns that say which window it is.
    pub fn named_by(&self) -> &'static [&'static str] {
        match self.is_named_by_start() {
            true => &["window_start"],
            false => &["window_start", "window_end"],
        }
    }

    /// The end of the window that a start names, if it does.
    pub fn named(&self, start: i64) -> Option<i64> {
        let named = self.is_named_by_start();
        named.then(|| start.saturating_add(self.shape.size))
    }

    /// The window of a row with these bounds: by its start, where that says which it is, whatever the end.
    pub fn of_row(&self, bounds: Bounds) -> Bounds {
        let Bounds { start, end } = bounds;
        Bounds {
            start,
            end: self.named(start).unwrap_or(end),
        }
    }

    /// In words, the lengths as they are shown.
    pub fn words(&self, shown: impl Fn(i64) -> String) -> String {
        let (pane, size) = (shown(self.shape.pane), shown(self.shape.size));
        self.family.words(&pane, &size)
    }
}

impl PartialEq for Window {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name() && self.shape == other.shape
    }
}

impl Eq for Window {}

impl fmt::Debug for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shape { pane, size } = self.shape;
        write!(f, "{} {pane} {size}", self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What each family is by its definition, slowly: the windows (start, end) that hold a time.
    fn held(name: &str, (pane, size): (i64, i64), time: i64) -> Vec<(i64, i64)> {
        let about = |n: i64| (-n..=n).map(move |k| (time / pane + k) * pane);
        let starts = about(size / pane + 2);
        let mut all: Vec<(i64, i64)> = match name {
            "TUMBLE" | "HOP" => starts.map(|s| (s, s + size)).collect(),
            "CUMULATE" => starts
                .filter(|s| s.rem_euclid(size) == 0)
                .flat_map(|s| (1..=size / pane).map(move |n| (s, s + n * pane)))
                .collect(),
            other => panic!("{other} is not described here"),
        };
        all.retain(|(start, end)| (*start..*end).contains(&time));
        all.sort_by_key(|w| w.1);
        all.dedup();
        all
    }

    proptest! {
        #[test]
        fn the_cover_of_a_time_is_the_windows_that_hold_it(
            pane in 1i64..5_000, panes in 1i64..12, time in -100_000i64..100_000,
        ) {
            for family in FAMILIES {
                let size = pane * panes;
                let intervals = match family.intervals().len() {
                    1 => vec![size],
                    _ => vec![pane, size],
                };
                let window = Window::new(*family, &intervals).unwrap();
                let want = held(family.name(), (window.pane(), window.size()), time);
                let cover = window.cover(time);
                let ends: Vec<i64> = (0..i64::from(cover.windows)).map(|n| cover.first + n * window.pane()).collect();
                prop_assert_eq!(ends.last(), Some(&cover.last));
                let all: Vec<(i64, i64)> = ends.iter().map(|e| (window.start(*e), *e)).collect();
                prop_assert_eq!(&all, &want);
                for (start, end) in all {
                    prop_assert!(window.named(start).is_none_or(|e| e == end));
                }
            }
        }
    }

    #[test]
    fn families_are_found_by_name_and_refuse_what_does_not_fit() {
        assert!(Window::family("tumble").is_some() && Window::family("SLIDE").is_none());
        for family in FAMILIES {
            assert!(family.example().contains(family.name()));
            if family.intervals().len() == 2 {
                let odd = Window::new(*family, &[7, 20]).unwrap_err();
                assert!(odd.interval == 1 && odd.found.contains("20 ms"));
                assert_eq!(Window::new(*family, &[1, 10_001]).unwrap_err().interval, 0);
            }
        }
    }
}
