//! `standings load generate`: Zipf cities and salesmen, disorder, refunds, late and broken records by flags.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::dice::Dice;
use super::people;
use super::progress;
use super::zipf::Zipf;
use standings_model::duration::parse_duration;
use standings_model::error::codes;
use standings_model::time::{format_rfc3339, parse_rfc3339};
use standings_process::exit::Failure;

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
    /// Where to: a file (compressed by its extension .gz or .zst), or - for standard output.
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

/// Makes sales, one line after the other.
pub struct Generator {
    dice: Dice,
    number: u64,
    args: GenerateArgs,
    start: i64,
    by_city: Zipf,
    by_salesman: Zipf,
    /// The last sale, for a duplicate; kept only where there are some.
    last: Vec<u8>,
    cities: Vec<String>,
    names: Vec<String>,
}

impl Generator {
    /// Ready for the first sale.
    pub fn new(args: &GenerateArgs) -> Result<Self, Failure> {
        let start = parse_rfc3339(args.start.as_bytes());
        let start = start.ok_or_else(|| {
            Failure::of(
                &codes::line::FLAGS,
                format!("--start {}: not an RFC 3339 time", args.start),
            )
        })?;
        if args.cities == 0 || args.salesmen == 0 {
            return Err(Failure::of(
                &codes::line::FLAGS,
                "--cities and --salesmen must be at least 1",
            ));
        }
        for (flag, share) in [
            ("late", args.late_share),
            ("refund", args.refund_share),
            ("duplicate", args.duplicate_share),
            ("broken", args.broken_share),
        ] {
            if !(0.0..=1.0).contains(&share) {
                return Err(Failure::of(
                    &codes::line::FLAGS,
                    format!("--{flag}-share {share}: a share is from 0 to 1"),
                ));
            }
        }
        for (flag, exponent) in [
            ("city", args.city_exponent),
            ("salesman", args.salesman_exponent),
        ] {
            if !(0.0..=10.0).contains(&exponent) {
                return Err(Failure::of(
                    &codes::line::FLAGS,
                    format!("--{flag}-exponent {exponent}: an exponent is from 0 to 10"),
                ));
            }
        }
        Ok(Generator {
            dice: Dice::new(args.seed),
            number: 0,
            args: args.clone(),
            start,
            by_city: Zipf::new(args.cities, args.city_exponent),
            by_salesman: Zipf::new(args.salesmen, args.salesman_exponent),
            last: Vec::new(),
            cities: (0..args.cities).map(people::city).collect(),
            names: (0..args.salesmen).map(people::name).collect(),
        })
    }

    fn happens(&mut self, share: f64) -> bool {
        share > 0.0 && self.dice.below(1_000_000) < (share * 1_000_000.0) as u64
    }

    /// Appends the next record and a line end.
    pub fn push(&mut self, out: &mut Vec<u8>) {
        let (number, total) = (self.number, self.args.sales.max(1));
        self.number += 1;
        if self.happens(self.args.broken_share) {
            out.extend_from_slice(b"{\"sale_id\":\"broken\",\"event_time\":\n");
            return;
        }
        if !self.last.is_empty() && self.happens(self.args.duplicate_share) {
            out.extend_from_slice(&self.last);
            return;
        }
        let began = out.len();
        let span = self.args.span.as_millis();
        let mut time = self.start + (span * u128::from(number) / u128::from(total)) as i64;
        let disorder = self.args.disorder.as_millis() as u64;
        time -= self.dice.below(disorder + 1) as i64;
        if self.happens(self.args.late_share) {
            time -= 86_400_000;
        }
        let time = format_rfc3339(time.max(0));
        let salesman = self.by_salesman.draw(&mut self.dice);
        // A salesman has a home, and works elsewhere now and then.
        let city = match self.dice.below(4) {
            0 => self.by_city.draw(&mut self.dice),
            _ => salesman.wrapping_mul(0x9e37_79b9) % self.args.cities,
        };
        let digits = self.dice.below(4);
        let cents = 100 + self.dice.below(900 * 10u64.pow(digits as u32));
        let sign = if self.happens(self.args.refund_share) {
            "-"
        } else {
            ""
        };
        let (city, name) = (&self.cities[city as usize], &self.names[salesman as usize]);
        // Writing to a Vec cannot fail. No name holds a character that JSON escapes.
        let _ = writeln!(
            out,
            "{{\"sale_id\":\"a-{number}\",\"event_time\":\"{time}\",\"city\":\"{city}\",\"salesman_id\":\"S{salesman:06}\",\
             \"salesman_name\":\"{name}\",\"amount\":{sign}{}.{:02}}}",
            cents / 100,
            cents % 100
        );
        if self.args.duplicate_share > 0.0 {
            self.last.clear();
            self.last.extend_from_slice(&out[began..]);
        }
    }
}

/// Runs `standings load generate`.
pub fn run(args: &GenerateArgs) -> Result<(), Failure> {
    let mut generator = Generator::new(args)?;
    let shown = args.out.display();
    let failed = |e: io::Error| {
        Failure::of(
            &codes::tools::LOAD_FILE,
            format!("writing {shown} failed: {e}"),
        )
    };
    let file = || {
        File::create(&args.out)
            .map_err(|e| Failure::of(&codes::line::OUTPUT, format!("cannot write {shown}: {e}")))
    };
    match args.out.extension().and_then(|e| e.to_str()) {
        _ if args.out.as_os_str() == "-" => {
            write(&mut generator, args.sales, &mut io::stdout().lock()).map_err(failed)
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
