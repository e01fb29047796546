//! One row: where its cells lie in the bytes, and which of them were quoted.
//!
//! ```text
//! 1;"a ""b""";c       cell 0 lies in the row, cell 1 is put together apart, cell 2 lies in the row
//! ```

/// The signs of a dialect.
#[derive(Clone, Debug)]
pub struct Signs {
    pub delimiter: u8,
    pub quote: Option<u8>,
    pub escape: Option<u8>,
    /// Spaces around what is not quoted are no part of it.
    pub trim: bool,
    /// What plain text ends at.
    ends: [bool; 256],
}

impl Signs {
    pub fn new(delimiter: u8, quote: Option<u8>, escape: Option<u8>, trim: bool) -> Self {
        let mut ends = [false; 256];
        let escape = escape.filter(|e| Some(*e) != quote);
        for sign in [Some(delimiter), escape, Some(b'\n'), Some(b'\r')] {
            sign.into_iter()
                .for_each(|sign| ends[usize::from(sign)] = true);
        }
        Signs {
            delimiter,
            quote,
            escape,
            trim,
            ends,
        }
    }

    fn is_space(&self, b: u8) -> bool {
        matches!(b, b' ' | b'\t') && b != self.delimiter
    }
}

/// Where a cell's text is.
#[derive(Clone, Copy, Debug)]
struct Place {
    start: u32,
    end: u32,
    /// In what was put together, not in the row.
    apart: bool,
    quoted: bool,
}

/// The cells of one row.
#[derive(Debug, Default)]
pub struct Cells {
    places: Vec<Place>,
    apart: Vec<u8>,
}

impl Cells {
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there are so many, or one more without anything in it: a delimiter at the end of every row is no column.
    pub fn fit(&self, columns: usize, row: &[u8]) -> bool {
        let spare = || self.get(columns, row) == (&b""[..], false);
        self.len() == columns || (self.len() == columns + 1 && spare())
    }

    /// The text of a cell of `row`, and whether it was quoted.
    #[inline]
    pub fn get<'a>(&'a self, number: usize, row: &'a [u8]) -> (&'a [u8], bool) {
        let Some(place) = self.places.get(number) else {
            return (&[], false);
        };
        let from = if place.apart { &self.apart[..] } else { row };
        let text = &from[place.start as usize..place.end as usize];
        (text, place.quoted)
    }
}

/// How a row ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Behind so many bytes, with what ends its line.
    At(usize),
    /// The bytes end inside a quoted cell.
    Open,
    /// The bytes end before the row does.
    Cut,
}

/// Reads a row at the begin of `bytes`; `is_all`: nothing comes behind them.
pub fn parse(bytes: &[u8], is_all: bool, signs: &Signs, cells: &mut Cells) -> End {
    cells.places.clear();
    cells.apart.clear();
    let mut reading = Reading {
        bytes,
        is_all,
        signs,
        apart: &mut cells.apart,
        at: 0,
    };
    loop {
        match reading.cell() {
            Ok(place) => cells.places.push(place),
            Err(end) => return end,
        }
        match bytes.get(reading.at) {
            None => return End::At(bytes.len()),
            Some(b'\n') => return End::At(reading.at + 1),
            Some(b'\r') => {
                let two = bytes.get(reading.at + 1) == Some(&b'\n');
                return End::At(reading.at + 1 + usize::from(two));
            }
            Some(_) => reading.at += 1,
        }
    }
}

struct Reading<'a> {
    bytes: &'a [u8],
    is_all: bool,
    signs: &'a Signs,
    apart: &'a mut Vec<u8>,
    at: usize,
}

