//! `report.md`: fits a comment on a pull request, whatever the run.

use crate::analysis::Analysis;
use crate::compare::Section;
use crate::verdict::{Verdict, VerdictKind};

use super::{availability, comparison, data, felt, rows, sentences};

/// A comment on GitHub holds 65 536 characters, one on GitLab more. Counted here in bytes, of which
/// a character has at least one.
const BYTES_MAX: usize = 65_000;
/// Kept free for the facts at the end and for the words about what does not fit.
const RESERVE: usize = 8_000;
/// Reasons told one by one; the printed verdict and `report.html` have all of them.
const REASONS_MAX: usize = 10;
/// A server's own words are cut here, in characters.
const TEXT_MAX: usize = 500;

/// The answer and the objectives in sight, the rest folded away.
pub(super) fn render(analysis: &Analysis, verdict: &Verdict, around: Option<&Section>) -> String {
    let mark = if verdict.kind == VerdictKind::Pass { "✅" } else { "❌" };
    let mut text = format!("## {mark} rollproof, {}\n\n", escape(&analysis.run.run_id));
    text.push_str(&format!("**{}**: {}\n\n", verdict.kind.title(), escape(&verdict.sentence)));
    for reason in verdict.reasons.iter().take(REASONS_MAX) {
        text.push_str(&format!("- **{}**: {}\n", reason.kind.title(), escape(&reason.text)));
    }
    if let more @ 1.. = verdict.reasons.len().saturating_sub(REASONS_MAX) {
        text.push_str(&format!("- {more} more\n"));
    }
    if !verdict.reasons.is_empty() {
        text.push('\n');
    }
    table(&mut text, &rows::OBJECTIVES, rows::objectives(verdict));
    for result in &verdict.objectives {
        if let Some(why) = rows::explanation(analysis, result) {
            text.push_str(&format!("\n- **{}**: {}", escape(&result.headline()), escape(&why)));
        }
    }
    text.push_str("\n\n");
    part(&mut text, "Zones", |text| {
        table(text, &rows::ZONES, rows::zones(analysis));
        text.push('\n');
        list(text, sentences::versions(analysis));
        text.push('\n');
    });
    fold(&mut text, "Phases", |text| table(text, &rows::PHASES, phases(analysis)));
    fold(&mut text, "Write gaps", |text| table(text, &rows::GAPS, rows::gaps(analysis)));
    if analysis.load.is_none() {
        fold(&mut text, "Availability", |text| list(text, availability::sentences(analysis)));
    }
    fold(&mut text, "Errors of attempts", |text| {
        table(text, &rows::ERRORS, rows::errors(analysis));
        text.push('\n');
        list(text, felt::errors(analysis));
    });
    fold(&mut text, "Data", |text| list(text, data::data(analysis)));
    if let Some(section) = around {
        fold(&mut text, "Before against after", |text| {
            text.push_str(&format!("{}\n\n", escape(&comparison::lead(section))));
            comparison::of_section(text, section);
        });
    }
    fold(&mut text, "How far this can be trusted", |text| list(text, sentences::trust(analysis)));
    for (name, fact) in sentences::facts(analysis) {
        text.push_str(&format!("<sub>{name}: {}</sub><br>\n", escape(&fact)));
    }
    text
}

fn phases(analysis: &Analysis) -> Vec<[String; 9]> {
    let rows = rows::phases(analysis).into_iter().zip(&analysis.phases);
    rows.map(|(mut row, figures)| {
        let failed = if figures.phase.failed { " FAILED" } else { "" };
        row.cells[0] = format!("{}{failed}", figures.label);
        row.cells
    })
    .collect()
}

pub(super) fn table<const N: usize>(text: &mut String, header: &[&str; N], rows: Vec<[String; N]>) {
    let rule: Vec<&str> = header.iter().map(|_| "---").collect();
    text.push_str(&format!("| {} |\n| {} |\n", header.join(" | "), rule.join(" | ")));
    for row in rows {
        text.push_str(&format!("| {} |\n", row.map(|cell| escape(&cell)).join(" | ")));
    }
}

pub(super) fn list(text: &mut String, lines: Vec<String>) {
    if lines.is_empty() {
        text.push_str("none\n");
    }
    lines.iter().for_each(|line| text.push_str(&format!("- {}\n", escape(line.trim()))));
}

pub(super) fn fold(text: &mut String, title: &str, body: impl FnOnce(&mut String)) {
    part(text, title, |text| {
        text.push_str(&format!("<details><summary>{title}</summary>\n\n"));
        body(text);
        text.push_str("\n</details>\n\n");
    });
}

/// A part that fits, or a line that says where it is: half a table would be mistaken for a whole.
fn part(text: &mut String, title: &str, body: impl FnOnce(&mut String)) {
    let mut whole = String::new();
    body(&mut whole);
    if text.len() + whole.len() + RESERVE <= BYTES_MAX {
        text.push_str(&whole);
    } else {
        text.push_str(&format!("<sub>{title}: too long for a comment; see report.html</sub>\n\n"));
    }
}

/// Keeps a server's words from becoming markup, and from filling the comment.
pub(super) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for (index, c) in text.chars().enumerate() {
        if index == TEXT_MAX {
            safe.push('…');
            break;
        }
        match c {
            '\n' | '\r' => safe.push(' '),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '|' | '*' | '_' | '`' | '[' | ']' | '\\' => {
                safe.push('\\');
                safe.push(c);
            }
            _ => safe.push(c),
        }
    }
    safe
}
