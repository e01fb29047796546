//! Lineage as a receiver gets it, held against OpenLineage's published schemas.

use std::process::Stdio;
use std::time::Duration;

use crate::support::calls::get;
use crate::support::kafka::{block, consume, produce, topic, unique};
use crate::support::openlineage::Schemas;
use crate::support::postgres::{connect, database};
use crate::support::receiver::Receiver;
use crate::support::{self, Dice, Running, free_port, sales, service, standings, until, wait};
use serde_json::Value;

/// Files of sales in a folder that is removed with it.
fn files(counts: &[usize]) -> (tempfile::TempDir, Vec<String>) {
    let dir = tempfile::tempdir().unwrap();
    let mut dice = Dice::new(9);
    let file = |(i, n): (usize, &usize)| {
        let path = dir.path().join(format!("sales-{i}.ndjson"));
        let lines = sales(&mut dice, *n, 1_769_126_400_000, 20_000);
        std::fs::write(&path, lines.join("\n") + "\n").unwrap();
        path.display().to_string()
    };
    let paths = counts.iter().enumerate().map(file).collect();
    (dir, paths)
}

fn held(schemas: &Schemas, events: &[Value]) {
    for event in events {
        let problems = schemas.problems(event);
        assert!(problems.is_empty(), "{problems:#?}\n{event:#}");
    }
}

fn types<'a>(events: &'a [Value], job: &str) -> Vec<&'a str> {
    let of = events.iter().filter(|e| e["job"]["name"] == job);
    of.map(|e| e["eventType"].as_str().unwrap()).collect()
}

fn last<'a>(events: &'a [Value], job: &str) -> &'a Value {
    events.iter().rfind(|e| e["job"]["name"] == job).unwrap()
}

/// `input field SUBTYPE`, one a line, of a column of an output.
fn from(output: &Value, column: &str) -> Vec<String> {
    let fields = &output["facets"]["columnLineage"]["fields"][column]["inputFields"];
    let line = |f: &Value| {
        let all = f["transformations"].as_array().unwrap();
        let all: Vec<&str> = all.iter().map(|t| t["subtype"].as_str().unwrap()).collect();
        format!("{} {}", f["field"].as_str().unwrap(), all.join(" "))
    };
    fields.as_array().unwrap().iter().map(line).collect()
}

#[test]
fn a_run_tells_what_it_reads_and_writes_column_by_column() {
    let (schemas, receiver, url) = (Schemas::load(), Receiver::start(), database());
    let (dir, paths) = files(&[300, 200]);
    let changes = dir.path().join("changes.ndjson").display().to_string();
    let dead = dir.path().join("dead.ndjson").display().to_string();
    let to = format!("http://127.0.0.1:{}", receiver.port);
    let (first, second) = (format!("file:{}", paths[0]), format!("file:{}", paths[1]));
    let (log, aside) = (format!("file:{changes}"), format!("file:{dead}"));
    let mut child = standings(&["run", "--queries", "queries", "--until-end"])
        .args(["--source", &first, "--source", &second])
        .args(["--sink", &url, "--sink", &log, "--dead-letter", &aside])
        .args(["--lineage", &to, "--lineage-namespace", "shop"])
        .env("STANDINGS_LINEAGE_TOKEN", "lineage-token")
        .spawn()
        .unwrap();
    wait(&mut child, Duration::from_secs(60), &["run"]);

    let posted = receiver.posted();
    for request in &posted {
        assert_eq!(request.path, "/api/v1/lineage");
        let bearer = request.authorization.as_deref();
        assert_eq!(bearer, Some("Bearer lineage-token"));
    }
    let events: Vec<Value> = posted.into_iter().map(|p| p.body).collect();
    held(&schemas, &events);
    let rankings = [
        "top_sales_per_city",
        "top_salesmen",
        "top_salesmen_per_city",
    ];
    assert_eq!(types(&events, "rankings"), ["START", "COMPLETE"]);
    for ranking in rankings {
        let job = format!("rankings.{ranking}");
        assert_eq!(types(&events, &job), ["START", "COMPLETE"]);
        let event = last(&events, &job);
        let sql = std::fs::read_to_string(format!("queries/{ranking}.sql")).unwrap();
        assert_eq!(event["job"]["facets"]["sql"]["query"], sql);
        assert_eq!(event["job"]["namespace"], "shop");
        let parent = &event["run"]["facets"]["parent"]["run"]["runId"];
        assert_eq!(parent, &last(&events, "rankings")["run"]["runId"]);
        // Each file is a partition, and a dataset with its own count.
        let inputs = event["inputs"].as_array().unwrap();
        let rows = |i: usize| &inputs[i]["inputFacets"]["dataQualityMetrics"]["rowCount"];
        assert_eq!((rows(0), rows(1)), (&300.into(), &200.into()));
        assert_eq!(inputs[0]["name"], paths[0]);
    }

    // The table, its columns, and what they are made from.
    let event = last(&events, "rankings.top_salesmen");
    let outputs = event["outputs"].as_array().unwrap();
    assert_eq!(outputs.len(), 2);
    let (table, log) = (&outputs[0], &outputs[1]);
    let name = url.rsplit('/').next().unwrap();
    assert_eq!(table["name"], format!("{name}.public.top_salesmen"));
    let columns = block(async {
        let sql = "SELECT column_name::text FROM information_schema.columns
            WHERE table_name = 'top_salesmen' ORDER BY column_name";
        let rows = connect(&url).await.query(sql, &[]).await.unwrap();
        rows.iter().map(|r| r.get(0)).collect::<Vec<String>>()
    });
    let told = table["facets"]["schema"]["fields"].as_array().unwrap();
    let mut told: Vec<&str> = told.iter().map(|f| f["name"].as_str().unwrap()).collect();
    told.sort_unstable();
    assert_eq!(told, columns);
    let amount = "amount AGGREGATION".to_owned();
    assert_eq!(from(table, "total_sales"), [amount.clone(), amount]);
    assert_eq!(from(table, "salesman_id")[0], "salesman_id IDENTITY");
    assert_eq!(from(log, "row.cities_covered")[0], "city AGGREGATION");
    assert_eq!(from(table, "deals_closed"), Vec::<String>::new());
    let written = &log["outputFacets"]["outputStatistics"]["rowCount"];
    assert!(written.as_u64() > Some(5), "{written}");
    assert_eq!(log["name"], changes);

    // The parent writes the dead letters, and is the run of the table of runs.
    let parent = last(&events, "rankings");
    assert_eq!(parent["outputs"][0]["name"], dead);
    let id = block(async {
        let sql = "SELECT id::text FROM standings_runs";
        let row = connect(&url).await.query_one(sql, &[]).await.unwrap();
        row.get::<_, String>(0)
    });
    assert_eq!(parent["run"]["runId"], id);

    // The schemas do refuse: an event is wrong without each of these.
    for pointer in ["/run", "/job", "/inputs/0/inputFacets/dataQualityMetrics"] {
        let mut broken = event.clone();
        let place = broken
            .pointer_mut(pointer)
            .unwrap()
            .as_object_mut()
            .unwrap();
        let members: Vec<String> = place.keys().cloned().collect();
        for name in members
            .iter()
            .filter(|n| *n != "facets" && *n != "rowCount")
        {
            let mut broken = event.clone();
            let place = broken
                .pointer_mut(pointer)
                .unwrap()
                .as_object_mut()
                .unwrap();
            place.remove(name);
            assert!(!schemas.problems(&broken).is_empty(), "{pointer} {name}");
        }
    }
}

