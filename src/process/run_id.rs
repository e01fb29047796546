//! A run's name: a UUID of version 7, so that names sort by when the runs began.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use ring::rand::{SecureRandom, SystemRandom};

/// Names one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RunId([u8; 16]);

impl RunId {
    /// A new one: the present time in milliseconds, and 74 random bits.
    pub fn new() -> Self {
        let mut bytes = [0; 16];
        // Without random bits two runs that begin in one millisecond would have one name; nothing else depends on them.
        let _ = SystemRandom::new().fill(&mut bytes);
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let ms = now.unwrap_or_default().as_millis() as u64;
        bytes[..6].copy_from_slice(&ms.to_be_bytes()[2..]);
        bytes[6] = 0x70 | (bytes[6] & 0x0f);
        bytes[8] = 0x80 | (bytes[8] & 0x3f);
        RunId(bytes)
    }
}

impl Default for RunId {
    fn default() -> Self {
        RunId::new()
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, byte) in self.0.iter().enumerate() {
            if [4, 6, 8, 10].contains(&i) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_differ_and_say_their_version() {
        let (a, b) = (RunId::new().to_string(), RunId::new().to_string());
        assert_ne!(a, b);
        assert_eq!(
            (a.len(), &a[14..15], &a[8..9], &a[23..24]),
            (36, "7", "-", "-")
        );
        assert!("89ab".contains(&a[19..20]), "{a}");
    }
}
