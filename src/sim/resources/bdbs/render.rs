//! A database as `GET /v1/bdbs` shows it.

use super::module_settings;
use super::store::{Database, Status};
use crate::sim::auth::Actor;
use crate::sim::ids::NodeUid;
use crate::sim::permission::Permission;
use crate::sim::resources::{access, catalog, iso, modules};
use crate::sim::schema;
use crate::sim::state::{Cluster, Env};
use crate::sim::switch::Switch;
use crate::sim::version::Profile;
use serde_json::{Map, Value, json};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// What the reader wants and may see.
#[derive(Clone, Debug, Default)]
pub(crate) struct View {
    /// Only these fields, if any are named.
    pub(crate) fields: Option<Vec<String>>,
    /// Settings of the modules too.
    pub(crate) extended: bool,
    /// Passwords in clear.
    pub(crate) passwords: bool,
}

impl View {
    /// Everything that `actor` may see.
    pub(crate) fn of(cluster: &Cluster, env: &Env, actor: &Actor) -> Self {
        let masked = cluster.settings.get("mask_bdb_credentials") == Some(&Value::Bool(true));
        Self {
            fields: None,
            extended: false,
            passwords: access::may(cluster, env, actor, Permission::ViewRedisPass) && !masked,
        }
    }
}

const MASK: &str = "***";

/// Fields that nobody set, for all databases.
pub(crate) fn defaults(env: &Env) -> Map<String, Value> {
    let mut defaults = schema::bdb::fresh(env);
    defaults.extend(module_settings::defaults(env.profile));
    defaults
}

/// The object, from `defaults` and what the database has.
pub(crate) fn object(
    cluster: &Cluster,
    env: &Env,
    database: &Database,
    defaults: &Map<String, Value>,
    view: &View,
) -> Value {
    let shown = fields(cluster, env, database, defaults, view);
    let owned = |(name, value): (&str, Cow<'_, Value>)| (name.to_owned(), value.into_owned());
    Value::Object(shown.into_iter().map(owned).collect())
}

/// The same without copies of what is only passed on: a list of thousands is written from it.
pub(crate) fn fields<'a>(
    cluster: &'a Cluster,
    env: &Env,
    database: &'a Database,
    defaults: &'a Map<String, Value>,
    view: &'a View,
) -> BTreeMap<&'a str, Cow<'a, Value>> {
    let of = |name: &str| {
        let stored = || database.set.get(name).filter(|_| is_shown(env, name, view));
        computed(cluster, env, database, view, name)
            .map(Cow::Owned)
            .or_else(|| stored().map(|set| module_settings::over(defaults, name, set)))
    };
    if let Some(names) = &view.fields {
        let default = |name: &str| {
            let default = defaults.get(name).map(Cow::Borrowed);
            default.filter(|_| module_settings::default_shows(env, database, view, name))
        };
        let known = |name: &'a String| Some((name.as_str(), of(name).or_else(|| default(name))?));
        return names.iter().filter_map(known).collect();
    }
    let all = defaults.iter();
    let mut shown: BTreeMap<_, _> = all
        .map(|(name, value)| (name.as_str(), Cow::Borrowed(value)))
        .collect();
    for name in module_settings::FIELDS {
        if !module_settings::default_shows(env, database, view, name) {
            shown.remove(name);
        }
    }
    let names = database
        .set
        .keys()
        .map(String::as_str)
        .chain(COMPUTED.iter().copied());
    shown.extend(names.filter_map(|name| Some((name, of(name)?))));
    shown
}

/// Fields of requests that are never shown, and passwords.
fn is_shown(env: &Env, name: &str, view: &View) -> bool {
    let in_requests_only = matches!(name, "shards_blueprint" | "dataset_import_sources" | "endpoint");
    let password = matches!(
        name,
        "authentication_redis_pass" | "authentication_sasl_pass" | "authentication_admin_pass"
    );
    !in_requests_only && !password && module_settings::asked(env, view, name)
}

/// Fields that are worked out from the state of the world.
const COMPUTED: [&str; 17] = [
    "uid",
    "status",
    "shard_list",
    "endpoints",
    "created_time",
    "last_changed_time",
    "topology_epoch",
    "background_op",
    "authentication_admin_pass",
    "authentication_redis_pass",
    "authentication_sasl_pass",
    "slave_ha",
    "module_list",
    "replica_sources",
    "sync",
    "gradual_sync_mode",
    "action_uid",
];

