//! Everything, from 72 columns and 20 rows on.

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{
    Block, Borders, Paragraph, RenderDirection, Sparkline, SparklineBar, Widget,
};

use super::{Screen, Style, parts};
use crate::event::ZoneState;
use crate::live::{Quantiles, Second, View, ZoneNow, words};

/// Columns of the figures beside a chart.
const FIGURES: u16 = 23;
/// The foot of a column that is bad, and all of one without a height.
const BAD: &str = "×";
/// Objectives and error classes that have room beside each other.
const LISTED_MIN: usize = 5;
const LISTED_MAX: usize = 12;

pub(super) fn render(screen: &Screen<'_>, area: Rect, buffer: &mut Buffer) {
    let view = screen.view;
    // What a tall terminal has to spare goes to charts, zones and lists first, then to the log.
    let spare = area.height.saturating_sub(24);
    let zones_max = 3 + usize::from(spare / 3);
    let zone_rows = view.zones.len().min(zones_max) as u16;
    let chart_rows = 4 + (spare / 4).min(6);
    let wanted = view.objectives.len().max(view.errors.len()).clamp(LISTED_MIN, LISTED_MAX) as u16;
    let list_rows = wanted.min(LISTED_MIN as u16 + spare / 2);
    let [title, phase, zones, load, gaps, lists, log, footer] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Length(1 + zone_rows),
        Constraint::Length(1 + chart_rows),
        Constraint::Length(2),
        Constraint::Length(1 + list_rows),
        Constraint::Fill(1),
        Constraint::Length(1),
    ])
    .areas(area);
    parts::title(screen, title, buffer);
    parts::phase(screen).render(phase, buffer);
    render_zones(screen, section("Zones", screen, zones, buffer), buffer);
    let [rates, latency] = beside(load);
    let things = if view.subject.loads { "Chunks a second" } else { "Transactions a second" };
    render_rates(screen, section(things, screen, rates, buffer), buffer);
    render_latency(screen, section("Response time", screen, latency, buffer), buffer);
    let inside = section("Write gaps", screen, gaps, buffer);
    parts::gap(view, screen.style).render(inside, buffer);
    let [objectives, errors] = beside(lists);
    render_objectives(screen, section("Objectives so far", screen, objectives, buffer), buffer);
    render_errors(screen, section("Errors by class", screen, errors, buffer), buffer);
    parts::log(screen, section("Log", screen, log, buffer), buffer);
    parts::footer(screen).render(footer, buffer);
}

/// Two halves with a column between them.
fn beside(area: Rect) -> [Rect; 2] {
    Layout::horizontal([Constraint::Fill(1), Constraint::Fill(1)]).spacing(1).areas(area)
}

/// A line with a title; gives what is below it.
fn section(title: &str, screen: &Screen<'_>, area: Rect, buffer: &mut Buffer) -> Rect {
    let block = Block::new().borders(Borders::TOP).border_style(screen.style.dim());
    let block = block.title(Span::styled(format!("{title} "), screen.style.bold()));
    let inside = block.inner(area);
    block.render(area, buffer);
    inside
}

fn render_zones(screen: &Screen<'_>, area: Rect, buffer: &mut Buffer) {
    let zones = &screen.view.zones;
    let rows = usize::from(area.height);
    let mut shown: Vec<&ZoneNow> = zones.iter().collect();
    if zones.len() > rows {
        // Those that need to be looked at go first.
        let serves = |zone: &&ZoneNow| {
            zone.status.as_ref().is_some_and(|status| status.state == ZoneState::Serving)
        };
        shown.sort_by_key(serves);
    }
    let left_out =
        shown.split_off(shown.len().min(if zones.len() > rows { rows - 1 } else { rows }));
    let mut lines: Vec<Line<'_>> = shown.into_iter().map(|zone| zone_line(screen, zone)).collect();
    if !left_out.is_empty() {
        lines.push(Line::styled(format!("and {} more", left_out.len()), screen.style.dim()));
    }
    Paragraph::new(lines).render(area, buffer);
}

fn zone_line(screen: &Screen<'_>, zone: &ZoneNow) -> Line<'static> {
    let Screen { view, style, .. } = screen;
    let (mark, cells) = parts::zone_mark(zone, *style);
    let name = view.zones.iter().map(|zone| zone.name.chars().count()).max().unwrap_or(0);
    let mut spans = vec![Span::styled(format!("{mark} {:name$}  ", zone.name), cells)];
    let Some(status) = &zone.status else {
        spans.push(Span::styled("not looked at yet", style.dim()));
        return Line::from(spans);
    };
    let version = status.version.as_deref().map_or("-", words::numbers_of);
    let since = words::duration(view.at.since_us(zone.since));
    spans.push(Span::styled(format!("{:<9} ", status.state), cells));
    spans.push(Span::styled(format!("{version:<14} "), style.bold()));
    spans.push(Span::raw(format!("for {since:<7}")));
    if let Some((since, class)) = zone.failing {
        let lasted = words::duration(view.at.since_us(since));
        spans.push(Span::styled(format!(" probes fail for {lasted}: {class}"), style.warn()));
    } else if status.state != ZoneState::Serving {
        spans.push(Span::styled(format!(" {}", status.detail), style.dim()));
    }
    Line::from(spans)
}

/// Figures to the left, a chart with a column a second to the right.
fn beside_chart(area: Rect) -> [Rect; 2] {
    Layout::horizontal([Constraint::Length(FIGURES), Constraint::Fill(1)]).spacing(1).areas(area)
}

fn figure(name: &str, value: String, style: ratatui::style::Style) -> Line<'static> {
    let room = usize::from(FIGURES).saturating_sub(2 + name.len());
    Line::from(vec![Span::raw(name.to_owned()), Span::styled(format!("{value:>room$}"), style)])
}

