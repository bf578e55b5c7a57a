//! Creating and updating databases.

use super::audit;
use super::blueprint;
use super::by_policy;
use super::machine;
use super::module_settings;
use super::planned::Planned;
use super::render::{self, View};
use super::store::{Change, Database, Status, bind, rules};
use super::tags;
use super::validate::{self, Candidate};
use super::{licensed, missing, precondition, settled, shown};
use crate::sim::bugs::Bug;
use crate::sim::call::{Answer, ApiError, Ctx, Reply};
use crate::sim::events::Told;
use crate::sim::ids::{BdbUid, ShardUid};
use crate::sim::placement::{Demand, Role, Shard};
use crate::sim::schema::{Ignored, Phase, accept, bdb::FIELDS, request::CREATE_V2};
use crate::sim::switch::Switch;
use crate::sim::version::Profile;
use serde_json::{Map, Value, json};

/// `POST /v1/bdbs`: the object comes back at once with status `pending`.
pub(super) fn create(ctx: &mut Ctx<'_>) -> Answer {
    let body = ctx.call.object()?;
    create_from(ctx, &body, None)
}

/// `POST /v2/bdbs`: the same inside `bdb`, with an optional `recovery_plan` that must fit the shards asked for and names the
/// files that the database is loaded from.
pub(super) fn create_v2(ctx: &mut Ctx<'_>) -> Answer {
    let body = ctx.body(&CREATE_V2)?;
    let bdb = body.get("bdb").and_then(Value::as_object);
    let bdb = bdb.ok_or_else(|| ApiError::bad_request("bdb: an object is wanted"))?;
    let plan = body
        .get("recovery_plan")
        .and_then(|plan| plan.get("original_bdb_shards").or_else(|| plan.get("data_files")));
    let plan = plan.and_then(Value::as_array).map(|shards| Planned::of(shards));
    let wanted = bdb.get("shards_count").map_or(Some(1), Value::as_u64);
    if plan.as_ref().is_some_and(|plan| Some(plan.parts()) != wanted) {
        return Err(ApiError::not_acceptable(
            "invalid_sharding",
            "recovery_plan does not match shards_count",
        ));
    }
    create_from(ctx, bdb, plan.as_ref())
}

fn create_from(ctx: &mut Ctx<'_>, body: &Map<String, Value>, plan: Option<&Planned>) -> Answer {
    let named = accepted(ctx, Phase::Create, &render::defaults(ctx.env), body)?;
    for (field, code) in [
        ("name", "missing_db_name"),
        ("memory_size", "missing_memory_size"),
    ] {
        if named.get(field).is_none_or(|value| value.as_str() == Some("")) {
            return Err(ApiError::not_acceptable(code, format!("{field} is required")));
        }
    }
    licensed(ctx)?;
    precondition(ctx)?;
    let uid = free_uid(ctx, &named)?;
    let mut set = chosen(ctx, named.clone())?;
    audit::agree(ctx.env.profile, false, &mut set);
    validate::check(
        ctx.cluster,
        ctx.env,
        &Candidate {
            phase: Phase::Create,
            before: &Map::new(),
            set: &set,
            named: &named,
        },
    )?;
    let port = validate::port(
        ctx.cluster,
        ctx.env,
        set.get("port").and_then(Value::as_u64).unwrap_or(0),
    )?;
    let untouched = ctx.call.dry_run().then(|| ctx.cluster.databases.clone());
    insert(ctx, uid, set, port);
    if let Err(error) = reshape(ctx, uid, Phase::Create).and_then(|_| bound(ctx, uid)) {
        ctx.cluster.databases.remove(uid);
        return Err(error);
    }
    let view = View::of(ctx.cluster, ctx.env, &ctx.call.actor);
    if let Some(untouched) = untouched {
        let body = without_action(shown(ctx, uid, &view));
        ctx.cluster.databases = untouched;
        return Ok(Reply::json(body));
    }
    ctx.cluster.databases.keep(uid);
    let length = ctx.env.timings.bdb_create;
    machine::start(ctx.cluster, ctx.env, uid, Change::Create, length);
    if let Some(plan) = plan {
        plan.load(ctx.cluster, ctx.env, uid);
    }
    let details = json!({"bdb_uid": uid.to_string(), "bdb_name": named.get("name")});
    ctx.tell(Told::BdbCreated, &details);
    ctx.commit();
    Ok(Reply::json(shown(ctx, uid, &view)))
}

