// The page: what is on the timeline, what is shown of it, and what hands and keys do to it.

const timeline = document.getElementById('timeline');
const readout = document.getElementById('readout');
const LEAST_US = 500000;

// ---- The stretch in view -----------------------------------------------------------------------

const view = { from: 0, to: data.end_us };
/** The moment a link led to, if one did. */
let focus = null;

function show(from, to) {
  const wide = Math.min(Math.max(to - from, Math.min(LEAST_US, data.end_us)), data.end_us);
  const middle = (from + to) / 2;
  view.from = Math.min(Math.max(0, middle - wide / 2), data.end_us - wide);
  view.to = view.from + wide;
  drawTimeline();
}

function zoom(factor, around = (view.from + view.to) / 2) {
  const wide = Math.min((view.to - view.from) * factor, data.end_us);
  const share = (around - view.from) / (view.to - view.from);
  show(around - wide * share, around + wide * (1 - share));
}

const pan = (share) => {
  const by = (view.to - view.from) * share;
  const within = Math.min(Math.max(by, -view.from), data.end_us - view.to);
  show(view.from + within, view.to + within);
};

// ---- What is on the timeline -------------------------------------------------------------------

const THROUGHPUT_KEY = [['offered', 'offered', 'line'], ['completed', 'completed', 'box'], ['failed', 'failed or late', 'box']];
const LATENCY_KEY = [['median', 'p50', 'line'], ['p99', 'p99', 'line'], ['max', 'slowest', 'line'], ['h4', 'deeper: more transactions', 'box'], ['over', 'beyond the deadline', 'box']];

/**
 * Every lane and chart from top to bottom: its name, its height, and how it is drawn. One that has
 * a `head` begins a group and stands apart; a `key` or a `title` has a line of its own above.
 */
function parts() {
  const all = [];
  const add = (name, height, draw, more = {}) => all.push({ name, height, draw, ...more });
  add('run', 18, (p, y, h) => stretches(p, y, h, phaseSpans(null)));
  data.zones.forEach((zone, id) => {
    add(zone.name, 18, (p, y, h) => stretches(p, y, h, phaseSpans(id)), { head: true });
    add('version', 16, (p, y, h) => stretches(p, y, h, versionSpans(id)), { under: true });
    add('probes', 10, (p, y, h) => probes(p, y, h, id), { under: true });
  });
  data.lanes.forEach((lane, index) => add(lane.name, 18, (p, y, h) => marks(p, y, h, lane), { head: index === 0 }));
  add('tool’s own delay', 18, toolHealth);
  // Slices of less than a second are noise until there is room to see them.
  const least_us = (plot) => (plot.to - plot.from > 3e7 ? 1e6 : 0);
  add('throughput', 120, (p, y, h) => throughput(p, y, h, least_us(p)), { head: true, key: THROUGHPUT_KEY });
  add('response time', 180, latency, { head: true, key: LATENCY_KEY });
  data.errors.forEach((of, index) => {
    const first = index === 0 && { head: true, title: 'errors by class' };
    add(`${of.name}  ${count(of.total)}`, 16, (p, y, h) => errors(p, y, h, index), { ...first });
  });
  return all;
}

/** The entries of a key in as many rows as they need. */
function keyRows(entries, wide) {
  const rows = [[]];
  let x = 2;
  for (const entry of entries) {
    const takes = 34 + entry[1].length * 6.3;
    if (x + takes - 16 > wide && x > 2) {
      rows.push([]);
      x = 2;
    }
    rows[rows.length - 1].push([x, ...entry]);
    x += takes;
  }
  return rows;
}

/** A key; its last row stands at y. */
function key(plot, y, entries) {
  const rows = keyRows(entries, plot.width - plot.left);
  rows.forEach((row, index) => {
    const at = y - KEY_ROW * (rows.length - 1 - index);
    for (const [from, style, words, form] of row) {
      const x = plot.left + from;
      const mark = form === 'box' ? svg('rect', { class: style, x, y: at - 8, width: 12, height: 8 }) : svg('path', { class: style, d: `M${x} ${at - 4}h14` });
      plot.root.append(mark, text(x + 18, at, words, { class: 'strong' }));
    }
  });
}

const KEY_ROW = 16;
const GUTTER = 132;
const TOP = 28;

/** Gives every part its place; answers where the last one ends. */
function place(all, narrow, wide) {
  let y = TOP + 4;
  for (const part of all) {
    y += part.head ? 10 : 3;
    if (part.key || part.title) y += 18;
    if (part.key) y += KEY_ROW * (keyRows(part.key, wide).length - 1);
    if (narrow && !part.key && !part.under) y += 14;
    part.y = y;
    y += part.height;
  }
  return y;
}