fn render_rates(screen: &Screen<'_>, area: Rect, buffer: &mut Buffer) {
    let Screen { view, style, .. } = screen;
    let [figures, chart] = beside_chart(area);
    let last = view.last_second();
    let offered = view.offered_per_s.map_or("-".to_owned(), |rate| format!("{rate:.0}"));
    let bad = if last.bad > 0 { style.bad() } else { style.plain() };
    let retried = format!("{} / {}", last.bad, last.retried);
    let lines = vec![
        figure("offered", offered, style.plain()),
        figure("completed", last.completed.to_string(), style.bold()),
        figure("good", last.good.to_string(), style.good()),
        figure("bad/retried", retried, bad),
        Line::default(),
        figure("in all", words::count(view.totals.ended), style.dim()),
        figure("bad in all", words::count(view.totals.bad), style.dim()),
        figure("unknown fate", words::count(view.totals.ambiguous), style.dim()),
        figure("terminals out", view.clients_out.to_string(), style.dim()),
    ];
    Paragraph::new(lines).render(figures, buffer);
    let columns = last_seconds(view, chart)
        .map(|second| Column { height: Some(second.completed), bad: second.bad > 0 });
    let most = view.offered_per_s.map_or(0, |rate| rate.ceil() as u64);
    let top = last_seconds(view, chart).map(|second| second.completed).max().unwrap_or(0);
    render_chart(columns.collect(), most.max(top).max(1), *style, chart, buffer);
}

fn render_latency(screen: &Screen<'_>, area: Rect, buffer: &mut Buffer) {
    let Screen { view, style, .. } = screen;
    let [figures, chart] = beside_chart(area);
    let head = Line::styled(format!("{:<4}{:>9}{:>10}", "", "now", "baseline"), style.dim());
    let row = |name: &str, of: fn(Quantiles) -> u64| {
        let figure = |q: Option<Quantiles>| q.map_or("-".to_owned(), |q| words::duration(of(q)));
        let now = format!("{:>9}", figure(view.last_second().response));
        let before = format!("{:>10}", figure(view.baseline));
        Line::from(vec![
            Span::raw(format!("{name:<4}")),
            Span::styled(now, style.bold()),
            Span::styled(before, style.dim()),
        ])
    };
    let lines =
        vec![head, row("p50", |q| q.p50_us), row("p99", |q| q.p99_us), row("max", |q| q.max_us)];
    Paragraph::new(lines).render(figures, buffer);
    // On a log scale, so that an outage does not flatten everything else: a step a doubling.
    let scale = |us: u64| u64::from((us / 250).max(1).ilog2()) + 1;
    let deadline_us = view.subject.deadline_us;
    let columns = last_seconds(view, chart).map(|second| match second.response {
        None => Column { height: None, bad: true },
        Some(Quantiles { p99_us, .. }) => {
            Column { height: Some(scale(p99_us)), bad: p99_us > deadline_us }
        }
    });
    render_chart(columns.collect(), scale(deadline_us), *style, chart, buffer);
}

/// As many of the last seconds as a chart has columns, the last one first.
fn last_seconds(view: &View, chart: Rect) -> impl Iterator<Item = &Second> {
    view.seconds.iter().rev().take(usize::from(chart.width))
}

/// A second of a chart.
struct Column {
    /// `None` where there is nothing that could have one.
    height: Option<u64>,
    bad: bool,
}

fn render_chart(columns: Vec<Column>, max: u64, style: Style, area: Rect, buffer: &mut Buffer) {
    let bars = columns.iter().map(|column| {
        let cells = if column.bad { style.bad() } else { style.good() };
        SparklineBar::from(column.height).style(Some(cells))
    });
    Sparkline::default()
        .data(bars.collect::<Vec<_>>())
        .max(max)
        .absent_value_symbol(BAD)
        .direction(RenderDirection::RightToLeft)
        .render(area, buffer);
    // The colour alone must not tell.
    let feet = area.rows().next_back().into_iter().flat_map(|foot| foot.columns().rev());
    for (_, foot) in columns.iter().zip(feet).filter(|(column, _)| column.bad) {
        buffer[foot.as_position()].set_symbol(BAD);
    }
}

fn render_objectives(screen: &Screen<'_>, area: Rect, buffer: &mut Buffer) {
    let Screen { view, style, .. } = screen;
    if view.objectives.is_empty() {
        Line::styled("judged at the end", style.dim()).render(area, buffer);
        return;
    }
    let mut held: Vec<_> = view.objectives.iter().collect();
    if held.len() > usize::from(area.height) {
        held.sort_by_key(|held| std::cmp::Reverse(held.standing as u8));
    }
    let width = usize::from(area.width);
    let lines = held.iter().map(|held| parts::objective(held, width, *style));
    Paragraph::new(lines.collect::<Vec<_>>()).render(area, buffer);
}

fn render_errors(screen: &Screen<'_>, area: Rect, buffer: &mut Buffer) {
    let Screen { view, style, .. } = screen;
    if view.errors.is_empty() {
        Line::styled("none", style.good()).render(area, buffer);
        return;
    }
    let lines = view.errors.iter().map(|errors| {
        let ago_us = view.at.since_us(errors.last);
        let fresh = if ago_us < 2_000_000 { style.bad() } else { style.plain() };
        let total = format!("{:>9}", words::count(errors.total));
        let ago = format!("  {} ago", words::duration(ago_us));
        Line::from(vec![
            Span::raw(format!("{:<16}", errors.class.as_str())),
            Span::styled(total, fresh),
            Span::styled(ago, style.dim()),
        ])
    });
    Paragraph::new(lines.collect::<Vec<_>>()).render(area, buffer);
}
