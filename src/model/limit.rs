//! Limits as the command line writes them: 0 stands for "no limit", or is refused where there must be one.
//!
//! A number that could not be meant is refused as well, so that no limit is added up beyond what a number can hold.

/// A text that is no limit of bytes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LimitError {
    /// 0, where there must be a limit: why.
    #[error("0 is not taken: {0}")]
    None(&'static str),
    /// No number, or too large a one.
    #[error("write it as a whole number of bytes, {most} at most")]
    Number {
        /// The most that it may be.
        most: usize,
    },
}

/// The most that a limit of bytes can be: 256 TiB, more than a machine has.
const MOST: usize = 1 << 48;
/// The largest record that a decoder takes.
const LARGEST_RECORD: usize = u32::MAX as usize;

/// Bytes of which there must be a limit.
pub fn bytes(text: &str) -> Result<usize, LimitError> {
    between(text, MOST, "without it nothing could be read")
}

/// Bytes of one record: there must be a limit.
pub fn record_bytes(text: &str) -> Result<usize, LimitError> {
    between(text, LARGEST_RECORD, "every record would be too large")
}

/// Bytes of which there need be no limit: 0 stands for none.
pub fn bytes_or_none(text: &str) -> Result<usize, LimitError> {
    match between(text, MOST, "") {
        Err(_) if text.parse() == Ok(0_u8) => Ok(usize::MAX),
        read => read,
    }
}

fn between(text: &str, most: usize, why_not_none: &'static str) -> Result<usize, LimitError> {
    match text.parse::<usize>() {
        Ok(0) => Err(LimitError::None(why_not_none)),
        Ok(n) if n <= most => Ok(n),
        _ => Err(LimitError::Number { most }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_limit_is_0_or_is_refused() {
        assert_eq!(bytes("1"), Ok(1));
        assert_eq!(record_bytes("1048576"), Ok(1 << 20));
        assert_eq!(bytes_or_none("0"), Ok(usize::MAX));
        assert_eq!(bytes_or_none("2600"), Ok(2600));
        for wrong in [
            "0",
            "-1",
            "",
            "1MiB",
            "18446744073709551615",
            "18446744073709551616",
        ] {
            assert!(
                bytes(wrong).is_err() && record_bytes(wrong).is_err(),
                "{wrong}"
            );
            assert!(wrong == "0" || bytes_or_none(wrong).is_err(), "{wrong}");
        }
    }
}
