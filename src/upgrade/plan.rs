//! An upgrade's plan: a TOML file, validated once.

use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

use super::PlanError;
use super::step::{Action, Stage, Step, StepName};
use super::template::Template;
use crate::record::UpgradeIntent;
use crate::scenario::{Span, has_any};

/// A validated plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Its name, by which a journal is known to be of the same plan.
    pub name: String,
    /// The version every zone is to run.
    pub target_version: String,
    /// Steps before the first zone.
    pub before: Vec<Step>,
    /// Steps of each zone.
    pub zone: Vec<Step>,
    /// Steps after the last zone.
    pub after: Vec<Step>,
}

/// The file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PlanFile {
    name: String,
    #[serde(default)]
    target_version: Option<String>,
    #[serde(default)]
    before: Vec<StepFile>,
    #[serde(default)]
    zone: Vec<StepFile>,
    #[serde(default)]
    after: Vec<StepFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StepFile {
    step: Spanned<StepName>,
    #[serde(default)]
    run: Option<Spanned<String>>,
    #[serde(default)]
    check: Option<Spanned<StepName>>,
    #[serde(default = "default_timeout")]
    timeout: Span,
    #[serde(default)]
    every: Option<Spanned<Span>>,
}

fn default_timeout() -> Span {
    Span::secs(120)
}

/// Between two looks at a condition, unless the plan says otherwise.
const LOOK_EVERY: Duration = Duration::from_millis(100);

impl Plan {
    /// Reads and validates a plan. `target_version` overrides the file's.
    ///
    /// # Errors
    /// When the file cannot be read, has a key, step or placeholder that nothing knows, lacks a
    /// step, or has its steps in an order that would endanger the cluster.
    pub fn read(path: &Path, target_version: Option<&str>) -> Result<Self, PlanError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| PlanError::Read { path: path.to_owned(), source })?;
        Self::parse(path, &text, target_version)
    }

    fn parse(path: &Path, text: &str, target: Option<&str>) -> Result<Self, PlanError> {
        let file: PlanFile =
            toml::from_str(text).map_err(|source| match has_any(text, &["cluster", "load"]) {
                true => PlanError::Scenario { path: path.to_owned() },
                false => PlanError::Parse { path: path.to_owned(), source },
            })?;
        let validator = Validator { path, text };
        let plan = Self {
            target_version: validator.target(target.or(file.target_version.as_deref()))?,
            name: file.name,
            before: validator.stage(Stage::Before, file.before)?,
            zone: validator.stage(Stage::Zone, file.zone)?,
            after: validator.stage(Stage::After, file.after)?,
        };
        validator.pairs(&plan)?;
        Ok(plan)
    }

    /// Its steps' names, in their order; a name may come more than once.
    pub fn step_names(&self) -> impl Iterator<Item = StepName> {
        [&self.before, &self.zone, &self.after].into_iter().flatten().map(|step| step.name)
    }

    /// What the run's manifest says of this plan.
    pub fn intent(&self, resumes: Option<String>) -> UpgradeIntent {
        UpgradeIntent {
            plan: self.name.clone(),
            target_version: self.target_version.clone(),
            zone_steps: self.zone.iter().map(|step| step.name.to_string()).collect(),
            resumes,
        }
    }
}

struct Validator<'a> {
    path: &'a Path,
    text: &'a str,
}

