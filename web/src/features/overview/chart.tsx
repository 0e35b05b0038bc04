// A uPlot chart in the page's colours; it is made anew when theme or size change.
import { useEffect, useRef } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { formatClock, formatTime } from '@/core/format';
import { useMedia } from '@/framework/media';
import { useTimeZone } from '@/framework/time';

export interface Series {
  label: string;
  /** The name of a colour token: success, danger, neutral, info. */
  tone: string;
  values: number[];
}

interface ChartProps {
  label: string;
  times: number[];
  series: Series[];
  kind: 'bars' | 'line';
  /** A click on a point in time. */
  choose?: (at: number) => void;
}

const height = 220;
const token = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** Each series on top of those before it. */
function stacked(series: Series[]): number[][] {
  const sums: number[] = [];
  return series.map(({ values }) => values.map((value, k) => (sums[k] = (sums[k] ?? 0) + value)));
}

export function Chart({ label, times, series, kind, choose }: ChartProps) {
  const host = useRef<HTMLDivElement>(null);
  const zone = useTimeZone();
  const dark = useMedia('(prefers-color-scheme: dark)');
  const theme = document.documentElement.dataset.theme;
  const chosen = useRef(choose);
  chosen.current = choose;
  // biome-ignore lint/correctness/useExhaustiveDependencies: colours are read from the page, so theme counts
  useEffect(() => {
    const element = host.current!;
    const ink = token('--pf-t--global--text--color--subtle') || '#666';
    const line = token('--pf-t--global--border--color--default') || '#ccc';
    const heights = kind === 'bars' ? stacked(series).toReversed() : series.map(({ values }) => values);
    const drawn = kind === 'bars' ? series.toReversed() : series;
    const span = (times.at(-1) ?? 0) - (times[0] ?? 0);
    const tick = (seconds: number) =>
      span > 2 * 86_400
        ? formatTime(seconds * 1000, zone).slice(5, 10)
        : formatClock(seconds * 1000, zone).slice(0, 5);
    const axis = {
      stroke: ink,
      grid: { stroke: line, width: 1 },
      ticks: { show: false },
      font: '12px system-ui, sans-serif',
    };
    const chart = new uPlot(
      {
        width: Math.max(240, element.clientWidth),
        height,
        legend: { show: false },
        cursor: { drag: { x: false, y: false }, points: { show: false } },
        scales: {
          // Half an hour on each side, so that the bars at the ends are whole.
          x: {
            range: (_chart, least, most) => (kind === 'bars' ? [least - 1800, most + 1800] : [least, most]),
          },
          y: { range: (_chart, _least, most) => [0, Math.max(4, Math.ceil(most * 1.1))] },
        },
        axes: [
          { ...axis, size: 30, grid: { show: false }, values: (_chart, ticks) => ticks.map(tick) },
          {
            ...axis,
            size: 34,
            values: (_chart, ticks) => ticks.map((n) => (Number.isInteger(n) ? String(n) : '')),
          },
        ],
        series: [
          {},
          ...drawn.map(({ label: name, tone }) => {
            const colour = token(`--strip-${tone}`);
            return kind === 'bars'
              ? {
                  label: name,
                  fill: colour,
                  stroke: colour,
                  paths: uPlot.paths.bars!({ size: [0.7, 28] }),
                  points: { show: false },
                }
              : {
                  label: name,
                  stroke: colour,
                  width: 2,
                  fill: `color-mix(in srgb, ${colour} 15%, transparent)`,
                  paths: uPlot.paths.stepped!({ align: 1 }),
                  points: { show: false },
                };
          }),
        ],
      },
      [times, ...heights] as uPlot.AlignedData,
      element,
    );
    const clicked = () => {
      const at = chart.cursor.idx;
      if (at !== null && at !== undefined && times[at] !== undefined) chosen.current?.(times[at] * 1000);
    };
    chart.over.addEventListener('click', clicked);
    const resized = new ResizeObserver(() =>
      chart.setSize({ width: Math.max(240, element.clientWidth), height }),
    );
    resized.observe(element);
    return () => {
      resized.disconnect();
      chart.destroy();
    };
  }, [times, series, kind, zone, dark, theme]);
  return <div ref={host} className="chart" role="img" aria-label={label} />;
}
