//! The way to a target version: `oceanbase_upgrade_dep.yml` of the target's package in, sub tasks
//! out. Pure.
//!
//! The file is a graph: a node a version, an edge where one can be upgraded directly to another.
//! The way is the shortest one. What it passes through is only passed through, unless it is a
//! barrier: there the servers themselves must stop and run that version first.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

use super::Version;

/// A version of the file, what it leads to and whether it is a barrier.
#[derive(Debug, Clone, Deserialize)]
struct Node {
    version: Version,
    #[serde(default)]
    can_be_upgraded_to: Vec<Version>,
    /// Can be come from and passed through, but not be gone to.
    #[serde(default)]
    deprecated: bool,
    #[serde(default)]
    require_from_binary: Barrier,
}

/// `require_from_binary`: a plain truth value, or one that depends on where one comes from or
/// goes to.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Barrier {
    Plain(bool),
    Depends {
        value: bool,
        #[serde(default)]
        when_come_from: Vec<Version>,
        #[serde(default)]
        when_upgraded_to: Vec<Version>,
    },
}

impl Default for Barrier {
    fn default() -> Self {
        Self::Plain(false)
    }
}

impl Barrier {
    fn stands(&self, from: Version, to: Version) -> bool {
        let names = |list: &[Version], version: Version| {
            list.is_empty() || list.iter().any(|one| *one == version || *one == version.any_build())
        };
        match self {
            Self::Plain(value) => *value,
            Self::Depends { value, when_come_from, when_upgraded_to } => {
                *value && names(when_come_from, from) && names(when_upgraded_to, to)
            }
        }
    }
}

/// Every version a package knows, and what leads to what.
#[derive(Debug, Clone)]
pub struct Versions(BTreeMap<Version, Node>);

/// One rolling upgrade of all zones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SubTask {
    /// What every server runs before it.
    #[serde(serialize_with = "text")]
    pub from: Version,
    /// What every server runs after it.
    #[serde(serialize_with = "text")]
    pub to: Version,
    /// What lies between and is only passed through.
    #[serde(serialize_with = "texts")]
    pub passes: Vec<Version>,
}

/// The whole upgrade: one sub task, or more where barriers are on the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MainTask {
    /// Its sub tasks, one after the other.
    pub sub_tasks: Vec<SubTask>,
}

fn text<S: Serializer>(version: &Version, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(version)
}

fn texts<S: Serializer>(versions: &[Version], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(versions.iter().map(ToString::to_string))
}

/// Why there is no way.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoPath {
    /// Not YAML, or not such a list.
    #[error("not a list of versions as in oceanbase_upgrade_dep.yml: {0}")]
    Unreadable(String),
    /// The file has a version twice.
    #[error("version {0} is there twice")]
    Twice(Version),
    /// Where it is to begin is not in the file.
    #[error(
        "{0} is not in the file, so nothing can be upgraded from it; take the file of the target's package"
    )]
    UnknownStart(Version),
    /// Where it is to go is not in the file.
    #[error("{0} is not in the file; take the file of the target's own package")]
    UnknownTarget(Version),
    /// The target was withdrawn.
    #[error(
        "{0} is deprecated: it may be upgraded from, but not to; take a later build or release"
    )]
    Deprecated(Version),
    /// The target is not newer.
    #[error("{to} is not newer than {from}; versions only go up")]
    NotUp {
        /// What runs.
        from: Version,
        /// What was asked for.
        to: Version,
    },
    /// No chain of upgrades leads there.
    #[error("no way leads from {from} to {to}; from {from} on one gets as far as {furthest}")]
    NoWay {
        /// What runs.
        from: Version,
        /// What was asked for.
        to: Version,
        /// The newest version that can be reached.
        furthest: Version,
    },
}

impl Versions {
    /// Reads the file.
    ///
    /// # Errors
    /// When it is not such a list, or has a version twice.
    pub fn parse(yaml: &str) -> Result<Self, NoPath> {
        let list: Vec<Node> =
            serde_saphyr::from_str(yaml).map_err(|error| NoPath::Unreadable(error.to_string()))?;
        if list.is_empty() {
            return Err(NoPath::Unreadable("it has no version".to_owned()));
        }
        let mut nodes = BTreeMap::new();
        for node in list {
            let version = node.version;
            if nodes.insert(version, node).is_some() {
                return Err(NoPath::Twice(version));
            }
        }
        Ok(Self(nodes))
    }

