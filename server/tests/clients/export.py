"""Sends one trace, one log line, one counter and one histogram with the OpenTelemetry SDK.

usage: export.py <grpc|http> <none|gzip> <endpoint> <service>
"""

import importlib
import os
import sys

from opentelemetry import trace
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode

way, compression, endpoint, service = sys.argv[1:]

# As a user would: nothing but the endpoint, and compression where it is wanted.
os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = endpoint
if compression != "none":
    os.environ["OTEL_EXPORTER_OTLP_COMPRESSION"] = compression


def exporter(signal, name):
    return getattr(importlib.import_module(f"opentelemetry.exporter.otlp.proto.{way}.{signal}_exporter"), name)()


resource = Resource.create({"service.name": service, "service.version": "1.2.3"})
spans = TracerProvider(resource=resource)
spans.add_span_processor(BatchSpanProcessor(exporter("trace", "OTLPSpanExporter")))
logs = LoggerProvider(resource=resource)
logs.add_log_record_processor(BatchLogRecordProcessor(exporter("_log", "OTLPLogExporter")))
metrics = MeterProvider(resource=resource, metric_readers=[PeriodicExportingMetricReader(exporter("metric", "OTLPMetricExporter"))])

tracer = spans.get_tracer("shop.checkout", "0.1")
meter = metrics.get_meter("shop.checkout", "0.1")
with tracer.start_as_current_span("POST /checkout", kind=SpanKind.SERVER) as checkout:
    checkout.set_attribute("http.request.method", "POST")
    checkout.set_attribute("cart.size", 3)
    checkout.set_attribute("cart.total", 19.75)
    checkout.set_attribute("cart.gift", True)
    checkout.set_attribute("cart.items", ["tea", "cup"])
    with tracer.start_as_current_span("SELECT carts", kind=SpanKind.CLIENT, attributes={"db.system.name": "postgresql"}):
        pass
    checkout.add_event("card.refused", {"attempt": 2})
    logs.get_logger("shop.checkout", "0.1").emit(
        LogRecord(
            body="card refused",
            severity_number=SeverityNumber.WARN,
            severity_text="WARN",
            attributes={"order.id": 4711},
            context=trace.set_span_in_context(checkout),
        )
    )
    checkout.set_status(Status(StatusCode.ERROR, "card refused"))

branch = {"shop.branch": "north"}
orders = meter.create_counter("shop.orders", "{order}")
orders.add(1.0, branch)
orders.add(2.0, branch)
latency = meter.create_histogram("shop.latency", "ms")
latency.record(10.0, branch)
latency.record(20.0, branch)

for provider in (spans, logs, metrics):
    provider.shutdown()
