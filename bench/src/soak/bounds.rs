//! Whether the last third of a long run is worse than the first.

use std::time::Duration;

use super::sample::Sample;
use crate::harness::stats::{grouped, median, most};
use crate::harness::table::Table;
use crate::problem::Problem;

const MIB: f64 = 1024.0 * 1024.0;

/// What is held, how it is shown, and the factor and addition that are allowed.
struct Bound {
    what: &'static str,
    unit: &'static str,
    scale: f64,
    factor: f64,
    more: f64,
    of: fn(&Sample) -> Option<f64>,
}

impl Bound {
    fn show(&self, value: f64) -> String {
        let decimals = usize::from(self.unit == "ms");
        let text = format!("{} {}", grouped(value / self.scale, decimals), self.unit);
        text.trim().to_owned()
    }
}

/// In less than this a third is a few seconds of a machine that may do other things.
const SHORT: Duration = Duration::from_secs(600);

fn bounds(length: Duration) -> [Bound; 6] {
    let bound = |what, unit, scale, factor, more, of| Bound {
        what,
        unit,
        scale,
        factor,
        more,
        of,
    };
    let (factor, more) = if length < SHORT {
        (3.0, 500.0)
    } else {
        (1.5, 20.0)
    };
    [
        bound("memory", "MiB", MIB, 1.15, 32.0 * MIB, |s| Some(s.memory)),
        bound("disk", "MiB", MIB, 1.25, 16.0 * MIB, |s| Some(s.disk)),
        bound("p99", "ms", 1.0, factor, more, |s| s.p99),
        bound("threads", "", 1.0, 1.0, 2.0, |s| Some(s.threads)),
        bound("files", "", 1.0, 1.0, 8.0, |s| Some(s.files)),
        bound("keys", "", 1.0, 1.25, 1000.0, |s| Some(s.keys)),
    ]
}

/// The table, and what has grown by too much.
pub fn compared(
    samples: &[Sample],
    warm: Duration,
    length: Duration,
) -> Result<(String, Vec<String>), Problem> {
    let kept: Vec<&Sample> = samples.iter().filter(|s| s.at >= warm).collect();
    let third = kept.len() / 3;
    if third < 3 {
        return Err(Problem::Usage(format!(
            "only {} samples after the warm-up: run longer, or sample more often",
            kept.len()
        )));
    }
    let mut table = Table::new(1, &["", "first third", "last third", "most", "allowed"]);
    let mut worse = Vec::new();
    for bound in bounds(length) {
        let values = |part: &[&Sample]| {
            part.iter()
                .filter_map(|s| (bound.of)(s))
                .collect::<Vec<f64>>()
        };
        let (first, last) = (values(&kept[..third]), values(&kept[kept.len() - third..]));
        if first.is_empty() || last.is_empty() {
            worse.push(format!("{}: no values", bound.what));
            continue;
        }
        let (first, last) = (median(first), median(last));
        let allowed = first * bound.factor + bound.more;
        let all = [first, last, most(values(&kept)), allowed].map(|v| bound.show(v));
        if last > allowed {
            worse.push(format!(
                "{} went from {} to {}, more than {}",
                bound.what, all[0], all[1], all[3]
            ));
        }
        table.push([bound.what.to_owned()].into_iter().chain(all));
    }
    Ok((table.to_string(), worse))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(grow: impl Fn(&mut Sample, f64)) -> Vec<Sample> {
        let one = |n: u64| {
            let mut sample = Sample {
                at: Duration::from_secs(n),
                memory: 100.0 * MIB,
                disk: 10.0 * MIB,
                p99: Some(20.0),
                threads: 12.0,
                files: 40.0,
                keys: 5000.0,
            };
            grow(&mut sample, n as f64);
            sample
        };
        (0..90).map(one).collect()
    }

    fn worse(grow: impl Fn(&mut Sample, f64), length: u64) -> Vec<String> {
        let length = Duration::from_secs(length);
        compared(&samples(grow), Duration::ZERO, length).unwrap().1
    }

    #[test]
    fn what_stays_is_right_and_what_grows_is_told() {
        assert!(worse(|_, _| {}, 7200).is_empty());
        let leak = worse(|s, n| s.memory += n * MIB, 7200);
        assert_eq!(
            leak,
            ["memory went from 114 MiB to 174 MiB, more than 164 MiB"]
        );
        assert_eq!(worse(|s, n| s.threads += n, 7200).len(), 1);
        assert_eq!(worse(|s, n| s.files += n, 7200).len(), 1);
        assert_eq!(worse(|s, n| s.keys += n * 100.0, 7200).len(), 1);
        assert_eq!(worse(|s, n| s.disk += n * MIB, 7200).len(), 1);
        // A short run is judged by less.
        let slower = |s: &mut Sample, n: f64| s.p99 = Some(20.0 + n);
        assert_eq!((worse(slower, 7200).len(), worse(slower, 75).len()), (1, 0));
        assert_eq!(worse(|s, _| s.p99 = None, 75), ["p99: no values"]);
    }

    #[test]
    fn the_warm_up_is_left_out() {
        let all = samples(|s, n| s.memory = if n < 60.0 { 0.0 } else { 500.0 * MIB });
        let of = |warm| compared(&all, Duration::from_secs(warm), Duration::from_secs(75));
        assert_eq!(of(0).unwrap().1.len(), 1);
        assert!(of(60).unwrap().1.is_empty());
        assert!(
            of(85)
                .unwrap_err()
                .to_string()
                .starts_with("only 5 samples")
        );
    }
}
