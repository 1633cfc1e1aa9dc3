// Log records over time by severity. A drag zooms, and so does a click on a bar.

import { useMemo } from 'react';
import type { LogHistogram } from '../../api/schema';
import { Chart } from '../../components/chart/Chart';
import { millis } from '../../format/time';
import { useRange } from '../../range/useRange';
import { severitySeries } from './severity';

export function SeverityChart({ logs, height }: { logs: LogHistogram; height: number }) {
  const { zoom } = useRange();
  const { times, series } = useMemo(() => ({ times: logs.buckets.map((bucket) => millis(bucket.start)), series: severitySeries(logs) }), [logs]);
  return (
    <Chart
      title="Log records"
      times={times}
      series={series}
      unit="count"
      isStacked
      height={height}
      from={millis(logs.from)}
      to={millis(logs.to)}
      onZoom={zoom}
      onPoint={(time) => {
        zoom(time, time + logs.bucket_seconds * 1000);
      }}
    />
  );
}
