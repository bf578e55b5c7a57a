//! RedisDatabase, end to end in one process.

use crate::support::manifests::CLUSTER;
use crate::support::manifests::cluster;
use crate::support::manifests::database;
use crate::support::manifests::secret;
use crate::support::site::Site;
use crate::support::site::other_side;
use regent::api::OWNER_TAG;
use serde_json::Value;
use serde_json::json;

const DATABASES: &str = "redisdatabases";

fn edit(site: &Site, name: &str, change: impl FnOnce(&mut Value)) {
    site.api
        .edit(DATABASES, name, |object| change(&mut object["spec"]));
}

fn with(name: &str, fields: &Value) -> Value {
    let mut object = database(name);
    object["spec"]
        .as_object_mut()
        .unwrap()
        .extend(fields.as_object().unwrap().clone());
    object
}

async fn site_with(object: Value) -> Site {
    let name = object["metadata"]["name"].as_str().unwrap().to_owned();
    let site = Site::settled(3, &[(DATABASES, object)]).await;
    site.assert_ready(DATABASES, &name);
    site
}

fn owner(bdb: &Value) -> Option<String> {
    let tags = bdb["tags"].as_array()?;
    let tag = tags.iter().find(|tag| tag["key"] == OWNER_TAG)?;
    Some(tag["value"].as_str()?.to_owned())
}

#[tokio::test(start_paused = true)]
async fn a_database_is_created_once_and_marked_as_ours() {
    let site = site_with(database("cache")).await;
    let (bdb, object) = (site.bdb("cache"), site.api.object(DATABASES, "cache").unwrap());
    assert_eq!(
        (bdb["status"].as_str(), bdb["memory_size"].as_u64()),
        (Some("active"), Some(100 << 20))
    );
    assert_eq!(owner(&bdb).as_deref(), object["metadata"]["uid"].as_str());
    assert_eq!(object["status"]["uid"], bdb["uid"]);
    assert_eq!(site.effective("POST", "/v1/bdbs"), 1);
    site.assert_silent().await;
}

#[tokio::test(start_paused = true)]
async fn every_managed_field_reaches_the_server_and_stays_there() {
    let fields = json!({
        "memorySize": "512Mi", "shardCount": 2, "replication": true,
        "persistence": {"mode": "Aof", "fsync": "EverySecond"}, "evictionPolicy": "AllKeysLru", "port": 12345,
        "tls": {"mode": "Enabled"}, "proxyPolicy": "AllMasterShards", "shardPlacement": "Sparse", "tags": {"team": "web"},
    });
    let site = site_with(with("cache", &fields)).await;
    let bdb = site.bdb("cache");
    let wanted = json!({
        "memory_size": 512 << 20, "shards_count": 2, "replication": true, "data_persistence": "aof",
        "aof_policy": "appendfsync-every-sec", "eviction_policy": "allkeys-lru", "port": 12345, "tls_mode": "enabled",
        "proxy_policy": "all-master-shards", "shards_placement": "sparse",
    });
    for (field, value) in wanted.as_object().unwrap() {
        assert_eq!(&bdb[field], value, "{field}");
    }
    assert!(
        bdb["tags"]
            .as_array()
            .unwrap()
            .contains(&json!({"key": "team", "value": "web"}))
    );
    site.assert_silent().await;
}

#[tokio::test(start_paused = true)]
async fn a_change_reaches_the_server_and_sends_nothing_else() {
    let site = site_with(database("cache")).await;
    let uid = site.bdb("cache")["uid"].clone();
    edit(&site, "cache", |spec| spec["memorySize"] = json!("200Mi"));
    site.settle().await;
    assert_eq!(site.bdb("cache")["memory_size"], 200 << 20);
    let put =
        |entry: &&regent::sim::LogEntry| entry.method == "PUT" && entry.path == format!("/v1/bdbs/{uid}");
    let put = site.machines.world().log().iter().find(put).cloned().unwrap();
    assert_eq!(put.body, json!({"memory_size": 200 << 20}));
    site.assert_silent().await;
}

