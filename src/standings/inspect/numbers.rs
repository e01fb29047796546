//! Numbers in text, as people write them: which signs are before the fraction and between thousands.
//!
//! ```text
//! 12.50  1,234.50   a point before the fraction        12,5   1.234,50   a comma
//! 1.234  1,234      either: three digits behind one sign are a fraction or thousands
//! ```

/// How one text is a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// `17`.
    Whole,
    /// `007`: a number that begins with a nought is a name.
    Padded,
    /// `12.50`: with a point, and so many digits behind it.
    Point(u8),
    /// `12,50`.
    Comma(u8),
    /// `1,234.50`.
    CommaPoint(u8),
    /// `1.234,50`.
    PointComma(u8),
    /// `1,234,567`.
    Commas,
    /// `1.234.567`.
    Points,
    /// `1e-5`.
    Exponent,
    /// `€ 5`, `5 %`, `(12.50)`, `+5`: more than a number.
    Dressed,
}

/// What a text is as a number; none where it is none.
pub(super) fn form(text: &str) -> Option<Form> {
    let bytes = text.strip_prefix('-').unwrap_or(text).as_bytes();
    if !bytes.first()?.is_ascii_digit() {
        return dressed(text);
    }
    if bytes.iter().all(u8::is_ascii_digit) {
        let padded = bytes.len() > 1 && bytes[0] == b'0';
        return Some(if padded { Form::Padded } else { Form::Whole });
    }
    if let Some((before, after)) = text.split_once(['e', 'E']) {
        let digits = after.trim_start_matches(['+', '-']);
        let is_exponent = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        let before = form(before);
        let fits = matches!(before, Some(Form::Whole | Form::Point(_)));
        return (is_exponent && fits).then_some(Form::Exponent);
    }
    if !bytes
        .iter()
        .all(|b| b.is_ascii_digit() || matches!(b, b'.' | b','))
    {
        return dressed(text);
    }
    let text = std::str::from_utf8(bytes).ok()?;
    let (points, commas) = (count(bytes, b'.'), count(bytes, b','));
    let behind = |sign| u8::try_from(text.rsplit(sign).next().unwrap_or_default().len()).ok();
    match (points, commas) {
        (1, 0) => behind('.').filter(|n| *n > 0).map(Form::Point),
        (0, 1) => behind(',').filter(|n| *n > 0).map(Form::Comma),
        // The sign that comes last is before the fraction.
        (1, 1..) if text.rfind('.') > text.rfind(',') => {
            let is_whole = is_grouped(text.split('.').next()?, ',');
            behind('.').filter(|_| is_whole).map(Form::CommaPoint)
        }
        (1.., 1) if text.rfind(',') > text.rfind('.') => {
            let is_whole = is_grouped(text.split(',').next()?, '.');
            behind(',').filter(|_| is_whole).map(Form::PointComma)
        }
        (0, _) => is_grouped(text, ',').then_some(Form::Commas),
        (_, 0) => is_grouped(text, '.').then_some(Form::Points),
        _ => None,
    }
}

fn count(bytes: &[u8], sign: u8) -> usize {
    bytes.iter().filter(|b| **b == sign).count()
}

/// Whether digits stand in groups of three.
fn is_grouped(text: &str, sign: char) -> bool {
    let mut groups = text.split(sign);
    let first = groups.next().is_some_and(|g| (1..=3).contains(&g.len()));
    first && groups.all(|g| g.len() == 3)
}

/// A number with something around it.
fn dressed(text: &str) -> Option<Form> {
    const AROUND: &[char] = &['€', '$', '£', '¥', '%', '(', ')', '+', ' ', '\u{a0}', '-'];
    let bare = text.trim_matches(AROUND);
    let bare = bare
        .strip_prefix("EUR ")
        .or(bare.strip_prefix("USD "))
        .unwrap_or(bare);
    let is_number = bare.len() < text.len()
        && bare.starts_with(|c: char| c.is_ascii_digit())
        && bare
            .bytes()
            .all(|b| b.is_ascii_digit() || matches!(b, b'.' | b','));
    is_number.then_some(Form::Dressed)
}

/// How numbers of a text file are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Signs {
    /// A comma is before the fraction.
    pub(super) comma: bool,
    /// Thousands are apart.
    pub(super) thousands: bool,
}

/// Counts of forms in one column.
#[derive(Clone, Debug, Default)]
pub(super) struct Forms {
    pub(super) whole: u64,
    pub(super) padded: u64,
    pub(super) exponent: u64,
    pub(super) dressed: u64,
    /// A point, of three digits behind it and of another number of them.
    pub(super) point: (u64, u64),
    pub(super) comma: (u64, u64),
    pub(super) comma_point: u64,
    pub(super) point_comma: u64,
    pub(super) commas: u64,
    pub(super) points: u64,
    /// Digits: behind the sign of the fraction, and before it.
    pub(super) scale: u8,
    pub(super) digits: usize,
    /// All that are numbers.
    pub(super) all: u64,
}

