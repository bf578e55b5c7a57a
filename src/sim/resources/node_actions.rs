//! `/v1/nodes/{uid}/actions`: remove, maintenance_on, maintenance_off, enslave_node.

use super::nodes;
use crate::sim::call::{Answer, ApiError, Ctx, Reply};
use crate::sim::events::Told;
use crate::sim::ids::NodeUid;
use crate::sim::permission::Permission::{
    CancelNodeAction, StartNodeAction, ViewStatusOfAllNodeActions, ViewStatusOfNodeAction,
};
use crate::sim::route::Route;
use crate::sim::schema::{Table, action as tables, shape};
use crate::sim::state::Due;
use crate::sim::switch::Switch;
use crate::sim::task::{Kind, TaskStatus};
use crate::sim::work;
use serde_json::{Map, Value, json};

/// Routes of this family.
#[rustfmt::skip]
pub(crate) const ROUTES: &[Route] = &[
    Route::new("GET", "/v1/nodes/actions", ViewStatusOfAllNodeActions, shape::ACTIONS, list_all),
    Route::new("GET", "/v1/nodes/{uid}/actions", ViewStatusOfNodeAction, shape::ACTIONS, list),
    Route::new("GET", "/v1/nodes/{uid}/actions/{action}", ViewStatusOfNodeAction, shape::ACTION, get).presumed(),
    Route::new("POST", "/v1/nodes/{uid}/actions/{action}", StartNodeAction, shape::STARTED, post),
    Route::new("DELETE", "/v1/nodes/{uid}/actions/{action}", CancelNodeAction, shape::NOTHING, delete),
];

/// The body that starts an action.
fn body_of(kind: Kind) -> &'static Table {
    match kind {
        Kind::RemoveNode => &tables::REMOVE,
        Kind::MaintenanceOn => &tables::MAINTENANCE_ON,
        Kind::MaintenanceOff => &tables::MAINTENANCE_OFF,
        Kind::EnslaveNode => &tables::ENSLAVE_NODE,
        Kind::ChangeMaster => &tables::CHANGE_MASTER,
    }
}

fn action(ctx: &Ctx<'_>) -> Result<Kind, ApiError> {
    let name = ctx.call.params.get("action").map_or("", String::as_str);
    Kind::of_path(name, true).ok_or_else(|| ApiError::not_found(format!("There is no node action {name}")))
}

fn list_all(ctx: &mut Ctx<'_>) -> Answer {
    Ok(Reply::json(json!({"actions": listed(ctx, None)})))
}

fn list(ctx: &mut Ctx<'_>) -> Answer {
    let uid = nodes::member(ctx)?.uid;
    let actions = listed(ctx, Some(uid));
    if actions.is_empty() && ctx.env.on(Switch::NodeActionsEmpty404) {
        return Err(ApiError::not_found(format!("No action has run on node {uid}")));
    }
    Ok(Reply::json(json!({"actions": actions})))
}

fn listed(ctx: &Ctx<'_>, node: Option<NodeUid>) -> Vec<Map<String, Value>> {
    let tasks = ctx
        .cluster
        .tasks
        .0
        .iter()
        .filter(|task| task.node.is_some() && task.kind != Kind::ChangeMaster);
    let tasks = tasks
        .filter(|task| node.is_none() || task.node == node)
        .map(|task| {
            let mut shown = task.shown(ctx.env.now, false);
            shown.remove("task_id");
            shown
        });
    tasks.collect()
}

fn get(ctx: &mut Ctx<'_>) -> Answer {
    let kind = action(ctx)?;
    let uid: NodeUid = ctx.call.param("uid")?;
    let task = ctx.cluster.tasks.find(kind, Some(uid));
    let task = task.ok_or_else(|| ApiError::not_found(format!("The action has not run on node {uid}")))?;
    let mut shown = task.shown(ctx.env.now, false);
    shown.remove("node_uid");
    shown.remove("name");
    Ok(Reply::json(shown))
}

fn post(ctx: &mut Ctx<'_>) -> Answer {
    let kind = action(ctx)?;
    let uid = nodes::member(ctx)?.uid;
    let body = ctx.body(body_of(kind))?;
    if ctx.cluster.tasks.running(kind) {
        return Err(ApiError::conflict(
            "action_already_running",
            format!("{} is running already", kind.name()),
        ));
    }
    if kind == Kind::RemoveNode {
        if let Some(member) = ctx.cluster.members.get_mut(&uid) {
            member.closed = true;
        }
        ctx.tell(Told::RemovalRequested, &json!({"node_uid": uid.0}));
    }
    let id = ctx.cluster.tasks.start(ctx.env, kind, Some(uid), body);
    ctx.env
        .schedule(work::lead_in(ctx.env), Due::Task(ctx.cluster.id, id.clone()));
    ctx.commit();
    Ok(Reply::json(
        json!({"status": TaskStatus::Queued.as_str(), "task_id": id}),
    ))
}

