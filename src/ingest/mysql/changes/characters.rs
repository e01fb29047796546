//! Texts of a column's own characters, in UTF-8.
//!
//! | character set | read as |
//! | --- | --- |
//! | utf8mb4, utf8mb3, ascii | UTF-8 |
//! | latin1 | Windows-1252, and what that leaves out is itself |
//! | ucs2, utf16, utf16le, utf32 | themselves |
//! | those that browsers know (latin2, cp1250, cp1251, koi8r, gbk, big5, sjis, ujis, euckr, …) | themselves |
//! | binary | bytes |
//!
//! Another one is refused by its name, before anything is read.

use encoding_rs::Encoding;

/// How a column's bytes are read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Characters {
    /// UTF-8, as they are.
    Utf8,
    /// Windows-1252, by bytes.
    Latin1,
    /// Two bytes each, or pairs of them, the highest first.
    Utf16,
    /// The lowest first.
    Utf16Le,
    /// Four each.
    Utf32,
    /// One that browsers know.
    Known(&'static Encoding),
}

impl Characters {
    /// By the name that the database has for them.
    pub(super) fn named(name: &str) -> Option<Characters> {
        use encoding_rs::*;
        Some(match name {
            "utf8mb4" | "utf8mb3" | "utf8" | "ascii" => Characters::Utf8,
            "latin1" => Characters::Latin1,
            "ucs2" | "utf16" => Characters::Utf16,
            "utf16le" => Characters::Utf16Le,
            "utf32" => Characters::Utf32,
            "latin2" => Characters::Known(ISO_8859_2),
            "latin5" => Characters::Known(WINDOWS_1254),
            "latin7" => Characters::Known(ISO_8859_13),
            "greek" => Characters::Known(ISO_8859_7),
            "hebrew" => Characters::Known(ISO_8859_8),
            "cp1250" => Characters::Known(WINDOWS_1250),
            "cp1251" => Characters::Known(WINDOWS_1251),
            "cp1256" => Characters::Known(WINDOWS_1256),
            "cp1257" => Characters::Known(WINDOWS_1257),
            "cp866" => Characters::Known(IBM866),
            "koi8r" => Characters::Known(KOI8_R),
            "koi8u" => Characters::Known(KOI8_U),
            "tis620" => Characters::Known(WINDOWS_874),
            "gbk" | "gb2312" => Characters::Known(GBK),
            "gb18030" => Characters::Known(GB18030),
            "big5" => Characters::Known(BIG5),
            "sjis" | "cp932" => Characters::Known(SHIFT_JIS),
            "ujis" | "eucjpms" => Characters::Known(EUC_JP),
            "euckr" => Characters::Known(EUC_KR),
            _ => return None,
        })
    }

    /// Bytes in UTF-8; none: they are no text.
    pub(super) fn text(self, bytes: &[u8]) -> Option<Vec<u8>> {
        let text = match self {
            Characters::Utf8 => {
                return std::str::from_utf8(bytes)
                    .ok()
                    .map(|t| t.as_bytes().to_vec());
            }
            Characters::Latin1 => {
                let one = |b: &u8| {
                    let of = encoding_rs::WINDOWS_1252
                        .decode_without_bom_handling(std::slice::from_ref(b))
                        .0;
                    of.chars().next().unwrap_or_default()
                };
                bytes.iter().map(one).collect()
            }
            Characters::Utf16 | Characters::Utf16Le => {
                if !bytes.len().is_multiple_of(2) {
                    return None;
                }
                let of = |two: &[u8]| match self {
                    Characters::Utf16 => u16::from_be_bytes([two[0], two[1]]),
                    _ => u16::from_le_bytes([two[0], two[1]]),
                };
                let units: Vec<u16> = bytes.chunks_exact(2).map(of).collect();
                String::from_utf16(&units).ok()?
            }
            Characters::Utf32 => {
                if !bytes.len().is_multiple_of(4) {
                    return None;
                }
                let of = |four: &[u8]| {
                    char::from_u32(u32::from_be_bytes([four[0], four[1], four[2], four[3]]))
                };
                bytes.chunks_exact(4).map(of).collect::<Option<String>>()?
            }
            Characters::Known(encoding) => encoding
                .decode_without_bom_handling_and_without_replacement(bytes)?
                .into_owned(),
        };
        Some(text.into_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters() {
        let of = |name: &str, bytes: &[u8]| {
            let text = Characters::named(name).unwrap().text(bytes);
            text.map(|text| String::from_utf8(text).unwrap())
        };
        assert_eq!(
            of("latin1", b"Zo\xeb \x80 \x81").as_deref(),
            Some("Zoë € \u{81}")
        );
        assert_eq!(of("utf8mb3", "š".as_bytes()).as_deref(), Some("š"));
        assert_eq!(of("utf8mb4", b"\xff"), None);
        assert_eq!(of("utf16", &[0x03, 0xa9]).as_deref(), Some("Ω"));
        assert_eq!(of("utf16", &[0x03]), None);
        assert_eq!(of("cp1251", &[0xcf]).as_deref(), Some("П"));
        assert_eq!(Characters::named("swe7"), None);
    }
}
