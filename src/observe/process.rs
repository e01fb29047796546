//! What the system says of this process, under the names that Prometheus clients agree on (`process_…`). Read from
//! `/proc` when asked; what cannot be read there (not on Linux) is left out.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;

use super::memory::cgroup_limit;

/// Tells of the process it is in.
#[derive(Debug)]
pub struct Process {
    started: f64,
}

/// One look.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Look {
    cpu_seconds: Option<f64>,
    resident_bytes: Option<i64>,
    virtual_bytes: Option<i64>,
    threads: Option<i64>,
    open_fds: Option<i64>,
    max_fds: Option<i64>,
    /// What the container may have; none outside of one.
    memory_limit: Option<i64>,
}

impl Process {
    /// Since now: the engine starts its metrics before anything else.
    pub fn starting() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        Process {
            started: now.unwrap_or_default().as_secs_f64(),
        }
    }

    fn look() -> Look {
        let mut look = parse(
            &fs::read_to_string("/proc/self/stat").unwrap_or_default(),
            &fs::read_to_string("/proc/self/limits").unwrap_or_default(),
        );
        // Without the one that lists them.
        let fds = fs::read_dir("/proc/self/fd").map(|all| all.count().saturating_sub(1));
        look.open_fds = fds.ok().and_then(|n| i64::try_from(n).ok());
        look.memory_limit = cgroup_limit().and_then(|bytes| i64::try_from(bytes).ok());
        look
    }
}

/// What `/proc/self/stat` and `/proc/self/limits` say.
fn parse(stat: &str, limits: &str) -> Look {
    // SAFETY: sysconf reads a constant of the system; no memory is passed.
    let [ticks, page] =
        [libc::_SC_CLK_TCK, libc::_SC_PAGESIZE].map(|name| unsafe { libc::sysconf(name) });
    // The name in parentheses may hold anything; after it come the fields from the third on.
    let fields: Vec<i64> = stat
        .rsplit_once(") ")
        .map(|(_, rest)| {
            rest.split(' ')
                .map(|f| f.trim().parse().unwrap_or(0))
                .collect()
        })
        .unwrap_or_default();
    let field = |number: usize| fields.get(number - 3).copied();
    let soft = |line: &str| {
        line.strip_prefix("Max open files")?
            .split_whitespace()
            .next()?
            .parse()
            .ok()
    };
    Look {
        cpu_seconds: field(14)
            .zip(field(15))
            .map(|(user, system)| (user + system) as f64 / ticks as f64),
        threads: field(20),
        virtual_bytes: field(23),
        resident_bytes: field(24).map(|pages| pages * page),
        open_fds: None,
        max_fds: limits.lines().find_map(soft),
        memory_limit: None,
    }
}

impl Collector for Process {
    fn encode(&self, mut to: DescriptorEncoder) -> Result<(), std::fmt::Error> {
        let look = Process::look();
        if let Some(seconds) = look.cpu_seconds {
            let metric = ConstCounter::new(seconds);
            let unit = Some(&Unit::Seconds);
            let help = "User and system time of this process.";
            metric.encode(to.encode_descriptor(
                "process_cpu",
                help,
                unit,
                metric.metric_type(),
            )?)?;
        }
        let start = ConstGauge::new(self.started);
        let help = "Start of this process, Unix time.";
        let unit = Some(&Unit::Seconds);
        start.encode(to.encode_descriptor(
            "process_start_time",
            help,
            unit,
            start.metric_type(),
        )?)?;
        for (name, unit, help, value) in [
            (
                "process_resident_memory",
                Some(Unit::Bytes),
                "Memory in use.",
                look.resident_bytes,
            ),
            (
                "process_virtual_memory",
                Some(Unit::Bytes),
                "Address space.",
                look.virtual_bytes,
            ),
            ("process_threads", None, "Threads.", look.threads),
            (
                "process_open_fds",
                None,
                "Open file descriptors.",
                look.open_fds,
            ),
            (
                "process_max_fds",
                None,
                "Most file descriptors that may be open.",
                look.max_fds,
            ),
            (
                "standings_memory_limit",
                Some(Unit::Bytes),
                "Memory that the container may have.",
                look.memory_limit,
            ),
        ] {
            if let Some(value) = value {
                let metric = ConstGauge::new(value);
                let kind = metric.metric_type();
                metric.encode(to.encode_descriptor(name, help, unit.as_ref(), kind)?)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_with_a_strange_name_is_understood() {
        let stat = "1 (a) b) S 1 1 1 0 -1 4194304 1 2 3 4 250 50 0 0 20 0 9 0 777 4096000 300 18446744073709551615 1";
        let limits = "Limit Soft Hard Units\nMax open files            1024                 4096                 files\n";
        let look = parse(stat, limits);
        // SAFETY: as above.
        let (ticks, page) = unsafe {
            (
                libc::sysconf(libc::_SC_CLK_TCK),
                libc::sysconf(libc::_SC_PAGESIZE),
            )
        };
        assert_eq!(look.cpu_seconds, Some(300.0 / ticks as f64));
        assert_eq!(
            (look.threads, look.virtual_bytes),
            (Some(9), Some(4_096_000))
        );
        assert_eq!(
            (look.resident_bytes, look.max_fds),
            (Some(300 * page), Some(1024))
        );
        assert_eq!(parse("", ""), Look::default());
    }
}
