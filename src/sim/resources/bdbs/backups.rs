//! Periodic backups: a job of the cluster looks every few minutes whether one is due. The database serves meanwhile, and a
//! backup that failed is made again at the job's next run.

use super::locations::check_location;
use super::store::{Database, Status};
use crate::sim::events::Told;
use crate::sim::ids::BdbUid;
use crate::sim::placement::Role;
use crate::sim::resources::iso;
use crate::sim::state::{Cluster, Due, Env};
use crate::sim::task::BACKUP;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Steps of a backup, which are all that `backup_progress` shows.
const STEPS: u32 = 4;

/// How far the first backups of databases without an offset are apart.
const STAGGER_SECS: u64 = 4320;

/// Why something failed that has no reason of its own.
const GENERAL: &str = "general-error";

/// Minutes between two runs of the job, if its cron expression is not `*/N * * * *`.
const EVERY_MINUTES: i64 = 5;

/// The backups of one database.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub(crate) struct Backup {
    interval_secs: u64,
    offset_secs: Option<u64>,
    /// When the next one is due; that of one which runs or has failed until it has succeeded.
    due: Timestamp,
    /// When something happens next. Anything that happens at another time belongs to an earlier plan.
    next: Timestamp,
    /// The steps that the one which runs has done.
    done: Option<u32>,
    /// The action of the latest one that began.
    #[serde(default)]
    action_uid: String,
}

impl Backup {
    /// How long the next one is overdue.
    pub(crate) fn late(&self, now: Timestamp) -> SignedDuration {
        now.duration_since(self.due).max(SignedDuration::ZERO)
    }
}

/// Plans the backups of a database whose configuration may have changed.
pub(super) fn plan(cluster: &mut Cluster, env: &mut Env, uid: BdbUid) {
    let Some(database) = cluster.databases.get_mut(uid) else {
        return;
    };
    let number = |field: &str| database.set.get(field).and_then(Value::as_u64);
    let interval = number("backup_interval").filter(|secs| *secs > 0 && database.flag("backup"));
    let offset_secs = number("backup_interval_offset");
    let stays = database.backup.as_ref().is_some_and(|backup| {
        let same = Some(backup.interval_secs) == interval && backup.offset_secs == offset_secs;
        same || backup.done.is_some()
    });
    if stays {
        return;
    }
    database.backup = interval.map(|interval_secs| {
        let due = first(env.now, uid, interval_secs, offset_secs);
        Backup {
            interval_secs,
            offset_secs,
            due,
            next: due,
            done: None,
            action_uid: String::new(),
        }
    });
    if let Some(due) = database.backup.as_ref().map(|backup| backup.due) {
        look(cluster, env, uid, due);
    }
}

/// The first backup: at the offset from a round interval; without an offset the cluster chooses one from now.
fn first(now: Timestamp, uid: BdbUid, interval_secs: u64, offset_secs: Option<u64>) -> Timestamp {
    let interval = i64::try_from(interval_secs).unwrap_or(i64::MAX);
    let Some(offset) = offset_secs else {
        let wait = uid.0.wrapping_mul(STAGGER_SECS) % interval_secs;
        return later(now, i64::try_from(wait).unwrap_or(i64::MAX));
    };
    let offset = i64::try_from(offset).unwrap_or(i64::MAX);
    let past = (now.as_second().saturating_sub(offset)).rem_euclid(interval);
    later(now, interval - past)
}

fn later(at: Timestamp, secs: i64) -> Timestamp {
    at.checked_add(SignedDuration::from_secs(secs))
        .unwrap_or(Timestamp::MAX)
}

/// Lets the job look at a database at its first run from `from` on.
fn look(cluster: &mut Cluster, env: &mut Env, uid: BdbUid, from: Timestamp) {
    let every = every_secs(cluster);
    let run = from
        .as_second()
        .saturating_add(every - 1)
        .div_euclid(every)
        .saturating_mul(every);
    happen(
        cluster,
        env,
        uid,
        Timestamp::from_second(run).unwrap_or(Timestamp::MAX),
    );
}

