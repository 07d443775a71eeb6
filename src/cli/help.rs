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
  4  INCONCLUSIVE or INVALID: nothing can be proven either way; never a pass
  5  the upgrade itself failed, or a pre-upgrade check did";

pub(super) const CHECK: &str = "\
Examples:
  rollproof check --scenario workloads/tpcc-10w.toml
  rollproof check --zones zone1=10.0.0.1:3306,zone2=10.0.0.2:3306,zone3=10.0.0.3:3306 --user app
  rollproof check --target-version 10.11.19 --json

Exit codes:
  0  no check failed
  2  no zone let the user in, so nothing could be asked
  5  a check failed: do not begin the upgrade";

pub(super) const LOAD: &str = "\
Examples:
  rollproof load --scenario workloads/tpcc-10w.toml
  rollproof load --warehouses 100 --workers 16 --database tpcc100

The database is created. A load that was interrupted goes on where it stopped when it is started
again with the same parameters; one that is complete is left as it is.

Exit codes:
  0  the data is there, complete and checked
  1  it is not complete; start the load again
  2  it cannot be loaded like this: no zone lets the user in, or the database holds other data";

pub(super) const RUN: &str = "\
Examples:
  rollproof run --scenario workloads/tpcc-10w.toml --upgrade workloads/plans/galera-lab.toml
  rollproof run --upgrade my-plan.toml --resume results/2026-01-31T14-05-09Z
  rollproof run --duration 30m        watch while somebody else upgrades
  rollproof run --model max --terminals 50 --retry none

Ctrl-C ends the run in order: the step in hand is finished, the data checked, a verdict given.
A second Ctrl-C cuts everything off. Exit codes: see `rollproof --help`.";

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

pub(super) const COMPLETIONS: &str = "\
Examples:
  rollproof completions bash > ~/.local/share/bash-completion/completions/rollproof
  rollproof completions zsh  > ~/.zfunc/_rollproof";
