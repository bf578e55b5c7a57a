//! `/v1/actions` and `/v2/actions`: everything that runs or ran.

use super::access::scope;
use crate::sim::call::{Answer, ApiError, Ctx, Reply};
use crate::sim::ids::BdbUid;
use crate::sim::permission::Permission::ViewStatusOfClusterAction;
use crate::sim::route::Route;
use crate::sim::schema::shape;
use crate::sim::switch::Switch;
use crate::sim::task::{Machine, MachineStatus, Task, TaskStatus};
use crate::sim::version::Profile::V7_22_2;
use serde_json::{Map, Value, json};

/// Routes of this family.
#[rustfmt::skip]
pub(crate) const ROUTES: &[Route] = &[
    Route::new("GET", "/v1/actions", ViewStatusOfClusterAction, shape::ACTIONS_V1, list),
    Route::new("GET", "/v1/actions/{uid}", ViewStatusOfClusterAction, shape::ACTION_V1, get),
    Route::new("GET", "/v1/actions/bdb/{bdb}", ViewStatusOfClusterAction, shape::STATE_MACHINES, of_database),
    Route::new("GET", "/v2/actions", ViewStatusOfClusterAction, shape::ACTIONS_V2, list_v2).since(V7_22_2),
    Route::new("GET", "/v2/actions/{uid}", ViewStatusOfClusterAction, shape::ACTION_V2, get_v2).since(V7_22_2),
];

/// What ended long ago is no longer known.
fn forget(ctx: &mut Ctx<'_>) {
    let retention = ctx.env.timings.action_retention;
    ctx.cluster.machines.forget(ctx.env.now, retention);
    ctx.cluster.tasks.forget(ctx.env.now, retention);
}

fn list(ctx: &mut Ctx<'_>) -> Answer {
    forget(ctx);
    let tasks: Vec<_> = ctx.cluster.tasks.0.iter().map(|task| v1(ctx, task)).collect();
    let machines = v1_machines(ctx, visible(ctx, ctx.cluster.machines.iter()));
    Ok(Reply::json(json!({"actions": tasks, "state-machines": machines})))
}

/// The state machines among these; imports, exports and backups are in version 2 only.
fn v1_machines<'a>(ctx: &Ctx<'_>, machines: impl Iterator<Item = &'a Machine>) -> Vec<Value> {
    let known = machines.filter(|machine| machine.is_state_machine());
    known.map(|machine| machine.v1(ctx.env)).collect()
}

/// The machines among these that are not about databases which are hidden from the caller.
fn visible<'a>(
    ctx: &Ctx<'_>,
    machines: impl Iterator<Item = &'a Machine>,
) -> impl Iterator<Item = &'a Machine> {
    let scope = scope(ctx);
    machines.filter(move |machine| {
        let database = machine.object_name.strip_prefix("bdb:");
        database.is_none_or(|uid| scope.has_text(uid))
    })
}

fn unknown(ctx: &Ctx<'_>) -> ApiError {
    ApiError::not_found(format!("{} is not known", ctx.call.path))
}

fn get(ctx: &mut Ctx<'_>) -> Answer {
    forget(ctx);
    let uid = ctx.call.params.get("uid").map_or("", String::as_str);
    let task = ctx
        .cluster
        .tasks
        .get(uid)
        .map(|task| Value::Object(v1(ctx, task)));
    let machine = visible(ctx, ctx.cluster.machines.get(uid).into_iter()).next();
    let machine = machine.filter(|machine| machine.is_state_machine());
    let found = task.or_else(|| Some(machine?.v1(ctx.env)));
    found.map(Reply::json).ok_or_else(|| unknown(ctx))
}

fn of_database(ctx: &mut Ctx<'_>) -> Answer {
    forget(ctx);
    let bdb: BdbUid = ctx.call.param("bdb")?;
    if !ctx.cluster.databases.contains(bdb) || !scope(ctx).has(bdb) {
        return Err(unknown(ctx));
    }
    let object = format!("bdb:{bdb}");
    Ok(Reply::json(v1_machines(ctx, ctx.cluster.machines.of(&object))))
}

/// A task in version 1; captures show its numbers as text.
fn v1(ctx: &Ctx<'_>, task: &Task) -> Map<String, Value> {
    let mut shown = task.shown(ctx.env.now, false);
    shown.insert("action_uid".to_owned(), json!(task.id));
    let created = task.created.as_second();
    if ctx.env.on(Switch::TypesAsDocumented) {
        shown.insert("creation_time".to_owned(), json!(created));
    } else {
        shown.insert("creation_time".to_owned(), json!(created.to_string()));
        shown.insert(
            "progress".to_owned(),
            json!(task.progress(ctx.env.now).to_string()),
        );
    }
    shown
}

fn list_v2(ctx: &mut Ctx<'_>) -> Answer {
    forget(ctx);
    let tasks = ctx.cluster.tasks.0.iter().map(|task| task_v2(ctx, task));
    Ok(Reply::json(
        tasks
            .chain(visible(ctx, ctx.cluster.machines.iter()).map(machine_v2))
            .collect::<Vec<_>>(),
    ))
}