/// `PUT /v1/bdbs/{uid}`
pub(super) fn update(ctx: &mut Ctx<'_>) -> Answer {
    let body = ctx.call.object()?;
    update_from(ctx, &body, false)
}

/// `PUT /v2/bdbs/{uid}`, which only one source mentions.
pub(super) fn update_v2(ctx: &mut Ctx<'_>) -> Answer {
    if !ctx.env.on(Switch::V2BdbPut) {
        return Err(ApiError::not_found(format!("{} does not exist", ctx.call.path)));
    }
    update(ctx)
}

/// `PUT /v1/bdbs/{uid}/flush`: an update, if the body has one, and all data gone.
pub(super) fn flush(ctx: &mut Ctx<'_>) -> Answer {
    let body = action_body(ctx)?;
    let answer = update_from(ctx, &body, true)?;
    let uid = super::existing(ctx)?;
    if !ctx.call.dry_run()
        && let Some(database) = ctx.cluster.databases.get_mut(uid)
    {
        database.empty();
    }
    Ok(answer)
}

/// `PUT /v1/bdbs/{uid}/reset_admin_pass`: an update, if the body has one, and a new password for `admin`.
pub(super) fn reset_admin_password(ctx: &mut Ctx<'_>) -> Answer {
    let body = action_body(ctx)?;
    let answer = update_from(ctx, &body, true)?;
    if ctx.call.dry_run() {
        return Ok(answer);
    }
    let uid = super::existing(ctx)?;
    let password = ctx.env.ids.token(48);
    if let Some(database) = ctx.cluster.databases.get_mut(uid) {
        database.admin_password = password;
    }
    let view = View::of(ctx.cluster, ctx.env, &ctx.call.actor);
    Ok(Reply::json(shown(ctx, uid, &view)))
}

/// The body of an action may be left out since 7.22.
fn action_body(ctx: &Ctx<'_>) -> Result<Map<String, Value>, ApiError> {
    if ctx.call.body.is_null() && ctx.env.profile < Profile::V7_22_2 {
        return Err(ApiError::bad_request("a JSON body is needed"));
    }
    ctx.call.object()
}

pub(super) fn update_from(ctx: &mut Ctx<'_>, body: &Map<String, Value>, acts: bool) -> Answer {
    super::existing(ctx)?;
    licensed(ctx)?;
    precondition(ctx)?;
    let uid = settled(ctx)?;
    let Some(before) = ctx
        .cluster
        .databases
        .get(uid)
        .map(|database| database.set.clone())
    else {
        return Err(missing(uid));
    };
    let named = differing(ctx, uid, &before, body)?;
    let set = updated(ctx, &before, &named)?;
    let view = View::of(ctx.cluster, ctx.env, &ctx.call.actor);
    if named.is_empty() && !acts && !wipes_modules(body) {
        return Ok(Reply::json(shown(ctx, uid, &view)));
    }
    let old_name = before.get("name").cloned();
    let untouched = ctx.call.dry_run().then(|| ctx.cluster.databases.clone());
    store(ctx, uid, set);
    let old_shards = reshape(ctx, uid, Phase::Update).inspect_err(|_| store_again(ctx, uid, &before))?;
    if let Some(untouched) = untouched {
        let body = without_action(shown(ctx, uid, &view));
        ctx.cluster.databases = untouched;
        return Ok(Reply::json(body));
    }
    if rehashes(&before, &named)
        && let Some(database) = ctx.cluster.databases.get_mut(uid)
    {
        database.empty();
    }
    begin(ctx, uid, before, old_shards);
    secrets(ctx, uid, &named);
    tell_of_update(ctx, uid, &named, old_name.as_ref());
    ctx.commit();
    Ok(Reply::json(shown(ctx, uid, &view)))
}

/// Whether an update gives a clustered database another hashing policy, which deletes its data first.
fn rehashes(before: &Map<String, Value>, named: &Map<String, Value>) -> bool {
    before.get("sharding") == Some(&Value::Bool(true)) && named.contains_key("shard_key_regex")
}

/// The configuration as it will be, checked as a whole.
fn updated(
    ctx: &Ctx<'_>,
    before: &Map<String, Value>,
    named: &Map<String, Value>,
) -> Result<Map<String, Value>, ApiError> {
    let mut set = before.clone();
    set.extend(named.clone());
    module_settings::normalize(&mut set);
    resharding(before, &set)?;
    let candidate = Candidate {
        phase: Phase::Update,
        before,
        set: &set,
        named,
    };
    validate::check(ctx.cluster, ctx.env, &candidate)?;
    Ok(set)
}

