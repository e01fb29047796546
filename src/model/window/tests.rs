//! Each family by its definition, slowly, in zones made up; what is refused.

use super::*;
use crate::time::{DAY, HOUR, civil_from_days, days_from_civil};
use proptest::prelude::*;

/// Clocks are changed, and by so much, at multiples of this.
const STEP: i64 = HOUR / 2;

/// What each family is by its definition: the windows (start, end) that hold a time, of those over some panes.
fn held(name: &str, panes: &[(i64, i64)], whole: &[i64], n: usize, time: i64) -> Vec<(i64, i64)> {
    let mut all: Vec<(i64, i64)> = match name {
        "TUMBLE" => panes.to_vec(),
        "HOP" => panes.windows(n).map(|w| (w[0].0, w[n - 1].1)).collect(),
        "CUMULATE" => whole
            .windows(2)
            .flat_map(|w| {
                let inside = panes.iter().filter(|p| p.0 >= w[0] && p.1 <= w[1]);
                inside.map(|p| (w[0], p.1))
            })
            .collect(),
        other => panic!("{other} is not described here"),
    };
    all.retain(|(start, end)| (*start..*end).contains(&time));
    all.sort_by_key(|w| w.1);
    all
}

/// Whether a window is what was to be.
fn check(window: &Window, want: &[(i64, i64)], time: i64) -> Result<(), TestCaseError> {
    let cover = window.cover(time);
    prop_assert!((cover.pane..cover.first).contains(&time));
    let mut ends: Vec<i64> = window.ends(time).collect();
    ends.reverse();
    prop_assert_eq!(ends.len(), cover.windows as usize);
    prop_assert_eq!(
        (ends.first(), ends.last()),
        (Some(&cover.first), Some(&cover.last))
    );
    let all: Vec<(i64, i64)> = ends.iter().map(|e| (window.start(*e), *e)).collect();
    prop_assert_eq!(&all[..], want);
    for (start, end) in all {
        prop_assert!(window.named(start).is_none_or(|e| e == end));
    }
    Ok(())
}

/// Panes between bounds.
fn between(bounds: &[i64]) -> Vec<(i64, i64)> {
    bounds.windows(2).map(|w| (w[0], w[1])).collect()
}

proptest! {
    #[test]
    fn the_cover_of_a_time_is_the_windows_that_hold_it(
        pane in 1i64..5_000, panes in 1i64..12, time in -100_000i64..100_000, offset in -20_000i64..20_000,
    ) {
        for family in FAMILIES.iter().filter(|f| !f.is_of_rows()) {
            let cut = Cut { zone: None, offset };
            let (pane, intervals) = match family.intervals().len() {
                1 => (pane * panes, vec![pane * panes]),
                _ => (pane, vec![pane, pane * panes]),
            };
            let intervals: Vec<Length> = intervals.into_iter().map(Length::Time).collect();
            let window = Window::new(*family, &intervals, cut).unwrap();
            let size = window.size().about();
            let about = |every: i64| -> Vec<i64> {
                let near = (time - offset).div_euclid(every);
                (-panes - 2..=panes + 2).map(|k| (near + k) * every + offset).collect()
            };
            let want = held(family.name(), &between(&about(pane)), &about(size), panes as usize, time);
            check(&window, &want, time)?;
        }
    }
}

/// A zone whose clocks are changed now and then, also by a day, and over midnight.
fn zone() -> impl Strategy<Value = &'static LocalTime> {
    let change = (
        1i64..200,
        prop_oneof![-4i64..5, Just(48), Just(-48), Just(-2), Just(2)],
    );
    (-24i64..25, prop::collection::vec(change, 0..8)).prop_map(|(first, changes)| {
        let mut all = vec![(i64::MIN, first * STEP)];
        let (mut at, mut offset) = (-20 * DAY, first);
        for (after, by) in changes {
            at += after * STEP;
            offset = (offset + by).clamp(-51, 51);
            all.push((at, offset * STEP));
        }
        let zone: &'static LocalTime = Box::leak(Box::new(LocalTime::new("Made/Up", all)));
        zone
    })
}

