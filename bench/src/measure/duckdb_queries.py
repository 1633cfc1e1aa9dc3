"""Asks DuckDB over the Parquet files of the lake: reads {"files": glob, "threads": n, "repeats": n, "questions": [sql]}
from standard input and prints the best time of each in milliseconds, as a JSON list."""

import json
import sys
import time

import duckdb

task = json.load(sys.stdin)
connection = duckdb.connect()
connection.execute(f"set threads = {task['threads']}")
connection.execute("set timezone = 'UTC'")
connection.execute(f"create view spans as select * from read_parquet('{task['files']}', union_by_name = false)")

best = []
for question in task["questions"]:
    times = []
    for _ in range(task["repeats"]):
        started = time.perf_counter()
        connection.execute(question).fetchall()
        times.append((time.perf_counter() - started) * 1000)
    best.append(min(times))
print(json.dumps(best))
