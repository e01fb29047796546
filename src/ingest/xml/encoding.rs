//! Bytes become text: by the mark at their beginning, by what the header of HTTP says, by what the document says of itself; else
//! UTF-8 (RFC 7303, 3.3).

use super::NotRead;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Utf8,
    Utf16 {
        big: bool,
    },
    /// Each byte is the character of its number.
    Latin1,
    Ascii,
    /// As Latin 1, but for 80 to 9F.
    Windows1252,
}

/// 80 to 9F of windows-1252; 0 where there is nothing.
const WINDOWS: [u16; 32] = [
    0x20ac, 0, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160, 0x2039,
    0x0152, 0, 0x017d, 0, 0, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x02dc,
    0x2122, 0x0161, 0x203a, 0x0153, 0, 0x017e, 0x0178,
];

fn named(name: &str) -> Option<Encoding> {
    Some(match name.trim().to_ascii_lowercase().as_str() {
        "utf-8" | "utf8" => Encoding::Utf8,
        // Without a mark it is big-endian, but who writes it without one is a little one: the first sign says it.
        "utf-16" | "utf-16le" | "iso-10646-ucs-2" => Encoding::Utf16 { big: false },
        "utf-16be" => Encoding::Utf16 { big: true },
        "iso-8859-1" | "latin1" | "latin-1" | "iso8859-1" | "iso_8859-1" => Encoding::Latin1,
        "us-ascii" | "ascii" => Encoding::Ascii,
        "windows-1252" | "cp1252" => Encoding::Windows1252,
        _ => return None,
    })
}

/// What `Content-Type` says.
fn of_header(content_type: &str) -> Option<&str> {
    let mut parameters = content_type.split(';').skip(1);
    parameters.find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        let is_one = name.trim().eq_ignore_ascii_case("charset");
        is_one.then(|| value.trim().trim_matches(['"', '\'']))
    })
}

/// What a declaration says, if its bytes are those of ASCII.
fn of_declaration(bytes: &[u8]) -> Option<String> {
    let head = &bytes[..bytes.len().min(256)];
    let head = String::from_utf8_lossy(head);
    let declaration = head.strip_prefix("<?xml")?.split("?>").next()?;
    let after = declaration.split("encoding").nth(1)?.trim_start();
    let after = after.strip_prefix('=')?.trim_start();
    let quote = after.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    after[1..].split(quote).next().map(str::to_owned)
}

/// The text of a document. `content_type`: the header that came with it.
///
/// # Errors
/// Its encoding is not known, or the bytes are not in it.
pub fn text(bytes: &[u8], content_type: Option<&str>) -> Result<String, NotRead> {
    let marks: [(&[u8], Encoding); 3] = [
        (b"\xef\xbb\xbf", Encoding::Utf8),
        (b"\xff\xfe", Encoding::Utf16 { big: false }),
        (b"\xfe\xff", Encoding::Utf16 { big: true }),
    ];
    for (mark, encoding) in marks {
        if let Some(rest) = bytes.strip_prefix(mark) {
            return decoded(rest, encoding);
        }
    }
    // A first `<` of two bytes says which of them is first.
    let wide = match bytes {
        [b'<', 0, ..] => Some(false),
        [0, b'<', ..] => Some(true),
        _ => None,
    };
    if let Some(big) = wide {
        return decoded(bytes, Encoding::Utf16 { big });
    }
    let said = content_type.and_then(of_header).map(str::to_owned);
    let Some(name) = said.or_else(|| of_declaration(bytes)) else {
        return decoded(bytes, Encoding::Utf8);
    };
    let unknown = || {
        let name = standings_model::printable::printable(&name);
        NotRead::Encoding(format!(
            "its encoding is `{name}`; UTF-8, UTF-16, ISO-8859-1, US-ASCII and windows-1252 are read"
        ))
    };
    decoded(bytes, named(&name).ok_or_else(unknown)?)
}