/// The first instants of local days around the beginning, with their numbers: a day has begun once the clocks have shown it
/// or a later one; found by going through all half hours.
fn days(zone: &LocalTime) -> Vec<(i64, i64)> {
    let mut days: Vec<(i64, i64)> = Vec::new();
    for half in -60 * 48..60 * 48 {
        let at = half * STEP;
        let shown = zone.shown(at).div_euclid(DAY);
        if days.last().is_none_or(|(day, _)| shown > *day) {
            days.push((shown, at));
        }
    }
    days.remove(0);
    days
}

/// The bounds of every nth of something that days are in.
fn every(days: &[(i64, i64)], of: impl Fn(i64) -> i64) -> Vec<i64> {
    let mut bounds: Vec<i64> = Vec::new();
    for pair in days.windows(2) {
        if of(pair[0].0) != of(pair[1].0) {
            bounds.push(pair[1].1);
        }
    }
    bounds
}

proptest! {
    #[test]
    fn days_weeks_and_months_of_a_zone(
        zone in zone(), time in -20 * DAY..20 * DAY, n in 1i64..4, m in 1i64..4,
    ) {
        let days = days(zone);
        let cut = Cut { zone: Some(zone), offset: 0 };
        let month = |day: i64| {
            let (year, month, _) = civil_from_days(day);
            year * 12 + month
        };
        let of_days = |n: i64, origin: i64| every(&days, |day| (day - origin).div_euclid(n));
        let of_months = |n: i64| every(&days, |day| (month(day) - 1970 * 12 - 1).div_euclid(n));
        let (time_of, weeks, months) = (|n: i64| Length::Time(n * DAY), Length::Weeks, Length::Months);
        let kinds = [
            (time_of(n), time_of(n * m), of_days(n, 0), of_days(n * m, 0)),
            (weeks(1), weeks(1), of_days(7, -3), of_days(7, -3)),
            (time_of(1), weeks(1), of_days(1, 0), of_days(7, -3)),
            (months(1), months(1), of_months(1), of_months(1)),
        ];
        for (pane, size, panes, whole) in kinds {
            for family in FAMILIES.iter().filter(|f| !f.is_of_rows()) {
                let (intervals, panes, n) = match family.intervals().len() {
                    1 => (vec![size], &whole, 1),
                    _ => (vec![pane, size], &panes, size.in_units_of(pane).unwrap()),
                };
                let window = Window::new(*family, &intervals, cut).unwrap();
                let want = held(family.name(), &between(panes), &whole, n as usize, time);
                // At the edge of what was gone through there is nothing to be held against.
                let whole = want.len() == window.cover(time).windows as usize;
                prop_assert!(whole || window.cover(time).last > 20 * DAY || window.start(window.cover(time).first) < -20 * DAY);
                if whole {
                    check(&window, &want, time)?;
                }
            }
        }
    }

    #[test]
    fn parts_of_the_days_of_a_zone(
        zone in zone(), time in -20 * DAY..20 * DAY, step in prop::sample::select(vec![1i64, 2, 4, 6, 12]),
        n in prop::sample::select(vec![1i64, 2, 4]), offset in -3i64..4,
    ) {
        let days = days(zone);
        // Each day is cut from its first instant, or as much later as the offset says: the last part may be shorter.
        let parts = |length: i64, shift: i64| -> Vec<i64> {
            let of_day = |w: &[(i64, i64)]| {
                let (first, next) = (w[0].1 + shift, w[1].1 + shift);
                (0..).map(move |k| first + k * length).take_while(move |at| *at < next).collect::<Vec<i64>>()
            };
            days.windows(2).flat_map(of_day).collect()
        };
        let (step, size) = (step * STEP, step * STEP * n);
        // A day is not a part of one.
        prop_assume!(size < DAY);
        let cut = Cut { zone: Some(zone), offset: offset * STEP };
        let shift = |of: i64| (offset * STEP).rem_euclid(of);
        for family in FAMILIES.iter().filter(|f| !f.is_of_rows()) {
            let (pane, intervals, n) = match family.intervals().len() {
                1 => (size, vec![Length::Time(size)], 1),
                _ => (step, vec![Length::Time(step), Length::Time(size)], n),
            };
            let window = Window::new(*family, &intervals, cut).unwrap();
            let from = if family.name() == "HOP" { shift(step) } else { shift(size) };
            let want = held(family.name(), &between(&parts(pane, from)), &parts(size, from), n as usize, time);
            check(&window, &want, time)?;
        }
        // A day grows hour by hour, and a month.
        if offset == 0 {
            let month = |day: i64| civil_from_days(day).1;
            for (length, whole) in [(Length::Time(DAY), every(&days, |d| d)), (Length::Months(1), every(&days, month))] {
                let window = Window::new(Window::family("cumulate").unwrap(), &[Length::Time(step), length], cut).unwrap();
                let want = held("CUMULATE", &between(&parts(step, 0)), &whole, 0, time);
                if !want.is_empty() {
                    check(&window, &want, time)?;
                }
            }
        }
    }
}

