//! `type = "webhook"`.

use std::collections::BTreeMap;

use super::SecretAt;
use super::error::ConfigError;
use super::section::Section;
use crate::webhook::signature::Form;

/// What others post.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// Where: `/ingest/NAME`.
    pub path: String,
    /// Who signs; without it only this machine may post.
    pub signature: Option<Form>,
    /// Where the secret is; several, so that it can be changed.
    pub secrets: Vec<SecretAt>,
    /// The header with a delivery's id.
    pub id: Option<String>,
    /// Bytes of a body at most, before and after it is decompressed.
    pub max_body: usize,
}

impl Webhook {
    pub(super) fn about(&self) -> BTreeMap<String, String> {
        [("path".to_owned(), self.path.clone())].into()
    }

    pub(super) fn words(&self, _name: &str) -> String {
        let signed = match self.signature {
            Some(form) => {
                let word = Form::NAMES.iter().find(|(_, f)| *f == form);
                let word = word.map_or("", |(word, _)| word);
                format!(
                    "signed as {word} does ({}), with {} secret(s)",
                    form.header(),
                    self.secrets.len()
                )
            }
            None => "without a signature, from this machine alone".to_owned(),
        };
        let id = match &self.id {
            Some(header) => {
                format!("a delivery is known again by its {header}, and by its signature")
            }
            None => "a delivery is known again by its signature".to_owned(),
        };
        format!(
            "POST {}, {signed}\n  {id}; 200 is answered when it is in Kafka",
            self.path
        )
    }
}

pub(super) fn read(section: &Section<'_>, name: &str) -> Result<Webhook, ConfigError> {
    let path = section
        .str("path")?
        .unwrap_or_else(|| format!("/ingest/{name}"));
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_./~".contains(c);
    if !path.starts_with('/') || !path.chars().all(fits) || path.contains("//") {
        return Err(section.wrong(
            "path",
            "must be a path such as /ingest/shop, of letters, digits and - _ . / ~",
        ));
    }
    let signature = section.one_of("signature", &Form::NAMES)?;
    let mut secrets: Vec<SecretAt> = Vec::new();
    if section
        .item("secret-file")
        .is_some_and(|item| item.is_array())
    {
        let files = section.list("secret-file")?;
        secrets.extend(files.iter().map(|file| SecretAt::File(section.path(file))));
        section.item("secret");
    } else {
        secrets.extend(section.secret("secret", "secret-file")?);
    }
    match (signature, secrets.is_empty()) {
        (Some(_), true) => {
            return Err(section.wrong(
                "signature",
                "needs a secret: secret-file = \"PATH\", a line each where there are several",
            ));
        }
        (None, false) => {
            return Err(section.wrong(
                "secret-file",
                "is of no use without `signature`: github, stripe or shopify",
            ));
        }
        _ => {}
    }
    let id = section.str("id")?;
    if id.as_deref().is_some_and(|id| !is_header(id)) {
        return Err(section.wrong(
            "id",
            "must be the name of a header, such as X-GitHub-Delivery",
        ));
    }
    let max_body = section.count("max-body", 1, 64 << 20)?.unwrap_or(1 << 20);
    let usual = signature.and_then(Form::id_header).map(str::to_owned);
    Ok(Webhook {
        path,
        signature,
        secrets,
        id: id.or(usual),
        max_body: usize::try_from(max_body).unwrap_or(1 << 20),
    })
}

fn is_header(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    !name.is_empty() && name.chars().all(fits)
}
