//! A record as JSON, by its writer's schema: for who passes it on and has no table for it.
//!
//! Whole numbers are numbers with all their digits, decimals are texts, times are texts of RFC 3339, bytes are base64; of a
//! union the value alone is written, without its branch's name.

use standings_model::digits;

use super::super::scalar::of_twos_complement;
use super::input::{Broken, Input};
use super::logical::Logical;
use super::schema::{Id, Node, Schema};

/// Parts of arrays and maps that a record may have.
const PARTS: usize = 1 << 20;

/// Why a record is not written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotWritten {
    /// It is not one of its schema.
    #[error("it is not one of its schema")]
    Broken,
    /// A number that JSON has not got.
    #[error("it has a number that is none: NaN or infinity")]
    NoNumber,
    /// A decimal of more digits than are read.
    #[error("it has a decimal of more than 38 digits")]
    Digits,
    /// A text that is none.
    #[error("it has a text that is no UTF-8")]
    Text,
}

impl From<Broken> for NotWritten {
    fn from(_: Broken) -> Self {
        NotWritten::Broken
    }
}

type Written = Result<(), NotWritten>;

impl Schema {
    /// Appends a record as JSON.
    ///
    /// # Errors
    /// It is not one of its schema, or has a value that JSON cannot have.
    pub fn push_json(&self, record: &[u8], out: &mut Vec<u8>) -> Written {
        let mut input = Input::new(record, 0, PARTS);
        self.push(self.root, &mut input, out)
    }

    fn push(&self, id: Id, input: &mut Input<'_>, out: &mut Vec<u8>) -> Written {
        let of = &self.types[id];
        match &of.node {
            Node::Null | Node::Open => out.extend_from_slice(b"null"),
            Node::Boolean => {
                let is = input.boolean()?;
                out.extend_from_slice(if is { b"true" } else { b"false" });
            }
            Node::Int => push_whole(of.logical, input.int()?, out),
            Node::Long => push_whole(of.logical, input.long()?, out),
            Node::Float => push_float(f64::from(input.float()?), Some(input), out)?,
            Node::Double => push_float(input.double()?, None, out)?,
            Node::Bytes => push_bytes(of.logical, input.sized()?, out)?,
            Node::Fixed(n) => push_bytes(of.logical, input.take(*n)?, out)?,
            Node::Text => {
                let text = std::str::from_utf8(input.sized()?).map_err(|_| NotWritten::Text)?;
                push_text(text, out);
            }
            Node::Enum(symbols) => push_text(&symbols[input.choice(symbols.len())?], out),
            Node::Union(branches) => {
                let branch = input.choice(branches.len())?;
                self.push(branches[branch], input, out)?;
            }
            Node::Record(fields) => {
                input.deeper()?;
                input.part()?;
                out.push(b'{');
                for (n, field) in fields.iter().enumerate() {
                    if n > 0 {
                        out.push(b',');
                    }
                    push_text(&field.name, out);
                    out.push(b':');
                    self.push(field.of, input, out)?;
                }
                out.push(b'}');
                input.depth -= 1;
            }
            Node::Array(inner) => self.push_parts(*inner, false, input, out)?,
            Node::Map(inner) => self.push_parts(*inner, true, input, out)?,
        }
        Ok(())
    }

    fn push_parts(
        &self,
        inner: Id,
        is_map: bool,
        input: &mut Input<'_>,
        out: &mut Vec<u8>,
    ) -> Written {
        input.deeper()?;
        out.push(if is_map { b'{' } else { b'[' });
        let mut first = true;
        while let Some((parts, _)) = input.block()? {
            for _ in 0..parts {
                input.part()?;
                if !std::mem::take(&mut first) {
                    out.push(b',');
                }
                if is_map {
                    let name = std::str::from_utf8(input.sized()?).map_err(|_| NotWritten::Text)?;
                    push_text(name, out);
                    out.push(b':');
                }
                self.push(inner, input, out)?;
            }
        }
        out.push(if is_map { b'}' } else { b']' });
        input.depth -= 1;
        Ok(())
    }
}

