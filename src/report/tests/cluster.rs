use super::*;
use crate::api::RedisCluster;
use crate::plan::cluster::plan;
use crate::plan::cluster::tests::World;

const THEN: &str = "2026-01-01T12:00:00Z";

fn then() -> Timestamp {
    THEN.parse().unwrap()
}

/// A pass, in which every step succeeds unless the observation failed.
fn pass(
    world: &mut World,
    failure: Option<&Failure>,
    now: Timestamp,
) -> Report<crate::api::RedisClusterStatus> {
    let before: RedisCluster = world.object.clone();
    let plan = plan(&world.object, &world.inputs, &world.observed, now);
    if failure.is_none() {
        for step in &plan.steps {
            if let Step::Record(record) = step {
                world.object.status = Some(announce_cluster(&world.object, record, now));
            }
        }
    }
    let report = cluster(&Round {
        before: &before,
        object: &world.object,
        inputs: Some(&world.inputs),
        observed: failure.is_none().then_some(&world.observed),
        plan: failure.is_none().then_some(&plan),
        done: if failure.is_none() { plan.steps.len() } else { 0 },
        failure,
        now,
        interval: INTERVAL,
    });
    world.object.status = Some(report.status.clone());
    report
}

fn text(report: &Report<crate::api::RedisClusterStatus>) -> String {
    let mut text = String::new();
    for condition in &report.status.conditions {
        let Condition {
            type_,
            status,
            reason,
            message,
            ..
        } = condition;
        text += &format!("{type_}={status} {reason}: {message}\n");
    }
    for event in &report.events {
        text += &format!(
            "{} {} {}\n",
            if event.warning { "!" } else { "-" },
            event.reason,
            event.note
        );
    }
    text + &format!("next {:?}\n", report.visit)
}

#[test]
fn a_healthy_cluster_is_ready_and_then_quiet() {
    let mut world = World::healthy();
    let first = pass(&mut world, None, then());
    expect![[r#"
        Ready=True Available: cluster prod.example.com answers, and its nodes have joined
        Synced=True InSync: what the spec sets is what is there
        Reachable=True Answering: the cluster answers
        LicenseValid=True InForce: the licence is in force
        next Resync
    "#]]
    .assert_eq(&text(&first));
    expect![[r#"
        ClusterSummary { nodes: "3/3", shards: "2/-", databases: 1 }
        Some("8.0.10-64")
        [Some("active"), Some("active"), Some("active")]
    "#]]
    .assert_eq(&format!(
        "{:?}\n{:?}\n{:?}\n",
        first.status.summary.as_ref().unwrap(),
        first.status.version,
        first
            .status
            .nodes
            .iter()
            .map(|node| node.state.clone())
            .collect::<Vec<_>>()
    ));
    let again = pass(&mut world, None, then() + SignedDuration::from_secs(30));
    assert!(!again.differs(Some(&first.status)));
    assert!(again.events.is_empty());
}

#[test]
fn an_outage_is_told_by_the_cluster_once() {
    let mut world = World::healthy();
    pass(&mut world, None, then());
    let down = unreachable("refused");
    let mut told = String::new();
    for secs in [30, 60, 90, 120] {
        let report = pass(&mut world, Some(&down), then() + SignedDuration::from_secs(secs));
        told += &format!(
            "{secs}: {}\n",
            text(&report)
                .lines()
                .filter(|line| line.starts_with(['R', '!', '-']))
                .collect::<Vec<_>>()
                .join(" | ")
        );
    }
    expect![[r#"
        30: Ready=True Available: cluster prod.example.com answers, and its nodes have joined | Reconciling=True Retrying: Redis Enterprise does not answer (GET /v1/bdbs: no connection: refused); check its nodes and the network to them | Reachable=True Answering: the cluster answers
        60: Ready=True Available: cluster prod.example.com answers, and its nodes have joined | Reconciling=True Retrying: Redis Enterprise does not answer (GET /v1/bdbs: no connection: refused); check its nodes and the network to them | Reachable=True Answering: the cluster answers
        90: Ready=Unknown ClusterUnreachable: Redis Enterprise does not answer (GET /v1/bdbs: no connection: refused); check its nodes and the network to them | Reachable=False ClusterUnreachable: no node answers for the cluster | ! Unreachable Redis Enterprise does not answer (GET /v1/bdbs: no connection: refused); check its nodes and the network to them
        120: Ready=Unknown ClusterUnreachable: Redis Enterprise does not answer (GET /v1/bdbs: no connection: refused); check its nodes and the network to them | Reachable=False ClusterUnreachable: no node answers for the cluster
    "#]].assert_eq(&told);
    let back = pass(&mut world, None, then() + SignedDuration::from_secs(150));
    expect![[r#"
        Ready=True Available: cluster prod.example.com answers, and its nodes have joined
        Synced=True InSync: what the spec sets is what is there
        Reachable=True Answering: the cluster answers
        LicenseValid=True InForce: the licence is in force
        - Recovered the cluster answers again
        next Resync
    "#]]
    .assert_eq(&text(&back));
}

#[test]
fn rejected_credentials_are_noted_until_others_are_accepted() {
    let mut world = World::healthy();
    let denied = refused(&route::CLUSTER, 401, "");
    let first = pass(&mut world, Some(&denied), then())
        .status
        .rejected_credentials
        .unwrap();
    assert_eq!(first.rejected_time, THEN);
    let again = pass(&mut world, Some(&denied), then() + SignedDuration::from_secs(599)).status;
    assert_eq!(
        again.rejected_credentials,
        Some(first.clone()),
        "it was not tried again"
    );
    let retried = pass(&mut world, Some(&denied), then() + SignedDuration::from_secs(600)).status;
    assert_ne!(retried.rejected_credentials, Some(first));
    let accepted = pass(&mut world, None, then() + SignedDuration::from_secs(630)).status;
    assert_eq!(accepted.rejected_credentials, None);
}

#[test]
fn fresh_nodes_are_not_ready_and_what_is_done_shows() {
    let mut world = World::fresh();
    let record = plan(&world.object, &world.inputs, &world.observed, then())
        .steps
        .into_iter()
        .find_map(|step| match step {
            Step::Record(record @ Record::Intent(_)) => Some(record),
            _ => None,
        });
    let announced = announce_cluster(&world.object, &record.unwrap(), then()).conditions;
    expect![[r#"
        Ready=False Bootstrapping: create the cluster on n1: Redis Enterprise has been asked to
        Synced=False PendingApply: create the cluster on n1: Redis Enterprise has been asked to
        Reconciling=True Bootstrapping: create the cluster on n1: Redis Enterprise has been asked to
        Reachable=Unknown Pending: nothing is known yet
        next Soon
    "#]]
    .assert_eq(&text(&pass(&mut world, None, then())));
    let said = &world.object.status.as_ref().unwrap().conditions;
    assert!(
        announced.iter().all(|condition| said.contains(condition)),
        "one write says it"
    );
}

#[test]
fn an_expired_licence_shows() {
    let mut world = World::healthy();
    world.observed.live.as_mut().unwrap().license =
        serde_json::from_value(json!({"license": "", "expired": true, "shards_limit": 4})).unwrap();
    let report = pass(&mut world, None, then());
    let valid = last(&report.status.conditions, "LicenseValid").unwrap();
    assert_eq!(
        (valid.status.as_str(), valid.reason.as_str()),
        ("False", "LicenseExpired")
    );
}
