// Draws the options that the page brings with Apache ECharts, in the colours of the theme and the numbers of the language.
"use strict";
document.addEventListener("DOMContentLoaded", () => {
  const lang = document.documentElement.lang;
  const plain = new Intl.NumberFormat(lang, { maximumFractionDigits: 2 });
  const short = new Intl.NumberFormat(lang, { notation: "compact", maximumFractionDigits: 1 });
  const share = new Intl.NumberFormat(lang, { style: "percent", maximumFractionDigits: 1 });
  const whole = new Intl.NumberFormat(lang, { style: "percent", maximumFractionDigits: 0 });
  const rubles = new Intl.NumberFormat(lang, { style: "currency", currency: "RUB", maximumFractionDigits: 0 });
  const write = (unit) => (value) =>
    value === null || value === undefined || value === "-" ? "–"
      : Array.isArray(value) ? value.slice(1).map(write(unit)).join(" – ")
        : unit === "share" ? share.format(value) : unit === "rub" ? rubles.format(value) : plain.format(value);

  const probe = document.createElement("i");
  probe.hidden = true;
  document.body.append(probe);
  // a computed style costs a pass over the page's styles: each colour once, until the theme changes
  const known = new Map();
  const colour = (name) => {
    if (!known.has(name)) {
      probe.style.color = `var(${name})`;
      known.set(name, getComputedStyle(probe).color);
    }
    return known.get(name);
  };
  const { fontFamily } = getComputedStyle(document.body);
  const coloured = (value) =>
    typeof value === "string" && value.startsWith("--") ? colour(value)
      : Array.isArray(value) ? value.map(coloured)
        : value && typeof value === "object" ? Object.fromEntries(Object.entries(value).map(([k, v]) => [k, coloured(v)]))
          : value;

  const interval = (params, api) => {
    const low = api.coord([api.value(0), api.value(1)]), high = api.coord([api.value(0), api.value(2)]);
    if (!Number.isFinite(low[1]) || !Number.isFinite(high[1])) return null;
    const line = (x1, y1, x2, y2) => ({ type: "line", shape: { x1, y1, x2, y2 }, style: { stroke: api.visual("color"), lineWidth: 2 } });
    return { type: "group", children: [line(low[0], low[1], high[0], high[1]), line(low[0] - 5, low[1], low[0] + 5, low[1]), line(high[0] - 5, high[1], high[0] + 5, high[1])] };
  };

  const axis = (one, unit, ink, line, flat) => ({
    ...one,
    axisLabel: { color: ink, hideOverlap: true, ...(one.type === "value" ? { formatter: (v) => ((one.unit || unit) === "share" ? whole.format(v) : short.format(v)) } : {}) },
    axisLine: { lineStyle: { color: line }, ...one.axisLine },
    splitLine: { lineStyle: { color: line, opacity: 0.6 }, ...one.splitLine },
    ...(one.splitArea ? { splitArea: { show: false } } : {}),
    ...(flat && one.type === "category" ? { axisLabel: { color: ink, width: 170, overflow: "truncate" } } : {}),
  });

  const option = (given) => {
    const ink = colour("--soft"), line = colour("--line"), unit = given.unit;
    const made = coloured(given);
    const flat = given.rows !== undefined;
    made.animation = false;
    made.aria = { enabled: false };
    made.textStyle = { fontFamily };
    made.legend = { ...made.legend, textStyle: { color: ink }, type: "scroll" };
    made.tooltip = { trigger: made.visualMap ? "item" : "axis", axisPointer: { type: "shadow" }, confine: true, backgroundColor: colour("--card"), borderColor: line, textStyle: { color: colour("--ink") } };
    for (const name of ["xAxis", "yAxis"]) made[name] = [].concat(made[name]).map((one) => axis(one, unit, ink, line, flat));
    made.series = made.series.map((one) => ({
      ...one,
      ...(one.render === "interval" ? { renderItem: interval } : {}),
      tooltip: { valueFormatter: write(one.unit || unit) },
      ...(one.label ? { label: { color: ink, ...one.label, formatter: (p) => write(unit)(one.label.heat ? p.value[2] : p.value) } } : {}),
    }));
    if (made.visualMap) {
      made.visualMap = { ...made.visualMap, textStyle: { color: ink }, formatter: write(unit), itemWidth: 12, itemHeight: 160, text: [write(unit)(made.visualMap.max), write(unit)(made.visualMap.min)] };
      made.series[0].label.fontSize = 11;
      made.series[0].label.color = colour("--ink");
      made.tooltip.formatter = (p) => `${made.yAxis[0].data[p.value[1]]} ${made.xAxis[0].data[p.value[0]]}: ≥ ${write(unit)(p.value[2])}`;
    }
    return made;
  };

  // all sizes are read before anything is drawn, so that the page is laid out once and not once a chart
  const charts = [...document.querySelectorAll("script[data-chart]")].map((script) => {
    const place = document.getElementById(script.dataset.chart), given = JSON.parse(script.textContent);
    if (given.rows) place.style.flexBasis = place.style.minHeight = `${Math.max(120, given.rows * 30 + 24)}px`;
    return { place, given, option: option(given) };
  });
  const sizes = charts.map(({ place }) => ({ width: place.clientWidth, height: place.clientHeight }));
  const drawn = charts.map(({ place, given, option: first }, number) => {
    const chart = echarts.init(place, null, { renderer: "svg", ...sizes[number] });
    chart.setOption(first);
    new ResizeObserver(() => {
      if (place.clientWidth !== chart.getWidth() || place.clientHeight !== chart.getHeight()) chart.resize({ width: "auto", height: "auto" });
    }).observe(place);
    return [chart, given];
  });
  document.addEventListener("theme", () => { known.clear(); for (const [chart, given] of drawn) chart.setOption(option(given), true); });
  document.documentElement.dataset.drawn = String(drawn.length);
});
