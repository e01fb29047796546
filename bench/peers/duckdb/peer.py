"""The same sales in files of every kind, and what DuckDB takes to add them up.

    run make --lines 1000000 --folder DIR      sales.ndjson, .csv, .parquet …: what is there already is not made again
    run sum FILE                               sums and counts by city and day, at one thread: seconds, rows and cents as JSON
"""

import argparse
import json
import os
import time

import duckdb

SALES = """
SELECT id, 1767225600000 + id % 604800000 AS "at", printf('city-%04d', id * 2654435761 % 1000) AS city,
  printf('seller-%05d', id * 40503 % 20000) AS seller, CAST(1 + id * 7919 % 100000 AS DECIMAL(12, 2)) / 100 AS cents
FROM range({lines}) AS t (id)
"""

# What a file is written by; what ends in none of these is made of the NDJSON.
COPIES = {
    "sales.ndjson": "FORMAT json",
    "sales.ndjson.gz": "FORMAT json, COMPRESSION gzip",
    "sales.ndjson.zst": "FORMAT json, COMPRESSION zstd",
    "sales.csv": "FORMAT csv, HEADER",
    "sales.csv.gz": "FORMAT csv, HEADER, COMPRESSION gzip",
    "sales.snappy.parquet": "FORMAT parquet, COMPRESSION snappy",
    "sales.zstd.parquet": "FORMAT parquet, COMPRESSION zstd",
}
COLUMNS = {"id": "BIGINT", "at": "BIGINT", "city": "VARCHAR", "seller": "VARCHAR", "amount": "DECIMAL(12, 2)"}
AVRO = {
    "type": "record",
    "name": "Sale",
    "fields": [
        {"name": "id", "type": "long"},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "city", "type": "string"},
        {"name": "seller", "type": "string"},
        {"name": "amount", "type": {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 2}},
    ],
}


def make(lines, folder):
    os.makedirs(folder, exist_ok=True)
    db = duckdb.connect()
    query = f"SELECT id, \"at\", city, seller, CAST(cents AS DECIMAL(12, 2)) AS amount FROM ({SALES.format(lines=lines)})"
    for name, how in COPIES.items():
        path = os.path.join(folder, name)
        if not os.path.exists(path):
            db.execute(f"COPY ({query}) TO '{path}.part' ({how})")
            os.rename(path + ".part", path)
    for codec in ("null", "deflate"):
        path = os.path.join(folder, f"sales.{codec}.avro")
        if not os.path.exists(path):
            avro(db, query, path, codec)


def avro(db, query, path, codec):
    import fastavro

    rows = db.execute(query)
    names = list(COLUMNS)

    def records():
        while some := rows.fetchmany(10_000):
            for row in some:
                yield dict(zip(names, row))

    with open(path + ".part", "wb") as out:
        fastavro.writer(out, fastavro.parse_schema(AVRO), records(), codec=codec)
    os.rename(path + ".part", path)


def add_up(path):
    columns = "{" + ", ".join(f"'{name}': '{kind}'" for name, kind in COLUMNS.items()) + "}"
    if path.endswith(".parquet"):
        source = f"read_parquet('{path}')"
    elif ".csv" in path:
        source = f"read_csv('{path}', header = true, columns = {columns})"
    else:
        source = f"read_json('{path}', format = 'newline_delimited', columns = {columns})"
    db = duckdb.connect()
    db.execute("SET threads = 1")
    began = time.perf_counter()
    rows = db.execute(f'SELECT city, "at" // 86400000 AS day, sum(amount), count(*) FROM {source} GROUP BY ALL').fetchall()
    seconds = time.perf_counter() - began
    cents = sum(int(total * 100) for _, _, total, _ in rows)
    print(json.dumps({"seconds": seconds, "output_rows": len(rows), "cents": cents}))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    of = commands.add_parser("make")
    of.add_argument("--lines", type=int, required=True)
    of.add_argument("--folder", required=True)
    commands.add_parser("sum").add_argument("file")
    args = parser.parse_args()
    if args.command == "make":
        make(args.lines, args.folder)
    else:
        add_up(args.file)


main()
