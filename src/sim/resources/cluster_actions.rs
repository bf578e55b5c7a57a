//! `/v1/cluster/actions`: change_master.

use crate::sim::call::{Answer, ApiError, Ctx, Reply};
use crate::sim::ids::NodeUid;
use crate::sim::permission::Permission::{
    CancelClusterAction, StartClusterAction, ViewStatusOfClusterAction,
};
use crate::sim::route::Route;
use crate::sim::schema::{action::CHANGE_MASTER, shape};
use crate::sim::state::{Due, MemberStatus};
use crate::sim::task::{Kind, Task, TaskStatus};
use crate::sim::work;
use serde_json::{Map, Value, json};

/// Routes of this family.
#[rustfmt::skip]
pub(crate) const ROUTES: &[Route] = &[
    Route::new("GET", "/v1/cluster/actions", ViewStatusOfClusterAction, shape::ACTIONS, list),
    Route::new("GET", "/v1/cluster/actions/{action}", ViewStatusOfClusterAction, shape::ACTION, get),
    Route::new("POST", "/v1/cluster/actions/{action}", StartClusterAction, shape::STARTED, post),
    Route::new("DELETE", "/v1/cluster/actions/{action}", CancelClusterAction, shape::NOTHING, delete),
];

fn shown(ctx: &Ctx<'_>, task: &Task) -> Map<String, Value> {
    let mut shown = task.shown(ctx.env.now, false);
    shown.remove("node_uid");
    shown
}

fn list(ctx: &mut Ctx<'_>) -> Answer {
    let tasks = ctx
        .cluster
        .tasks
        .0
        .iter()
        .filter(|task| task.kind == Kind::ChangeMaster);
    Ok(Reply::json(
        json!({"actions": tasks.map(|task| shown(ctx, task)).collect::<Vec<_>>()}),
    ))
}

fn known<'a>(ctx: &'a Ctx<'_>) -> Result<&'a Task, ApiError> {
    let name = ctx.call.params.get("action").map_or("", String::as_str);
    let kind = Kind::of_path(name, false);
    let task = ctx.cluster.tasks.0.iter().find(|task| Some(task.kind) == kind);
    task.ok_or_else(|| ApiError::not_found(format!("The cluster action {name} has not run")))
}

fn get(ctx: &mut Ctx<'_>) -> Answer {
    let task = known(ctx)?;
    Ok(Reply::json(shown(ctx, task)))
}

fn post(ctx: &mut Ctx<'_>) -> Answer {
    let name = ctx.call.params.get("action").map_or("", String::as_str);
    let kind = Kind::of_path(name, false);
    let kind = kind.ok_or_else(|| ApiError::bad_request(format!("There is no cluster action {name}")))?;
    let body = ctx.body(&CHANGE_MASTER)?;
    let uid = body
        .get("node_uid")
        .and_then(Value::as_str)
        .and_then(|uid| uid.parse::<NodeUid>().ok());
    let uid =
        uid.ok_or_else(|| ApiError::bad_request("node_uid is missing or not a string with a number"))?;
    let member = ctx.cluster.members.get(&uid);
    let member = member.ok_or_else(|| ApiError::not_found(format!("Node {uid} does not exist")))?;
    if member.status == MemberStatus::Provisioning {
        return Err(ApiError::not_acceptable(
            "node_not_bootstrapped",
            format!("Node {uid} is not bootstrapped"),
        ));
    }
    if ctx.cluster.tasks.running(kind) {
        return Err(ApiError::conflict(
            "action_already_running",
            "The master is being changed already",
        ));
    }
    ctx.cluster.tasks.0.retain(|task| task.kind != kind);
    let id = ctx.cluster.tasks.start(ctx.env, kind, Some(uid), body);
    ctx.env
        .schedule(work::lead_in(ctx.env), Due::Task(ctx.cluster.id, id.clone()));
    ctx.commit();
    Ok(Reply::json(
        json!({"status": TaskStatus::Queued.as_str(), "task_id": id}),
    ))
}

/// No cluster action can be cancelled; what is over is cleared.
fn delete(ctx: &mut Ctx<'_>) -> Answer {
    let task = known(ctx)?;
    let id = task.id.clone();
    if task.status.is_over() {
        ctx.cluster.tasks.0.retain(|task| task.id != id);
        ctx.commit();
    }
    Ok(Reply::empty())
}

#[cfg(test)]
mod tests {
    use crate::sim::fixture::Fixture;
    use serde_json::{Value, json};

    const CHANGE: &str = "/v1/cluster/actions/change_master";

    #[test]
    fn every_refusal_has_its_status() {
        for (method, path, body, status) in [
            ("POST", CHANGE, json!({"node_uid": "9"}), 404),
            ("POST", CHANGE, json!({"node_uid": 2}), 400),
            ("POST", CHANGE, json!({}), 400),
            ("POST", "/v1/cluster/actions/dance", json!({"node_uid": "2"}), 400),
            ("GET", CHANGE, Value::Null, 404),
            ("DELETE", CHANGE, Value::Null, 404),
            ("GET", "/v1/cluster/actions", Value::Null, 200),
        ] {
            assert_eq!(
                Fixture::cluster(2, 2).admin(0, method, path, body.clone()).status,
                status,
                "{method} {path} {body}"
            );
        }
        let mut sim = Fixture::cluster(2, 2);
        assert_eq!(sim.admin(0, "POST", CHANGE, json!({"node_uid": "2"})).status, 200);
        assert_eq!(sim.admin(0, "POST", CHANGE, json!({"node_uid": "1"})).status, 409);
    }

    #[test]
    fn a_node_that_is_still_joining_cannot_lead() {
        let mut sim = Fixture::cluster(1, 2);
        let join = sim.join_body(1);
        sim.send(1, "POST", "/v1/bootstrap/join_cluster", None, join);
        sim.pass(5);
        assert_eq!(
            sim.admin(0, "GET", "/v1/nodes/2", Value::Null).json["status"],
            "provisioning"
        );
        assert_eq!(sim.admin(0, "POST", CHANGE, json!({"node_uid": "2"})).status, 406);
    }

    #[test]
    fn leadership_moves_and_followers_redirect_to_the_new_master_until_they_may_proxy() {
        let mut sim = Fixture::cluster(3, 3);
        sim.admin(0, "POST", CHANGE, json!({"node_uid": "2"}));
        sim.pass(2);
        assert_eq!(
            sim.admin(0, "GET", "/v1/nodes", Value::Null).status,
            503,
            "no leader for a moment"
        );
        sim.pass(10);
        let reply = sim.admin(0, "GET", "/v1/nodes?x=1", Value::Null);
        assert_eq!(
            (reply.status, reply.location.as_deref()),
            (307, Some("https://10.0.0.2:9443/v1/nodes?x=1"))
        );
        assert_eq!(sim.send(0, "GET", "/v1/nodes", None, Value::Null).status, 401);
        assert_eq!(
            sim.admin(1, "PUT", "/v1/cluster", json!({"handle_redirects": true}))
                .status,
            200
        );
        assert_eq!(sim.admin(0, "GET", "/v1/nodes", Value::Null).status, 200);
    }
}
