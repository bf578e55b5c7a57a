//! Which alerts exist and which are on: a pure reading of the cluster, its nodes and its databases. Shown by the routes of
//! alerts and by the reports of health.

use super::alerts::settings_path;
use super::bdbs::Database;
use super::nodes::check_result;
use crate::sim::ids::{BdbUid, NodeUid};
use crate::sim::internode;
use crate::sim::schema::alert::{OF_BDB, OF_CLUSTER, OF_NODE};
use crate::sim::state::{Cluster, Env, Member, MemberStatus, SimNode};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// One alert, whether anybody wants to hear of it or not.
pub(crate) struct Alarm {
    pub(crate) name: &'static str,
    pub(crate) on: bool,
    /// What it was judged by, beside its state and threshold.
    pub(crate) details: Map<String, Value>,
}

impl Alarm {
    fn new(name: &'static str, on: bool) -> Self {
        Self {
            name,
            on,
            details: Map::new(),
        }
    }

    /// One that nothing here can turn on.
    pub(crate) fn off(name: &'static str) -> Self {
        Self::new(name, false)
    }

    fn with(mut self, detail: &str, value: impl Into<Value>) -> Self {
        self.details.insert(detail.to_owned(), value.into());
        self
    }

    /// Captures show these two, by state.
    pub(crate) fn severity(on: bool) -> &'static str {
        if on { "WARNING" } else { "INFO" }
    }
}

/// When alerts of one thing last went on or off, as far as anybody looked: by name, without those that were never on.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Turns(BTreeMap<String, (bool, Timestamp)>);

impl Turns {
    fn look(&mut self, alarms: &[Alarm], now: Timestamp) {
        for alarm in alarms {
            let was_on = self.0.get(alarm.name).is_some_and(|(on, _)| *on);
            if alarm.on != was_on {
                self.0.insert(alarm.name.to_owned(), (alarm.on, now));
            }
        }
    }

    /// When this one last did; none if it never did.
    pub(crate) fn last(&self, name: &str) -> Option<Timestamp> {
        self.0.get(name).map(|(_, at)| *at)
    }
}

/// Looks at the alerts of the cluster and of its nodes, and remembers those that went on or off.
pub(crate) fn look(cluster: &mut Cluster, env: &Env) {
    let alarms = of_cluster(cluster, env);
    cluster.turns.look(&alarms, env.now);
    let members = cluster.members.iter();
    let of_nodes: Vec<(NodeUid, Vec<Alarm>)> = members
        .map(|(uid, member)| (*uid, of_node(cluster, env, member)))
        .collect();
    for (uid, alarms) in of_nodes {
        if let Some(member) = cluster.members.get_mut(&uid) {
            member.turns.look(&alarms, env.now);
        }
    }
}

/// The same for a database.
pub(crate) fn look_at(cluster: &mut Cluster, env: &Env, uid: BdbUid) {
    let Some(database) = cluster.databases.get(uid) else {
        return;
    };
    let settings = cluster.documents.single(&settings_path(database));
    let alarms = of_database(env, database, settings);
    if let Some(database) = cluster.databases.get_mut(uid) {
        database.turns.look(&alarms, env.now);
    }
}

/// The same for all databases.
pub(crate) fn look_at_databases(cluster: &mut Cluster, env: &Env) {
    let uids: Vec<BdbUid> = cluster.databases.iter().map(|database| database.uid).collect();
    for uid in uids {
        look_at(cluster, env, uid);
    }
}

/// What the cluster's `alert_settings` say of an alert.
pub(crate) fn setting<'a>(cluster: &'a Cluster, name: &str) -> Option<&'a Value> {
    cluster.settings.get("alert_settings")?.get(name)
}

/// Whether a setting, in either of its forms, turns its alert on.
pub(crate) fn enabled(setting: Option<&Value>) -> bool {
    let on = setting.and_then(|setting| setting.as_bool().or_else(|| setting.get("enabled")?.as_bool()));
    on.unwrap_or(false)
}

/// The threshold of a setting that has one.
pub(crate) fn threshold(setting: Option<&Value>) -> Option<&str> {
    setting?.get("threshold")?.as_str()
}

