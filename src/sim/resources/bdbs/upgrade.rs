//! Upgrading a database and its modules, and setting arguments of modules.

use super::machine;
use super::render::{View, module_list, own_version};
use super::store::{Change, Database};
use super::{missing, settle, settled, shown};
use crate::sim::call::{Answer, ApiError, Ctx, Reply};
use crate::sim::ids::BdbUid;
use crate::sim::permission::Permission::{EditBdbModule, UpdateBdbWithAction};
use crate::sim::placement::{Role, Shard};
use crate::sim::resources::SPECIAL_CHARACTERS;
use crate::sim::resources::catalog;
use crate::sim::resources::modules::{self, Offered};
use crate::sim::route::Route;
use crate::sim::schema::{module::CONFIGURE, request::UPGRADE, shape};
use crate::sim::version::Profile::{V7_8_6, V8_0_20};
use serde_json::{Map, Value, json};
use std::time::Duration;

/// Routes of this family.
#[rustfmt::skip]
pub(crate) const ROUTES: &[Route] = &[
    Route::new("POST", "/v1/bdbs/{uid}/upgrade", UpdateBdbWithAction, shape::BDB, upgrade),
    Route::new("POST", "/v1/bdbs/{uid}/modules/config", EditBdbModule, shape::NOTHING, configure),
    Route::new("POST", "/v1/bdbs/{uid}/modules/upgrade", EditBdbModule, shape::UPGRADED_MODULE, upgrade_modules),
    Route::new("POST", "/v1/modules/config/bdb/{uid}", EditBdbModule, shape::NOTHING, configure),
    Route::new("POST", "/v1/modules/upgrade/bdb/{uid}", EditBdbModule, shape::UPGRADED_MODULE, upgrade_modules).until(V8_0_20),
];

/// The version of Redis that brought RESP3: on the way to it the policy says whether a database speaks it.
const RESP3_SINCE: &str = "7.2";

/// To the Redis version asked for, else to the newest.
fn upgrade(ctx: &mut Ctx<'_>) -> Answer {
    let uid = settled(ctx)?;
    let body = ctx.body(&UPGRADE)?;
    let database = ctx.cluster.databases.get(uid).ok_or_else(|| missing(uid))?;
    let (short, full) = target(ctx, database, &body)?;
    let mut changes = other_modules(ctx, database, &body, short);
    changes.extend(module_changes(ctx, database, &body, short)?);
    let restarts = flag(&body, "force_restart")
        || full != database.text("version")
        || changes.iter().any(|change| change.differs(ctx, database));
    let restart = restarts.then(|| Restart::asked(ctx, &body));
    if restarts {
        loses_nothing(database, &body)?;
    }
    let resp3 = ctx.cluster.policy.get("resp3_default").cloned();
    let resp3 = resp3.filter(|_| database.text("redis_version") < RESP3_SINCE && short >= RESP3_SINCE);
    start(ctx, uid, restart.as_ref(), |set| {
        if let Some(resp3) = resp3 {
            set.entry("resp3").or_insert(resp3);
        }
        set.insert("redis_version".to_owned(), json!(short));
        set.insert("version".to_owned(), json!(full));
        for change in &changes {
            set_module(set, change);
        }
    });
    let view = View::of(ctx.cluster, ctx.env, &ctx.call.actor);
    Ok(Reply::json(shown(ctx, uid, &view)))
}

fn flag(body: &Map<String, Value>, key: &str) -> bool {
    body.get(key) == Some(&Value::Bool(true))
}

/// The version of Redis that a database is to have, short and in full.
fn target(
    ctx: &Ctx<'_>,
    database: &Database,
    body: &Map<String, Value>,
) -> Result<(&'static str, &'static str), ApiError> {
    let current = database.text("redis_version");
    let keep = flag(body, "keep_redis_version");
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
    if *short < current {
        return Err(invalid(format!(
            "a database cannot go back from {current} to {short}"
        )));
    }
    Ok((short, full))
}

/// Shards restart: what neither a replica nor a file holds is gone.
fn loses_nothing(database: &Database, body: &Map<String, Value>) -> Result<(), ApiError> {
    let agreed = flag(body, "may_discard_data") || flag(body, "force_discard");
    if kept(database) || agreed || database.data_bytes == 0 {
        return Ok(());
    }
    Err(ApiError::bad_request(
        "the database has neither replicas nor persistence: may_discard_data is needed",
    ))
}

/// Whether a restart leaves the data.
fn kept(database: &Database) -> bool {
    database.flag("replication") || matches!(database.text("data_persistence"), "aof" | "snapshot")
}

/// How the shards of a database restart.
struct Restart {
    /// One more failover at the end gives masters their part back.
    preserve_roles: bool,
    /// Data go even if a replica or a file holds them.
    force_discard: bool,
    /// So many shards at a time; all for 0.
    parallel: u64,
}

