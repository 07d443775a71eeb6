//! The template and what fills it. Everything from a record is escaped by the template; only this
//! project's own style, script and the page's data (which escape themselves) go in as they are.

use askama::Template;

use crate::analysis::{Analysis, words};
use crate::compare::Section;
use crate::record::Work;
use crate::report::comparison::{self, Forest};
use crate::report::{availability, rows, sentences};
use crate::verdict::{Status, Verdict, VerdictKind};

use super::data::PageData;
use super::head::{Head, Tone};
use super::parts::{self, CheckRow, Tile, ZoneCard};

const JS: &str = concat!(include_str!("draw.js"), include_str!("page.js"));

#[derive(Template)]
#[template(path = "page.html")]
struct Page<'a> {
    head: Head<'a>,
    js: &'static str,
    json: String,
    worst: String,
    reasons: Vec<ReasonRow<'a>>,
    tiles: Vec<Tile>,
    facts: Vec<(&'static str, String)>,
    objectives: Vec<ObjectiveRow>,
    jumps: Vec<(String, String)>,
    words: Vec<String>,
    gap_heads: [&'static str; 6],
    gaps: Vec<[String; 6]>,
    availability: Vec<String>,
    zones: Vec<ZoneCard>,
    calm_means: String,
    downtimes: Vec<String>,
    phase_heads: &'static [&'static str],
    phases: Vec<PhaseRow>,
    kinds: Vec<&'static str>,
    deadline: String,
    error_heads: [&'static str; 6],
    errors: Vec<[String; 6]>,
    data: Vec<String>,
    checks: Vec<CheckRow>,
    checks_open: bool,
    around: Option<Around<'a>>,
    trust: Vec<String>,
    again: &'static str,
    once_more: &'static str,
    command: String,
    scenario: String,
    tool_version: &'a str,
}

struct ReasonRow<'a> {
    kind: String,
    text: &'a str,
}

struct ObjectiveRow {
    id: String,
    status: &'static str,
    word: String,
    title: String,
    found: String,
    allowed: String,
    place: String,
    link: String,
    why: String,
}

/// What came before the upgrade against what came after it.
struct Around<'a> {
    lead: String,
    forest: Forest<'a>,
}

struct PhaseRow {
    heading: String,
    name: String,
    label: String,
    link: String,
    tone: &'static str,
    in_zone: bool,
    cells: Vec<String>,
    /// Times, and how many were bad.
    kinds: Vec<(String, u64)>,
}

/// The page.
pub(in crate::report) fn render(
    analysis: &Analysis,
    verdict: &Verdict,
    around: Option<&Section>,
) -> Vec<u8> {
    let run = &analysis.run;
    let tone = match verdict.kind {
        VerdictKind::Pass => Tone::Good,
        VerdictKind::Fail | VerdictKind::DataFail | VerdictKind::UpgradeFailed => Tone::Bad,
        VerdictKind::Inconclusive | VerdictKind::Invalid => Tone::Doubt,
    };
    let page = Page {
        head: Head::new(tone, verdict.kind.title(), &run.run_id, &verdict.sentence),
        js: JS,
        json: PageData::new(analysis).to_json(),
        worst: first_missed(verdict),
        reasons: reasons(verdict),
        tiles: parts::tiles(analysis, verdict),
        facts: sentences::facts(analysis),
        objectives: objectives(analysis, verdict),
        jumps: jumps(analysis),
        words: parts::timeline(analysis),
        gap_heads: rows::GAPS,
        gaps: rows::gaps(analysis),
        availability: availability::sentences(analysis),
        zones: parts::zones(analysis),
        calm_means: parts::calm_means(),
        downtimes: sentences::downtimes(analysis),
        phase_heads: &rows::PHASES[1..],
        phases: phases(analysis),
        kinds: run.work.kinds().iter().map(|kind| kind.as_str()).collect(),
        deadline: words::duration(run.scenario.load.deadline.as_us()),
        error_heads: rows::ERRORS,
        errors: rows::errors(analysis),
        data: super::super::data::data(analysis),
        checks: parts::checks(analysis),
        checks_open: analysis.data.as_ref().is_some_and(|data| !data.failures.is_empty()),
        around: around.map(|section| Around {
            lead: comparison::lead(section),
            forest: Forest::new(section, "Before against after"),
        }),
        trust: sentences::trust(analysis),
        again: "rollproof report .   # in this page's directory",
        once_more: "The same load against the same or another cluster, with the scenario below in \
                    a file (the password stays in the environment):",
        command: command(analysis),
        scenario: toml::to_string_pretty(&run.scenario)
            .expect("a scenario that was read can be written"),
        tool_version: &run.tool_version,
    };
    page.render().expect("a page in memory can be written").into_bytes()
}

