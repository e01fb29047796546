"""The rankings of bench/queries in bytewax: the file is read in chunks of 10,000 lines, each ranking is one stateful
step keyed by window, which gives the ranks that a chunk changed."""
import argparse
import heapq
import json
import sys
import time
from datetime import datetime
from importlib.metadata import version
from itertools import islice

import bytewax.operators as op
import orjson
from bytewax.dataflow import Dataflow
from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from bytewax.operators import StatefulBatchLogic
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from bytewax.testing import cluster_main, run_main

HOUR = 3600
STEP = 10_000


class Chunks(StatefulSourcePartition):
    """One item is a list of 10,000 lines: cheaper than an item a line."""

    def __init__(self, path):
        self.file = open(path, "rb", buffering=1 << 20)

    def next_batch(self):
        lines = list(islice(self.file, STEP))
        if not lines:
            raise StopIteration()
        return [lines]

    def snapshot(self):
        return None

    def close(self):
        self.file.close()


class Sales(FixedPartitionedSource):
    def __init__(self, path):
        self.path = path

    def list_parts(self):
        return ["sales"]

    def build_part(self, step_id, for_part, resume_state):
        return Chunks(self.path)


def by_window(rows_of):
    """Lines to `(window, rows)`, a list of rows for each window of the chunk."""
    loads, parse = orjson.loads, datetime.fromisoformat

    def decode(lines):
        windows = {}
        for line in lines:
            sale = loads(line)
            at = parse(sale["event_time"]).timestamp()
            window = at // HOUR
            rows = windows.get(window)
            if rows is None:
                rows = windows[window] = []
            rows.append(rows_of(sale, at, round(sale["amount"] * 100)))
        return [(str(int(window) * HOUR * 1000), rows) for window, rows in windows.items()]

    return decode


class Ranking(StatefulBatchLogic):
    """The totals of a window and its ranking. A key's state is a list that starts with its total and count."""

    size = 0

    def __init__(self, state):
        self.keys = {}
        self.top = []

    def add(self, rows):
        """Adds the rows; returns the keys they touched."""
        raise NotImplementedError

    def row(self, key):
        raise NotImplementedError

    def on_batch(self, values):
        changes = []
        for rows in values:
            self.rank(self.add(rows), changes)
        return changes, StatefulBatchLogic.RETAIN

    def rank(self, touched, changes):
        keys, old = self.keys, self.top
        # Only what was touched can have entered, unless something in the ranking has sunk.
        if len(old) == self.size and all(keys[row[0]][0] >= row[1] for row in old):
            floor = old[-1][1]
            candidates = {key for key in touched if keys[key][0] >= floor}
            candidates.update(row[0] for row in old)
        else:
            candidates = keys
        best = heapq.nsmallest(self.size, ((-keys[key][0], key) for key in candidates))
        new = [self.row(key) for _, key in best]
        for rank, row in enumerate(new):
            if rank >= len(old):
                changes.append(("+", rank + 1, row))
            elif old[rank] != row:
                changes.append(("-", rank + 1, old[rank]))
                changes.append(("+", rank + 1, row))
        self.top = new

    def snapshot(self):
        return None


class Cities(Ranking):
    """total, count, max"""

    size = 10

    def add(self, rows):
        keys = self.keys
        touched = set()
        for city, cents in rows:
            state = keys.get(city)
            if state is None:
                keys[city] = [cents, 1, cents]
            else:
                state[0] += cents
                state[1] += 1
                if cents > state[2]:
                    state[2] = cents
            touched.add(city)
        return touched

    def row(self, key):
        total, count, most = self.keys[key]
        return key, total, count, total / count, most


class Salesmen(Ranking):
    """total, count, time of the last name, last name, cities"""

    size = 100

    def add(self, rows):
        keys = self.keys
        touched = set()
        for salesman, cents, at, name, city in rows:
            state = keys.get(salesman)
            if state is None:
                keys[salesman] = [cents, 1, at, name, {city}]
            else:
                state[0] += cents
                state[1] += 1
                if at >= state[2]:
                    state[2] = at
                    state[3] = name
                state[4].add(city)
            touched.add(salesman)
        return touched

    def row(self, key):
        total, count, _, name, cities = self.keys[key]
        return key, total, count, total / count, len(cities), name


