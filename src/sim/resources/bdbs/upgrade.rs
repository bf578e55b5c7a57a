//! Upgrading a database and its modules, and setting arguments of modules.

use super::machine;
use super::render::{View, own_version};
use super::store::{Change, Database};
use super::{existing, missing, settle, settled, shown};
use crate::sim::call::{Answer, ApiError, Ctx, Reply};
use crate::sim::ids::BdbUid;
use crate::sim::permission::Permission::{EditBdbModule, UpdateBdbWithAction};
use crate::sim::resources::catalog;
use crate::sim::resources::modules::{self, Offered};
use crate::sim::route::Route;
use crate::sim::schema::{module::CONFIGURE, request::UPGRADE, shape};
use crate::sim::version::Profile::V8_0_20;
use serde_json::{Map, Value, json};
use std::time::Duration;

/// Routes of this family.
#[rustfmt::skip]
pub(crate) const ROUTES: &[Route] = &[
    Route::new("POST", "/v1/bdbs/{uid}/upgrade", UpdateBdbWithAction, shape::BDB, upgrade),
    Route::new("POST", "/v1/bdbs/{uid}/modules/config", EditBdbModule, shape::NOTHING, configure),
    Route::new("POST", "/v1/bdbs/{uid}/modules/upgrade", EditBdbModule, shape::BDB, upgrade_modules),
    Route::new("POST", "/v1/modules/config/bdb/{uid}", EditBdbModule, shape::NOTHING, configure),
    Route::new("POST", "/v1/modules/upgrade/bdb/{uid}", EditBdbModule, shape::BDB, upgrade_modules).until(V8_0_20),
];

/// To the Redis version asked for, else to the newest.
fn upgrade(ctx: &mut Ctx<'_>) -> Answer {
    let uid = settled(ctx)?;
    let body = ctx.body(&UPGRADE)?;
    let database = ctx.cluster.databases.get(uid).ok_or_else(|| missing(uid))?;
    loses_nothing(database, &body)?;
    let current = database.text("redis_version").to_owned();
    let keep = body.get("keep_redis_version") == Some(&json!(true));
    let wanted = body
        .get("redis_version")
        .and_then(Value::as_str)
        .filter(|_| !keep);
    let versions = ctx.env.profile.database_versions();
    let target = match wanted {
        Some(wanted) => versions
            .iter()
            .find(|(short, full)| *short == wanted || *full == wanted),
        None if keep => versions.iter().find(|(short, _)| *short == current),
        None => versions.last(),
    };
    let invalid = |text: String| ApiError::not_acceptable("invalid_version", text);
    let (short, full) = target.ok_or_else(|| {
        invalid(format!(
            "the cluster has no version {}",
            wanted.unwrap_or_default()
        ))
    })?;
    if *short < current.as_str() {
        return Err(invalid(format!(
            "a database cannot go back from {current} to {short}"
        )));
    }
    let changes = module_changes(ctx, database, &body, short)?;
    let before = database.set.clone();
    start(ctx, uid, before, |set| {
        set.insert("redis_version".to_owned(), json!(short));
        set.insert("version".to_owned(), json!(full));
        for change in &changes {
            set_module(set, change);
        }
    });
    let view = View::of(ctx.cluster, ctx.env, &ctx.call.actor);
    Ok(Reply::json(shown(ctx, uid, &view)))
}

/// Shards restart: what neither a replica nor a file holds is gone.
fn loses_nothing(database: &Database, body: &Map<String, Value>) -> Result<(), ApiError> {
    let kept =
        database.flag("replication") || matches!(database.text("data_persistence"), "aof" | "snapshot");
    let agreed = ["may_discard_data", "force_discard"]
        .iter()
        .any(|key| body.get(*key) == Some(&json!(true)));
    if kept || agreed || database.data_bytes == 0 {
        return Ok(());
    }
    Err(ApiError::bad_request(
        "the database has neither replicas nor persistence: may_discard_data is needed",
    ))
}