fn number(setting: Option<&Value>, default: i64) -> i64 {
    let text = threshold(setting);
    text.and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// The alerts of the cluster that have a state: those that tell of an event send mail and no more.
pub(crate) fn of_cluster(cluster: &Cluster, env: &Env) -> Vec<Alarm> {
    let tells_an_event =
        |name: &str| name == "cluster_node_joined" || name.starts_with("cluster_node_remove_");
    OF_CLUSTER
        .names(env.profile)
        .filter(|name| !tells_an_event(name))
        .map(|name| cluster_alarm(cluster, env, name))
        .collect()
}

/// One alert of the cluster.
pub(crate) fn cluster_alarm(cluster: &Cluster, env: &Env, name: &'static str) -> Alarm {
    let members = cluster.members.len();
    match name {
        "cluster_ca_cert_about_to_expire" => {
            Alarm::new(name, !expiring(cluster, env, name, authority).is_empty())
        }
        "cluster_certs_about_to_expire" => {
            let ending = expiring(cluster, env, name, |name| !internal(name) && !authority(name));
            Alarm::new(name, !ending.is_empty()).with("certs_about_to_expire", ending)
        }
        "cluster_even_node_count" => {
            Alarm::new(name, members.is_multiple_of(2) || members == 1).with("node_count", members)
        }
        "cluster_flash_overcommit" => {
            let (promised, there) = (promised(cluster, true), flash(cluster, env));
            Alarm::new(name, promised > there).with("bdbs_committed_flash", promised)
        }
        "cluster_inconsistent_rl_sw" | "cluster_inconsistent_redis_sw" => {
            Alarm::new(name, versions_differ(cluster, env))
        }
        "cluster_internal_bdb" => Alarm::off(name).with("internal_bdb", ""),
        "cluster_license_about_to_expire" => Alarm::new(name, license_ends(cluster, env)),
        "cluster_multiple_nodes_down" => {
            let dead = dead(cluster);
            Alarm::new(name, dead.len() > 1).with("dead_nodes", dead)
        }
        "cluster_ram_overcommit" => {
            let (promised, there) = (promised(cluster, false), memory(cluster, env));
            Alarm::new(name, promised > there).with("bdbs_committed_ram", promised)
        }
        "cluster_too_few_nodes_for_replication" => Alarm::new(name, members < 2),
        "cluster_users_count_approaches_limit" => {
            let percent = number(setting(cluster, name), 90);
            let users = i64::try_from(cluster.accounts.users.len()).unwrap_or(i64::MAX);
            Alarm::new(name, users.saturating_mul(100) > percent.saturating_mul(32_000))
        }
        _ => Alarm::off(name),
    }
}

fn dead(cluster: &Cluster) -> Vec<u64> {
    let members = cluster.members.values();
    members
        .filter(|member| member.status == MemberStatus::Down)
        .map(|member| member.uid.0)
        .collect()
}

/// Flash, or memory, that databases were promised.
fn promised(cluster: &Cluster, flash: bool) -> u64 {
    let of = |database: &Database| {
        let amount = |field| database.set.get(field).and_then(Value::as_u64).unwrap_or(0);
        match (database.flag("bigstore"), flash) {
            (true, true) => amount("memory_size").saturating_sub(amount("bigstore_ram_size")),
            (true, false) => amount("bigstore_ram_size"),
            (false, true) => 0,
            (false, false) => amount("memory_size"),
        }
    };
    cluster.databases.iter().map(of).sum()
}

fn memory(cluster: &Cluster, env: &Env) -> u64 {
    hosts(cluster, env).map(|host| host.config.memory_bytes).sum()
}

fn flash(cluster: &Cluster, env: &Env) -> u64 {
    hosts(cluster, env).map(|host| host.config.flash_bytes).sum()
}

fn hosts<'a>(cluster: &'a Cluster, env: &'a Env) -> impl Iterator<Item = &'a SimNode> {
    let members = cluster.members.values();
    members.filter_map(|member| env.node(member.host))
}

fn versions_differ(cluster: &Cluster, env: &Env) -> bool {
    let hosts = cluster
        .members
        .values()
        .filter_map(|member| env.node(member.host));
    let mut versions: Vec<&str> = hosts.map(|host| host.software_version.as_str()).collect();
    versions.dedup();
    versions.len() > 1
}

fn license_ends(cluster: &Cluster, env: &Env) -> bool {
    let days = number(setting(cluster, "cluster_license_about_to_expire"), 7);
    in_days(env.now, days).is_some_and(|until| cluster.license.expired(until))
}

fn in_days(now: Timestamp, days: i64) -> Option<Timestamp> {
    let days = SignedDuration::from_hours(days.saturating_mul(24));
    now.checked_add(days).ok()
}

fn internal(name: &str) -> bool {
    name.ends_with("_internode_encryption")
}

fn authority(name: &str) -> bool {
    name == "mtls_trusted_ca"
}

/// Certificates that end within the days of the alert's threshold.
fn expiring(cluster: &Cluster, env: &Env, alert: &str, wanted: fn(&str) -> bool) -> Vec<String> {
    let days = number(setting(cluster, alert), 45);
    let held = cluster.certificates.iter();
    held.filter(|(name, identity)| wanted(name) && internode::ends_within(identity, env, days))
        .map(|(name, _)| name.clone())
        .collect()
}

/// The alerts of a node.
pub(crate) fn of_node(cluster: &Cluster, env: &Env, member: &Member) -> Vec<Alarm> {
    OF_NODE
        .names(env.profile)
        .map(|name| node_alarm(cluster, env, member, name))
        .collect()
}

/// One alert of a node.
pub(crate) fn node_alarm(cluster: &Cluster, env: &Env, member: &Member, name: &'static str) -> Alarm {
    let down = member.status == MemberStatus::Down;
    match name {
        "node_failed" => Alarm::new(name, down),
        "node_memory" => {
            let used = memory_percent(cluster, env, member);
            let most = number(setting(cluster, name), 100);
            Alarm::new(name, !down && used > most).with("memory_util", used)
        }
        "node_cpu_utilization" => Alarm::off(name).with("cpu_util", 0.0),
        "node_checks_error" => {
            let checks = check_result(cluster, env, member, Value::Null);
            Alarm::new(name, checks.get("result") == Some(&json!(false)))
        }
        "node_internal_certs_about_to_expire" => Alarm::new(name, internal_ends(cluster, env, member, name)),
        _ => Alarm::off(name),
    }
}

/// Whether a certificate that the node uses among nodes ends within the days of the alert's threshold.
fn internal_ends(cluster: &Cluster, env: &Env, member: &Member, alert: &str) -> bool {
    let days = number(setting(cluster, alert), 45);
    let installed = env.node(member.host).map(|node| &node.installed);
    let own = |name: &str| installed.and_then(|installed| installed.get(name));
    internode::names()
        .filter_map(own)
        .any(|own| internode::ends_within(own, env, days))
}

/// Share of a node's memory that its shards hold.
fn memory_percent(cluster: &Cluster, env: &Env, member: &Member) -> i64 {
    let total = env.node(member.host).map_or(0, |host| host.config.memory_bytes);
    let shards = cluster.databases.shards.on(member.uid);
    let used: u64 = shards
        .map(|shard| super::stats::shard_bytes(cluster, shard))
        .sum();
    let percent = used.saturating_mul(100).checked_div(total).unwrap_or(0);
    i64::try_from(percent).unwrap_or(i64::MAX)
}

/// The alerts of a database: those that every one has, and those on what feeds it that were set.
pub(crate) fn of_database(
    env: &Env,
    database: &Database,
    settings: Option<&Map<String, Value>>,
) -> Vec<Alarm> {
    let set = |name: &str| settings.and_then(|settings| settings.get(name));
    let shown = |name: &&str| !name.contains("syncer") || set(name).is_some();
    let names = OF_BDB.names(env.profile).filter(shown);
    names
        .map(|name| database_alarm(env, database, name, set(name)))
        .collect()
}

/// One alert of a database. There is no traffic, so throughput is low as soon as any is wanted.
pub(crate) fn database_alarm(
    env: &Env,
    database: &Database,
    name: &'static str,
    setting: Option<&Value>,
) -> Alarm {
    match name {
        "bdb_size" => {
            let used = size_percent(database);
            #[expect(clippy::cast_precision_loss, reason = "a threshold in percent is small")]
            let over = used > number(setting, 80) as f64;
            Alarm::new("bdb_size", over).with("memory_util", used)
        }
        "bdb_backup_delayed" => {
            let late = database.backup.as_ref().map(|backup| backup.late(env.now));
            let minutes = threshold(setting).and_then(|minutes| minutes.parse().ok());
            let most = minutes.map(|minutes: i64| SignedDuration::from_secs(minutes.saturating_mul(60)));
            let both = late.zip(most);
            Alarm::new(name, both.is_some_and(|(late, most)| late > most))
        }
        "bdb_low_throughput" => Alarm::new(name, number(setting, 0) > 0),
        _ => Alarm::new(name, false),
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a share in percent needs no exact bytes"
)]
fn size_percent(database: &Database) -> f64 {
    let limit = database.set.get("memory_size").and_then(Value::as_u64);
    limit
        .filter(|limit| *limit > 0)
        .map_or(0.0, |limit| database.data_bytes as f64 * 100.0 / limit as f64)
}
