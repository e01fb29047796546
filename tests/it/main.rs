//! The tests of what a user can see, in one binary: fifty of their own would each link Kafka's client, TLS and Arrow again.
//!
//! A file is a subject, and its name comes first in the names of its tests: `deploy/test batching waits` runs two of them, and so
//! does `cargo test --test it -- batching:: waits::`. All of them need what `deploy/test` starts; its runner gives each a process and
//! a time limit (`.config/nextest.toml`). What must be a process of its own is a binary beside this one: Cargo.toml says which, and
//! why.

mod api;
mod api_security;
mod api_serve;
mod batching;
mod beside;
mod cases;
mod changes;
mod cluster;
mod config;
mod consistency;
mod corrections;
mod csv_topic;
mod cumulate;
mod dead_letters;
mod debezium;
mod decode;
mod drift;
mod embed;
mod erasure;
mod errors;
mod expression_oracle;
mod fencing;
mod file_edges;
mod files_against_reference;
mod finished;
mod flink;
mod follow;
mod fuzz_bounded;
mod http;
mod ingest;
mod inspect;
mod kafka_postgres;
mod kafka_security;
mod later_files;
mod letters;
mod limits;
mod lineage;
mod live;
mod load;
mod logs;
mod measures_oracle;
mod metrics;
mod old_snapshots;
mod page;
mod peer_tls;
mod pooler;
mod protobuf;
mod quality;
mod query_diagnostics;
mod questions;
mod recording;
mod recovery;
mod reduce_oracle;
mod refused;
mod registry;
mod repair;
mod replica;
mod runs;
mod s3;
mod secrets;
mod store;
mod strangers;
#[path = "../support/mod.rs"]
mod support;
mod tables;
mod tls;
mod topics;
mod traces;
mod upgrade;
mod verify;
mod waits;
