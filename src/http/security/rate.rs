//! Requests a second of each client: a bucket that fills steadily and is emptied by requests.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// Who is counted together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Client {
    /// Somebody with credentials.
    Name(Arc<str>),
    /// An address; of IPv6 the network of 64 bits, which one person has.
    Address(IpAddr),
}

impl Client {
    pub(crate) fn at(address: IpAddr) -> Self {
        Client::Address(match address.to_canonical() {
            IpAddr::V6(v6) => {
                let [a, b, c, d, ..] = v6.segments();
                IpAddr::from([a, b, c, d, 0, 0, 0, 0])
            }
            v4 => v4,
        })
    }
}

/// Clients remembered.
const MOST_CLIENTS: usize = 10_000;
/// A bucket holds so many seconds' requests, for a page that begins.
const BURST: f64 = 2.0;

#[derive(Debug)]
struct Bucket {
    left: f64,
    at: Instant,
}

/// The buckets.
#[derive(Debug)]
pub(super) struct Rate {
    per_second: f64,
    buckets: Mutex<HashMap<Client, Bucket>>,
}

impl Rate {
    /// So many requests a second.
    pub(super) fn new(per_second: u32) -> Self {
        Rate {
            per_second: f64::from(per_second),
            buckets: Mutex::default(),
        }
    }

    /// Takes one request from a client's bucket; the seconds to wait if it is empty.
    pub(super) fn take(&self, client: Client, now: Instant) -> Result<(), u64> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let full = self.per_second * BURST;
        if buckets.len() >= MOST_CLIENTS && !buckets.contains_key(&client) {
            // A bucket that is full again says nothing.
            buckets.retain(|_, b| {
                b.left + now.saturating_duration_since(b.at).as_secs_f64() * self.per_second < full
            });
            if buckets.len() >= MOST_CLIENTS {
                return Err(1);
            }
        }
        let bucket = buckets.entry(client).or_insert(Bucket {
            left: full,
            at: now,
        });
        let passed = now.saturating_duration_since(bucket.at).as_secs_f64();
        bucket.left = (bucket.left + passed * self.per_second).min(full);
        bucket.at = now;
        if bucket.left < 1.0 {
            let wait = (1.0 - bucket.left) / self.per_second;
            return Err(wait.ceil().max(1.0) as u64);
        }
        bucket.left -= 1.0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_burst_and_then_the_rate() {
        let (rate, start) = (Rate::new(10), Instant::now());
        let one = Client::at([127, 0, 0, 1].into());
        for _ in 0..20 {
            assert!(rate.take(one.clone(), start).is_ok());
        }
        assert_eq!(rate.take(one.clone(), start), Err(1));
        let other = Client::Name("x".into());
        assert!(rate.take(other, start).is_ok(), "others are not held back");
        let later = start + Duration::from_millis(500);
        let taken = (0..10)
            .filter(|_| rate.take(one.clone(), later).is_ok())
            .count();
        assert_eq!(taken, 5);
    }

    #[test]
    fn clients_are_bounded() {
        let (rate, start) = (Rate::new(1), Instant::now());
        for i in 0..MOST_CLIENTS as u32 {
            assert!(rate.take(Client::at(i.to_be_bytes().into()), start).is_ok());
        }
        let one = Client::at([200, 0, 0, 1].into());
        assert!(rate.take(one.clone(), start).is_err());
        assert!(rate.take(one, start + Duration::from_secs(5)).is_ok());
    }

    #[test]
    fn addresses_of_one_network_are_one_client() {
        let at = |text: &str| Client::at(text.parse().unwrap());
        assert_eq!(at("2001:db8::1"), at("2001:db8::ffff:1"));
        assert_ne!(at("2001:db8::1"), at("2001:db8:0:1::1"));
        assert_eq!(at("::ffff:10.0.0.1"), at("10.0.0.1"));
    }
}
