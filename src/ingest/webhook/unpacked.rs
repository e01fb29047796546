//! A body as it was meant: decompressed, and never larger than it may be.

use std::io::Read;

use flate2::read::MultiGzDecoder;

/// Why a body is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Packed {
    /// An encoding that is none of ours.
    #[error("Content-Encoding `{0}` is not taken; gzip and identity are")]
    Encoding(String),
    /// It is larger than it may be, or becomes so.
    #[error("the body has more than {0} bytes")]
    Large(usize),
    /// No gzip.
    #[error("the body is no gzip: {0}")]
    Damaged(String),
}

/// Decompresses a body by its `Content-Encoding`.
///
/// # Errors
/// It cannot be, or is too large.
pub fn unpacked(body: &[u8], encoding: Option<&str>, most: usize) -> Result<Vec<u8>, Packed> {
    if body.len() > most {
        return Err(Packed::Large(most));
    }
    match encoding
        .map(str::trim)
        .map(str::to_ascii_lowercase)
        .as_deref()
    {
        None | Some("" | "identity") => Ok(body.to_vec()),
        Some("gzip" | "x-gzip") => {
            let mut plain = Vec::new();
            let mut limited = MultiGzDecoder::new(body).take(most as u64 + 1);
            let read = limited.read_to_end(&mut plain);
            read.map_err(|e| Packed::Damaged(e.to_string()))?;
            match plain.len() > most {
                true => Err(Packed::Large(most)),
                false => Ok(plain),
            }
        }
        Some(other) => Err(Packed::Encoding(other.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_bomb_is_not_blown_up() {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        packed.write_all(&vec![b' '; 1 << 22]).unwrap();
        let packed = packed.finish().unwrap();
        assert!(packed.len() < 10_000);
        assert_eq!(
            unpacked(&packed, Some("gzip"), 1 << 20),
            Err(Packed::Large(1 << 20))
        );
        assert_eq!(
            unpacked(&packed, Some("GZIP"), 1 << 22).map(|b| b.len()),
            Ok(1 << 22)
        );
        assert_eq!(unpacked(b"{}", None, 2), Ok(b"{}".to_vec()));
        assert_eq!(unpacked(b"{} ", None, 2), Err(Packed::Large(2)));
        assert!(matches!(
            unpacked(b"{}", Some("gzip"), 9),
            Err(Packed::Damaged(_))
        ));
        assert!(matches!(
            unpacked(b"{}", Some("br"), 9),
            Err(Packed::Encoding(_))
        ));
    }
}