    /// The node a running version belongs to: `A.B.C.D-N` in the file stands for build N and every
    /// later one, and comes before `A.B.C.D`, which stands for all builds.
    fn node_of(&self, version: Version) -> Option<&Node> {
        let release = version.any_build();
        let last = if version.build() == 0 { release } else { version };
        self.0.range(release..=last).next_back().map(|(_, node)| node)
    }

    /// Whether the file names a version, as a node or as what one leads to.
    fn knows(&self, target: Version) -> bool {
        let fits = |version: &Version| is_of(*version, target);
        self.0.keys().any(fits) || self.0.values().any(|n| n.can_be_upgraded_to.iter().any(fits))
    }

    /// The way from one version to another.
    ///
    /// # Errors
    /// Why there is none.
    pub fn path(&self, from: Version, to: Version) -> Result<MainTask, NoPath> {
        let same = from.any_build() == to.any_build();
        if to.any_build() < from.any_build() || (same && to.build() <= from.build()) {
            return Err(NoPath::NotUp { from, to });
        }
        let start = self.node_of(from).ok_or(NoPath::UnknownStart(from))?;
        if !self.knows(to) {
            return Err(NoPath::UnknownTarget(to));
        }
        if self.node_of(to).is_some_and(|node| node.deprecated) {
            return Err(NoPath::Deprecated(to));
        }
        let between = if same { Vec::new() } else { self.shortest(start.version, from, to)? };
        Ok(self.cut(from, &between, to))
    }

    /// Breadth first; what is between start and target, without both.
    fn shortest(&self, start: Version, from: Version, to: Version) -> Result<Vec<Version>, NoPath> {
        let mut came_from: BTreeMap<Version, Version> = BTreeMap::from([(start, start)]);
        let mut queue = VecDeque::from([start]);
        while let Some(version) = queue.pop_front() {
            if is_of(version, to) {
                let mut way = Vec::new();
                let mut at = came_from[&version];
                while at != start {
                    way.insert(0, at);
                    at = came_from[&at];
                }
                return Ok(way);
            }
            let Some(node) = self.0.get(&version) else { continue };
            // Where a release stands with and without a build, the build comes first.
            let mut next = node.can_be_upgraded_to.clone();
            next.sort_by_key(|version| version.build() == 0);
            for version in next {
                came_from.entry(version).or_insert_with_key(|version| {
                    queue.push_back(*version);
                    node.version
                });
            }
        }
        let furthest = came_from.keys().copied().max().unwrap_or(from);
        Err(NoPath::NoWay { from, to, furthest })
    }

    /// Cuts the way at its barriers.
    fn cut(&self, from: Version, between: &[Version], to: Version) -> MainTask {
        let (mut sub_tasks, mut begun, mut passes) = (Vec::new(), from, Vec::new());
        for &version in between {
            let barrier = self.0.get(&version).map(|node| &node.require_from_binary);
            if barrier.is_some_and(|barrier| barrier.stands(begun, to)) {
                let passes = std::mem::take(&mut passes);
                sub_tasks.push(SubTask { from: begun, to: version, passes });
                begun = version;
            } else {
                passes.push(version);
            }
        }
        sub_tasks.push(SubTask { from: begun, to, passes });
        MainTask { sub_tasks }
    }
}

/// Whether a version of the file stands for a target: without a build for every build, with one
/// for that and every later one.
fn is_of(version: Version, target: Version) -> bool {
    version.any_build() == target.any_build()
        && (version.build() == 0 || target.build() == 0 || version.build() <= target.build())
}

