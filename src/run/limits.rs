//! What a process may take: memory.

use std::time::Duration;

use super::exit::{self, Failure};

/// Between two looks at the memory.
const LOOK: Duration = Duration::from_millis(250);

/// Ends the process when it holds more than `most` bytes; 0 for no limit.
///
/// How much state there is depends on the keys that come, and what is ranked may not depend on how much memory there is:
/// so nothing is dropped, and the process says why it ends. What was committed stays.
pub fn watch_memory(most: u64) -> Result<(), Failure> {
    if most == 0 {
        return Ok(());
    }
    let watch = move || {
        loop {
            if let Some(held) = resident().filter(|held| *held > most) {
                exit::now(&Failure::failed(format!(
                    "this process holds {} MiB of memory, more than --max-memory-bytes ({} MiB): more keys and open windows \
                     than it can keep; give it more memory, more processes (-n), or shorter windows, --retain and \
                     --allowed-lateness",
                    held >> 20,
                    most >> 20
                )));
            }
            std::thread::sleep(LOOK);
        }
    };
    let thread = std::thread::Builder::new().name("memory".to_owned());
    thread
        .spawn(watch)
        .map(drop)
        .map_err(|e| Failure::failed(format!("cannot start a thread: {e}")))
}

/// Bytes of this process that are in memory; `None` where /proc does not say.
fn resident() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = text.split(' ').nth(1)?.parse().ok()?;
    // SAFETY: asks for a constant.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    Some(pages * u64::try_from(page).ok()?)
}