/** A part's name: in the margin or, on a narrow screen that has none, above its lane. */
function caption(plot, part, narrow) {
  if (part.title) plot.root.append(text(0, part.y - (narrow ? 20 : 8), part.title, { class: 'name' }));
  if (part.key) {
    if (!narrow) plot.root.append(text(0, part.y - 8, part.name, { class: 'name' }));
    key(plot, part.y - 8, part.key);
  } else if (!narrow) {
    const style = part.head && !part.title ? 'name' : '';
    plot.root.append(text(part.under ? 12 : 0, part.y + part.height / 2 + 4, part.name, { class: style }));
  } else if (!part.under) {
    plot.root.append(text(0, part.y - 4, part.name, { class: part.head && !part.title ? 'name' : '' }));
  }
}

function drawTimeline() {
  const narrow = timeline.clientWidth > 0 && timeline.clientWidth < 640;
  const all = parts();
  const left = narrow ? 0 : GUTTER;
  const bottom = place(all, narrow, timeline.clientWidth - left);
  const plot = scale(canvas(timeline, bottom + 6, left), view.from, view.to);
  for (const gap of data.gaps) {
    if (gap.to < view.from || gap.from > view.to) continue;
    const [from, to] = [plot.x(gap.from), plot.x(gap.to)];
    plot.plot.append(svg('rect', { class: 'band', x: from.toFixed(1), y: TOP, width: Math.max(1, to - from).toFixed(1), height: bottom - TOP }));
  }
  timeAxis(plot, 0, bottom);
  for (const part of all) {
    part.draw(plot, part.y, part.height);
    caption(plot, part, narrow);
  }
  if (focus) drawFocus(plot, bottom);
  const selection = svg('rect', { class: 'selection', id: 'selection', y: TOP, height: bottom - TOP, width: 0 });
  plot.root.append(svg('path', { class: 'cursor', id: 'cursor' }), selection);
  timeline.replaceChildren(plot.root);
  timeline.plot = { ...plot, bottom };
  timeline.dataset.from = Math.round(view.from);
  timeline.dataset.to = Math.round(view.to);
}

function drawFocus(plot, bottom) {
  const [from, to] = [plot.x(focus[0]), plot.x(focus[1])];
  plot.plot.append(svg('rect', { class: 'focus', x: from.toFixed(1), y: TOP, width: Math.max(1, to - from).toFixed(1), height: bottom - TOP }));
  plot.plot.append(svg('path', { class: 'focus-edge', d: `M${from.toFixed(1)} ${TOP}V${bottom}M${to.toFixed(1)} ${TOP}V${bottom}` }));
}

// ---- Reading a moment --------------------------------------------------------------------------

function read(at) {
  const phase = data.phases.find((p) => p.from <= at && at < p.to);
  const second = Math.min(Math.floor(at / data.latency.width_us), data.latency.p50.length - 1);
  const each = Math.max(1, Math.round(1e6 / data.flows.width_us));
  const start = Math.floor(Math.floor(at / data.flows.width_us) / each) * each;
  const sum = (values) => values.slice(start, start + each).reduce((a, b) => a + b, 0);
  const { offered, completed, failed, width_us } = data.flows;
  const per = each * width_us === 1e6 ? 'this second' : `in ${duration(each * width_us)}`;
  return `${seconds(at)} s · ${clock(at)} UTC · ${phase ? phase.label : ''} · ${per}: offered ${count(sum(offered))}, completed ${count(sum(completed))}, failed ${count(sum(failed))} · p50 ${quantile(data.latency.p50[second])}, p99 ${quantile(data.latency.p99[second])}, slowest ${quantile(data.latency.max[second])}`;
}

function point(px) {
  const { plot } = timeline;
  const at = plot.us(px);
  if (px < plot.left || at < 0 || at >= data.end_us) return;
  document.getElementById('cursor').setAttribute('d', `M${px.toFixed(1)} ${TOP}V${plot.bottom}`);
  readout.textContent = read(at);
}

// ---- Links to a moment -------------------------------------------------------------------------

/** `#t=38.806-39.218`: that stretch in seconds of the run, with some time around it. */
function follow() {
  const found = /^#t=([\d.]+)-([\d.]+)$/.exec(location.hash);
  if (!found) return;
  focus = [Number(found[1]) * 1e6, Number(found[2]) * 1e6];
  const around = Math.max(5e6, (focus[1] - focus[0]) * 0.5);
  show(focus[0] - around, focus[1] + around);
  readout.textContent = read(Math.min(focus[0], data.end_us - 1));
  document.getElementById('timeline-section').scrollIntoView({ block: 'start' });
  timeline.focus({ preventScroll: true });
}

