//! A value that is shown nowhere.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

/// A secret of the command line or the environment: `Debug` hides it, and nothing else shows it.
///
/// # Examples
///
/// ```
/// use standings_process::secret::Secret;
///
/// let token: Secret = " s3cret\n".parse().unwrap();
/// assert_eq!(token.value(), "s3cret");
/// // It may stand in a struct that is printed or logged.
/// assert_eq!(format!("{token:?}"), "(secret)");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The value, for whom it is meant.
    pub fn value(&self) -> &str {
        &self.0
    }
}

impl FromStr for Secret {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Secret(text.trim().to_owned()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}
