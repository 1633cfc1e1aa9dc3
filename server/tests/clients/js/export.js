// Sends one trace, one log line, one counter and one histogram with the OpenTelemetry SDK.
// usage: node export.js <grpc|proto|http> <none|gzip> <endpoint> <service>
"use strict";

const [way, compression, endpoint, service] = process.argv.slice(2);

// As a user would: nothing but the endpoint, and compression where it is wanted.
process.env.OTEL_EXPORTER_OTLP_ENDPOINT = endpoint;
process.env.OTEL_EXPORTER_OTLP_COMPRESSION = compression;

const { SpanKind, SpanStatusCode, context, trace } = require("@opentelemetry/api");
const { SeverityNumber } = require("@opentelemetry/api-logs");
const { BatchLogRecordProcessor, LoggerProvider } = require("@opentelemetry/sdk-logs");
const { MeterProvider, PeriodicExportingMetricReader } = require("@opentelemetry/sdk-metrics");
const { BatchSpanProcessor, NodeTracerProvider } = require("@opentelemetry/sdk-trace-node");
const { defaultResource, resourceFromAttributes } = require("@opentelemetry/resources");
const { OTLPLogExporter } = require(`@opentelemetry/exporter-logs-otlp-${way}`);
const { OTLPMetricExporter } = require(`@opentelemetry/exporter-metrics-otlp-${way}`);
const { OTLPTraceExporter } = require(`@opentelemetry/exporter-trace-otlp-${way}`);

const resource = defaultResource().merge(resourceFromAttributes({ "service.name": service, "service.version": "1.2.3" }));
const spans = new NodeTracerProvider({ resource, spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())] });
const logs = new LoggerProvider({ resource, processors: [new BatchLogRecordProcessor({ exporter: new OTLPLogExporter() })] });
const metrics = new MeterProvider({ resource, readers: [new PeriodicExportingMetricReader({ exporter: new OTLPMetricExporter() })] });

const tracer = spans.getTracer("shop.checkout", "0.1");
const meter = metrics.getMeter("shop.checkout", "0.1");

const checkout = tracer.startSpan("POST /checkout", { kind: SpanKind.SERVER });
checkout.setAttributes({
  "http.request.method": "POST",
  "cart.size": 3,
  "cart.total": 19.75,
  "cart.gift": true,
  "cart.items": ["tea", "cup"],
});
const inCheckout = trace.setSpan(context.active(), checkout);
const select = { kind: SpanKind.CLIENT, attributes: { "db.system.name": "postgresql" } };
tracer.startSpan("SELECT carts", select, inCheckout).end();
checkout.addEvent("card.refused", { attempt: 2 });
logs.getLogger("shop.checkout", "0.1").emit({
  body: "card refused",
  severityNumber: SeverityNumber.WARN,
  severityText: "WARN",
  attributes: { "order.id": 4711 },
  context: inCheckout,
});
checkout.setStatus({ code: SpanStatusCode.ERROR, message: "card refused" });
checkout.end();

const branch = { "shop.branch": "north" };
const orders = meter.createCounter("shop.orders", { unit: "{order}" });
orders.add(1, branch);
orders.add(2, branch);
const latency = meter.createHistogram("shop.latency", { unit: "ms" });
latency.record(10, branch);
latency.record(20, branch);

Promise.all([spans.shutdown(), logs.shutdown(), metrics.shutdown()]);
