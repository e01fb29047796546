//! `standings replica`: one pod of a StatefulSet. Asks Kubernetes how many there are and which life of the cluster it
//! is, runs its process of it, and starts that anew when the answer changes.
//!
//! ```text
//! StatefulSet ──asked every few seconds──► wish ──changed──► SIGTERM: what was read is committed ──► started anew,
//!   replicas, generation, revision                                                               from the snapshot
//! ```
//!
//! 1. Without an answer nothing changes: a cluster outlives its control plane.
//! 2. The process is asked to stop and given time to commit before it is killed; this one ends after it.

mod wish;

use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clap::Args;

use self::wish::{StatefulSet, Wish, set_and_ordinal};
use super::cluster::{ends_with_this_one, without_values_of_files};
use standings_edge::ask::{Asker, NoAnswer};
use standings_model::duration::parse_duration;
use standings_model::error::codes;
use standings_process::exit::{FAILED, Failure, USAGE};

/// `standings replica`.
#[derive(Args, Clone, Debug)]
#[command(after_long_help = "\
The Helm chart in deploy/helm starts this in every pod; see docs/deploy.md.

Example:
  standings replica --pod standings-0 --namespace shop --http 0.0.0.0:8080 \\
    --host-pattern 'standings-{index}.standings.shop.svc:7300' -- run --queries /queries --source … --sink …")]
pub struct ReplicaArgs {
    /// This pod's name: the StatefulSet's and its ordinal.
    #[arg(long, env = "STANDINGS_POD", value_name = "NAME")]
    pub pod: String,
    /// The StatefulSet's namespace.
    #[arg(long, env = "STANDINGS_NAMESPACE", value_name = "NAME")]
    pub namespace: String,
    /// The revision that this pod was made from (its label controller-revision-hash). Of an older one than the
    /// StatefulSet's it runs nothing.
    #[arg(
        long,
        env = "STANDINGS_POD_REVISION",
        value_name = "HASH",
        default_value = ""
    )]
    pub revision: String,
    /// Where process {index} listens for the others.
    #[arg(long, env = "STANDINGS_HOST_PATTERN", value_name = "HOST:PORT")]
    pub host_pattern: String,
    /// Serve HTTP here: the same port in every pod.
    #[arg(long, env = "STANDINGS_REPLICA_HTTP", value_name = "ADDR")]
    pub http: Option<String>,
    /// The Kubernetes API.
    #[arg(
        long,
        env = "STANDINGS_KUBERNETES",
        value_name = "URL",
        default_value = "https://kubernetes.default.svc"
    )]
    pub api: String,
    /// Folder of the service account: token, and ca.crt for https.
    #[arg(
        long,
        env = "STANDINGS_SERVICE_ACCOUNT",
        value_name = "DIR",
        default_value = "/var/run/secrets/kubernetes.io/serviceaccount"
    )]
    pub service_account: PathBuf,
    /// Where the hosts file is written.
    #[arg(
        long,
        env = "STANDINGS_RUN_DIR",
        value_name = "DIR",
        default_value = "/tmp"
    )]
    pub run_dir: PathBuf,
    /// How often Kubernetes is asked.
    #[arg(long, env = "STANDINGS_ASK_EVERY", value_name = "D", default_value = "2s", value_parser = parse_duration)]
    pub every: Duration,
    /// How long the process may take to commit what it has read when it is asked to stop.
    #[arg(long, env = "STANDINGS_GRACE", value_name = "D", default_value = "25s", value_parser = parse_duration)]
    pub grace: Duration,
    /// The command: `run` and its flags, without -n, -p, --hosts, --generation and --http.
    #[arg(last = true, required = true, value_name = "run …")]
    pub command: Vec<String>,
}

/// A process that lived shorter than this failed early.
const EARLY: Duration = Duration::from_secs(10);
/// How many refusals of its configuration in a row end this process, so that the orchestrator shows it.
const PATIENCE: u32 = 6;

