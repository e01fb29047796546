//! The two rankings of `bench/queries` in dbsp: one circuit, one transaction for every 10,000 sales.

mod str;

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::sync::Mutex;
use std::time::Instant;

use dbsp::utils::Tup2;
use rustc_hash::FxHashMap;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const HOUR: i64 = 3_600_000;
const STEP: usize = 10_000;
const HELP: &str = "\
The rankings of bench/queries in dbsp: every 10,000 sales one transaction with exact changes.

Usage: bench/peers/dbsp/run --sales FILE --form FORM --out RESULTS [--workers N]

Forms:
  serde     lines decoded with serde_json; cities, ids and names are strings
  interned  the same, with cities, ids and names as numbers of a dictionary that the decoder keeps

Example: bench/peers/dbsp/run --sales sales.ndjson --form serde --out results.txt --workers 1
";

macro_rules! form {
    ($name:ident, $key:ty) => {
        mod $name {
            use super::decimal;
            use dbsp::typed_batch::{IndexedZSetReader, SpineSnapshot};
            use dbsp::utils::{Tup2, Tup3, Tup4, Tup6, Tup7};
            use dbsp::{CmpFunc, DBSPHandle, OrdIndexedZSet, OutputHandle, Runtime, ZSetHandle};
            use std::{cmp::Ordering, collections::HashMap, io::Write};
            pub type Key = $key;
            include!("circuit.rs");
        }
    };
}
form!(strings, crate::str::Str);
form!(interned, u32);

#[derive(serde::Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    event_time: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    city: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    salesman_id: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    salesman_name: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    amount: &'a serde_json::value::RawValue,
}

/// Milliseconds of `2026-01-23T10:15:00.123Z`.
fn time(text: &str) -> Option<i64> {
    let n = |a: usize, b: usize| text.get(a..b)?.parse::<i64>().ok();
    let (y, m, d) = (n(0, 4)?, n(5, 7)?, n(8, 10)?);
    // Days from civil (Hinnant).
    let y2 = if m <= 2 { y - 1 } else { y };
    let era = y2.div_euclid(400);
    let yoe = y2 - era * 400;
    let doy = (153 * (if m > 2 { m - 3 } else { m + 9 }) + 2) / 5 + d - 1;
    let days = era * 146_097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719_468;
    let ms = match text.as_bytes().get(19) {
        Some(b'.') => n(20, 23)?,
        _ => 0,
    };
    Some(((days * 24 + n(11, 13)?) * 60 + n(14, 16)?) * 60_000 + n(17, 19)? * 1000 + ms)
}

/// Cents of `12.34`.
fn cents(text: &str) -> Option<i64> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let fraction = match fraction.len() {
        0 => 0,
        1 => fraction.parse::<i64>().ok()? * 10,
        2 => fraction.parse().ok()?,
        _ => return None,
    };
    Some(sign * (whole.parse::<i64>().ok()? * 100 + fraction))
}

fn decimal(n: i64) -> String {
    let sign = if n < 0 { "-" } else { "" };
    format!("{sign}{}.{:02}", n.abs() / 100, n.abs() % 100)
}