fn get_v2(ctx: &mut Ctx<'_>) -> Answer {
    forget(ctx);
    let uid = ctx.call.params.get("uid").map_or("", String::as_str);
    let task = ctx.cluster.tasks.get(uid).map(|task| task_v2(ctx, task));
    let mut machines = visible(ctx, ctx.cluster.machines.get(uid).into_iter());
    let found = task.or_else(|| machines.next().map(machine_v2));
    found.map(Reply::json).ok_or_else(|| unknown(ctx))
}

fn task_v2(ctx: &Ctx<'_>, task: &Task) -> Value {
    let status = match task.shown_status() {
        TaskStatus::Queued => "queued",
        TaskStatus::Starting | TaskStatus::Running | TaskStatus::Cancelling => "running",
        TaskStatus::Completed => "completed",
        TaskStatus::Cancelled | TaskStatus::Aborted | TaskStatus::Failed => "failed",
    };
    let mut info = Map::new();
    if let Some(node) = task.node {
        info.insert("object_type".to_owned(), json!("node"));
        info.insert("object_uid".to_owned(), json!(node.to_string()));
    }
    info.extend(
        task.error
            .as_ref()
            .map(|(code, _)| ("error".to_owned(), json!(code))),
    );
    json!({
        "action_type": "task", "action_uid": task.id, "name": task.kind.name(), "status": status,
        "creation_time": task.created.as_second(), "progress": task.progress(ctx.env.now), "additional_info": info,
    })
}

fn machine_v2(machine: &Machine) -> Value {
    let status = match machine.status {
        MachineStatus::Active => "running",
        MachineStatus::Completed => "completed",
        MachineStatus::Failed => "failed",
    };
    let mut info = Map::new();
    if let Some((kind, uid)) = machine.object_name.split_once(':') {
        info.insert("object_type".to_owned(), json!(kind));
        info.insert("object_uid".to_owned(), json!(uid));
    }
    info.extend(
        machine
            .error
            .as_ref()
            .map(|error| ("error".to_owned(), json!(error))),
    );
    if !machine.pending_ops.is_empty() {
        info.insert("pending_ops".to_owned(), json!(machine.pending_ops));
    }
    let kind = if machine.is_state_machine() {
        "state-machine"
    } else {
        "other"
    };
    json!({
        "action_type": kind, "action_uid": machine.action_uid, "name": machine.name, "status": status,
        "creation_time": machine.created.as_second(), "progress": machine.progress.unwrap_or(0.0), "additional_info": info,
    })
}

#[cfg(test)]
mod tests {
    use crate::sim::fixture::Fixture;
    use crate::sim::switch::{Switch, Switches};
    use crate::sim::version::Profile;
    use serde_json::{Value, json};

    fn ran(switches: Switches) -> (Fixture, String) {
        let mut sim = Fixture::cluster_with(3, 3, switches);
        let started = sim
            .admin(0, "POST", "/v1/nodes/2/actions/maintenance_on", json!({}))
            .json;
        sim.pass(30);
        (sim, started["task_id"].as_str().unwrap().to_owned())
    }

    #[test]
    fn a_task_is_listed_with_the_types_of_the_captures_or_of_the_documentation() {
        let (mut sim, id) = ran(Switches::all_default());
        let action = sim.admin(0, "GET", "/v1/actions", Value::Null).json["actions"][0].clone();
        assert_eq!(
            (&action["action_uid"], &action["progress"]),
            (&json!(id), &json!("100"))
        );
        assert!(action["creation_time"].is_string());
        assert_eq!(
            sim.admin(0, "GET", &format!("/v1/actions/{id}"), Value::Null)
                .json,
            action
        );
        let (mut sim, _) = ran(Switches::default().with(Switch::TypesAsDocumented));
        let action = sim.admin(0, "GET", "/v1/actions", Value::Null).json["actions"][0].clone();
        assert_eq!(action["progress"], 100.0);
    }

    #[test]
    fn a_role_that_is_bound_to_databases_sees_their_actions_only() {
        let mut sim = Fixture::cluster(1, 1);
        let [own, other] = [sim.database(None), sim.database(None)];
        let role = json!({
            "name": "Own", "management": "db_viewer", "resources": [{"type": "db", "uids": [own.to_string()]}],
        });
        let role = sim.admin(0, "POST", "/v1/roles", role).json["uid"].clone();
        let user = json!({"email": "a@example.com", "name": "a", "password": "a-pass", "role_uids": [role]});
        assert_eq!(sim.admin(0, "POST", "/v1/users", user).status, 200);
        let all = sim.admin(0, "GET", "/v1/actions", Value::Null).json["state-machines"].clone();
        let login = Some(("a@example.com", "a-pass"));
        let mut get = |path: &str| sim.send(0, "GET", path, login, Value::Null);
        let seen = get("/v1/actions").json["state-machines"].clone();
        let about = |seen: &Value, key: &str, uid: u64| {
            let names = seen.as_array().unwrap().iter().map(|action| action[key].clone());
            names.filter(|name| *name == format!("bdb:{uid}")).count()
        };
        assert_eq!(about(&seen, "object_name", own), about(&all, "object_name", own));
        assert_eq!(about(&seen, "object_name", other), 0);
        assert_eq!(
            get("/v2/actions").json.as_array().map(Vec::len),
            seen.as_array().map(Vec::len)
        );
        for action in all.as_array().unwrap() {
            let uid = action["action_uid"].as_str().unwrap();
            let hidden = action["object_name"] == format!("bdb:{other}");
            for version in ["v1", "v2"] {
                let status = get(&format!("/{version}/actions/{uid}")).status;
                assert_eq!(status, if hidden { 404 } else { 200 }, "{action}");
            }
        }
    }

