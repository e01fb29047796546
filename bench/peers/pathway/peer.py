"""The rankings of bench/queries in pathway, in its static mode: the whole file is one batch, the rankings come once at
the end."""
import argparse
import heapq
import json
import os
import sys
import time
from importlib.metadata import version

HELP_END = "Example: bench/peers/pathway/run --sales sales.ndjson --form cities --out results.txt"


def arguments():
    ask = argparse.ArgumentParser(prog="bench/peers/pathway/run", description=__doc__, epilog=HELP_END)
    ask.add_argument("--sales", metavar="FILE", required=True, help="the sales, NDJSON")
    ask.add_argument("--form", required=True, choices=["both", "cities", "salesmen"], help="which rankings")
    ask.add_argument("--out", metavar="RESULTS", required=True, help="where the rankings go")
    ask.add_argument("--workers", metavar="N", type=int, default=1, help="threads of pathway")
    return ask.parse_args()


def decimal(cents):
    return f"{'-' if cents < 0 else ''}{abs(cents) // 100}.{abs(cents) % 100:02}"


def main():
    ask = arguments()
    out = open(ask.out, "w")
    open(ask.sales).close()
    os.environ["PATHWAY_THREADS"] = str(ask.workers)
    import pathway as pw

    class Sale(pw.Schema):
        event_time: str
        city: str
        salesman_id: str
        salesman_name: str
        amount: float

    def ranked(table, size):
        """The `size` rows of each window with the highest totals. `row` starts with the total, negative."""

        def best(rows) -> list[tuple]:
            return [(rank, *row) for rank, row in enumerate(heapq.nsmallest(size, rows), 1)]

        windows = table.groupby(table.window).reduce(table.window, rows=pw.reducers.tuple(table.row))
        windows = windows.select(windows.window, rows=pw.apply(best, windows.rows))
        return windows.flatten(windows.rows)

    began = time.perf_counter()
    sales = pw.io.jsonlines.read(ask.sales, schema=Sale, mode="static")
    at = sales.event_time.dt.strptime("%Y-%m-%dT%H:%M:%S%.fZ").dt.timestamp(unit="ms")
    sales = sales.select(
        at=at,
        city=sales.city,
        salesman_id=sales.salesman_id,
        salesman_name=sales.salesman_name,
        window=pw.cast(int, at) // 3_600_000 * 3_600_000,
        cents=pw.cast(int, (sales.amount * 100).num.round()),
    )
    results = {}

    def collect(name, table):
        rows = results[name] = []

        def on_change(key, row, time, is_addition):
            rows.append((row["window"], is_addition, row["rows"]))

        pw.io.subscribe(table, on_change)

    if ask.form != "salesmen":
        cities = sales.groupby(sales.window, sales.city).reduce(
            sales.window,
            sales.city,
            total=pw.reducers.sum(sales.cents),
            count=pw.reducers.count(),
            max=pw.reducers.max(sales.cents),
        )
        cities = cities.select(
            cities.window,
            row=pw.make_tuple(-cities.total, cities.city, cities.count, cities.max, cities.total / cities.count),
        )
        collect("cities", ranked(cities, 10))
    if ask.form != "cities":
        salesmen = sales.groupby(sales.window, sales.salesman_id).reduce(
            sales.window,
            sales.salesman_id,
            total=pw.reducers.sum(sales.cents),
            count=pw.reducers.count(),
            last=pw.reducers.max(pw.make_tuple(sales.at, sales.salesman_name)),
            cities=pw.reducers.count_distinct(sales.city),
        )
        salesmen = salesmen.select(
            salesmen.window,
            row=pw.make_tuple(
                -salesmen.total,
                salesmen.salesman_id,
                salesmen.count,
                salesmen.cities,
                salesmen.total / salesmen.count,
                salesmen.last[1],
            ),
        )
        collect("salesmen", ranked(salesmen, 100))
    seen = [0]

    def on_seen(key, row, time, is_addition):
        seen[0] = row["count"] if is_addition else seen[0]

    pw.io.subscribe(sales.reduce(count=pw.reducers.count()), on_seen)
    pw.run(monitoring_level=pw.MonitoringLevel.NONE)
    output_rows = 0
    for name, rows in results.items():
        output_rows += len(rows)
        for window, _, (rank, total, key, count, last, *_) in sorted(row for row in rows if row[1]):
            ranking, last = ("top_sales_per_city", decimal(last)) if name == "cities" else ("top_salesmen", last)
            out.write(f"{ranking} {int(window)} {rank} {key} {decimal(-total)} {count} {last}\n")
    out.close()
    seconds = time.perf_counter() - began
    with open(ask.sales, "rb") as file:
        lines = sum(1 for _ in file)
    # A line that it cannot decode is logged and left out.
    if lines != seen[0]:
        sys.exit(f"pathway peer: {seen[0]} of {lines} lines were taken; the reasons are above")
    print(
        json.dumps(
            {
                "peer": "pathway",
                "version": version("pathway"),
                "form": ask.form,
                "workers": ask.workers,
                "sales": lines,
                "seconds": round(seconds, 3),
                "output_rows": output_rows,
            }
        )
    )


if __name__ == "__main__":
    try:
        main()
    except OSError as e:
        sys.exit(f"pathway peer: {e}")
