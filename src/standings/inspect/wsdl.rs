//! What a WSDL describes: its operations, and for each a template of a request and the paths to rows and cursor, as `ingest.toml` wants
//! them.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde_json::{Value, json};

use standings_edge::source::{SourceUrl, SourceUrlError};
use standings_ingest::soap::wsdl::{Operation, propose};
use standings_intake::soap::described;
use standings_model::error::{Failure, codes};
use standings_process::exit;

/// What is looked at.
#[derive(Clone, Debug)]
pub enum Looked {
    /// Records.
    Source(Box<SourceUrl>),
    /// A file of WSDL.
    Wsdl(PathBuf),
}

impl FromStr for Looked {
    type Err = SourceUrlError;

    fn from_str(text: &str) -> Result<Self, SourceUrlError> {
        let path = text.strip_prefix("file:").unwrap_or(text);
        let is_wsdl = !path.contains("://") && path.to_ascii_lowercase().ends_with(".wsdl");
        match is_wsdl {
            true => Ok(Looked::Wsdl(path.into())),
            false => Ok(Looked::Source(Box::new(text.parse()?))),
        }
    }
}

/// Says what a file of WSDL describes.
///
/// # Errors
/// It is none, or what it imports lies elsewhere than below its folder.
pub(super) fn run(path: &Path, as_json: bool) -> Result<(), Failure> {
    let found = described(path)
        .map_err(|no| Failure::of(&codes::ingest::CONFIG, format!("{}: {no}", path.display())))?;
    if as_json {
        let all: Vec<Value> = found.operations.iter().map(told).collect();
        exit::write(&json!({ "operations": all }).to_string());
        return Ok(());
    }
    let all: Vec<String> = found.operations.iter().map(|o| text(path, o)).collect();
    exit::say(all.join("\n").trim_end());
    Ok(())
}

fn told(operation: &Operation) -> Value {
    let proposal = propose(operation);
    let name = |of: &Option<((String, String), Vec<_>)>| {
        of.as_ref()
            .map(|((space, local), _)| json!({ "namespace": space, "name": local }))
    };
    json!({
        "operation": operation.name,
        "port": operation.port,
        "version": operation.version.to_string(),
        "url": operation.url,
        "action": operation.action,
        "refused": operation.refused,
        "request": name(&operation.input),
        "answer": name(&operation.output),
        "envelope": proposal.envelope,
        "rows": proposal.rows,
        "cursor": proposal.cursor,
        "lists": proposal.lists,
        "columns": proposal.columns.iter().map(|(name, kind)| json!({ "name": name, "type": kind })).collect::<Vec<_>>(),
    })
}

fn text(path: &Path, operation: &Operation) -> String {
    let proposal = propose(operation);
    let action = match operation.action.as_str() {
        "" => "none",
        action => action,
    };
    let mut out = format!(
        "# {} of the port {}: SOAP {}, {}, action {action}\n",
        operation.name, operation.port, operation.version, operation.url
    );
    if let Some(why) = &operation.refused {
        return out + &format!("# It asks for {why}, which this version does not do.\n");
    }
    let quoted = |text: &str| Value::from(text).to_string();
    let name = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let source: String = operation.name.chars().map(name).collect();
    out += &format!("[sources.{source}]\ntype = \"soap\"\n");
    out += &format!(
        "wsdl = {}\noperation = {}\n",
        quoted(&path.display().to_string()),
        quoted(&operation.name)
    );
    out += &format!(
        "version = \"{}\"\nenvelope = \"{source}.xml\"\n",
        operation.version
    );
    match &proposal.rows {
        Some(rows) => {
            out += &format!("rows = {}\n", quoted(rows));
            for (name, kind) in &proposal.columns {
                out += &format!("#   {name}: {kind}\n");
            }
        }
        None => {
            out +=
                "# Nothing in its answer repeats: say yourself where rows are.\n# rows = \"$.…\"\n"
        }
    }
    if let Some(cursor) = &proposal.cursor {
        out += &format!("cursor = {}\n", quoted(cursor));
    }
    if !proposal.lists.is_empty() {
        let lists: Vec<String> = proposal.lists.iter().map(|list| quoted(list)).collect();
        out += &format!("lists = [{}]\n", lists.join(", "));
    }
    out += &format!("topic = {}\n\n# {source}.xml\n", quoted(&source));
    for line in proposal.envelope.lines() {
        out += &format!("# {line}\n");
    }
    out
}
