//! Patterns of which parts may be left out: `dd/MM/yyyy HH:mm[:ss]`.

use super::pattern::Pattern;

/// At most so many parts of a pattern may be left out.
const OPTIONAL: usize = 4;

/// The patterns that such a text stands for, from that with all its parts to that with none; `None` where it is none.
///
/// # Examples
///
/// ```
/// use standings_scalar::time::optional::patterns;
///
/// let both = patterns("dd/MM/yyyy HH:mm[:ss]").unwrap();
/// assert!(both[0].read("23/01/2026 10:15:00").is_some() && both[1].read("23/01/2026 10:15").is_some());
/// assert!(patterns("dd/MM/yyyy HH:mm[:ss").is_none());
/// ```
pub fn patterns(text: &str) -> Option<Vec<Pattern>> {
    variants(text)?
        .iter()
        .map(|text| Pattern::parse(text).ok())
        .collect()
}

/// The characters of a pattern that are not between quotes, and where they are.
pub fn outside_quotes(text: &str) -> impl Iterator<Item = (usize, char)> {
    let mut quoted = false;
    text.char_indices().filter(move |(_, c)| {
        quoted ^= *c == '\'';
        !quoted && *c != '\''
    })
}

/// A pattern with and without each of its `[…]`; `None` where they do not close or are too many.
fn variants(text: &str) -> Option<Vec<String>> {
    let open = outside_quotes(text).find(|(_, c)| *c == '[');
    let Some((open, _)) = open else {
        return (!outside_quotes(text).any(|(_, c)| c == ']')).then(|| vec![text.to_owned()]);
    };
    let sections = outside_quotes(text).filter(|(_, c)| *c == '[').count();
    let mut depth = 0;
    let close = outside_quotes(text).skip_while(|(at, _)| *at < open);
    let mut close = close.filter(|(_, c)| {
        depth += i32::from(*c == '[') - i32::from(*c == ']');
        *c == ']' && depth == 0
    });
    let close = close.next().map(|(at, _)| at)?;
    if sections > OPTIONAL {
        return None;
    }
    let mut all = Vec::new();
    let (before, inner, after) = (&text[..open], &text[open + 1..close], &text[close + 1..]);
    for rest in [format!("{inner}{after}"), after.to_owned()] {
        all.extend(
            variants(&rest)?
                .iter()
                .map(|rest| format!("{before}{rest}")),
        );
    }
    Some(all)
}