    #[test]
    fn version_2_is_a_flat_list() {
        let (mut sim, id) = ran(Switches::all_default());
        let list = sim.admin(0, "GET", "/v2/actions", Value::Null).json;
        assert_eq!(
            (&list[0]["action_type"], &list[0]["additional_info"]["object_uid"]),
            (&json!("task"), &json!("2"))
        );
        assert_eq!(
            sim.admin(0, "GET", &format!("/v2/actions/{id}"), Value::Null)
                .json,
            list[0]
        );
    }

    #[test]
    fn a_state_machine_that_ended_shows_its_progress_as_documented_only() {
        for (switches, completed, failed) in [
            (Switches::all_default(), Value::Null, Value::Null),
            (
                Switches::default().with(Switch::TypesAsDocumented),
                json!(100.0),
                json!(75.0),
            ),
        ] {
            let mut sim = Fixture::cluster_with(1, 1, switches);
            sim.database(None);
            sim.faults(json!([{"method": "PUT", "effect": {"task_failed": "internal_error"}}]));
            sim.admin(0, "PUT", "/v1/bdbs/1", json!({"max_connections": 9}));
            sim.pass(60);
            let all = sim.admin(0, "GET", "/v1/actions/bdb/1", Value::Null).json;
            assert_eq!(all[0]["progress"], completed);
            assert_eq!(
                (&all[1]["status"], &all[1]["progress"]),
                (&json!("failed"), &failed)
            );
        }
    }

    #[test]
    fn imports_exports_and_backups_are_actions_of_another_type_that_version_1_does_not_know() {
        let mut sim = Fixture::cluster(1, 1);
        let place = json!({"type": "mount_point", "path": "/backup"});
        sim.database_with_data(&[
            &json!({"backup": true, "backup_interval": 600, "backup_interval_offset": 0, "backup_location": place}),
        ]);
        let import = json!({"dataset_import_sources": [{"type": "mount_point", "path": "/backup/a.rdb"}]});
        for (action, body) in [("import", import), ("export", json!({"export_location": place}))] {
            let path = format!("/v1/bdbs/1/actions/{action}");
            assert_eq!(sim.admin(0, "POST", &path, body).status, 200, "{action}");
            sim.pass(60);
        }
        sim.pass(400);
        let all = sim.admin(0, "GET", "/v2/actions", Value::Null).json;
        let others = all.as_array().unwrap().iter();
        let others: Vec<&Value> = others.filter(|action| action["action_type"] == "other").collect();
        let names: Vec<&Value> = others.iter().map(|action| &action["name"]).collect();
        assert_eq!(names, ["import", "export", "backup"]);
        for action in others {
            let uid = action["action_uid"].as_str().unwrap();
            assert_eq!(
                (&action["status"], &action["progress"]),
                (&json!("completed"), &json!(100.0))
            );
            let status = |sim: &mut Fixture, version: &str| {
                let path = format!("/{version}/actions/{uid}");
                sim.admin(0, "GET", &path, Value::Null).status
            };
            assert_eq!((status(&mut sim, "v1"), status(&mut sim, "v2")), (404, 200));
        }
        let all = sim.admin(0, "GET", "/v1/actions", Value::Null).json["state-machines"].take();
        let of_database = sim.admin(0, "GET", "/v1/actions/bdb/1", Value::Null).json;
        for machines in [all, of_database] {
            let machines = machines.as_array().unwrap();
            assert!(
                machines.len() == 1 && machines[0]["name"] == "SMCreateBDB",
                "{machines:?}"
            );
        }
    }

    #[test]
    fn what_is_unknown_or_long_over_is_404() {
        let (mut sim, id) = ran(Switches::all_default());
        for path in ["/v1/actions/none", "/v2/actions/none", "/v1/actions/bdb/9"] {
            assert_eq!(sim.admin(0, "GET", path, Value::Null).status, 404, "{path}");
        }
        sim.pass(7200);
        assert_eq!(
            sim.admin(0, "GET", &format!("/v1/actions/{id}"), Value::Null)
                .status,
            404
        );
        let mut old = Fixture::cluster_of(Profile::V7_8_6, 1);
        assert_eq!(old.admin(0, "GET", "/v2/actions", Value::Null).status, 404);
    }
}
