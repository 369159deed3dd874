// Draws every chart of the page from the numbers in #charts. What it draws with is Chart.js, above.
(() => {
  'use strict';
  const charts = JSON.parse(document.getElementById('charts').textContent);
  const formats = [0, 1, 2, 3].map(digits => new Intl.NumberFormat('en-US', { maximumFractionDigits: digits }));
  const say = n => formats[3].format(n);
  // Three digits tell enough; the table has the others.
  const about = n => formats[Math.abs(n) >= 100 ? 0 : Math.abs(n) >= 10 ? 1 : Math.abs(n) >= 1 ? 2 : 3].format(n);
  const DASHES = [[], [7, 3], [2, 3], [9, 3, 2, 3]];
  const SERIES_COLOURS = 8;
  const FEW = 40;
  const ROOM_FOR_VALUES = 56;

  // A percentile p is drawn at 1 / (1 - p), so that each further nine takes as much room; the very last, p = 1, one
  // step beyond the one before it.
  const tail = p => 1 / (1 - p);
  const percent = t => +(100 * (1 - 1 / t)).toFixed(7) + '%';
  const place = (kind, xs) => {
    if (kind !== 'PERCENTILES') {
      return xs;
    }
    const last = Math.max(1, ...xs.filter(p => p < 1).map(tail));
    return xs.map(p => p < 1 ? tail(p) : 2 * last);
  };

  const colour = name => getComputedStyle(document.documentElement).getPropertyValue('--' + name).trim();

  const title = text => ({ display: text !== '', text, color: colour('quiet') });
  const axis = (text, more) => ({
    title: title(text),
    grid: { color: colour('line'), drawTicks: false },
    border: { color: colour('line') },
    ...more,
    ticks: { color: colour('quiet'), padding: 6, maxRotation: 0, autoSkipPadding: 16, callback: say, ...more.ticks },
  });

  const nines = scale => {
    scale.ticks = [{ value: 1 }, { value: 2 }];
    for (let t = 10; t <= scale.max * 1.000001; t *= 10) {
      scale.ticks.push({ value: t });
    }
  };

  // What is counted is not cut into parts.
  const valueAxis = chart => axis(chart.y, {
    beginAtZero: true,
    ticks: chart.series.every(s => s.y.every(Number.isInteger)) ? { precision: 0 } : {},
  });

  const across = chart => {
    switch (chart.kind) {
      case 'BARS':
        return valueAxis(chart);
      case 'PERCENTILES':
        return axis(chart.x, {
          type: 'logarithmic', min: 1, afterBuildTicks: nines, ticks: { callback: percent, autoSkip: true } });
      default:
        return axis(chart.x, { type: 'linear' });
    }
  };

  const upward = chart => chart.kind === 'BARS'
    ? axis(chart.x, { grid: { display: false }, ticks: { callback(v) { return this.getLabelForValue(v); } } })
    : valueAxis(chart);

  // The value of a bar, at its end.
  const values = {
    id: 'values',
    afterDatasetsDraw(drawn) {
      const pen = drawn.ctx;
      pen.save();
      pen.fillStyle = colour('ink');
      pen.font = Chart.helpers.toFont({ ...Chart.defaults.font, size: 11 }).string;
      pen.textBaseline = 'middle';
      drawn.data.datasets.forEach((set, s) => drawn.isDatasetVisible(s)
        && drawn.getDatasetMeta(s).data.forEach((bar, i) => set.data[i] !== null
          && pen.fillText(about(set.data[i]), bar.x + 5, bar.y)));
      pen.restore();
    },
  };

  const sets = chart => chart.series.map((s, i) => {
    const own = colour('s' + i % SERIES_COLOURS);
    if (chart.kind === 'BARS') {
      return { label: s.name, data: s.y, backgroundColor: own, borderColor: own, maxBarThickness: 26 };
    }
    return {
      label: s.name,
      data: place(chart.kind, s.x).map((x, n) => ({ x, y: s.y[n] })),
      borderColor: own,
      backgroundColor: own,
      borderWidth: 2,
      borderDash: DASHES[i % DASHES.length],
      pointRadius: s.x.length > FEW ? 0 : 2.5,
      pointHitRadius: 8,
      tension: 0,
    };
  });

  const where = chart => items => {
    const x = items[0].parsed.x;
    return chart.kind === 'BARS' ? items[0].label
      : chart.kind === 'PERCENTILES' ? percent(x) : about(x) + ' ' + chart.x;
  };

  const configuration = chart => ({
    type: chart.kind === 'BARS' ? 'bar' : 'line',
    data: { labels: chart.labels, datasets: sets(chart) },
    plugins: chart.kind === 'BARS' ? [values] : [],
    options: {
      animation: false,
      maintainAspectRatio: false,
      indexAxis: chart.kind === 'BARS' ? 'y' : 'x',
      interaction: { mode: chart.kind === 'BARS' ? 'index' : 'nearest', axis: chart.kind === 'BARS' ? 'y' : 'x',
        intersect: false },
      layout: { padding: { right: chart.kind === 'BARS' ? ROOM_FOR_VALUES : 8 } },
      scales: { x: across(chart), y: upward(chart) },
      plugins: {
        legend: {
          display: chart.series.some(s => s.name !== chart.y && s.name !== chart.title),
          align: 'start',
          labels: { color: colour('ink'), boxWidth: 28, boxHeight: chart.kind === 'BARS' ? 10 : 0 },
        },
        tooltip: {
          callbacks: {
            title: where(chart),
            label: item => `${item.dataset.label}: ${about(chart.kind === 'BARS' ? item.parsed.x : item.parsed.y)} ${chart.y}`,
          },
        },
      },
    },
  });

  let drawn = [];
  const draw = () => {
    drawn.forEach(c => c.destroy());
    Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
    drawn = charts.map((chart, i) => {
      const canvas = document.getElementById('chart-' + i);
      const box = canvas.parentElement;
      box.hidden = false;
      if (chart.kind === 'BARS') {
        const bars = chart.labels.length * chart.series.length;
        box.style.height = 90 + bars * 22 + chart.labels.length * 10 + 'px';
      }
      return new Chart(canvas, configuration(chart));
    });
  };

  draw();
  document.querySelectorAll('figure details').forEach(d => { d.open = false; });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw);

  // On paper it is light, and as wide as paper is.
  addEventListener('beforeprint', () => {
    document.documentElement.dataset.paper = '';
    draw();
    drawn.forEach(c => c.resize(660, c.height));
  });
  addEventListener('afterprint', () => {
    delete document.documentElement.dataset.paper;
    draw();
  });
})();
