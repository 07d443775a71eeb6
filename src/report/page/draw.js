// Drawing: SVG elements, scales, and the pictures that share a time axis. Nothing here keeps state;
// every picture is a function of the data and the stretch of time to be shown.
const data = JSON.parse(document.getElementById('data').textContent);

// ---- Words -------------------------------------------------------------------------------------

const seconds = (us, digits = 1) => (us / 1e6).toFixed(digits);
const count = (n) => Math.round(n).toString().replace(/\B(?=(\d{3})+$)/g, '\u202f');
const clock = (us, digits = 1) =>
  new Date(data.origin_ms + us / 1e3).toISOString().slice(11, 20 + digits).replace(/\.$/, '');

/** As `words::duration` spells it. */
function duration(us) {
  if (us < 10) return us ? '< 0.01 ms' : '0 ms';
  if (us < 9950) return `${(us / 1e3).toFixed(us < 995 ? 2 : 1)} ms`;
  if (us < 999500) return `${Math.round(us / 1e3)} ms`;
  if (us < 119949999) return `${(us / 1e6).toFixed(us < 9995000 ? 2 : 1)} s`;
  const whole = Math.round(us / 1e6);
  if (whole >= 7200) return `${Math.floor(whole / 3600)}h ${String(Math.floor((whole % 3600) / 60)).padStart(2, '0')}m`;
  return `${Math.floor(whole / 60)}m ${String(whole % 60).padStart(2, '0')}s`;
}

/** A quantile as the data holds it: null without data, -1 beyond the deadline. */
const quantile = (us) => (us === null || us === undefined ? '–' : us < 0 ? `> ${duration(data.deadline_us)}` : duration(us));

// ---- Elements ----------------------------------------------------------------------------------