impl fmt::Display for MainTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Some(first), Some(last)) = (self.sub_tasks.first(), self.sub_tasks.last()) else {
            return Ok(());
        };
        let many = self.sub_tasks.len();
        let s = if many == 1 { "" } else { "s" };
        writeln!(f, "main task: {} to {}, {many} sub task{s}", first.from, last.to)?;
        for (number, SubTask { from, to, passes }) in (1..).zip(&self.sub_tasks) {
            write!(f, "  sub task {number}: {from} to {to}, every zone in turn")?;
            if !passes.is_empty() {
                let passes: Vec<_> = passes.iter().map(ToString::to_string).collect();
                write!(f, " (passing {})", passes.join(", "))?;
            }
            let barrier = if number < many { "; a barrier: every server must run it" } else { "" };
            writeln!(f, "{barrier}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = include_str!("../../../tests/sys_tenant/oceanbase_upgrade_dep.yml");

    fn path(from: &str, to: &str) -> Result<Vec<String>, String> {
        let versions = Versions::parse(FILE).unwrap();
        let task = versions.path(from.parse().unwrap(), to.parse().unwrap());
        let task = task.map_err(|error| error.to_string())?;
        Ok(task.sub_tasks.iter().map(|task| format!("{}>{}", task.from, task.to)).collect())
    }

    #[test]
    fn ways_and_their_sub_tasks() {
        let cases: &[(&str, &str, &[&str])] = &[
            ("4.2.1.6", "4.2.1.8", &["4.2.1.6>4.2.1.8"]),
            ("4.2.1.6-106000012024042515", "4.2.1.8", &["4.2.1.6-106000012024042515>4.2.1.8"]),
            ("4.2.1.8", "4.2.1.10", &["4.2.1.8>4.2.1.10"]),
            ("4.2.1.8-100", "4.2.1.8-108", &["4.2.1.8-100>4.2.1.8-108"]),
            // The barriers 4.1.0.2 and 4.2.1.2 count for those who come from before them.
            ("4.0.0.0", "4.1.0.1", &["4.0.0.0>4.1.0.1"]),
            ("4.0.0.0", "4.2.0.0", &["4.0.0.0>4.1.0.2", "4.1.0.2>4.2.0.0"]),
            ("4.0.0.0", "4.2.1.8", &["4.0.0.0>4.1.0.2", "4.1.0.2>4.2.1.2", "4.2.1.2>4.2.1.8"]),
            ("4.1.0.0", "4.2.1.8", &["4.1.0.0>4.2.1.2", "4.2.1.2>4.2.1.8"]),
            ("4.2.1.0", "4.2.1.8", &["4.2.1.0>4.2.1.8"]),
            // A build of its own in the file: a deprecated one may be left.
            (
                "4.1.0.0-100000192023032010",
                "4.2.0.0",
                &["4.1.0.0-100000192023032010>4.1.0.2", "4.1.0.2>4.2.0.0"],
            ),
        ];
        for (from, to, expected) in cases {
            assert_eq!(path(from, to).unwrap(), *expected, "{from} to {to}");
        }
    }

    #[test]
    fn what_cannot_be_is_refused_with_the_reason() {
        let cases = [
            ("4.2.1.8", "4.2.1.6", "only go up"),
            ("4.2.1.10", "4.2.1.8", "only go up"),
            ("4.2.1.8", "4.2.1.8", "not newer"),
            ("4.2.1.6", "4.3.0.0", "as far as 4.2.1.10"),
            ("4.2.1.6", "4.9.0.0", "4.9.0.0 is not in the file"),
            ("3.1.0.0", "4.2.1.8", "3.1.0.0 is not in the file"),
            ("4.1.0.2", "4.2.0.0-100000152023080109", "deprecated"),
        ];
        for (from, to, words) in cases {
            let error = path(from, to).unwrap_err();
            assert!(error.contains(words), "{from} to {to}: {error}");
        }
        for yaml in ["", "a: b", "- version: x", "- version: 4.0.0.0\n- version: 4.0.0.0"] {
            assert!(Versions::parse(yaml).is_err(), "{yaml}");
        }
    }

    #[test]
    fn it_is_printed_as_main_task_and_sub_tasks() {
        let versions = Versions::parse(FILE).unwrap();
        let task = versions.path("4.1.0.2".parse().unwrap(), "4.2.1.8".parse().unwrap()).unwrap();
        insta::assert_snapshot!(task, @r"
        main task: 4.1.0.2 to 4.2.1.8, 2 sub tasks
          sub task 1: 4.1.0.2 to 4.2.1.2, every zone in turn (passing 4.2.0.0, 4.2.1.0, 4.2.1.1); a barrier: every server must run it
          sub task 2: 4.2.1.2 to 4.2.1.8, every zone in turn (passing 4.2.1.3, 4.2.1.4, 4.2.1.5, 4.2.1.6, 4.2.1.7)
        ");
    }
}
