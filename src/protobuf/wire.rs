//! The wire format: a message is fields, each a number and a value in one of five shapes.
//!
//! Nothing is allocated, and nothing recurses: groups, which may lie in each other, are walked with a list of those that
//! are open.

/// Groups that may lie in each other.
const DEPTH: usize = 64;
/// The greatest number of a field.
const MOST: u64 = (1 << 29) - 1;

/// A value as it lies there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Raw<'a> {
    /// Seven bits a byte.
    Varint(u64),
    /// Eight bytes.
    Eight(u64),
    /// Four bytes.
    Four(u32),
    /// A text, bytes, a message, or several values without tags.
    Bytes(&'a [u8]),
    /// A message between two tags.
    Group(&'a [u8]),
}

impl Raw<'_> {
    /// What it is, for a person.
    pub fn name(&self) -> &'static str {
        match self {
            Raw::Varint(_) => "a varint",
            Raw::Eight(_) => "eight bytes",
            Raw::Four(_) => "four bytes",
            Raw::Bytes(_) => "bytes with a length",
            Raw::Group(_) => "a group",
        }
    }
}

/// Where a message is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("byte {at}: {what}")]
pub struct Broken {
    /// The byte of the message.
    pub at: usize,
    /// What is wrong there.
    pub what: &'static str,
}

