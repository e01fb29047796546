//! Every option of a table, as one list: what it takes, what it does, or what stands in its place. The page
//! `docs/tables.md` is made of it.

use super::{Does, Takes, Word};

use Does::{Is, Not, Only};
use Takes::{Boolean, Character, Count, Names, OneOf, Secret, Text, Url, Zone};

const KAFKA: &[&str] = &["kafka", "upsert-kafka"];
const FILES: &[&str] = &["filesystem"];
const ANY: &[&str] = &[];
/// Formats whose records are text of JSON.
const JSONS: &[&str] = &[
    "json",
    "json-schema-confluent",
    "debezium-json",
    "maxwell-json",
    "canal-json",
];
const CSV: &[&str] = &["csv"];
/// Formats that ask a registry.
const REGISTRY: &[&str] = &[
    "avro-confluent",
    "json-schema-confluent",
    "protobuf-confluent",
    "debezium-avro-confluent",
];

/// What writes is not read: nothing is written to an input.
const WRITER: &str = "leave it out: it is for writing, and an input is only read";
const ERRORS: &str =
    "leave it out: a record that does not fit is a dead letter, never passed over in silence";
const AS_IT_IS: &str = "leave it out: the source reads as fast as it may";

const fn word(
    name: &'static str,
    of: &'static [&'static str],
    takes: Takes,
    does: Does,
    doc: &'static str,
) -> Word {
    Word {
        name,
        of,
        takes,
        does,
        doc,
    }
}

/// Options of a table, whatever its format.
#[rustfmt::skip]
pub(super) const OF_TABLE: &[Word] = &[
    word("connector", ANY, OneOf(&["kafka", "upsert-kafka", "filesystem"]), Is, "Where the records are; `upsert-kafka` also says that they are the present rows of their keys"),
    word("format", ANY, OneOf(super::FORMATS), Is, "How the value of a record is read; without it by the file's name, else JSON"),
    word("value.format", KAFKA, OneOf(super::FORMATS), Is, "Another name of `format`"),
    word("key.format", KAFKA, OneOf(super::FORMATS), Is, "How the key of a record is read; needs `key.fields`, or the PRIMARY KEY of `upsert-kafka`"),
    word("key.fields", KAFKA, Names, Is, "The columns that are in the key, with `;` between them"),
    word("key.fields-prefix", KAFKA, Text, Is, "What those columns' names begin with here, and not in the key; needs `value.fields-include` = `EXCEPT_KEY`"),
    word("value.fields-include", KAFKA, OneOf(&["ALL", "EXCEPT_KEY"]), Is, "Whether the columns of the key are in the value too, and are read there (`ALL`, if it is not said)"),
    word("topic", KAFKA, Names, Is, "The topic; several with `;` between them. As `--source`, and must agree with it"),
    word("topic-pattern", KAFKA, Text, Not("name the topics: 'topic' = 'a;b'"), ""),
    word("path", FILES, Text, Is, "A file, a folder or a glob. As `--source`, and must agree with it"),
    word("scan.startup.mode", KAFKA, OneOf(&["earliest-offset", "latest-offset", "timestamp", "group-offsets", "specific-offsets"]), Is, "Where reading begins where nothing is remembered (`earliest-offset`, if it is not said; what a group has committed is not asked)"),
    word("scan.startup.timestamp-millis", KAFKA, Count, Is, "The time that `timestamp` begins at, ms since 1970"),
    word("scan.startup.specific-offsets", KAFKA, Text, Not("'scan.startup.mode' = 'timestamp', or 'earliest-offset'"), ""),
    word("scan.bounded.mode", KAFKA, OneOf(&["unbounded", "latest-offset", "timestamp", "group-offsets", "specific-offsets"]), Is, "`latest-offset` ends at what is there at the start, as `--until-end`"),
    word("scan.bounded.timestamp-millis", KAFKA, Count, Not("'scan.bounded.mode' = 'latest-offset'"), ""),
    word("scan.bounded.specific-offsets", KAFKA, Text, Not("'scan.bounded.mode' = 'latest-offset'"), ""),
    word("scan.topic-partition-discovery.interval", KAFKA, Text, Not("leave it out: partitions that come are noticed"), ""),
    word("scan.parallelism", ANY, Count, Not("--workers N"), ""),
    word("scan.watermark.emit.strategy", ANY, Text, Not("leave it out: watermarks follow the records"), ""),
    word("scan.watermark.idle-timeout", ANY, Text, Not("--idle-timeout 30s"), ""),
    word("scan.watermark.alignment.group", ANY, Text, Not(AS_IT_IS), ""),
    word("scan.watermark.alignment.max-drift", ANY, Text, Not(AS_IT_IS), ""),
    word("scan.watermark.alignment.update-interval", ANY, Text, Not(AS_IT_IS), ""),
    word("source.monitor-interval", FILES, Text, Not("leave it out: files are read as they are at the start"), ""),
    word("source.path.regex-pattern", FILES, Text, Not("a glob: 'path' = 'in/*.csv'"), ""),
    word("source.report-statistics", FILES, Text, Not("leave it out"), ""),
    word("partition.default-name", FILES, Text, Not("leave it out: a part of a path that is not there is NULL"), ""),
    word("sink.partitioner", KAFKA, Text, Not(WRITER), ""),
    word("sink.parallelism", ANY, Count, Not(WRITER), ""),
    word("sink.semantic", KAFKA, Text, Not(WRITER), ""),
    word("sink.delivery-guarantee", KAFKA, Text, Not(WRITER), ""),
    word("sink.transactional-id-prefix", KAFKA, Text, Not(WRITER), ""),
    word("sink.buffer-flush.max-rows", KAFKA, Text, Not(WRITER), ""),
    word("sink.buffer-flush.interval", KAFKA, Text, Not(WRITER), ""),
    word("sink.rolling-policy.file-size", FILES, Text, Not(WRITER), ""),
    word("sink.rolling-policy.rollover-interval", FILES, Text, Not(WRITER), ""),
    word("sink.rolling-policy.check-interval", FILES, Text, Not(WRITER), ""),
    word("sink.partition-commit.trigger", FILES, Text, Not(WRITER), ""),
    word("sink.partition-commit.delay", FILES, Text, Not(WRITER), ""),
    word("sink.partition-commit.policy.kind", FILES, Text, Not(WRITER), ""),
    word("auto-compaction", FILES, Boolean, Not(WRITER), ""),
    word("compaction.file-size", FILES, Text, Not(WRITER), ""),
    word("changelog", ANY, OneOf(&["append", "upsert"]), Is, "Ours. `upsert`: a record is the present row of its primary key, which is read from the record's key where there is a `key.format`"),
    word("delete.field", ANY, Text, Is, "Ours, of `upsert`: the field that says that a row is gone; of other values than JSON it is a column too"),
    word("delete.value", ANY, Text, Is, "Ours, of `upsert`: what `delete.field` then holds (`true`, if it is not said)"),
    word("dedup.within", ANY, Text, Is, "Ours. For how long after a record another with its primary key is a duplicate: `30m`, `7d`"),
    word("scan.bootstrap", ANY, OneOf(&["unordered"]), Is, "Ours, of `upsert`: `unordered` where what is there at the first start is not in order of time"),
    word("scan.time-zone", ANY, Zone, Is, "Ours. The zone of times that are written without an offset, such as `Europe/Lisbon` (UTC, if it is not said)"),
    word("noun", ANY, Text, Is, "Ours. What a record is called, in the plural: `orders`"),
    word("unit", ANY, Text, Is, "Ours. What amounts are in: `EUR`"),
    word("mask", ANY, Names, Is, "Ours. STRING columns whose values are not known behind the decoder, each with `:redact`, `:hash` or `:tokenize`, with `;` between them ([masking](masking.md))"),
];

