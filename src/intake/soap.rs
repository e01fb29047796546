//! A configured service of SOAP as a source: its template, its WSDL, its secrets, its client.

use std::fs::File;
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use ring::rand::{SecureRandom, SystemRandom};

use crate::api::kept;
use crate::fetch::{Client, Credentials, How, Secret, Tls};
use crate::raw::Raw;
use standings_ingest::answer::{Answer, judged};
use standings_ingest::config::{ConfigError, Soap, Source, WsdlAt};
use standings_ingest::feed::Trouble;
use standings_ingest::pages::{self, paging::Paging};
use standings_ingest::rest::Fetch;
use standings_ingest::rest::template::{joined, origin};
use standings_ingest::row::Shape;
use standings_ingest::soap::envelope::Template;
use standings_ingest::soap::security::Token;
use standings_ingest::soap::wsdl::{Description, Load, NoWsdl, Operation};
use standings_ingest::soap::{self, Post, Request, Settings, SoapFeed, Target, Version};
use standings_model::clock::Clock;
use standings_model::error::Failure;
use standings_process::exit::NoThread;

/// Bytes of a document at most.
const MOST: u64 = 16 << 20;

/// Gives the documents of a folder, and none outside of it.
pub struct Below {
    root: PathBuf,
}

impl Below {
    /// The folder that a file is in.
    ///
    /// # Errors
    /// There is none.
    pub fn of(file: &Path) -> Result<Self, String> {
        let folder = match file.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        let root = folder.canonicalize();
        let root = root.map_err(|e| format!("cannot read the folder {}: {e}", folder.display()))?;
        Ok(Below { root })
    }
}

impl Load for Below {
    fn load(&mut self, location: &str, from: &str) -> Result<(String, Vec<u8>), String> {
        let location = match from.is_empty() {
            true => location,
            false if location.contains("://") => {
                return Err(format!(
                    "{from} imports {location}: of a file only what lies in its folder is read; put it there, and name it"
                ));
            }
            false => location.split('#').next().unwrap_or(location),
        };
        let path = match from.is_empty() {
            true => PathBuf::from(location),
            false => Path::new(from)
                .parent()
                .unwrap_or(Path::new(""))
                .join(location),
        };
        let real = path
            .canonicalize()
            .map_err(|e| format!("cannot read {}: {e}", path.display()))?;
        let inside = real.strip_prefix(&self.root).is_ok_and(|rest| {
            rest.components()
                .all(|part| matches!(part, Component::Normal(_)))
        });
        if !inside {
            return Err(format!(
                "{location} lies outside of {}: of a WSDL only what lies below its folder is read",
                self.root.display()
            ));
        }
        let bytes = whole(&real)?;
        Ok((real.display().to_string(), bytes))
    }
}

/// A regular file, of a size that is allowed.
fn whole(path: &Path) -> Result<Vec<u8>, String> {
    let no = |e: std::io::Error| format!("cannot read {}: {e}", path.display());
    let file = File::open(path).map_err(no)?;
    if !file.metadata().map_err(no)?.is_file() {
        return Err(format!("{} is no file", path.display()));
    }
    let mut bytes = Vec::new();
    file.take(MOST + 1).read_to_end(&mut bytes).map_err(no)?;
    match bytes.len() as u64 > MOST {
        true => Err(format!("{} has more than {MOST} bytes", path.display())),
        false => Ok(bytes),
    }
}

/// Reads the WSDL of a file.
///
/// # Errors
/// It is none, or what it imports lies elsewhere.
pub fn described(file: &Path) -> Result<Description, NoWsdl> {
    let mut below = Below::of(file).map_err(NoWsdl)?;
    Description::read(&file.display().to_string(), &mut below)
}

/// Gives the documents of one origin.
struct Of<'a> {
    client: &'a mut Client,
    /// Why one did not come, where another attempt may work.
    later: Option<Trouble>,
}

impl Load for Of<'_> {
    fn load(&mut self, location: &str, from: &str) -> Result<(String, Vec<u8>), String> {
        let url = match from.is_empty() {
            true => location.to_owned(),
            false => joined(from, location).map_err(|_| {
                format!("{from} imports {location}, of another place: nothing of this source is asked there")
            })?,
        };
        let now = Clock::default().wall();
        let answer = self.client.get(&url, None);
        let answer = answer.and_then(|answer| judged(&answer, now).map(|()| answer));
        match answer {
            Ok(answer) => Ok((url, answer.body)),
            Err(trouble) => {
                let why = trouble.why().to_owned();
                self.later = Some(trouble).filter(|t| matches!(t, Trouble::Later { .. }));
                Err(format!("the WSDL: {why}"))
            }
        }
    }
}

/// How a service is asked.
pub struct Poster {
    client: Client,
    password: Option<Secret>,
    random: SystemRandom,
    target: Option<Target>,
    /// The URL whose origin is asked.
    asked: String,
    soap: Soap,
    version: Version,
}