fn wipes_modules(body: &Map<String, Value>) -> bool {
    let modules = body.get("module_list").and_then(Value::as_array);
    modules.is_some_and(Vec::is_empty)
}

/// Starts the machine of an update; `before` and `old_shards` are what its failure falls back to.
fn begin(ctx: &mut Ctx<'_>, uid: BdbUid, before: Map<String, Value>, old_shards: Vec<Shard>) {
    let moved = ctx
        .cluster
        .databases
        .shards
        .of(uid)
        .count()
        .abs_diff(old_shards.len());
    let length = ctx.env.timings.bdb_update + ctx.env.timings.shard_move * u32::try_from(moved).unwrap_or(0);
    let operations = operations(ctx, uid, &old_shards);
    let change = Change::Update {
        set: before,
        shards: old_shards,
    };
    let action_uid = machine::start(ctx.cluster, ctx.env, uid, change, length);
    machine::operate(ctx.cluster, ctx.env, &action_uid, &operations);
}

/// The fields that an update may set and that are to become other than they are shown.
fn differing(
    ctx: &Ctx<'_>,
    uid: BdbUid,
    before: &Map<String, Value>,
    body: &Map<String, Value>,
) -> Result<Map<String, Value>, ApiError> {
    let view = View {
        extended: true,
        passwords: true,
        fields: None,
    };
    let current = shown(ctx, uid, &view);
    let current = current.as_object().cloned().unwrap_or_default();
    let mut named = accepted(ctx, Phase::Update, &current, body)?;
    endpoint(&current, &named)?;
    let audited = current.get(audit::FLAG) == Some(&Value::Bool(true));
    audit::agree(ctx.env.profile, audited, &mut named);
    module_settings::keep(ctx.env, before, &mut named);
    let defaults = render::defaults(ctx.env);
    named.retain(|field, value| current.get(field) != Some(&*module_settings::over(&defaults, field, value)));
    Ok(named)
}

/// An endpoint is reconfigured that the database has.
fn endpoint(current: &Map<String, Value>, named: &Map<String, Value>) -> Result<(), ApiError> {
    let endpoints = current.get("endpoints").and_then(Value::as_array);
    let known = |uid| endpoints.is_some_and(|known| known.iter().any(|one| one.get("uid") == Some(uid)));
    match named.get("endpoint").filter(|uid| !known(uid)) {
        Some(uid) => Err(ApiError::not_acceptable(
            "invalid_param",
            format!("endpoint: the database has no endpoint {uid}"),
        )),
        None => Ok(()),
    }
}

/// The fields that the request may set, checked one by one. By a defect an empty `module_list` silently removes the modules.
fn accepted(
    ctx: &Ctx<'_>,
    phase: Phase,
    current: &Map<String, Value>,
    body: &Map<String, Value>,
) -> Result<Map<String, Value>, ApiError> {
    let mut body = body.clone();
    let wiped = phase == Phase::Update && ctx.env.has(Bug::EmptyModuleListRemoves) && wipes_modules(&body);
    if wiped {
        body.remove("module_list");
    }
    let ignored = Ignored::by(ctx.env);
    let mut named = accept(FIELDS, ctx.env.profile, phase, ignored, current, &body)?;
    if wiped {
        named.insert("module_list".to_owned(), json!([]));
    }
    tags::unmark(&mut named);
    // The older name of the field, for databases that are no Active-Active ones.
    if let Some(sync) = named.remove("sync") {
        named.entry("replica_sync").or_insert(sync);
    }
    Ok(named)
}

fn free_uid(ctx: &Ctx<'_>, named: &Map<String, Value>) -> Result<BdbUid, ApiError> {
    match named.get("uid").and_then(Value::as_u64).map(BdbUid) {
        Some(uid) if ctx.cluster.databases.contains(uid) => Err(ApiError::conflict(
            "uid_exists",
            format!("database {uid} exists already"),
        )),
        Some(uid) => Ok(uid),
        None => Ok(ctx.cluster.databases.next_uid()),
    }
}

/// Largest file of a shard on flash unless told otherwise, bytes: half of what others have.
const FLASH_AOF_SIZE: u64 = 150 << 30;

