//! Values as bytes: the key that rows are joined by, and what is taken of what they are joined with.
//!
//! A key is the same bytes for values that are equal, whatever the types of the two sides: `5` and `5.00`.

use standings_model::types::Type;
use standings_model::value::Value;

const NULL: u8 = 0;
const BYTES: u8 = 1;
const NUMBER: u8 = 2;

/// Appends a value to a key; whether there is one, since NULL joins nothing.
pub(super) fn push_key(
    out: &mut Vec<u8>,
    kind: &Type,
    bytes: Option<&[u8]>,
    number: Option<i128>,
) -> bool {
    match (bytes, number) {
        (Some(bytes), _) => push_bytes(out, bytes),
        (None, Some(n)) => {
            let (mut n, mut scale) = (n, kind.scale());
            while scale > 0 && n % 10 == 0 {
                (n, scale) = (n / 10, scale - 1);
            }
            out.push(NUMBER);
            out.extend_from_slice(&n.to_le_bytes());
            out.push(scale);
        }
        (None, None) => return false,
    }
    true
}

/// Appends a value.
pub(super) fn push(out: &mut Vec<u8>, bytes: Option<&[u8]>, number: Option<i128>) {
    match (bytes, number) {
        (Some(bytes), _) => push_bytes(out, bytes),
        (None, Some(n)) => {
            out.push(NUMBER);
            out.extend_from_slice(&n.to_le_bytes());
        }
        (None, None) => out.push(NULL),
    }
}

fn push_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(BYTES);
    out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    out.extend_from_slice(bytes);
}

/// Takes the next value off the front of what [`push`] wrote.
pub(super) fn next(input: &mut &[u8], kind: &Type) -> Option<Value> {
    let (tag, rest) = input.split_first()?;
    *input = rest;
    let mut take = |n: usize| {
        let (head, rest) = input.split_at_checked(n)?;
        *input = rest;
        Some(head)
    };
    match *tag {
        NULL => Some(Value::Null),
        BYTES => {
            let length = u32::from_le_bytes(take(4)?.try_into().ok()?);
            Some(Value::of_bytes(take(length as usize)?, kind))
        }
        NUMBER => {
            let n = i128::from_le_bytes(take(16)?.try_into().ok()?);
            Some(Value::of_number(n, kind))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_equal_has_one_key() {
        let key = |kind: &Type, n| {
            let mut out = Vec::new();
            assert!(push_key(&mut out, kind, None, Some(n)));
            out
        };
        let (whole, two, four) = (Type::BIGINT, Type::decimal(10, 2), Type::decimal(10, 4));
        assert_eq!(key(&whole, 50), key(&two, 5_000));
        assert_eq!(key(&two, 123), key(&four, 12_300));
        assert_eq!(key(&two, 0), key(&whole, 0));
        assert_ne!(key(&two, 123), key(&whole, 123));
        assert!(!push_key(&mut Vec::new(), &whole, None, None));
        // Two texts are not one that is as long as both.
        let texts = |a: &[u8], b: &[u8]| {
            let mut out = Vec::new();
            push_key(&mut out, &Type::STRING, Some(a), None);
            push_key(&mut out, &Type::STRING, Some(b), None);
            out
        };
        assert_ne!(texts(b"ab", b"c"), texts(b"a", b"bc"));
    }

    #[test]
    fn values_come_back() {
        let mut out = Vec::new();
        push(&mut out, Some(b"north"), None);
        push(&mut out, None, None);
        push(&mut out, None, Some(-5));
        let mut input = &out[..];
        assert_eq!(next(&mut input, &Type::STRING), Some(Value::text("north")));
        assert_eq!(next(&mut input, &Type::STRING), Some(Value::Null));
        assert_eq!(
            next(&mut input, &Type::decimal(9, 1)),
            Some(Value::decimal(-5, 1))
        );
        assert_eq!(next(&mut input, &Type::BIGINT), None);
        assert_eq!(next(&mut &[BYTES, 9, 0, 0, 0, 1][..], &Type::STRING), None);
    }
}
