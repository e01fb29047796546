//! A configured API as a source: its secrets, its client, its feed.

use crate::fetch::{Client, Credentials, How, Secret, Tls};
use crate::raw::Raw;
use crate::secret::{self, NoSecret};
use standings_ingest::config::{Auth, Rest, SecretAt, Source};
use standings_ingest::pages;
use standings_ingest::rest::body::Form;
use standings_ingest::rest::{self, RestFeed, Settings};
use standings_ingest::row::Shape;
use standings_model::clock::Clock;
use standings_model::error::Failure;
use standings_process::exit::NoThread;

/// The first secret at a place.
fn first(source: &Source, at: &SecretAt) -> Result<String, NoSecret> {
    let all = secret::all(&source.name, at)?;
    Ok(all.into_iter().next().unwrap_or_default())
}

/// A secret that is read each time; it must be there now.
pub(crate) fn kept(source: &Source, at: &SecretAt) -> Result<Secret, NoSecret> {
    first(source, at)?;
    let (name, at) = (source.name.clone(), at.clone());
    Ok(Box::new(move || {
        let all = secret::all(&name, &at).map_err(|e| e.to_string())?;
        Ok(all.into_iter().next().unwrap_or_default())
    }))
}

fn credentials(source: &Source, auth: &Auth) -> Result<Credentials, NoSecret> {
    Ok(match auth {
        Auth::None => Credentials::None,
        Auth::Bearer(token) => Credentials::Bearer(kept(source, token)?),
        Auth::Basic { user, password } => Credentials::Basic(user.clone(), kept(source, password)?),
        Auth::Key { header, key } => Credentials::Key(header.clone(), kept(source, key)?),
        Auth::OAuth {
            url,
            client,
            secret,
            in_form,
            ..
        } => Credentials::OAuth {
            url: url.clone(),
            client: client.clone(),
            secret: kept(source, secret)?,
            in_form: *in_form,
        },
    })
}

/// The feed of an API; nothing is asked yet.
///
/// # Errors
/// A secret is not there, or this process has no thread for it.
pub(crate) fn feed(
    source: &Source,
    of: &Rest,
    shape: Shape,
    raw: Option<Raw>,
) -> Result<RestFeed<Client>, Failure> {
    let url = match &of.url {
        Ok(url) => url.clone(),
        Err(at) => first(source, at)?,
    };
    let ending = match of.form {
        Form::Json(_) => "json",
        Form::Lines => "ndjson",
        Form::Csv(_) => "csv",
    };
    let client = Client::new(How {
        url: url.clone(),
        private: of.private,
        credentials: credentials(source, &of.auth)?,
        headers: of.headers.clone(),
        raw: raw.map(|raw| (raw, ending)),
        tls: Tls::default(),
    });
    let settings = Settings {
        url,
        form: of.form.clone(),
        next: of.next.clone(),
        oauth: match &of.auth {
            Auth::OAuth { scope, .. } => Some(scope.clone()),
            _ => None,
        },
    };
    let pages = pages::Settings {
        paging: of.paging.clone(),
        times: of.times.clone(),
        id: of.id.clone(),
        start: String::new(),
        every: of.every,
        rate: of.rate,
    };
    let client = client.map_err(NoThread)?;
    let clock = Clock::default();
    Ok(rest::feed(client, (settings, pages), shape, clock))
}
