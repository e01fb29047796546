//! Tables that can be read as they are, and are Markdown.

use std::fmt;

/// Rows of as many cells as there are columns. The first columns are texts, to the left; the others numbers, to the right.
#[derive(Clone, Debug)]
pub struct Table {
    texts: usize,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// With these columns, of which the first `texts` hold texts.
    pub fn new(texts: usize, columns: &[&str]) -> Self {
        Table {
            texts,
            rows: vec![columns.iter().map(|c| (*c).to_owned()).collect()],
        }
    }

    /// One more row; cells that it has not are empty.
    pub fn push(&mut self, row: impl IntoIterator<Item = String>) {
        let mut row: Vec<String> = row.into_iter().collect();
        row.resize(self.rows[0].len(), String::new());
        self.rows.push(row);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.rows[0].len();
        let width = |at: usize| {
            let all = self.rows.iter().map(|r| r[at].chars().count());
            all.max().unwrap_or(0).max(3)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for (n, row) in self.rows.iter().enumerate() {
            for (at, (cell, width)) in row.iter().zip(&widths).enumerate() {
                if at < self.texts {
                    write!(f, "| {cell:<width$} ")?;
                } else {
                    write!(f, "| {cell:>width$} ")?;
                }
            }
            writeln!(f, "|")?;
            if n == 0 {
                for (at, width) in widths.iter().enumerate() {
                    if at < self.texts {
                        write!(f, "| {:-<width$} ", "")?;
                    } else {
                        write!(f, "| {:->width$} ", ":")?;
                    }
                }
                writeln!(f, "|")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_aligned_and_is_markdown() {
        let mut table = Table::new(1, &["side", "sales/s", "x"]);
        table.push(["Łódź", "1,000", "0.50"].map(str::to_owned));
        table.push(["a long name".to_owned(), "7".to_owned()]);
        let wanted = "\
| side        | sales/s |    x |
| ----------- | ------: | ---: |
| Łódź        |   1,000 | 0.50 |
| a long name |       7 |      |
";
        assert_eq!(table.to_string(), wanted);
    }
}
