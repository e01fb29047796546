//! Datasets, named as OpenLineage's naming rules say: a namespace (the server) and a name within it.

use standings_edge::sink::url::{SinkUrl, redact};
use standings_edge::source::{Site, SourceUrl};

/// Where data lies. Holds no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dataset {
    /// Such as `kafka://host:9092`.
    pub namespace: String,
    /// Such as a topic's name.
    pub name: String,
    /// Its rows are a change log: what a query's fields are lies in a member `row`.
    pub is_log: bool,
}

impl Dataset {
    /// What is read.
    pub fn of_source(source: &SourceUrl) -> Self {
        match source {
            SourceUrl::Kafka { brokers, topic } => Dataset::topic(brokers, topic),
            SourceUrl::File(Site::Disk(path)) | SourceUrl::Recording { path, .. } => {
                Dataset::file(path)
            }
            SourceUrl::File(Site::Object(object)) => Dataset {
                namespace: format!("s3://{}", object.bucket()),
                name: object.key().to_owned(),
                is_log: true,
            },
        }
    }

    /// What a ranking is written to, or `None` for standard output, which nobody can find again.
    pub fn of_sink(sink: &SinkUrl, ranking: &str) -> Option<Self> {
        match sink {
            SinkUrl::Postgres(url) => Some(Dataset::table(url, ranking)),
            SinkUrl::Kafka { brokers, topic } => Some(Dataset::topic(brokers, topic)),
            SinkUrl::File { path, .. } => Some(Dataset::file(path)),
            SinkUrl::Stdout { .. } => None,
        }
    }

    /// A topic.
    pub(super) fn topic(brokers: &str, topic: &str) -> Self {
        let first = brokers.split(',').next().unwrap_or_default();
        Dataset {
            namespace: format!("kafka://{}", with_port(first, 9092)),
            name: topic.to_owned(),
            is_log: true,
        }
    }

    /// A file, or a folder.
    pub(super) fn file(path: &std::path::Path) -> Self {
        let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        Dataset {
            namespace: "file".to_owned(),
            name: whole.display().to_string(),
            is_log: true,
        }
    }

    /// The schema is the server's default: a search path that the URL sets is not looked at.
    fn table(url: &str, table: &str) -> Self {
        Dataset::in_database(url, &format!("public.{table}"))
    }

    /// A table with its schema, of the database of a URL.
    pub(super) fn in_database(url: &str, table: &str) -> Self {
        let shown = redact(url);
        let rest = shown.split_once("://").map_or("", |(_, rest)| rest);
        let (hosts, database) = rest.split_once('/').unwrap_or((rest, ""));
        let host = match hosts.split(',').next() {
            Some("") | None => "localhost",
            Some(host) => host,
        };
        let database = if database.is_empty() {
            "postgres"
        } else {
            database
        };
        Dataset {
            namespace: format!("postgres://{}", with_port(host, 5432)),
            name: format!("{database}.{table}"),
            is_log: false,
        }
    }
}

impl Dataset {
    /// A table of MySQL, of the database that is said, else of the URL's.
    pub(super) fn in_mysql(url: &str, database: Option<&str>, table: &str) -> Self {
        let shown = redact(url);
        let rest = shown.split_once("://").map_or("", |(_, rest)| rest);
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
        let of_url = path.split('?').next().unwrap_or_default();
        Dataset {
            namespace: format!("mysql://{}", with_port(host, 3306)),
            name: format!("{}.{table}", database.unwrap_or(of_url)),
            is_log: false,
        }
    }
}

fn with_port(host: &str, usual: u16) -> String {
    let after_address = host.rsplit(']').next().unwrap_or(host);
    match after_address.contains(':') {
        true => host.to_owned(),
        false => format!("{host}:{usual}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_rules_and_hold_no_secret() {
        let sink = |url: &str| {
            let found = Dataset::of_sink(&url.parse().unwrap(), "best").unwrap();
            format!("{} {}", found.namespace, found.name)
        };
        assert_eq!(
            sink("postgres://u:secret@db.example/shop?password=secret"),
            "postgres://db.example:5432 shop.public.best"
        );
        assert_eq!(
            sink("postgres://u@[::1]:7/shop"),
            "postgres://[::1]:7 shop.public.best"
        );
        assert_eq!(
            sink("postgres://u@[::1]/"),
            "postgres://[::1]:5432 postgres.public.best"
        );
        assert_eq!(sink("kafka://a,b:7/t"), "kafka://a:9092 t");
        assert_eq!(sink("file:/x/y.ndjson"), "file /x/y.ndjson");
        assert_eq!(
            Dataset::of_sink(&SinkUrl::Stdout { offsets: false }, "best"),
            None
        );
        let read = Dataset::of_source(&"s3://b/x/y.csv".parse().unwrap());
        assert_eq!((&read.namespace[..], &read.name[..]), ("s3://b", "x/y.csv"));
        let read = Dataset::of_source(&"recording:/x/m.rec?pace=2".parse().unwrap());
        assert_eq!(read.name, "/x/m.rec");
    }
}
