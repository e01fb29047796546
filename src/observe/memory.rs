//! How much memory a process may take, and how much it holds: control groups and `/proc`. What cannot be read there (not on
//! Linux) is unknown.

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

/// From here on a limit of control groups, version 1, means none: it is a number near the greatest.
const UNLIMITED: u64 = 1 << 60;

/// Bytes that the control groups of this process allow it, the least of them; `None` without a limit.
pub fn cgroup_limit() -> Option<u64> {
    let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    limit_of(Path::new("/sys/fs/cgroup"), &own)
}

/// Bytes that this process may take: what its control groups allow, at most what is free of the machine's memory. As it is
/// when this is asked first: what others take afterwards, or this process itself, changes nothing.
pub fn may_take() -> Option<u64> {
    static FIRST: OnceLock<Option<u64>> = OnceLock::new();
    *FIRST.get_or_init(|| {
        let machine = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let free = free(&machine, resident().unwrap_or(0));
        cgroup_limit().into_iter().chain(free).min()
    })
}

/// Bytes of this process that are in memory.
pub fn resident() -> Option<u64> {
    let text = fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = text.split(' ').nth(1)?.parse().ok()?;
    // SAFETY: asks for a constant.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    Some(pages * u64::try_from(page).ok()?)
}

/// The least limit of the groups that `own` (as in `/proc/self/cgroup`) names below `root`, and of those around them. In a
/// container the named path may not be there: its own group is then the root.
fn limit_of(root: &Path, own: &str) -> Option<u64> {
    let one = |line: &str| {
        let mut parts = line.splitn(3, ':');
        let (number, kinds, path) = (parts.next()?, parts.next()?, parts.next()?);
        let (top, file) = match number == "0" && kinds.is_empty() {
            true => (root.to_owned(), "memory.max"),
            false if kinds.split(',').any(|kind| kind == "memory") => {
                (root.join("memory"), "memory.limit_in_bytes")
            }
            false => return None,
        };
        let group = top.join(path.trim_start_matches('/'));
        let around = group.ancestors().take_while(|at| at.starts_with(&top));
        around
            .filter_map(|at| fs::read_to_string(at.join(file)).ok()?.trim().parse().ok())
            .min()
    };
    own.lines()
        .filter_map(one)
        .filter(|bytes| *bytes < UNLIMITED)
        .min()
}

/// Bytes of the machine, as in `/proc/meminfo`, that nobody else holds; all of them where an old kernel does not say.
fn free(meminfo: &str, own: u64) -> Option<u64> {
    let of = |name: &str| {
        let line = meminfo.lines().find_map(|l| l.strip_prefix(name))?;
        let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
        kib.checked_mul(1024)
    };
    let available = of("MemAvailable:").map(|bytes| bytes.saturating_add(own));
    available.into_iter().chain(of("MemTotal:")).min()
}

/// `--max-memory-bytes`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemoryLimit {
    /// So many; 0 for no limit.
    Bytes(u64),
    /// So many percent of what the process may take.
    Share(u8),
}

impl MemoryLimit {
    /// In bytes here; 0 for no limit, also where it is not known what a process may take.
    pub fn bytes(self) -> u64 {
        match self {
            MemoryLimit::Bytes(bytes) => bytes,
            MemoryLimit::Share(percent) => may_take().unwrap_or(0) / 100 * u64::from(percent),
        }
    }
}

/// A text that is no limit of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("write it as a number of bytes, or as a share such as 90%")]
pub struct NoMemoryLimit;

/// `BYTES` or `SHARE%`.
pub fn parse_memory(text: &str) -> Result<MemoryLimit, NoMemoryLimit> {
    let limit = match text.strip_suffix('%') {
        Some(share) => match share.trim().parse() {
            Ok(percent @ 1..=100) => Some(MemoryLimit::Share(percent)),
            _ => None,
        },
        None => text.parse().ok().map(MemoryLimit::Bytes),
    };
    limit.ok_or(NoMemoryLimit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn the_least_limit_of_all_groups_around_counts() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        assert_eq!(limit_of(root, "0::/a/b\n"), None);
        put(root, "a/b/memory.max", "max\n");
        assert_eq!(limit_of(root, "0::/a/b\n"), None);
        put(root, "a/memory.max", "5000\n");
        put(root, "a/b/c/memory.max", "7000\n");
        assert_eq!(limit_of(root, "0::/a/b/c\n"), Some(5000));
        // A container sees its own group as the root.
        put(root, "memory.max", "3000\n");
        assert_eq!(limit_of(root, "0::/not/here\n"), Some(3000));
        assert_eq!(limit_of(root, ""), None);
    }

    #[test]
    fn version_1_says_no_limit_by_a_great_number() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        let own = "5:cpu:/docker/x\n4:hugetlb,memory:/docker/x\n0::/\n";
        put(
            root,
            "memory/memory.limit_in_bytes",
            "9223372036854771712\n",
        );
        assert_eq!(limit_of(root, own), None);
        put(root, "memory/docker/x/memory.limit_in_bytes", "4096\n");
        assert_eq!(limit_of(root, own), Some(4096));
    }

    #[test]
    fn what_this_process_holds_is_less_than_it_may_take() {
        let machine = "MemTotal:       2048 kB\nMemFree: 1 kB\n";
        assert_eq!(free(machine, 0), Some(2 << 20));
        let busy = format!("{machine}MemAvailable:   512 kB\n");
        assert_eq!(free(&busy, 100 << 10), Some(612 << 10));
        assert_eq!(free(&busy, 9 << 20), Some(2 << 20));
        assert_eq!(free("", 5), None);
        assert!(resident().unwrap() > 1 << 16);
        assert!(resident() < may_take());
    }
}