/// Where the first missed objective was missed; empty where none was.
fn first_missed(verdict: &Verdict) -> String {
    let missed = verdict.objectives.iter().filter(|r| r.status == Status::Missed);
    let seen = missed.filter_map(|result| result.evidence.as_ref()).next();
    seen.map_or_else(String::new, |seen| parts::link(seen.start, seen.end))
}

/// Every reason, unless the headline has said the only one.
fn reasons(verdict: &Verdict) -> Vec<ReasonRow<'_>> {
    let said = |text: &str| verdict.sentence.trim_end_matches('.') == text.trim_end_matches('.');
    let rows = verdict.reasons.iter();
    let rows = rows.filter(|reason| verdict.reasons.len() > 1 || !said(&reason.text));
    rows.map(|reason| ReasonRow { kind: reason.kind.title(), text: &reason.text }).collect()
}

fn objectives(analysis: &Analysis, verdict: &Verdict) -> Vec<ObjectiveRow> {
    let all = rows::objectives(verdict).into_iter().zip(&verdict.objectives);
    all.map(|([word, title, found, allowed, place], result)| {
        let seen = result.evidence.as_ref();
        // What is wrong with the data has no moment; it has a section.
        let data = result.id == "data" && result.status != Status::Met;
        ObjectiveRow {
            id: match &result.only_in {
                None => result.id.to_owned(),
                Some(key) => format!("{}-in-{key}", result.id),
            },
            status: result.status.as_str(),
            word,
            title,
            found,
            allowed,
            place: if data { "data safety".to_owned() } else { place },
            link: match seen {
                _ if data => "#data-safety".to_owned(),
                Some(seen) => parts::link(seen.start, seen.end),
                None => String::new(),
            },
            why: rows::explanation(analysis, result)
                .or_else(|| seen.map(|seen| seen.detail.clone()))
                .unwrap_or_default(),
        }
    })
    .collect()
}

/// The worst gap and each zone's turn: where a reader wants to go at once.
fn jumps(analysis: &Analysis) -> Vec<(String, String)> {
    let gap = parts::worst_gap(analysis);
    let gap = gap.map(|gap| ("worst gap".to_owned(), parts::link(gap.start, gap.end)));
    let turns = analysis.run.scenario.zone_ids().zip(analysis.zone_names());
    let turns = turns.filter_map(|(id, name)| {
        let own = || analysis.phases.iter().filter(|phase| phase.phase.name.zone == Some(id));
        let (first, last) = (own().next()?, own().next_back()?);
        Some((name, parts::link(first.phase.start, last.phase.end)))
    });
    gap.into_iter().chain(turns).collect()
}

fn phases(analysis: &Analysis) -> Vec<PhaseRow> {
    let names = analysis.zone_names();
    let mut under = None;
    let all = rows::phases(analysis).into_iter().zip(&analysis.phases);
    all.map(|(row, figures)| {
        let heading = row.zone.filter(|_| row.zone != under);
        let heading = heading.and_then(|zone| names.get(zone.index()).cloned());
        under = row.zone;
        let [name, cells @ ..] = row.cells;
        let hurt = figures.phase.failed || figures.total.counts.bad() > 0;
        PhaseRow {
            heading: heading.unwrap_or_default(),
            name,
            label: figures.label.clone(),
            link: parts::link(figures.phase.start, figures.phase.end),
            tone: if hurt { "bad" } else { "" },
            in_zone: row.zone.is_some(),
            cells: cells.to_vec(),
            kinds: parts::kinds(analysis, figures),
        }
    })
    .collect()
}

/// The command line that asks for the same once more.
fn command(analysis: &Analysis) -> String {
    let verb = match analysis.run.work {
        Work::Run => "run",
        Work::Load => "load",
    };
    let run = &analysis.run;
    let target = |version: &String| format!(" --target-version {version}");
    let outside = run.outside.as_ref().map(|outside| match &outside.target_version {
        version if outside.wrapped => {
            let target = version.as_ref().map(target).unwrap_or_default();
            format!(" --upgrade-cmd COMMAND{target}")
        }
        Some(version) => format!(" --until-version {version}"),
        None => String::new(),
    });
    let own = run.upgrade.as_ref();
    let own = own.map(|own| format!(" --upgrade PLAN.toml{}", target(&own.target_version)));
    let upgrade = own.or(outside);
    format!("rollproof {verb} --scenario scenario.toml{}", upgrade.unwrap_or_default())
}