fn computed(cluster: &Cluster, env: &Env, database: &Database, view: &View, name: &str) -> Option<Value> {
    let secret = |text: &str| {
        if view.passwords || text.is_empty() {
            json!(text)
        } else {
            json!(MASK)
        }
    };
    let shards = || cluster.databases.shards.of(database.uid);
    Some(match name {
        "uid" => json!(database.uid.0),
        "status" => json!(database.status.as_str()),
        "shard_list" => json!(shards().map(|shard| shard.uid.0).collect::<Vec<_>>()),
        "endpoints" => endpoints(cluster, database),
        "created_time" => json!(iso(database.created)),
        "last_changed_time" => json!(iso(database.changed)),
        "topology_epoch" => json!(database.topology_epoch),
        "background_op" => json!([background_op(cluster, database)]),
        "authentication_admin_pass" => secret(&database.admin_password),
        "authentication_redis_pass" | "authentication_sasl_pass" => secret(database.text(name)),
        "slave_ha" => json!(slave_ha(cluster, database)),
        "module_list" => module_list(cluster, env, database),
        "replica_sources" => json!(sources(env, database)),
        "sync" => json!(database.set.get("replica_sync")?),
        "gradual_sync_mode" if syncs_gradually(env, database) => json!("enabled"),
        "action_uid" if database.change.is_some() => json!(database.action_uid),
        _ => return None,
    })
}

/// Replica high availability: as set, else as the cluster has it for replicated databases.
pub(crate) fn slave_ha(cluster: &Cluster, database: &Database) -> bool {
    let by_default = [&cluster.policy, &cluster.settings]
        .into_iter()
        .find_map(|map| map.get("slave_ha")?.as_bool());
    let set = database.set.get("slave_ha").and_then(Value::as_bool);
    set.unwrap_or_else(|| database.flag("replication") && by_default.unwrap_or(true))
}

/// Whether a database that was not told otherwise reads its sources one shard at a time: since 7.22 every one that has sources.
fn syncs_gradually(env: &Env, database: &Database) -> bool {
    let sources = database.set.get("replica_sources").and_then(Value::as_array);
    env.profile >= Profile::V7_22_2
        && !database.set.contains_key("gradual_sync_mode")
        && sources.is_some_and(|sources| !sources.is_empty())
}

/// What the database replicates, each source with its number and how far the syncer is.
fn sources(env: &Env, database: &Database) -> Vec<Value> {
    let status = match (database.text("replica_sync"), &database.change) {
        ("enabled", None) => "in-sync",
        ("enabled", Some(_)) => "syncing",
        _ => "out-of-sync",
    };
    let set = database.set.get("replica_sources").and_then(Value::as_array);
    let shown = |(place, source): (usize, &Value)| {
        let mut shown = Map::from_iter([
            ("compression".to_owned(), json!(0)),
            ("encryption".to_owned(), json!(false)),
        ]);
        shown.extend(source.as_object().cloned().unwrap_or_default());
        let state = json!({
            "uid": place + 1, "status": status, "lag": 0, "last_error": "", "last_update": iso(env.now),
            "rdb_size": 0, "rdb_transferred": 0,
        });
        shown.extend(state.as_object().cloned().unwrap_or_default());
        Value::Object(shown)
    };
    set.into_iter().flatten().enumerate().map(shown).collect()
}

fn background_op(cluster: &Cluster, database: &Database) -> Value {
    let machine = cluster
        .machines
        .get(&database.action_uid)
        .filter(|_| database.change.is_some());
    machine.map_or_else(
        || json!({"status": "idle"}),
        |machine| json!({"status": "running", "name": machine.name, "error": null, "progress": machine.progress.unwrap_or(0.0)}),
    )
}

fn endpoints(cluster: &Cluster, database: &Database) -> Value {
    if matches!(database.status, Status::Pending | Status::CreationFailed) {
        return json!([]);
    }
    let addresses = |internal: bool| -> Vec<&str> {
        let of = |node: &NodeUid| {
            let member = cluster.members.get(node)?;
            let external = member.external_addr.first().filter(|_| !internal);
            Some(external.unwrap_or(&member.addr).as_str())
        };
        database.bound.iter().filter_map(of).collect()
    };
    let preferred = |field: &str, default: &str| match database.text(field) {
        "" => default.to_owned(),
        text => text.to_owned(),
    };
    let entry = |number: u8, internal: bool| {
        json!({
            "uid": format!("{}:{number}", database.uid),
            "dns_name": format!("redis-{}.{}{}", database.port, if internal { "internal." } else { "" }, cluster.name),
            "port": database.port,
            "addr": addresses(internal),
            "addr_type": if internal { "internal" } else { "external" },
            "proxy_policy": database.text("proxy_policy"),
            "oss_cluster_api_preferred_endpoint_type": preferred("oss_cluster_api_preferred_endpoint_type", "ip"),
            "oss_cluster_api_preferred_ip_type": preferred("oss_cluster_api_preferred_ip_type", "internal"),
        })
    };
    let suffix_is_internal = |suffix: &Value| suffix.get("use_internal_addr") == Some(&Value::Bool(true));
    let two = cluster.suffixes.iter().any(suffix_is_internal);
    if two {
        json!([entry(1, false), entry(2, true)])
    } else {
        json!([entry(1, false)])
    }
}

