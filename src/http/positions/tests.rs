//! Windows against plain sorted lists, also while a batch is on its way.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::window::{Changed, Window};
use crate::as_of::AsOf;

/// Rows as a list: place, key, measures.
type Plain = BTreeMap<(Vec<u8>, Vec<u8>), Vec<u8>>;

/// A change: a key, and where it stands now.
#[derive(Clone, Debug)]
struct Step {
    key: u16,
    place: Option<u8>,
    measure: u8,
}

fn key(n: u16) -> Vec<u8> {
    // Of some the first sixteen bytes are alike, and of some the length decides.
    match n % 3 {
        0 => n.to_be_bytes().to_vec(),
        1 => [&b"a key that begins as others do "[..], &n.to_be_bytes()].concat(),
        _ => vec![b'k'; usize::from(n % 40)],
    }
}

fn place(n: u8) -> Vec<u8> {
    // One byte, or a long text whose end decides; none is the beginning of another.
    match n % 2 {
        0 => vec![n],
        _ => [&[n][..], &[7; 20], &[n, 0]].concat(),
    }
}

fn step() -> impl Strategy<Value = Step> {
    let place = prop_oneof![3 => (0..20u8).prop_map(Some), 1 => Just(None)];
    (0..600u16, place, 0..3u8).prop_map(|(key, place, measure)| Step {
        key,
        place,
        measure,
    })
}

fn apply(plain: &mut Plain, steps: &[Step]) -> Changed {
    let mut changed = Changed::new();
    for step in steps {
        let own = key(step.key);
        plain.retain(|(_, key), _| *key != own);
        let now = step.place.map(|n| (place(n), vec![step.measure; 3]));
        if let Some((place, measures)) = &now {
            plain.insert((place.clone(), own.clone()), measures.clone());
        }
        let now = now.map(|(place, measures)| (place.into(), measures.into()));
        changed.insert(own.into(), now);
    }
    changed
}

/// Everything that can be asked comes to what the list says.
fn check(window: &Window, plain: &Plain) {
    let rows = window.rows();
    let flat: Vec<(Vec<u8>, &Vec<u8>)> = plain
        .iter()
        .map(|((place, key), measures)| ([&place[..], key].concat(), measures))
        .collect();
    assert_eq!(rows.len(), flat.len() as u64);
    let all: Vec<(Vec<u8>, Vec<u8>)> = rows
        .from(&[])
        .map(|row| (row.sort.to_vec(), row.rest.to_vec()))
        .collect();
    let want: Vec<_> = flat
        .iter()
        .map(|(s, m)| (s.clone(), (*m).clone()))
        .collect();
    assert_eq!(all, want);
    let mut back: Vec<Vec<u8>> = rows
        .back(&[0xff; 64])
        .map(|row| row.sort.to_vec())
        .collect();
    back.reverse();
    assert!(back.iter().eq(want.iter().map(|(sort, _)| sort)));
    for (n, (sort, _)) in flat.iter().enumerate().step_by(7) {
        assert_eq!(rows.rank(sort), n as u64);
        assert_eq!(rows.select(n as u64).map(|row| row.sort), Some(&sort[..]));
        let behind: Vec<_> = rows
            .from(sort)
            .take(3)
            .map(|row| row.sort.to_vec())
            .collect();
        assert!(
            behind
                .iter()
                .eq(flat[n..].iter().take(3).map(|(sort, _)| sort))
        );
        let before: Vec<_> = rows
            .back(sort)
            .take(3)
            .map(|row| row.sort.to_vec())
            .collect();
        assert!(
            before
                .iter()
                .eq(flat[..n].iter().rev().take(3).map(|(sort, _)| sort))
        );
    }
    assert!(rows.select(flat.len() as u64).is_none());
    for n in 0..600 {
        let key = key(n);
        let want = plain.iter().find(|((_, own), _)| *own == key);
        let found = window
            .find(&key)
            .map(|row| (row.place().to_vec(), row.rest.to_vec()));
        let want = want.map(|((place, _), measures)| (place.clone(), measures.clone()));
        assert_eq!(found, want, "{n}");
    }
    let mut places: Vec<&Vec<u8>> = plain.keys().map(|(place, _)| place).collect();
    places.dedup();
    let orders = window.orders().unwrap();
    assert_eq!(orders.len(), places.len() as u64);
    for (n, place) in places.iter().enumerate() {
        assert_eq!(orders.rank(place), n as u64);
        assert_eq!(
            orders.select(n as u64).map(|row| row.sort),
            Some(&place[..])
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn a_window_is_a_sorted_list_at_every_commit(
        batches in prop::collection::vec((prop::collection::vec(step(), 1..400), any::<u64>()), 1..8)
    ) {
        let (mut window, mut plain) = (Window::new(true), Plain::new());
        for (n, (steps, look)) in batches.into_iter().enumerate() {
            let before = plain.clone();
            let changed = apply(&mut plain, &steps);
            let batch = window.batch(changed);
            window.begin(batch);
            let mut slices = 0u32;
            while !window.step() {
                // In the middle of it, whoever looks sees what was before.
                if look >> (slices % 64) & 1 == 1 {
                    check(&window, &before);
                }
                slices += 1;
            }
            check(&window, &before);
            window.end(AsOf { commit: n as u64, ..AsOf::default() });
            check(&window, &plain);
        }
    }
}

#[test]
fn many_rows_in_few_bytes() {
    let mut window = Window::new(false);
    let mut n = 1u32;
    for _ in 0..20 {
        let mut changed = Changed::new();
        for _ in 0..10_000 {
            n = n.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let place = [&[0x83][..], &n.to_be_bytes()[..3]].concat();
            let now = (place.into(), Box::from(&[1u8, 2, 3, 4, 5, 6][..]));
            changed.insert(format!("S{:06}", n >> 8).into_bytes().into(), Some(now));
        }
        let batch = window.batch(changed);
        window.begin(batch);
        while !window.step() {}
        window.end(AsOf::default());
    }
    let rows = window.rows().len() as usize;
    assert!(rows > 190_000);
    // Ten million of them are to fit beside their totals in 1.5 GB.
    assert!(
        window.bytes() / rows < 70,
        "{} bytes a row",
        window.bytes() / rows
    );
}
