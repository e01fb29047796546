//! What an address of objects cannot be, and what a bucket says.

use std::io::{self, ErrorKind};

use object_store::Error;

use crate::store::words;

/// A text that names no objects. Of what may be a secret nothing is in the message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ObjectUrlError {
    /// `s3:` alone.
    #[error("s3: needs a bucket, such as s3://bucket/sales/*.parquet")]
    NoBucket,
    /// A secret, or options.
    #[error(
        "credentials and options have no place in the URL; give them in the environment, as AWS tools read them \
         (AWS_ACCESS_KEY_ID, AWS_REGION, AWS_ENDPOINT …)"
    )]
    Secrets,
    /// A key that no object can have here.
    #[error("`{0}` is no key that is read: a part of it is empty, `.` or `..`")]
    Key(String),
}

/// What a bucket answered, as reading a file says it.
pub(super) fn failed(error: &Error) -> io::Error {
    match error {
        Error::NotFound { .. } => io::Error::new(ErrorKind::NotFound, "there is no such object"),
        Error::Precondition { .. } | Error::NotModified { .. } => io::Error::other(
            "another object was put in its place since it was listed; start again, and it is judged anew",
        ),
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => io::Error::new(
            ErrorKind::PermissionDenied,
            format!(
                "the bucket denies it: s3:GetObject, s3:ListBucket and the credentials of the environment are needed \
                 ({})",
                words(error)
            ),
        ),
        other => io::Error::other(words(other)),
    }
}