impl Validator<'_> {
    fn at(&self, span: std::ops::Range<usize>, reason: String) -> PlanError {
        let line = self.text[..span.start].matches('\n').count() + 1;
        PlanError::Step { path: self.path.to_owned(), line, reason }
    }

    fn incomplete(&self, reason: impl Into<String>) -> PlanError {
        PlanError::Incomplete { path: self.path.to_owned(), reason: reason.into() }
    }

    fn target(&self, version: Option<&str>) -> Result<String, PlanError> {
        let version = version.ok_or_else(|| {
            self.incomplete("no target version; add target_version = \"…\" or --target-version")
        })?;
        if is_version(version) {
            return Ok(version.to_owned());
        }
        Err(self.incomplete(format!("target version {version:?} is not one, as \"10.11.19\"")))
    }

    fn stage(&self, stage: Stage, steps: Vec<StepFile>) -> Result<Vec<Step>, PlanError> {
        let known = stage.steps();
        let mut last: Option<usize> = None;
        let mut seen = Vec::new();
        let mut valid = Vec::new();
        for step in steps {
            let (span, name) = (step.step.span(), *step.step.get_ref());
            let Some(place) = known.iter().position(|&one| one == name) else {
                let list = known.iter().map(|n| n.as_str()).collect::<Vec<_>>().join(", ");
                let reason = format!("{name} does not belong in [[{stage}]], which knows {list}");
                return Err(self.at(span, reason));
            };
            if seen.contains(&name) {
                return Err(self.at(span, format!("{name} is there twice in [[{stage}]]")));
            }
            // Fetching dependencies changes nothing that runs, so it may also come early, while
            // the zone still serves.
            if name != StepName::InstallDependencies {
                if let Some(before) = last.filter(|&last| place < last) {
                    let reason = format!("{name} must come before {}", known[before]);
                    return Err(self.at(span, reason));
                }
                last = Some(place);
            } else if seen.contains(&StepName::InstallPackage) {
                let reason = format!("{name} must come before {}", StepName::InstallPackage);
                return Err(self.at(span, reason));
            }
            seen.push(name);
            valid.push(self.step(stage, step)?);
        }
        self.complete(stage, &seen)?;
        Ok(valid)
    }

    /// A zone goes through every step of the seed's process: none can be left out.
    fn complete(&self, stage: Stage, seen: &[StepName]) -> Result<(), PlanError> {
        let needed = match stage {
            Stage::Before => &[],
            Stage::Zone => stage.steps(),
            Stage::After => &[StepName::VersionCheck][..],
        };
        let missing: Vec<_> =
            needed.iter().filter(|name| !seen.contains(name)).map(|name| name.as_str()).collect();
        if missing.is_empty() {
            return Ok(());
        }
        Err(self.incomplete(format!("[[{stage}]] lacks {}", missing.join(", "))))
    }

    /// What is begun for the whole cluster is ended, and what is changed is kept and put back.
    fn pairs(&self, plan: &Plan) -> Result<(), PlanError> {
        use StepName::*;
        let has =
            |name: StepName| plan.before.iter().chain(&plan.after).any(|step| step.name == name);
        let needs = [
            (BeginUpgrade, EndUpgrade),
            (BeginUpgrade, KeepParameters),
            (BeginRollingUpgrade, EndRollingUpgrade),
            (ProtectReplicas, KeepParameters),
            (SpecialActions, KeepParameters),
            (KeepParameters, RestoreParameters),
            (RestoreParameters, KeepParameters),
        ];
        match needs.into_iter().find(|(one, other)| has(*one) && !has(*other)) {
            Some((one, other)) => Err(self.incomplete(format!("{one} needs {other} as well"))),
            None => Ok(()),
        }
    }

    fn step(&self, stage: Stage, step: StepFile) -> Result<Step, PlanError> {
        let (span, name) = (step.step.span(), *step.step.get_ref());
        if step.timeout.0.is_zero() {
            return Err(self.at(span, format!("the timeout of {name} must be more than 0")));
        }
        let action = match (step.run, step.check) {
            (Some(run), None) => {
                let (span, command) = (run.span(), run.into_inner());
                let template = Template::parse(&command, stage == Stage::Zone)
                    .map_err(|reason| self.at(span.clone(), reason))?;
                // The one command that takes something away from the business.
                if name == StepName::StopServer && !template.names_a_zone() {
                    let reason = "stop-server names no zone: in every zone's turn it would stop the \
                                  same servers; say which by {zone}, {endpoint}, {host} or {port}";
                    return Err(self.at(span, reason.to_owned()));
                }
                Action::Run(template)
            }
            (None, Some(check)) if *check.get_ref() != name => {
                let (span, check) = (check.span(), check.into_inner());
                let reason = format!("the check of {name} is {name}, not {check}");
                return Err(self.at(span, reason));
            }
            (None, Some(check)) if !name.is_built_in() => {
                let reason = format!("{name} is no check of rollproof's; give it a run = \"…\"");
                return Err(self.at(check.span(), reason));
            }
            (None, Some(_)) => Action::Check,
            (Some(_), Some(check)) => {
                let reason = format!("{name} has both run and check; one is needed");
                return Err(self.at(check.span(), reason));
            }
            (None, None) => {
                let reason = format!("{name} has neither run nor check; one is needed");
                return Err(self.at(span, reason));
            }
        };
        let every = match step.every {
            None => LOOK_EVERY,
            Some(every) => {
                let (span, every) = (every.span(), every.into_inner().0);
                if action != Action::Check || !name.waits() {
                    let reason = format!("{name} does not look again and again; leave out `every`");
                    return Err(self.at(span, reason));
                }
                if every.is_zero() || every > step.timeout.0 {
                    let reason = format!(
                        "`every` of {name} must be more than 0 and no more than its timeout"
                    );
                    return Err(self.at(span, reason));
                }
                every
            }
        };
        Ok(Step { name, action, timeout: step.timeout.0, every })
    }
}