fn happen(cluster: &mut Cluster, env: &mut Env, uid: BdbUid, at: Timestamp) {
    let delay = at
        .duration_since(env.now)
        .max(SignedDuration::ZERO)
        .unsigned_abs();
    let next = env.after(delay);
    env.schedule(delay, Due::Backup(cluster.id, uid));
    change(cluster, uid, |backup| backup.next = next);
}

fn change(cluster: &mut Cluster, uid: BdbUid, change: impl FnOnce(&mut Backup)) {
    let database = cluster.databases.get_mut(uid);
    if let Some(backup) = database.and_then(|database| database.backup.as_mut()) {
        change(backup);
    }
}

fn job<'a>(cluster: &'a Cluster, key: &str) -> Option<&'a Value> {
    let jobs = cluster.documents.single("/v1/job_scheduler")?;
    jobs.get("backup_job_settings")?.get(key)
}

fn every_secs(cluster: &Cluster) -> i64 {
    let minutes = job(cluster, "cron_expression")
        .and_then(|cron| cron.as_str()?.strip_prefix("*/")?.strip_suffix(" * * * *"))
        .and_then(|minutes| minutes.parse().ok());
    // A step beyond the minutes of an hour leaves its first.
    minutes.map_or(EVERY_MINUTES, |minutes: i64| minutes.clamp(1, 60)) * 60
}

/// The job looks at a database, or its backup gets on.
pub(crate) fn backup_due(cluster: &mut Cluster, env: &mut Env, uid: BdbUid) {
    let database = cluster.databases.get(uid);
    let Some(backup) = database.and_then(|database| database.backup.clone()) else {
        return;
    };
    if backup.next != env.now {
        return;
    }
    match backup.done {
        None if can_start(cluster, env, uid) => begin(cluster, env, uid),
        None => look(cluster, env, uid, later(env.now, 1)),
        Some(done) if done + 1 < STEPS => step(cluster, env, uid, done + 1),
        Some(_) => end(cluster, env, uid, &backup),
    }
}

fn can_start(cluster: &Cluster, env: &Env, uid: BdbUid) -> bool {
    let enabled = job(cluster, "enabled") != Some(&Value::Bool(false));
    let database = cluster.databases.get(uid);
    let idle = database.is_some_and(|database| database.status == Status::Active);
    enabled && idle && cluster.has_quorum(env)
}

fn begin(cluster: &mut Cluster, env: &mut Env, uid: BdbUid) {
    let object = format!("bdb:{uid}");
    let action_uid = cluster.machines.start(&mut env.ids, env.now, BACKUP, object);
    cluster.machines.tidy(env.now, env.timings.action_retention);
    change(cluster, uid, |backup| backup.action_uid = action_uid);
    tell(cluster, env, uid, Told::BackupStarted);
    step(cluster, env, uid, 0);
}

fn step(cluster: &mut Cluster, env: &mut Env, uid: BdbUid, done: u32) {
    say(cluster, uid, "backup_status", json!("exporting"));
    let progress = f64::from(done) * 100.0 / f64::from(STEPS);
    say(cluster, uid, "backup_progress", json!(progress));
    change(cluster, uid, |backup| backup.done = Some(done));
    let database = cluster.databases.get(uid);
    let action = database.and_then(|database| database.backup.as_ref());
    if let Some(machine) = action.and_then(|backup| cluster.machines.get_mut(&backup.action_uid)) {
        machine.progress = Some(progress);
        machine.heartbeat = env.now;
    }
    let next = env.after(env.timings.bdb_update / STEPS);
    happen(cluster, env, uid, next);
}

fn say(cluster: &mut Cluster, uid: BdbUid, field: &str, value: Value) {
    if let Some(database) = cluster.databases.get_mut(uid) {
        database.set.insert(field.to_owned(), value);
    }
}

fn tell(cluster: &mut Cluster, env: &Env, uid: BdbUid, told: Told) {
    let details = json!({"bdb_uid": uid.to_string()});
    cluster.documents.tell(env.now, told, &details);
}

