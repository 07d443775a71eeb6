//! What the zones' statuses allow and whether they are as the journal says. Pure.

use super::step::StepName;
use super::task::Task;
use crate::cluster::Finding;
use crate::event::{ZoneId, ZoneState, ZoneStatus};
use crate::scenario::Zone;

/// The zones as they were just found, in the scenario's order, with their names.
pub(super) struct World<'a> {
    pub(super) zones: &'a [Zone],
    pub(super) statuses: &'a [ZoneStatus],
    pub(super) target: &'a str,
}

impl World<'_> {
    fn name(&self, status: &ZoneStatus) -> &str {
        &self.zones[status.zone.index()].name
    }

    /// A zone in words: `zone2 is not-ready (Joined, Primary)`.
    pub(super) fn words(&self, status: &ZoneStatus) -> String {
        let version = status.version.as_deref().map(|v| format!(" on {v}")).unwrap_or_default();
        format!("{} is {}{version} ({})", self.name(status), status.state, status.detail)
    }

    /// The first zone of some that does not serve.
    fn not_serving(&self, of: impl Fn(&ZoneStatus) -> bool) -> Option<String> {
        let absent = |status: &&ZoneStatus| of(status) && status.state != ZoneState::Serving;
        self.statuses.iter().find(absent).map(|status| self.words(status))
    }

    /// A zone that sees fewer members than there are zones, or more.
    fn not_whole(&self) -> Option<String> {
        let all = self.zones.len();
        let sees = |status: &ZoneStatus| status.cluster_size.map(|size| size as usize);
        let odd = self.statuses.iter().find(|s| sees(s).is_some_and(|size| size != all))?;
        Some(format!("{} sees {} of {all} members", self.name(odd), sees(odd).unwrap_or(0)))
    }

    /// Whether `zone` may be taken away: every other zone serves at this moment.
    pub(super) fn may_take_away(&self, zone: ZoneId) -> Finding {
        match self.not_serving(|status| status.zone != zone) {
            Some(words) => Finding::NotYet(format!("another zone is away: {words}")),
            None => Finding::Met("every other zone serves".to_owned()),
        }
    }

    /// Whether `zone`'s server runs the target version.
    pub(super) fn on_target(&self, zone: ZoneId) -> Finding {
        let status = &self.statuses[zone.index()];
        match &status.version {
            Some(version) if status.runs(self.target) => Finding::Met(version.clone()),
            _ => Finding::NotYet(format!("{}, not on {}", self.words(status), self.target)),
        }
    }

    /// Whether `zone` is back: all zones serve, the cluster is whole, the version is the target's.
    pub(super) fn is_back(&self, zone: ZoneId) -> Finding {
        if let Some(words) = self.not_serving(|_| true).or_else(|| self.not_whole()) {
            return Finding::NotYet(words);
        }
        self.on_target(zone)
    }

    /// Whether every zone serves on the target version.
    pub(super) fn all_on_target(&self) -> Finding {
        for status in self.statuses {
            if let unmet @ (Finding::NotYet(_) | Finding::Unsupported(_)) =
                self.is_back(status.zone)
            {
                return unmet;
            }
        }
        Finding::Met(format!("all {} zones serve on {}", self.zones.len(), self.target))
    }

    /// Whether `zone`'s server answers at all.
    pub(super) fn answers(&self, zone: ZoneId) -> Finding {
        let status = &self.statuses[zone.index()];
        let Zone { endpoint, .. } = &self.zones[zone.index()];
        match status.state {
            ZoneState::Down => Finding::NotYet(self.words(status)),
            _ => Finding::Met(format!(
                "{} at {endpoint}, going to {}",
                self.words(status),
                self.target
            )),
        }
    }

    /// Where the zones are not as an upgrade left them whose first `finished` tasks ended well.
    /// `begun` says whether the next one was begun.
    pub(super) fn contradictions(
        &self,
        tasks: &[Task],
        finished: usize,
        begun: bool,
    ) -> Vec<String> {
        let mut found = Vec::new();
        for status in self.statuses {
            let steps = |range: &[Task]| -> Vec<StepName> {
                let own = range.iter().filter(|task| task.zone == Some(status.zone));
                own.map(|task| task.step.name).collect()
            };
            let (done, open) = (steps(&tasks[..finished]), steps(&tasks[finished..]));
            let under_way = begun && tasks[finished].zone == Some(status.zone);
            let attempted = under_way.then(|| open[0]);
            if let Some(expected) = self.unlike(status, &done, &open, attempted) {
                found.push(format!("{expected}, but {}", self.words(status)));
            }
        }
        found
    }

    /// What the journal leads to expect of a zone, if it is not so.
    fn unlike(
        &self,
        status: &ZoneStatus,
        done: &[StepName],
        open: &[StepName],
        attempted: Option<StepName>,
    ) -> Option<String> {
        use StepName::*;
        let name = self.name(status);
        let state = status.state;
        let did = |step| done.contains(&step);
        let tried = |step| attempted == Some(step);
        let (holds, expected) = if open.is_empty() {
            let holds = state == ZoneState::Serving && status.runs(self.target);
            (holds, format!("{name} was upgraded and checked"))
        } else if !did(StopZone) && !tried(StopZone) {
            (state == ZoneState::Serving, format!("{name} was not yet touched"))
        } else if did(StartServer) {
            let holds = state != ZoneState::Down && (!did(WaitVersion) || status.runs(self.target));
            (holds, format!("{name} was started on the new release"))
        } else if did(StopServer) {
            let holds = state == ZoneState::Down || tried(StartServer);
            (holds, format!("the server of {name} was stopped"))
        } else if did(StopZone) {
            (state != ZoneState::Serving, format!("{name} was taken out of service"))
        } else {
            (state != ZoneState::Down, format!("{name} was being taken out of service"))
        };
        (!holds).then_some(expected)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upgrade::task::tasks;
    use crate::upgrade::task::tests::{lab_plan, three_zones};

    const OLD: &str = "10.11.18-MariaDB";
    const NEW: &str = "10.11.19-MariaDB";

    fn statuses(of: [(ZoneState, &str); 3]) -> Vec<ZoneStatus> {
        let status = |(zone, (state, version)): (u8, (ZoneState, &str))| ZoneStatus {
            zone: ZoneId(zone),
            state,
            version: (state != ZoneState::Down).then(|| version.to_owned()),
            cluster_size: (state != ZoneState::Down).then_some(3),
            detail: "as set".to_owned(),
        };
        (0..).zip(of).map(status).collect()
    }

    fn world<'a>(zones: &'a [Zone], statuses: &'a [ZoneStatus]) -> World<'a> {
        World { zones, statuses, target: "10.11.19" }
    }

    #[test]
    fn a_zone_is_taken_away_only_while_all_others_serve() {
        use ZoneState::*;
        let zones = three_zones();
        for other in [Stopped, NotReady, Down] {
            let all = statuses([(Serving, NEW), (Serving, OLD), (other, OLD)]);
            assert!(matches!(world(&zones, &all).may_take_away(ZoneId(1)), Finding::NotYet(_)));
            // The zone itself may be in any state: a resumed stop finds it half stopped.
            assert!(matches!(world(&zones, &all).may_take_away(ZoneId(2)), Finding::Met(_)));
        }
    }

    #[test]
    fn a_zone_is_back_when_all_serve_in_a_whole_cluster_on_the_target() {
        use ZoneState::*;
        let zones = three_zones();
        let back =
            |all: &[ZoneStatus]| matches!(world(&zones, all).is_back(ZoneId(0)), Finding::Met(_));
        let good = statuses([(Serving, NEW), (Serving, OLD), (Serving, OLD)]);
        assert!(back(&good));
        assert!(!back(&statuses([(Serving, OLD), (Serving, OLD), (Serving, OLD)])));
        assert!(!back(&statuses([(Serving, NEW), (Serving, OLD), (Down, OLD)])));
        let mut parted = good.clone();
        parted[1].cluster_size = Some(2);
        assert!(!back(&parted));
        assert!(matches!(world(&zones, &good).all_on_target(), Finding::NotYet(_)));
    }

    #[test]
    fn a_world_unlike_the_journal_is_noticed() {
        use StepName::*;
        use ZoneState::*;
        let zones = three_zones();
        let tasks = tasks(&lab_plan(), 3);
        // Journal: zone1 done, zone2 has `step` next, tried or not; then zone2 as found.
        let fits =
            |step: StepName, begun: bool, zone1: (ZoneState, &str), zone2: (ZoneState, &str)| {
                let finished = tasks
                    .iter()
                    .position(|task| task.zone == Some(ZoneId(1)) && task.step.name == step)
                    .unwrap();
                let all = statuses([zone1, zone2, (Serving, OLD)]);
                world(&zones, &all).contradictions(&tasks, finished, begun).is_empty()
            };
        let done = (Serving, NEW);
        assert!(fits(StopServer, false, done, (Stopped, OLD)));
        assert!(fits(StopServer, true, done, (Down, OLD)));
        assert!(fits(StartServer, true, done, (Down, OLD)));
        assert!(fits(StartServer, true, done, (Serving, NEW)));
        assert!(fits(CheckZone, true, done, (NotReady, NEW)));
        assert!(fits(StopZone, true, done, (Stopped, OLD)));
        // Someone started zone2's server, stopped zone1's, or put the old release back.
        assert!(!fits(StopServer, false, done, (Serving, OLD)));
        assert!(!fits(StartServer, false, done, (Serving, OLD)));
        assert!(!fits(StartServer, true, (Down, NEW), (Down, OLD)));
        assert!(!fits(StartServer, true, (Serving, OLD), (Down, OLD)));
        assert!(!fits(LogInSync, true, done, (Serving, OLD)));
        assert!(!fits(LogInSync, true, done, (Down, OLD)));
        assert!(!fits(SetZoneContext, false, done, (Stopped, OLD)));
    }
}
