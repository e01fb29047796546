//! An answer as it is: unpacked where it came in gzip, within a bound.

use std::io::Read;

use flate2::read::MultiGzDecoder;

use standings_ingest::feed::Trouble;

/// An answer that is larger than it may be.
pub(super) fn too_large(most: usize) -> Trouble {
    Trouble::Broken(format!(
        "an answer of more than {most} bytes: ask for smaller pages"
    ))
}

/// The body by its `Content-Encoding`.
pub(super) fn body(body: Vec<u8>, encoding: Option<&str>, most: usize) -> Result<Vec<u8>, Trouble> {
    let encoding = encoding.map_or("identity", str::trim);
    if ["identity", ""].contains(&encoding) || body.is_empty() {
        return Ok(body);
    }
    if !["gzip", "x-gzip"]
        .iter()
        .any(|known| encoding.eq_ignore_ascii_case(known))
    {
        return Err(Trouble::Broken(format!(
            "the answer is in the encoding `{}`, which was not asked for",
            standings_model::printable::printable(encoding)
        )));
    }
    let mut out = Vec::new();
    let mut gzip = MultiGzDecoder::new(&body[..]).take(most as u64 + 1);
    // A part of an answer is no answer: the line may have been cut.
    let read = gzip.read_to_end(&mut out);
    read.map_err(|e| Trouble::later(format!("the answer is no whole gzip: {e}")))?;
    match out.len() > most {
        true => Err(too_large(most)),
        false => Ok(out),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn gzip_within_its_bound() {
        let packed = |bytes: &[u8]| {
            let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
            gzip.write_all(bytes).unwrap();
            gzip.finish().unwrap()
        };
        let zeros = vec![0; 100_000];
        assert_eq!(body(packed(b"rows"), Some("GZIP"), 10).unwrap(), b"rows");
        assert_eq!(body(packed(&zeros), Some("gzip"), 100_000).unwrap(), zeros);
        let bomb = body(packed(&zeros), Some("gzip"), 99_999).unwrap_err();
        assert!(
            matches!(&bomb, Trouble::Broken(why) if why.contains("smaller pages")),
            "{bomb:?}"
        );
        let torn = &packed(&zeros)[..20];
        assert!(matches!(
            body(torn.to_vec(), Some("gzip"), 100_000),
            Err(Trouble::Later { .. })
        ));
        assert!(matches!(
            body(b"x".to_vec(), Some("br"), 10),
            Err(Trouble::Broken(_))
        ));
        assert_eq!(body(b"x".to_vec(), None, 10).unwrap(), b"x");
    }
}
