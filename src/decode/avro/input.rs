//! The bytes of a record as they are read, and what is left of its budget.

use super::schema::{DEPTH, Id, Node, Schema};

/// Why a record is not one of its schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Broken {
    /// It ends too early.
    Cut,
    /// A number of more than 64 bits.
    Varint,
    /// A size below zero, or beyond what is there.
    Size(i64),
    /// A branch, or a symbol, that there is none of.
    Branch(i64),
    /// A boolean that is neither.
    Boolean(u8),
    /// Values in values.
    Deep,
    /// More parts than a record of its length may have.
    Budget,
}

/// A record from a place on.
pub(super) struct Input<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Parts of arrays and maps that may still be made.
    budget: usize,
    pub(super) depth: usize,
}

type Read<T> = Result<T, Broken>;

impl<'a> Input<'a> {
    pub(super) fn new(bytes: &'a [u8], at: usize, budget: usize) -> Self {
        Input {
            bytes,
            at,
            budget,
            depth: 0,
        }
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Reads once more from a place that was read before.
    #[inline]
    pub(super) fn back_to(&mut self, at: usize) {
        self.at = at;
    }

    /// Bytes that are left.
    pub(super) fn rest(&self) -> usize {
        self.bytes.len() - self.at
    }

    #[inline]
    pub(super) fn byte(&mut self) -> Read<u8> {
        let byte = *self.bytes.get(self.at).ok_or(Broken::Cut)?;
        self.at += 1;
        Ok(byte)
    }

    #[inline]
    pub(super) fn take(&mut self, n: usize) -> Read<&'a [u8]> {
        let end = self.at.checked_add(n).ok_or(Broken::Cut)?;
        let taken = self.bytes.get(self.at..end).ok_or(Broken::Cut)?;
        self.at = end;
        Ok(taken)
    }

    /// A whole number of up to 64 bits.
    #[inline]
    pub(super) fn long(&mut self) -> Read<i64> {
        let first = self.byte()?;
        if first < 0x80 {
            return Ok(unzigzag(u64::from(first)));
        }
        let mut n = u64::from(first & 0x7f);
        let mut shift = 7;
        loop {
            let byte = self.byte()?;
            // The tenth byte has room for one bit.
            if shift == 63 && byte > 1 {
                return Err(Broken::Varint);
            }
            n |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(unzigzag(n));
            }
            shift += 7;
        }
    }

    /// A whole number of 32 bits.
    #[inline]
    pub(super) fn int(&mut self) -> Read<i64> {
        let n = self.long()?;
        match i32::try_from(n) {
            Ok(_) => Ok(n),
            Err(_) => Err(Broken::Varint),
        }
    }

    /// How many bytes follow, and those.
    #[inline]
    pub(super) fn sized(&mut self) -> Read<&'a [u8]> {
        let size = self.long()?;
        match usize::try_from(size) {
            Ok(n) if n <= self.rest() => self.take(n),
            Ok(_) => Err(Broken::Cut),
            Err(_) => Err(Broken::Size(size)),
        }
    }

    pub(super) fn boolean(&mut self) -> Read<bool> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(Broken::Boolean(other)),
        }
    }

    pub(super) fn float(&mut self) -> Read<f32> {
        let bytes = self.take(4)?;
        Ok(bytes.try_into().map_or(0.0, f32::from_le_bytes))
    }

    pub(super) fn double(&mut self) -> Read<f64> {
        let bytes = self.take(8)?;
        Ok(bytes.try_into().map_or(0.0, f64::from_le_bytes))
    }

    /// Which of so many.
    #[inline]
    pub(super) fn choice(&mut self, of: usize) -> Read<usize> {
        let n = self.long()?;
        match usize::try_from(n) {
            Ok(choice) if choice < of => Ok(choice),
            _ => Err(Broken::Branch(n)),
        }
    }

    /// How many parts the next block of an array or a map has, and in how many bytes, where that is said; none after the last.
    pub(super) fn block(&mut self) -> Read<Option<(u64, Option<usize>)>> {
        let n = self.long()?;
        if n == 0 {
            return Ok(None);
        }
        if n > 0 {
            return Ok(Some((n.unsigned_abs(), None)));
        }
        let size = self.long()?;
        match usize::try_from(size) {
            Ok(bytes) if bytes <= self.rest() => Ok(Some((n.unsigned_abs(), Some(bytes)))),
            Ok(_) => Err(Broken::Cut),
            Err(_) => Err(Broken::Size(size)),
        }
    }

    /// One more part of an array or a map is made.
    #[inline]
    pub(super) fn part(&mut self) -> Read<()> {
        self.budget = self.budget.checked_sub(1).ok_or(Broken::Budget)?;
        Ok(())
    }

    /// One more value in a value.
    pub(super) fn deeper(&mut self) -> Read<()> {
        self.depth += 1;
        match self.depth > DEPTH {
            true => Err(Broken::Deep),
            false => Ok(()),
        }
    }

    /// Passes over a value.
    pub(super) fn skip(&mut self, schema: &Schema, id: Id) -> Read<()> {
        match &schema.types[id].node {
            Node::Null | Node::Open => Ok(()),
            Node::Boolean => self.boolean().map(drop),
            Node::Int => self.int().map(drop),
            Node::Long => self.long().map(drop),
            Node::Float => self.take(4).map(drop),
            Node::Double => self.take(8).map(drop),
            Node::Bytes | Node::Text => self.sized().map(drop),
            Node::Fixed(n) => self.take(*n).map(drop),
            Node::Enum(symbols) => self.choice(symbols.len()).map(drop),
            Node::Union(branches) => {
                let branch = self.choice(branches.len())?;
                self.skip(schema, branches[branch])
            }
            Node::Record(fields) => {
                self.deeper()?;
                // Records of records of nothing: twice as many a level, and no byte.
                self.part()?;
                for field in fields {
                    self.skip(schema, field.of)?;
                }
                self.depth -= 1;
                Ok(())
            }
            Node::Array(inner) => self.skip_blocks(schema, *inner, false),
            Node::Map(inner) => self.skip_blocks(schema, *inner, true),
        }
    }

    fn skip_blocks(&mut self, schema: &Schema, inner: Id, is_map: bool) -> Read<()> {
        self.deeper()?;
        while let Some((parts, bytes)) = self.block()? {
            // What says its size may be damaged inside: what is not read is not judged.
            if let Some(bytes) = bytes {
                self.take(bytes)?;
                continue;
            }
            for _ in 0..parts {
                let before = self.at;
                if is_map {
                    self.sized()?;
                }
                self.skip(schema, inner)?;
                // A part of no bytes costs nothing to write, and so nothing to write millions of.
                if self.at == before {
                    self.part()?;
                }
            }
        }
        self.depth -= 1;
        Ok(())
    }
}

