"""Asks the SQL API for Arrow, reads the stream, prints types and the first two columns as JSON.

usage: read_arrow.py <api address> <statement>
"""

import json
import sys
import urllib.request

import pyarrow as pa

address, statement = sys.argv[1:]

request = urllib.request.Request(
    f"{address}/api/v1/sql",
    data=json.dumps({"sql": statement}).encode(),
    headers={"content-type": "application/json", "accept": "application/vnd.apache.arrow.stream"},
)
with urllib.request.urlopen(request) as answer, pa.ipc.open_stream(answer) as stream:
    table = stream.read_all()

table.validate(full=True)
rows = [list(row) for row in zip(*(column.to_pylist() for column in table.columns[:2]))]
print(json.dumps({"types": {field.name: str(field.type) for field in table.schema}, "rows": rows}))
