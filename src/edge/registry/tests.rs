use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

/// A registry that answers by the path that is asked, and remembers what was.
struct Fake {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
    down: Arc<AtomicBool>,
}

impl Fake {
    fn new(answer: impl Fn(&str) -> (u16, String) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (asked, down) = (
            Arc::new(Mutex::new(Vec::new())),
            Arc::new(AtomicBool::new(false)),
        );
        let (log, is_down) = (Arc::clone(&asked), Arc::clone(&down));
        std::thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                let path = path_of(&mut stream);
                if is_down.load(Ordering::Relaxed) {
                    continue;
                }
                let (status, body) = answer(&path);
                lock(&log).push(path);
                let head = format!(
                    "HTTP/1.1 {status} x\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                    body.len()
                );
                let _ = stream.write_all((head + &body).as_bytes());
            }
        });
        Fake { url, asked, down }
    }

    fn place(&self) -> Place {
        Place::Url(Box::new(Asked {
            url: format!("{}/base/", self.url),
            subject: None,
            who: String::new(),
            login: Arc::new(|| Ok(Login::None)),
            truststore: None,
            keystore: None,
        }))
    }

    fn open(&self) -> Registry {
        Registry::new(self.place(), Language::Avro, &Arc::default()).unwrap()
    }

    fn asked(&self) -> Vec<String> {
        lock(&self.asked).clone()
    }
}

fn path_of(stream: &mut TcpStream) -> String {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) > 0 {
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    head.split(' ').nth(1).unwrap_or("").to_owned()
}

fn none(code: u64) -> (u16, String) {
    (
        404,
        format!("{{\"error_code\":{code},\"message\":\"Schema not found\"}}"),
    )
}

fn schema(text: &str, references: &str) -> (u16, String) {
    let text = serde_json::to_string(text).unwrap();
    (
        200,
        format!("{{\"schema\":{text},\"references\":[{references}]}}"),
    )
}

fn named(name: &str, subject: &str) -> String {
    format!("{{\"name\":\"{name}\",\"subject\":\"{subject}\",\"version\":1}}")
}

/// What it comes to.
fn settled(registry: &Registry, id: u32) -> Lookup {
    for _ in 0..1000 {
        match registry.get(id) {
            Lookup::Waits => std::thread::sleep(Duration::from_millis(10)),
            other => return other,
        }
    }
    panic!("no answer");
}

#[test]
fn an_id_is_asked_for_once_and_one_that_is_not_there_too() {
    let fake = Fake::new(|path| match path {
        "/base/schemas/ids/7" => schema("\"string\"", ""),
        _ => none(40403),
    });
    let registry = Arc::new(fake.open());
    let all: Vec<_> = (0..4)
        .map(|_| {
            let registry = Arc::clone(&registry);
            std::thread::spawn(move || (settled(&registry, 7), settled(&registry, 8)))
        })
        .collect();
    for thread in all {
        let (known, none) = thread.join().unwrap();
        let Lookup::Known(schema) = known else {
            panic!("{known:?}");
        };
        assert_eq!(
            (&schema.text[..], schema.language),
            ("\"string\"", Language::Avro)
        );
        let Lookup::None(UNKNOWN, why) = none else {
            panic!("{none:?}");
        };
        assert!(why.contains("no schema 8"), "{why}");
    }
    let mut asked = fake.asked();
    asked.sort();
    assert_eq!(asked, ["/base/schemas/ids/7", "/base/schemas/ids/8"]);
    assert_eq!(&**registry.name(), format!("{}/base", fake.url));
}

#[test]
fn ids_that_are_not_there_are_asked_ten_a_second_at_most() {
    let fake = Fake::new(|_| none(40403));
    let registry = fake.open();
    let began = Instant::now();
    (0..12).for_each(|id| {
        registry.get(id);
    });
    (0..12).for_each(|id| {
        settled(&registry, id);
    });
    assert!(
        began.elapsed() >= Duration::from_millis(1100),
        "{:?}",
        began.elapsed()
    );
}