/// The file, ten thousand lines at a time.
pub struct Chunks {
    file: BufReader<File>,
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Chunks {
    fn new(file: File) -> Self {
        let file = BufReader::with_capacity(1 << 20, file);
        Self {
            file,
            bytes: Vec::new(),
            ends: Vec::new(),
        }
    }

    fn next(&mut self) -> std::io::Result<bool> {
        self.bytes.clear();
        self.ends.clear();
        while self.ends.len() < STEP && self.file.read_until(b'\n', &mut self.bytes)? > 0 {
            self.ends.push(self.bytes.len());
        }
        Ok(!self.ends.is_empty())
    }

    fn lines(&self, from: usize, to: usize) -> impl Iterator<Item = &[u8]> {
        let mut start = if from == 0 { 0 } else { self.ends[from - 1] };
        self.ends[from..to]
            .iter()
            .map(move |end| &self.bytes[std::mem::replace(&mut start, *end)..*end])
    }
}

type Rows<S> = Vec<Tup2<S, i64>>;

/// Decodes a chunk: with one worker here, with more in as many threads (the workers wait meanwhile).
fn decode<S: Send>(
    chunk: &Chunks,
    decoders: &mut [impl FnMut(&[u8]) -> Option<S> + Send],
) -> Result<Vec<Rows<S>>, String> {
    let each = chunk.ends.len().div_ceil(decoders.len());
    let part = |n: usize, decoder: &mut dyn FnMut(&[u8]) -> Option<S>| {
        let (from, to) = (
            (n * each).min(chunk.ends.len()),
            ((n + 1) * each).min(chunk.ends.len()),
        );
        let mut rows = Vec::with_capacity(to - from);
        for line in chunk.lines(from, to) {
            let sale = decoder(line).ok_or_else(|| {
                format!(
                    "not a sale: {}",
                    String::from_utf8_lossy(line.trim_ascii_end())
                )
            })?;
            rows.push(Tup2(sale, 1));
        }
        Ok(rows)
    };
    if let [decoder] = decoders {
        return Ok(vec![part(0, decoder)?]);
    }
    std::thread::scope(|scope| {
        let part = &part;
        let threads: Vec<_> = decoders
            .iter_mut()
            .enumerate()
            .map(|(n, decoder)| scope.spawn(move || part(n, decoder)))
            .collect();
        threads
            .into_iter()
            .map(|t| t.join().map_err(|_| "a decoder panicked".to_string())?)
            .collect()
    })
}

fn strings() -> impl FnMut(&[u8]) -> Option<strings::Sale> + Send {
    |line| {
        let line: Line<'_> = serde_json::from_slice(line).ok()?;
        let (at, cents) = (time(&line.event_time)?, cents(line.amount.get())?);
        let text = |t: &str| str::Str(t.into());
        let (city, salesman, name) = (
            text(&line.city),
            text(&line.salesman_id),
            text(&line.salesman_name),
        );
        Some(dbsp::utils::Tup6(
            at.div_euclid(HOUR) * HOUR,
            at,
            city,
            salesman,
            name,
            cents,
        ))
    }
}

/// Numbers for strings: what all decoders agree on.
#[derive(Default)]
struct Dictionary {
    numbers: FxHashMap<Box<str>, u32>,
    texts: Vec<Box<str>>,
}

fn interned(
    shared: &Mutex<Dictionary>,
) -> impl FnMut(&[u8]) -> Option<interned::Sale> + Send + use<'_> {
    let mut known: FxHashMap<Box<str>, u32> = FxHashMap::default();
    let mut number = move |text: &str| -> Option<u32> {
        if let Some(n) = known.get(text) {
            return Some(*n);
        }
        let mut shared = shared.lock().ok()?;
        let n = match shared.numbers.get(text) {
            Some(n) => *n,
            None => {
                let n = shared.texts.len() as u32;
                shared.texts.push(text.into());
                shared.numbers.insert(text.into(), n);
                n
            }
        };
        known.insert(text.into(), n);
        Some(n)
    };
    move |line| {
        let line: Line<'_> = serde_json::from_slice(line).ok()?;
        let (at, cents) = (time(&line.event_time)?, cents(line.amount.get())?);
        let (city, salesman, name) = (
            number(&line.city)?,
            number(&line.salesman_id)?,
            number(&line.salesman_name)?,
        );
        Some(dbsp::utils::Tup6(
            at.div_euclid(HOUR) * HOUR,
            at,
            city,
            salesman,
            name,
            cents,
        ))
    }
}

fn job() -> Result<(), Box<dyn std::error::Error>> {
    let (mut sales, mut form, mut out, mut workers) = (None, None, None, 1usize);
    let mut given = std::env::args().skip(1);
    while let Some(flag) = given.next() {
        if flag == "--help" || flag == "-h" {
            print!("{HELP}");
            return Ok(());
        }
        let value = given
            .next()
            .ok_or_else(|| format!("{flag} needs a value; see --help"))?;
        match flag.as_str() {
            "--sales" => sales = Some(value),
            "--form" => form = Some(value),
            "--out" => out = Some(value),
            "--workers" => workers = value.parse()?,
            _ => return Err(format!("unknown flag {flag}; see --help").into()),
        }
    }
    let sales = sales.ok_or("--sales is missing; see --help")?;
    let form = form.ok_or("--form is missing; see --help")?;
    let out = out.ok_or("--out is missing; see --help")?;
    if workers == 0 {
        return Err("--workers must be at least 1".into());
    }
    let results = File::create(&out).map_err(|e| format!("{out}: {e}"))?;
    let mut results = BufWriter::new(results);
    let began = Instant::now();
    let file = File::open(&sales).map_err(|e| format!("{sales}: {e}"))?;
    let (sales, rows) = match form.as_str() {
        "serde" => {
            let decoders = (0..workers).map(|_| strings()).collect();
            strings::run(
                file,
                workers,
                decoders,
                |key| key.0.to_string(),
                &mut results,
            )?
        }
        "interned" => {
            let shared = Mutex::new(Dictionary::default());
            let decoders = (0..workers).map(|_| interned(&shared)).collect();
            let show = |key: &u32| {
                shared.lock().expect("no decoder panicked").texts[*key as usize].to_string()
            };
            interned::run(file, workers, decoders, show, &mut results)?
        }
        _ => return Err(format!("unknown form {form}: serde or interned").into()),
    };
    results.flush()?;
    let seconds = began.elapsed().as_secs_f64();
    println!(
        "{{\"peer\":\"dbsp\",\"version\":\"0.349.0\",\"form\":\"{form}\",\"workers\":{workers},\"sales\":{sales},\
         \"seconds\":{seconds:.3},\"output_rows\":{rows}}}"
    );
    Ok(())
}

fn main() {
    if let Err(e) = job() {
        eprintln!("dbsp peer: {e}");
        std::process::exit(1);
    }
    // The circuit's threads still run; nothing is left for them to do.
    std::process::exit(0);
}
