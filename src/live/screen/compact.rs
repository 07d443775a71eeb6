//! For small terminals: one thing a line, what matters most first.

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Widget, Wrap};

use super::{Screen, parts};
use crate::live::{Standing, View, words};

pub(super) fn render(screen: &Screen<'_>, area: Rect, buffer: &mut Buffer) {
    let view = screen.view;
    let footer_rows = u16::from(area.height >= 10);
    let [title, phase, zones, lines, log, footer] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Length(zone_rows(view, area.width)),
        Constraint::Length(5),
        Constraint::Fill(1),
        Constraint::Length(footer_rows),
    ])
    .areas(area);
    parts::title(screen, title, buffer);
    parts::phase(screen).render(phase, buffer);
    let spans = view.zones.iter().flat_map(|zone| {
        let mut spans = parts::zone_in_short(zone, screen.style);
        spans.push(Span::raw("  "));
        spans
    });
    let all: Vec<Span<'_>> = spans.collect();
    Paragraph::new(Line::from(all)).wrap(Wrap { trim: true }).render(zones, buffer);
    let facts = vec![
        rates(view),
        latency(view),
        parts::gap(view, screen.style),
        objectives(screen),
        errors(view),
    ];
    Paragraph::new(facts).render(lines, buffer);
    parts::log(screen, log, buffer);
    parts::footer(screen).render(footer, buffer);
}

/// Rows that all zones in short need, two at most.
fn zone_rows(view: &View, width: u16) -> u16 {
    let needed: usize = view.zones.iter().map(|zone| zone.name.chars().count() + 14).sum();
    if needed > usize::from(width) { 2 } else { 1 }
}

fn rates(view: &View) -> Line<'static> {
    let last = view.last_second();
    let offered = view.offered_per_s.map_or(String::new(), |rate| format!("{rate:.0}/s offered, "));
    let (completed, good, bad) = (last.completed, last.good, last.bad);
    Line::from(format!("{offered}{completed} completed, {good} good, {bad} bad"))
}

fn latency(view: &View) -> Line<'static> {
    Line::from(match view.last_second().response {
        None => "no response".to_owned(),
        Some(now) => {
            let [p50, p99, max] = [now.p50_us, now.p99_us, now.max_us].map(words::duration);
            format!("response p50 {p50}, p99 {p99}, max {max}")
        }
    })
}

fn objectives(screen: &Screen<'_>) -> Line<'static> {
    let Screen { view, style, .. } = screen;
    let of = |standing| view.objectives.iter().filter(move |held| held.standing == standing);
    let missed: Vec<_> = of(Standing::Missed).map(|held| held.id).collect();
    let met = format!("{} met", of(Standing::Met).count());
    match missed.is_empty() {
        true => Line::from(format!("objectives so far: {met}")),
        false => Line::from(vec![
            Span::raw("objectives so far: "),
            Span::styled(format!("✗ {}", missed.join(", ")), style.bad()),
            Span::raw(format!("; {met}")),
        ]),
    }
}

fn errors(view: &View) -> Line<'static> {
    let met: Vec<_> =
        view.errors.iter().map(|errors| format!("{} {}", errors.class, errors.total)).collect();
    Line::from(match met.is_empty() {
        true => "no errors".to_owned(),
        false => format!("errors: {}", met.join(", ")),
    })
}
