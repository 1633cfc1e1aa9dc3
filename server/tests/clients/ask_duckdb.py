"""Asks DuckDB about the Parquet files of a tenant's folder in the lake; prints the rows as JSON.

usage: ask_duckdb.py <folder> <statement>
"""

import json
import sys
from pathlib import Path

import duckdb

folder, statement = Path(sys.argv[1]), sys.argv[2]

connection = duckdb.connect()
connection.execute("set timezone = 'UTC'")
for table in (path for path in folder.iterdir() if path.is_dir()):
    files = f"read_parquet('{table}/**/*.parquet', union_by_name = true, hive_partitioning = false)"
    connection.execute(f'create view "{table.name}" as select * from {files}')

print(json.dumps(connection.execute(statement).fetchall()))