/// Whether this can be a product's version: it begins with a digit and has no blanks.
pub fn is_version(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || ".-_+~:".contains(c);
    text.starts_with(|c: char| c.is_ascii_digit()) && text.chars().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAB: &str = include_str!("../../workloads/plans/galera-lab.toml");

    fn parse(text: &str) -> Result<Plan, String> {
        Plan::parse(Path::new("p.toml"), text, None).map_err(|error| error.to_string())
    }

    /// The lab's plan with one piece of text replaced.
    fn spoiled(from: &str, to: &str) -> String {
        assert!(LAB.contains(from), "the lab's plan has no {from:?}");
        parse(&LAB.replacen(from, to, 1)).expect_err(from)
    }

    #[test]
    fn the_lab_s_plan_is_valid_and_its_target_can_be_overridden() {
        let plan = parse(LAB).unwrap();
        assert_eq!(plan.zone.len(), 12);
        assert_eq!(plan.intent(None).zone_steps[1], "stop-zone");
        let other = Plan::parse(Path::new("p"), LAB, Some("11.8.3")).unwrap();
        assert_eq!(other.target_version, "11.8.3");
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        let line = |needle: &str| LAB[..LAB.find(needle).unwrap()].matches('\n').count() + 1;
        let at = |needle: &str| format!("line {}", line(needle));
        let stop_zone = "step = \"stop-zone\"";
        let cases = [
            (spoiled(stop_zone, "step = \"stop-everything\""), at(stop_zone), "stop-everything"),
            (
                spoiled("run = \"scripts/lab stop", "check = \"stop-server\"\nrun = \"x"),
                String::new(),
                "both",
            ),
            (spoiled(stop_zone, "step = \"version-check\""), at(stop_zone), "does not belong"),
            (
                spoiled("stop-server {zone}", "stop-server one"),
                at("stop-server {zone}"),
                "names no zone",
            ),
            (spoiled("timeout = \"1m\"", "patience = \"1m\""), at("timeout = \"1m\""), "patience"),
            (spoiled("check = \"stop-zone\"", ""), at(stop_zone), "neither"),
            (
                spoiled("check = \"stop-zone\"", "check = \"start-zone\""),
                String::new(),
                "not start-zone",
            ),
            (spoiled("stop-server {zone}", "stop-server {zoen}"), String::new(), "{zoen}"),
            (spoiled("name = ", "nmae = "), "line".to_owned(), "nmae"),
        ];
        for (error, place, words) in cases {
            assert!(error.contains(&place) && error.contains(words), "{place} {words}: {error}");
        }
    }

    #[test]
    fn every_step_of_the_seed_is_needed_in_its_order() {
        let plan: Vec<&str> = LAB.split_inclusive("\n\n").collect();
        let zone_steps: Vec<usize> =
            (0..plan.len()).filter(|&i| plan[i].starts_with("[[zone]]")).collect();
        assert_eq!(zone_steps.len(), 12);
        for &gone in &zone_steps {
            let mut rest = plan.clone();
            rest.remove(gone);
            let error = parse(&rest.concat()).unwrap_err();
            assert!(error.contains("[[zone]] lacks"), "{error}");
        }
        for pair in zone_steps.windows(2) {
            let mut swapped = plan.clone();
            swapped.swap(pair[0], pair[1]);
            let harmless = plan[pair[0]].contains("stop-server\"\n");
            let result = parse(&swapped.concat());
            assert_eq!(result.is_ok(), harmless, "{}{result:?}", plan[pair[0]]);
        }
    }

    #[test]
    fn how_often_to_look_is_a_step_s_own() {
        let every = |plan: &Plan, name| {
            plan.zone.iter().find(|step| step.name == name).map(|step| step.every).unwrap()
        };
        for text in [SSH, OBD] {
            let plan = parse(text).unwrap();
            assert_eq!(every(&plan, StepName::HealthCheck), Duration::from_secs(10));
            assert_eq!(every(&plan, StepName::WaitVersion), LOOK_EVERY);
        }
        assert_eq!(every(&parse(LAB).unwrap(), StepName::HealthCheck), LOOK_EVERY);
        let (health, stop) = ("check = \"health-check\"", "check = \"stop-zone\"");
        for (at, every, words) in [
            (health, "0s", "more than 0"),
            (health, "2m", "no more than its timeout"),
            (stop, "1s", "stop-zone does not look again and again"),
        ] {
            let error = spoiled(at, &format!("{at}\nevery = \"{every}\""));
            assert!(error.contains(words), "{error}");
        }
    }

    const SSH: &str = include_str!("../../workloads/plans/oceanbase-ssh.toml");
    const OBD: &str = include_str!("../../workloads/plans/oceanbase-obd.toml");

    #[test]
    fn oceanbase_s_plans_are_valid_and_end_what_they_begin() {
        for text in [SSH, OBD] {
            let plan = parse(text).unwrap();
            assert_eq!((plan.before.len(), plan.zone.len(), plan.after.len()), (7, 12, 6));
            for gone in ["end-upgrade", "keep-parameters", "restore-parameters"] {
                let blocks = text.split_inclusive("\n\n");
                let rest: String = blocks.filter(|block| !block.contains(gone)).collect();
                assert!(parse(&rest).unwrap_err().contains(&format!("needs {gone}")), "{gone}");
            }
        }
    }

    #[test]
    fn a_step_that_stands_twice_is_refused() {
        let error = parse(&format!(
            "{LAB}\n[[after]]\nstep = \"version-check\"\ncheck = \"version-check\"\n"
        ));
        assert!(error.unwrap_err().contains("twice"));
    }

    #[test]
    fn a_target_that_is_no_version_is_refused() {
        for target in ["", "latest", "10; rm -rf /", "$(x)"] {
            assert!(Plan::parse(Path::new("p"), LAB, Some(target)).is_err(), "{target}");
        }
    }
}