/// Runs `standings replica` until it is asked to stop.
pub fn run(args: &ReplicaArgs, log: &str, stop: &Arc<AtomicBool>) -> Result<(), Failure> {
    if args.command.first().is_none_or(|c| c != "run") {
        return Err(Failure::of(
            &codes::cluster::REPLICA,
            "after -- comes `run` and its flags: standings replica … -- run …",
        ));
    }
    let Some((set, ordinal)) = set_and_ordinal(&args.pod) else {
        let wrong = format!(
            "--pod {}: a StatefulSet's pod is named like standings-0",
            args.pod
        );
        return Err(Failure::of(&codes::cluster::REPLICA, wrong));
    };
    if !args.host_pattern.contains("{index}") {
        return Err(Failure::of(
            &codes::cluster::REPLICA,
            "--host-pattern needs {index}, where the process's number goes",
        ));
    }
    let http = match &args.http {
        Some(address) => Some(own_address(address, ordinal)?),
        None => None,
    };
    let ca = args.service_account.join("ca.crt");
    let ca = args.api.starts_with("https:").then_some(ca.as_path());
    let asker = Asker::new(Duration::from_secs(5), ca)
        .map_err(|e| Failure::of(&codes::process::SYSTEM, e.to_string()))?;
    let url = format!(
        "{}/apis/apps/v1/namespaces/{}/statefulsets/{set}",
        args.api, args.namespace
    );
    let mut replica = Replica {
        args,
        log,
        ordinal,
        http,
        wish: None,
        child: None,
        refusals: 0,
        not_before: Instant::now(),
    };
    let (mut asked, mut warned): (Option<Instant>, Option<Instant>) = (None, None);
    while !stop.load(Ordering::Relaxed) {
        if asked.is_none_or(|at| at.elapsed() >= args.every) {
            asked = Some(Instant::now());
            match look(&asker, &url, &args.service_account) {
                Ok(set) => replica.wants(set.wish(ordinal, &args.revision)),
                Err(problem) if warned.is_none_or(|at| at.elapsed() > Duration::from_secs(30)) => {
                    warned = Some(Instant::now());
                    tracing::warn!(event = "kubernetes_not_asked", %problem, "Kubernetes does not answer; the size of before holds");
                }
                Err(_) => {}
            }
        }
        replica.turn()?;
        std::thread::sleep(Duration::from_millis(50));
    }
    match replica.end() {
        Some(code) if code != 0 => Err(Failure::of(
            &codes::cluster::CHILD,
            format!("the process ended with code {code}"),
        )),
        _ => Ok(()),
    }
}

/// Why the size that is wanted is not known.
#[derive(Debug, thiserror::Error)]
enum LookError {
    #[error(transparent)]
    NoAnswer(#[from] NoAnswer),
    #[error("answer {0}; may this service account get its StatefulSet?")]
    Status(u16),
    #[error("the answer is no StatefulSet: {0}")]
    Other(#[from] serde_json::Error),
}

fn look(asker: &Asker, url: &str, account: &Path) -> Result<StatefulSet, LookError> {
    // Read each time: Kubernetes changes it every hour or so.
    let token = std::fs::read_to_string(account.join("token")).ok();
    let (status, text) = asker.get(url, token.as_deref().map(str::trim))?;
    if status != 200 {
        return Err(LookError::Status(status));
    }
    Ok(serde_json::from_str(&text)?)
}

/// A process listens on the port plus its number, which keeps those of one machine apart. Pods are machines of their own:
/// their ports are the same.
fn own_address(address: &str, ordinal: usize) -> Result<String, Failure> {
    let own = address.rsplit_once(':').and_then(|(host, port)| {
        let port = port.parse::<usize>().ok()?.checked_sub(ordinal)?;
        Some(format!("{host}:{port}"))
    });
    own.ok_or_else(|| {
        Failure::of(
            &codes::http::ADDRESS,
            format!("--http {address}: give an address such as 0.0.0.0:8080"),
        )
    })
}

struct Replica<'a> {
    args: &'a ReplicaArgs,
    log: &'a str,
    ordinal: usize,
    http: Option<String>,
    wish: Option<Wish>,
    child: Option<(Child, Instant)>,
    refusals: u32,
    not_before: Instant,
}

impl Replica<'_> {
    fn wants(&mut self, wish: Option<Wish>) {
        if wish.is_none() || wish == self.wish {
            return;
        }
        tracing::info!(
            event = "replica_wish",
            pod = self.args.pod,
            ?wish,
            "the set has another size or revision"
        );
        self.wish = wish;
        self.end();
        self.refusals = 0;
        self.not_before = Instant::now();
    }

