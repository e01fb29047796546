//! Diagnostics: where in which file, what was found, what is allowed.

use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, MietteError, MietteSpanContents,
    SourceCode, SourceSpan, SpanContents,
};
use sqlparser::tokenizer::{Location, Span};

/// One thing that is wrong in one file.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[error("{message}")]
pub struct QueryError {
    message: String,
    #[help]
    help: String,
    #[source_code]
    text: Excerpt,
    #[label("here")]
    at: Option<SourceSpan>,
}

/// The most bytes of a file that are shown around a place, and of a text that says what is wrong.
const SHOWN: usize = 2_000;
/// Of a line that is longer, so many bytes on each side of the place.
const BESIDE: usize = 200;

/// A file of which the lines around a place are shown, and of long lines what is next to it: where it is stays what it was.
#[derive(Debug)]
struct Excerpt {
    file: String,
    text: String,
}

impl SourceCode for Excerpt {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let lines = self.text.read_span(span, before, after)?;
        let (all, file) = (*lines.span(), self.file.clone());
        if all.len() <= SHOWN {
            return Ok(Box::new(MietteSpanContents::new_named(
                file,
                lines.data(),
                all,
                lines.line(),
                lines.column(),
                lines.line_count(),
            )));
        }
        let line = self.text.read_span(span, 0, 0)?;
        let from = span.offset().saturating_sub(BESIDE).max(all.offset());
        let to = (span.offset() + span.len().min(BESIDE) + BESIDE).min(all.offset() + all.len());
        let from = self.text.floor_char_boundary(from);
        let to = self.text.floor_char_boundary(to);
        let begins = self.text[..from].rfind('\n').map_or(0, |n| n + 1);
        let is_same_line = !self.text[from..span.offset()].contains('\n');
        // Where a place is asked for it is the place's own; else what is shown begins where it begins.
        let (number, column) = match (before, after) {
            (0, 0) => (line.line(), line.column()),
            _ if is_same_line => (line.line(), from - begins),
            _ => (
                line.line()
                    .saturating_sub(self.text[from..span.offset()].matches('\n').count()),
                from - begins,
            ),
        };
        Ok(Box::new(MietteSpanContents::new_named(
            file,
            &self.text.as_bytes()[from..to],
            SourceSpan::from((from, to - from)),
            number,
            column,
            1,
        )))
    }
}

/// A text without its middle, if it is long.
fn short(text: String) -> String {
    if text.len() <= SHOWN {
        return text;
    }
    let head = text.floor_char_boundary(SHOWN - BESIDE);
    let tail = text.floor_char_boundary(text.len() - BESIDE);
    format!("{}…{}", &text[..head], &text[tail..])
}

/// Everything that is wrong in a folder of queries.
#[derive(Debug, thiserror::Error)]
#[error("{} of the queries are wrong", .0.len())]
pub struct QueryErrors(pub Vec<QueryError>);

impl QueryErrors {
    /// All of them, for a person.
    pub fn render(&self) -> String {
        let handler =
            GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor()).with_width(110);
        let mut out = String::new();
        for error in &self.0 {
            out.push('\n');
            if handler.render_report(&mut out, error).is_err() {
                out.push_str(&error.to_string());
            }
        }
        out
    }
}

/// A file's text, for errors in it.
#[derive(Clone, Copy)]
pub struct Text<'a> {
    /// Its name.
    pub file: &'a str,
    /// Its text.
    pub source: &'a str,
}

impl Text<'_> {
    /// What was `found` at a place, and what is `allowed` there.
    pub fn error(
        &self,
        span: Span,
        found: impl Into<String>,
        allowed: impl Into<String>,
    ) -> QueryError {
        let at = (span != Span::empty()).then(|| {
            let start = self.offset(span.start);
            let end = self.offset(span.end).max(start + 1);
            // A long one is pointed at where it begins.
            let end = if end - start > SHOWN { start + 1 } else { end };
            SourceSpan::from((start, end - start))
        });
        QueryError {
            message: short(found.into()),
            help: short(allowed.into()),
            text: Excerpt {
                file: self.file.to_owned(),
                text: self.source.to_owned(),
            },
            at,
        }
    }

    fn offset(&self, at: Location) -> usize {
        let mut lines = self.source.split_inclusive('\n');
        let mut offset = 0;
        for _ in 1..at.line {
            offset += lines.next().map_or(0, str::len);
        }
        let line = lines.next().unwrap_or_default();
        let column = (at.column as usize).saturating_sub(1);
        let within = line
            .char_indices()
            .nth(column)
            .map_or(line.trim_end().len(), |(i, _)| i);
        (offset + within).min(self.source.len().saturating_sub(1))
    }
}