/// The modules of a database.
pub(super) fn module_list(cluster: &Cluster, env: &Env, database: &Database) -> Value {
    let entry = |name: &str, args: &Value| {
        let version = own_version(cluster, env.profile, database, name);
        json!({
            "module_name": name, "module_args": arguments(env, args), "module_id": catalog::uid(name, &version), "semantic_version": version,
        })
    };
    let asked = database.set.get("module_list").and_then(Value::as_array);
    let of = |name: &str| {
        asked?
            .iter()
            .find(|module| module.get("module_name").and_then(Value::as_str) == Some(name))
    };
    let args = |name: &str| {
        of(name)
            .and_then(|module| module.get("module_args"))
            .cloned()
            .unwrap_or(json!(""))
    };
    let bundled = bundled(env.profile, database);
    let more = asked
        .into_iter()
        .flatten()
        .filter_map(|module| module.get("module_name")?.as_str())
        .filter(|name| !bundled.contains(name));
    let names = bundled.iter().copied().chain(more);
    json!(names.map(|name| entry(name, &args(name))).collect::<Vec<_>>())
}

/// Arguments of a module, however they were given: one text as captured, or a list of texts as documented.
fn arguments(env: &Env, given: &Value) -> Value {
    let words = given.as_array().into_iter().flatten();
    let words = words.chain(given.is_string().then_some(given));
    let words: Vec<&str> = words
        .filter_map(Value::as_str)
        .flat_map(str::split_whitespace)
        .collect();
    if env.on(Switch::TypesAsDocumented) {
        json!(words)
    } else {
        json!(words.join(" "))
    }
}

/// Modules that a database has without being asked for: one of Redis 8 has all, or those that work on flash.
fn bundled(profile: Profile, database: &Database) -> &'static [&'static str] {
    let bundles = profile >= Profile::V8_0_20
        && database.text("type") != "memcached"
        && database.text("redis_version") >= "8";
    let (flash, search) = (database.flag("bigstore"), database.flag("search_on_bigstore"));
    match (bundles, flash, search) {
        (false, _, _) => &[],
        (true, false, _) => &["bf", "ReJSON", "search", "timeseries"],
        (true, true, true) => &["bf", "ReJSON", "search"],
        (true, true, false) => &["bf", "ReJSON"],
    }
}

/// Whether the database has the module.
pub(super) fn has_module(profile: Profile, database: &Database, name: &str) -> bool {
    if bundled(profile, database).contains(&name) {
        return true;
    }
    let asked = database.set.get("module_list").and_then(Value::as_array);
    let named = |module: &Value| module.get("module_name").and_then(Value::as_str) == Some(name);
    asked.is_some_and(|asked| asked.iter().any(named))
}

/// The version of a module that a database has: as set, else the build for its Redis version.
pub(crate) fn own_version(cluster: &Cluster, profile: Profile, database: &Database, name: &str) -> String {
    let asked = database.set.get("module_list").and_then(Value::as_array);
    let mut asked = asked.into_iter().flatten();
    let entry = asked.find(|module| module.get("module_name").and_then(Value::as_str) == Some(name));
    let says = |key: &str| {
        let said = entry.and_then(|entry| entry.get(key)?.as_str());
        said.filter(|said| !said.is_empty())
    };
    if let Some(set) = says("semantic_version") {
        return set.to_owned();
    }
    let redis_version = database.text("redis_version");
    let build = catalog::build(profile, name, redis_version).filter(|_| says("module_id").is_none());
    let build = build.map(|build| build.semantic_version);
    let meant = || Some(modules::meant(cluster, profile, entry?, redis_version)?.version);
    build.or_else(meant).unwrap_or_default()
}
