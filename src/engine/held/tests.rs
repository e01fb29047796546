use std::collections::BTreeMap;

use super::*;

/// What a plain map has is held; copies over one another are what there is.
#[test]
fn rows_are_those_of_a_plain_map() {
    let mut held = Held::default();
    let mut plain: BTreeMap<Vec<u8>, (i64, Vec<u8>)> = BTreeMap::new();
    let mut copies: BTreeMap<Vec<u8>, (i64, Vec<u8>)> = BTreeMap::new();
    let mut dice = 3u64;
    let mut watermark = i64::MIN;
    for step in 0..40_000u64 {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let key = ((dice >> 40) % 900).to_string().into_bytes();
        let counts = |time: i64| time > watermark;
        let found = held
            .get(&key, counts)
            .map(|row| (row.until, row.bytes[row.key..].to_vec()));
        assert_eq!(
            found,
            plain.get(&key).filter(|(time, _)| counts(*time)).cloned()
        );
        match (dice >> 20) % 8 {
            0..5 => {
                let (time, rest) = (
                    step as i64 - (dice >> 50) as i64 % 500 - 300,
                    vec![7; (dice >> 10) as usize % 40],
                );
                held.put(&key, time, &rest);
                plain.insert(key, (time, rest));
            }
            5..7 => assert_eq!(held.remove(&key), plain.remove(&key).is_some()),
            _ => {
                watermark = watermark.max(step as i64 - 1_500);
                held.let_all_go(|time, _| time > watermark);
                plain.retain(|_, (time, _)| *time > watermark);
            }
        }
        if step == 23_456 {
            held.clear();
            plain.clear();
        }
        assert_eq!(held.len(), plain.len());
        if step % 701 == 0
            && let Some(copied) = held.copy(5, 0, step % 3_505 == 0)
        {
            if copied.all {
                copies.clear();
            }
            for Entry { key, row } in copied.entries {
                match row {
                    Some((time, rest)) => copies.insert(key.into(), (time, rest.into())),
                    None => copies.remove(&key[..]),
                };
            }
            copies.retain(|_, (time, _)| *time > watermark);
            let mut counting = plain.clone();
            counting.retain(|_, (time, _)| *time > watermark);
            assert_eq!(copies, counting, "step {step}");
        }
    }
    assert_eq!(held.iter().count(), plain.len());
}

#[test]
fn a_row_takes_few_bytes() {
    let mut held = Held::default();
    for n in 0..100_000u32 {
        let key = format!("\u{11}order-{n:010}");
        held.put(key.as_bytes(), 1_769_155_200_000 + i64::from(n), &[9; 29]);
    }
    assert!(
        held.bytes() / held.len() < 80,
        "{}",
        held.bytes() / held.len()
    );
    // What is noted of changes does not grow without end.
    for _ in 0..4 {
        for n in 0..100_000u32 {
            held.put(format!("\u{11}order-{n:010}").as_bytes(), 5, &[9; 29]);
        }
    }
    assert!(held.noted.changed.len() <= NOTED * held.len() + FEW);
    assert!(held.copy(0, 0, false).unwrap().all);
}