#[inline]
fn unzigzag(n: u64) -> i64 {
    (n >> 1) as i64 ^ -((n & 1) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        for (bytes, want) in [
            (&[0u8][..], Ok(0)),
            (&[1], Ok(-1)),
            (&[0x80, 1], Ok(64)),
            (&[0xff; 9], Err(Broken::Cut)),
            (
                &[0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1],
                Ok(i64::MAX),
            ),
            (
                &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1],
                Ok(i64::MIN),
            ),
            (
                &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2],
                Err(Broken::Varint),
            ),
            (&[], Err(Broken::Cut)),
        ] {
            assert_eq!(Input::new(bytes, 0, 0).long(), want, "{bytes:x?}");
        }
        assert_eq!(
            Input::new(&[0x80, 0x80, 0x80, 0x80, 0x10], 0, 0).int(),
            Err(Broken::Varint)
        );
    }

    #[test]
    fn what_is_passed_over_has_an_end() {
        let ends = |schema: &str, bytes: &[u8]| Schema::parse(schema).unwrap().end_of(bytes, 0);
        let nulls = r#"{"type":"array","items":"null"}"#;
        assert_eq!(ends(nulls, &[4, 0]), Some(2));
        assert_eq!(ends(nulls, &[2, 0, 0]), Some(2));
        // 2^62 of them.
        let many = [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1, 0];
        assert_eq!(ends(nulls, &many), None);
        // A block that says its size, and one of less than none.
        let ints = r#"{"type":"array","items":"int"}"#;
        assert_eq!(ends(ints, &[3, 4, 2, 2, 0, 9]), Some(5));
        assert_eq!(ends(ints, &[3, 3, 0]), None);
        let list = r#"{"type":"record","name":"L","fields":[{"name":"n","type":["null","L"]}]}"#;
        assert_eq!(ends(list, &[2, 2, 0]), Some(3));
        assert_eq!(ends(list, &[2; 1000]), None);
        let mut doubled = r#"{"type":"record","name":"R0","fields":[]}"#.to_owned();
        for n in 1..40 {
            let last = n - 1;
            doubled = format!(
                r#"{{"type":"record","name":"R{n}","fields":[{{"name":"a","type":{doubled}}},{{"name":"b","type":"R{last}"}}]}}"#
            );
        }
        assert_eq!(ends(&doubled, &[]), None);
    }
}
