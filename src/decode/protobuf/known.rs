//! Messages that are one value: `google.protobuf.Timestamp`, wrappers, decimals, dates.

use standings_model::table::protobuf::Schema;
use standings_model::time::days_of_date;
use standings_model::types::Type;
use standings_protobuf::{Raw, Take, Wire};

use super::piece;
use crate::columns::kind;
use crate::error;
use crate::scalar::{Refused, Scalar, of_twos_complement, refuse, scalar as of_json};
use crate::times::Times;
use crate::zone::Zone;

/// What the message `bytes` is; none where that is as if it were absent.
pub(super) fn scalar<'a>(
    schema: &'a Schema,
    take: &Take,
    bytes: &'a [u8],
    zone: &Zone,
) -> Result<Option<Scalar<'a>>, Refused> {
    match take {
        Take::Instant(of) => instant(piece::times(of), bytes),
        Take::Day => {
            let [y, m, d, _] = numbers(bytes)?;
            let is_year = (1..=9999).contains(&y);
            match is_year.then(|| days_of_date(y, m, d)).flatten() {
                Some(days) => Ok(Some(Scalar::Int(days))),
                None => refuse(error::BAD_TIME, "a whole date: year, month and day"),
            }
        }
        Take::Clock => {
            let [h, m, s, n] = numbers(bytes)?;
            let fits = |n: i64, most: i64| (0..=most).contains(&n);
            if !(fits(h, 23) && fits(m, 59) && fits(s, 59) && fits(n, 999_999_999)) {
                return refuse(error::BAD_TIME, "a time of day before 24:00");
            }
            let us = ((h * 60 + m) * 60 + s) * 1_000_000 + n / 1000;
            Ok(Some(Scalar::Int(us)))
        }
        Take::DecimalText(of) => decimal_text(of, bytes, zone),
        Take::DecimalBytes { precision, scale } => decimal_bytes(*precision, *scale, bytes),
        Take::Wrapped(kind, take) => {
            let raw = last(bytes, 1)?.unwrap_or(piece::least(*kind));
            piece::scalar(schema, *kind, take, raw, zone)
        }
        _ => refuse(error::WRONG_TYPE, "a message of one value"),
    }
}

/// Calls for each field.
fn fields<'a>(bytes: &'a [u8], mut each: impl FnMut(u32, Raw<'a>)) -> Result<(), Refused> {
    let mut wire = Wire::new(bytes);
    loop {
        match wire.field() {
            Ok(Some((number, raw))) => each(number, raw),
            Ok(None) => return Ok(()),
            Err(broken) => {
                let what = format!("a whole message; its {broken}");
                return refuse(error::MALFORMED, what);
            }
        }
    }
}

/// The last field with a number.
fn last(bytes: &[u8], number: u32) -> Result<Option<Raw<'_>>, Refused> {
    let mut found = None;
    fields(bytes, |n, raw| {
        if n == number {
            found = Some(raw);
        }
    })?;
    Ok(found)
}

/// Fields 1 to 4, which are whole numbers.
fn numbers(bytes: &[u8]) -> Result<[i64; 4], Refused> {
    let mut all = [0; 4];
    let mut is_other = false;
    fields(bytes, |number, raw| {
        let place = (number as usize).wrapping_sub(1);
        match (all.get_mut(place), raw) {
            (Some(n), Raw::Varint(v)) => *n = v as i64,
            (Some(_), _) => is_other = true,
            (None, _) => {}
        }
    })?;
    match is_other {
        true => refuse(error::WRONG_TYPE, "a message of whole numbers"),
        false => Ok(all),
    }
}

