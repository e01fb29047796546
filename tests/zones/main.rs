//! Windows by the calendar in every zone that there is, around every change of its clocks from 1970 to 2100.
//!
//! ```text
//! what the clocks have shown by an instant, at the most ──► the day that has begun ──► its week, month, quarter, year
//! ```
//!
//! 1. By definition, the window of an instant is all instants with the same day (week, …) as it: so no row is lost, none is in two windows, and
//!    each local day is whole. That is held at both ends of each window, one millisecond before and behind.
//! 2. The reference (`clocks`) knows offsets and when they change; of days, panes and grids it knows nothing.
//!
//! `it zones` asks Postgres, which has its own copy of the database and its own code.

mod clocks;

use standings_model::time::{DAY, HOUR, civil_from_days, days_from_civil};
use standings_model::window::{Cut, Length, LocalTime, Window};

use clocks::{Clocks, YEARS, distinct, local};

/// The months since 1970 of a day.
fn month(day: i64) -> i64 {
    let (year, month, _) = civil_from_days(day);
    (year - 1970) * 12 + month - 1
}

/// Instants at which something may be wrong: before, at and behind a change and the midnights around it, and now and then on these days.
fn around(at: i64) -> Vec<i64> {
    let mut all: Vec<i64> = (-10..=10).map(|n| at + n * 3 * HOUR).collect();
    // Midnights of whatever offset, on the quarter of an hour.
    let quarters = (-8..=8).map(|quarter| at + quarter * HOUR / 4);
    all.extend(quarters.flat_map(|at| [at - 1, at, at + 1]));
    all
}

/// One way to cut time, and which of its windows a day is in.
struct Calendar {
    window: Window,
    unit: fn(i64) -> i64,
}

fn window(family: &str, lengths: &[Length], zone: &'static LocalTime) -> Window {
    let cut = Cut {
        zone: Some(zone),
        offset: 0,
    };
    Window::new(Window::family(family).unwrap(), lengths, cut).unwrap()
}

fn calendars(zone: &'static LocalTime) -> Vec<Calendar> {
    let of = |length: Length, unit: fn(i64) -> i64| Calendar {
        window: window("TUMBLE", &[length], zone),
        unit,
    };
    vec![
        of(Length::Time(DAY), |day| day),
        of(Length::Time(3 * DAY), |day| day.div_euclid(3)),
        of(Length::Weeks(1), |day| (day + 3).div_euclid(7)),
        of(Length::Months(1), month),
        of(Length::Months(3), |day| month(day).div_euclid(3)),
        of(Length::Months(12), |day| month(day).div_euclid(12)),
    ]
}

/// The bounds of the only window of an instant.
fn bounds(window: &Window, at: i64) -> (i64, i64) {
    let cover = window.cover(at);
    assert_eq!((cover.windows, cover.last), (1, cover.first));
    assert_eq!(
        (cover.pane, cover.holds),
        (window.start(cover.first), cover.first - cover.pane)
    );
    assert_eq!(window.named(cover.pane), Some(cover.first));
    (cover.pane, cover.first)
}

/// A window is all instants of the same unit, and no other.
fn whole(clocks: &Clocks, calendar: &Calendar, at: i64) -> (i64, i64) {
    let (start, end) = bounds(&calendar.window, at);
    let unit = |at: i64| (calendar.unit)(clocks.day(at));
    let here = unit(at);
    let said = || format!("{} at {at}: {start} to {end}", calendar.window.words());
    assert!((start..end).contains(&at), "{}", said());
    assert_eq!((unit(start), unit(end - 1)), (here, here), "{}", said());
    assert!(unit(start - 1) < here && unit(end) > here, "{}", said());
    (start, end)
}

/// Parts of a day tile it from its first instant; what a growing day and sliding days are made of is that.
fn parts(clocks: &Clocks, day: &Calendar, zone: &'static LocalTime, at: i64) {
    let (first, next) = whole(clocks, day, at);
    for length in [HOUR / 4, HOUR, 6 * HOUR] {
        let begin = first + (at - first) / length * length;
        let found = bounds(&window("TUMBLE", &[Length::Time(length)], zone), at);
        assert_eq!(
            found,
            (begin, (begin + length).min(next)),
            "{} at {at}",
            zone.name()
        );
    }
    let growing = window(
        "CUMULATE",
        &[Length::Time(6 * HOUR), Length::Time(DAY)],
        zone,
    );
    let ends: Vec<i64> = growing.ends(at).collect();
    let passed = (at - first) / (6 * HOUR);
    let mut want: Vec<i64> = (passed + 1..)
        .map(|n| first + n * 6 * HOUR)
        .take_while(|end| *end < next)
        .collect();
    want.push(next);
    want.reverse();
    assert_eq!(ends, want, "{} at {at}", zone.name());
    assert!(ends.iter().all(|end| growing.start(*end) == first));
    let sliding = window("HOP", &[Length::Time(DAY), Length::Time(3 * DAY)], zone);
    let mut days = vec![(first, next)];
    for _ in 0..2 {
        days.insert(0, bounds(&day.window, days[0].0 - 1));
        days.push(bounds(&day.window, days[days.len() - 1].1));
    }
    let mut found: Vec<(i64, i64)> = sliding
        .ends(at)
        .map(|end| (sliding.start(end), end))
        .collect();
    found.reverse();
    let want: Vec<(i64, i64)> = days.windows(3).map(|of| (of[0].0, of[2].1)).collect();
    assert_eq!(found, want, "{} at {at}", zone.name());
}

#[test]
fn each_local_day_is_whole_in_every_zone() {
    let (mut changes, mut instants, mut days) = (0, 0, 0);
    let all = distinct();
    for (name, zone) in &all {
        let clocks = Clocks::named(name);
        let zone = local(name, zone);
        let calendars = calendars(zone);
        for at in clocks.of_years() {
            changes += 1;
            for at in around(at) {
                instants += 1;
                for calendar in &calendars {
                    whole(&clocks, calendar, at);
                }
                parts(&clocks, &calendars[0], zone, at);
            }
        }
        // Where nothing is changed, too: day after day, without a gap.
        let end = days_from_civil(YEARS.end, 1, 1) * DAY;
        let mut at = days_from_civil(YEARS.start, 1, 1) * DAY;
        while at < end {
            let (_, next) = whole(&clocks, &calendars[0], at);
            days += 1;
            at = next;
        }
    }
    println!(
        "{} zones, {changes} changes, {instants} instants, {days} days",
        all.len()
    );
}