#[test]
fn the_calendar_in_utc() {
    let at = |y, m, d| days_from_civil(y, m, d) * DAY;
    let of = |size| Window::new(Window::family("TUMBLE").unwrap(), &[size], Cut::default());
    let bounds = |size, time| {
        let window: Window = of(size).unwrap();
        let end = window.cover(time).last;
        (window.start(end), end)
    };
    let time = at(2028, 2, 29) + 5;
    let months = [
        (1, at(2028, 2, 1), at(2028, 3, 1)),
        (3, at(2028, 1, 1), at(2028, 4, 1)),
        (5, at(2027, 12, 1), at(2028, 5, 1)),
        (12, at(2028, 1, 1), at(2029, 1, 1)),
    ];
    for (n, start, end) in months {
        assert_eq!(bounds(Length::Months(n), time), (start, end), "{n}");
    }
    // A Tuesday.
    assert_eq!(
        bounds(Length::Weeks(1), time),
        (at(2028, 2, 28), at(2028, 3, 6))
    );
    // Seven days begin on Thursdays.
    assert_eq!(
        bounds(Length::Time(7 * DAY), time),
        (at(2028, 2, 24), at(2028, 3, 2))
    );
    let names = [1, 2, 3, 12, 24].map(|n| Length::Months(n).to_string());
    assert_eq!(
        names,
        ["1 month", "2 months", "1 quarter", "1 year", "2 years"]
    );
    assert_eq!(of(Length::Weeks(2)).unwrap().meaning(), "2 weeks, 2 weeks");
    assert_eq!(of(Length::Weeks(2)).unwrap().words(), "each 2 weeks (UTC)");
}

#[test]
fn all_time_is_one_window() {
    let all = Window::ALWAYS;
    for time in [0, 5, crate::time::MAX_EVENT_TIME] {
        let cover = all.cover(time);
        assert_eq!((cover.last, cover.windows), (Bounds::ALWAYS.end, 1));
        assert_eq!(all.start(cover.last), Bounds::ALWAYS.start);
    }
    assert!(all.is_always() && !Window::tumbling(5).is_always());
    assert!(all.named_by().is_empty() && all.named(7) == Some(i64::MAX));
    assert_eq!(Bounds::of_shown(None, None), Bounds::ALWAYS);
    assert_eq!(all.meaning(), "of all time");
}