fn decoded(bytes: &[u8], encoding: Encoding) -> Result<String, NotRead> {
    let not = |name: &str, at: usize| NotRead::Encoding(format!("no {name} at byte {at}"));
    match encoding {
        Encoding::Utf8 => match std::str::from_utf8(bytes) {
            Ok(text) => Ok(text.to_owned()),
            Err(e) => Err(not("UTF-8", e.valid_up_to())),
        },
        Encoding::Utf16 { big } => {
            let (pairs, rest) = bytes.as_chunks::<2>();
            if !rest.is_empty() {
                return Err(not("UTF-16", bytes.len() - 1));
            }
            let units = pairs.iter().map(|pair| match big {
                true => u16::from_be_bytes(*pair),
                false => u16::from_le_bytes(*pair),
            });
            let mut text = String::with_capacity(pairs.len());
            for c in char::decode_utf16(units) {
                text.push(c.map_err(|_| not("UTF-16", text.len()))?);
            }
            Ok(text)
        }
        Encoding::Latin1 => Ok(bytes.iter().map(|b| char::from(*b)).collect()),
        Encoding::Ascii => match bytes.iter().position(|b| *b > 0x7f) {
            Some(at) => Err(not("US-ASCII", at)),
            None => Ok(bytes.iter().map(|b| char::from(*b)).collect()),
        },
        Encoding::Windows1252 => {
            let each = bytes.iter().enumerate().map(|(at, b)| match b {
                0x80..=0x9f => match WINDOWS[usize::from(b - 0x80)] {
                    0 => Err(not("windows-1252", at)),
                    n => Ok(char::from_u32(u32::from(n)).unwrap_or('\u{fffd}')),
                },
                b => Ok(char::from(*b)),
            });
            each.collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(text: &str, big: bool) -> Vec<u8> {
        let units = text.encode_utf16();
        units
            .flat_map(|u| {
                if big {
                    u.to_be_bytes()
                } else {
                    u.to_le_bytes()
                }
            })
            .collect()
    }

    #[test]
    fn each_encoding_by_mark_header_and_declaration() {
        let plain = "<a>São €</a>";
        let latin = b"<?xml version='1.0' encoding='ISO-8859-1'?><a>S\xe3o</a>";
        assert!(text(latin, None).unwrap().ends_with("<a>São</a>"));
        assert!(
            text(latin, Some("text/xml"))
                .unwrap()
                .ends_with("<a>São</a>")
        );
        // The header counts more than the document.
        let said = text(
            "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a>ã</a>".as_bytes(),
            Some("text/xml; charset=\"UTF-8\""),
        );
        assert!(said.unwrap().ends_with("<a>ã</a>"));
        assert_eq!(
            text(b"<a>S\xe3o</a>", Some("text/xml;charset=iso-8859-1")).unwrap(),
            "<a>São</a>"
        );
        assert_eq!(text(plain.as_bytes(), None).unwrap(), plain);
        assert_eq!(
            text(
                &[b"\xef\xbb\xbf", plain.as_bytes()].concat(),
                Some("text/xml; charset=ISO-8859-1")
            )
            .unwrap(),
            plain
        );
        for big in [false, true] {
            let bytes = utf16(plain, big);
            assert_eq!(text(&bytes, None).unwrap(), plain);
            assert_eq!(
                text(&bytes, Some("text/xml; charset=utf-16")).unwrap(),
                plain
            );
            assert_eq!(
                text(&utf16(&format!("\u{feff}{plain}"), big), None).unwrap(),
                plain
            );
        }
        assert_eq!(
            text(b"<a>\x80</a>", Some("text/xml; charset=windows-1252")).unwrap(),
            "<a>\u{20ac}</a>"
        );
    }

    #[test]
    fn what_is_in_no_encoding() {
        for (bytes, header, word) in [
            (&b"<a>\xe3</a>"[..], None, "no UTF-8 at byte 3"),
            (
                b"<a>\xe3</a>",
                Some("text/xml; charset=us-ascii"),
                "no US-ASCII at byte 3",
            ),
            (
                b"<a>\x81</a>",
                Some("text/xml; charset=cp1252"),
                "no windows-1252 at byte 3",
            ),
            (b"<a/>", Some("text/xml; charset=ebcdic\x1b[1m"), "UTF-16"),
            (b"\xff\xfe<\x00a", None, "no UTF-16"),
            (b"\xff\xfe\x00\xd8", None, "no UTF-16"),
        ] {
            let said = text(bytes, header).unwrap_err().to_string();
            assert!(said.contains(word) && !said.contains('\x1b'), "{said}");
        }
    }
}