impl Restart {
    fn asked(ctx: &Ctx<'_>, body: &Map<String, Value>) -> Self {
        let number = |map: &Map<String, Value>| map.get("parallel_shards_upgrade").and_then(Value::as_u64);
        let asked = number(body).filter(|count| *count > 0);
        Self {
            preserve_roles: flag(body, "preserve_roles"),
            force_discard: flag(body, "force_discard"),
            parallel: asked.or_else(|| number(&ctx.cluster.policy)).unwrap_or(0),
        }
    }

    /// Replicas take over before their masters restart. Gives how many moves of a shard all of it lasts.
    fn run(&self, ctx: &mut Ctx<'_>, shards: &[Shard]) -> u32 {
        let mut turned = 0;
        for shard in shards {
            ctx.cluster.databases.shards.set_version(shard.uid, None);
            if !self.preserve_roles && shard.role == Role::Master {
                ctx.cluster.databases.shards.failover(shard.uid);
            }
            turned |= u32::from(shard.role == Role::Slave);
        }
        let count = u64::try_from(shards.len()).unwrap_or(1);
        let waves = match self.parallel {
            0 => 1,
            parallel => count.div_ceil(parallel),
        };
        let back = if self.preserve_roles { turned } else { 0 };
        u32::try_from(waves).unwrap_or(1) + back
    }
}

/// Starts the machine that makes `change`. Without a restart nothing happens to shards and data.
fn start(
    ctx: &mut Ctx<'_>,
    uid: BdbUid,
    restart: Option<&Restart>,
    change: impl FnOnce(&mut Map<String, Value>),
) {
    let shards: Vec<Shard> = ctx.cluster.databases.shards.of(uid).cloned().collect();
    let Some(database) = ctx.cluster.databases.get_mut(uid) else {
        return;
    };
    let set = database.set.clone();
    change(&mut database.set);
    if restart.is_some_and(|restart| restart.force_discard || !kept(database)) {
        database.data_bytes = 0;
    }
    let moves = restart.map_or(0, |restart| restart.run(ctx, &shards));
    let length = ctx.env.timings.bdb_update + ctx.env.timings.shard_move * moves;
    let change = Change::Upgrade { set, shards };
    machine::start(ctx.cluster, ctx.env, uid, change, length);
    ctx.commit();
}

/// What becomes of one module.
struct ModuleChange {
    name: String,
    version: Option<String>,
    args: Option<Value>,
}

impl ModuleChange {
    /// Whether the module becomes other than it is.
    fn differs(&self, ctx: &Ctx<'_>, database: &Database) -> bool {
        let own = || own_version(ctx.cluster, ctx.env.profile, database, &self.name);
        self.args.is_some() || self.version.as_ref().is_some_and(|version| *version != own())
    }
}

/// Whether modules are upgraded with their database: since 7.8.2 unless told otherwise, before only when told so.
fn modules_go_along(ctx: &Ctx<'_>, body: &Map<String, Value>) -> bool {
    let asked = body.get("latest_with_modules").and_then(Value::as_bool);
    asked.unwrap_or(ctx.env.profile >= V7_8_6)
}