/// A whole number, or the time that it is.
fn push_whole(logical: Option<Logical>, n: i64, out: &mut Vec<u8>) {
    let us = |digits: u8| match digits {
        3 => n.checked_mul(1000),
        6 => Some(n),
        // Nanoseconds that are no whole microseconds stay a number.
        _ => (n % 1000 == 0).then_some(n / 1000),
    };
    let quoted = |out: &mut Vec<u8>, push: fn(&mut Vec<u8>, i64), n: i64| {
        out.push(b'"');
        push(out, n);
        out.push(b'"');
    };
    match logical {
        Some(Logical::Date) => quoted(out, digits::push_date, n),
        Some(Logical::Clock { digits: d }) if us(d).is_some() => {
            quoted(out, digits::push_clock, us(d).unwrap_or_default());
        }
        Some(Logical::Instant { digits: d }) if us(d).is_some() => {
            quoted(out, digits::push_instant, us(d).unwrap_or_default());
        }
        Some(Logical::Local { digits: d }) if us(d).is_some() => {
            quoted(out, digits::push_timestamp, us(d).unwrap_or_default());
        }
        _ => out.extend_from_slice(n.to_string().as_bytes()),
    }
}

/// A floating point number by its shortest text; of one of 32 bits that of 32 bits.
fn push_float(n: f64, of_32: Option<&mut Input<'_>>, out: &mut Vec<u8>) -> Written {
    if !n.is_finite() {
        return Err(NotWritten::NoNumber);
    }
    match of_32 {
        Some(_) => out.extend_from_slice((n as f32).to_string().as_bytes()),
        None => digits::push_double(out, n),
    }
    Ok(())
}

fn push_bytes(logical: Option<Logical>, bytes: &[u8], out: &mut Vec<u8>) -> Written {
    out.push(b'"');
    match (logical, bytes) {
        (Some(Logical::Decimal { scale }), _) => {
            let unscaled = of_twos_complement(bytes).ok_or(NotWritten::Digits)?;
            digits::push_decimal(out, unscaled, scale);
        }
        (Some(Logical::Uuid), [_, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _]) => {
            for (n, byte) in bytes.iter().enumerate() {
                if [4, 6, 8, 10].contains(&n) {
                    out.push(b'-');
                }
                out.extend_from_slice(format!("{byte:02x}").as_bytes());
            }
        }
        _ => digits::push_base64(out, bytes),
    }
    out.push(b'"');
    Ok(())
}

fn push_text(text: &str, out: &mut Vec<u8>) {
    // A text always has a JSON form.
    out.extend_from_slice(&serde_json::to_vec(text).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_of_all_kinds() {
        let schema = r#"{"type":"record","name":"R","fields":[
            {"name":"id","type":"long"},
            {"name":"amount","type":{"type":"bytes","logicalType":"decimal","precision":10,"scale":2}},
            {"name":"at","type":{"type":"long","logicalType":"timestamp-millis"}},
            {"name":"day","type":{"type":"int","logicalType":"date"}},
            {"name":"note","type":["null","string"]},
            {"name":"tags","type":{"type":"array","items":"string"}},
            {"name":"raw","type":{"type":"fixed","name":"F","size":2}},
            {"name":"x","type":"float"}]}"#;
        let schema = Schema::parse(schema).unwrap();
        let mut record = Vec::new();
        let long = |out: &mut Vec<u8>, n: i64| {
            let mut z = ((n << 1) ^ (n >> 63)) as u64;
            while z >= 0x80 {
                out.push((z as u8 & 0x7f) | 0x80);
                z >>= 7;
            }
            out.push(z as u8);
        };
        long(&mut record, 9_007_199_254_740_993);
        record.extend([4, 0xff, 0x85]);
        long(&mut record, 1_769_126_400_000);
        long(&mut record, 0);
        record.extend([2, 4, b'"', b'b']);
        record.extend([2, 2, b'a', 0]);
        record.extend([1, 2]);
        record.extend(0.1f32.to_le_bytes());
        let mut out = Vec::new();
        schema.push_json(&record, &mut out).unwrap();
        let want = r#"{"id":9007199254740993,"amount":"-1.23","at":"2026-01-23T00:00:00Z","day":"1970-01-01","note":"\"b","tags":["a"],"raw":"AQI=","x":0.1}"#;
        assert_eq!(String::from_utf8(out).unwrap(), want);
        for cut in 0..record.len() {
            assert_eq!(
                schema.push_json(&record[..cut], &mut Vec::new()),
                Err(NotWritten::Broken),
                "{cut}"
            );
        }
        let nan = [&record[..record.len() - 4], &f32::NAN.to_le_bytes()[..]].concat();
        assert_eq!(
            schema.push_json(&nan, &mut Vec::new()),
            Err(NotWritten::NoNumber)
        );
    }
}
