"""Asks DuckDB over the Parquet files of the lake: reads {"files": glob, "threads": n, "repeats": n, "questions": [sql],
"tables": {name: glob}} from standard input and prints {"times": [the best of each question, in milliseconds],
"bytes": {name: size of the same rows in a database file}}."""

import json
import os
import sys
import tempfile
import time

import duckdb

task = json.load(sys.stdin)
connection = duckdb.connect()
connection.execute(f"set threads = {task['threads']}")
connection.execute("set timezone = 'UTC'")
connection.execute("set enable_progress_bar = false")
connection.execute(f"create view spans as select * from read_parquet('{task['files']}', union_by_name = true)")

best = []
for question in task["questions"]:
    times = []
    for _ in range(task["repeats"]):
        started = time.perf_counter()
        connection.execute(question).fetchall()
        times.append((time.perf_counter() - started) * 1000)
    best.append(min(times))


def stored_bytes(files):
    """Size of a database file with the rows of these files, in their order."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "rows.duckdb")
        database = duckdb.connect(path)
        database.execute(f"set threads = {task['threads']}")
        database.execute("set enable_progress_bar = false")
        database.execute(f"create table rows as select * from read_parquet('{files}', union_by_name = true)")
        database.close()
        return os.path.getsize(path)


sizes = {name: stored_bytes(files) for name, files in task["tables"].items()}
print(json.dumps({"times": best, "bytes": sizes}))