/// The operation of a description, and whether the configuration's paths can be in its answer.
fn operation<'a>(
    of: &Soap,
    version: Version,
    found: &'a Description,
) -> Result<&'a Operation, NoWsdl> {
    let operation = found.operation(of.operation.as_deref().unwrap_or_default(), Some(version))?;
    let paths = [("rows", Some(&of.rows)), ("cursor", of.cursor.as_ref())];
    for (key, path) in paths {
        let Some(path) = path else { continue };
        if !operation.may_have(path) {
            return Err(NoWsdl(format!(
                "`{key}` is {}, and by the WSDL the answer of `{}` has nothing there",
                path.text(),
                operation.name
            )));
        }
    }
    Ok(operation)
}

/// Whom to ask, as the configuration and the WSDL say.
fn target(of: &Soap, found: Option<&Operation>) -> Target {
    let own = |said: &Option<String>, found: Option<&String>| {
        said.clone().or(found.cloned()).unwrap_or_default()
    };
    Target {
        url: own(&of.url, found.map(|o| &o.url)),
        action: own(&of.action, found.map(|o| &o.action)),
    }
}

impl Poster {
    /// The operation, as the WSDL at its URL has it.
    fn described(&mut self) -> Result<Operation, Trouble> {
        let Some(WsdlAt::Url(url)) = &self.soap.wsdl else {
            return Err(Trouble::Broken(
                "nobody says whom to ask: a defect".to_owned(),
            ));
        };
        let mut of = Of {
            client: &mut self.client,
            later: None,
        };
        let found = Description::read(url, &mut of);
        let found = match (found, of.later) {
            (Ok(found), _) => found,
            (Err(_), Some(later)) => return Err(later),
            (Err(no), None) => return Err(Trouble::Broken(no.to_string())),
        };
        let operation = operation(&self.soap, self.version, &found);
        operation
            .cloned()
            .map_err(|no| Trouble::Broken(no.to_string()))
    }
}

impl Post for Poster {
    fn target(&mut self) -> Result<Target, Trouble> {
        if let Some(target) = &self.target {
            return Ok(target.clone());
        }
        let operation = self.described()?;
        let target = target(&self.soap, Some(&operation));
        let own = origin(&self.asked);
        if origin(&target.url) != own {
            return Err(Trouble::Broken(format!(
                "the WSDL leads to {}, another place than {own}: say url = \"…\" if it is meant",
                origin(&target.url)
            )));
        }
        Ok(self.target.insert(target).clone())
    }

    fn post(&mut self, request: &Request) -> Result<Answer, Trouble> {
        self.client
            .post(&request.url, &request.headers, &request.body)
    }

    fn password(&mut self) -> Result<String, Trouble> {
        match &self.password {
            Some(password) => password().map_err(Trouble::Broken),
            None => Ok(String::new()),
        }
    }

    fn random(&mut self) -> Result<[u8; 16], Trouble> {
        let mut bytes = [0; 16];
        let filled = self.random.fill(&mut bytes);
        filled.map_err(|_| Trouble::later("this machine gives no random bytes"))?;
        Ok(bytes)
    }
}

fn refused(source: &Source, key: &str, said: String) -> Failure {
    ConfigError {
        place: format!("[sources.{}]", source.name),
        said: format!("`{key}`: {said}"),
    }
    .into()
}

/// The template, whose places are those that the configuration needs.
fn template(source: &Source, of: &Soap, found: Option<Version>) -> Result<Template, Failure> {
    let no = |said: String| refused(source, "envelope", said);
    let bytes = whole(&of.envelope).map_err(&no)?;
    let template = Template::parse(&bytes, of.version.or(found))
        .map_err(|said| no(format!("{}: {said}", of.envelope.display())))?;
    let needed = match (&of.paging, &of.times) {
        (Paging::Follow, _) => Some("cursor"),
        (Paging::Page { .. }, _) => Some("page"),
        (Paging::Offset { .. }, _) => Some("offset"),
        (Paging::One, _) => None,
    };
    let needed = needed
        .into_iter()
        .chain(of.times.is_some().then_some("since"));
    for place in needed {
        if !template.has(place) {
            return Err(no(format!(
                "{} has no {{{place}}}: each page would be the first",
                of.envelope.display()
            )));
        }
    }
    Ok(template)
}

/// What is known of whom to ask before anything is.
struct Known {
    template: Template,
    /// None where the WSDL is at a URL.
    target: Option<Target>,
    /// The URL whose origin is asked.
    asked: String,
    /// What a WSDL in a file says.
    operation: Option<Operation>,
}

