import type { ChartConfiguration, ChartDataset, ChartType, Plugin, Scale, TooltipItem } from 'chart.js';
import type { ChartData, GroupData } from '../src/page/index.js';

/** Chart.js, an earlier script of the page. */
declare const Chart: typeof import('chart.js').Chart;

const data: ChartData = JSON.parse(document.getElementById('chart-data')!.textContent!);
const { groups, startsAt, barMs, refused } = data;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

const inUtc = (options: Intl.DateTimeFormatOptions) =>
  new Intl.DateTimeFormat('en-GB', { timeZone: 'UTC', ...options });
const day = inUtc({ day: 'numeric', month: 'short' });
const weekday = inUtc({ weekday: 'short', day: 'numeric', month: 'short' });
const time = inUtc({ hour: '2-digit', minute: '2-digit' });
const count = (value: number) => value.toLocaleString('en');

/** A colour of the page. It depends on light or dark mode, and on printing. */
function colorOf(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

/** Refused requests are red and hatched, for readers who cannot see red. */
function hatched(): CanvasPattern | string {
  const color = colorOf('refused');
  const tile = document.createElement('canvas');
  tile.width = tile.height = 6;
  const brush = tile.getContext('2d');
  if (brush === null) return color;
  brush.fillStyle = colorOf('refused-pale');
  brush.fillRect(0, 0, 6, 6);
  brush.strokeStyle = color;
  brush.lineWidth = 2;
  brush.beginPath();
  for (const shift of [-6, 0, 6]) {
    brush.moveTo(shift - 1, 7);
    brush.lineTo(shift + 7, -1);
  }
  brush.stroke();
  return brush.createPattern(tile, 'repeat') ?? color;
}

function groupColor({ color }: GroupData): string {
  return colorOf(`color-${color}`);
}

/** The bars that get a label, at round times and with room for each label. */
function labelled(width: number): { value: number }[] {
  const bars = startsAt.map((at, value) => ({ at, value }));
  const most = Math.max(2, Math.floor(width / LABEL_PX));
  for (const apartMs of [1, 2, 3, 6, 12, 24, 48, 168, 336, 672].map((hours) => hours * HOUR_MS)) {
    // Weeks begin on Mondays. The epoch began on a Thursday.
    const shift = apartMs >= 7 * DAY_MS ? 4 * DAY_MS : 0;
    const ticks = bars.filter(({ at }) => (at - shift) % apartMs === 0);
    if (ticks.length <= most) return ticks.length > 0 ? ticks : bars.slice(0, 1);
  }
  return bars.slice(0, 1);
}
const LABEL_PX = 64;

function labelOf(at: number): string {
  return barMs < DAY_MS && at % DAY_MS !== 0 ? time.format(at) : day.format(at);
}

function titleOf(at: number): string {
  if (barMs > DAY_MS) return `${weekday.format(at)} to ${weekday.format(at + barMs - 1)}`;
  return barMs === DAY_MS
    ? weekday.format(at)
    : `${weekday.format(at)}, ${time.format(at)} to ${time.format(at + barMs)}`;
}

function overTime(): ChartConfiguration<'bar'> {
  const bars = { stack: 'all', barPercentage: 1, categoryPercentage: startsAt.length > 60 ? 1 : 0.85 };
  const admitted = groups.map((group): ChartDataset<'bar'> => {
    return { ...bars, label: group.name, data: [...group.admitted], backgroundColor: groupColor(group) };
  });
  return {
    type: 'bar',
    data: {
      labels: startsAt.map(labelOf),
      datasets: [...admitted, { ...bars, label: 'Refused', data: [...refused], backgroundColor: hatched() }],
    },
    options: {
      ...shared(),
      interaction: { mode: 'index', intersect: false },
      scales: {
        x: {
          stacked: true,
          grid: { color: colorOf('line'), offset: false },
          border: { color: colorOf('line') },
          ticks: { autoSkip: false, maxRotation: 0, color: colorOf('quiet') },
          afterBuildTicks: (axis: Scale) => {
            axis.ticks = labelled(axis.chart.width - 60);
          },
        },
        y: {
          stacked: true,
          beginAtZero: true,
          grid: { color: colorOf('line') },
          border: { display: false },
          ticks: { precision: 0, maxTicksLimit: 6, color: colorOf('quiet'), callback: (value) => count(Number(value)) },
        },
      },
      plugins: {
        legend: { display: false },
        tooltip: {
          ...tooltipColors(),
          filter: ({ parsed }) => parsed.y !== 0,
          itemSort: (one, other) => other.datasetIndex - one.datasetIndex,
          callbacks: {
            title: ([item]: TooltipItem<'bar'>[]) => (item === undefined ? '' : titleOf(startsAt[item.dataIndex]!)),
            label: ({ dataset, parsed }) => ` ${short(dataset.label ?? '')}: ${count(parsed.y ?? 0)}`,
            footer: (items) => `All: ${count(items.reduce((sum, { parsed }) => sum + (parsed.y ?? 0), 0))} requests`,
          },
        },
      },
    },
  };
}

function shares(): ChartConfiguration<'bar'> {
  const all = groups.reduce((sum, { totals }) => sum + totals.admitted + totals.refused, 0);
  const part = (requests: number) => (requests / all) * 100;
  const bars = { stack: 'all', barPercentage: 0.9, categoryPercentage: 0.85 };
  const ends: Plugin<'bar'> = {
    id: 'ends',
    afterDatasetsDraw(chart) {
      const { ctx, chartArea } = chart;
      ctx.save();
      ctx.fillStyle = colorOf('ink');
      ctx.font = `12px ${FONT}`;
      ctx.textBaseline = 'middle';
      for (const [at, { totals }] of groups.entries()) {
        const bar = chart.getDatasetMeta(1).data[at];
        const share = part(totals.admitted + totals.refused);
        const text = share > 0 && share < 0.05 ? '< 0.1 %' : `${share.toFixed(share === 100 ? 0 : 1)} %`;
        if (bar !== undefined) ctx.fillText(text, Math.max(chartArea.left, bar.x) + 6, bar.y);
      }
      ctx.restore();
    },
  };
  return {
    type: 'bar',
    plugins: [ends],
    data: {
      labels: groups.map(({ name }) => short(name)),
      datasets: [
        {
          ...bars,
          label: 'Admitted',
          data: groups.map(({ totals }) => part(totals.admitted)),
          backgroundColor: groups.map(groupColor),
        },
        {
          ...bars,
          label: 'Refused',
          data: groups.map(({ totals }) => part(totals.refused)),
          backgroundColor: hatched(),
        },
      ],
    },
    options: {
      ...shared(),
      indexAxis: 'y',
      interaction: { mode: 'index', axis: 'y', intersect: false },
      layout: { padding: { right: 56 } },
      scales: {
        x: { display: false, stacked: true, beginAtZero: true },
        y: {
          stacked: true,
          grid: { display: false },
          border: { display: false },
          ticks: { color: colorOf('ink'), autoSkip: false },
        },
      },
      plugins: {
        legend: { display: false },
        tooltip: {
          ...tooltipColors(),
          callbacks: {
            label: ({ dataset, dataIndex, datasetIndex }) => {
              const { admitted, refused } = groups[dataIndex]!.totals;
              return ` ${dataset.label}: ${count(datasetIndex === 0 ? admitted : refused)}`;
            },
          },
        },
      },
    },
  };
}

function shared() {
  return {
    responsive: true,
    maintainAspectRatio: false,
    animation: false as const,
    // Sharp on paper.
    devicePixelRatio: Math.max(2, window.devicePixelRatio),
    font: { family: FONT, size: 12 },
  };
}
const FONT = 'system-ui, sans-serif';

function tooltipColors() {
  const ink = colorOf('paper');
  return { backgroundColor: colorOf('ink'), titleColor: ink, bodyColor: ink, footerColor: ink, boxPadding: 4 };
}

/** The beginning of a name that an axis has room for. */
function short(name: string): string {
  const characters = [...name];
  return characters.length <= NAME_LENGTH ? name : `${characters.slice(0, NAME_LENGTH - 1).join('')}…`;
}
const NAME_LENGTH = 18;

/** Draws both charts again, in the present colours. */
function draw(): void {
  for (const chart of drawn.splice(0)) chart.destroy();
  drawn.push(chartIn('over-time-chart', overTime()), chartIn('shares-chart', shares()));
}
const drawn: { destroy(): void }[] = [];

function chartIn<T extends ChartType>(id: string, configuration: ChartConfiguration<T>): { destroy(): void } {
  return new Chart(document.getElementById(id) as HTMLCanvasElement, configuration);
}

draw();
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw);
addEventListener('beforeprint', () => {
  document.documentElement.classList.add('printing');
  draw();
});
addEventListener('afterprint', () => {
  document.documentElement.classList.remove('printing');
  draw();
});
