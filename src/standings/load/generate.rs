//! `standings load generate`: sales of `standings-load` into a file.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;

use super::progress;
use standings_load::{Generator, Shape};
use standings_model::duration::parse_duration;
use standings_model::error::codes;
use standings_model::time::parse_rfc3339;
use standings_process::exit::{self, Failure};

/// `standings load generate`.
#[derive(Args, Clone, Debug)]
#[command(after_long_help = "\
Examples:
  standings load generate --sales 5000000 --seed 1 --out sales.ndjson
  standings load generate --sales 100000 --seed 7 --refund-share 0.02 --late-share 0.01 --out sales.ndjson.zst")]
pub struct GenerateArgs {
    /// How many sales.
    #[arg(long, value_name = "N")]
    pub sales: u64,
    /// The same seed gives the same bytes.
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,
    /// Where to: a file (.ndjson, compressed by a further .gz or .zst), or - for standard output.
    #[arg(long, value_name = "F")]
    pub out: PathBuf,
    /// How many cities.
    #[arg(long, value_name = "N", default_value_t = 300)]
    pub cities: u64,
    /// How many salesmen.
    #[arg(long, value_name = "N", default_value_t = 20_000)]
    pub salesmen: u64,
    /// Event time of the first sale, RFC 3339.
    #[arg(long, value_name = "TIME", default_value = "2026-01-23T00:00:00Z")]
    pub start: String,
    /// Over how much event time the sales are spread.
    #[arg(long, value_name = "D", default_value = "1d", value_parser = parse_duration)]
    pub span: Duration,
    /// How far a sale can be behind the ones before it.
    #[arg(long, value_name = "D", default_value = "5s", value_parser = parse_duration)]
    pub disorder: Duration,
    /// Share of sales that come an event-time day late.
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    pub late_share: f64,
    /// Share of refunds (negative amounts).
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    pub refund_share: f64,
    /// Share of sales that come twice, with the same sale_id.
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    pub duplicate_share: f64,
    /// Zipf exponent of the cities: 0 is all alike, 1 as usual, larger is more uneven.
    #[arg(long, value_name = "S", default_value_t = 1.0)]
    pub city_exponent: f64,
    /// Zipf exponent of the salesmen.
    #[arg(long, value_name = "S", default_value_t = 1.0)]
    pub salesman_exponent: f64,
    /// Share of records that are no sales.
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    pub broken_share: f64,
}

impl GenerateArgs {
    fn shape(&self) -> Result<Shape, Failure> {
        let start = parse_rfc3339(self.start.as_bytes());
        let start = start.ok_or_else(|| {
            Failure::of(
                &codes::line::FLAGS,
                format!("--start {}: not an RFC 3339 time", self.start),
            )
        })?;
        Ok(Shape {
            sales: self.sales,
            seed: self.seed,
            cities: self.cities,
            salesmen: self.salesmen,
            start,
            span: self.span.as_millis() as u64,
            disorder: self.disorder.as_millis() as u64,
            late_share: self.late_share,
            refund_share: self.refund_share,
            duplicate_share: self.duplicate_share,
            broken_share: self.broken_share,
            city_exponent: self.city_exponent,
            salesman_exponent: self.salesman_exponent,
        })
    }
}

/// Runs `standings load generate`.
pub fn run(args: &GenerateArgs) -> Result<(), Failure> {
    let shape = args.shape()?;
    let mut generator =
        Generator::new(&shape).map_err(|e| Failure::of(&codes::line::FLAGS, e.to_string()))?;
    let shown = args.out.display();
    let failed = |e: io::Error| {
        Failure::of(
            &codes::tools::LOAD_FILE,
            format!("writing {shown} failed: {e}"),
        )
    };
    writes(&args.out)?;
    let file = || {
        File::create(&args.out)
            .map_err(|e| Failure::of(&codes::line::OUTPUT, format!("cannot write {shown}: {e}")))
    };
    match args.out.extension().and_then(|e| e.to_str()) {
        _ if args.out.as_os_str() == "-" => {
            let written = write(&mut generator, args.sales, &mut io::stdout().lock());
            written.inspect_err(exit::if_nobody_reads).map_err(failed)
        }
        Some("gz") => {
            let mut gz = flate2::write::GzEncoder::new(file()?, flate2::Compression::default());
            write(&mut generator, args.sales, &mut gz)
                .and_then(|()| gz.finish().map(drop))
                .map_err(failed)
        }
        Some("zst") => {
            let mut zst = zstd::Encoder::new(file()?, 3).map_err(failed)?;
            write(&mut generator, args.sales, &mut zst)
                .and_then(|()| zst.finish().map(drop))
                .map_err(failed)
        }
        _ => write(&mut generator, args.sales, &mut BufWriter::new(file()?)).map_err(failed),
    }?;
    if args.out.as_os_str() != "-" {
        let bytes = std::fs::metadata(&args.out).map_or(0, |m| m.len());
        tracing::info!(
            event = "generated",
            path = %shown,
            sales = args.sales,
            bytes,
            first = %args.start,
            span_seconds = args.span.as_secs(),
            "sales are written"
        );
    }
    Ok(())
}

/// Names that promise another form than the one that is written, which `run` would then refuse.
const OTHERS: [&str; 7] = ["csv", "tsv", "parquet", "avro", "xlsx", "pb", "orc"];

/// Refuses a file whose name says that something else than one sale a line is in it.
fn writes(out: &Path) -> Result<(), Failure> {
    let name = out.file_name().unwrap_or_default().to_string_lossy();
    let plain = name.strip_suffix(".gz").or(name.strip_suffix(".zst"));
    let form = plain.unwrap_or(&name).rsplit_once('.').map(|(_, e)| e);
    match form.filter(|e| OTHERS.contains(&e.to_ascii_lowercase().as_str())) {
        None => Ok(()),
        Some(other) => Err(Failure::of(
            &codes::line::FLAGS,
            format!(
                "--out {}: what is written is one JSON object a line, and the name says .{other}; name it .ndjson, \
                 .ndjson.gz or .ndjson.zst",
                out.display()
            ),
        )),
    }
}

fn write(generator: &mut Generator, sales: u64, out: &mut dyn Write) -> io::Result<()> {
    let mut buffer = Vec::with_capacity(1 << 17);
    let bar = progress::bar(Some(sales), "sales");
    for n in 0..sales {
        generator.push(&mut buffer);
        if buffer.len() > 1 << 16 {
            bar.set_position(n);
            out.write_all(&buffer)?;
            buffer.clear();
        }
    }
    bar.finish_and_clear();
    out.write_all(&buffer)?;
    out.flush()
}
