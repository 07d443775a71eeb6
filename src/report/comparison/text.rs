//! The printed comparison: the answer first, then what it stands on, at most 100 columns wide.

use crate::compare::{Comparison, Section};
use crate::report::table::{Table, wrap};

use super::rows;

const WIDTH: usize = 100;

pub(super) fn render(found: &Comparison) -> String {
    let title = found.answer.title();
    let mut text = wrap(&format!("{title}: {}", found.sentence), WIDTH, title.len() + 2);
    text.push_str("\n\n");
    for (name, side) in [("base", &found.base), ("candidate", &found.candidate)] {
        for line in rows::runs(side) {
            text.push_str(&format!("{name:<11}{}\n", wrap(&line, WIDTH - 11, 11)));
        }
    }
    for section in &found.sections {
        text.push_str(&of_section(section));
    }
    text.push_str("\nTRUST\n");
    text.push_str(&paragraphs(&rows::trust(found)));
    text
}

fn of_section(section: &Section) -> String {
    let mut text = format!("\n{}\n", wrap(&rows::heading(section), WIDTH, 2));
    if !section.note.is_empty() {
        text.push_str(&paragraphs(std::slice::from_ref(&section.note)));
    } else {
        let mut table = Table::new(&[1]);
        table.row(rows::metric_heads(section));
        rows::metrics(section).into_iter().for_each(|row| table.row(row));
        text.push_str(&table.render(2));
        text.push_str(&paragraphs(&rows::remarks(section)));
    }
    text.push('\n');
    let mut table = Table::new(&[]);
    table.row(rows::fact_heads(section));
    rows::facts(section).into_iter().for_each(|row| table.row(row));
    text + &table.render(2)
}

/// Each sentence on lines of its own.
fn paragraphs(lines: &[String]) -> String {
    let wrapped = lines.iter().map(|line| wrap(line, WIDTH - 2, 2));
    wrapped
        .flat_map(|text| text.lines().map(|line| format!("  {line}\n")).collect::<Vec<_>>())
        .collect()
}