/// Cancels what runs, after its current step; clears what is over.
fn delete(ctx: &mut Ctx<'_>) -> Answer {
    let kind = action(ctx)?;
    let uid: NodeUid = ctx.call.param("uid")?;
    let task = ctx
        .cluster
        .tasks
        .0
        .iter_mut()
        .find(|task| (task.kind, task.node) == (kind, Some(uid)));
    let task = task.ok_or_else(|| ApiError::not_found(format!("The action is not running on node {uid}")))?;
    let (id, over) = (task.id.clone(), task.status.is_over());
    match task.status {
        TaskStatus::Queued | TaskStatus::Starting => {
            let queued = task.status == TaskStatus::Queued;
            task.status = if queued {
                TaskStatus::Cancelled
            } else {
                TaskStatus::Aborted
            };
            task.ended = Some(ctx.env.now);
        }
        TaskStatus::Running => {
            task.status = TaskStatus::Cancelling;
            let due = Due::Task(ctx.cluster.id, task.id.clone());
            ctx.env.schedule(ctx.env.timings.shard_move, due);
        }
        TaskStatus::Cancelling => {}
        TaskStatus::Cancelled | TaskStatus::Aborted | TaskStatus::Completed | TaskStatus::Failed => {
            ctx.cluster
                .tasks
                .0
                .retain(|task| (task.kind, task.node) != (kind, Some(uid)));
        }
    }
    if kind == Kind::RemoveNode && !over {
        ctx.tell(Told::RemovalAbortRequested, &json!({"node_uid": uid.0}));
        work::tell_of_end(ctx.cluster, ctx.env, &id);
    }
    ctx.commit();
    Ok(Reply::empty())
}

