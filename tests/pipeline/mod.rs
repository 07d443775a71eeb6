//! Reads the example pipelines as the servers they are for would.

#![allow(dead_code, unreachable_pub, reason = "each test uses a part of it")]

use serde_json::Value;

pub const PATHS: [&str; 2] = ["docs/ci/github-actions.yml", "docs/ci/gitlab-ci.yml"];

/// One job: what its environment holds, and what it executes.
pub struct Job {
    pub name: String,
    pub variables: Vec<(String, String)>,
    pub scripts: Vec<String>,
}

/// The jobs of a pipeline, in alphabetical order.
pub fn jobs(path: &str) -> Vec<Job> {
    let text = std::fs::read_to_string(path).unwrap();
    let whole: Value =
        serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"));
    let of_github = whole.get("jobs");
    let all = of_github.unwrap_or(&whole).as_object().unwrap().iter();
    let is_job = |value: &Value| value.get("steps").or(value.get("script")).is_some();
    let mut jobs: Vec<Job> = all.filter(|(_, value)| is_job(value)).map(job).collect();
    jobs.sort_by(|a, b| a.name.cmp(&b.name));
    jobs
}

fn job((name, value): (&String, &Value)) -> Job {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let variables = value.get("env").or(value.get("variables")).unwrap().as_object().unwrap();
    let steps = value.get("steps").and_then(Value::as_array).into_iter().flatten();
    let of_steps = steps.filter_map(|step| step.get("run")).map(text);
    let script = value.get("script").and_then(Value::as_array).into_iter().flatten().map(text);
    let mut variables: Vec<_> =
        variables.iter().map(|(name, value)| (name.clone(), text(value))).collect();
    // The longest name first: $RUN must not be found in $RUNNER.
    variables.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
    Job { name: name.clone(), variables, scripts: of_steps.chain(script).collect() }
}
