// What to paste so that telemetry comes here.

export type Exporter = 'environment' | 'collector';

export const EXPORTERS: readonly { id: Exporter; name: string }[] = [
  { id: 'environment', name: 'OpenTelemetry SDK' },
  { id: 'collector', name: 'OpenTelemetry Collector' },
];

const OTLP_GRPC_PORT = 4317;

/** For an exporter on a machine that reaches this server as `host`. */
export function exporterText(exporter: Exporter, host: string, key: string): string {
  return exporter === 'environment' ? environment(host, key) : collector(host, key);
}

function environment(host: string, key: string): string {
  return [
    'export OTEL_SERVICE_NAME=my-service',
    `export OTEL_EXPORTER_OTLP_ENDPOINT=http://${host}:${OTLP_GRPC_PORT}`,
    'export OTEL_EXPORTER_OTLP_PROTOCOL=grpc',
    `export OTEL_EXPORTER_OTLP_HEADERS="authorization=Bearer ${key}"`,
  ].join('\n');
}

function collector(host: string, key: string): string {
  return `exporters:
  otlp/observatory:
    endpoint: ${host}:${OTLP_GRPC_PORT}
    tls: {insecure: true}
    headers: {authorization: "Bearer ${key}"}
service:
  pipelines:
    traces: {receivers: [otlp], exporters: [otlp/observatory]}
    metrics: {receivers: [otlp], exporters: [otlp/observatory]}
    logs: {receivers: [otlp], exporters: [otlp/observatory]}`;
}
