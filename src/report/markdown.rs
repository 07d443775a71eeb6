//! `report.md`: fits a comment on a pull request.

use crate::analysis::Analysis;
use crate::verdict::{Verdict, VerdictKind};

use super::{rows, sentences};

/// The answer and the objectives in sight, the rest folded away.
pub(super) fn render(analysis: &Analysis, verdict: &Verdict) -> String {
    let mark = if verdict.kind == VerdictKind::Pass { "✅" } else { "❌" };
    let mut text = format!("## {mark} rollproof, {}\n\n", escape(&analysis.run.run_id));
    text.push_str(&format!("**{}**: {}\n\n", verdict.kind.title(), escape(&verdict.sentence)));
    for reason in &verdict.reasons {
        text.push_str(&format!("- **{}**: {}\n", reason.kind.title(), escape(&reason.text)));
    }
    if !verdict.reasons.is_empty() {
        text.push('\n');
    }
    table(&mut text, &rows::OBJECTIVES, rows::objectives(verdict));
    for result in &verdict.objectives {
        if let Some(why) = rows::explanation(analysis, result) {
            text.push_str(&format!("\n- **{}**: {}", result.title, escape(&why)));
        }
    }
    text.push_str("\n\n");
    table(&mut text, &rows::ZONES, rows::zones(analysis));
    text.push('\n');
    list(&mut text, sentences::versions(analysis));
    text.push('\n');
    fold(&mut text, "Phases", |text| table(text, &rows::PHASES, phases(analysis)));
    fold(&mut text, "Write gaps", |text| table(text, &rows::GAPS, rows::gaps(analysis)));
    fold(&mut text, "Errors of attempts", |text| {
        table(text, &rows::ERRORS, rows::errors(analysis))
    });
    fold(&mut text, "Data", |text| list(text, sentences::data(analysis)));
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

fn table<const N: usize>(text: &mut String, header: &[&str; N], rows: Vec<[String; N]>) {
    let rule: Vec<&str> = header.iter().map(|_| "---").collect();
    text.push_str(&format!("| {} |\n| {} |\n", header.join(" | "), rule.join(" | ")));
    for row in rows {
        text.push_str(&format!("| {} |\n", row.map(|cell| escape(&cell)).join(" | ")));
    }
}

fn list(text: &mut String, lines: Vec<String>) {
    if lines.is_empty() {
        text.push_str("none\n");
    }
    lines.iter().for_each(|line| text.push_str(&format!("- {}\n", escape(line.trim()))));
}

fn fold(text: &mut String, title: &str, body: impl FnOnce(&mut String)) {
    text.push_str(&format!("<details><summary>{title}</summary>\n\n"));
    body(text);
    text.push_str("\n</details>\n\n");
}

/// Keeps a server's words from becoming markup.
fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
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
