//! How one text is written as a time: a pattern with places for what cannot be told from one text alone.

use standings_scalar::time::pattern::{MONTHS, WEEKDAYS};

/// How one text is a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    /// A pattern with `{a}` and `{b}` for the two numbers of day and month, `{H}` for the hour.
    pub(super) template: String,
    /// The two, where it cannot be seen which is which.
    pub(super) pair: Option<(u8, u8)>,
    /// Whether `{a}`, `{b}`, `{H}` have one digit.
    pub(super) bare: [bool; 3],
    pub(super) has_clock: bool,
    pub(super) has_offset: bool,
    /// In the standard form: `yyyy-MM-dd`, and behind it nothing, or `T` or a space and a clock.
    pub(super) is_standard: bool,
}

/// What is left of a text.
struct Rest<'a>(&'a str);

impl<'a> Rest<'a> {
    fn digits(&mut self) -> Option<&'a str> {
        let end = self.0.bytes().take_while(u8::is_ascii_digit).count();
        self.cut(end)
    }

    fn letters(&mut self) -> Option<&'a str> {
        let end = self.0.bytes().take_while(u8::is_ascii_alphabetic).count();
        self.cut(end)
    }

    fn cut(&mut self, end: usize) -> Option<&'a str> {
        let (head, rest) = self.0.split_at_checked(end)?;
        self.0 = rest;
        (end > 0).then_some(head)
    }

    fn take(&mut self, text: &str) -> bool {
        match self.0.strip_prefix(text) {
            Some(rest) => {
                self.0 = rest;
                true
            }
            None => false,
        }
    }

    fn one_of(&mut self, all: &[&'static str]) -> Option<&'static str> {
        all.iter().copied().find(|text| self.take(text))
    }
}

/// The letters of a pattern for a name: whole, or its first three letters.
fn named(all: &[&str], text: &str, letter: &str) -> Option<String> {
    let is_short = all.iter().any(|name| &name[..3] == text);
    match (all.contains(&text), is_short) {
        (_, true) => Some(letter.repeat(3)),
        (true, _) => Some(letter.repeat(4)),
        _ => None,
    }
}

fn number(text: &str) -> u8 {
    text.parse().unwrap_or(u8::MAX)
}

/// How a text is a time; none where it is none.
pub(super) fn shape(text: &str) -> Option<Shape> {
    if !text.is_ascii() || !(6..=48).contains(&text.len()) {
        return None;
    }
    let mut rest = Rest(text);
    let mut shape = Shape {
        template: String::new(),
        pair: None,
        bare: [false; 3],
        has_clock: false,
        has_offset: false,
        is_standard: false,
    };
    date(&mut rest, &mut shape)?;
    let is_iso = shape.template == "yyyy-{a}-{b}" && !shape.bare[0] && !shape.bare[1];
    shape.is_standard = is_iso && rest.0.is_empty();
    if !rest.0.is_empty() {
        let between = rest.one_of(&["T", ", ", " "]);
        let between = between.or(shape.template.ends_with("yyyyMMdd").then_some(""))?;
        shape.template += match between {
            "T" => "'T'",
            other => other,
        };
        let (clock, bare) = clock(&mut rest)?;
        shape.has_clock = true;
        shape.bare[2] = bare;
        let half = clock.contains('a');
        shape.template += &clock;
        let zone = zone(&mut rest);
        shape.has_offset = zone.is_some();
        shape.template += zone.unwrap_or_default();
        shape.is_standard = is_iso
            && matches!(between, "T" | " ")
            && !half
            && !bare
            && !clock.contains(',')
            && clock.contains(':')
            && zone != Some(" 'UTC'")
            && zone != Some(" 'GMT'");
    }
    rest.0.is_empty().then_some(shape)
}

fn date(rest: &mut Rest<'_>, shape: &mut Shape) -> Option<()> {
    let template = &mut shape.template;
    if rest.0.starts_with(|c: char| c.is_ascii_alphabetic()) {
        let word = rest.letters()?;
        if let Some(day) = named(&WEEKDAYS, word, "E") {
            *template += &day;
            *template += rest.one_of(&[", ", " "])?;
            return date(rest, shape);
        }
        *template += &named(&MONTHS, word, "M")?;
        template.push_str(rest.one_of(&[" ", "-"])?);
        let day = rest.digits().filter(|d| number(d) <= 31)?;
        shape.bare[1] = day.len() == 1;
        *template += "{b}";
        *template += rest.one_of(&[", ", " ", "-"])?;
        *template += year(rest.digits()?)?;
        return Some(());
    }
    let first = rest.digits()?;
    match first.len() {
        8 if (1..=12).contains(&number(&first[4..6]))
            && (1..=31).contains(&number(&first[6..])) =>
        {
            let year: u16 = first[..4].parse().ok()?;
            *template += "yyyyMMdd";
            (1950..=2100).contains(&year).then_some(())
        }
        4 => {
            let sign = rest.one_of(&["-", "/", "."])?;
            let a = rest.digits().filter(|a| a.len() <= 2 && number(a) <= 12)?;
            let same = rest.take(sign);
            let b = rest.digits().filter(|b| b.len() <= 2 && number(b) <= 31)?;
            shape.bare = [a.len() == 1, b.len() == 1, false];
            *template += &format!("yyyy{sign}{{a}}{sign}{{b}}");
            same.then_some(())
        }
        1 | 2 => {
            let sign = rest.one_of(&["/", "-", ".", " "])?;
            shape.bare[0] = first.len() == 1;
            if rest.0.starts_with(|c: char| c.is_ascii_alphabetic()) {
                let month = named(&MONTHS, rest.letters()?, "M")?;
                let between = rest.one_of(&[", ", " ", "-", "/", "."])?;
                shape.bare = [false, shape.bare[0], false];
                *template += &format!("{{b}}{sign}{month}{between}{}", year(rest.digits()?)?);
                return (number(first) <= 31).then_some(());
            }
            let second = rest.digits().filter(|b| b.len() <= 2)?;
            let same = rest.take(sign) && sign != " ";
            let (a, b) = (number(first), number(second));
            shape.bare[1] = second.len() == 1;
            shape.pair = Some((a, b));
            *template += &format!("{{a}}{sign}{{b}}{sign}{}", year(rest.digits()?)?);
            let fits = a.min(b) <= 12 && a.max(b) <= 31 && a.min(b) > 0;
            (same && fits).then_some(())
        }
        _ => None,
    }
}

fn year(digits: &str) -> Option<&'static str> {
    match digits.len() {
        4 => Some("yyyy"),
        2 => Some("yy"),
        _ => None,
    }
}