#[test]
fn what_a_schema_is_built_on_comes_before_it() {
    let fake = Fake::new(|path| match path {
        "/base/schemas/ids/1" => schema("top", &[named("B", "b/ü"), named("A", "a")].join(",")),
        "/base/subjects/b%2F%C3%BC/versions/1" => schema("b", &named("A", "a")),
        "/base/subjects/a/versions/1" => schema("a", &named("B", "b/ü")),
        "/base/schemas/ids/2" => schema("top", &named("N0", "n0")),
        "/base/schemas/ids/3" => schema("top", &named("gone", "gone")),
        path if path.starts_with("/base/subjects/n") => {
            let n: u32 = path[16..].split('/').next().unwrap().parse().unwrap();
            let next = n + 1;
            schema("n", &named(&format!("N{next}"), &format!("n{next}")))
        }
        _ => none(40402),
    });
    let registry = fake.open();
    let Lookup::Known(found) = settled(&registry, 1) else {
        panic!();
    };
    let names: Vec<&str> = found.references.iter().map(|r| &r.name[..]).collect();
    assert_eq!(names, ["A", "B"], "even in a circle each is asked for once");
    for (id, says) in [(2, "deeper than 64"), (3, "gone, is not there")] {
        let Lookup::None(BAD, why) = settled(&registry, id) else {
            panic!();
        };
        assert!(why.contains(says), "{why}");
    }
}

#[test]
fn what_does_not_answer_is_waited_for_and_told() {
    let live = Arc::new(Live::default());
    let fake = Fake::new(|path| match path {
        "/base/schemas/ids/1" => schema("\"int\"", ""),
        "/base/schemas/ids/2" => (302, String::new()),
        "/base/schemas/ids/3" => (200, format!("\"{}\"", "x".repeat(5 << 20))),
        "/base/schemas/ids/4" => schema(&"x".repeat((1 << 20) + 1), ""),
        _ => (404, "<html>".to_owned()),
    });
    fake.down.store(true, Ordering::Relaxed);
    let registry = Registry::new(fake.place(), Language::Avro, &live).unwrap();
    assert_eq!(registry.get(1), Lookup::Waits);
    tells(
        &live,
        Some("waiting for the schema registry http://127.0.0.1"),
    );
    assert_eq!(registry.get(1), Lookup::Waits);
    fake.down.store(false, Ordering::Relaxed);
    assert!(matches!(settled(&registry, 1), Lookup::Known(_)));
    tells(&live, None);
    for id in [3, 4] {
        assert!(matches!(settled(&registry, id), Lookup::None(BAD, _)));
    }
    for (id, says) in [(2, "redirects are not followed"), (5, "is it its URL")] {
        let registry = Registry::new(fake.place(), Language::Avro, &live).unwrap();
        registry.get(id);
        tells(&live, Some(says));
        assert_eq!(registry.get(id), Lookup::Waits);
        drop(registry);
        // Nobody needs it any more.
        tells(&live, None);
    }
}

/// It comes to be told that somebody waits, in such words; or that nobody does. How long a question takes is the machine's to say.
fn tells(live: &Live, words: Option<&str>) {
    let mut told = None;
    for _ in 0..3000 {
        told = live.waits.told();
        let is_so = match (&told, words) {
            (Some(told), Some(words)) => told.contains(words),
            (told, words) => told.is_none() && words.is_none(),
        };
        if is_so {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("told {told:?}, and not {words:?}");
}

#[test]
fn what_a_snapshot_kept_is_not_asked_again() {
    let fake = Fake::new(|_| none(40403));
    let registry = fake.open();
    let kept = |registry: &str, id| Kept {
        registry: Arc::from(registry),
        id,
        schema: Arc::new(Schema::new(Language::Avro, "\"int\"")),
    };
    registry.restore(&[kept(registry.name(), 3), kept("https://other", 4)]);
    assert!(matches!(registry.get(3), Lookup::Known(_)));
    assert!(matches!(settled(&registry, 4), Lookup::None(UNKNOWN, _)));
    assert_eq!(fake.asked(), ["/base/schemas/ids/4"]);
}

#[test]
fn a_folder_has_a_file_a_schema() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("1.avsc"), "\"int\"").unwrap();
    std::fs::write(folder.path().join("2.json"), "\"long\"").unwrap();
    let place = Place::Folder(folder.path().to_owned());
    let registry = Registry::new(place, Language::Avro, &Arc::default()).unwrap();
    for (id, text) in [(1, "\"int\""), (2, "\"long\"")] {
        assert!(matches!(registry.get(id), Lookup::Known(s) if s.text == text));
    }
    let Lookup::None(UNKNOWN, why) = registry.get(3) else {
        panic!();
    };
    assert!(why.contains("no file 3.avsc"), "{why}");
    let nowhere = Place::Folder(folder.path().join("no"));
    assert!(Registry::new(nowhere, Language::Avro, &Arc::default()).is_err());
}