#[test]
fn a_run_that_fails_says_why() {
    let (schemas, url) = (Schemas::load(), database());
    let (dir, paths) = files(&[50]);
    block(async {
        let sql = "CREATE TABLE top_salesmen (something text)";
        connect(&url).await.batch_execute(sql).await.unwrap();
    });
    let events = dir.path().join("events.ndjson");
    let to = format!("file:{}", events.display());
    let status = standings(&["run", "--queries", "queries", "--until-end", "--sink", &url])
        .args(["--source", &format!("file:{}", paths[0]), "--lineage", &to])
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(2));
    let text = std::fs::read_to_string(&events).unwrap();
    let events: Vec<Value> = text
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    held(&schemas, &events);
    assert_eq!(types(&events, "rankings"), ["START", "FAIL"]);
    assert_eq!(types(&events, "rankings.top_salesmen"), ["START", "FAIL"]);
    let error = &last(&events, "rankings")["run"]["facets"]["errorMessage"]["message"];
    assert!(error.as_str().unwrap().contains("top_salesmen"), "{error}");
}

#[test]
fn a_stream_tells_in_between_over_kafka() {
    let (schemas, input, output) = (Schemas::load(), topic("sales", 2), topic("lineage", 1));
    let http = format!("127.0.0.1:{}", free_port());
    let mut dice = Dice::new(10);
    let mut lines = |n| sales(&mut dice, n, 1_769_126_400_000, 20_000);
    produce(&input, &[lines(40), lines(30)]);
    let brokers = service("KAFKA_BROKERS");
    let source = format!("kafka://{brokers}/{input}");
    let to = format!("kafka://{brokers}/{output}");
    let mut child = Running(
        standings(&["run", "--queries", "queries", "--sink", "stdout"])
            .args(["--source", &source, "--lineage", &to])
            .args(["--lineage-interval", "200ms", "--http", &http])
            .stdout(Stdio::null())
            .spawn()
            .unwrap(),
    );
    until("all is read", Duration::from_secs(30), || {
        let answer = support::http::request("GET", &http, "/readyz", "");
        answer.is_ok_and(|(status, _)| status == 200)
            && get(&http, "/api/v1/rankings")
                .headers
                .get("standings-offsets")
                .is_some_and(|o| o == "0:40,1:30")
    });
    // Time for an event in between.
    std::thread::sleep(Duration::from_secs(1));
    // SAFETY: the child has not been waited for, so its process id is still its own.
    unsafe { libc::kill(child.0.id() as i32, libc::SIGTERM) };
    wait(&mut child.0, Duration::from_secs(20), &["run"]);
    let events: Vec<Value> = consume(&output)
        .iter()
        .map(|e| serde_json::from_str(e).unwrap())
        .collect();
    held(&schemas, &events);
    let running = events.iter().rfind(|e| e["eventType"] == "RUNNING");
    let rows = &running.unwrap()["inputs"][0]["inputFacets"]["dataQualityMetrics"]["rowCount"];
    assert_eq!(rows, 70);
    let order = types(&events, "rankings");
    assert_eq!((order[0], order[order.len() - 1]), ("START", "COMPLETE"));
    assert!(order[1..order.len() - 1].iter().all(|t| *t == "RUNNING"));
    let event = last(&events, "rankings.top_sales_per_city");
    assert_eq!(event["inputs"][0]["name"], input);
    assert_eq!(
        event["outputs"],
        Value::Array(vec![]),
        "standard output is no dataset"
    );
}

