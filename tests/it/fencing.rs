//! A newer cluster takes over at once; the older one, stopped meanwhile and then continued, cannot commit any more.

use std::time::{Duration, Instant};

use crate::support::{Bed, Dice, Rows, sales, until};

/// What a sink shows is told by `shown`.
fn zombie(bed: Bed, shown: impl Fn(&Bed) -> Rows) {
    let mut dice = Dice::new(31);
    let parts: Vec<Vec<Vec<String>>> = (0..3)
        .map(|i| {
            (0..2)
                .map(|_| sales(&mut dice, 200, 1_769_130_000_000 + i * 3_000_000, 20_000))
                .collect()
        })
        .collect();
    let mut old = bed.start(&["-w", "2"]);
    bed.send(&parts[0]);
    let wait = Duration::from_secs(40);
    std::thread::sleep(Duration::from_secs(1));
    until("the old cluster commits", wait, || !shown(&bed).is_empty());
    old.signal(libc::SIGSTOP);
    bed.send(&parts[1]);
    let before = shown(&bed);
    let began = Instant::now();
    let _new = bed.start(&["-w", "2"]);
    until("the new cluster commits", wait, || shown(&bed) != before);
    println!("taken over in {:?}", began.elapsed());
    // The zombie has read nothing of this, and now it will, and try to write it.
    bed.send(&parts[2]);
    old.signal(libc::SIGCONT);
    let code = old.wait(wait);
    let text = old.log();
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("taken over"), "{text}");

    let want = bed.want();
    until("everything is there once", wait, || shown(&bed) == want);
}

#[test]
fn a_zombie_cannot_commit_to_postgres() {
    zombie(Bed::new("fencing").topic(2).database(), Bed::rows);
}

#[test]
fn a_zombie_cannot_commit_to_kafka() {
    zombie(Bed::new("fencing").topic(2).changes(), Bed::folded);
}