/// The fields of a message, in the order that they lie in.
#[derive(Clone, Copy, Debug)]
pub struct Wire<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Wire<'a> {
    /// Of all fields.
    pub fn new(bytes: &'a [u8]) -> Self {
        Wire { bytes, at: 0 }
    }

    /// Which byte is next.
    pub fn at(&self) -> usize {
        self.at
    }

    fn broken<T>(&self, what: &'static str) -> Result<T, Broken> {
        Err(Broken { at: self.at, what })
    }

    /// The next field: its number and its value.
    #[inline]
    pub fn field(&mut self) -> Result<Option<(u32, Raw<'a>)>, Broken> {
        if self.at >= self.bytes.len() {
            return Ok(None);
        }
        let (number, shape) = self.tag()?;
        let raw = match shape {
            3 => self.group(number)?,
            4 => return self.broken("the end of a group that has no beginning"),
            shape => self.value(shape)?,
        };
        Ok(Some((number, raw)))
    }

    /// The next of several values of one shape, without tags.
    pub fn packed(&mut self, like: Raw<'_>) -> Result<Option<Raw<'a>>, Broken> {
        if self.at >= self.bytes.len() {
            return Ok(None);
        }
        let shape = match like {
            Raw::Varint(_) => 0,
            Raw::Eight(_) => 1,
            _ => 5,
        };
        self.value(shape).map(Some)
    }

    #[inline]
    fn tag(&mut self) -> Result<(u32, u8), Broken> {
        let start = self.at;
        let tag = self.varint()?;
        let number = tag >> 3;
        if number == 0 || number > MOST {
            self.at = start;
            return self.broken("a field with a number that no field has");
        }
        Ok((number as u32, (tag & 7) as u8))
    }

    #[inline]
    fn value(&mut self, shape: u8) -> Result<Raw<'a>, Broken> {
        match shape {
            0 => self.varint().map(Raw::Varint),
            1 => self.take::<8>().map(|b| Raw::Eight(u64::from_le_bytes(b))),
            2 => {
                let length = self.varint()?;
                let rest = self.bytes.len() - self.at;
                match usize::try_from(length) {
                    Ok(length) if length <= rest => {
                        let bytes = &self.bytes[self.at..self.at + length];
                        self.at += length;
                        Ok(Raw::Bytes(bytes))
                    }
                    _ => self.broken("a length beyond the end"),
                }
            }
            5 => self.take::<4>().map(|b| Raw::Four(u32::from_le_bytes(b))),
            _ => self.broken("a field of a shape that there is not"),
        }
    }

    #[inline]
    fn varint(&mut self) -> Result<u64, Broken> {
        // Of most fields tag and value have one byte.
        if let Some(&byte) = self.bytes.get(self.at)
            && byte < 0x80
        {
            self.at += 1;
            return Ok(u64::from(byte));
        }
        self.long_varint()
    }

    fn long_varint(&mut self) -> Result<u64, Broken> {
        let mut n = 0;
        for (place, &byte) in self.bytes[self.at..].iter().enumerate() {
            if place == 9 && byte > 1 {
                return self.broken("a varint of more than 64 bits");
            }
            n |= u64::from(byte & 0x7f) << (7 * place);
            if byte < 0x80 {
                self.at += place + 1;
                return Ok(n);
            }
        }
        self.broken("a varint without its end")
    }

    #[inline]
    fn take<const N: usize>(&mut self) -> Result<[u8; N], Broken> {
        match self.bytes[self.at..].first_chunk::<N>() {
            Some(chunk) => {
                self.at += N;
                Ok(*chunk)
            }
            None => self.broken("a number without its end"),
        }
    }

    /// All up to the end of the group with this number.
    fn group(&mut self, number: u32) -> Result<Raw<'a>, Broken> {
        let start = self.at;
        let mut open = vec![number];
        loop {
            if self.at >= self.bytes.len() {
                return self.broken("a group without its end");
            }
            let tag_at = self.at;
            let (number, shape) = self.tag()?;
            match shape {
                3 if open.len() >= DEPTH => return self.broken("groups in groups, too deep"),
                3 => open.push(number),
                4 if open.last() == Some(&number) => {
                    open.pop();
                    if open.is_empty() {
                        return Ok(Raw::Group(&self.bytes[start..tag_at]));
                    }
                }
                4 => return self.broken("the end of another group"),
                shape => {
                    self.value(shape)?;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(bytes: &[u8]) -> Result<Vec<(u32, Raw<'_>)>, Broken> {
        let mut wire = Wire::new(bytes);
        let mut found = Vec::new();
        while let Some(field) = wire.field()? {
            found.push(field);
        }
        Ok(found)
    }

    #[test]
    fn fields_as_they_lie_there() {
        let bytes = [
            0x08, 0x96, 0x01, // 1: 150
            0x12, 0x02, b'h', b'i', // 2: "hi"
            0x1d, 1, 0, 0, 0, // 3: four bytes
            0x21, 1, 0, 0, 0, 0, 0, 0, 0, // 4: eight bytes
            0x2b, 0x08, 0x01, 0x33, 0x34, 0x2c, // 5: a group with 1 and an empty group 6
        ];
        assert_eq!(
            all(&bytes).unwrap(),
            [
                (1, Raw::Varint(150)),
                (2, Raw::Bytes(b"hi")),
                (3, Raw::Four(1)),
                (4, Raw::Eight(1)),
                (5, Raw::Group(&[0x08, 0x01, 0x33, 0x34])),
            ]
        );
        assert_eq!(all(&[]), Ok(Vec::new()));
    }

    #[test]
    fn greatest_varint_and_one_bit_more() {
        let mut most = vec![0x08];
        most.extend([0xff; 9]);
        most.push(1);
        assert_eq!(all(&most).unwrap(), [(1, Raw::Varint(u64::MAX))]);
        most[10] = 2;
        assert_eq!(
            all(&most).unwrap_err().what,
            "a varint of more than 64 bits"
        );
        most[10] = 0x80;
        assert_eq!(all(&most).unwrap_err().at, 1);
    }

    #[test]
    fn what_is_broken_says_where() {
        for (bytes, at) in [
            (&[0x08][..], 1),
            (&[0x08, 0x80], 1),
            (&[0x12, 0x05, b'h'], 2),
            (
                &[
                    0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1,
                ],
                11,
            ),
            (&[0x1d, 1, 0], 1),
            (&[0x21, 1, 0, 0, 0], 1),
            (&[0x00, 0x01], 0),
            (&[0x0e, 0x01], 1),
            (&[0x0c], 1),
            (&[0x0b, 0x08, 0x01], 3),
            (&[0x0b, 0x14], 2),
            (&[0x80, 0x80, 0x80, 0x80, 0x10, 0x01], 0),
        ] {
            assert_eq!(all(bytes).unwrap_err().at, at, "{bytes:?}");
        }
        let deep = vec![0x0b; 1000];
        assert_eq!(all(&deep).unwrap_err().what, "groups in groups, too deep");
    }
}