#[test]
fn a_receiver_that_is_away_holds_nothing_up() {
    let (receiver, (_dir, paths)) = (Receiver::start(), files(&[200]));
    let source = format!("file:{}", paths[0]);
    let run = |to: &str| {
        support::to_stdout(&source)
            .args(["--lineage", to])
            .stdout(Stdio::null())
            .output()
            .unwrap()
    };
    // Nobody listens.
    let began = std::time::Instant::now();
    let output = run(&format!("http://127.0.0.1:{}", free_port()));
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        output.status.success() && began.elapsed() < Duration::from_secs(10),
        "{log}"
    );
    assert_eq!(log.matches("lineage_waiting").count(), 1, "{log}");
    // Somebody who is not ready at first gets everything, in order.
    receiver.answer(503);
    let to = format!("http://127.0.0.1:{}", receiver.port);
    let input = topic("lineage_away", 1);
    let source = format!("kafka://{}/{input}", service("KAFKA_BROKERS"));
    let _child = Running(
        standings(&[
            "run",
            "--queries",
            "queries",
            "--sink",
            "stdout",
            "--source",
        ])
        .args([&source, "--lineage", &to, "--lineage-interval", "300ms"])
        .stdout(Stdio::null())
        .spawn()
        .unwrap(),
    );
    std::thread::sleep(Duration::from_secs(2));
    assert!(receiver.posted().is_empty());
    receiver.answer(201);
    until("START, then RUNNING", Duration::from_secs(20), || {
        let events: Vec<Value> = receiver.posted().into_iter().map(|p| p.body).collect();
        let order = types(&events, "rankings");
        order.first() == Some(&"START") && order.last() == Some(&"RUNNING")
    });
    // What is refused for good is not sent for ever.
    receiver.answer(400);
    let before = receiver.posted().len();
    std::thread::sleep(Duration::from_secs(1));
    receiver.answer(200);
    until("it goes on", Duration::from_secs(10), || {
        receiver.posted().len() > before
    });
}

#[test]
fn sources_tell_what_they_bring_into_which_topic() {
    let (schemas, receiver) = (Schemas::load(), Receiver::start());
    let dir = tempfile::tempdir().unwrap();
    let (kafka, sales, name) = (
        service("KAFKA_BROKERS"),
        unique("lineage_ingest"),
        unique("inbox"),
    );
    std::fs::create_dir(dir.path().join("in")).unwrap();
    std::fs::write(
        dir.path().join("in/a.ndjson"),
        "{\"id\":1}\n{\"id\":2}\nno json\n",
    )
    .unwrap();
    let file = dir.path().join("ingest.toml");
    let text = format!(
        "to = \"kafka://{kafka}\"\n[sources.{name}]\ntype = \"files\"\npath = \"in\"\nformat = \"json\"\nsettle = \"0s\"\ntopic = \"{sales}\"\nkey = [\"id\"]\n"
    );
    std::fs::write(&file, text).unwrap();
    let config = file.display().to_string();
    let to = format!("http://127.0.0.1:{}", receiver.port);
    let args = [
        "ingest",
        "--config",
        &config,
        "--once",
        "--lineage",
        &to,
        "--lineage-namespace",
        "shop",
    ];
    let done = standings(&args).output().unwrap();
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
    let events: Vec<Value> = receiver.posted().into_iter().map(|p| p.body).collect();
    held(&schemas, &events);
    let job = format!("ingest.{name}");
    assert_eq!(types(&events, &job), ["START", "COMPLETE"]);
    let event = last(&events, &job);
    let folder = dir.path().join("in").display().to_string();
    assert_eq!(
        (&event["job"]["namespace"], &event["inputs"][0]["name"]),
        (&"shop".into(), &folder.into())
    );
    assert_eq!(
        event["inputs"][0]["inputFacets"]["dataQualityMetrics"]["rowCount"],
        3
    );
    let rows = |n: usize| {
        (
            event["outputs"][n]["name"].clone(),
            event["outputs"][n]["outputFacets"]["outputStatistics"]["rowCount"].clone(),
        )
    };
    assert_eq!(rows(0), (sales.clone().into(), 2.into()));
    assert_eq!(rows(1), (format!("{sales}-dead-letter").into(), 1.into()));
}