#[tokio::test(start_paused = true)]
async fn tls_turned_on_for_a_live_database_waits_for_what_clients_must_show_and_says_so() {
    let site = site_with(database("cache")).await;
    edit(&site, "cache", |spec| spec["tls"] = json!({"mode": "Enabled"}));
    site.settle().await;
    if !other_side() {
        // Where nobody need show anything, TLS is on at once.
        site.assert_ready(DATABASES, "cache");
        assert_eq!(site.bdb("cache")["tls_mode"], "enabled");
        return site.assert_silent().await;
    }
    assert_eq!(
        site.condition(DATABASES, "cache", "Stalled"),
        ("True".into(), "Rejected".into())
    );
    let message = site.message(DATABASES, "cache", "Stalled");
    assert!(message.contains("enforce_client_authentication"), "{message}");
    assert_eq!(site.bdb("cache")["tls_mode"], "disabled", "nothing is invented");

    let path = format!("/v1/bdbs/{}", site.bdb("cache")["uid"]);
    site.meddle(
        "PUT",
        &path,
        &json!({"enforce_client_authentication": "disabled"}),
    );
    site.api.edit(DATABASES, "cache", |object| {
        object["metadata"]["annotations"] = json!({"regent.dev/reconcile-requested-at": "now"});
    });
    site.settle().await;
    site.assert_ready(DATABASES, "cache");
    assert_eq!(site.bdb("cache")["tls_mode"], "enabled");
    site.assert_silent().await;
}

#[tokio::test(start_paused = true)]
async fn what_somebody_changed_is_put_back_and_what_is_unmanaged_stays() {
    let site = site_with(with("cache", &json!({"evictionPolicy": "NoEviction"}))).await;
    let path = format!("/v1/bdbs/{}", site.bdb("cache")["uid"]);
    site.meddle(
        "PUT",
        &path,
        &json!({"eviction_policy": "allkeys-lru", "max_connections": 77}),
    );
    site.settle().await;
    let bdb = site.bdb("cache");
    assert_eq!(
        (bdb["eviction_policy"].as_str(), bdb["max_connections"].as_u64()),
        (Some("noeviction"), Some(77))
    );
    site.assert_silent().await;
}

#[tokio::test(start_paused = true)]
async fn a_database_outlives_its_object_unless_the_spec_says_delete() {
    let site = site_with(database("cache")).await;
    site.api.delete(DATABASES, "cache");
    site.settle().await;
    assert_eq!(site.api.object(DATABASES, "cache"), None);
    assert!(owner(&site.bdb("cache")).unwrap().starts_with("released:"));

    let site = site_with(with("cache", &json!({"deletionPolicy": "Delete"}))).await;
    site.api.delete(DATABASES, "cache");
    site.settle().await;
    assert_eq!(site.api.object(DATABASES, "cache"), None);
    assert_eq!(site.bdbs(), Vec::<Value>::new());
    site.assert_silent().await;
}

#[tokio::test(start_paused = true)]
async fn an_unreachable_cluster_holds_up_no_object_that_leaves_its_database() {
    let site = site_with(database("cache")).await;
    for place in 0..3 {
        site.machines.world().crash(regent::sim::NodeIndex(place));
    }
    site.api.delete(DATABASES, "cache");
    tokio::time::sleep(std::time::Duration::from_secs(120)).await;
    assert_eq!(site.api.object(DATABASES, "cache"), None);
}

#[tokio::test(start_paused = true)]
async fn delete_and_apply_again_is_one_line_away_from_working() {
    let site = site_with(database("cache")).await;
    let uid = site.bdb("cache")["uid"].clone();
    site.api.delete(DATABASES, "cache");
    site.settle().await;
    site.api.apply(DATABASES, database("cache"));
    site.settle().await;
    assert_eq!(
        site.condition(DATABASES, "cache", "Stalled"),
        ("True".into(), "AlreadyExists".into())
    );
    assert!(
        site.message(DATABASES, "cache", "Stalled")
            .contains("adoptionPolicy: IfUnowned")
    );

    edit(&site, "cache", |spec| spec["adoptionPolicy"] = json!("IfUnowned"));
    site.settle().await;
    site.assert_ready(DATABASES, "cache");
    let bdb = site.bdb("cache");
    assert_eq!(bdb["uid"], uid);
    assert_eq!(
        owner(&bdb).as_deref(),
        site.api.object(DATABASES, "cache").unwrap()["metadata"]["uid"].as_str()
    );
    site.assert_silent().await;
}

