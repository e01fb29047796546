//! What brokers say of a topic when they are asked and nothing more.

use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, ResourceSpecifier};
use rdkafka::client::DefaultClientContext;

use super::error::KafkaSinkError;
use super::{client, client_limit, refused};
use crate::sink::SinkOptions;
use crate::source::{Aside, cause, cluster_id};

/// Which cluster it is, if that is said in time.
pub fn cluster(brokers: &str, options: &SinkOptions, patience: Duration) -> Option<String> {
    let admin: AdminClient<DefaultClientContext> = client(brokers, options).create().ok()?;
    let admin = Aside::new(admin);
    cluster_id(admin.inner().native_ptr(), patience)
}

/// Asks once, for so long at most; what is said, for a person.
pub fn ask(
    brokers: &str,
    topic: &str,
    options: &SinkOptions,
    is_sink: bool,
    patience: Duration,
) -> Result<Vec<String>, KafkaSinkError> {
    let config = client(brokers, options);
    let admin: AdminClient<DefaultClientContext> = config.create().map_err(|e| refused(&e))?;
    let admin = Aside::new(admin);
    let metadata = admin.inner().fetch_metadata(None, patience).map_err(|e| {
        let why = cause(&config).refused.unwrap_or_else(|| e.to_string());
        KafkaSinkError::Silent { patience, why }
    })?;
    let found = metadata.topics().iter().find(|t| t.name() == topic);
    let Some(found) = found else {
        return Ok(vec![match is_sink {
            true if options.exactly_once => {
                format!("the topics `{topic}` and `{topic}-progress` will be made")
            }
            true => {
                format!("the topic `{topic}` is not there, and is made if the brokers make topics")
            }
            false => {
                format!("the topic `{topic}` is not there, and is made if the brokers make topics")
            }
        }]);
    };
    let mut said = vec![format!("{} partitions", found.partitions().len())];
    let Some(setting) = settings(&admin, topic, patience) else {
        said.push("its settings are not told to this client".to_owned());
        return Ok(said);
    };
    if let Some(bytes) = setting("max.message.bytes").and_then(|b| b.parse::<usize>().ok()) {
        let most = match is_sink {
            true => bytes.min(client_limit(options)),
            false => bytes,
        };
        said.push(format!("messages of up to {most} bytes"));
    }
    if setting("cleanup.policy").is_some_and(|p| p.contains("compact")) && !is_sink {
        let topic = topic.to_owned();
        return Err(KafkaSinkError::Compacted { topic });
    }
    Ok(said)
}

/// Whether a topic is compacted, if that is said in time.
pub fn is_compacted(
    brokers: &str,
    topic: &str,
    options: &SinkOptions,
    patience: Duration,
) -> Option<bool> {
    let admin: AdminClient<DefaultClientContext> = client(brokers, options).create().ok()?;
    let admin = Aside::new(admin);
    let setting = settings(&admin, topic, patience)?;
    Some(setting("cleanup.policy")?.contains("compact"))
}

/// The settings of a topic, by name, if they are said in time.
fn settings(
    admin: &AdminClient<DefaultClientContext>,
    topic: &str,
    patience: Duration,
) -> Option<impl Fn(&str) -> Option<String> + use<>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let asked = AdminOptions::new().request_timeout(Some(patience));
    let resource = ResourceSpecifier::Topic(topic);
    let answer = runtime
        .ok()?
        .block_on(admin.describe_configs([&resource], &asked));
    let settings = answer.ok()?.pop()?.ok()?;
    Some(move |name: &str| settings.get(name).and_then(|s| s.value.clone()))
}