    /// Starts what should run and does not.
    fn turn(&mut self) -> Result<(), Failure> {
        if let Some((child, started)) = &mut self.child {
            let Ok(Some(status)) = child.try_wait() else {
                return Ok(());
            };
            let code = status.code().unwrap_or(FAILED);
            let early = started.elapsed() < EARLY;
            self.child = None;
            self.refusals = if early { self.refusals + 1 } else { 0 };
            if code == USAGE && self.refusals >= PATIENCE {
                return Err(Failure::of(
                    &codes::cluster::REPLICA,
                    "the process refuses its configuration; its message is above",
                ));
            }
            let wait = Duration::from_millis(100 << self.refusals.min(6));
            self.not_before = Instant::now() + wait;
            tracing::warn!(
                event = "replica_restart",
                code,
                wait_ms = wait.as_millis() as u64,
                "the process has ended; it is started anew"
            );
        }
        let Some(Wish::Run {
            processes,
            generation,
        }) = self.wish
        else {
            return Ok(());
        };
        if Instant::now() < self.not_before {
            return Ok(());
        }
        let failed = |what: &str, e: std::io::Error| {
            Failure::of(&codes::process::SYSTEM, format!("cannot {what}: {e}"))
        };
        let hosts = self.args.run_dir.join(format!("{}-hosts", self.args.pod));
        let lines: Vec<String> = (0..processes)
            .map(|index| {
                self.args
                    .host_pattern
                    .replace("{index}", &index.to_string())
                    + "\n"
            })
            .collect();
        std::fs::write(&hosts, lines.concat()).map_err(|e| failed("write the hosts file", e))?;
        let program = std::env::current_exe().map_err(|e| failed("find this program", e))?;
        let mut command = Command::new(program);
        command
            .args(&self.args.command)
            .args([
                "-n",
                &processes.to_string(),
                "-p",
                &self.ordinal.to_string(),
            ])
            .args(["--generation", &generation.to_string()])
            .arg("--hosts")
            .arg(&hosts)
            .env("STANDINGS_LOG", self.log);
        if let Some(http) = &self.http {
            command.args(["--http", http]);
        }
        without_values_of_files(&mut command);
        ends_with_this_one(&mut command);
        let child = command
            .spawn()
            .map_err(|e| failed("start the process", e))?;
        self.child = Some((child, Instant::now()));
        Ok(())
    }

    /// Asks the process to stop, and kills it if it does not; its exit code if there was one.
    fn end(&mut self) -> Option<i32> {
        let (mut child, started) = self.child.take()?;
        // One that has only just been started may not listen to signals yet.
        std::thread::sleep(Duration::from_millis(300).saturating_sub(started.elapsed()));
        if let Ok(None) = child.try_wait() {
            // SAFETY: the child has not been waited for, so its process id is still its own.
            unsafe {
                libc::kill(child.id() as i32, libc::SIGTERM);
            }
        }
        let deadline = Instant::now() + self.args.grace;
        while matches!(child.try_wait(), Ok(None)) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = child.kill();
        child.wait().ok()?.code()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pod_serves_the_same_port() {
        assert_eq!(own_address("0.0.0.0:8080", 3).unwrap(), "0.0.0.0:8077");
        assert!(own_address("0.0.0.0:2", 3).is_err());
        assert!(own_address("8080", 0).is_err());
    }
}