fn end(cluster: &mut Cluster, env: &mut Env, uid: BdbUid, backup: &Backup) {
    let failure = failure(cluster, env, uid);
    let error = failure.map(str::to_owned);
    cluster.machines.finish(&backup.action_uid, env.now, error);
    let (status, progress, told) = if failure.is_some() {
        ("failed", 0.0, Told::BackupFailed)
    } else {
        ("succeeded", 100.0, Told::BackupSucceeded)
    };
    tell(cluster, env, uid, told);
    say(cluster, uid, "backup_status", json!(status));
    say(cluster, uid, "backup_progress", json!(progress));
    say(
        cluster,
        uid,
        "backup_failure_reason",
        json!(failure.unwrap_or_default()),
    );
    if failure.is_none() {
        say(cluster, uid, "last_backup_time", json!(iso(env.now)));
        let interval = i64::try_from(backup.interval_secs).unwrap_or(i64::MAX);
        let missed = env.now.duration_since(backup.due).as_secs() / interval;
        let due = later(backup.due, interval.saturating_mul(missed + 1));
        change(cluster, uid, |backup| backup.due = due);
        look(cluster, env, uid, due);
    } else {
        look(cluster, env, uid, later(env.now, 1));
    }
    change(cluster, uid, |backup| backup.done = None);
    plan(cluster, env, uid);
}

/// Ends the one that runs: its database goes.
pub(super) fn stop(cluster: &mut Cluster, env: &Env, uid: BdbUid) {
    let database = cluster.databases.get(uid);
    let backup = database.and_then(|database| database.backup.as_ref());
    if let Some(backup) = backup.filter(|backup| backup.done.is_some()) {
        let error = Some(GENERAL.to_owned());
        cluster.machines.finish(&backup.action_uid, env.now, error);
    }
}

/// Why the files did not get to their place.
fn failure(cluster: &Cluster, env: &Env, uid: BdbUid) -> Option<&'static str> {
    let database = cluster.databases.get(uid)?;
    let masters = || {
        let shards = cluster.databases.shards.of(uid);
        shards.filter(|shard| shard.role == Role::Master)
    };
    let location = database.set.get("backup_location").unwrap_or(&Value::Null);
    if masters().any(|master| !master.up) {
        return Some(GENERAL);
    }
    if check_location("backup_location", location).is_err() {
        return Some("wrong-file-path");
    }
    let closed = masters().any(|master| {
        let host = cluster
            .members
            .get(&master.node)
            .and_then(|member| env.node(member.host));
        host.is_some_and(|host| mounts(location, &host.config.inaccessible_paths))
    });
    closed.then_some("no-permission")
}

/// Whether a location is one of these paths of a machine.
fn mounts(location: &Value, paths: &[String]) -> bool {
    let path = location.get("path").and_then(Value::as_str);
    location.get("type") == Some(&json!("mount_point"))
        && paths.iter().any(|closed| Some(closed.as_str()) == path)
}

/// What a shard says of the backup of its database.
pub(crate) fn of_shard(database: &Database) -> Option<Value> {
    let status = database.text("backup_status");
    let progress = database.set.get("backup_progress")?;
    matches!(status, "exporting" | "succeeded" | "failed")
        .then(|| json!({"status": status, "progress": progress}))
}

#[cfg(test)]
mod tests {
    use crate::sim::testbed::Bed;
    use serde_json::{Value, json};
    use std::time::Duration;

    const HOUR: i64 = 3600;

    /// A database that is backed up every hour, at half past; it is just after midnight.
    fn hourly(location: Value) -> Bed {
        let mut bed = Bed::new();
        bed.database(json!({
            "name": "db", "memory_size": 1 << 28, "redis_version": "7.2", "backup": true,
            "backup_interval": HOUR, "backup_interval_offset": HOUR / 2, "backup_location": location,
        }));
        bed
    }

    fn mounted() -> Value {
        json!({"type": "mount_point", "path": "/backup"})
    }

    fn shown(bed: &mut Bed, field: &str) -> Value {
        bed.ok("GET", "/v1/bdbs/1", Value::Null)[field].clone()
    }

    /// Lets time pass up to so many seconds after midnight.
    fn until(bed: &mut Bed, secs: i64) {
        let past = bed.world.now().as_second() % 86_400;
        bed.pass(secs - past);
    }

