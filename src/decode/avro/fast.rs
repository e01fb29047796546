//! What most fields are, read at once: text, whole numbers, times, decimals, and these or null. It never refuses: what it does
//! not take is read again, from where it began, by the way that makes errors.

use super::super::cell::Cell;
use super::convert::{Convert, Unit, Whole};
use super::input::Input;

/// Powers of ten that 64 bits hold, up to 10^18.
const TENS: [u64; 19] = {
    let mut all = [1; 19];
    let mut n = 1;
    while n < 19 {
        all[n] = all[n - 1] * 10;
        n += 1;
    }
    all
};

/// Reads a value, if it is an easy one that is not null.
#[inline]
pub(super) fn fast(convert: &Convert, input: &mut Input<'_>) -> Option<Cell> {
    let begin = input.at();
    let some = match convert {
        Convert::Option { null, some } => match input.choice(2) {
            Ok(choice) if choice != *null => some,
            _ => {
                input.back_to(begin);
                return None;
            }
        },
        convert => convert,
    };
    let cell = value(some, input);
    if cell.is_none() {
        input.back_to(begin);
    }
    cell
}

#[inline(always)]
fn value(convert: &Convert, input: &mut Input<'_>) -> Option<Cell> {
    match *convert {
        Convert::Text { size: None, most } => {
            let bytes = input.sized().ok()?;
            // Each is a byte, and none of them 0: neither length nor form can be wrong.
            let odd = bytes.iter().fold(0, |odd, b| odd | b | b.wrapping_sub(1));
            let is_plain = odd & 0x80 == 0 || is_text(bytes);
            let end = input.at();
            (is_plain && bytes.len() <= most as usize).then_some(Cell::Text {
                start: (end - bytes.len()) as u32,
                end: end as u32,
                scratch: false,
            })
        }
        Convert::Time {
            whole,
            unit: Unit::Times(by),
            times,
            local: false,
        } => {
            let n = match whole {
                Whole::Int => input.int().ok()?,
                Whole::Long => input.long().ok()?,
            };
            times.kept(n.checked_mul(by)?).map(Cell::Int)
        }
        Convert::Decimal {
            size: None,
            from,
            precision,
            scale,
        } if from == scale => {
            let bytes = input.sized().ok()?;
            let first = *bytes.first()?;
            let fill = if first >= 0x80 { 0xff } else { 0 };
            let mut word = [fill; 8];
            let at = 8usize.checked_sub(bytes.len())?;
            word[at..].copy_from_slice(bytes);
            let n = i64::from_be_bytes(word);
            let fits = TENS
                .get(usize::from(precision))
                .is_none_or(|most| n.unsigned_abs() < *most);
            fits.then_some(Cell::Decimal(i128::from(n)))
        }
        Convert::Integer { whole, width } => {
            let n = match whole {
                Whole::Int => input.int().ok()?,
                Whole::Long => input.long().ok()?,
            };
            width.holds(i128::from(n)).then_some(Cell::Int(n))
        }
        _ => None,
    }
}

/// Of letters beyond ASCII.
fn is_text(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok() && memchr::memchr(0, bytes).is_none()
}
