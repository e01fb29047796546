//! Deletes topics that a bench is done with: a broker that keeps what all its runs left behind stops for longer at each
//! collection of its garbage, which is then measured with what comes later.
//!
//!   cargo run --release --example forget_topics -- localhost:9092 sales changes
//!
//! Topics that are not there are none to delete.

use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::error::RDKafkaErrorCode;

fn main() {
    let mut args = std::env::args().skip(1);
    let (Some(brokers), topics) = (args.next(), args.collect::<Vec<_>>()) else {
        eprintln!("forget_topics BROKERS TOPIC...");
        std::process::exit(2);
    };
    let admin: AdminClient<DefaultClientContext> = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .create()
        .expect("settings");
    let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let gone = runtime.block_on(admin.delete_topics(&topics, &AdminOptions::new()));
    for result in gone.expect("a broker that answers") {
        match result {
            Ok(_) | Err((_, RDKafkaErrorCode::UnknownTopicOrPartition)) => {}
            Err((topic, problem)) => {
                eprintln!("{topic}: {problem}");
                std::process::exit(1);
            }
        }
    }
}
