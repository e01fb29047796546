//! Event-time windows: each family that a query can name is a file here, and a line in [`FAMILIES`].
//!
//! Time is cut into panes, one after the other: of one length, or by the calendar of a zone. A window is some panes in a row.
//!
//! ```text
//! panes        |    |    |    |    |    |
//! TUMBLE       [----)[----)[----)               one pane each
//! HOP          [---------)                      of as many panes as ever, one begins with each
//!                   [---------)
//! CUMULATE     [----)                           begins with the others, and ends a pane later
//!              [---------)
//!              [--------------)
//! all time   ──────────────────────────────►    one, that neither begins nor ends
//! ```
//!
//! 1. A window is named by its end: of one family no two windows end together.
//! 2. The windows that hold a pane end one pane after the other, the first with the pane itself: what a pane's sales come
//!    to is computed once, and counts in each of them.
//! 3. What is outside of a process (keys of rows, paths) names a window by its start, where that is enough:
//!    [`Window::named_by`].
//! 4. The window of all time is none outside: its bounds are null there. It is never closed, late or dropped.

mod always;
mod cumulate;
mod cut;
mod grid;
mod hop;
mod length;
mod local;
mod session;
mod tumble;

use std::fmt;

pub use self::cut::{Cut, Misfit};
use self::grid::Grid;
pub use self::length::Length;
pub use self::local::{LocalTime, UTC};

/// The families that there are, by the names that they have in SQL.
pub const FAMILIES: &[&dyn Family] = &[
    &tumble::Tumble,
    &hop::Hop,
    &cumulate::Cumulate,
    &session::Session,
];

/// What a family's windows are made of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shape {
    /// Length of a pane.
    pane: Length,
    /// Length of the longest window.
    size: Length,
    /// How time is cut into panes.
    panes: Grid,
    /// How time is cut into the longest windows, where those do not overlap.
    whole: Grid,
    /// Panes of a window, where all have as many.
    held: i64,
    /// How much later all begin than they would, ms.
    offset: i64,
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
    /// Of all time: before and after any time that there is.
    pub const ALWAYS: Bounds = Bounds {
        start: i64::MIN,
        end: i64::MAX,
    };

    /// Whether they are of all time: outside, both are null.
    #[inline]
    pub fn is_always(self) -> bool {
        self.end == i64::MAX
    }

    /// The bounds that there are outside; of all time none.
    pub fn shown(self) -> Option<Bounds> {
        (!self.is_always()).then_some(self)
    }

    /// From what there is outside: of all time where there is none.
    pub fn of_shown(start: Option<i64>, end: Option<i64>) -> Bounds {
        match (start, end) {
            (Some(start), Some(end)) => Bounds { start, end },
            _ => Bounds::ALWAYS,
        }
    }

    /// The first bounds after these.
    pub fn after(self) -> Self {
        Bounds {
            end: self.end.saturating_add(1),
            ..self
        }
    }
}

/// What the windows of one kind have in common.
pub trait Family: Sync {
    /// Its name in SQL, in capitals.
    fn name(&self) -> &'static str;

    /// What its intervals are, in the order of SQL: `slide`, `size`.
    fn intervals(&self) -> &'static [&'static str];

    /// A source of a ranking with such windows, for messages.
    fn example(&self) -> &'static str;

    /// What comes of its intervals (each more than 0): a pane, then the longest window, which is some of them.
    fn shape(&self, intervals: &[Length], cut: Cut) -> Result<Shape, Misfit>;

    /// Where the window that ends at `end` begins.
    fn start(&self, shape: &Shape, end: i64) -> i64 {
        shape.panes.step(end, -shape.held)
    }

    /// Where the last window ends that holds the pane that begins at `pane` and ends at `first`, and how many there are.
    fn last(&self, shape: &Shape, pane: i64, first: i64) -> (i64, i64) {
        let last = match shape.held {
            1 => first,
            held => shape.panes.step(pane, held),
        };
        (last, shape.held)
    }

    /// The columns that say which window it is.
    fn named_by(&self) -> &'static [&'static str] {
        &["window_start"]
    }

    /// Whether a window is what its rows make of it.
    fn is_of_rows(&self) -> bool {
        false
    }

    /// In words, the lengths as they are shown, and where days begin.
    fn words(&self, pane: &str, size: &str, place: &str) -> String;
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
    /// Start of the pane.
    pub pane: i64,
    /// End of the first window, which is that of the pane.
    pub first: i64,
    /// End of the last window.
    pub last: i64,
    /// How many there are.
    pub windows: u32,
    /// For how long from the pane's start on these are the windows.
    pub holds: i64,
}

impl Window {
    /// The one window of all time.
    pub const ALWAYS: Window = always::WINDOW;