    #[test]
    fn a_backup_runs_at_its_offset_from_every_round_interval() {
        let mut bed = hourly(mounted());
        until(&mut bed, HOUR / 2 - 1);
        assert_eq!(shown(&mut bed, "backup_status"), "");
        assert_eq!(shown(&mut bed, "last_backup_time"), Value::Null);
        for hour in [0, 1, 2] {
            until(&mut bed, hour * HOUR + HOUR / 2 + 30);
            assert_eq!(shown(&mut bed, "backup_status"), "succeeded");
            assert_eq!(shown(&mut bed, "backup_progress"), 100.0);
            let time = format!("2026-06-01T{hour:02}:30:03Z");
            assert_eq!(shown(&mut bed, "last_backup_time"), time);
        }
    }

    #[test]
    fn a_backup_can_be_followed_and_does_not_keep_the_database_busy() {
        let mut bed = hourly(mounted());
        until(&mut bed, HOUR / 2);
        let mut seen = Vec::new();
        for _ in 0..3 {
            assert_eq!(shown(&mut bed, "backup_status"), "exporting");
            assert_eq!(shown(&mut bed, "status"), "active");
            let shard = bed.ok("GET", "/v1/shards/1", Value::Null);
            assert_eq!(shard["backup"]["status"], "exporting");
            seen.push(shown(&mut bed, "backup_progress").as_f64().unwrap());
            bed.pass(1);
        }
        assert!(seen.is_sorted() && seen.first() < seen.last(), "{seen:?}");
        assert_eq!(shown(&mut bed, "backup_status"), "succeeded");
        bed.ok("PUT", "/v1/bdbs/1/actions/backup_reset_status", Value::Null);
        assert_eq!(shown(&mut bed, "backup_status"), "idle");
        assert!(bed.ok("GET", "/v1/shards/1", Value::Null).get("backup").is_none());
    }

    #[test]
    fn the_action_of_a_backup_grows_with_it_and_says_why_it_failed() {
        let mut bed = hourly(json!({"type": "mount_point"}));
        until(&mut bed, HOUR / 2);
        let action = |bed: &mut Bed| {
            let all = bed.ok("GET", "/v2/actions", Value::Null);
            let mut all = all.as_array().unwrap().clone();
            all.retain(|action| action["name"] == "backup");
            all.pop().unwrap()
        };
        for _ in 0..3 {
            let running = action(&mut bed);
            assert_eq!(running["status"], "running");
            assert_eq!(running["progress"], shown(&mut bed, "backup_progress"));
            bed.pass(1);
        }
        let failed = action(&mut bed);
        assert_eq!(
            (&failed["status"], &failed["additional_info"]["error"]),
            (&json!("failed"), &json!("wrong-file-path"))
        );
    }

    #[test]
    fn the_action_of_a_backup_ends_with_its_database() {
        let mut bed = hourly(mounted());
        bed.world.env.timings.bdb_delete = Duration::from_secs(1);
        until(&mut bed, HOUR / 2);
        bed.ok("DELETE", "/v1/bdbs/1", Value::Null);
        bed.pass(2);
        let all = bed.ok("GET", "/v2/actions", Value::Null);
        let mut all = all.as_array().unwrap().iter();
        let backup = all.find(|action| action["name"] == "backup").unwrap();
        assert_eq!(backup["status"], "failed");
    }

    #[test]
    fn a_status_is_not_reset_while_a_backup_runs() {
        let mut bed = hourly(mounted());
        until(&mut bed, HOUR / 2);
        bed.ok("PUT", "/v1/bdbs/1/actions/backup_reset_status", Value::Null);
        assert_eq!(shown(&mut bed, "backup_status"), "exporting");
    }

    #[test]
    fn a_backup_that_fails_says_why_and_is_made_again_until_it_succeeds() {
        for (location, reason) in [
            (json!({"type": "s3", "bucket_name": "b"}), "wrong-file-path"),
            (json!({"type": "mount_point", "path": "/closed"}), "no-permission"),
        ] {
            let mut bed = hourly(location);
            for node in &mut bed.world.env.nodes {
                node.config.inaccessible_paths = vec!["/closed".to_owned()];
            }
            until(&mut bed, HOUR / 2 + 30);
            assert_eq!(shown(&mut bed, "backup_status"), "failed");
            assert_eq!(shown(&mut bed, "backup_failure_reason"), reason);
            bed.ok("PUT", "/v1/bdbs/1", json!({"backup_location": mounted()}));
            until(&mut bed, HOUR / 2 + 330);
            assert_eq!(shown(&mut bed, "backup_status"), "succeeded");
            assert_eq!(shown(&mut bed, "backup_failure_reason"), "");
            assert_eq!(shown(&mut bed, "last_backup_time"), "2026-06-01T00:35:03Z");
            until(&mut bed, HOUR + HOUR / 2 + 30);
            assert_eq!(shown(&mut bed, "last_backup_time"), "2026-06-01T01:30:03Z");
        }
    }