// ---- Hands and keys ----------------------------------------------------------------------------

const actions = {
  in: () => zoom(0.5),
  out: () => zoom(2),
  left: () => pan(-0.3),
  right: () => pan(0.3),
  all: () => {
    focus = null;
    history.replaceState(null, '', location.pathname + location.search);
    show(0, data.end_us);
  },
};
const keys = { '+': 'in', '=': 'in', '-': 'out', _: 'out', ArrowLeft: 'left', ArrowRight: 'right', 0: 'all', Home: 'all' };

/** Without a pointer, the middle of what is shown is what is read. */
function act(name) {
  actions[name]();
  readout.textContent = read((view.from + view.to) / 2);
}

for (const button of document.querySelectorAll('[data-do]')) button.addEventListener('click', () => act(button.dataset.do));
timeline.addEventListener('keydown', (event) => {
  const name = keys[event.key];
  if (!name || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  act(name);
});
timeline.addEventListener('dblclick', () => actions.all());

const pxOf = (event) => ((event.clientX - timeline.getBoundingClientRect().left) / timeline.clientWidth) * timeline.plot.width;

timeline.addEventListener('wheel', (event) => {
  // The wheel alone scrolls the page; with Ctrl, as a pinch on a touch pad sends it, it zooms.
  if (event.ctrlKey || event.metaKey) zoom(event.deltaY > 0 ? 1.25 : 0.8, timeline.plot.us(pxOf(event)));
  else if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) pan(event.deltaX / 800);
  else return;
  event.preventDefault();
}, { passive: false });

const hands = new Map();
let grip = null;

function grasp() {
  const all = [...hands.values()];
  grip = all.length ? { hands: all, from: view.from, to: view.to, us: all.map((px) => timeline.plot.us(px)) } : null;
}

timeline.addEventListener('pointerdown', (event) => {
  if (event.button !== 0) return;
  hands.set(event.pointerId, pxOf(event));
  if (event.pointerType === 'mouse') timeline.setPointerCapture(event.pointerId);
  grasp();
});

timeline.addEventListener('pointermove', (event) => {
  const px = pxOf(event);
  point(px);
  if (!hands.has(event.pointerId)) return;
  hands.set(event.pointerId, px);
  const now = [...hands.values()];
  if (event.pointerType === 'mouse') {
    const [from, to] = [Math.min(grip.hands[0], px), Math.max(grip.hands[0], px)];
    const selection = document.getElementById('selection');
    selection.setAttribute('x', Math.max(from, timeline.plot.left));
    selection.setAttribute('width', Math.max(0, to - Math.max(from, timeline.plot.left)));
  } else if (now.length === 1) {
    const by = grip.us[0] - timeline.plot.us(px);
    show(view.from + by, view.to + by);
  } else {
    // Two fingers keep hold of the two moments they took.
    const [a, b] = grip.us;
    const us_per_px = Math.abs(b - a) / Math.max(20, Math.abs(now[1] - now[0]));
    const wide = us_per_px * (timeline.plot.width - timeline.plot.left);
    const from = Math.min(a, b) - (Math.min(...now) - timeline.plot.left) * us_per_px;
    show(from, from + wide);
  }
});

function release(event) {
  const began = hands.get(event.pointerId) !== undefined && grip ? grip.hands[0] : null;
  hands.delete(event.pointerId);
  if (event.type === 'pointerup' && event.pointerType === 'mouse' && began !== null && Math.abs(pxOf(event) - began) > 4) {
    const [a, b] = [timeline.plot.us(began), timeline.plot.us(pxOf(event))];
    show(Math.max(Math.min(a, b), view.from), Math.min(Math.max(a, b), view.to));
  }
  grasp();
}
timeline.addEventListener('pointerup', release);
timeline.addEventListener('pointercancel', release);

// ---- A zone's gap, close up --------------------------------------------------------------------

function drawCloseUp(holder) {
  const zone = Number(holder.dataset.zone);
  const picture = canvas(holder, 158, 48);
  const plot = scale(picture, Number(holder.dataset.from), Math.min(Number(holder.dataset.to), data.end_us));
  timeAxis(plot, 0, 152);
  stretches(plot, 28, 16, phaseSpans(zone));
  probes(plot, 47, 8, zone);
  for (const gap of data.gaps) {
    const wide = Math.max(2, plot.x(gap.to) - plot.x(gap.from));
    if (gap.to > plot.from && gap.from < plot.to) plot.plot.append(svg('rect', { class: 'gap', x: plot.x(gap.from).toFixed(1), y: 58, width: wide.toFixed(1), height: 92 }));
  }
  throughput(plot, 60, 90, Math.max(200000, data.flows.width_us));
  holder.replaceChildren(picture.root);
}

