//! Nodes that join.

use super::*;
use crate::api::CertificateRole;
use crate::plan::cluster::CertificateState;
use expect_test::expect;

fn one_more() -> World {
    World::healthy().with_fresh_node(4)
}

#[test]
fn a_healthy_cluster_needs_nothing() {
    World::healthy().check(expect![[""]]);
}

#[test]
fn a_listed_node_joins_after_its_intent() {
    let world = one_more();
    world.check(expect![[r#"
        do    record: JoinNode n4
        do    join node n4
    "#]]);
    expect![[r#"
        {
          "action": "join_cluster",
          "cluster": {
            "name": "prod.example.com",
            "nodes": [
              "10.0.0.1",
              "10.0.0.2",
              "10.0.0.3"
            ]
          },
          "node": {
            "identity": {
              "addr": "10.0.0.4"
            }
          }
        }"#]]
    .assert_eq(&body_of(&world.plan()));
}

#[test]
fn one_node_joins_at_a_time() {
    one_more().with_fresh_node(5).check(expect![[r#"
        do    record: JoinNode n4
        do    join node n4
        hold  join node n5: OneNodeAtATime (node n4 joins first)
    "#]]);
}

#[test]
fn nobody_joins_a_cluster_that_lists_no_nodes() {
    let world = World::of(1).with_fresh_node(4).with(|w| w.live().nodes.clear());
    world.check(expect![[r#"
        do    record: forget node n1
        hold  join node n4: ClusterUnreachable (the cluster lists no nodes; check the health of its management plane)
    "#]]);
}

#[test]
fn the_port_of_the_cluster_is_told_to_a_joiner_when_it_is_unusual() {
    let world = one_more().with(|w| w.spec().nodes[0].port = Some(19443));
    expect![[r#"
        {
          "action": "join_cluster",
          "cluster": {
            "name": "prod.example.com",
            "nodes": [
              "10.0.0.1",
              "10.0.0.2",
              "10.0.0.3"
            ]
          },
          "cnm_https_port": 19443,
          "node": {
            "identity": {
              "addr": "10.0.0.4"
            }
          }
        }"#]]
    .assert_eq(&body_of(&world.plan()));
}

#[test]
fn nobody_joins_while_a_member_is_not_well() {
    one_more()
        .with(|w| w.member(2).status = "down".into())
        .check(expect![[r#"
            hold  join node n4: ClusterUnreachable (node 2 at 10.0.0.2 is down; bring it back, or take it off spec.nodes first)
        "#]]);
    one_more()
        .with(|w| w.member(2).status = "decommissioning".into())
        .check(expect![[r#"
            hold  join node n4: OneNodeAtATime (node 2 is decommissioning)
        "#]]);
    one_more().in_maintenance(2).check(expect![[r#"
        hold  join node n4: OneNodeAtATime (node 2 is in maintenance)
    "#]]);
    one_more().task(2, "maintenance_on", "running").check(expect![[r#"
        hold  join node n4: TaskRunning (maintenance_on of node 2 is running)
    "#]]);
}

#[test]
fn nobody_joins_while_a_certificate_changes() {
    one_more()
        .with(|w| {
            w.inputs.certificates = vec![CertificateState {
                name: "proxy".into(),
                certificate: CertificateRole::Proxy,
                pins: vec![],
                under_way: true,
            }];
        })
        .check(expect![[r#"
            hold  join node n4: CertificateChange (ClusterCertificate proxy is being applied)
        "#]]);
}

#[test]
fn a_rack_aware_cluster_takes_no_node_without_a_rack() {
    one_more()
        .with(|w| drop(w.live().policy.insert("rack_aware".into(), json!(true))))
        .check(expect![[r#"
            hold  join node n4: InvalidSpec (the cluster is rack aware; set rackId on the node)
        "#]]);
}

#[test]
fn a_node_of_another_cluster_does_not_join() {
    one_more()
        .seeing(4, Contact::Joined)
        .check(expect![[r#"
            hold  join node n4: IdentityMismatch (the node at 10.0.0.4 belongs to another cluster; reinstall Redis Enterprise on it, or take it off spec.nodes)
        "#]]);
    one_more()
        .seeing(4, bootstrap("creating_cluster", None))
        .check(expect![[r#"
            hold  join node n4: IdentityMismatch (the node is in bootstrap state creating_cluster, which this object did not start; wait until that ends, or reinstall Redis Enterprise on it)
        "#]]);
}

#[test]
fn a_node_that_cannot_be_reached_does_not_keep_others_from_joining() {
    one_more()
        .with_fresh_node(5)
        .seeing(4, unreachable())
        .check(expect![[r#"
            do    record: JoinNode n5
            do    join node n5
            hold  reach node n4: ClusterUnreachable (connection refused)
        "#]]);
}

fn joining(time: &str) -> World {
    one_more().intent(IntentAction::JoinNode, "n4", "10.0.0.4:9443", time)
}

#[test]
fn a_join_is_awaited_while_it_runs() {
    joining(LONG_AGO)
        .seeing(4, bootstrap("joining_cluster", None))
        .check(expect![[r#"
            wait  join node n4: Joining (the node is in state joining_cluster)
        "#]]);
    joining(LONG_AGO)
        .seeing(4, bootstrap("dreaming", None))
        .check(expect![[r#"
            wait  join node n4: Joining (the node is in the unknown state dreaming)
        "#]]);
    joining(LONG_AGO).seeing(4, unreachable()).check(expect![[r#"
            wait  join node n4: Joining (the node cannot be asked at the moment)
            hold  reach node n4: ClusterUnreachable (connection refused)
        "#]]);
    joining(JUST_NOW).seeing(4, Contact::Joined).check(expect![[r#"
            wait  join node n4: Joining (the cluster does not list it yet)
        "#]]);
    joining(LONG_AGO)
        .with(|w| w.live().nodes.push(live_node(4)))
        .with(|w| w.member(4).status = "provisioning".into())
        .check(expect![[r#"
            wait  join node n4: Joining (the cluster has it in state provisioning)
        "#]]);
}

#[test]
fn others_wait_for_the_join_that_is_under_way() {
    joining(LONG_AGO)
        .with_fresh_node(5)
        .with(|w| w.spec().nodes.swap(3, 4))
        .seeing(4, bootstrap("joining_cluster", None))
        .check(expect![[r#"
            wait  join node n4: Joining (the node is in state joining_cluster)
            hold  join node n5: OneNodeAtATime (node n4 joins first)
        "#]]);
}

#[test]
fn a_lost_join_is_sent_again_after_its_deadline() {
    joining(JUST_NOW).check(expect![[r#"
        wait  join node n4: OutcomeUnknown (the request may still arrive)
    "#]]);
    joining(LONG_AGO).check(expect![[r#"
        do    record: JoinNode n4
        do    join node n4
    "#]]);
}

#[test]
fn a_join_that_ended_in_another_cluster_is_said() {
    joining(LONG_AGO)
        .seeing(4, Contact::Joined)
        .check(expect![[r#"
            hold  join node n4: IdentityMismatch (the node at 10.0.0.4 belongs to another cluster; reinstall Redis Enterprise on it, or take it off spec.nodes)
        "#]]);
}

#[test]
fn a_failed_join_says_why_and_blocks_the_next() {
    let failed = |code| joining(JUST_NOW).seeing(4, bootstrap("error", Some(code)));
    failed("time_not_sync").check(expect![[r#"
        hold  join node n4: JoinFailed (time_not_sync: as the node says; synchronise the clocks of the nodes)
    "#]]);
    failed("rack_id_required").with_fresh_node(5).check(expect![[r#"
        hold  join node n4: JoinFailed (rack_id_required: as the node says; the cluster is rack aware; set rackId on the node)
        hold  join node n5: OneNodeAtATime (node n4 joins first)
    "#]]);
    failed("rack_id_required")
        .with(|w| w.object.metadata.generation = Some(2))
        .check(expect![[r#"
            do    record: JoinNode n4
            do    join node n4
        "#]]);
}

#[test]
fn a_joined_node_is_recorded_with_its_uid() {
    joining(LONG_AGO)
        .with(|w| w.live().nodes.push(live_node(4)))
        .seeing(4, Contact::Joined)
        .check(expect![[r#"
            do    record: node n4 has uid 4
            do    record: nothing is under way
        "#]]);
}

#[test]
fn a_join_of_a_node_that_left_the_list_is_followed_to_its_end() {
    joining(LONG_AGO).without_node(4).check(expect![[r#"
        wait  join node n4: Joining (it is no longer listed; it is removed once it has joined)
    "#]]);
    joining("2026-01-01T11:00:00Z").without_node(4).check(expect![[r#"
        do    record: nothing is under way
    "#]]);
    joining(LONG_AGO)
        .without_node(4)
        .with(|w| w.live().nodes.push(live_node(4)))
        .check(expect![[r#"
            do    record: node n4 has uid 4
            do    record: nothing is under way
        "#]]);
}

#[test]
fn a_node_that_left_by_itself_is_forgotten() {
    World::of(4)
        .with(|w| drop(w.live().nodes.pop()))
        .without_node(4)
        .check(expect![[r#"
            do    record: forget node n4
        "#]]);
}

#[test]
fn a_renamed_node_is_recorded_anew_and_not_removed() {
    World::of(4)
        .with(|w| w.spec().nodes[3].name = "renamed".into())
        .with(|w| w.observed.nodes[3].name = "renamed".into())
        .with(|w| w.status().nodes[3].maintenance = true)
        .check(expect![[r#"
            do    record: forget node n4
            do    record: node renamed has uid 4
            do    record: node renamed is in maintenance
        "#]]);
}

#[test]
fn a_member_that_nobody_lists_is_left_alone() {
    World::of(4)
        .without_node(4)
        .with(|w| drop(w.status().nodes.pop()))
        .check(expect![[""]]);
}

#[test]
fn a_node_that_left_the_list_before_it_joined_is_forgotten() {
    one_more().without_node(4).check(expect![[r#"
        do    record: forget node n4
    "#]]);
}
