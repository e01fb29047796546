//! `$.page.sale[*]`, `listResponse/page/sale`, `//sale`: where something is in an answer.
//!
//! 1. Names are without prefixes: which namespace an element is of does not matter.
//! 2. A path begins where its reader likes: at the envelope, at its body, at what the body holds, or in that. The outermost that has
//!    the path's first name is taken.
//! 3. A name of a path goes into each element of that name: `[*]` may be said, and changes nothing.

use super::Element;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Child(String),
    /// At any depth: `//sale`.
    Anywhere(String),
    /// An attribute: `@next`; it is the last.
    Attribute(String),
}

/// A path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    steps: Vec<Step>,
    text: String,
}

/// What is at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found<'a> {
    /// An element.
    Element(&'a Element),
    /// The value of an attribute.
    Attribute(&'a str),
}

/// What has names, and others in it: elements, or what a schema says of them.
pub trait Named: Sized {
    /// Its name.
    fn name(&self) -> &str;
    /// Whether it is an attribute.
    fn is_attribute(&self) -> bool;
    /// What is in it; none where nobody knows.
    fn inner(&self) -> Option<&[Self]>;
}

/// A name without its prefix; letters of paths would be none of it.
fn name(piece: &str) -> Option<&str> {
    let piece = piece.strip_suffix("[*]").unwrap_or(piece);
    let local = piece.rsplit(':').next().unwrap_or(piece);
    let fits = |c: char| !c.is_whitespace() && !"[]()@*'\"=<>$/".contains(c);
    (!local.is_empty() && local.chars().all(fits)).then_some(local)
}

impl Path {
    /// Reads one.
    ///
    /// # Errors
    /// What is wrong with it, for a person.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "is `{text}`; a path is such as $.page.sale[*], listResponse/page/sale, //sale or $.page.@next"
            )
        };
        // Dots may stand in names of XML: they part only where a path is written as one of JSON.
        let (rest, sign) = match text.strip_prefix('$') {
            Some(rest) => (rest, '.'),
            None => (text, '/'),
        };
        let mut steps = Vec::new();
        let mut anywhere = false;
        let rest = match rest.strip_prefix(sign) {
            Some(inner) if inner.starts_with(sign) => rest,
            Some(inner) => inner,
            None => rest,
        };
        let mut pieces = rest.split(sign).peekable();
        let mut first = true;
        while let Some(piece) = pieces.next() {
            if piece.is_empty() {
                // `//` is two empty pieces at the beginning, and one later.
                if first {
                    pieces.next_if(|next| next.is_empty());
                }
                if anywhere || pieces.peek().is_none() {
                    return Err(wrong());
                }
                (anywhere, first) = (true, false);
                continue;
            }
            first = false;
            if let Some(attribute) = piece.strip_prefix('@') {
                let is_last = pieces.peek().is_none() && !anywhere && !steps.is_empty();
                let attribute = name(attribute).filter(|_| is_last).ok_or_else(wrong)?;
                steps.push(Step::Attribute(attribute.to_owned()));
                break;
            }
            let name = name(piece).ok_or_else(wrong)?.to_owned();
            steps.push(match std::mem::take(&mut anywhere) {
                true => Step::Anywhere(name),
                false => Step::Child(name),
            });
        }
        match steps.is_empty() {
            true => Err(wrong()),
            false => Ok(Path {
                steps,
                text: text.to_owned(),
            }),
        }
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The path of the n-th that is found, from 0: as this one is written, and counted as its form does (`$.page.sale[0]`, `//sale[1]`).
    pub fn at(&self, n: usize) -> String {
        let text = self.text.strip_suffix("[*]").unwrap_or(&self.text);
        let first = usize::from(!text.starts_with('$'));
        format!("{text}[{}]", n + first)
    }

    /// Whether it leads to an attribute.
    pub fn is_attribute(&self) -> bool {
        matches!(self.steps.last(), Some(Step::Attribute(_)))
    }

    /// Whether something can be there in what is described, from its outermost on; `true` where nobody knows.
    pub fn may_be_in<N: Named>(&self, outermost: &N) -> bool {
        let Some((first, rest)) = self.steps.split_first() else {
            return false;
        };
        let (Step::Child(name) | Step::Anywhere(name) | Step::Attribute(name)) = first;
        let levels = match first {
            Step::Anywhere(_) => usize::MAX,
            _ => LEVELS,
        };
        possible(outermost, levels, &|node| {
            node.name() == name && goes_on(node, rest)
        })
    }

    /// What is there in an envelope, in the order of the text; none where a name is not.
    pub fn find<'a>(&self, envelope: &'a Element) -> Vec<Found<'a>> {
        let Some(first) = self.steps.first() else {
            return Vec::new();
        };
        let starts = match first {
            Step::Anywhere(name) => {
                let mut all = Vec::new();
                anywhere(envelope, name, &mut all);
                all
            }
            Step::Child(name) | Step::Attribute(name) => start(envelope, name),
        };
        let mut found = Vec::new();
        for element in starts {
            walk(&self.steps[1..], element, &mut found);
        }
        found
    }
}

