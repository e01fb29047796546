//! A default of proto2, as descriptors write it.

use standings_model::table::protobuf::{Kind, Schema};
use standings_protobuf::Raw;

/// The value that a text stands for, as it would lie in a message; bytes are written to `room`.
pub(super) fn raw<'a>(
    schema: &Schema,
    kind: Kind,
    text: &str,
    room: &'a mut Vec<u8>,
) -> Option<Raw<'a>> {
    let whole = || text.parse::<i128>().ok();
    Some(match kind {
        Kind::Bool => Raw::Varint(u64::from(text == "true")),
        // A negative number of 32 bits is written with 64.
        Kind::Int32 | Kind::Int64 | Kind::Uint32 | Kind::Uint64 => Raw::Varint(whole()? as u64),
        Kind::Sint32 | Kind::Sint64 => {
            let n = whole()? as i64;
            Raw::Varint(((n << 1) ^ (n >> 63)) as u64)
        }
        Kind::Fixed32 | Kind::Sfixed32 => Raw::Four(whole()? as u32),
        Kind::Fixed64 | Kind::Sfixed64 => Raw::Eight(whole()? as u64),
        // Descriptors write `inf`, `-inf` and `nan`, as Rust reads them.
        Kind::Float => Raw::Four(text.parse::<f32>().ok()?.to_bits()),
        Kind::Double => Raw::Eight(text.parse::<f64>().ok()?.to_bits()),
        Kind::Enum(number) => {
            let mut values = schema.enums.get(number)?.values.iter();
            let (_, n) = values.find(|(name, _)| name == text)?;
            Raw::Varint(i64::from(*n) as u64)
        }
        Kind::String => {
            room.extend_from_slice(text.as_bytes());
            Raw::Bytes(room)
        }
        Kind::Bytes => {
            unescape(text.as_bytes(), room)?;
            Raw::Bytes(room)
        }
        Kind::Message(_) | Kind::Group(_) => return None,
    })
}

/// Bytes are written as C writes them: `\n`, `\303`, `\x1f`.
fn unescape(text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        let sign = *rest.first()?;
        let number = |digits: &[u8], base| {
            let digits = std::str::from_utf8(digits).ok()?;
            u8::from_str_radix(digits, base).ok()
        };
        let (byte, length) = match sign {
            b'n' => (b'\n', 1),
            b'r' => (b'\r', 1),
            b't' => (b'\t', 1),
            b'x' => (number(rest.get(1..3)?, 16)?, 3),
            b'0'..=b'3' => (number(rest.get(..3)?, 8)?, 3),
            other => (other, 1),
        };
        out.push(byte);
        rest = rest.get(length..)?;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_as_they_are_written() {
        let schema = Schema::default();
        for (kind, text, want) in [
            (Kind::Bool, "true", Raw::Varint(1)),
            (Kind::Int32, "-1", Raw::Varint(u64::MAX)),
            (Kind::Sint64, "-2", Raw::Varint(3)),
            (Kind::Uint64, "18446744073709551615", Raw::Varint(u64::MAX)),
            (Kind::Sfixed32, "-1", Raw::Four(u32::MAX)),
            (Kind::Float, "1.5", Raw::Four(1.5f32.to_bits())),
            (
                Kind::Double,
                "-inf",
                Raw::Eight(f64::NEG_INFINITY.to_bits()),
            ),
            (Kind::String, "a\\n", Raw::Bytes(b"a\\n")),
            (
                Kind::Bytes,
                "a\\303\\x1f\\n\\\\\\\"",
                Raw::Bytes(b"a\xc3\x1f\n\\\""),
            ),
        ] {
            let mut room = Vec::new();
            assert_eq!(raw(&schema, kind, text, &mut room), Some(want), "{text}");
        }
        let mut room = Vec::new();
        assert_eq!(raw(&schema, Kind::Bytes, "a\\", &mut room), None);
        assert_eq!(raw(&schema, Kind::Int32, "x", &mut room), None);
    }
}