    #[test]
    fn a_job_that_runs_every_sixty_minutes_looks_once_an_hour() {
        let mut bed = hourly(json!({"type": "mount_point"}));
        let job = json!({"backup_job_settings": {"cron_expression": "*/60 * * * *"}});
        bed.ok("PUT", "/v1/job_scheduler", job);
        until(&mut bed, HOUR / 2 + 30);
        bed.ok("PUT", "/v1/bdbs/1", json!({"backup_location": mounted()}));
        until(&mut bed, HOUR - 1);
        assert_eq!(shown(&mut bed, "backup_status"), "failed");
        until(&mut bed, HOUR + 30);
        assert_eq!(shown(&mut bed, "backup_status"), "succeeded");
    }

    #[test]
    fn the_alert_of_a_late_backup_is_on_until_it_is_made() {
        let mut bed = hourly(json!({"type": "mount_point"}));
        let path = "/v1/bdbs/alerts/1";
        bed.ok(
            "POST",
            path,
            json!({"bdb_backup_delayed": {"enabled": true, "threshold": "20"}}),
        );
        let state = |bed: &mut Bed| {
            let one = bed.ok("GET", &format!("{path}/bdb_backup_delayed"), Value::Null);
            let all = bed.ok("GET", path, Value::Null);
            assert_eq!(one["state"], all["bdb_backup_delayed"]["state"]);
            one["state"].clone()
        };
        until(&mut bed, HOUR / 2 + 20 * 60);
        assert_eq!(state(&mut bed), false);
        until(&mut bed, HOUR / 2 + 20 * 60 + 1);
        assert_eq!(state(&mut bed), true);
        bed.ok("PUT", "/v1/bdbs/1", json!({"backup_location": mounted()}));
        bed.pass(600);
        assert_eq!(shown(&mut bed, "backup_status"), "succeeded");
        assert_eq!(state(&mut bed), false);
    }

    #[test]
    fn without_an_offset_the_cluster_chooses_one_and_keeps_it() {
        let mut bed = Bed::new();
        bed.database(json!({
            "name": "db", "memory_size": 1 << 28, "redis_version": "7.2", "backup": true,
            "backup_interval": 43_200, "backup_location": mounted(),
        }));
        let time = |bed: &mut Bed| shown(bed, "last_backup_time").as_str().map(str::to_owned);
        bed.pass(43_200);
        let first = time(&mut bed).unwrap();
        assert!(first.starts_with("2026-06-01T01:"), "72 minutes later: {first}");
        bed.pass(43_200);
        assert_eq!(time(&mut bed).unwrap()[14..], first[14..]);
        assert_ne!(time(&mut bed).unwrap(), first);
    }

    #[test]
    fn no_backup_starts_once_it_is_turned_off_or_while_the_job_is() {
        let mut bed = hourly(mounted());
        let job = |enabled: bool| json!({"backup_job_settings": {"enabled": enabled}});
        bed.ok("PUT", "/v1/job_scheduler", job(false));
        until(&mut bed, HOUR);
        assert_eq!(shown(&mut bed, "backup_status"), "");
        bed.ok("PUT", "/v1/job_scheduler", job(true));
        bed.pass(330);
        let made = shown(&mut bed, "last_backup_time");
        assert_eq!(made, "2026-06-01T01:05:03Z");
        bed.ok("PUT", "/v1/bdbs/1", json!({"backup": false}));
        bed.pass(3 * HOUR);
        assert_eq!(shown(&mut bed, "last_backup_time"), made);
        bed.ok("PUT", "/v1/bdbs/1", json!({"backup": true}));
        bed.pass(2 * HOUR);
        assert_ne!(shown(&mut bed, "last_backup_time"), made);
    }
}
