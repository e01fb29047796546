//! What somebody may still be writing: read as far as it has come.

use std::io::{self, ErrorKind, Read};

/// How much is asked for at once: what a pipe holds.
const HOLDS: usize = 64 << 10;

/// Appends what there is, and waits only until a line ends in it; of one that is full, `most` bytes. Whether that was the end.
///
/// # Errors
/// It cannot be read; what came before that is appended.
pub(super) fn read(input: &mut impl Read, bytes: &mut Vec<u8>, most: usize) -> io::Result<bool> {
    let began = bytes.len();
    while bytes.len() - began < most {
        let from = bytes.len();
        let wanted = (began + most - from).min(HOLDS);
        bytes.resize(from + wanted, 0);
        let read = input.read(&mut bytes[from..]);
        bytes.truncate(from + *read.as_ref().unwrap_or(&0));
        match read {
            Ok(0) => return Ok(true),
            Ok(read) if read < wanted && bytes[began..].contains(&b'\n') => break,
            Err(e) if e.kind() != ErrorKind::Interrupted => return Err(e),
            Ok(_) | Err(_) => {}
        }
    }
    Ok(false)
}
