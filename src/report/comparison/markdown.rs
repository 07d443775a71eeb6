//! `comparison.md`: fits a comment on a pull request.

use crate::compare::{Answer, Comparison, Section};
use crate::report::markdown::{escape, fold, list, table};

use super::rows;

/// The answer and what decides in sight, the rest folded away.
pub(super) fn render(found: &Comparison) -> String {
    let mark = if found.answer == Answer::Pass { "✅" } else { "❌" };
    let mut text = format!("## {mark} rollproof, {}\n\n", rows::title(found));
    text.push_str(&format!("**{}**: {}\n\n", found.answer.title(), escape(&found.sentence)));
    for section in &found.sections {
        let title = rows::heading(section);
        if section.pair.gated {
            text.push_str(&format!("### {}\n\n", escape(&title)));
            of_section(&mut text, section);
        } else {
            fold(&mut text, &title, |text| of_section(text, section));
        }
    }
    fold(&mut text, "How far this can be trusted", |text| list(text, rows::trust(found)));
    for (name, side) in [("base", &found.base), ("candidate", &found.candidate)] {
        for line in rows::runs(side) {
            text.push_str(&format!("<sub>{name}: {}</sub><br>\n", escape(&line)));
        }
    }
    text
}

/// Its figures and facts; or why there are none, and its facts.
pub(in crate::report) fn of_section(text: &mut String, section: &Section) {
    if section.note.is_empty() {
        table(text, &rows::metric_heads(section), rows::metrics(section));
        text.push('\n');
        let remarks = rows::remarks(section);
        if !remarks.is_empty() {
            list(text, remarks);
            text.push('\n');
        }
    } else {
        text.push_str(&format!("{}\n\n", escape(&section.note)));
    }
    table(text, &rows::fact_heads(section), rows::facts(section));
    text.push('\n');
}
