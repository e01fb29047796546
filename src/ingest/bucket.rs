//! A token bucket: so many a second, and as many at once as a second has.

use std::time::{Duration, Instant};

use standings_model::clock::Clock;

/// `5/s`, `100/m`, `1000/h`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// How many.
    pub count: u32,
    /// In which time.
    pub per: Duration,
}

impl Rate {
    /// Reads one.
    pub fn parse(text: &str) -> Option<Rate> {
        let (count, unit) = text.split_once('/')?;
        let per = match unit.trim() {
            "s" => 1,
            "m" => 60,
            "h" => 3_600,
            _ => return None,
        };
        let count = count.trim().parse().ok().filter(|n| *n > 0)?;
        Some(Rate {
            count,
            per: Duration::from_secs(per),
        })
    }
}

/// A bucket.
#[derive(Clone, Debug)]
pub struct Bucket {
    clock: Clock,
    rate: Rate,
    tokens: f64,
    seen: Instant,
}

impl Bucket {
    /// Full.
    pub fn new(rate: Rate, clock: Clock) -> Self {
        Bucket {
            tokens: f64::from(rate.count),
            seen: clock.now(),
            clock,
            rate,
        }
    }

    /// Takes one; or how long until there is one.
    pub fn take(&mut self) -> Result<(), Duration> {
        let now = self.clock.now();
        let passed = now.saturating_duration_since(self.seen).as_secs_f64();
        self.seen = now;
        let most = f64::from(self.rate.count);
        let speed = most / self.rate.per.as_secs_f64();
        self.tokens = (self.tokens + passed * speed).min(most);
        // What is left out by rounding must not cost a wait of nothing.
        if self.tokens >= 1.0 - 1e-9 {
            self.tokens -= 1.0;
            return Ok(());
        }
        let wait = Duration::from_secs_f64((1.0 - self.tokens) / speed);
        Err(wait.max(Duration::from_millis(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_a_second_are_five_a_second() {
        let clock = Clock::by_hand();
        let mut bucket = Bucket::new(Rate::parse("5/s").unwrap(), clock.clone());
        let mut taken = 0;
        let began = clock.now();
        while clock.since(began) < Duration::from_secs(10) {
            match bucket.take() {
                Ok(()) => taken += 1,
                Err(wait) => clock.sleep(wait),
            }
        }
        // A full bucket at the beginning, and five a second.
        assert!((54..=55).contains(&taken), "{taken}");
        for wrong in ["", "5", "0/s", "5/d", "-1/s", "x/s"] {
            assert_eq!(Rate::parse(wrong), None, "{wrong}");
        }
    }
}