#[test]
fn families_are_found_by_name_and_refuse_what_does_not_fit() {
    static ZONE: std::sync::LazyLock<LocalTime> =
        std::sync::LazyLock::new(|| LocalTime::new("Here", [(0, HOUR)]));
    assert!(Window::family("tumble").is_some() && Window::family("SLIDE").is_none());
    let utc = |offset| Cut { zone: None, offset };
    let here = |offset| Cut {
        zone: Some(&*ZONE),
        offset,
    };
    let (hours, days) = (|n| Length::Time(n * HOUR), |n| Length::Time(n * DAY));
    for family in FAMILIES {
        assert!(family.example().contains(family.name()));
        if family.is_of_rows() {
            let of = |gap, cut| Window::new(*family, &[gap], cut);
            assert_eq!(of(Length::Weeks(1), utc(0)).unwrap_err().interval, 0);
            assert_eq!(of(hours(1), utc(5)).unwrap_err().interval, 1);
            let session = of(hours(1), here(0)).unwrap();
            let cover = session.cover(7);
            assert_eq!(
                (cover.first, cover.last, cover.holds),
                (HOUR + 7, HOUR + 7, 1)
            );
            assert_eq!((session.start(HOUR + 7), session.named(7)), (7, None));
            assert_eq!(session.horizon(HOUR), 0);
        } else if family.intervals().len() == 2 {
            let of = |a, b, cut| Window::new(*family, &[a, b], cut);
            let odd = of(Length::Time(7), Length::Time(20), utc(0)).unwrap_err();
            assert!(odd.interval == 1 && odd.found.contains("20 ms"));
            let many = of(Length::Time(1), Length::Time(10_001), utc(0));
            assert_eq!(many.unwrap_err().interval, 0);
            assert!(of(Length::Weeks(1), Length::Months(1), utc(0)).is_err());
            assert!(of(days(2), Length::Months(1), utc(0)).is_err());
            assert!(of(Length::Months(2), Length::Months(6), here(0)).is_ok());
        } else {
            let of = |size, cut| Window::new(*family, &[size], cut);
            for (size, cut, ok) in [
                (hours(7), utc(0), true),
                (hours(7), here(0), false),
                (hours(36), here(0), false),
                (hours(8), here(HOUR), true),
                (days(1), utc(HOUR), true),
                (days(1), here(HOUR), false),
                (days(2), here(0), true),
                (Length::Weeks(1), utc(HOUR), false),
                (Length::Months(1), here(-HOUR), false),
            ] {
                assert_eq!(of(size, cut).is_ok(), ok, "{size} {cut:?}");
            }
            let words = of(hours(8), here(-HOUR)).unwrap().words();
            assert_eq!(words, "each 8h (Here, 1h earlier)");
        }
    }
}

#[test]
fn what_was_cut_stays_cut_and_the_rest_is_by_the_new_rules() {
    // By the new rules clocks are put back an hour on the second day already.
    let old = LocalTime::new("A/B", [(i64::MIN, 0), (5 * DAY, HOUR)]);
    let new = LocalTime::new("A/B", [(i64::MIN, 0), (DAY + HOUR, -HOUR), (20 * DAY, 0)]);
    assert_eq!(old.between(DAY, 9 * DAY), [(DAY, 0), (5 * DAY, HOUR)]);
    assert_eq!(
        new.between(2 * DAY, i64::MAX),
        [(2 * DAY, -HOUR), (20 * DAY, 0)]
    );
    // The last window that is held ends at the third day: that it has begun, the old clocks have shown by then.
    let spliced = new.spliced(&old.between(DAY, 9 * DAY), (DAY, 3 * DAY + 1));
    assert_eq!(
        spliced,
        [(i64::MIN, 0), (3 * DAY + 1, -HOUR), (20 * DAY, 0)]
    );
    let kept: &'static LocalTime = Box::leak(Box::new(new));
    assert!(kept.keep(&spliced));
    assert!(!kept.keep(&[(i64::MIN, HOUR)]));
    let days = Window::new(
        &tumble::Tumble,
        &[Length::Time(DAY)],
        Cut {
            zone: Some(kept),
            offset: 0,
        },
    )
    .unwrap();
    let mut bounds = vec![DAY];
    for _ in 0..3 {
        bounds.push(days.cover(bounds[bounds.len() - 1]).first);
    }
    // The day in which the rules change is an hour longer; none is missing.
    assert_eq!(bounds, [DAY, 2 * DAY, 3 * DAY, 4 * DAY + HOUR]);
}
