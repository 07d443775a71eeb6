//! Lines and tables that both pictures have.

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Widget};

use super::{Screen, Style};
use crate::event::ZoneState;
use crate::live::{Held, Standing, View, ZoneNow, words};

/// `rollproof`, what is done, and how long the run has been going on.
pub(super) fn title(screen: &Screen<'_>, area: Rect, buffer: &mut Buffer) {
    let Screen { view, style, .. } = screen;
    let subject = &view.subject;
    let left = Line::from(vec![
        Span::styled("rollproof ", style.bold()),
        Span::raw(subject.doing.clone()),
        Span::styled(format!("  {}", subject.run_id), style.dim()),
    ]);
    let clock = format!(" {}", words::clock(view.at.as_us()));
    let [wide, narrow] = Layout::horizontal([
        Constraint::Fill(1),
        Constraint::Length(u16::try_from(clock.len()).unwrap_or(u16::MAX)),
    ])
    .areas(area);
    left.render(wide, buffer);
    Line::styled(clock, style.bold()).render(narrow, buffer);
}

/// The phase that is on, or how far a load is.
pub(super) fn phase(screen: &Screen<'_>) -> Line<'static> {
    let Screen { view, style, .. } = screen;
    if view.over {
        return Line::styled("measuring is over", style.bold());
    }
    let lasted = view.at.since_us(view.phase.since);
    let label = view.phase.name.label(&view.subject.zones).to_string();
    let mut spans = vec![
        Span::styled(format!("{label} "), style.bold()),
        Span::raw(format!("for {}", words::duration(lasted))),
    ];
    if view.phase.failed {
        spans.push(Span::styled("  FAILED", style.bad()));
    }
    if let Some(loading) = view.loading {
        let (done, of) = (loading.rows_done, loading.rows_total);
        let share = if of == 0 { 0.0 } else { done as f64 * 100.0 / of as f64 };
        let rows = format!("{} of {} rows", words::count(done), words::count(of));
        spans.push(Span::raw(format!("  {} {rows}, {share:.0} %", loading.doing)));
    }
    Line::from(spans)
}

/// A zone in a few words: `zone1 10.11.19`, `zone2 DOWN`.
pub(super) fn zone_in_short(zone: &ZoneNow, style: Style) -> Vec<Span<'static>> {
    let (mark, cells) = zone_mark(zone, style);
    let serving = |status: &&crate::event::ZoneStatus| status.state == ZoneState::Serving;
    let what = match zone.status.as_ref().filter(serving).and_then(|s| s.version.as_deref()) {
        Some(version) => words::numbers_of(version).to_owned(),
        None => zone.status.as_ref().map_or("?".to_owned(), |status| status.state.to_string()),
    };
    vec![
        Span::styled(format!("{mark} "), cells),
        Span::raw(format!("{} ", zone.name)),
        Span::styled(what, cells),
    ]
}

/// The sign of a zone's state, and its colour.
pub(super) fn zone_mark(zone: &ZoneNow, style: Style) -> (&'static str, ratatui::style::Style) {
    match zone.status.as_ref().map(|status| status.state) {
        None => ("?", style.dim()),
        Some(ZoneState::Serving) if zone.failing.is_none() => ("●", style.good()),
        Some(ZoneState::Serving) => ("◐", style.warn()),
        Some(ZoneState::NotReady | ZoneState::Stopped) => ("◐", style.warn()),
        Some(ZoneState::Down) => ("○", style.bad()),
    }
}

/// The write gap that is on, and the longest so far.
pub(super) fn gap(view: &View, style: Style) -> Line<'static> {
    let mut spans = match view.gap {
        Some(gap) => {
            let text = format!(" NO WRITE FOR {} ", words::duration(gap.length_us()));
            let longer = gap.length_us() > view.subject.objectives.write_gap_max.as_us();
            let cells = if longer { style.alarm() } else { style.warn() };
            vec![Span::styled(text, cells), Span::raw("  ")]
        }
        None => vec![Span::styled("writes are done  ", style.good())],
    };
    let longest = match view.gap_us_max {
        0 => format!("no gap over {}", words::duration(view.tau_us)),
        us => format!("longest {}", words::duration(us)),
    };
    spans.push(Span::raw(longest));
    if let Some(last) = view.gaps.last() {
        let (at, length) = (words::clock(last.start.as_us()), words::duration(last.length_us()));
        spans.push(Span::styled(format!("  last {length} at {at}"), style.dim()));
    }
    Line::from(spans)
}

/// An objective in one line, the title cut where there is no room.
pub(super) fn objective(held: &Held, width: usize, style: Style) -> Line<'static> {
    let (mark, cells) = match held.standing {
        Standing::Open => ("… ", style.dim()),
        Standing::Met => ("✓ ", style.good()),
        Standing::Missed => ("✗ ", style.bad()),
    };
    let title = match &held.only_in {
        None => held.title.to_owned(),
        Some(key) => format!("{} in {key}", held.id),
    };
    let figures = match held.measured.as_str() {
        "" => held.limit.clone(),
        measured => format!("{measured} {}", held.limit),
    };
    let room = width.saturating_sub(2 + figures.chars().count() + 1);
    let title: String = title.chars().take(room).collect();
    let (title, figures) = (format!("{title:room$} "), Span::styled(figures, cells));
    Line::from(vec![Span::styled(mark, cells), Span::raw(title), figures])
}

/// The end of the log that fits, or of the part above what is scrolled away.
pub(super) fn log(screen: &Screen<'_>, area: Rect, buffer: &mut Buffer) {
    let Screen { view, style, scrolled, .. } = screen;
    let rows = usize::from(area.height);
    let end = view.log.len().saturating_sub(*scrolled).max(rows.min(view.log.len()));
    let shown = &view.log[end.saturating_sub(rows)..end];
    let line = |line: &crate::live::LogLine| {
        let at = format!("{:>7} ", words::clock(line.at.as_us()));
        Line::from(vec![
            Span::styled(at, style.dim()),
            Span::styled(line.text.clone(), style.of(line.weight)),
        ])
    };
    Paragraph::new(shown.iter().map(line).collect::<Vec<_>>()).render(area, buffer);
}

/// What the keys do.
pub(super) fn footer(screen: &Screen<'_>) -> Line<'static> {
    let style = screen.style;
    match (screen.asking, screen.ending) {
        (true, _) => {
            Line::styled(" End the run after the step in hand?  y yes  n no ", style.alarm())
        }
        (_, true) => Line::styled(
            "ending: the step in hand is finished first. Ctrl-C once more cuts everything off",
            style.warn(),
        ),
        _ => Line::styled("q end the run   ↑ ↓ log   Ctrl-C end, twice cut off", style.dim()),
    }
}