fn start(
    ctx: &mut Ctx<'_>,
    uid: BdbUid,
    before: Map<String, Value>,
    change: impl FnOnce(&mut Map<String, Value>),
) {
    let shards: Vec<_> = ctx.cluster.databases.shards.of(uid).cloned().collect();
    if let Some(database) = ctx.cluster.databases.get_mut(uid) {
        change(&mut database.set);
        let kept =
            database.flag("replication") || matches!(database.text("data_persistence"), "aof" | "snapshot");
        if !kept {
            database.data_bytes = 0;
        }
    }
    let count = u32::try_from(shards.len()).unwrap_or(1);
    let length = ctx.env.timings.bdb_update + ctx.env.timings.shard_move * count;
    machine::start(
        ctx.cluster,
        ctx.env,
        uid,
        Change::Update { set: before, shards },
        length,
    );
    ctx.commit();
}

/// What becomes of one module.
struct ModuleChange {
    name: String,
    version: Option<String>,
    args: Option<Value>,
}

fn set_module(set: &mut Map<String, Value>, change: &ModuleChange) {
    let list = set.entry("module_list").or_insert_with(|| json!([]));
    let Some(list) = list.as_array_mut() else { return };
    let place = list
        .iter()
        .position(|module| module.get("module_name") == Some(&json!(change.name)));
    let place = place.unwrap_or_else(|| {
        list.push(json!({"module_name": change.name}));
        list.len() - 1
    });
    if let Some(Value::Object(module)) = list.get_mut(place) {
        module.extend(
            change
                .version
                .clone()
                .map(|version| ("semantic_version".to_owned(), json!(version))),
        );
        module.extend(change.args.clone().map(|args| ("module_args".to_owned(), args)));
    }
}

/// The modules that a body asks to upgrade, each checked against the database as it will be.
fn module_changes(
    ctx: &Ctx<'_>,
    database: &Database,
    body: &Map<String, Value>,
    redis_version: &str,
) -> Result<Vec<ModuleChange>, ApiError> {
    let Some(modules) = body.get("modules") else {
        return Ok(Vec::new());
    };
    let modules = modules
        .as_array()
        .ok_or_else(|| ApiError::bad_request("modules: a list is wanted"))?;
    modules
        .iter()
        .map(|module| module_change(ctx, database, module, redis_version))
        .collect()
}

fn module_change(
    ctx: &Ctx<'_>,
    database: &Database,
    module: &Value,
    redis_version: &str,
) -> Result<ModuleChange, ApiError> {
    let refuse = |code: &str, text: String| Err(ApiError::not_acceptable(code, text));
    let text = |key: &str| module.get(key).and_then(Value::as_str);
    let args = module.get("new_module_args").cloned();
    let Some(wanted) = text("new_module") else {
        let name = text("module_name").ok_or_else(|| ApiError::bad_request("new_module is missing"))?;
        return Ok(ModuleChange {
            name: name.to_owned(),
            version: None,
            args,
        });
    };
    let Some(Offered {
        name,
        version,
        min_redis,
        min_software,
        capabilities,
    }) = modules::offered(ctx, wanted)
    else {
        return refuse("missing_module", format!("the cluster has no module {wanted}"));
    };
    let current = own_version(ctx.env.profile, database, &name);
    if catalog::number(&version) < catalog::number(&current) {
        return refuse(
            "module_downgrade_unsupported",
            format!("{name} cannot go back from {current} to {version}"),
        );
    }
    if catalog::number(&min_redis) > catalog::number(redis_version) {
        return refuse(
            "redis_incompatible_version",
            format!("{name} {version} needs Redis {min_redis}"),
        );
    }
    if catalog::number(&min_software) > catalog::number(&ctx.env.profile.to_string()) {
        return refuse(
            "redis_pack_incompatible_version",
            format!("{name} {version} needs version {min_software} of the cluster"),
        );
    }
    let needs = [
        ("clustering", database.flag("sharding")),
        ("replica_of", database.flag("replication")),
    ];
    if let Some((missing, _)) = needs
        .iter()
        .find(|(name, needed)| *needed && !capabilities.iter().any(|own| own == name))
    {
        return refuse(
            "unsupported_module_capabilities",
            format!("{name} {version} lacks {missing}"),
        );
    }
    Ok(ModuleChange {
        name,
        version: Some(version),
        args,
    })
}