/// What was set, with what the cluster chooses for what was not.
fn chosen(ctx: &Ctx<'_>, mut set: Map<String, Value>) -> Result<Map<String, Value>, ApiError> {
    set.remove("uid");
    module_settings::normalize(&mut set);
    let memcached = set.get("type").and_then(Value::as_str) == Some("memcached");
    if memcached {
        set.insert("version".to_owned(), json!("1.4.17"));
    } else {
        let (short, full) = validate::version(ctx.env, &ctx.cluster.policy, &set)?;
        set.insert("redis_version".to_owned(), json!(short));
        set.insert("version".to_owned(), json!(full));
    }
    by_policy::fill(ctx.cluster, &mut set);
    let policy = |field: &str, fallback: &str| {
        ctx.cluster
            .policy
            .get(field)
            .cloned()
            .unwrap_or_else(|| json!(fallback))
    };
    let sharded = set.get("sharding") == Some(&Value::Bool(true));
    let proxy = if sharded {
        "default_sharded_proxy_policy"
    } else {
        "default_non_sharded_proxy_policy"
    };
    let proxy = policy(proxy, if sharded { "all-master-shards" } else { "single" });
    set.entry("proxy_policy").or_insert(proxy);
    if ctx.env.on(Switch::DefaultsAsDocumented) && set.get("oss_cluster") != Some(&json!(true)) {
        set.entry("hash_slots_policy").or_insert(json!("legacy"));
    }
    set.entry("shards_placement")
        .or_insert_with(|| policy("default_shards_placement", "dense"));
    set.entry("eviction_policy")
        .or_insert_with(|| json!(if memcached { "allkeys-lru" } else { "volatile-lru" }));
    if let Some(version) = bigstore_version(ctx, &set) {
        set.entry("bigstore_version").or_insert(version);
    }
    if set.get("bigstore") == Some(&Value::Bool(true)) {
        set.entry("max_aof_file_size").or_insert(json!(FLASH_AOF_SIZE));
    }
    Ok(set)
}

/// The version of flash that a new database gets, if it uses flash: that of its Redis, or the cluster's where there is a choice.
fn bigstore_version(ctx: &Ctx<'_>, set: &Map<String, Value>) -> Option<Value> {
    let flash = set.get("bigstore") == Some(&Value::Bool(true));
    let by_policy = ctx.cluster.policy.get("default_bigstore_version");
    let by_policy = by_policy.filter(|_| flash)?;
    let redis = set.get("redis_version").and_then(Value::as_str)?;
    Some(validate::only_bigstore_version(redis).map_or_else(|| by_policy.clone(), Value::from))
}

/// What an update does with the shards that it makes or changes.
fn operations(ctx: &Ctx<'_>, uid: BdbUid, before: &[Shard]) -> Vec<(ShardUid, &'static str)> {
    let same = |shard: &&Shard| {
        let mut before = before.iter().filter(|old| old.uid == shard.uid);
        before.any(|old| (old.slots, old.node) == (shard.slots, shard.node))
    };
    let named = |shard: &Shard| match shard.role {
        Role::Master => (shard.uid, "reshard"),
        Role::Slave => (shard.uid, "create_replica"),
    };
    let shards = ctx.cluster.databases.shards.of(uid);
    shards.filter(|shard| !same(shard)).map(named).collect()
}

/// Shards grow by multiples only, and sharding is never taken back.
fn resharding(before: &Map<String, Value>, after: &Map<String, Value>) -> Result<(), ApiError> {
    let count = |set: &Map<String, Value>| set.get("shards_count").and_then(Value::as_u64).unwrap_or(1);
    let sharded = |set: &Map<String, Value>| set.get("sharding") == Some(&Value::Bool(true));
    let invalid = |why: String| Err(ApiError::not_acceptable("invalid_sharding", why));
    if sharded(before) && !sharded(after) {
        return invalid("sharding cannot be turned off".to_owned());
    }
    let (old, new) = (count(before), count(after));
    if new < old || !new.is_multiple_of(old.max(1)) {
        return invalid(format!(
            "shards_count can only grow, and only to a multiple of {old}"
        ));
    }
    Ok(())
}