/// A clock, and whether its hour has one digit.
pub(super) fn clock_of(text: &str) -> Option<(String, bool)> {
    let mut rest = Rest(text);
    let found = clock(&mut rest)?;
    rest.0.is_empty().then_some(found)
}

fn clock(rest: &mut Rest<'_>) -> Option<(String, bool)> {
    let hour = rest.digits()?;
    let mut text = String::from("{H}");
    if hour.len() == 6 {
        return Some(("HHmmss".to_owned(), false));
    }
    if hour.len() > 2 || number(hour) > 24 || !rest.take(":") {
        return None;
    }
    rest.digits().filter(|m| m.len() == 2 && number(m) < 60)?;
    text += ":mm";
    if rest.take(":") {
        rest.digits().filter(|s| s.len() == 2 && number(s) <= 60)?;
        text += ":ss";
        if let Some(sign) = rest.one_of(&[".", ","]) {
            let digits = rest.digits().filter(|f| f.len() <= 9)?;
            text += sign;
            text += &"S".repeat(digits.len());
        }
    }
    let half = rest.one_of(&[" AM", " PM", "AM", "PM"]);
    if let Some(half) = half {
        text += if half.starts_with(' ') { " a" } else { "a" };
    }
    Some((text, hour.len() == 1))
}

fn zone(rest: &mut Rest<'_>) -> Option<&'static str> {
    let before = rest.0;
    match rest.0 {
        "Z" => {
            rest.0 = "";
            return Some("XXX");
        }
        " UTC" | " GMT" => {
            rest.0 = "";
            return Some(if before == " UTC" { " 'UTC'" } else { " 'GMT'" });
        }
        _ => {}
    }
    let spaced = rest.take(" ");
    let digits = rest.0.strip_prefix(['+', '-'])?;
    let plain: String = digits.chars().filter(char::is_ascii_digit).collect();
    let letters = match (digits.len(), digits.contains(':'), plain.len()) {
        (5, true, 4) => ["XXX", " XXX"],
        (4, false, 4) => ["XX", " XX"],
        (2, false, 2) => ["X", " X"],
        _ => return None,
    };
    rest.0 = "";
    Some(letters[usize::from(spaced)])
}