fn known(source: &Source, of: &Soap) -> Result<Known, Failure> {
    let description = match &of.wsdl {
        Some(WsdlAt::File(path)) => {
            let found = described(path);
            Some(found.map_err(|no| refused(source, "wsdl", format!("{}: {no}", path.display())))?)
        }
        _ => None,
    };
    let first = description.as_ref().and_then(|d| {
        let name = of.operation.as_deref().unwrap_or_default();
        d.operation(name, of.version).ok()
    });
    let template = template(source, of, first.map(|o| o.version))?;
    let found = match &description {
        Some(description) => {
            let found = operation(of, template.version, description);
            Some(found.map_err(|no| refused(source, "wsdl", no.to_string()))?)
        }
        None => None,
    };
    let Some(WsdlAt::Url(wsdl)) = &of.wsdl else {
        let target = target(of, found);
        return Ok(Known {
            template,
            asked: target.url.clone(),
            target: Some(target),
            operation: found.cloned(),
        });
    };
    let asked = of.url.as_ref().unwrap_or(wsdl);
    if origin(wsdl) != origin(asked) {
        let said = "is at another place than `url`: one place is asked; keep the WSDL in a file";
        return Err(refused(source, "wsdl", said.to_owned()));
    }
    Ok(Known {
        template,
        target: None,
        asked: asked.clone(),
        operation: None,
    })
}

/// Who asks by HTTP, and the password.
fn credentials(source: &Source, of: &Soap) -> Result<(Credentials, Option<Secret>), Failure> {
    Ok(match &of.user {
        Some((user, at, Token::Basic)) => {
            let basic = Credentials::Basic(user.clone(), kept(source, at)?);
            (basic, Some(kept(source, at)?))
        }
        Some((_, at, _)) => (Credentials::None, Some(kept(source, at)?)),
        None => (Credentials::None, None),
    })
}

/// What asks, with the template that it asks by.
fn poster(
    source: &Source,
    of: &Soap,
    raw: Option<Raw>,
    known: Known,
) -> Result<(Template, Poster), Failure> {
    let (credentials, password) = credentials(source, of)?;
    let tls = Tls::read(of.identity.as_ref(), of.authorities.as_deref());
    let client = Client::new(How {
        url: known.asked.clone(),
        private: of.private,
        credentials,
        headers: of.headers.clone(),
        raw: raw.map(|raw| (raw, "xml")),
        tls: tls.map_err(|(key, said)| refused(source, key, said))?,
    });
    let poster = Poster {
        client: client.map_err(NoThread)?,
        password,
        random: SystemRandom::new(),
        target: known.target,
        asked: known.asked,
        soap: of.clone(),
        version: known.template.version,
    };
    Ok((known.template, poster))
}

/// What a service is asked, in words, as its WSDL has it; `asks`: also a WSDL that has to be asked for.
///
/// # Errors
/// The WSDL is not there, or not as the configuration says.
pub fn told(source: &Source, of: &Soap, asks: bool) -> Result<Option<String>, Failure> {
    let mut known = known(source, of)?;
    let version = known.template.version;
    let operation = match (known.operation.take(), asks && known.target.is_none()) {
        (None, true) => {
            let (_, mut poster) = poster(source, of, None, known)?;
            let found = poster.target().and_then(|_| poster.described());
            let no = |trouble: Trouble| refused(source, "wsdl", trouble.why().to_owned());
            Some(found.map_err(no)?)
        }
        (found, _) => found,
    };
    let Some(operation) = operation else {
        return Ok(None);
    };
    let Target { url, action } = target(of, Some(&operation));
    let name = |of: &Option<((String, String), Vec<_>)>| match of {
        Some(((space, local), _)) => format!("{{{space}}}{local}"),
        None => "what the WSDL does not say".to_owned(),
    };
    Ok(Some(format!(
        "{} by SOAP {version}: POST {url}, action {action}\n  asked with {}, answered with {}",
        operation.name,
        name(&operation.input),
        name(&operation.output)
    )))
}

/// The feed of a service; nothing is asked yet, but a WSDL that is a file is read.
///
/// # Errors
/// A file or a secret is not there, or the WSDL has no such operation.
pub(crate) fn feed(
    source: &Source,
    of: &Soap,
    shape: Shape,
    raw: Option<Raw>,
) -> Result<SoapFeed<Poster>, Failure> {
    let (template, poster) = poster(source, of, raw, known(source, of)?)?;
    let user = of.user.as_ref();
    let settings = Settings {
        template,
        rows: of.rows.clone(),
        cursor: of.cursor.clone(),
        lists: of.lists.iter().cloned().collect(),
        user: user.map(|(user, _, token)| (user.clone(), *token)),
        lives: of.lives,
        addressing: of.addressing,
    };
    let pages = pages::Settings {
        paging: of.paging.clone(),
        times: of.times.clone(),
        id: of.id.clone(),
        start: of.first.clone(),
        every: of.every,
        rate: of.rate,
    };
    let clock = Clock::default();
    Ok(soap::feed(poster, (settings, pages), shape, clock))
}
