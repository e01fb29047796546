//! Gzip: one member after the other, and zeros behind the last, which block devices and tapes leave there.

use std::io::{self, BufRead, Read};

use flate2::bufread::GzDecoder;

/// What the members hold, one after the other.
pub struct Gzip<R> {
    /// The member that is read; `None` after the last.
    member: Option<GzDecoder<R>>,
}

impl<R: BufRead> Gzip<R> {
    /// From the beginning of the first member.
    pub fn new(from: R) -> Self {
        Gzip {
            member: Some(GzDecoder::new(from)),
        }
    }
}

impl<R: BufRead> Read for Gzip<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.member {
            let read = member.read(into)?;
            if read > 0 || into.is_empty() {
                return Ok(read);
            }
            self.member = match self.member.take().map(GzDecoder::into_inner) {
                Some(mut rest) => another(&mut rest)?.then(|| GzDecoder::new(rest)),
                None => None,
            };
        }
        Ok(0)
    }
}

/// Whether another member follows. Zeros up to the end are no member, and nothing that is missing.
fn another(rest: &mut impl BufRead) -> io::Result<bool> {
    let mut zeros = 0u64;
    loop {
        let next = rest.fill_buf()?;
        if next.is_empty() {
            return Ok(false);
        }
        match next.iter().position(|b| *b != 0) {
            None => {
                let skipped = next.len();
                zeros += skipped as u64;
                rest.consume(skipped);
            }
            Some(0) if zeros == 0 => return Ok(true),
            Some(more) => {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    format!(
                        "after its last whole part come {} zeros, and then something that is no gzip: it is damaged",
                        zeros + more as u64
                    ),
                ));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufReader, Write};

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn member(text: &str) -> Vec<u8> {
        let mut out = GzEncoder::new(Vec::new(), Compression::fast());
        out.write_all(text.as_bytes()).expect("memory");
        out.finish().expect("memory")
    }

    fn read(bytes: &[u8], buffer: usize) -> io::Result<String> {
        let mut text = String::new();
        let from = BufReader::with_capacity(buffer, bytes);
        Gzip::new(from).read_to_string(&mut text).map(|_| text)
    }

    #[test]
    fn members_are_one_text_and_zeros_are_nothing() {
        let (one, two) = (member("one\n"), member("two\n"));
        let all = [one.clone(), member(""), two.clone()].concat();
        for buffer in [1, 3, 512, 1 << 16] {
            assert_eq!(read(&all, buffer).expect("text"), "one\ntwo\n");
            let padded = [&all[..], &[0; 1300]].concat();
            assert_eq!(read(&padded, buffer).expect("text"), "one\ntwo\n");
            let torn = &all[..all.len() - 5];
            assert!(read(torn, buffer).is_err());
            let between = [&one[..], &[0; 9], &two].concat();
            let said = read(&between, buffer).expect_err("damaged").to_string();
            assert!(said.contains("9 zeros"), "{said}");
            assert!(read(&[&one[..], b"garbage"].concat(), buffer).is_err());
        }
    }
}