    /// Windows of a family, by the name that it has in SQL in any case; `None` if there is none of that name.
    pub fn family(name: &str) -> Option<&'static dyn Family> {
        let mut all = FAMILIES.iter();
        all.find(|f| f.name().eq_ignore_ascii_case(name)).copied()
    }

    /// Windows of these intervals. More than 10,000 windows over one sale are refused.
    pub fn new(
        family: &'static dyn Family,
        intervals: &[Length],
        cut: Cut,
    ) -> Result<Self, Misfit> {
        let shape = family.shape(intervals, cut)?;
        let most = 10_000;
        if shape.size.about() / shape.pane.about() > most {
            return Err(Misfit {
                interval: 0,
                found: format!("more than {most} windows over each sale"),
                allowed: format!("a larger {}", family.intervals()[0]),
            });
        }
        Ok(Window { family, shape })
    }

    /// Windows of one length (ms), one after the other.
    pub fn tumbling(size: i64) -> Self {
        let family = &tumble::Tumble;
        let shape = Shape::even(size, size);
        Window { family, shape }
    }

    /// Windows of one length (ms), one beginning with each pane; a pane's length divides theirs.
    pub fn hopping(pane: i64, size: i64) -> Self {
        let family = &hop::Hop;
        let shape = Shape::even(pane, size);
        Window { family, shape }
    }

    /// Sessions, whose rows follow each other within a gap (ms).
    pub fn session(gap: i64) -> Self {
        let family = &session::Session;
        let shape = Shape::even(gap, gap);
        Window { family, shape }
    }

    /// The family's name in SQL.
    pub fn name(&self) -> &'static str {
        self.family.name()
    }

    /// Whether it is the one of all time.
    pub fn is_always(&self) -> bool {
        self.named_by().is_empty()
    }

    /// Whether its windows are sessions: which there are, and how long, is known to who owns their keys alone.
    #[inline]
    pub fn is_session(&self) -> bool {
        self.family.is_of_rows()
    }

    /// Of sessions: how long nothing may come without the next row being of another, ms.
    pub fn gap(&self) -> i64 {
        self.shape.size.about()
    }

    /// Windows that end at or before this may go, where those of others go that end at or before `horizon`. A session goes
    /// a gap later: what still comes cannot touch it then.
    pub fn horizon(&self, horizon: i64) -> i64 {
        match self.is_session() {
            true => horizon.saturating_sub(self.gap()),
            false => horizon,
        }
    }

    /// Length of a pane.
    pub fn pane(&self) -> Length {
        self.shape.pane
    }

    /// Length of the longest window.
    pub fn size(&self) -> Length {
        self.shape.size
    }

    /// Where the window that ends at `end` begins.
    pub fn start(&self, end: i64) -> i64 {
        self.family.start(&self.shape, end)
    }

    /// The end of the window that ends a pane before the one that ends at `end`.
    #[inline]
    pub fn before(&self, end: i64) -> i64 {
        self.shape.panes.step(end, -1)
    }

    /// The windows that hold a time.
    pub fn cover(&self, time: i64) -> Cover {
        if self.is_session() {
            let end = time.saturating_add(self.gap());
            return Cover {
                pane: time,
                first: end,
                last: end,
                windows: 1,
                holds: 1,
            };
        }
        let pane = self.shape.panes.floor(time);
        let first = self.shape.panes.after(pane);
        let (last, windows) = self.family.last(&self.shape, pane, first);
        Cover {
            pane,
            first,
            last,
            windows: u32::try_from(windows).unwrap_or(1),
            holds: first.wrapping_sub(pane),
        }
    }

    /// The ends of the windows that hold a time, the last first.
    pub fn ends(&self, time: i64) -> impl Iterator<Item = i64> {
        let (window, cover) = (*self, self.cover(time));
        let earlier = move |end: &i64| (*end > cover.first).then(|| window.before(*end));
        std::iter::successors(Some(cover.last), earlier)
    }

    /// The columns that say which window it is; none of all time.
    pub fn named_by(&self) -> &'static [&'static str] {
        self.family.named_by()
    }

    /// Whether a start alone says which window it is.
    pub fn is_named_by_start(&self) -> bool {
        self.named_by() == ["window_start"]
    }

    /// The end of the window that a start names, if it does.
    pub fn named(&self, start: i64) -> Option<i64> {
        match self.named_by() {
            [] => Some(i64::MAX),
            [_] => Some(self.shape.panes.step(start, self.shape.held)),
            _ => None,
        }
    }

    /// The window of a row with these bounds: by its start, where that says which it is, whatever the end.
    pub fn of_row(&self, bounds: Bounds) -> Bounds {
        if self.is_always() {
            return Bounds::ALWAYS;
        }
        let Bounds { start, end } = bounds;
        Bounds {
            start,
            end: self.named(start).unwrap_or(end),
        }
    }

    /// The clocks that they are cut by, where it is not UTC.
    pub fn clocks(&self) -> Option<&'static LocalTime> {
        self.shape.clocks()
    }

    /// The same windows by other clocks.
    pub fn by(&self, clocks: &'static LocalTime) -> Window {
        Window {
            shape: self.shape.by(clocks),
            ..*self
        }
    }

    /// In words.
    pub fn words(&self) -> String {
        let Shape { pane, size, .. } = self.shape;
        let mut place = self
            .shape
            .clocks()
            .map_or("UTC", LocalTime::name)
            .to_owned();
        match self.shape.offset {
            0 => {}
            ms if ms < 0 => place = format!("{place}, {} earlier", Length::Time(-ms)),
            ms => place = format!("{place}, {} later", Length::Time(ms)),
        }
        self.family
            .words(&pane.to_string(), &size.to_string(), &place)
    }

    /// What it means, as one text that does not change between versions.
    pub fn meaning(&self) -> String {
        let Shape {
            pane, size, offset, ..
        } = self.shape;
        // Of the first families the lengths said all.
        let mut out = match (size, pane) {
            (Length::Time(size), Length::Time(pane)) => format!("{size} {pane}"),
            _ => format!("{size}, {pane}"),
        };
        if self.is_always() {
            return "of all time".to_owned();
        }
        if !self.is_named_by_start() {
            out = format!("{out} {}", self.name());
        }
        if offset != 0 {
            out = format!("{out} offset {offset}");
        }
        match self.shape.clocks() {
            Some(clocks) => format!("{out} in {}", clocks.name()),
            None => out,
        }
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
        write!(f, "{} {}", self.name(), self.meaning())
    }
}

#[cfg(test)]
mod tests;