class Changes(StatelessSinkPartition):
    def __init__(self, results):
        self.rows, self.now = results

    def write_batch(self, items):
        self.rows[0] += len(items)
        for window, (sign, rank, row) in items:
            if sign == "+":
                self.now[int(window), rank] = row


class Results(DynamicSink):
    """Counts the changes and keeps the rankings as they are now."""

    def __init__(self, results):
        self.results = results

    def build(self, step_id, worker_index, worker_count):
        return Changes(self.results)


def decimal(cents):
    return f"{'-' if cents < 0 else ''}{abs(cents) // 100}.{abs(cents) % 100:02}"


def main():
    ask = argparse.ArgumentParser(
        prog="bench/peers/bytewax/run",
        description=__doc__,
        epilog="Example: bench/peers/bytewax/run --sales sales.ndjson --form both --out results.txt",
    )
    ask.add_argument("--sales", metavar="FILE", required=True, help="the sales, NDJSON")
    ask.add_argument("--form", required=True, choices=["both", "cities", "salesmen"], help="which rankings")
    ask.add_argument("--out", metavar="RESULTS", required=True, help="where the last rankings go")
    ask.add_argument("--workers", metavar="N", type=int, default=1, help="threads of bytewax (one GIL for all of them)")
    ask = ask.parse_args()

    out = open(ask.out, "w")
    open(ask.sales).close()
    sides = {
        "cities": (Cities, lambda s, at, cents: (s["city"], cents)),
        "salesmen": (Salesmen, lambda s, at, cents: (s["salesman_id"], cents, at, s["salesman_name"], s["city"])),
    }
    if ask.form != "both":
        sides = {ask.form: sides[ask.form]}
    sales = [0]

    def count(lines):
        sales[0] += len(lines)
        return lines

    began = time.perf_counter()
    flow = Dataflow("rankings")
    lines = op.map("count", op.input("sales", flow, Sales(ask.sales)), count)
    if ask.workers > 1:
        lines = op.redistribute("spread", lines)
    results = {}
    if ask.form == "both":
        # One decoding for both rankings.
        rows = op.flat_map(
            "decode", lines, by_window(lambda s, at, cents: (s["city"], cents, at, s["salesman_id"], s["salesman_name"]))
        )
        sides = {
            "cities": (Cities, lambda row: row[:2]),
            "salesmen": (Salesmen, lambda row: (row[3], row[1], row[2], row[4], row[0])),
        }
    for name, (logic, rows_of) in sides.items():
        if ask.form == "both":
            keyed = op.map_value(f"{name}_rows", rows, lambda rows, rows_of=rows_of: list(map(rows_of, rows)))
        else:
            keyed = op.flat_map("decode", lines, by_window(rows_of))
        ranked = op.stateful_batch(f"{name}_ranking", keyed, logic)
        results[name] = ([0], {})
        op.output(f"{name}_out", ranked, Results(results[name]))
    if ask.workers > 1:
        cluster_main(flow, [], 0, worker_count_per_proc=ask.workers)
    else:
        run_main(flow)
    for name, (_, now) in results.items():
        for (window, rank), row in sorted(now.items()):
            if name == "cities":
                tail = f"{row[2]} {decimal(row[4])}"
                out.write(f"top_sales_per_city {window} {rank} {row[0]} {decimal(row[1])} {tail}\n")
            else:
                out.write(f"top_salesmen {window} {rank} {row[0]} {decimal(row[1])} {row[2]} {row[4]}\n")
    out.close()
    seconds = time.perf_counter() - began
    print(
        json.dumps(
            {
                "peer": "bytewax",
                "version": version("bytewax"),
                "form": ask.form,
                "workers": ask.workers,
                "sales": sales[0],
                "seconds": round(seconds, 3),
                "output_rows": sum(rows[0] for rows, _ in results.values()),
            }
        )
    )


if __name__ == "__main__":
    try:
        main()
    except OSError as e:
        sys.exit(f"bytewax peer: {e}")