fn insert(ctx: &mut Ctx<'_>, uid: BdbUid, mut set: Map<String, Value>, port: u16) {
    let admin = set
        .remove("authentication_admin_pass")
        .and_then(|value| value.as_str().map(str::to_owned));
    let password = set
        .get("authentication_redis_pass")
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty());
    let database = Database {
        uid,
        status: Status::Pending,
        passwords: password.map(str::to_owned).into_iter().collect(),
        set,
        port,
        bound: Vec::new(),
        admin_password: admin.unwrap_or_else(|| ctx.env.ids.token(48)),
        action_uid: String::new(),
        change: None,
        failing: None,
        created: ctx.env.now,
        changed: ctx.env.now,
        topology_epoch: 0,
        data_bytes: 0,
        flushes: 0,
        backup: None,
        turns: Default::default(),
    };
    ctx.cluster.databases.insert(database);
}

/// Gives the database the shards that its configuration asks for, within the licence. Returns the shards from before.
fn reshape(ctx: &mut Ctx<'_>, uid: BdbUid, phase: Phase) -> Result<Vec<Shard>, ApiError> {
    let Some(database) = ctx.cluster.databases.get(uid) else {
        return Err(missing(uid));
    };
    let demand = database.demand();
    let rules = rules(ctx.cluster, &database.set);
    within_license(ctx, uid, demand)?;
    let hosts = ctx.cluster.hosts(ctx.env);
    let before = ctx.cluster.databases.shards.shape(uid, &hosts, &rules, demand);
    let before = before.map_err(|no_room| validate::no_room(phase, no_room))?;
    let blueprint = ctx
        .cluster
        .databases
        .get_mut(uid)
        .and_then(|database| database.set.remove("shards_blueprint"));
    if let Some(blueprint) = blueprint
        && let Err(error) = blueprint::apply(ctx.cluster, uid, demand, &blueprint)
    {
        ctx.cluster.databases.shards.put_back(uid, before);
        return Err(error);
    }
    Ok(before)
}

fn within_license(ctx: &Ctx<'_>, uid: BdbUid, demand: Demand) -> Result<(), ApiError> {
    let own = u64::try_from(ctx.cluster.databases.shards.of(uid).count()).unwrap_or(u64::MAX);
    let wanted = u64::from(demand.masters) * if demand.replicated { 2 } else { 1 };
    let counts = ctx.cluster.databases.shard_counts();
    let changed = |count: u64, of_this_kind: bool| if of_this_kind { count - own + wanted } else { count };
    let (ram, flash) = (
        changed(counts.ram, !demand.flash),
        changed(counts.flash, demand.flash),
    );
    if wanted > own && !ctx.cluster.license.allows(ram, flash) {
        let limit = ctx.cluster.license.shards_limit;
        return Err(ApiError::not_acceptable(
            "insufficient_resources",
            format!(
                "{} shards are more than the {limit} that the license allows",
                ram + flash
            ),
        ));
    }
    Ok(())
}

fn bound(ctx: &mut Ctx<'_>, uid: BdbUid) -> Result<(), ApiError> {
    bind(ctx.cluster, ctx.env, uid).map_err(|no_room| validate::no_room(Phase::Create, no_room))
}

fn store(ctx: &mut Ctx<'_>, uid: BdbUid, set: Map<String, Value>) {
    if let Some(database) = ctx.cluster.databases.get_mut(uid) {
        database.set = set;
    }
}

fn store_again(ctx: &mut Ctx<'_>, uid: BdbUid, before: &Map<String, Value>) {
    store(ctx, uid, before.clone());
}

/// A new name has an event of its own.
fn tell_of_update(ctx: &mut Ctx<'_>, uid: BdbUid, named: &Map<String, Value>, old_name: Option<&Value>) {
    let uid = uid.to_string();
    if let Some(name) = named.get("name") {
        let details = json!({"bdb_uid": uid, "old_val": old_name, "new_val": name});
        ctx.tell(Told::BdbRenamed, &details);
    }
    if named.keys().any(|field| field != "name") {
        ctx.tell(Told::BdbUpdated, &json!({"bdb_uid": uid}));
    }
}

/// Passwords live beside the configuration.
fn secrets(ctx: &mut Ctx<'_>, uid: BdbUid, named: &Map<String, Value>) {
    let Some(database) = ctx.cluster.databases.get_mut(uid) else {
        return;
    };
    if let Some(password) = named.get("authentication_redis_pass").and_then(Value::as_str) {
        database.passwords = Some(password.to_owned())
            .filter(|text| !text.is_empty())
            .into_iter()
            .collect();
    }
    if let Some(Value::String(password)) = database.set.remove("authentication_admin_pass") {
        database.admin_password = password;
    }
}

fn without_action(mut body: Value) -> Value {
    if let Some(map) = body.as_object_mut() {
        map.remove("action_uid");
    }
    body
}
