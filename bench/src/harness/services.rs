//! Kafka and Postgres: topics and schemas that one side has for itself, and that are gone after it.

use std::future::Future;
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::RDKafkaErrorCode;
use tokio_postgres::NoTls;

use super::measure::{Invocation, pause, said};
use super::place;
use crate::problem::Problem;

/// How long a broker may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Those of `deploy/services`.
#[derive(Clone, Debug)]
pub struct Services {
    /// Kafka's brokers.
    pub brokers: String,
    /// Postgres's URL.
    pub postgres: String,
}

impl Services {
    /// As the environment gives them; none, when it does not give both.
    pub fn given() -> Option<Self> {
        let var = |name| std::env::var(name).ok().filter(|v| !v.is_empty());
        Some(Services {
            brokers: var("KAFKA_BROKERS")?,
            postgres: var("POSTGRES_URL")?,
        })
    }

    /// The same, or why not.
    pub fn needed() -> Result<Self, Problem> {
        Services::given().ok_or(Problem::NoServices)
    }

    /// As a source or a sink of `standings run`.
    pub fn url(&self, topic: &str) -> String {
        format!("kafka://{}/{topic}", self.brokers)
    }

    /// Makes a topic, and waits until it can be read and written.
    pub fn make_topic(&self, name: &str, partitions: usize) -> Result<(), Problem> {
        let admin = self.admin()?;
        // -1: as many copies as the brokers make by default.
        let new = NewTopic::new(name, partitions as i32, TopicReplication::Fixed(-1));
        let made = wait_for(admin.create_topics([&new], &AdminOptions::new()))??;
        for result in made {
            match result {
                Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
                Err((topic, code)) => {
                    return Err(Problem::said("Kafka", format!("{topic}: {code}")));
                }
            }
        }
        let consumer: BaseConsumer = self.client().create()?;
        let until = Instant::now() + PATIENCE;
        loop {
            let metadata = consumer.fetch_metadata(Some(name), PATIENCE)?;
            let led = |t: &rdkafka::metadata::MetadataTopic| {
                t.partitions().iter().filter(|p| p.leader() >= 0).count()
            };
            if metadata.topics().first().map_or(0, led) >= partitions {
                return Ok(());
            }
            if Instant::now() > until {
                return Err(Problem::Late {
                    what: format!("the topic {name} can be read"),
                    seconds: PATIENCE.as_secs(),
                });
            }
            pause(Duration::from_millis(20))?;
        }
    }

    /// Deletes topics that a side is done with: a broker that keeps what all its runs left behind stops for longer at each
    /// collection of its garbage, which is then measured with what comes later. One that is not there is none to delete.
    pub fn forget_topics(&self, topics: &[&str]) -> Result<(), Problem> {
        let gone = wait_for(self.admin()?.delete_topics(topics, &AdminOptions::new()))??;
        for result in gone {
            match result {
                Ok(_) | Err((_, RDKafkaErrorCode::UnknownTopicOrPartition)) => {}
                Err((topic, code)) => {
                    return Err(Problem::said("Kafka", format!("{topic}: {code}")));
                }
            }
        }
        Ok(())
    }

    /// Makes a schema of its own in the database; its URL, by which Standings finds it.
    pub fn make_schema(&self, name: &str) -> Result<String, Problem> {
        self.execute(&format!("CREATE SCHEMA \"{name}\""))?;
        let more = if self.postgres.contains('?') {
            '&'
        } else {
            '?'
        };
        Ok(format!(
            "{}{more}options=-c%20search_path%3D{name}",
            self.postgres
        ))
    }

    /// Deletes a schema and all in it.
    pub fn forget_schema(&self, name: &str) -> Result<(), Problem> {
        self.execute(&format!("DROP SCHEMA IF EXISTS \"{name}\" CASCADE"))
    }

    /// Has Postgres do something.
    pub fn execute(&self, sql: &str) -> Result<(), Problem> {
        execute(&self.postgres, sql)
    }

    /// Gives a file of sales to a topic, as fast as it goes.
    pub fn fill(&self, topic: &str, sales: &str) -> Result<(), Problem> {
        let load = Invocation::new(place::standings()).env("STANDINGS_LOG", "error");
        said(&load.args(["load", "replay", sales, "--to", &self.url(topic)])).map(drop)
    }

    fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.brokers);
        config
    }

    fn admin(&self) -> Result<AdminClient<DefaultClientContext>, Problem> {
        Ok(self.client().create()?)
    }
}

/// Has the Postgres of a URL do something.
pub fn execute(url: &str, sql: &str) -> Result<(), Problem> {
    wait_for(async {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
        let connection = tokio::spawn(connection);
        client.batch_execute(sql).await?;
        drop(client);
        // Until it is closed.
        let _ = connection.await;
        Ok(())
    })?
}

/// Waits for one thing.
pub fn wait_for<T>(what: impl Future<Output = T>) -> Result<T, Problem> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_all().build();
    let runtime = runtime.map_err(Problem::system("starting a runtime"))?;
    Ok(runtime.block_on(what))
}
