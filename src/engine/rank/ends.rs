//! Windows by ranking and end: those that end by then are found where they lie, however many others are open.

use std::collections::BTreeMap;

use standings_model::plan::Ranking;

/// Ranking and end, ms.
pub(super) type At = (u32, i64);

/// The windows that are dropped with this horizon, in their order.
pub(super) fn gone<'a, W>(
    windows: &'a BTreeMap<At, W>,
    rankings: &'a [Ranking],
    horizon: i64,
) -> impl Iterator<Item = (At, &'a W)> {
    let all = rankings.iter().enumerate();
    all.flat_map(move |(number, ranking)| {
        let number = number as u32;
        let of_it = (number, i64::MIN)..=(number, ranking.horizon(horizon));
        windows.range(of_it).map(|(at, window)| (*at, window))
    })
}

/// Takes out the windows that are dropped with this horizon.
pub(super) fn take<W>(
    windows: &mut BTreeMap<At, W>,
    rankings: &[Ranking],
    horizon: i64,
) -> Vec<(At, W)> {
    let gone: Vec<At> = gone(windows, rankings, horizon).map(|(at, _)| at).collect();
    let taken = gone.into_iter();
    taken
        .filter_map(|at| Some((at, windows.remove(&at)?)))
        .collect()
}