/// How many levels down a path may begin: the envelope, its body, what that holds, and what is in that.
const LEVELS: usize = 4;

/// Whether one of the nodes of so many levels fits.
fn possible<N: Named>(node: &N, levels: usize, fits: &dyn Fn(&N) -> bool) -> bool {
    if levels == 0 {
        return false;
    }
    fits(node)
        || match node.inner() {
            None => true,
            Some(inner) => inner.iter().any(|n| possible(n, levels - 1, fits)),
        }
}

/// Whether the rest of a path can be in a node.
fn goes_on<N: Named>(node: &N, rest: &[Step]) -> bool {
    let Some((step, rest)) = rest.split_first() else {
        return true;
    };
    let Some(inner) = node.inner() else {
        return true;
    };
    match step {
        Step::Attribute(name) => inner.iter().any(|n| n.is_attribute() && n.name() == name),
        Step::Child(name) => inner.iter().any(|n| n.name() == name && goes_on(n, rest)),
        Step::Anywhere(name) => inner
            .iter()
            .any(|n| possible(n, usize::MAX, &|n: &N| n.name() == name && goes_on(n, rest))),
    }
}

/// The elements that a path can begin with: the outermost of the envelope, its body, what that holds, and what is in those.
fn start<'a>(envelope: &'a Element, name: &str) -> Vec<&'a Element> {
    let mut level = vec![envelope];
    for _ in 0..LEVELS {
        let own: Vec<&Element> = level
            .iter()
            .copied()
            .filter(|e| e.name.local == name)
            .collect();
        if !own.is_empty() {
            return own;
        }
        // Headers of an envelope hold no rows.
        let inner = level.iter().flat_map(|e| e.children());
        level = inner
            .filter(|e| !(std::ptr::eq(level[0], envelope) && e.name.local == "Header"))
            .collect();
        if level.is_empty() {
            break;
        }
    }
    Vec::new()
}

fn anywhere<'a>(element: &'a Element, name: &str, found: &mut Vec<&'a Element>) {
    if element.name.local == name {
        return found.push(element);
    }
    element
        .children()
        .for_each(|child| anywhere(child, name, found));
}

fn walk<'a>(steps: &[Step], element: &'a Element, found: &mut Vec<Found<'a>>) {
    match steps.split_first() {
        None => found.push(Found::Element(element)),
        Some((Step::Attribute(name), _)) => {
            let value = element.attributes.iter().find(|(n, _)| n.local == *name);
            found.extend(value.map(|(_, value)| Found::Attribute(value)));
        }
        Some((Step::Child(name), rest)) => {
            let all = element.children().filter(|child| child.name.local == *name);
            all.for_each(|child| walk(rest, child, found));
        }
        Some((Step::Anywhere(name), rest)) => {
            let mut all = Vec::new();
            element
                .children()
                .for_each(|child| anywhere(child, name, &mut all));
            all.into_iter().for_each(|child| walk(rest, child, found));
        }
    }
}
