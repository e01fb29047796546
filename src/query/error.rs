//! Diagnostics: where in which file, what was found, what is allowed.

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, NamedSource, SourceSpan};
use sqlparser::tokenizer::{Location, Span};

/// One thing that is wrong in one file.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[error("{message}")]
pub struct QueryError {
    message: String,
    #[help]
    help: String,
    #[source_code]
    text: NamedSource<String>,
    #[label("here")]
    at: Option<SourceSpan>,
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
            SourceSpan::from((start, end - start))
        });
        QueryError {
            message: found.into(),
            help: allowed.into(),
            text: NamedSource::new(self.file, self.source.to_owned()),
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
