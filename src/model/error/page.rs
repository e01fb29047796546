//! Entries of the table as pages: for `docs/errors`, and for `standings explain`.

use std::fmt::Write;

use super::codes::{self, GROUPS};
use super::{Code, USAGE};

impl Code {
    /// Its page, in Markdown that reads well in a terminal.
    pub fn page(&self) -> String {
        let mut out = format!("# {}: {}\n\n{}\n", self.id, self.title, self.means);
        for (title, all) in [("Likely causes", self.causes), ("What to do", self.remedy)] {
            out += &format!("\n## {title}\n\n");
            for one in all {
                out += &format!("- {one}\n");
            }
        }
        let status = match self.exit {
            USAGE => {
                "2, wrong usage or wrong configuration: started again as it is, it fails again"
            }
            _ => "1, failed at run time: a supervisor may start it again",
        };
        // Writing to a string cannot fail.
        let _ = write!(
            out,
            "\nExit status: {status}.\n\nMore: [docs/{0}](../{0})\n",
            self.see
        );
        out
    }

    /// It and its title, in a line.
    pub fn line(&self) -> String {
        format!("{}  {}", self.id, self.title)
    }
}

/// The name of an entry's page in `docs/errors`.
pub fn file_of(code: &Code) -> String {
    format!("{}.md", code.id)
}

/// `docs/errors/README.md`.
pub fn docs() -> String {
    let mut out = "\
# Errors

What ends a process is told on standard error, after the logs, as `error: … [S0303]`. The code at the end stands for one kind of
error and never for another: scripts and alerts may name it. `standings explain S0303` prints its page, `standings explain` lists all.
These pages are made from the table in `src/model/error/codes`; `STANDINGS_UPDATE_DOCS=1 deploy/test errors` writes them.
"
    .to_owned();
    for group in GROUPS {
        out += &format!(
            "\n## {}\n\n| code | what happened | exit |\n| --- | --- | --- |\n",
            group.title
        );
        for code in group.codes {
            let file = file_of(code);
            out += &format!(
                "| [{}]({file}) | {} | {} |\n",
                code.id, code.title, code.exit
            );
        }
    }
    out
}

/// Finds an entry by its code, however it is written: `S0303`, `s0303`, `303`, `[S0303]`; else the nearest one.
pub fn find(word: &str) -> Result<&'static Code, &'static Code> {
    let digits: String = word.chars().filter(char::is_ascii_digit).collect();
    let id = format!("S{digits:0>4}");
    let nearest = codes::all().min_by_key(|code| {
        let apart = code.id.bytes().zip(id.bytes()).filter(|(a, b)| a != b);
        apart.count() + code.id.len().abs_diff(id.len())
    });
    match nearest {
        Some(code) if code.id == id => Ok(code),
        Some(code) => Err(code),
        None => Err(&codes::process::DEFECT),
    }
}