impl Forms {
    pub(super) fn add(&mut self, text: &str) {
        let Some(form) = form(text) else { return };
        self.all += 1;
        let three = |of: &mut (u64, u64), scale: u8| match scale {
            3 => of.0 += 1,
            _ => of.1 += 1,
        };
        match form {
            Form::Whole => self.whole += 1,
            Form::Padded => self.padded += 1,
            Form::Exponent => self.exponent += 1,
            Form::Dressed => self.dressed += 1,
            Form::Point(scale) => three(&mut self.point, scale),
            Form::Comma(scale) => three(&mut self.comma, scale),
            Form::CommaPoint(_) => self.comma_point += 1,
            Form::PointComma(_) => self.point_comma += 1,
            Form::Commas => self.commas += 1,
            Form::Points => self.points += 1,
        }
        if let Form::Point(scale)
        | Form::Comma(scale)
        | Form::CommaPoint(scale)
        | Form::PointComma(scale) = form
        {
            self.scale = self.scale.max(scale);
        }
        let digits = text.bytes().filter(u8::is_ascii_digit).count();
        self.digits = self.digits.max(digits);
    }

    /// How many of them are numbers by these signs.
    pub(super) fn by(&self, signs: Signs) -> u64 {
        let (point, comma) = (self.point.0 + self.point.1, self.comma.0 + self.comma.1);
        let plain = self.whole + self.exponent;
        plain
            + match (signs.comma, signs.thousands) {
                (false, false) => point,
                (false, true) => point + self.comma_point + self.commas + self.comma.0,
                (true, false) => comma,
                (true, true) => comma + self.point_comma + self.points + self.point.0,
            }
    }

    /// Whether one of them has a fraction by these signs, and the most digits there.
    pub(super) fn scale(&self, signs: Signs) -> u8 {
        let has = match (signs.comma, signs.thousands) {
            (false, _) => self.point.0 + self.point.1 + self.comma_point > 0,
            (true, _) => self.comma.0 + self.comma.1 + self.point_comma > 0,
        };
        if has { self.scale } else { 0 }
    }

    /// Numbers that say by themselves which sign is before the fraction: with a comma, with a point.
    fn evidence(&self) -> (u64, u64) {
        (
            self.comma.1 + self.point_comma + self.points,
            self.point.1 + self.comma_point + self.commas,
        )
    }
}

/// The signs of a file by its columns of numbers, and in how many numbers nothing tells which is which.
pub(super) fn signs<'a>(columns: impl Iterator<Item = &'a Forms>) -> (Signs, u64) {
    let (mut comma, mut point, mut unclear) = (0, 0, 0);
    let (mut with_comma, mut with_point) = (false, false);
    for forms in columns {
        let (c, p) = forms.evidence();
        comma += c;
        point += p;
        with_comma |= forms.point_comma + forms.points > 0;
        with_point |= forms.comma_point + forms.commas > 0;
        unclear += forms.comma.0 + forms.point.0;
        with_comma |= c > 0 && forms.point.0 > 0;
        with_point |= p > 0 && forms.comma.0 > 0;
    }
    let is_comma = comma > point;
    let signs = Signs {
        comma: is_comma,
        thousands: if is_comma { with_comma } else { with_point },
    };
    (signs, if comma + point == 0 { unclear } else { 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_numbers() {
        for (text, want) in [
            ("17", Some(Form::Whole)),
            ("-17", Some(Form::Whole)),
            ("007", Some(Form::Padded)),
            ("0", Some(Form::Whole)),
            ("12.50", Some(Form::Point(2))),
            ("12,5", Some(Form::Comma(1))),
            ("1,234.50", Some(Form::CommaPoint(2))),
            ("1.234,50", Some(Form::PointComma(2))),
            ("2.500,50", Some(Form::PointComma(2))),
            ("-1.234.567,5", Some(Form::PointComma(1))),
            ("1,234.567,8", None),
            ("1.234.567", Some(Form::Points)),
            ("1,234,567", Some(Form::Commas)),
            ("1,23,456", None),
            ("1e-5", Some(Form::Exponent)),
            ("1.5E+3", Some(Form::Exponent)),
            ("€ 5", Some(Form::Dressed)),
            ("(12.50)", Some(Form::Dressed)),
            ("12 %", Some(Form::Dressed)),
            ("", None),
            ("-", None),
            ("12.", None),
            ("1.2.3", None),
            ("x", None),
            ("S1", None),
        ] {
            assert_eq!(form(text), want, "{text}");
        }
    }

    #[test]
    fn signs_of_a_file() {
        let of = |texts: &[&str]| {
            let mut forms = Forms::default();
            texts.iter().for_each(|t| forms.add(t));
            signs(std::iter::once(&forms))
        };
        let plain = Signs::default();
        let comma = |thousands| Signs {
            comma: true,
            thousands,
        };
        assert_eq!(of(&["1.5", "2"]), (plain, 0));
        assert_eq!(of(&["1,5", "2"]), (comma(false), 0));
        assert_eq!(of(&["1,5", "1.234"]), (comma(true), 0));
        assert_eq!(of(&["1.234,50"]), (comma(true), 0));
        assert_eq!(
            of(&["1,234.50"]).0,
            Signs {
                comma: false,
                thousands: true
            }
        );
        assert_eq!(of(&["1.234", "2.345"]), (plain, 2));
    }
}