// ---- Percentile curves -------------------------------------------------------------------------

const INKS = ['--fg', '--completed', '--ink-stop', '--good', '--ink-install', '--ink-start', '--muted', '--failed'];
const DASHES = ['none', '9 3', '2 3', '6 3 2 3', '14 4', '4 2', '1 2'];
const shown = new Set(data.curves.flatMap((curve, index) => (curve.shown ? [index] : [])));

function drawCurves() {
  const holder = document.getElementById('curves');
  const [top, h] = [26, 240];
  const picture = canvas(holder, top + h + 24, 60);
  const right = picture.width < 640 ? 8 : 170;
  const at = latencyScale(top, h);
  const plot = { ...picture, width: picture.width - right };
  const shares = data.shares;
  // Each nine takes as much room as the one before.
  const nines = (share) => -Math.log10(1 - Math.min(share, 0.99995));
  const x = (share) => plot.left + (nines(share) / nines(1)) * (plot.width - plot.left);
  latencyGrid(plot, top, h, at);
  for (const [share, words] of [[0, 'min'], [0.5, 'p50'], [0.9, 'p90'], [0.99, 'p99'], [0.999, 'p99.9'], [0.9999, 'p99.99']]) {
    plot.plot.append(svg('path', { class: 'grid', d: `M${x(share).toFixed(1)} ${top}V${top + h}` }));
    plot.root.append(text(x(share), top + h + 14, words, { 'text-anchor': 'middle' }));
  }
  const ends = [];
  for (const index of shown) {
    const { label, us } = data.curves[index];
    const d = us.map((value, i) => `${i ? 'L' : 'M'}${x(shares[i]).toFixed(1)} ${at(value).toFixed(1)}`).join('');
    const style = `stroke: var(${INKS[index % INKS.length]}); stroke-dasharray: ${DASHES[index % DASHES.length]}`;
    plot.plot.append(titled(svg('path', { class: 'curve', d, style }), label));
    ends.push({ label, x: x(shares[us.length - 1]), y: at(us[us.length - 1]) });
  }
  if (right > 8) placeEnds(picture, ends, plot.width);
  holder.replaceChildren(picture.root);
}

/** Names beside the ends of their curves, none over another. */
function placeEnds(picture, ends, edge) {
  let free = 0;
  for (const end of ends.sort((a, b) => a.y - b.y)) {
    const y = Math.max(end.y, free);
    free = y + 13;
    picture.root.append(svg('path', { class: 'grid', d: `M${end.x.toFixed(1)} ${end.y.toFixed(1)}L${edge + 4} ${y.toFixed(1)}` }));
    picture.root.append(text(edge + 8, y + 4, end.label, { class: 'strong' }));
  }
}

function curveButtons() {
  const [first, others] = ['curve-buttons', 'more-curves'].map((id) => document.getElementById(id));
  data.curves.forEach((curve, index) => {
    const button = document.createElement('button');
    const press = () => button.setAttribute('aria-pressed', shown.has(index));
    button.type = 'button';
    button.textContent = curve.label;
    button.addEventListener('click', () => {
      if (!shown.delete(index)) shown.add(index);
      press();
      drawCurves();
    });
    press();
    (curve.shown ? first : others).append(button);
  });
}

// ---- Figures -----------------------------------------------------------------------------------

/** Keeps every figure and its unit on one line; what may be copied stays as it is. */
function keepFigures() {
  const words = document.createTreeWalker(document.querySelector('main'), NodeFilter.SHOW_TEXT);
  while (words.nextNode()) {
    const node = words.currentNode;
    if (!node.parentElement.closest('pre, code')) node.data = node.data.replace(/(\d) (?=\d{3}(?!\d)|m?s\b|%)/g, '$1\u00a0');
  }
}

// ---- All of it ---------------------------------------------------------------------------------

function draw() {
  drawTimeline();
  document.querySelectorAll('.close-up').forEach(drawCloseUp);
  drawCurves();
}

let drawn = 0;
window.addEventListener('resize', () => {
  // A phone's address bar comes and goes without a change in width.
  if (timeline.clientWidth === drawn) return;
  drawn = timeline.clientWidth;
  draw();
});
// What is folded away on a screen is gone on paper.
window.addEventListener('beforeprint', () => document.querySelectorAll('details:not(.choice)').forEach((details) => (details.open = true)));
window.addEventListener('hashchange', follow);
document.addEventListener('click', (event) => {
  // A link to the moment already in the address changes nothing there, but may after a zoom.
  const link = event.target.closest('a.moment');
  if (link && link.getAttribute('href') === location.hash) follow();
});
keepFigures();
curveButtons();
drawn = timeline.clientWidth;
draw();
follow();