/// Upgrades modules only, and answers the object.
fn upgrade_modules(ctx: &mut Ctx<'_>) -> Answer {
    let uid = settled(ctx)?;
    let body = ctx.call.object()?;
    let database = ctx.cluster.databases.get(uid).ok_or_else(|| missing(uid))?;
    if !body.get("modules").is_some_and(Value::is_array) {
        return Err(ApiError::bad_request("modules: a list is wanted").with_code("missing_field"));
    }
    let body = ctx.body(&UPGRADE)?;
    loses_nothing(database, &body)?;
    let changes = module_changes(ctx, database, &body, database.text("redis_version"))?;
    let before = database.set.clone();
    start(ctx, uid, before, |set| {
        changes.iter().for_each(|change| set_module(set, change))
    });
    let view = View::of(ctx.cluster, ctx.env, &ctx.call.actor);
    Ok(Reply::json(shown(ctx, uid, &view)))
}

/// New arguments for modules that can take them while they run.
fn configure(ctx: &mut Ctx<'_>) -> Answer {
    let uid = existing(ctx).map_err(|error| error.with_code("db_not_exist"))?;
    let uid = settled(ctx).map(|_| uid)?;
    let wrong = |code: &str, text: &str| ApiError::bad_request(text).with_code(code);
    let body = ctx
        .call
        .object()
        .map_err(|error| error.with_code("invalid_schema"))?;
    let modules = body.get("modules").and_then(Value::as_array).cloned();
    let modules = modules.ok_or_else(|| wrong("missing_field", "modules is missing"))?;
    let view = View {
        fields: Some(vec!["module_list".to_owned()]),
        ..View::default()
    };
    let has = shown(ctx, uid, &view);
    let mut changes = Vec::new();
    for module in &modules {
        let text = |key: &str| module.get(key).and_then(Value::as_str);
        let (Some(name), Some(args)) = (text("module_name"), text("module_args")) else {
            return Err(wrong("missing_field", "module_name and module_args are needed"));
        };
        if args.contains(['&', '<', '>', '"']) {
            return Err(wrong(
                "param_error",
                "module_args has characters that are not allowed",
            ));
        }
        let own = has
            .get("module_list")
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        if !own
            .into_iter()
            .any(|own| own.get("module_name") == Some(&json!(name)))
        {
            return Err(wrong("module_not_exist", "the database has no such module"));
        }
        if catalog::config_command(name).is_empty() {
            let text = format!("{name} takes no arguments while it runs");
            return Err(ApiError::not_acceptable("unsupported_module_capabilities", text));
        }
        changes.push(ModuleChange {
            name: name.to_owned(),
            version: None,
            args: Some(json!(args)),
        });
    }
    ctx.body(&CONFIGURE)?;
    if let Some(database) = ctx.cluster.databases.get_mut(uid) {
        changes
            .iter()
            .for_each(|change| set_module(&mut database.set, change));
    }
    settle(ctx, uid, Duration::ZERO);
    Ok(Reply::empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::fixture::Fixture;
    use crate::sim::ids::NodeIndex;
    use crate::sim::testbed::Bed;
    use crate::sim::version::Profile;

    #[test]
    fn an_upgrade_brings_a_newer_redis_and_its_modules_and_never_goes_back() {
        let mut sim = Fixture::cluster(1, 1);
        sim.database(None);
        let path = "/v1/bdbs/1/upgrade";
        for (body, status) in [
            (json!({"redis_version": "6.2"}), 406),
            (json!({"redis_version": "9.9"}), 406),
            (json!({"moon": 1}), 400),
            (json!({"modules": [{"new_module": "0"}]}), 406),
        ] {
            assert_eq!(sim.admin(0, "POST", path, body.clone()).status, status, "{body}");
        }
        assert_eq!(
            sim.admin(0, "POST", path, json!({"redis_version": "8.0"})).status,
            200
        );
        sim.pass(120);
        let bdb = sim.admin(0, "GET", "/v1/bdbs/1", Value::Null).json;
        assert_eq!(
            (&bdb["redis_version"], &bdb["version"]),
            (&json!("8.0"), &json!("8.0.2"))
        );
        assert_eq!(bdb["module_list"][0]["semantic_version"], "8.0.2");
        sim.admin(0, "POST", path, json!({}));
        sim.pass(120);
        assert_eq!(
            sim.admin(0, "GET", "/v1/bdbs/1", Value::Null).json["redis_version"],
            "8.4"
        );
    }

    #[test]
    fn data_that_nothing_else_holds_are_not_thrown_away_unasked() {
        let mut sim = Fixture::cluster(1, 1);
        sim.database(None);
        sim.world.fill(NodeIndex(0), 1, 4096);
        assert_eq!(sim.admin(0, "POST", "/v1/bdbs/1/upgrade", json!({})).status, 400);
        assert_eq!(
            sim.admin(0, "POST", "/v1/bdbs/1/upgrade", json!({"may_discard_data": true}))
                .status,
            200
        );
    }

    /// The only module of database 1.
    fn module(bed: &mut Bed) -> Value {
        bed.ok("GET", "/v1/bdbs/1", Value::Null)["module_list"][0].clone()
    }

    fn with_search(bed: &mut Bed) {
        bed.database(json!({
            "name": "db", "memory_size": 1 << 28, "redis_version": "7.2", "module_list": [{"module_name": "search"}],
        }));
    }

    /// The cluster has a later version of the module; gives its uid.
    fn newer_search(bed: &mut Bed) -> String {
        let uid = catalog::uid("search", "99.0.0");
        let newer = json!({"module_name": "search", "semantic_version": "99.0.0", "uid": uid});
        for cluster in bed.world.clusters.values_mut() {
            cluster
                .documents
                .put("modules", 1, newer.as_object().unwrap().clone());
        }
        uid
    }

    #[test]
    fn new_arguments_of_a_module_reach_the_database_through_both_paths() {
        let mut bed = Bed::new();
        with_search(&mut bed);
        let before = module(&mut bed);
        for (path, args) in [
            ("/v1/bdbs/1/modules/config", "MINPREFIX 3"),
            ("/v1/modules/config/bdb/1", "MINPREFIX 4"),
        ] {
            let body = json!({"modules": [{"module_name": "search", "module_args": args}]});
            assert_eq!(bed.ok("POST", path, body), Value::Null, "{path}");
            let mut wanted = before.clone();
            wanted["module_args"] = json!(args);
            assert_eq!(module(&mut bed), wanted, "{path}");
            bed.pass(60);
            assert_eq!(module(&mut bed), wanted, "{path}");
        }
    }

    #[test]
    fn an_upgrade_of_modules_brings_the_new_one_through_both_paths() {
        for (profile, path) in [
            (Profile::V7_22_2, "/v1/modules/upgrade/bdb/1"),
            (Profile::V7_22_2, "/v1/bdbs/1/modules/upgrade"),
            (Profile::V8_2_0, "/v1/bdbs/1/modules/upgrade"),
        ] {
            let mut bed = Bed::of(profile);
            with_search(&mut bed);
            assert_ne!(module(&mut bed)["semantic_version"], "99.0.0");
            let new = newer_search(&mut bed);
            let body = json!({"modules": [{"new_module": new, "new_module_args": "MINPREFIX 3"}]});
            let answered = bed.ok("POST", path, body);
            assert_eq!(answered["status"], "active-change-pending", "{path} in {profile}");
            let action = format!("/v1/actions/{}", answered["action_uid"].as_str().unwrap());
            bed.pass(120);
            assert_eq!(bed.ok("GET", &action, Value::Null)["status"], "completed");
            let module = module(&mut bed);
            assert_eq!(module["semantic_version"], "99.0.0", "{path} in {profile}");
            assert_eq!(module["module_args"], "MINPREFIX 3", "{path} in {profile}");
            let database = bed.ok("GET", "/v1/bdbs/1", Value::Null);
            assert_eq!(
                (&database["status"], &database["redis_version"]),
                (&json!("active"), &json!("7.2"))
            );
        }
    }
}