/// Options of formats, without the format's name before them.
#[rustfmt::skip]
pub(super) const OF_FORMAT: &[Word] = &[
    word("timestamp-format.standard", &["json", "json-schema-confluent", "debezium-json", "maxwell-json", "canal-json", "csv"], OneOf(&["SQL", "ISO-8601", "ISO-8601-WITH-OFFSET"]), Is, "How times without an offset are written (if it is not said an offset is needed; Flink: `SQL`)"),
    word("decimal-format", JSONS, OneOf(&["numeric", "base64"]), Is, "Ours. `base64` where a DECIMAL is the base64 of its unscaled digits, as Kafka Connect writes it"),
    word("schema-include", &["json", "debezium-json"], Boolean, Is, "Whether records are Kafka Connect's `{\"schema\": …, \"payload\": …}` (of `json` ours)"),
    word("envelope", &["json"], OneOf(&["cloudevents"]), Is, "Ours. `cloudevents`: the fields are the `data` of a CloudEvent, structured or binary"),
    word("coerce-to-string", &["json", "json-schema-confluent"], Boolean, Is, "Ours. A number or boolean is taken for a STRING as it is written"),
    word("fail-on-missing-field", &["json"], Boolean, Only("false", "NOT NULL behind the column: a record without it is a dead letter"), ""),
    word("ignore-parse-errors", &["json", "debezium-json", "maxwell-json", "canal-json", "csv", "protobuf", "protobuf-confluent"], Boolean, Only("false", ERRORS), ""),
    word("decode.json-parser.enabled", &["json"], Boolean, Is, "Which of Flink's parsers reads; nothing here"),
    word("map-null-key.mode", JSONS, Text, Not(WRITER), ""),
    word("map-null-key.literal", JSONS, Text, Not(WRITER), ""),
    word("encode.decimal-as-plain-number", JSONS, Boolean, Not(WRITER), ""),
    word("encode.ignore-null-fields", JSONS, Boolean, Not(WRITER), ""),
    word("database.include", &["maxwell-json", "canal-json"], Text, Is, "A pattern of the databases whose changes are taken (a regular expression of the whole name); what is of others is passed over"),
    word("table.include", &["maxwell-json", "canal-json"], Text, Is, "The same of tables"),
    word("field-delimiter", CSV, Character, Is, "What is between two fields; `\\t` is a tab (if it is not said by the file's name, else a comma)"),
    word("quote-character", CSV, Character, Is, "What is around a field that holds a delimiter (`\"`, if it is not said)"),
    word("disable-quote-character", CSV, Boolean, Is, "Whether no field is quoted"),
    word("escape-character", CSV, Character, Is, "What takes its meaning from the sign behind it (none, if it is not said)"),
    word("allow-comments", CSV, Boolean, Is, "Of files: whether lines that begin with `#` are none"),
    word("null-literal", CSV, Text, Is, "What stands for NULL (if it is not said an empty field without quotes)"),
    word("array-element-delimiter", CSV, Character, Not("a STRING column, and SPLIT_INDEX(text, ';', n)"), ""),
    word("write-bigdecimal-in-scientific-notation", CSV, Boolean, Not(WRITER), ""),
    word("header", CSV, Boolean, Is, "Ours, of files. Whether the first line has the columns' names (`true`, if it is not said; Flink has none and reads the first line as data)"),
    word("charset", CSV, Text, Is, "Ours. The encoding: `windows-1252`, `utf-16le` … (`utf-8`, if it is not said)"),
    word("trim", CSV, Boolean, Is, "Ours. Whether spaces around a field without quotes are no part of it"),
    word("timestamp-format", CSV, Text, Is, "Ours. The pattern of times: `dd/MM/yyyy HH:mm`"),
    word("decimal-separator", CSV, Character, Is, "Ours. What is before the fraction of a number (`.`, if it is not said)"),
    word("thousands-separator", CSV, Character, Is, "Ours. What is between thousands (nothing, if it is not said)"),
    word("schemas-folder", REGISTRY, Text, Is, "Ours. A folder of schemas, relative to the file that declares the table, where there is no registry"),
    word("url", REGISTRY, Url, Is, "The registry's URL"),
    word("schema-registry.url", REGISTRY, Url, Is, "Another name of `url`"),
    word("subject", REGISTRY, Text, Is, "The subject that ids are asked of, where the registry has contexts; a record says its schema by its id"),
    word("schema-registry.subject", REGISTRY, Text, Is, "Another name of `subject`"),
    word("schema", REGISTRY, Text, Not("leave it out: a record says its schema by its id"), ""),
    word("basic-auth.credentials-source", REGISTRY, OneOf(&["USER_INFO", "URL"]), Is, "Where name and password are"),
    word("basic-auth.user-info", REGISTRY, Secret, Is, "`name:password`"),
    word("bearer-auth.credentials-source", REGISTRY, OneOf(&["STATIC_TOKEN"]), Is, "Where the token is"),
    word("bearer-auth.token", REGISTRY, Secret, Is, "The token"),
    word("ssl.truststore.location", REGISTRY, Text, Is, "Whom the registry's certificate is trusted from, a PEM file"),
    word("ssl.truststore.password", REGISTRY, Secret, Not("a PEM file, which has none: openssl pkcs12 -in trust.p12 -nokeys -out trust.pem"), ""),
    word("ssl.keystore.location", REGISTRY, Text, Is, "Certificate and key that are shown to the registry, both in a PEM file"),
    word("ssl.keystore.password", REGISTRY, Secret, Not("a PEM file whose key is not encrypted: openssl pkcs12 -in key.p12 -nodes -out key.pem"), ""),
    word("ssl.key.password", REGISTRY, Secret, Not("a PEM file whose key is not encrypted: openssl pkcs12 -in key.p12 -nodes -out key.pem"), ""),
    word("descriptor-file", &["protobuf"], Text, Is, "Ours. The compiled descriptors (`protoc --descriptor_set_out --include_imports`), relative to the file that declares the table"),
    word("message-name", &["protobuf", "protobuf-confluent"], Text, Is, "Ours. The message, with its package; with a registry, where each record says its own, the only one that is taken"),
    word("message-class-name", &["protobuf"], Text, Not("'protobuf.descriptor-file' and 'protobuf.message-name': no class is loaded"), ""),
    word("read-default-values", &["protobuf", "protobuf-confluent"], Boolean, Is, "Whether a field that can be absent, and is, has its default; else it is NULL (messages always are)"),
    word("write-null-string-literal", &["protobuf"], Text, Not(WRITER), ""),
    word("codec", &["avro"], Text, Not(WRITER), ""),
    word("encoding", &["avro"], OneOf(&["binary"]), Is, "How records are laid out"),
    word("timestamp_mapping.legacy", &["avro"], Boolean, Only("false", "TIMESTAMP_LTZ(3) of a `timestamp-millis`: it is an instant"), ""),
    word("charset", &["raw"], OneOf(&["UTF-8"]), Is, "The encoding of a STRING"),
    word("endianness", &["raw"], OneOf(&["big-endian", "little-endian"]), Not("leave it out: the one column is STRING or BYTES"), ""),
    word("utc-timezone", &["parquet"], Boolean, Only("true", "leave it out: a file says whether its times are instants"), ""),
    word("timestamp.time.unit", &["parquet"], Text, Not(WRITER), ""),
    word("write.int64.timestamp", &["parquet"], Boolean, Not(WRITER), ""),
    word("batch-size", &["parquet"], Count, Not(AS_IT_IS), ""),
];