#[tokio::test(start_paused = true)]
async fn a_generated_password_is_made_once_and_reaches_the_applications() {
    let fields = json!({
        "passwordSecretRef": {"name": "cache-password", "generate": true}, "connectionSecret": {"name": "cache-conn"},
    });
    let site = site_with(with("cache", &fields)).await;
    let password = site.secret("cache-password", "password").unwrap();
    assert!(password.len() >= 24);
    let bdb = site.bdb("cache");
    assert_eq!(bdb["authentication_redis_pass"], password);
    assert_eq!(site.secret("cache-conn", "password"), Some(password));
    assert_eq!(
        site.secret("cache-conn", "port"),
        Some(bdb["endpoints"][0]["port"].to_string())
    );
    assert_eq!(
        site.secret("cache-conn", "host").as_deref(),
        bdb["endpoints"][0]["dns_name"].as_str()
    );
    for name in ["cache-password", "cache-conn"] {
        assert_eq!(site.writes_to("secrets", name).len(), 1, "{name}");
    }
    site.assert_silent().await;
}

#[tokio::test(start_paused = true)]
async fn a_new_password_is_taken_up_and_replaces_the_old_one() {
    let mut site = Site::fresh(3);
    site.api.apply(
        "secrets",
        secret("cache-password", &[("password", "canary-first")]),
    );
    site.api.apply("redisclusters", cluster(3));
    let fields =
        json!({"passwordSecretRef": {"name": "cache-password"}, "connectionSecret": {"name": "cache-conn"}});
    site.api.apply(DATABASES, with("cache", &fields));
    site.start();
    site.settle().await;
    site.assert_ready(DATABASES, "cache");

    site.set_secret("cache-password", &[("password", "canary-second")]);
    site.api.edit(DATABASES, "cache", |object| {
        object["metadata"]["annotations"] = json!({"regent.dev/reconcile-requested-at": "now"});
    });
    site.settle().await;
    site.assert_ready(DATABASES, "cache");
    let calls: Vec<(String, u16)> = {
        let world = site.machines.world();
        let of_passwords = world
            .log()
            .iter()
            .filter(|entry| entry.path.ends_with("/passwords"));
        of_passwords
            .map(|entry| (entry.method.clone(), entry.status))
            .collect()
    };
    // On the other side there is no overlap, and the object does not show what the calls for passwords set.
    let added = if other_side() { 406 } else { 200 };
    assert_eq!(calls, [("POST".to_owned(), added), ("PUT".to_owned(), 200)]);
    if !other_side() {
        assert_eq!(site.bdb("cache")["authentication_redis_pass"], "canary-second");
    }
    assert_eq!(
        site.secret("cache-conn", "password").as_deref(),
        Some("canary-second")
    );
    let told = format!(
        "{:?} {:?}",
        site.api.events(),
        site.api.object(DATABASES, "cache")
    );
    assert!(!told.contains("canary"), "a password is in sight: {told}");
    site.assert_silent().await;
}

#[tokio::test(start_paused = true)]
async fn a_vanished_database_is_reported_and_never_made_again() {
    let site = site_with(database("cache")).await;
    let path = format!("/v1/bdbs/{}", site.bdb("cache")["uid"]);
    site.meddle("DELETE", &path, &Value::Null);
    site.settle().await;
    assert_eq!(
        site.condition(DATABASES, "cache", "Stalled"),
        ("True".into(), "Missing".into())
    );
    assert_eq!(site.effective("POST", "/v1/bdbs"), 1);
    site.assert_silent().await;
}

#[tokio::test(start_paused = true)]
async fn protection_is_lowered_only_where_the_spec_allows_it() {
    let site = site_with(with("cache", &json!({"replication": true}))).await;
    edit(&site, "cache", |spec| spec["replication"] = json!(false));
    site.settle().await;
    assert_eq!(site.bdb("cache")["replication"], true);
    assert_eq!(
        site.condition(DATABASES, "cache", "Stalled"),
        ("True".into(), "DowngradeNotAllowed".into())
    );

    edit(&site, "cache", |spec| {
        spec["allowDowngrades"] = json!(["Replication"])
    });
    site.settle().await;
    assert_eq!(site.bdb("cache")["replication"], false);
    site.assert_ready(DATABASES, "cache");
    site.assert_silent().await;
}

#[tokio::test(start_paused = true)]
async fn a_plan_that_is_only_asked_for_is_told_and_not_carried_out() {
    let site = Site::settled(
        3,
        &[(DATABASES, with("cache", &json!({"managementPolicy": "Plan"})))],
    )
    .await;
    assert_eq!(site.bdbs(), Vec::<Value>::new());
    let plan = site.api.object(DATABASES, "cache").unwrap()["status"]["plan"].clone();
    assert!(plan.to_string().contains("create database"), "{plan}");
    site.assert_ready("redisclusters", CLUSTER);
    site.assert_silent().await;
}