#[cfg(test)]
mod maintenance;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::fixture::Fixture;
    use crate::sim::ids::NodeIndex;
    use crate::sim::switch::Switches;

    const ON: &str = "/v1/nodes/2/actions/maintenance_on";
    const OFF: &str = "/v1/nodes/2/actions/maintenance_off";
    const REMOVE: &str = "/v1/nodes/3/actions/remove";

    fn status(sim: &mut Fixture, path: &str) -> String {
        sim.admin(0, "GET", path, Value::Null).json["status"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    #[test]
    fn every_refusal_has_its_status() {
        for (method, path, body, want) in [
            ("POST", "/v1/nodes/9/actions/remove", json!({}), 404),
            ("POST", "/v1/nodes/2/actions/dance", json!({}), 404),
            ("POST", ON, json!({"nonsense": 1}), 400),
            ("POST", ON, json!({"evict_dbs": [1]}), 400),
            ("POST", ON, json!({"overwrite_snapshot": "yes"}), 400),
            ("GET", ON, Value::Null, 404),
            ("DELETE", ON, Value::Null, 404),
            ("GET", "/v1/nodes/9/actions", Value::Null, 404),
            ("GET", "/v1/nodes/actions", Value::Null, 200),
            ("POST", ON, Value::Null, 200),
        ] {
            let mut sim = Fixture::cluster(3, 3);
            assert_eq!(
                sim.admin(0, method, path, body.clone()).status,
                want,
                "{method} {path} {body}"
            );
        }
    }

    #[test]
    fn a_node_on_which_nothing_ran_has_an_empty_list_or_none() {
        for (switches, status) in [
            (Switches::default(), 200),
            (Switches::default().with(Switch::NodeActionsEmpty404), 404),
        ] {
            let mut sim = Fixture::cluster_with(3, 3, switches);
            let path = "/v1/nodes/2/actions";
            assert_eq!(sim.admin(0, "GET", path, Value::Null).status, status);
            sim.admin(0, "POST", ON, json!({}));
            assert_eq!(sim.admin(0, "GET", path, Value::Null).status, 200);
            let all = sim.admin(0, "GET", "/v1/nodes/actions", Value::Null);
            assert_eq!(all.json["actions"].as_array().map(Vec::len), Some(1));
        }
    }

    #[test]
    fn a_started_action_has_an_id_and_its_result_can_be_cleared() {
        let mut sim = Fixture::cluster(3, 3);
        let started = sim.admin(0, "POST", ON, json!({})).json;
        assert_eq!(
            (
                started["status"].as_str(),
                started["task_id"].as_str().map(str::len)
            ),
            (Some("queued"), Some(36))
        );
        sim.pass(20);
        assert_eq!(sim.admin(0, "DELETE", ON, Value::Null).status, 200);
        assert_eq!(sim.admin(0, "GET", ON, Value::Null).status, 404);
    }

    #[test]
    fn one_type_runs_once_in_the_whole_cluster_and_a_new_one_erases_the_old_result() {
        let mut sim = Fixture::cluster(3, 3);
        let first = sim.admin(0, "POST", ON, json!({})).json["task_id"].clone();
        assert_eq!(
            sim.admin(0, "POST", "/v1/nodes/3/actions/maintenance_on", json!({}))
                .status,
            409
        );
        sim.pass(30);
        let second = sim.admin(0, "POST", ON, json!({})).json["task_id"].clone();
        assert_ne!(first, second);
        assert_eq!(sim.admin(0, "GET", ON, Value::Null).json["task_id"], second);
    }

    #[test]
    fn maintenance_shows_in_the_status_and_ends_where_it_began() {
        let mut sim = Fixture::cluster(3, 3);
        sim.admin(0, "POST", ON, json!({}));
        sim.pass(30);
        let node = sim.admin(0, "GET", "/v1/nodes/2", Value::Null).json;
        assert_eq!(
            (&node["accept_servers"], &node["max_listeners"], &node["status"]),
            (&json!(false), &json!(0), &json!("active"))
        );
        let shown = sim.admin(0, "GET", "/v1/nodes/2/status", Value::Null).json;
        let name = shown["maintenance_snapshot"]["name"].as_str().unwrap().to_owned();
        assert!(name.starts_with("maintenance_mode_20"), "{name}");
        assert_eq!(
            sim.admin(0, "DELETE", &format!("/v1/nodes/2/snapshots/{name}"), Value::Null)
                .status,
            403
        );
        sim.admin(0, "POST", OFF, json!({}));
        sim.pass(30);
        let node = sim.admin(0, "GET", "/v1/nodes/2", Value::Null).json;
        assert_eq!(
            (&node["accept_servers"], &node["max_listeners"]),
            (&json!(true), &json!(100))
        );
        assert!(
            sim.admin(0, "GET", "/v1/nodes/2/status", Value::Null)
                .json
                .get("maintenance_snapshot")
                .is_none()
        );
    }

    #[test]
    fn activations_stack() {
        let mut sim = Fixture::cluster(3, 3);
        for (action, accepts) in [("on", false), ("on", false), ("off", false), ("off", true)] {
            sim.admin(
                0,
                "POST",
                &format!("/v1/nodes/2/actions/maintenance_{action}"),
                json!({}),
            );
            sim.pass(30);
            assert_eq!(
                sim.admin(0, "GET", "/v1/nodes/2", Value::Null).json["accept_servers"],
                accepts
            );
        }
    }

    #[test]
    fn maintenance_off_without_a_snapshot_is_cancelled_unless_shards_stay_where_they_are() {
        let mut sim = Fixture::cluster(3, 3);
        sim.admin(0, "PUT", "/v1/nodes/2", json!({"accept_servers": false}));
        sim.admin(0, "POST", OFF, json!({}));
        sim.pass(30);
        assert_eq!(status(&mut sim, OFF), "cancelled");
        sim.admin(0, "POST", OFF, json!({"skip_shards_restore": true}));
        sim.pass(30);
        assert_eq!(
            sim.admin(0, "GET", "/v1/nodes/2", Value::Null).json["accept_servers"],
            true
        );
    }

    #[test]
    fn the_quorum_check_counts_dead_nodes_but_not_those_in_maintenance() {
        let mut sim = Fixture::cluster(3, 3);
        sim.admin(0, "POST", ON, json!({}));
        sim.pass(30);
        sim.admin(0, "POST", "/v1/nodes/3/actions/maintenance_on", json!({}));
        sim.pass(30);
        assert_eq!(
            status(&mut sim, "/v1/nodes/3/actions/maintenance_on"),
            "completed",
            "the documented hazard"
        );
        let mut sim = Fixture::cluster(3, 3);
        sim.world.crash(NodeIndex(2));
        sim.pass(30);
        sim.admin(0, "POST", ON, json!({}));
        sim.pass(30);
        let failed = sim.admin(0, "GET", ON, Value::Null).json;
        assert_eq!(
            (&failed["status"], &failed["error_code"]),
            (&json!("failed"), &json!("internal_error"))
        );
    }

    #[test]
    fn a_removed_node_is_gone_and_cannot_join_until_it_is_reinstalled() {
        let mut sim = Fixture::cluster(3, 3);
        sim.admin(0, "POST", REMOVE, json!({}));
        sim.pass(3);
        assert_eq!(
            sim.admin(0, "GET", "/v1/nodes/3", Value::Null).json["status"],
            "decommissioning"
        );
        sim.pass(30);
        assert_eq!(sim.admin(0, "GET", "/v1/nodes/3", Value::Null).status, 404);
        assert_eq!(sim.admin(2, "GET", "/v1/nodes", Value::Null).status, 503);
        let body = sim.join_body(2);
        assert_eq!(
            sim.send(2, "POST", "/v1/bootstrap/join_cluster", None, body.clone())
                .status,
            409
        );
        sim.world.reinstall(NodeIndex(2));
        assert_eq!(sim.bootstrap_error(2, body), "");
        assert_eq!(
            sim.admin(0, "GET", "/v1/nodes/4", Value::Null).json["addr"],
            "10.0.0.3",
            "uids are not reused"
        );
    }

    #[test]
    fn doubts_about_removal_have_another_side() {
        let switches = Switches::default()
            .with(Switch::RemovingNodeStaysActive)
            .with(Switch::RemovedNodeLooksIdle);
        let mut sim = Fixture::cluster_with(3, 3, switches);
        sim.admin(0, "POST", REMOVE, json!({}));
        sim.pass(3);
        assert_eq!(
            sim.admin(0, "GET", "/v1/nodes/3", Value::Null).json["status"],
            "active"
        );
        sim.pass(30);
        let status = sim.send(2, "GET", "/v1/bootstrap", None, Value::Null).json;
        assert_eq!(status["bootstrap_status"], json!({"state": "idle"}));
        let body = sim.join_body(2);
        assert_eq!(sim.bootstrap_error(2, body), "internal_error");
    }

    #[test]
    fn a_node_that_a_failed_removal_left_closed_opens_when_it_is_told_to_accept_shards() {
        let mut sim = Fixture::cluster(3, 3);
        sim.faults(json!([{"path": "*/remove", "effect": {"task_failed": "insufficient_resources"}}]));
        sim.admin(0, "POST", REMOVE, json!({}));
        sim.pass(60);
        let accepts = |sim: &Fixture| {
            let cluster = sim.world.clusters.values().next().unwrap();
            cluster.hosts(&sim.world.env).pop().unwrap().accepts_shards
        };
        assert!(!accepts(&sim));
        assert_eq!(
            sim.admin(0, "PUT", "/v1/nodes/3", json!({"accept_servers": true}))
                .status,
            200
        );
        assert!(accepts(&sim));
    }

    #[test]
    fn a_removal_can_be_cancelled_and_the_node_stays_closed() {
        let mut sim = Fixture::cluster(3, 3);
        sim.admin(0, "POST", REMOVE, json!({}));
        sim.pass(3);
        assert_eq!(sim.admin(0, "DELETE", REMOVE, Value::Null).status, 200);
        assert_eq!(status(&mut sim, REMOVE), "cancelling");
        sim.pass(10);
        assert_eq!(status(&mut sim, REMOVE), "cancelled");
        let node = sim.admin(0, "GET", "/v1/nodes/3", Value::Null).json;
        assert_eq!(node["status"], "active");
        let cluster = sim.world.clusters.values().next().unwrap();
        let hosts = cluster.hosts(&sim.world.env);
        assert_eq!(
            hosts.iter().map(|host| host.accepts_shards).collect::<Vec<_>>(),
            [true, true, false]
        );
    }

    #[test]
    fn a_node_can_be_demoted_and_lists_show_the_long_name() {
        let mut sim = Fixture::cluster(3, 3);
        sim.admin(0, "POST", "/v1/nodes/1/actions/enslave_node", json!({}));
        sim.pass(30);
        assert_eq!(
            sim.admin(1, "GET", "/v1/nodes/1/status", Value::Null).json["role"],
            "slave"
        );
        sim.admin(1, "POST", REMOVE, json!({}));
        let actions = sim.admin(1, "GET", "/v1/nodes/3/actions", Value::Null).json;
        assert_eq!(
            (&actions["actions"][0]["name"], &actions["actions"][0]["node_uid"]),
            (&json!("remove_node"), &json!("3"))
        );
    }

    #[test]
    fn an_ordered_task_sticks_or_fails() {
        let mut sim = Fixture::cluster(3, 3);
        sim.faults(json!([{"path": "*/maintenance_on", "effect": "task_stuck"}]));
        sim.admin(0, "POST", ON, json!({}));
        sim.pass(3600);
        assert_eq!(status(&mut sim, ON), "running");
        let mut sim = Fixture::cluster(3, 3);
        sim.faults(json!([{"path": "*/remove", "effect": {"task_failed": "insufficient_resources"}}]));
        sim.admin(0, "POST", REMOVE, json!({}));
        sim.pass(60);
        assert_eq!(
            sim.admin(0, "GET", REMOVE, Value::Null).json["error_code"],
            "insufficient_resources"
        );
        assert_eq!(
            sim.admin(0, "GET", "/v1/nodes/3", Value::Null).json["status"],
            "active"
        );
    }
}