function svg(name, attributes = {}, ...children) {
  const element = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

const text = (x, y, words, attributes = {}) => svg('text', { x: x.toFixed(1), y: y.toFixed(1), ...attributes }, words);
const box = (x, y, w, h) => `M${x.toFixed(1)} ${y.toFixed(1)}h${w.toFixed(1)}v${h.toFixed(1)}h${(-w).toFixed(1)}z`;
const titled = (element, words) => (element.append(svg('title', {}, words)), element);

/** One path for all boxes of a class: thousands of marks stay a handful of elements. */
function boxes(into, name, shapes) {
  if (shapes.length) into.append(svg('path', { class: name, d: shapes.join('') }));
}

let pictures = 0;

/** An empty picture with room for names on the left, clipped to its plot. */
function canvas(holder, height, left) {
  const width = Math.max(280, holder.clientWidth || 1000);
  const id = `plot${pictures++}`;
  const root = svg('svg', { viewBox: `0 0 ${width} ${height}`, width, height });
  const hatch = svg('pattern', { id: 'hatch', width: 6, height: 6, patternUnits: 'userSpaceOnUse', patternTransform: 'rotate(45)' },
    svg('line', { x1: 0, y1: 0, x2: 0, y2: 6, class: 'hatch-line' }));
  const clip = svg('clipPath', { id }, svg('rect', { x: left, y: 0, width: width - left, height }));
  root.append(svg('defs', {}, hatch, clip));
  const plot = svg('g', { 'clip-path': `url(#${id})` });
  root.append(plot);
  return { root, plot, width, height, left };
}

// ---- The time axis -----------------------------------------------------------------------------

/** The scale of a stretch [from, to) of the run on a picture. */
function scale(picture, from, to) {
  const wide = picture.width - picture.left;
  const x = (us) => picture.left + ((us - from) / (to - from)) * wide;
  return { ...picture, from, to, x, us: (px) => from + ((px - picture.left) / wide) * (to - from), px: wide / (to - from) };
}

function ticks(from, to, most) {
  const steps = [1e5, 2e5, 5e5, 1e6, 2e6, 5e6, 1e7, 1.5e7, 3e7, 6e7, 1.2e8, 3e8, 6e8, 9e8, 1.8e9, 3.6e9, 7.2e9, 1.44e10, 4.32e10];
  const step = steps.find((s) => (to - from) / s <= most) || 8.64e10;
  const all = [];
  for (let at = Math.ceil(from / step) * step; at <= to; at += step) all.push(at);
  return { all, digits: step < 1e6 ? 1 : 0 };
}

/** Seconds of the run above, the wall clock below. */
function timeAxis(plot, y, height) {
  const wide = plot.width - plot.left;
  const { all, digits } = ticks(plot.from, plot.to, Math.max(2, wide / 85));
  plot.plot.append(svg('path', { class: 'grid', d: all.map((at) => `M${plot.x(at).toFixed(1)} ${y + 26}V${height}`).join('') }));
  for (const at of all) {
    const x = plot.x(at);
    if (x > plot.left + 26 && x < plot.width - 26) {
      plot.plot.append(text(x, y + 10, `${seconds(at, digits)} s`, { 'text-anchor': 'middle', class: 'strong' }));
      plot.plot.append(text(x, y + 22, clock(at, digits ? 1 : -1), { 'text-anchor': 'middle' }));
    }
  }
}

// ---- Lanes -------------------------------------------------------------------------------------

function stepClass(step) {
  if (step.startsWith('stop')) return 'stop';
  if (step.startsWith('install') || step.startsWith('upgrade')) return 'install';
  if (step.startsWith('start') || step.startsWith('wait')) return 'start';
  return ['warm-up', 'baseline', 'settle', 'final', 'drain', 'watch', 'prepare', 'load'].includes(step) ? 'calm' : 'check';
}

/** Stretches with their names inside, as far as there is room. Each is {from, to, name, style, says}. */
function stretches(plot, y, h, spans) {
  for (const span of spans) {
    if (span.to < plot.from || span.from > plot.to) continue;
    const from = Math.max(plot.x(span.from), plot.left);
    const wide = Math.max(1.5, Math.min(plot.x(span.to), plot.width) - from);
    const mark = titled(svg('rect', { class: wide > 3 ? `${span.style} edge` : span.style, x: from.toFixed(1), y, width: wide.toFixed(1), height: h }), span.says || span.name);
    plot.plot.append(mark);
    if (span.bad) plot.plot.append(svg('rect', { class: 'gap', x: from.toFixed(1), y, width: wide.toFixed(1), height: h }));
    const room = Math.floor((wide - 6) / 6.2);
    const words = span.name.length <= room ? span.name : room >= 4 ? `${span.name.slice(0, room - 1)}…` : '';
    if (words) plot.plot.append(text(from + 4, y + h / 2 + 4, words, { class: 'on-step' === span.ink ? 'on-step' : 'strong' }));
  }
}

const phaseSpans = (zone) =>
  data.phases.filter((phase) => phase.zone === zone).map((phase) => ({
    from: phase.from,
    to: phase.to,
    name: phase.step + (phase.failed ? ' FAILED' : ''),
    bad: phase.failed,
    style: stepClass(phase.step),
    ink: ['stop', 'install', 'start'].includes(stepClass(phase.step)) ? 'on-step' : '',
    says: `${phase.label}: ${duration(phase.to - phase.from)} from ${seconds(phase.from)} s${phase.failed ? ', failed' : ''}`,
  }));

/** What observers saw: the version while a server answers, its state where it does not serve. */
function versionSpans(zone) {
  const versions = [...new Set(data.zones.flatMap((z) => z.changes.map((c) => c[2])).filter(Boolean))];
  const changes = data.zones[zone].changes;
  let known = '';
  const spans = [];
  for (const [at, state, version] of changes) {
    known = version || known;
    const serving = state === 'serving';
    const name = serving ? known : state;
    const last = spans[spans.length - 1];
    // Other things may have changed, such as how many members the node sees.
    if (last && last.name === name) continue;
    if (last) last.to = at;
    spans.push({
      from: at,
      to: data.end_us,
      name,
      bad: !serving && state !== 'stopped',
      style: serving ? `v${Math.min(versions.indexOf(known), 2)}` : 'calm',
      says: `${data.zones[zone].name}: ${state}${version ? `, ${version}` : ''} from ${seconds(at)} s`,
    });
  }
  return spans;
}

/** A thin line while every kind of probe succeeds, a block while any fails. */
function probes(plot, y, h, zone) {
  const { down, probed } = data.zones[zone];
  if (!probed) return void plot.plot.append(text(plot.left + 4, y + h - 2, 'not probed'));
  plot.plot.append(svg('rect', { class: 'up', x: plot.left, y: y + h / 2 - 1, width: plot.width - plot.left, height: 2 }));
  for (const [from, to, why] of down) {
    if (to < plot.from || from > plot.to) continue;
    const wide = Math.max(1.5, plot.x(to) - plot.x(from));
    plot.plot.append(titled(svg('rect', { class: 'down', x: plot.x(from).toFixed(1), y, width: wide.toFixed(1), height: h }),
      `${data.zones[zone].name} could not be reached for ${duration(to - from)} from ${seconds(from)} s: ${why}`));
  }
}

/** Marks, and beside them their lengths, the longest first, where these run into nothing. */
function marks(plot, y, h, lane) {
  const seen = lane.marks.filter((mark) => mark.to >= plot.from && mark.from <= plot.to).map((mark) => {
    const left = plot.x(mark.from);
    return { ...mark, left, right: Math.max(left + 2, plot.x(mark.to)) };
  });
  for (const { left, right, says } of seen) {
    const shape = { class: 'gap-mark', x: left.toFixed(1), y: y + 2, width: (right - left).toFixed(1), height: h - 4 };
    plot.plot.append(titled(svg('rect', shape), says));
  }
  const taken = seen.map(({ left, right }) => [left, right]);
  const free = ([from, to]) => from >= plot.left && to <= plot.width && taken.every(([left, right]) => to <= left || from >= right);
  for (const { label, left, right } of seen.sort((a, b) => b.to - b.from - (a.to - a.from))) {
    const long = label.length * 6.5 + 3;
    const place = [[right, right + long], [left - long, left]].find(free);
    if (!place) continue;
    const after = place[0] === right;
    const at = { class: 'strong', 'text-anchor': after ? 'start' : 'end' };
    plot.plot.append(text(after ? right + 3 : left - 3, y + h - 4, label, at));
    taken.push(place);
  }
}

/** The tool's own health: its longest delay in each second, and what it sent late. */
function toolHealth(plot, y, h) {
  const { width_us, stalls, late } = data.tool;
  const most = Math.max(50000, ...stalls);
  const quiet = [], loud = [];
  for (let i = Math.max(0, Math.floor(plot.from / width_us)); i < stalls.length && i * width_us < plot.to; i++) {
    if (!stalls[i] && !late[i]) continue;
    // A root keeps the everyday millisecond visible beside a stall of seconds.
    const tall = Math.max(1, h * Math.sqrt(stalls[i] / most));
    const shape = box(plot.x(i * width_us), y + h - tall, Math.max(1, width_us * plot.px - 0.5), tall);
    (stalls[i] >= 50000 || late[i] ? loud : quiet).push(shape);
  }
  boxes(plot.plot, 'tool', quiet);
  boxes(plot.plot, 'failed', loud);
}

// ---- Charts ------------------------------------------------------------------------------------

/** Offered, completed and failed a second. Slices are summed until each is wide enough to be seen. */
function throughput(plot, y, h, least_us) {
  const { width_us, offered, completed, failed } = data.flows;
  const wanted = Math.max(least_us, 2 / plot.px, width_us);
  const each = Math.ceil(wanted / width_us - 1e-9);
  const step = each * width_us;
  const first = Math.max(0, Math.floor(plot.from / step));
  const last = Math.min(Math.ceil(plot.to / step), Math.ceil(offered.length / each));
  const rows = [];
  let [demand, peak] = [0, 0];
  for (let i = first; i < last; i++) {
    const sum = [0, 0, 0];
    const until = Math.min(offered.length, (i + 1) * each);
    for (let k = i * each; k < until; k++) {
      sum[0] += offered[k];
      sum[1] += completed[k];
      sum[2] += failed[k];
    }
    const span_us = Math.max(1, Math.min((i + 1) * step, data.end_us) - i * step);
    rows.push([i * step, ...sum.map((n) => (n * 1e6) / span_us)]);
    demand = Math.max(demand, rows[rows.length - 1][1]);
    peak = Math.max(peak, ...rows[rows.length - 1].slice(1));
  }
  // A backlog worked off at once would flatten all the rest: its peak is written, not drawn.
  const top = niceTop(Math.min(peak, Math.max(demand * 1.6, 1)));
  const at = (rate) => y + h - (Math.min(rate, top) / top) * h;
  grid(plot, y, h, [0, top / 2, top].map((rate) => [at(rate), `${count(rate)}/s`]));
  const done = [], bad = [], none = [];
  const over = rows.filter((row) => row[2] > top || row[3] > top).sort((a, b) => b[2] - a[2])[0];
  let line = '';
  rows.forEach(([start, due, good, not], index) => {
    const from = plot.x(start);
    const wide = plot.x(index + 1 < rows.length ? rows[index + 1][0] : Math.min(start + step, data.end_us)) - from;
    if (good > 0) done.push(box(from, at(good), wide, y + h - at(good)));
    if (not > 0) bad.push(box(from, at(not), wide, y + h - at(not)));
    if (due > 0 && good === 0 && step >= 1e6) none.push(`M${from.toFixed(1)} ${y + h - 1}h${wide.toFixed(1)}`);
    line += `${line ? 'L' : 'M'}${from.toFixed(1)} ${at(due).toFixed(1)}h${wide.toFixed(1)}`;
  });
  boxes(plot.plot, 'completed', done);
  boxes(plot.plot, 'failed', bad);
  if (over) {
    const x = plot.x(over[0] + step / 2);
    const late = x > plot.width - 70;
    plot.plot.append(text(x + (late ? -6 : 6), y + 10, `▲ ${count(Math.max(over[2], over[3]))}/s`, { class: 'strong halo', 'text-anchor': late ? 'end' : 'start' }));
  }
  plot.plot.append(svg('path', { class: 'offered', d: line }), svg('path', { class: 'nothing', d: none.join('') }));
}

function niceTop(most) {
  const power = 10 ** Math.floor(Math.log10(Math.max(most, 1)));
  return [1, 2, 3, 4, 5, 6, 8, 10].map((n) => n * power).find((n) => n >= most) || 10 * power;
}

function grid(plot, y, h, lines) {
  const d = lines.map(([at]) => `M${plot.left} ${at.toFixed(1)}H${plot.width}`).join('');
  plot.plot.append(svg('path', { class: 'grid', d }));
  for (const [at, words] of lines) {
    // Without a margin the words stand under their line, and none below the last.
    const inside = plot.left < 30;
    if (inside && at >= y + h - 1) continue;
    plot.root.append(text(inside ? plot.left + 2 : plot.left - 6, inside ? at + 11 : at + 4, words, { class: 'halo', 'text-anchor': inside ? 'start' : 'end' }));
  }
}

const BAND = 18;

/** Where a response time stands: a logarithmic axis up to the deadline D, and a band for all that is beyond. */
function latencyScale(y, h) {
  const least = Math.log(Math.max(1, data.latency.rows_us[0] || 100));
  const most = Math.log(data.deadline_us);
  return (us) => (us < 0 ? y + BAND / 2 : y + h - ((Math.log(Math.max(us, 1)) - least) / (most - least)) * (h - BAND));
}

function latencyGrid(plot, y, h, at) {
  const lines = [];
  for (let power = 1; power <= 1e9; power *= 10) {
    if (at(power) <= y + h && at(power) > y + BAND + 8) lines.push([at(power), duration(power).replace(/\.0+ /, ' ')]);
  }
  lines.push([y + BAND, `> ${duration(data.deadline_us).replace(/\.0+ /, ' ')}`]);
  grid(plot, y, h, lines);
  plot.plot.append(svg('path', { class: 'deadline', d: `M${plot.left} ${y + BAND}H${plot.width}` }));
}

/** Every transaction stands at the second it was due, in the row of its response time. */
function latency(plot, y, h) {
  const { width_us, first_row, rows_us, cells, beyond, p50, p99, max } = data.latency;
  const at = latencyScale(y, h);
  const each = Math.max(1, Math.ceil(2 / (plot.px * width_us)));
  const levels = [[], [], [], [], [], []];
  const over = [];
  const first = Math.max(0, Math.floor(plot.from / width_us / each));
  const columns = [];
  let most = 1;
  for (let i = first; i * each < cells.length && i * each * width_us < plot.to; i++) {
    const column = new Map();
    let lost = 0;
    for (let k = i * each; k < Math.min(cells.length, (i + 1) * each); k++) {
      for (let c = 0; c < cells[k].length; c += 2) {
        const sum = (column.get(cells[k][c]) || 0) + cells[k][c + 1];
        column.set(cells[k][c], sum);
        most = Math.max(most, sum);
      }
      lost += beyond[k];
    }
    columns.push([i * each, column, lost]);
  }
  for (const [k, column, lost] of columns) {
    const from = plot.x(k * width_us);
    const wide = each * width_us * plot.px + 0.4;
    for (const [row, n] of column) {
      const top = at(Math.min(rows_us[row - first_row + 1], data.deadline_us));
      const level = Math.min(5, Math.floor((6 * Math.log(1 + n)) / Math.log(2 + most)));
      levels[level].push(box(from, top, wide, Math.max(0.6, at(rows_us[row - first_row]) - top)));
    }
    if (lost) over.push(box(from, y + 2, Math.max(1.5, wide), BAND - 4));
  }
  levels.forEach((shapes, level) => boxes(plot.plot, `h${level + 1}`, shapes));
  latencyGrid(plot, y, h, at);
  boxes(plot.plot, 'over', over);
  line(plot, 'p99', p99, width_us, at);
  line(plot, 'median', p50, width_us, at);
  dots(plot, max, width_us, at);
}

function line(plot, style, values, width_us, at) {
  let d = '', pen = 'M';
  for (let i = Math.max(0, Math.floor(plot.from / width_us) - 1); i < values.length && (i - 1) * width_us < plot.to; i++) {
    if (values[i] === null) pen = 'M';
    else {
      d += `${pen}${plot.x((i + 0.5) * width_us).toFixed(1)} ${at(values[i]).toFixed(1)}`;
      pen = 'L';
    }
  }
  // An edge in the paper's colour tells the line from the darkest of what lies under it.
  plot.plot.append(svg('path', { class: 'under', d }), svg('path', { class: style, d }));
}

function dots(plot, values, width_us, at) {
  if (width_us * plot.px < 3) return;
  let d = '';
  for (let i = Math.max(0, Math.floor(plot.from / width_us)); i < values.length && i * width_us < plot.to; i++) {
    if (values[i] !== null) d += `M${(plot.x((i + 0.5) * width_us) - 3).toFixed(1)} ${at(values[i]).toFixed(1)}h6`;
  }
  plot.plot.append(svg('path', { class: 'max', d }));
}

/** One row a class: marks as tall as the root of how many there were. */
function errors(plot, y, h, index) {
  const { width_us } = data.latency;
  const { counts } = data.errors[index];
  let most = 1;
  for (let c = 1; c < counts.length; c += 2) most = Math.max(most, counts[c]);
  const shapes = [];
  for (let c = 0; c < counts.length; c += 2) {
    const tall = Math.max(2, h * Math.sqrt(counts[c + 1] / most));
    shapes.push(box(plot.x(counts[c] * width_us), y + h - tall, Math.max(2, width_us * plot.px - 0.5), tall));
  }
  boxes(plot.plot, 'failed', shapes);
  plot.plot.append(svg('path', { class: 'grid', d: `M${plot.left} ${y + h}H${plot.width}` }));
}