fn instant(times: Times, bytes: &[u8]) -> Result<Option<Scalar<'static>>, Refused> {
    let [seconds, nanos, ..] = numbers(bytes)?;
    let nanos = nanos as i32;
    if !(0..1_000_000_000).contains(&nanos) {
        return refuse(error::BAD_TIME, "nanoseconds from 0 to 999,999,999");
    }
    let us = seconds.checked_mul(1_000_000);
    let us = us.and_then(|us| us.checked_add(i64::from(nanos) / 1000));
    match us.and_then(|us| times.kept(us)) {
        Some(us) => Ok(Some(Scalar::Int(us))),
        None => refuse(error::TIME_OUT_OF_RANGE, "a time of the years 1 to 9999"),
    }
}

/// Its text is a number a little more freely written than JSON's: `+1`, `.5`, `5.`; none is 0.
fn decimal_text<'a>(of: &Type, bytes: &[u8], zone: &Zone) -> Result<Option<Scalar<'a>>, Refused> {
    let text = match last(bytes, 1)? {
        None => "",
        Some(Raw::Bytes(text)) => std::str::from_utf8(text).unwrap_or("?"),
        Some(_) => return refuse(error::WRONG_TYPE, "a text that is a number"),
    };
    let plain = text.strip_prefix('+').unwrap_or(text);
    let (sign, plain) = match plain.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", plain),
    };
    let (digits, exponent) = match plain.find(['e', 'E']) {
        Some(at) => plain.split_at(at),
        None => (plain, ""),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let has_digits = text.is_empty() || !matches!(digits, "" | ".");
    let whole = match whole.trim_start_matches('0') {
        "" if has_digits => "0",
        whole => whole,
    };
    let point = if fraction.is_empty() { "" } else { "." };
    let number = format!("\"{sign}{whole}{point}{fraction}{exponent}\"");
    // A quote or an escape in it is no number all the same.
    let number = match number.contains('\\') || number[1..number.len() - 1].contains('"') {
        true => "\"?\"".to_owned(),
        false => number,
    };
    match of_json(kind(of, false, &Default::default()), &number, zone)? {
        Scalar::Decimal(n) => Ok(Some(Scalar::Decimal(n))),
        _ => refuse(error::BAD_AMOUNT, "a text that is a number"),
    }
}

fn decimal_bytes(precision: u8, to: u8, bytes: &[u8]) -> Result<Option<Scalar<'static>>, Refused> {
    let (mut digits, mut scale, mut is_other) = (&[][..], 0i32, false);
    fields(bytes, |number, raw| match (number, raw) {
        (1, Raw::Bytes(of)) => digits = of,
        (3, Raw::Varint(n)) => scale = n as i32,
        (1 | 3, _) => is_other = true,
        _ => {}
    })?;
    if is_other {
        return refuse(error::WRONG_TYPE, "digits and their scale");
    }
    let unscaled = match digits {
        [] => Some(0),
        digits => of_twos_complement(digits),
    };
    let Some(unscaled) = unscaled else {
        return refuse(
            error::AMOUNT_OUT_OF_RANGE,
            format!("at most {precision} digits in all"),
        );
    };
    let more = i64::from(to) - i64::from(scale);
    let power = |n: i64| u32::try_from(n).ok().and_then(|n| 10i128.checked_pow(n));
    let scaled = match (unscaled, more) {
        (0, _) => Some(0),
        (n, 0..) => power(more).and_then(|p| n.checked_mul(p)),
        // More digits than there are leave something over.
        (n, _) => match power(-more) {
            Some(p) if n % p == 0 => Some(n / p),
            _ => {
                let allowed = format!(
                    "at most {to} fraction digits; declare DECIMAL(…, {scale}), or round it in a computed column"
                );
                return refuse(error::BAD_AMOUNT, allowed);
            }
        },
    };
    match scaled {
        Some(n) if n.unsigned_abs() < 10u128.pow(u32::from(precision)) => {
            Ok(Some(Scalar::Decimal(n)))
        }
        _ => refuse(
            error::AMOUNT_OUT_OF_RANGE,
            format!("at most {precision} digits in all"),
        ),
    }
}
