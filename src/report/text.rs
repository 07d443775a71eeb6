//! The printed verdict: the answer first, then what it stands on, at most 100 columns wide.

use crate::analysis::Analysis;
use crate::compare::Section;
use crate::event::ZoneId;
use crate::verdict::{Reason, Verdict};

use super::table::{Table, wrap};
use super::{availability, comparison, data, felt, rows, sentences};

const WIDTH: usize = 100;

/// The answer, the objectives, the load phase by phase, the zones, the data, and how far all of
/// it can be trusted.
pub(super) fn render(analysis: &Analysis, verdict: &Verdict, around: Option<&Section>) -> String {
    let mut text = head(analysis, verdict);
    section(&mut text, "OBJECTIVES", objectives(analysis, verdict));
    section(&mut text, "PHASES", phases(analysis));
    section(&mut text, "WRITE GAPS", gaps(analysis));
    if analysis.load.is_none() {
        section(&mut text, "AVAILABILITY", paragraphs(&availability::sentences(analysis)));
    }
    section(&mut text, "ERRORS OF ATTEMPTS", errors(analysis));
    section(&mut text, "ZONES", zones(analysis));
    section(&mut text, "DATA", paragraphs(&data::data(analysis)));
    let around = around.map(|around| paragraphs(&comparison::in_short(around)));
    section(&mut text, "BEFORE AGAINST AFTER", around.unwrap_or_default());
    section(&mut text, "TRUST", paragraphs(&sentences::trust(analysis)));
    text
}

fn section(text: &mut String, title: &str, body: String) {
    if !body.is_empty() {
        text.push_str(&format!("\n{title}\n{body}"));
    }
}

/// Each sentence on lines of its own.
fn paragraphs(lines: &[String]) -> String {
    lines
        .iter()
        .map(|line| {
            let lead = line.len() - line.trim_start().len();
            let wrapped = wrap(line, WIDTH - 2 - lead, 2);
            wrapped.lines().map(|part| format!("  {:lead$}{part}\n", "")).collect::<String>()
        })
        .collect()
}

fn head(analysis: &Analysis, verdict: &Verdict) -> String {
    let title = verdict.kind.title();
    let indent = title.len() + 2;
    let mut text = wrap(&format!("{title}: {}", verdict.sentence), WIDTH, indent);
    text.push_str("\n\n");
    for (name, fact) in sentences::facts(analysis) {
        text.push_str(&format!("{name:<9}{}", wrap(&fact, WIDTH - 9, 9)));
        text.push('\n');
    }
    // The first line of the first is the headline; repeated only where there is more to read.
    let more = |reason: &Reason| reason.text.contains('\n');
    if verdict.reasons.len() > 1 || verdict.reasons.iter().any(more) {
        let reasons = verdict.reasons.iter();
        let said = reasons.map(|reason| format!("{}: {}", reason.kind.title(), reason.text));
        let all: Vec<String> = said.flat_map(|text| lines_of(&text)).collect();
        section(&mut text, "WHY IT IS NOT A PASS", paragraphs(&all));
    }
    text
}

/// The lines of a text, those after the first set in.
fn lines_of(text: &str) -> Vec<String> {
    let set_in =
        |(index, line): (usize, &str)| format!("{}{line}", if index > 0 { "  " } else { "" });
    text.lines().enumerate().map(set_in).collect()
}

fn objectives(analysis: &Analysis, verdict: &Verdict) -> String {
    let mut table = Table::new(&[1, 4]);
    table.row(rows::OBJECTIVES);
    for (row, result) in rows::objectives(verdict).into_iter().zip(&verdict.objectives) {
        table.row(row);
        if let Some(why) = rows::explanation(analysis, result) {
            let indented = wrap(&why, WIDTH - 13, 0);
            indented.lines().for_each(|line| table.heading(format!("         {line}")));
        }
    }
    table.render(2)
}

fn phases(analysis: &Analysis) -> String {
    let names = analysis.zone_names();
    let mut table = Table::new(&[]);
    table.row(rows::PHASES);
    let mut heading: Option<ZoneId> = None;
    for mut row in rows::phases(analysis) {
        if row.zone.is_some() && row.zone != heading {
            let name = row.zone.and_then(|zone| names.get(zone.index()));
            table.heading(name.map_or("?", String::as_str));
        }
        heading = row.zone;
        if row.zone.is_some() {
            row.cells[0].insert_str(0, "  ");
        }
        table.row(row.cells);
    }
    table.heading("response time from the scheduled moment; \"> …\" falls among those that never");
    table.heading("succeeded; a write gap of \"-\" is none that can be told from chance");
    table.render(2)
}

fn gaps(analysis: &Analysis) -> String {
    let rows = rows::gaps(analysis);
    if rows.is_empty() {
        "  none that can be told from chance\n".to_owned()
    } else {
        let mut table = Table::new(&[3, 4, 5]);
        table.row(rows::GAPS);
        rows.into_iter().for_each(|row| table.row(row));
        table.render(2)
    }
}

fn errors(analysis: &Analysis) -> String {
    let rows = rows::errors(analysis);
    if rows.is_empty() {
        return "  none\n".to_owned();
    }
    let mut table = Table::new(&[1, 2, 3, 4]);
    table.row(rows::ERRORS);
    rows.into_iter().for_each(|row| table.row(row));
    table.render(2) + &paragraphs(&felt::errors(analysis))
}

fn zones(analysis: &Analysis) -> String {
    let mut table = Table::new(&[]);
    table.row(rows::ZONES);
    rows::zones(analysis).into_iter().for_each(|row| table.row(row));
    let mut text = table.render(2);
    text.push_str(&paragraphs(&sentences::versions(analysis)));
    text.push_str(&paragraphs(&sentences::downtimes(analysis)));
    text
}