impl Reading<'_> {
    /// The cell at `at`, which moves to what ends it.
    #[inline]
    fn cell(&mut self) -> Result<Place, End> {
        if self.signs.trim {
            self.skip_spaces();
        }
        if self.signs.quote.is_some() && self.bytes.get(self.at).copied() == self.signs.quote {
            self.at += 1;
            return self.quoted();
        }
        let start = self.at;
        self.plain_end()?;
        if self.signs.escape.is_some() && self.bytes.get(self.at).copied() == self.signs.escape {
            let from = self.apart.len();
            self.apart.extend_from_slice(&self.bytes[start..self.at]);
            return self.rest_apart(from, false);
        }
        let mut end = self.at;
        while self.signs.trim && end > start && self.signs.is_space(self.bytes[end - 1]) {
            end -= 1;
        }
        Ok(Place {
            start: start as u32,
            end: end as u32,
            apart: false,
            quoted: false,
        })
    }

    fn skip_spaces(&mut self) {
        while self
            .bytes
            .get(self.at)
            .is_some_and(|b| self.signs.is_space(*b))
        {
            self.at += 1;
        }
    }

    /// Moves to what ends plain text.
    #[inline]
    fn plain_end(&mut self) -> Result<(), End> {
        let rest = &self.bytes[self.at..];
        let ends = &self.signs.ends;
        match rest.iter().position(|b| ends[usize::from(*b)]) {
            Some(length) => {
                self.at += length;
                Ok(())
            }
            None if self.is_all => {
                self.at = self.bytes.len();
                Ok(())
            }
            None => Err(End::Cut),
        }
    }

    /// A cell whose quote was passed.
    fn quoted(&mut self) -> Result<Place, End> {
        let quote = self.signs.quote.unwrap_or(b'"');
        let escape = self.signs.escape.unwrap_or(quote);
        let (start, from) = (self.at, self.apart.len());
        let (mut piece, mut pieces) = (self.at, 0);
        loop {
            let Some(found) = memchr::memchr2(quote, escape, &self.bytes[self.at..]) else {
                return Err(End::Open);
            };
            let at = self.at + found;
            let next = self.bytes.get(at + 1).copied();
            let is_escape = self.bytes[at] == escape && escape != quote;
            if next.is_none() && (is_escape || !self.is_all) {
                return Err(End::Open);
            }
            if is_escape || next == Some(quote) {
                self.apart.extend_from_slice(&self.bytes[piece..at]);
                let sign = next.unwrap_or(quote);
                self.apart.push(if is_escape { meant(sign) } else { quote });
                (self.at, piece, pieces) = (at + 2, at + 2, pieces + 1);
                continue;
            }
            self.at = at + 1;
            if self.signs.trim {
                self.skip_spaces();
            }
            let next = self.bytes.get(self.at);
            let ends =
                next.is_none_or(|b| *b == self.signs.delimiter || matches!(b, b'\n' | b'\r'));
            if ends && pieces == 0 {
                return Ok(Place {
                    start: start as u32,
                    end: at as u32,
                    apart: false,
                    quoted: true,
                });
            }
            self.apart.extend_from_slice(&self.bytes[piece..at]);
            // What stands behind the quote is text as well.
            return self.rest_apart(from, true);
        }
    }

    /// Plain text from `at` on, put together behind what is there from `from` on.
    fn rest_apart(&mut self, from: usize, quoted: bool) -> Result<Place, End> {
        loop {
            let start = self.at;
            self.plain_end()?;
            self.apart.extend_from_slice(&self.bytes[start..self.at]);
            if self.signs.escape.is_none() || self.bytes.get(self.at).copied() != self.signs.escape
            {
                break;
            }
            match self.bytes.get(self.at + 1) {
                Some(sign) => self.apart.push(meant(*sign)),
                None if self.is_all => {}
                None => return Err(End::Cut),
            }
            self.at = (self.at + 2).min(self.bytes.len());
        }
        Ok(Place {
            start: from as u32,
            end: self.apart.len() as u32,
            apart: true,
            quoted,
        })
    }
}

/// What a sign behind the escape means.
fn meant(sign: u8) -> u8 {
    match sign {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        sign => sign,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(row: &str, signs: &Signs) -> (End, Vec<String>) {
        let mut cells = Cells::default();
        let end = parse(row.as_bytes(), true, signs, &mut cells);
        let text = |n| {
            let (text, quoted) = cells.get(n, row.as_bytes());
            let text = String::from_utf8_lossy(text).into_owned();
            if quoted { format!("<{text}>") } else { text }
        };
        (end, (0..cells.len()).map(text).collect())
    }

    #[test]
    fn cells_of_every_dialect() {
        let plain = Signs::new(b',', Some(b'"'), None, false);
        let semicolon = Signs::new(b';', Some(b'\''), Some(b'\\'), true);
        let bare = Signs::new(b'|', None, None, false);
        for (row, signs, want) in [
            ("a,b\n", &plain, &["a", "b"][..]),
            (",\r\n", &plain, &["", ""]),
            (r#""a,b","",x"#, &plain, &["<a,b>", "<>", "x"]),
            (r#""a ""b""",5" x"#, &plain, &[r#"<a "b">"#, "5\" x"]),
            (r#""a"b"",c"#, &plain, &[r#"<ab"">"#, "c"]),
            ("\"a\nb\",c\rd", &plain, &["<a\nb>", "c"]),
            (" a ; 'b' ;'c\\'d'\n", &semicolon, &["a", "<b>", "<c'd>"]),
            (r"a\;b;\n;\\", &semicolon, &["a;b", "\n", "\\"]),
            ("\"a|b\"|", &bare, &["\"a", "b\"", ""]),
        ] {
            assert_eq!(of(row, signs).1, want, "{row}");
        }
        assert_eq!(of("a,b\r\nc", &plain).0, End::At(5));
        assert_eq!(of("a\rb", &plain).0, End::At(2));
        assert_eq!(of("a,\"b\n", &plain).0, End::Open);
        assert_eq!(of("'a\\", &semicolon).0, End::Open);
    }

    #[test]
    fn a_row_that_goes_on_is_cut() {
        let signs = Signs::new(b',', Some(b'"'), Some(b'\\'), false);
        let row = "a,\"b\"\"\\\"c\",\\,d\n";
        let mut cells = Cells::default();
        for length in 0..row.len() {
            let end = parse(&row.as_bytes()[..length], false, &signs, &mut cells);
            assert!(matches!(end, End::Cut | End::Open), "{length}: {end:?}");
        }
        let end = parse(row.as_bytes(), false, &signs, &mut cells);
        assert_eq!(end, End::At(row.len()));
    }
}
