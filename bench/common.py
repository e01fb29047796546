"""What the benches share: building, running one side, services, results."""
import collections, json, os, socket, statistics, subprocess, time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TARGET = os.environ.get("CARGO_TARGET_DIR", os.path.join(ROOT, "target"))
STANDINGS = os.environ.get("STANDINGS_BENCH_BINARY", f"{TARGET}/release/standings")
WORK = f"{TARGET}/bench"

Took = collections.namedtuple("Took", "seconds cpu memory text")

def build(*examples):
    """The release binary and examples, in one go: features stay the same."""
    more = [part for name in examples for part in ("--example", name)]
    subprocess.run(["cargo", "build", "--release", "--locked", "--bin", "standings", *more], check=True, cwd=ROOT)

def busy_seconds():
    """Seconds that all cores together were busy since the machine began."""
    tick = os.sysconf("SC_CLK_TCK")
    # user nice system idle iowait irq softirq steal
    whole = [int(n) / tick for n in open("/proc/stat").readline().split()[1:9]]
    return sum(whole) - whole[3] - whole[4]

def wait_for_quiet(most=5.0, piece=0.3):
    """Waits until nothing is left to write and the cores have nearly nothing to do: what a server, or the disk, still does
    for one side is not the next one's."""
    os.sync()
    until = time.monotonic() + most
    while time.monotonic() < until:
        before = busy_seconds()
        time.sleep(piece)
        if busy_seconds() - before < 0.1 * piece:
            return

def run(command, **options):
    """Runs a side to its end: seconds, CPU seconds, peak resident bytes (with children that it waited for), output."""
    began = time.monotonic()
    env = {**os.environ, "STANDINGS_LOG": "warn", **options.pop("env", {})}
    child = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, start_new_session=True, **options)
    text = child.stdout.read().decode()
    _, status, usage = os.wait4(child.pid, 0)
    took = time.monotonic() - began
    if status != 0:
        raise RuntimeError(f"{' '.join(map(str, command))} ended with {os.waitstatus_to_exitcode(status)}")
    return Took(took, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, text)

def sales_file(n, seed=1, more=()):
    """A generated file of sales, made once."""
    os.makedirs(WORK, exist_ok=True)
    name = "-".join(["sales", str(n), str(seed), *(m.lstrip("-") for m in more)])
    path = f"{WORK}/{name}.ndjson"
    if not os.path.exists(path):
        subprocess.run([STANDINGS, "load", "generate", "--sales", str(n), "--seed", str(seed), "--out", path + ".part", *more],
                       check=True, env={**os.environ, "STANDINGS_LOG": "error"})
        os.rename(path + ".part", path)
    return path

def split(path, n):
    """The same sales as so many files, which are as many partitions."""
    names = [f"{path}.{i}-of-{n}" for i in range(n)]
    if not all(map(os.path.exists, names)):
        outs = [open(name + ".part", "wb") for name in names]
        with open(path, "rb") as whole:
            for i, line in enumerate(whole):
                outs[i % n].write(line)
        for out, name in zip(outs, names):
            out.close()
            os.rename(name + ".part", name)
    return names

def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]

def folded(path):
    """The rankings that a log of changes ends with, in the lines of plain_loop; rows written; of these, with another rank
    than before or made final."""
    rows, written, moved = {}, 0, 0
    with open(path) as lines:
        for line in lines:
            c = json.loads(line)
            written += 1
            moved += c["rank"] != c["previous_rank"] or c["final"]
            row = c["row"]
            key = row["city"] if c["ranking"] == "top_sales_per_city" else row["salesman_id"]
            rows[c["ranking"], c["window_start"], key] = c
    shown = collections.Counter()
    for (ranking, start, key), c in rows.items():
        if c["op"] == "delete":
            continue
        ms = int(time.mktime(time.strptime(start, "%Y-%m-%dT%H:%M:%SZ")) - time.timezone) * 1000
        r = c["row"]
        tail = (r["transaction_count"], r["max_sale"]) if ranking == "top_sales_per_city" else (r["deals_closed"], r["cities_covered"])
        shown[f"{ranking} {ms} {c['rank']} {key} {r['total_sales']} {tail[0]} {tail[1]}"] += 1
    return shown, written, moved

def lines(path):
    with open(path) as text:
        return collections.Counter(line.rstrip("\n") for line in text)

def untied(result):
    """Rankings without the order among equal totals, which SQL leaves open: (ranking, window, rank) -> total."""
    return collections.Counter(" ".join(l.split(" ")[:3] + [l.rsplit(" ", 3)[1]]) for l in result.elements())

def services():
    """Kafka's brokers and Postgres's URL, or None when they are not given."""
    found = os.environ.get("KAFKA_BROKERS"), os.environ.get("POSTGRES_URL")
    return found if all(found) else None

def schema(url, name):
    """A schema of its own in the given database: what psql makes, Standings uses."""
    subprocess.run(["psql", url, "-qc", f"CREATE SCHEMA {name}"], check=True)
    return f"{url}{'&' if '?' in url else '?'}options=-c%20search_path%3D{name}"

def empty_file():
    """A file without a sale."""
    path = f"{WORK}/empty.ndjson"
    os.makedirs(WORK, exist_ok=True)
    open(path, "w").close()
    return path

def make_topic(brokers, name, partitions=1):
    subprocess.run([STANDINGS, "load", "replay", empty_file(), "--to", f"kafka://{brokers}/{name}", "--partitions", str(partitions)],
                   check=True, env={**os.environ, "STANDINGS_LOG": "error"})

def forget(brokers, postgres, topics=(), schemas=()):
    """Deletes what a side left in the services: the next one finds them as it did."""
    if topics:
        subprocess.run([f"{TARGET}/release/examples/forget_topics", brokers, *topics], check=True)
    for name in schemas:
        subprocess.run(["psql", postgres, "-qc", f"SET client_min_messages TO warning; DROP SCHEMA {name} CASCADE"], check=True)

def machine():
    cpu = next((l.split(":", 1)[1].strip() for l in open("/proc/cpuinfo") if l.startswith("model name")), "?")
    rev = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout.strip()
    rustc = subprocess.run(["rustc", "--version"], capture_output=True, text=True).stdout.strip()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} x {cpu}, {memory:.0f} GiB, {rustc}, standings {rev}, load {os.getloadavg()[0]:.1f} at the start"

median = statistics.median
