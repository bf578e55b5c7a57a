//! Maintenance and removal.

use super::*;
use crate::api::CertificateRole;
use crate::plan::cluster::CertificateState;
use expect_test::expect;

fn wants_maintenance(i: usize) -> World {
    World::healthy().with(|w| w.spec().nodes[i - 1].maintenance = Some(true))
}

#[test]
fn a_node_goes_into_maintenance_after_its_intent() {
    wants_maintenance(2).check(expect![[r#"
        do    record: MaintenanceOn n2
        do    put node 2 (n2) into maintenance
    "#]]);
}

#[test]
fn one_node_goes_at_a_time() {
    wants_maintenance(2)
        .with(|w| w.spec().nodes[2].maintenance = Some(true))
        .check(expect![[r#"
            do    record: MaintenanceOn n2
            do    put node 2 (n2) into maintenance
            hold  put node 3 (n3) into maintenance: OneNodeAtATime (one at a time; first: put node 2 (n2) into maintenance)
        "#]]);
}

#[test]
fn maintenance_made_by_a_human_counts() {
    wants_maintenance(2).in_maintenance(3).check(expect![[r#"
        hold  put node 2 (n2) into maintenance: OneNodeAtATime (node 3 is in maintenance)
    "#]]);
    wants_maintenance(3).in_maintenance(3).check(expect![[""]]);
    World::healthy().in_maintenance(3).check(expect![[""]]);
}

#[test]
fn each_gate_holds_maintenance() {
    wants_maintenance(2)
        .with(|w| w.member(3).status = "down".into())
        .check(expect![[r#"
            hold  put node 2 (n2) into maintenance: OneNodeAtATime (node 3 is down)
        "#]]);
    wants_maintenance(2)
        .with(|w| w.member(2).status = "down".into())
        .check(expect![[r#"
            hold  put node 2 (n2) into maintenance: ClusterUnreachable (it is down)
        "#]]);
    wants_maintenance(2)
        .with(|w| w.member(2).status = "resting".into())
        .check(expect![[r#"
            hold  put node 2 (n2) into maintenance: TaskRunning (it is resting)
        "#]]);
    wants_maintenance(2)
        .with(|w| w.live().bdbs[0].status = "active-change-pending".into())
        .check(expect![[r#"
            hold  put node 2 (n2) into maintenance: DatabasesNotActive (database sessions (1) is active-change-pending)
        "#]]);
    wants_maintenance(2)
        .with(|w| w.member(3).accept_servers = false)
        .check(expect![[r#"
            hold  put node 2 (n2) into maintenance: DatabaseAtRisk (database sessions (1) needs 2 other nodes that accept shards and there are 1)
        "#]]);
    wants_maintenance(2)
        .with(|w| (1..=3).for_each(|i| w.member(i).max_redis_servers = Some(1)))
        .with(|w| w.member(3).shard_count = 1)
        .check(expect![[r#"
            hold  put node 2 (n2) into maintenance: InsufficientCapacity (it has 1 shards and the other nodes have room for 0; add a node first)
        "#]]);
    wants_maintenance(2)
        .with(|w| drop(w.live().bdbs[0].fields.insert("rack_aware".into(), json!(true))))
        .check(expect![[r#"
            hold  put node 2 (n2) into maintenance: DatabaseAtRisk (database sessions (1) would lose its second rack)
        "#]]);
    wants_maintenance(2)
        .task(3, "remove_node", "queued")
        .check(expect![[r#"
            hold  put node 2 (n2) into maintenance: TaskRunning (remove_node of node 3 is queued)
        "#]]);
    wants_maintenance(2)
        .with(|w| {
            w.inputs.certificates = vec![CertificateState {
                name: "proxy".into(),
                certificate: CertificateRole::Proxy,
                pins: vec![],
                under_way: true,
            }];
        })
        .check(expect![[r#"
            hold  put node 2 (n2) into maintenance: CertificateChange (ClusterCertificate proxy is being applied)
        "#]]);
    wants_maintenance(2)
        .with_fresh_node(4)
        .intent(IntentAction::JoinNode, "n4", "10.0.0.4:9443", LONG_AGO)
        .seeing(4, bootstrap("joining_cluster", None))
        .check(expect![[r#"
            wait  join node n4: Joining (the node is in state joining_cluster)
            hold  put node 2 (n2) into maintenance: OneNodeAtATime (node n4 is joining)
        "#]]);
}

#[test]
fn a_node_without_which_quorum_is_lost_stays() {
    World::of(2)
        .with(|w| w.spec().nodes[1].maintenance = Some(true))
        .check(expect![[r#"
            hold  put node 2 (n2) into maintenance: QuorumAtRisk (without it 1 of 2 nodes would be in service, which is no majority)
        "#]]);
    World::of(1)
        .with(|w| w.spec().nodes[0].maintenance = Some(true))
        .check(expect![[r#"
            hold  put node 1 (n1) into maintenance: QuorumAtRisk (without it 0 of 1 nodes would be in service, which is no majority)
        "#]]);
}

fn going(time: &str) -> World {
    wants_maintenance(2).intent(IntentAction::MaintenanceOn, "n2", "2", time)
}

#[test]
fn maintenance_is_reached_when_the_node_is_empty_whatever_the_task_says() {
    for task in ["completed", "aborted", "failed", "cancelled"] {
        going(LONG_AGO)
            .in_maintenance(2)
            .task(2, "maintenance_on", task)
            .check(expect![[r#"
                do    record: node n2 is in maintenance
                do    record: nothing is under way
            "#]]);
    }
    going(LONG_AGO).in_maintenance(2).check(expect![[r#"
        do    record: node n2 is in maintenance
        do    record: nothing is under way
    "#]]);
}

#[test]
fn maintenance_is_awaited_while_shards_move() {
    going(LONG_AGO)
        .task(2, "maintenance_on", "running")
        .check(expect![[r#"
            wait  put node 2 (n2) into maintenance: Maintenance (its shards and endpoints are moving)
        "#]]);
    going(LONG_AGO)
        .task(2, "maintenance_on", "pondering")
        .check(expect![[r#"
            wait  put node 2 (n2) into maintenance: Maintenance (its shards and endpoints are moving)
        "#]]);
    going(LONG_AGO)
        .in_maintenance(2)
        .with(|w| w.member(2).shard_count = 1)
        .check(expect![[r#"
            wait  put node 2 (n2) into maintenance: Maintenance (shards are still on it)
        "#]]);
}

#[test]
fn others_wait_until_the_node_is_there() {
    going(LONG_AGO)
        .task(2, "maintenance_on", "running")
        .with(|w| w.spec().nodes[2].maintenance = Some(true))
        .check(expect![[r#"
            wait  put node 2 (n2) into maintenance: Maintenance (its shards and endpoints are moving)
            hold  put node 3 (n3) into maintenance: OneNodeAtATime (one at a time; first: put node 2 (n2) into maintenance)
        "#]]);
}

#[test]
fn a_lost_maintenance_is_sent_again_after_its_deadline() {
    going(JUST_NOW).check(expect![[r#"
        wait  put node 2 (n2) into maintenance: OutcomeUnknown (the request may still arrive)
    "#]]);
    going(LONG_AGO).check(expect![[r#"
        do    record: MaintenanceOn n2
        do    put node 2 (n2) into maintenance
    "#]]);
    going(LONG_AGO)
        .with(|w| w.spec().nodes[1].maintenance = None)
        .check(expect![[r#"
            do    record: nothing is under way
        "#]]);
}

#[test]
fn a_lost_maintenance_goes_before_a_newer_wish() {
    going(LONG_AGO)
        .with(|w| w.spec().nodes[0].maintenance = Some(true))
        .check(expect![[r#"
            do    record: MaintenanceOn n2
            do    put node 2 (n2) into maintenance
            hold  put node 1 (n1) into maintenance: OneNodeAtATime (one at a time; first: put node 2 (n2) into maintenance)
        "#]]);
}

#[test]
fn a_failed_maintenance_waits_for_a_change() {
    going(LONG_AGO)
        .task(2, "maintenance_on", "failed")
        .check(expect![[r#"
            hold  put node 2 (n2) into maintenance: NodeActionFailed (Redis Enterprise says failed with insufficient_resources; change the spec to try again)
        "#]]);
    going(LONG_AGO)
        .task(2, "maintenance_on", "failed")
        .with(|w| w.object.metadata.generation = Some(2))
        .check(expect![[r#"
            do    record: MaintenanceOn n2
            do    put node 2 (n2) into maintenance
        "#]]);
}

#[test]
fn a_maintenance_that_failed_half_way_is_never_stacked() {
    let half = || {
        going(LONG_AGO)
            .in_maintenance(2)
            .task(2, "maintenance_on", "failed")
            .with(|w| w.member(2).shard_count = 1)
            .with(|w| w.object.metadata.generation = Some(2))
    };
    half().check(expect![[r#"
        hold  put node 2 (n2) into maintenance: NodeActionFailed (Redis Enterprise says failed with insufficient_resources; shards are still on it; set maintenance to false to bring it back)
    "#]]);
    half()
        .with(|w| w.spec().nodes[1].maintenance = Some(false))
        .check(expect![[r#"
            do    record: node n2 is in maintenance
            do    record: nothing is under way
        "#]]);
}

fn away() -> World {
    World::healthy()
        .in_maintenance(2)
        .with(|w| w.status().nodes[1].maintenance = true)
}

#[test]
fn our_maintenance_ends_when_the_spec_wants_it_no_more() {
    away().check(expect![[r#"
        do    record: MaintenanceOff n2
        do    take node 2 (n2) out of maintenance
    "#]]);
    away().task(3, "maintenance_on", "running").check(expect![[r#"
        hold  take node 2 (n2) out of maintenance: TaskRunning (maintenance_on of node 3 is running)
    "#]]);
}

#[test]
fn maintenance_that_the_spec_still_wants_stays() {
    away()
        .with(|w| w.spec().nodes[1].maintenance = Some(true))
        .check(expect![[""]]);
}

#[test]
fn maintenance_that_a_human_ended_is_noted() {
    World::healthy()
        .with(|w| w.status().nodes[1].maintenance = true)
        .check(expect![[r#"
            do    record: node n2 is out of maintenance
        "#]]);
}

fn returning(time: &str) -> World {
    away().intent(IntentAction::MaintenanceOff, "n2", "2", time)
}

#[test]
fn a_return_is_over_when_the_node_is_out_of_maintenance() {
    returning(LONG_AGO)
        .with(|w| {
            w.live()
                .statuses
                .get_mut(&NodeUid(2))
                .unwrap()
                .maintenance_snapshot = None
        })
        .task(2, "maintenance_off", "aborted")
        .check(expect![[r#"
            do    record: node n2 is out of maintenance
            do    record: nothing is under way
        "#]]);
}

#[test]
fn a_return_is_awaited_sent_again_or_given_up() {
    returning(LONG_AGO)
        .task(2, "maintenance_off", "running")
        .check(expect![[r#"
            wait  take node 2 (n2) out of maintenance: Maintenance (its shards are coming back)
        "#]]);
    returning(JUST_NOW).check(expect![[r#"
        wait  take node 2 (n2) out of maintenance: OutcomeUnknown (the request may still arrive)
    "#]]);
    returning(LONG_AGO).check(expect![[r#"
        do    record: MaintenanceOff n2
        do    take node 2 (n2) out of maintenance
    "#]]);
    returning(LONG_AGO)
        .task(2, "maintenance_off", "failed")
        .check(expect![[r#"
            hold  take node 2 (n2) out of maintenance: NodeActionFailed (Redis Enterprise says failed with insufficient_resources; the node stays in maintenance; change the spec to try again)
        "#]]);
    returning(LONG_AGO)
        .task(2, "maintenance_off", "completed")
        .check(expect![[r#"
            hold  take node 2 (n2) out of maintenance: NodeActionFailed (Redis Enterprise calls it done, but the node is still in maintenance: somebody else may have put it there as well; end that, or change the spec to try again)
        "#]]);
    returning(LONG_AGO)
        .task(2, "maintenance_off", "failed")
        .with(|w| w.object.metadata.generation = Some(2))
        .check(expect![[r#"
            do    record: MaintenanceOff n2
            do    take node 2 (n2) out of maintenance
        "#]]);
}

fn four(i: u32) -> World {
    World::of(4).without_node(i)
}

#[test]
fn a_node_that_left_the_list_is_removed_after_its_intent() {
    four(4).check(expect![[r#"
        do    record: RemoveNode n4
        do    remove node 4 (n4)
    "#]]);
}

#[test]
fn the_leader_hands_over_before_it_leaves() {
    four(1).check(expect![[r#"
        do    let node 2 (n2) lead
    "#]]);
}

#[test]
fn removes_one_node_and_holds_the_other() {
    World::of(5).without_node(4).without_node(5).check(expect![[r#"
        do    record: RemoveNode n4
        do    remove node 4 (n4)
        hold  remove node 5 (n5): OneNodeAtATime (one at a time; first: remove node 4 (n4))
    "#]]);
}

#[test]
fn three_nodes_remain() {
    World::healthy().without_node(3).check(expect![[r#"
        hold  remove node 3 (n3): QuorumAtRisk (2 nodes would remain and a cluster keeps at least 3; add one first)
    "#]]);
}

#[test]
fn a_node_that_is_down_may_leave_unless_data_is_only_there() {
    four(4)
        .with(|w| w.member(4).status = "down".into())
        .check(expect![[r#"
            do    record: RemoveNode n4
            do    remove node 4 (n4)
        "#]]);
    four(4)
        .with(|w| {
            w.member(4).status = "down".into();
            w.live().shards = vec![shard(1, 4, "master")];
            w.live().bdbs[0].fields.insert("replication".into(), json!(false));
        })
        .check(expect![[r#"
            hold  remove node 4 (n4): DatabaseAtRisk (database sessions (1) has shards on it without a replica, and it is down)
        "#]]);
}

#[test]
fn a_removal_waits_while_another_node_is_in_maintenance() {
    four(4).in_maintenance(2).check(expect![[r#"
        hold  remove node 4 (n4): OneNodeAtATime (node 2 is in maintenance)
    "#]]);
}

fn leaving(time: &str) -> World {
    four(4).intent(IntentAction::RemoveNode, "n4", "4", time)
}

#[test]
fn a_removal_is_awaited_until_the_node_is_gone() {
    leaving(LONG_AGO)
        .task(4, "remove_node", "running")
        .check(expect![[r#"
            wait  remove node 4 (n4): Removing (its shards and endpoints are moving)
        "#]]);
    leaving(LONG_AGO)
        .with(|w| w.member(4).status = "decommissioning".into())
        .check(expect![[r#"
            wait  remove node 4 (n4): Removing (the node is being decommissioned)
        "#]]);
    leaving(LONG_AGO)
        .with(|w| drop(w.live().nodes.pop()))
        .check(expect![[r#"
            do    record: forget node n4
            do    record: nothing is under way
        "#]]);
}

#[test]
fn a_lost_removal_is_sent_again_and_a_failed_one_waits_for_a_change() {
    leaving(JUST_NOW).check(expect![[r#"
        wait  remove node 4 (n4): OutcomeUnknown (the request may still arrive)
    "#]]);
    leaving(LONG_AGO).check(expect![[r#"
        do    record: RemoveNode n4
        do    remove node 4 (n4)
    "#]]);
    leaving(LONG_AGO)
        .task(4, "remove_node", "failed")
        .check(expect![[r#"
            hold  remove node 4 (n4): NodeActionFailed (Redis Enterprise says failed with insufficient_resources; Redis Enterprise may place nothing on it any more; remove the cause, then change the spec to try again)
        "#]]);
    leaving(LONG_AGO)
        .task(4, "remove_node", "failed")
        .with(|w| w.object.metadata.generation = Some(2))
        .check(expect![[r#"
            do    record: RemoveNode n4
            do    remove node 4 (n4)
        "#]]);
}

#[test]
fn a_failed_removal_of_a_node_that_is_listed_again_is_forgotten() {
    World::of(4)
        .intent(IntentAction::RemoveNode, "n4", "4", LONG_AGO)
        .task(4, "remove_node", "failed")
        .with(|w| w.object.metadata.generation = Some(2))
        .check(expect![[r#"
            do    record: nothing is under way
        "#]]);
}

#[test]
fn a_return_goes_before_a_removal() {
    four(4)
        .in_maintenance(2)
        .with(|w| w.status().nodes[1].maintenance = true)
        .check(expect![[r#"
            do    record: MaintenanceOff n2
            do    take node 2 (n2) out of maintenance
            hold  remove node 4 (n4): OneNodeAtATime (one at a time; first: take node 2 (n2) out of maintenance)
        "#]]);
}