/// Each module that the database was given: the newest version that the cluster has, or the present one if it is to stay.
fn other_modules(
    ctx: &Ctx<'_>,
    database: &Database,
    body: &Map<String, Value>,
    redis_version: &str,
) -> Vec<ModuleChange> {
    let list = database.set.get("module_list").and_then(Value::as_array);
    let names = list
        .into_iter()
        .flatten()
        .filter_map(|module| module.get("module_name")?.as_str());
    let along = modules_go_along(ctx, body);
    let change = |name: &str| {
        let current = own_version(ctx.cluster, ctx.env.profile, database, name);
        let newest = modules::newest(ctx, name, redis_version);
        let newer = newest.filter(|newest| along && catalog::number(newest) > catalog::number(&current));
        ModuleChange {
            name: name.to_owned(),
            version: Some(newer.unwrap_or(current)),
            args: None,
        }
    };
    names.map(change).collect()
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
        if let Some(version) = &change.version {
            module.insert("semantic_version".to_owned(), json!(version));
            // That of the version from before, if it was given.
            module.remove("module_id");
        }
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

/// The name of the module of the database that an entry is about.
fn own_module(ctx: &Ctx<'_>, database: &Database, entry: &Value) -> Result<String, ApiError> {
    let wrong = |code: &str, text: &str| ApiError::bad_request(text).with_code(code);
    let (uid, name) = (entry.get("current_module"), entry.get("module_name"));
    if uid.or(name).is_none() {
        return Err(wrong("missing_field", "current_module is missing"));
    }
    let own = module_list(ctx.cluster, ctx.env, database);
    let mut own = own.as_array().into_iter().flatten();
    let has = |own: &Value, key: &str, wanted: Option<&Value>| wanted.is_none() || own.get(key) == wanted;
    let own = own.find(|own| has(own, "module_id", uid) && has(own, "module_name", name));
    let name = own.and_then(|own| own.get("module_name")?.as_str());
    let name = name.ok_or_else(|| wrong("module_not_exist", "the database has no such module"))?;
    Ok(name.to_owned())
}

fn module_change(
    ctx: &Ctx<'_>,
    database: &Database,
    module: &Value,
    redis_version: &str,
) -> Result<ModuleChange, ApiError> {
    let text = |key: &str| module.get(key).and_then(Value::as_str);
    let args = module.get("new_module_args").cloned();
    let name = own_module(ctx, database, module)?;
    let Some(wanted) = text("new_module") else {
        return Ok(ModuleChange {
            name,
            version: None,
            args,
        });
    };
    let Some(offered) = modules::offered(ctx, wanted) else {
        let text = format!("the cluster has no module {wanted}");
        return Err(ApiError::not_acceptable("missing_module", text));
    };
    if offered.name != name {
        return Err(ApiError::bad_request(format!(
            "new_module: {} does not upgrade {name}",
            offered.name
        )));
    }
    suits(ctx, database, &offered, redis_version)?;
    Ok(ModuleChange {
        name,
        version: Some(offered.version),
        args,
    })
}

/// Whether a module of the cluster can take the place of the one that the database has.
fn suits(ctx: &Ctx<'_>, database: &Database, offered: &Offered, redis_version: &str) -> Result<(), ApiError> {
    let refuse = |code: &str, text: String| Err(ApiError::not_acceptable(code, text));
    let Offered {
        name,
        version,
        min_redis,
        min_software,
        ..
    } = offered;
    let current = own_version(ctx.cluster, ctx.env.profile, database, name);
    if catalog::number(version) < catalog::number(&current) {
        return refuse(
            "module_downgrade_unsupported",
            format!("{name} cannot go back from {current} to {version}"),
        );
    }
    if catalog::number(min_redis) > catalog::number(redis_version) {
        return refuse(
            "redis_incompatible_version",
            format!("{name} {version} needs Redis {min_redis}"),
        );
    }
    if catalog::number(min_software) > catalog::number(&ctx.env.profile.to_string()) {
        return refuse(
            "redis_pack_incompatible_version",
            format!("{name} {version} needs version {min_software} of the cluster"),
        );
    }
    match offered.lacks(&database.set) {
        Some(capability) => refuse(
            "unsupported_module_capabilities",
            format!("{name} {version} lacks {capability}"),
        ),
        None => Ok(()),
    }
}

/// Upgrades modules only, and answers the first of them.
fn upgrade_modules(ctx: &mut Ctx<'_>) -> Answer {
    let uid = settled(ctx)?;
    let body = ctx.call.object()?;
    let database = ctx.cluster.databases.get(uid).ok_or_else(|| missing(uid))?;
    let modules = body.get("modules").and_then(Value::as_array);
    if modules.is_none_or(Vec::is_empty) {
        return Err(ApiError::bad_request("modules: at least one is wanted").with_code("missing_field"));
    }
    let body = ctx.body(&UPGRADE)?;
    loses_nothing(database, &body)?;
    let changes = module_changes(ctx, database, &body, database.text("redis_version"))?;
    let restart = Restart::asked(ctx, &body);
    start(ctx, uid, Some(&restart), |set| {
        changes.iter().for_each(|change| set_module(set, change))
    });
    let database = ctx.cluster.databases.get(uid).ok_or_else(|| missing(uid))?;
    let mut upgraded =
        json!({"uid": uid.0, "name": database.text("name"), "action_uid": database.action_uid});
    if let (Some(change), Some(upgraded)) = (changes.first(), upgraded.as_object_mut()) {
        let version = own_version(ctx.cluster, ctx.env.profile, database, &change.name);
        let module_id = json!(catalog::uid(&change.name, &version));
        upgraded.insert("module_id".to_owned(), module_id);
        upgraded.insert("module_name".to_owned(), json!(change.name));
        upgraded.insert("semantic_version".to_owned(), json!(version));
    }
    Ok(Reply::json(upgraded))
}

/// New arguments for modules that can take them while they run.
fn configure(ctx: &mut Ctx<'_>) -> Answer {
    let uid = settled(ctx)?;
    let wrong = |code: &str, text: &str| ApiError::bad_request(text).with_code(code);
    let body = ctx
        .call
        .object()
        .map_err(|error| error.with_code("invalid_schema"))?;
    let wanted = body.get("modules").and_then(Value::as_array);
    let wanted = wanted.ok_or_else(|| wrong("missing_field", "modules is missing"))?;
    let view = View {
        fields: Some(vec!["module_list".to_owned()]),
        ..View::default()
    };
    let has = shown(ctx, uid, &view);
    let mut changes = Vec::new();
    for module in wanted {
        let text = |key: &str| module.get(key).and_then(Value::as_str);
        let (Some(name), Some(args)) = (text("module_name"), text("module_args")) else {
            return Err(wrong("missing_field", "module_name and module_args are needed"));
        };
        if args.contains(SPECIAL_CHARACTERS) {
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
        let mut known = modules::every(ctx.cluster, ctx.env.profile);
        if !known.any(|module| module.name == name && !module.config_command.is_empty()) {
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
mod tests;
