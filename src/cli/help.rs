//! What `--help` says after the options: examples and exit codes.

pub(super) const TOOL: &str = "\
First steps:
  export ROLLPROOF_PASSWORD=… ROLLPROOF_USER=app
  export ROLLPROOF_ZONES=zone1=10.0.0.1:3306,zone2=10.0.0.2:3306,zone3=10.0.0.3:3306
  rollproof check
  rollproof load --warehouses 10
  rollproof run  --warehouses 10 --upgrade my-plan.toml

Exit codes:
  0  PASS: uninterrupted within the objectives, no data lost; or the verb did what was asked
  1  FAIL: an objective was missed; load: the data is not complete
  2  the command line, the scenario, the plan or the connection data are wrong
  3  DATA FAIL: lost, duplicated or inconsistent data
  4  INCONCLUSIVE or INVALID: nothing can be proven either way; also a record that is not as the
     run wrote it; never a pass
  5  the upgrade itself failed, or a pre-upgrade check did";

pub(super) const CHECK: &str = "\
Examples:
  rollproof check --scenario workloads/tpcc-10w.toml
  rollproof check --zones zone1=10.0.0.1:3306,zone2=10.0.0.2:3306,zone3=10.0.0.3:3306 --user app
  rollproof check --target-version 10.11.19 --json
  rollproof check --product oceanbase --target-version 4.2.1.8 --control-user root@sys --prepare

Exit codes:
  0  no check failed
  2  no zone let the user in, so nothing could be asked
  5  a check failed: do not begin the upgrade";

pub(super) const PATH: &str = "\
Example:
  rollproof path oceanbase_upgrade_dep.yml --from 4.2.1.6 --to 4.2.1.8

Exit codes:
  0  there is a way
  2  the file or a version cannot be read
  5  there is none, and why";

pub(super) const LOAD: &str = "\
Examples:
  rollproof load --scenario workloads/tpcc-10w.toml
  rollproof load --warehouses 100 --workers 16 --database tpcc100
  rollproof load --upgrade my-plan.toml       upgrade the zones during the load

The database is created. A load that was interrupted goes on where it stopped when it is started
again with the same parameters; one that is complete is left as it is.

With --upgrade, --results, --run-id or --listen the load is recorded like a run, its data are
checked on every zone, and it ends with a verdict.

Exit codes:
  0  the data is there, complete and checked
  1  it is not complete; start the load again
  2  it cannot be loaded like this: no zone lets the user in, or the database holds other data
  3  the data are wrong
  4  recorded: nothing can be proven either way
  5  with --upgrade: the upgrade failed";

pub(super) const RUN: &str = "\
Examples:
  rollproof run --scenario workloads/tpcc-10w.toml --upgrade workloads/plans/galera-lab.toml
  rollproof run --upgrade my-plan.toml --resume results/2026-01-31T14-05-09Z
  rollproof run --upgrade-cmd ./roll-all-zones.sh   wrap another orchestrator
  rollproof run --until-version 10.11.19            watch while somebody else upgrades
  rollproof run --duration 30m                      watch, whatever happens
  rollproof run --model max --terminals 50 --retry none
  rollproof run --listen 9464                       a live page and metrics at 127.0.0.1:9464

Ctrl-C ends the run in order: the step in hand is finished, the data checked, a verdict given.
A second Ctrl-C cuts everything off, as the first does once the data is being checked. Exit codes:
see `rollproof --help`.";

pub(super) const MARK: &str = "\
Examples:
  rollproof mark stop-zone --zone zone1
  rollproof mark upgrade-post --run results/2026-01-31T14-05-09Z

For whoever upgrades a cluster that `rollproof run` watches or whose command it wraps. A phase lasts
until the next one begins. Phases have the names of the steps of an upgrade plan; those of a zone
need --zone. Another name is refused with the list of all.

Exit codes:
  0  it is in the run's record, at the moment printed
  2  it is not: no such phase or zone, no run, several runs, or the run did not answer";

pub(super) const AUDIT: &str = "\
Examples:
  rollproof audit results/2026-01-31T14-05-09Z
  rollproof audit results/2026-01-31T14-05-09Z --zones zone2=10.0.1.2:3306

The database must be as the run left it: no load, no later run. Exit codes: the run's verdict, see
`rollproof --help`.";

pub(super) const REPORT: &str = "\
Example:
  rollproof report results/2026-01-31T14-05-09Z

Needs no database. The same record gives the same bytes. Exit codes: the run's verdict, see
`rollproof --help`.";

pub(super) const COMPARE: &str = "\
Examples:
  rollproof compare results/10.11.17 results/10.11.18        the last release with this one
  rollproof compare results/upgrade                          before its upgrade with after it
  rollproof compare --runs a1 a2 a3 a4 --against b1 b2 b3 b4 whole runs, made by turns
  rollproof compare results/last results/this --part steady,upgrade --p99 10% --out comparison

Two runs are cut into blocks of 30 s, and those are compared; of several runs a side, whole runs
are. A figure passes when its ratio's 95 % interval ends within what is tolerated, and has regressed
when it begins beyond; otherwise it is open. The runs must have done the same: load, topology, size
of the data.

Exit codes:
  0  PASS: no figure became worse than is tolerated
  1  REGRESSED: at least one did
  2  the runs did not do the same, or have no such part, or are no runs
  4  INCONCLUSIVE: it cannot be told; or a run is incomplete or INVALID. Never a pass";

pub(super) const MAN: &str = "\
Examples:
  rollproof man | man -l -
  rollproof man run > /usr/local/share/man/man1/rollproof-run.1";

pub(super) const COMPLETIONS: &str = "\
Examples:
  rollproof completions bash > ~/.local/share/bash-completion/completions/rollproof
  rollproof completions zsh  > ~/.zfunc/_rollproof";
