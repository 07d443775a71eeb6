//! Whom OceanBase's adapter believes where its zones say different things.

mod common;

use std::net::TcpListener;
use std::time::Duration;

use common::{Rows, Script, Server};
use rollproof::cluster::check::CheckStatus;
use rollproof::cluster::control;
use rollproof::scenario::{Cluster, Control, Product, Scenario, Zone};
use rollproof::session::Value;
use tokio::time::Instant;

/// One zone is down all through its turn of an upgrade, and the views take their time meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_zone_that_is_down_does_not_outdo_one_that_is_slow() {
    let text = |text: &str| Value::Bytes(text.as_bytes().to_vec());
    let zones = Rows::new(["zone", "status"]).row([text("zone1"), text("ACTIVE")]);
    let zones = zones.row([text("zone2"), text("INACTIVE")]);
    let script = Script::new();
    let slow = common::Reply::from(zones).late(Duration::from_millis(400));
    let server =
        Server::start(script.on("%DBA_OB_ZONES%", slow).on("%", common::Reply::ok(0))).await;
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let zone = |name: &str, endpoint: String| Zone { name: name.to_owned(), endpoint };
    let zones = vec![zone("zone1", server.address().to_string()), zone("zone2", gone.to_string())];
    let user = server.login().user;
    let scenario = Scenario {
        cluster: Cluster {
            product: Product::OceanBase,
            zones: zones.clone(),
            user: user.clone(),
            ..Cluster::default()
        },
        control: Some(Control { zones, user }),
        ..Scenario::default()
    };
    let cluster = control(&scenario, &server.login().password).unwrap();
    let lines = cluster.checks(None, Instant::now() + Duration::from_secs(30)).await;
    let states = lines.iter().find(|line| line.id == "zone-states").unwrap();
    assert_eq!(states.status, CheckStatus::Fail, "{states:?}");
    assert!(states.answer.contains("INACTIVE"), "{states:?}");
}
