//! `standings load generate`: sales of `standings-load` into a file.

use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::form::{Form, Writer};
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
    /// Where to: a file (.ndjson or .csv, compressed by a further .gz or .zst, or .parquet), or - for standard output.
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
    if args.out.as_os_str() == "-" {
        let written = write(&mut generator, args.sales, |lines| {
            io::stdout().lock().write_all(lines)
        });
        let written = written.and_then(|()| io::stdout().lock().flush());
        return written.inspect_err(exit::if_nobody_reads).map_err(failed);
    }
    let form = Form::of(&args.out)?;
    if args.broken_share > 0.0 && !matches!(form, Form::Lines(_)) {
        return Err(Failure::of(
            &codes::line::FLAGS,
            format!(
                "--broken-share {}: what is no sale is a line of JSON that ends too early; write .ndjson for it",
                args.broken_share
            ),
        ));
    }
    let file = File::create(&args.out)
        .map_err(|e| Failure::of(&codes::line::OUTPUT, format!("cannot write {shown}: {e}")))?;
    let mut out = Writer::new(form, file).map_err(failed)?;
    write(&mut generator, args.sales, |lines| out.write(lines)).map_err(failed)?;
    out.finish().map_err(failed)?;
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
    Ok(())
}

/// Gives the sales to what writes them, some thousand at a time.
fn write(
    generator: &mut Generator,
    sales: u64,
    mut out: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    let mut buffer = Vec::with_capacity(1 << 17);
    let bar = progress::bar(Some(sales), "sales");
    for n in 0..sales {
        generator.push(&mut buffer);
        if buffer.len() > 1 << 16 {
            bar.set_position(n);
            out(&buffer)?;
            buffer.clear();
        }
    }
    bar.finish_and_clear();
    out(&buffer)
}
